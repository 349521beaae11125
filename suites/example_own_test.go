package suites_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// flooder is reliable multicast over a UDP socket of its own: everybody sends on what it hears for the first time, to
// everybody, again and again until that one has it.
type flooder struct {
	h     suites.Host
	mute  bool // the planted bug: nobody sends on
	conn  net.PacketConn
	ended chan struct{}
	wait  sync.WaitGroup

	mu   sync.Mutex
	next uint32
	seen map[[3]uint32]bool
	acks map[string]chan struct{} // of a message at a member
}

func startFlooder(mute bool) suites.StartOwn {
	return func(h suites.Host) (suites.Running, error) {
		conn, err := net.ListenPacket("udp4", h.Listen)
		if err != nil {
			return nil, err
		}
		f := &flooder{h: h, mute: mute, conn: conn, ended: make(chan struct{}), seen: map[[3]uint32]bool{}, acks: map[string]chan struct{}{}}
		f.wait.Go(f.read)
		return f, nil
	}
}

const flooderHeader = 13 // 0 or, of an acknowledgement, 1; sender, its lives, number

func (f *flooder) Multicast(body []byte) error {
	f.mu.Lock()
	f.next++
	id := [3]uint32{uint32(f.h.Self), uint32(f.h.Incarnation), f.next}
	f.mu.Unlock()
	packet := []byte{0}
	for _, x := range id {
		packet = binary.BigEndian.AppendUint32(packet, x)
	}
	f.take(id, append(packet, body...), true)
	return nil
}

// take delivers what is new, after it has been sent on.
func (f *flooder) take(id [3]uint32, packet []byte, own bool) {
	f.mu.Lock()
	old := f.seen[id]
	f.seen[id] = true
	f.mu.Unlock()
	if old {
		return
	}
	for _, address := range f.h.Peers {
		if own || !f.mute {
			got := make(chan struct{})
			f.mu.Lock()
			f.acks[fmt.Sprint(id, address)] = got
			f.mu.Unlock()
			f.wait.Go(func() { f.repeat(packet, address, got) })
		}
	}
	f.h.Deliver(spec.NodeID(id[0]), packet[flooderHeader:])
}

func (f *flooder) repeat(packet []byte, address string, got chan struct{}) {
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return
	}
	for tick := time.NewTicker(30 * time.Millisecond); ; {
		f.conn.WriteTo(packet, to)
		select {
		case <-got:
			return
		case <-f.ended:
			return
		case <-tick.C:
		}
	}
}

func (f *flooder) read() {
	b := make([]byte, 1<<16)
	for {
		n, from, err := f.conn.ReadFrom(b)
		if err != nil {
			return
		}
		if n < flooderHeader {
			continue
		}
		var id [3]uint32
		for i := range id {
			id[i] = binary.BigEndian.Uint32(b[1+4*i:])
		}
		if b[0] == 0 {
			f.take(id, append([]byte(nil), b[:n]...), false)
			b[0] = 1
			f.conn.WriteTo(b[:flooderHeader], from)
			continue
		}
		f.mu.Lock()
		if k := fmt.Sprint(id, from); f.acks[k] != nil {
			close(f.acks[k])
			delete(f.acks, k)
		}
		f.mu.Unlock()
	}
}

func (f *flooder) Close() error {
	close(f.ended)
	f.conn.Close()
	f.wait.Wait()
	return nil
}

// A member that opens its own sockets is told where to listen and where the others are; between those addresses stands
// the harness. In a test this is suites.TestOwn(t, startFlooder(false), suites.Profile("reliable")).
func ExampleCheckOwn() {
	promise := suites.Profile("reliable").Under(spec.CrashFault, spec.LossFault, spec.PartitionFault, spec.DuplicateFault).Schedules(8)
	fmt.Println(suites.CheckOwn(context.Background(), startFlooder(false), promise))
	// Output: <nil>
}
