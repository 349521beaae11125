package adapter

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// relays stand between the processes of a run that use sockets of their own: node n is told, as the address of node m, that
// of a socket of the harness, which hands on to m what comes there. It leaves by the socket that m knows as the address of n,
// so that an answer to where a datagram came from goes the same way back. A program that tells others its own address goes
// past them: then faults strike fewer packets than they say, and none that they don't.
//
// Datagrams (UDP) are lost, doubled, changed, delayed. A stream (TCP) is delayed, and stands still where a link is cut:
// what loses packets below it is the kernel's to repair.
type relays struct {
	real  []netip.AddrPort
	links [][]*link // [from][to]; nil from a node to itself
	wait  sync.WaitGroup
	done  chan struct{}

	control *net.UDPConn  // what comes from here says that a link has taken in all before it
	drained chan struct{} // and a link that it has

	mu      sync.Mutex
	closed  bool
	rand    spec.Rand
	strikes []strike
	down    []bool   // nodes of which nothing is taken any more, and to which nothing goes
	lives   []uint32 // of each node, whose crashes lost what was under way
	conns   map[net.Conn]spec.NodeID

	watches []watch
	struck  chan int // steps whose moment has come
}

// link is the way of what one node sends to another.
type link struct {
	from, to spec.NodeID
	udp      *net.UDPConn // what from knows as the address of to
	tcp      *net.TCPListener
	queue    chan datagram
}

// datagram is one under way.
type datagram struct {
	body []byte
	due  time.Time
	life uint32 // of its sender
}

// Limits of a link: a network has some, too.
const (
	linkQueue   = 1 << 12
	maxDatagram = 1 << 16
)

// newRelays opens the sockets between nodes of which the addresses are known.
func newRelays(real []string, s *faults.Scenario) (*relays, error) {
	r := &relays{rand: spec.NewRand(s.Seed, relayStream), down: make([]bool, len(real)), done: make(chan struct{}),
		drained: make(chan struct{}, len(real)), conns: map[net.Conn]spec.NodeID{}, lives: make([]uint32, len(real)), struck: make(chan int, len(s.Steps))}
	var err error
	if r.control, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		return nil, err
	}
	for _, a := range real {
		p, err := netip.ParseAddrPort(a)
		if err != nil {
			return nil, err
		}
		r.real = append(r.real, p)
	}
	for n := range real {
		r.links = append(r.links, make([]*link, len(real)))
		for m := range real {
			if m == n {
				continue
			}
			u, t, err := both()
			if err != nil {
				r.close()
				return nil, err
			}
			r.links[n][m] = &link{from: spec.NodeID(n), to: spec.NodeID(m), udp: u, tcp: t, queue: make(chan datagram, linkQueue)}
		}
	}
	for _, row := range r.links {
		for _, l := range row {
			if l != nil {
				r.wait.Go(func() { r.receive(l) })
				r.wait.Go(func() { r.forward(l) })
				r.wait.Go(func() { r.accept(l) })
			}
		}
	}
	return r, nil
}

const relayStream = 0x4e1a

// both opens a port of loopback for UDP and for TCP.
func both() (*net.UDPConn, *net.TCPListener, error) {
	var last error
	for range 32 {
		t, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, nil, err
		}
		u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: t.Addr().(*net.TCPAddr).Port})
		if err == nil {
			return u, t, nil
		}
		t.Close()
		last = err
	}
	return nil, nil, fmt.Errorf("no port is free for both UDP and TCP: %w", last)
}

// address is where a node is told that another one is.
func (r *relays) address(from, to spec.NodeID) string {
	if from == to {
		return r.real[to].String()
	}
	return r.links[from][to].udp.LocalAddr().String()
}

// receive takes in the datagrams of a link.
func (r *relays) receive(l *link) {
	b := make([]byte, maxDatagram)
	for {
		n, from, err := l.udp.ReadFromUDPAddrPort(b)
		switch {
		case err != nil:
			return // it is closed: a socket that is bound to nobody hears of no other error
		case from == r.control.LocalAddr().(*net.UDPAddr).AddrPort():
			r.drained <- struct{}{}
			continue
		}
		r.launch(l, append([]byte(nil), b[:n]...))
	}
}

// launch sends a datagram on its way, as the faults have it.
func (r *relays) launch(l *link, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.happens(l.from, faults.OnSend)
	f := r.fate(l.from, l.to, body)
	now, life := time.Now(), r.lives[l.from]
	for range f.copies {
		if f.late > 0 { // others overtake it
			time.AfterFunc(f.extra+f.late, func() { r.send(l, datagram{body: f.body, life: life}) })
			continue
		}
		select {
		case l.queue <- datagram{f.body, now.Add(f.extra), life}:
		default: // no room
		}
	}
}

// forward hands datagrams on in their order.
func (r *relays) forward(l *link) {
	for {
		select {
		case <-r.done:
			return
		case d := <-l.queue:
			if w := time.Until(d.due); w > 0 {
				select {
				case <-r.done:
					return
				case <-time.After(w):
				}
			}
			r.send(l, d)
		}
	}
}

// send hands a datagram to where it goes, unless it was lost with its sender.
func (r *relays) send(l *link, d datagram) {
	r.mu.Lock()
	if !r.closed && d.life == r.lives[l.from] {
		r.happens(l.to, faults.OnReceive)
	}
	lost := r.closed || d.life != r.lives[l.from] || r.down[l.to]
	r.mu.Unlock()
	if !lost {
		_, _ = r.links[l.to][l.from].udp.WriteToUDPAddrPort(d.body, r.real[l.to])
	}
}

// close ends all relays, and waits for them.
func (r *relays) close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	close(r.done)
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.control.Close()
	for _, row := range r.links {
		for _, l := range row {
			if l != nil {
				l.udp.Close()
				l.tcp.Close()
			}
		}
	}
	r.wait.Wait()
}
