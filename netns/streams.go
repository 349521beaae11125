package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// streams are the links of a node over the kernel's TCP (RFC 9293): the seam of transport.Stream. To each peer there is
// up to one connection that this node opens and writes to, and from each one that it reads. A connection is lost when
// the kernel has had no acknowledgement for the patience (RFC 5482), or when it takes as long to be opened. What is to go
// beside them goes in datagrams, between the same ports (transport.Beside).
type streams struct {
	self     spec.NodeID
	group    spec.GroupID
	peers    []netip.AddrPort
	patience time.Duration
	listener *net.TCPListener
	beside   *links
	tell     chan impl.Input
	quit     context.Context
	stop     context.CancelFunc
	all      sync.WaitGroup

	mu   sync.Mutex
	last uint64 // number of the last connection, in either direction
	to   []*writing
	from []*reading
}

// writing is a connection to a peer, or the attempt at one.
type writing struct {
	number uint64
	open   bool // the node knows of it
	conn   *net.TCPConn
	chunks chan []byte
	once   sync.Once
}

// reading is a connection from a peer.
type reading struct {
	number uint64
	conn   *net.TCPConn
	over   chan struct{} // nothing more of it will be told
}

// unwritten is how many chunks wait for a connection that does not take them, until it is given up.
const unwritten = 1 << 12

func listenStreams(cfg *impl.Config, peers []netip.AddrPort) (*streams, error) {
	s := &streams{self: cfg.Self, group: cfg.Group, peers: peers, patience: 2 * cfg.TS, tell: make(chan impl.Input, backlog),
		to: make([]*writing, len(peers)), from: make([]*reading, len(peers))}
	s.quit, s.stop = context.WithCancel(context.Background())
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // the life before has left connections behind
	}}
	l, err := lc.Listen(s.quit, "tcp4", peers[cfg.Self].String())
	if err != nil {
		return nil, fmt.Errorf("netns: the socket of node %d: %w", cfg.Self, err)
	}
	s.listener = l.(*net.TCPListener)
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(peers[cfg.Self]))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("netns: the datagrams of node %d: %w", cfg.Self, err), s.listener.Close())
	}
	s.beside = newLinks(c, cfg, peers)
	s.all.Go(s.accept) // before anybody may close them
	return s, nil
}

func control(raw syscall.RawConn, level, name, value int) (err error) {
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, value) }); e != nil {
		return e
	}
	return err
}

// Taken is called when the node is about to take in a packet: from the moment on at which it knows of a connection its
// bytes are written to it. What it wrote to the one before, and thinks lost, must not come first.
func (s *streams) Taken(in *impl.Input) {
	if !in.Flag {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.to[in.From]; w != nil && w.number == in.Num {
		w.open = true
	}
}

// Send implements [Link]: bytes to the connection to a peer; no bytes only open one; a number without any refuses a
// connection from it, and one with them is beside all connections.
func (s *streams) Send(e *impl.Effect) {
	if e.To < 0 || int(e.To) >= len(s.peers) {
		return
	}
	if len(e.Body) > 0 && e.Num != 0 {
		s.beside.Send(e)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(e.Body) == 0 && e.Num != 0 {
		if r := s.from[e.To]; r != nil && r.number == e.Num {
			_ = r.conn.SetLinger(0) // a reset: the peer opens a new one
			_ = r.conn.Close()
		}
		return
	}
	w := s.to[e.To]
	if w == nil {
		s.connect(e.To)
		return
	}
	if !w.open || len(e.Body) == 0 {
		return // what is written to a connection that is not open is dropped
	}
	select {
	case w.chunks <- append([]byte(nil), e.Body...):
	default:
		s.lose(e.To, w)
	}
}

// connect opens a connection to a peer. The caller holds the lock.
func (s *streams) connect(to spec.NodeID) {
	s.last++
	w := &writing{number: s.last, chunks: make(chan []byte, unwritten)}
	s.to[to] = w
	s.all.Go(func() {
		if s.dial(to, w) {
			s.write(to, w)
		}
	})
}

// dial tells the node when the connection is open.
func (s *streams) dial(to spec.NodeID, w *writing) bool {
	d := net.Dialer{Timeout: s.patience, LocalAddr: &net.TCPAddr{IP: s.peers[s.self].Addr().AsSlice()}, KeepAlive: -1}
	c, err := d.DialContext(s.quit, "tcp4", s.peers[to].String())
	if err != nil {
		select { // refused: nobody is there yet
		case <-time.After(s.patience / 4):
		case <-s.quit.Done():
		}
		s.mu.Lock()
		s.lose(to, w)
		s.mu.Unlock()
		return false
	}
	conn := c.(*net.TCPConn)
	if raw, err := conn.SyscallConn(); err == nil {
		_ = control(raw, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(s.patience/time.Millisecond))
	}
	s.mu.Lock()
	w.conn = conn
	mine := s.to[to] == w
	s.mu.Unlock()
	if !mine {
		_ = conn.Close()
		return false
	}
	s.put(impl.Input{Kind: impl.Packet, Group: s.group, From: to, To: s.self, Num: w.number, Flag: true})
	s.all.Go(func() { // nothing is ever read from it but its end
		var b [1]byte
		_, _ = conn.Read(b[:])
		s.mu.Lock()
		s.lose(to, w)
		s.mu.Unlock()
	})
	return true
}

func (s *streams) write(to spec.NodeID, w *writing) {
	for {
		select {
		case b, ok := <-w.chunks:
			if !ok {
				return
			}
			if _, err := w.conn.Write(b); err != nil {
				s.mu.Lock()
				s.lose(to, w)
				s.mu.Unlock()
				return
			}
		case <-s.quit.Done():
			return
		}
	}
}

// lose gives a connection to a peer up. The next packet opens one. The caller holds the lock.
func (s *streams) lose(to spec.NodeID, w *writing) {
	if s.to[to] == w {
		s.to[to] = nil
	}
	w.once.Do(func() {
		w.open = false
		close(w.chunks)
		if w.conn != nil {
			_ = w.conn.Close()
		}
	})
}

// put hands the node what has happened; false where it wants no more.
func (s *streams) put(in impl.Input) bool {
	select {
	case s.tell <- in:
		return true
	case <-s.quit.Done():
		return false
	}
}

// Call implements [Link]: there are no groups.
func (s *streams) Call(*impl.Effect) (in impl.Input, wanted bool) { return in, false }

// Receive implements [Link].
func (s *streams) Receive(take func(impl.Input) bool) {
	var datagrams sync.WaitGroup
	datagrams.Go(func() { s.beside.Receive(take) })
	defer datagrams.Wait()
	for {
		select {
		case in := <-s.tell:
			if !take(in) {
				return
			}
		case <-s.quit.Done():
			return
		}
	}
}

// accept takes connections from peers. A new one ends the one before, of which nothing is told any more.
func (s *streams) accept() {
	for {
		c, err := s.listener.AcceptTCP()
		if err != nil {
			return
		}
		from := s.peerAt(c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap())
		if from < 0 {
			_ = c.Close()
			continue
		}
		s.mu.Lock()
		former := s.from[from]
		s.last++
		r := &reading{number: s.last, conn: c, over: make(chan struct{})}
		s.from[from] = r
		s.mu.Unlock()
		s.all.Go(func() {
			defer close(r.over)
			if former != nil {
				_ = former.conn.Close()
				<-former.over
			}
			s.read(from, r)
		})
	}
}

func (s *streams) peerAt(a netip.Addr) spec.NodeID {
	for n, p := range s.peers {
		if p.Addr() == a && spec.NodeID(n) != s.self {
			return spec.NodeID(n)
		}
	}
	return -1
}

// read tells what comes on a connection, cut anywhere.
func (s *streams) read(from spec.NodeID, r *reading) {
	defer r.conn.Close()
	if !s.put(impl.Input{Kind: impl.Packet, Group: s.group, From: from, To: s.self, Num: r.number}) {
		return
	}
	buf := make([]byte, 1<<16)
	for {
		n, err := r.conn.Read(buf)
		if n > 0 && !s.put(impl.Input{Kind: impl.Packet, Group: s.group, From: from, To: s.self, Num: r.number, Body: append([]byte(nil), buf[:n]...)}) {
			return
		}
		if err != nil {
			return
		}
	}
}

// Close implements [Link].
func (s *streams) Close() error {
	s.stop()
	err := errors.Join(s.listener.Close(), s.beside.Close())
	s.mu.Lock()
	for to, w := range s.to {
		if w != nil {
			s.lose(spec.NodeID(to), w)
		}
	}
	for _, r := range s.from {
		if r != nil {
			_ = r.conn.Close()
		}
	}
	s.mu.Unlock()
	s.all.Wait()
	return err
}
