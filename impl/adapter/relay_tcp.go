package adapter

import (
	"net"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// accept takes the streams of a link, and opens one to the other end for each.
func (r *relays) accept(l *link) {
	for {
		c, err := l.tcp.AcceptTCP()
		if err != nil {
			return // it is closed
		}
		r.wait.Go(func() { r.splice(l, c) })
	}
}

// splice joins a stream of a node with one to another node, until either ends.
func (r *relays) splice(l *link, near *net.TCPConn) {
	defer near.Close()
	if !r.keep(near, l.from) {
		return
	}
	defer r.forget(near)
	far, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(r.real[l.to]))
	if err != nil {
		_ = near.SetLinger(0)
		return
	}
	defer far.Close()
	if !r.keep(far, l.to) {
		return
	}
	defer r.forget(far)
	over := make(chan struct{}, 2)
	r.wait.Go(func() { r.pump(l.from, l.to, near, far); over <- struct{}{} })
	r.wait.Go(func() { r.pump(l.to, l.from, far, near); over <- struct{}{} })
	<-over
	near.Close() // and so the other pump ends
	far.Close()
	<-over
}

// keep notes a connection of a node, to break it when the node crashes; false where it is down.
func (r *relays) keep(c net.Conn, of spec.NodeID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.down[of] {
		return false
	}
	r.conns[c] = of
	return true
}

func (r *relays) forget(c net.Conn) {
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
}

// pump hands on the bytes of one direction.
func (r *relays) pump(from, to spec.NodeID, in, out *net.TCPConn) {
	b := make([]byte, 32<<10)
	for {
		n, err := in.Read(b)
		if n > 0 {
			if !r.clear(from, to) {
				return
			}
			if _, err := out.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// clear waits as long as a link is slow or cut; false where the relays are closed.
func (r *relays) clear(from, to spec.NodeID) bool {
	r.mu.Lock()
	var extra time.Duration
	for i := range r.strikes {
		if a := &r.strikes[i]; a.Op == faults.Delay && a.Node == from && (a.Peer < 0 || a.Peer == to) {
			extra += a.By
		}
	}
	r.mu.Unlock()
	for {
		select {
		case <-r.done:
			return false
		case <-time.After(extra):
		}
		r.mu.Lock()
		stuck := r.cut(from, to)
		r.mu.Unlock()
		if !stuck {
			return true
		}
		extra = 5 * time.Millisecond
	}
}
