package suites_test

import (
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// relay is reliable multicast the way one writes it with goroutines: everybody sends on what it hears for the first
// time, to everybody, again and again until that one has it.
type relay struct {
	p     suites.Process
	mute  bool // the planted bug: nobody sends on
	ended chan struct{}
	wait  sync.WaitGroup

	mu   sync.Mutex
	next uint32
	seen map[[3]uint32]bool
	acks map[[4]uint32]chan struct{} // a message at a process
}

func startRelay(mute bool) suites.Start {
	return func(p suites.Process) (suites.Running, error) {
		r := &relay{p: p, mute: mute, ended: make(chan struct{}), seen: map[[3]uint32]bool{}, acks: map[[4]uint32]chan struct{}{}}
		r.wait.Go(r.read)
		return r, nil
	}
}

const relayHeader = 13

func (r *relay) Multicast(body []byte) error {
	r.mu.Lock()
	r.next++
	id := [3]uint32{uint32(r.p.Self), uint32(r.p.Incarnation), r.next}
	r.mu.Unlock()
	r.take(id, body, true)
	return nil
}

// take delivers what is new, after it has been sent on.
func (r *relay) take(id [3]uint32, body []byte, own bool) {
	r.mu.Lock()
	old := r.seen[id]
	r.seen[id] = true
	r.mu.Unlock()
	if old {
		return
	}
	if own || !r.mute {
		packet := []byte{0}
		for _, x := range id {
			packet = binary.BigEndian.AppendUint32(packet, x)
		}
		packet = append(packet, body...)
		for _, m := range r.p.Members {
			if m == r.p.Self {
				continue
			}
			got := make(chan struct{})
			r.mu.Lock()
			r.acks[[4]uint32{id[0], id[1], id[2], uint32(m)}] = got
			r.mu.Unlock()
			r.p.Conn.WriteTo(packet, suites.Addr(m))
			r.wait.Go(func() { r.repeat(packet, m, got) })
		}
	}
	r.p.Deliver(spec.NodeID(id[0]), body)
}

func (r *relay) repeat(packet []byte, to spec.NodeID, got chan struct{}) {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-got:
			return
		case <-r.ended:
			return
		case <-tick.C:
			r.p.Conn.WriteTo(packet, suites.Addr(to))
		}
	}
}

func (r *relay) read() {
	b := make([]byte, 1<<16)
	for {
		n, from, err := r.p.Conn.ReadFrom(b)
		if err != nil {
			return
		}
		if n < relayHeader {
			continue
		}
		var id [3]uint32
		for i := range id {
			id[i] = binary.BigEndian.Uint32(b[1+4*i:])
		}
		if b[0] == 1 {
			r.mu.Lock()
			k := [4]uint32{id[0], id[1], id[2], uint32(from.(suites.Addr))}
			if got := r.acks[k]; got != nil {
				close(got)
				delete(r.acks, k)
			}
			r.mu.Unlock()
			continue
		}
		r.take(id, append([]byte(nil), b[relayHeader:n]...), false)
		b[0] = 1
		r.p.Conn.WriteTo(b[:relayHeader], from)
	}
}

func (r *relay) Close() error {
	close(r.ended)
	r.p.Conn.Close()
	r.wait.Wait()
	return nil
}

// promised is what relay keeps: it trusts the network not to change bytes, and forgets everything in a crash.
func promised() suites.Promise { return suites.Profile("reliable").Schedules(60).Seed(3) }

func TestRunningMember(t *testing.T) { suites.TestRunning(t, startRelay(false), promised()) }

func FuzzRunningMember(f *testing.F) { suites.FuzzRunning(f, startRelay(false), promised()) }

// A planted bug is found, with a story.
func TestRunningMemberWithABug(t *testing.T) {
	var broken []spec.ID
	schedules := 200
	if testing.Short() {
		schedules = 60
	}
	synctest.Test(t, func(t *testing.T) {
		found, err := suites.TryRunning(t.Context(), startRelay(true), promised().Schedules(schedules))
		if err != nil {
			t.Error(err)
		}
		for _, v := range found {
			if v.Verdict == spec.Fail {
				broken = append(broken, v.ID)
			}
		}
	})
	if len(broken) != 1 || broken[0] != "AGREEMENT" {
		t.Errorf("without sending on: %v is broken, want AGREEMENT", broken)
	}
}
