package suites

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Process is what a member that has goroutines of its own is given when it is started: who it is, and a network.
type Process struct {
	Self        spec.NodeID
	Members     []spec.NodeID // ascending; shared: never write to it
	Incarnation int           // lives before this one
	Seed        uint64        // for what it draws

	// Conn carries packets between processes: to the [Addr] of one, or to [Everyone], which sends one to each member, itself
	// among them. Packets are lost, delayed and doubled as the faults of a schedule have it.
	Conn net.PacketConn
	// Deliver hands a message to the application. It never blocks.
	Deliver func(from spec.NodeID, body []byte)
}

// Running is a member that has been started. A clock is the package time: in a schedule it is a virtual one.
type Running interface {
	// Multicast sends a message to the group. When it returns nil the message is acknowledged, whatever that promises;
	// with an error it is refused, and is never to be delivered. It may block as long as it takes.
	Multicast(body []byte) error
	// Close ends the life of the process: every goroutine of it has to end. What it does from then on nobody sees.
	Close() error
}

// Start starts a member. It is called again for a process that comes back after a crash, of which nothing is left.
type Start = func(Process) (Running, error)

// Addr is the address of a process.
type Addr spec.NodeID

// Everyone is the address of the group.
const Everyone Addr = Addr(impl.Everyone)

// Network is always "conform".
func (Addr) Network() string { return "conform" }

// String gives the number of the process.
func (a Addr) String() string {
	if a == Everyone {
		return "everyone"
	}
	return strconv.Itoa(int(a))
}

// TestRunning is [Test] for a member with goroutines of its own. Schedules are played in a bubble of testing/synctest,
// in virtual time; since the runtime chooses the order in which goroutines run, a story need not come out the same
// when it is played again: there is no exact replay.
func TestRunning(t *testing.T, start Start, p Promise) {
	t.Helper()
	var found []*Violation
	var err error
	synctest.Test(t, func(t *testing.T) { found, err = TryRunning(t.Context(), start, p) })
	if err != nil {
		t.Fatal(err)
	}
	p.report(t, found)
}

// FuzzRunning is [Fuzz] for a member with goroutines of its own.
func FuzzRunning(f *testing.F, start Start, p Promise) {
	f.Helper()
	p.fuzz(f, func(t *testing.T, play func(*bench) error) {
		var err error
		synctest.Test(t, func(*testing.T) {
			g := &goroutines{start: start}
			b := p.bench(g.member)
			b.after = g.end
			err = play(b)
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TryRunning is [Try] for a member with goroutines of its own. The caller is in a bubble of testing/synctest.
func TryRunning(ctx context.Context, start Start, p Promise) ([]*Violation, error) {
	if start == nil {
		return nil, errors.New("no member to try: start is nil")
	}
	g := &goroutines{start: start}
	return p.tryWith(ctx, g.member, g.end)
}

// goroutines is the harness of members with goroutines: it keeps the clock of the bubble with the world's.
type goroutines struct {
	start  Start
	began  time.Time // when the world's clock was 0; zero: no schedule is being played
	layers []*runningLayer
	err    error
}

// member makes the layer of a process.
func (g *goroutines) member(cfg impl.Config) impl.Layer {
	l := &runningLayer{g: g, cfg: cfg}
	g.layers = append(g.layers, l)
	return l
}

// end closes what is left of a schedule.
func (g *goroutines) end() error {
	for _, l := range g.layers {
		l.stop()
	}
	g.layers, g.began = g.layers[:0], time.Time{}
	synctest.Wait()
	err := g.err
	g.err = nil
	return err
}

// until lets the goroutines of all members run until the world's clock says now.
func (g *goroutines) until(now spec.Time) {
	if g.began.IsZero() {
		g.began = time.Now().Add(-time.Duration(now))
	}
	if d := time.Duration(now) - time.Since(g.began); d > 0 {
		time.Sleep(d)
	}
}

// lookEvery is how often the world looks what a member has done on its own.
const lookEvery = spec.Time(time.Millisecond)

// runningLayer is one process. What its goroutines do is written down in the order in which they did it, and becomes
// the effects of the next step.
type runningLayer struct {
	g    *goroutines
	cfg  impl.Config
	life int
	conn *packetConn
	m    Running

	mu   sync.Mutex
	done []impl.Effect
}

// Step implements [impl.Layer].
func (l *runningLayer) Step(in impl.Input, out *impl.Effects) {
	l.g.until(in.Now)
	switch in.Kind {
	case impl.Start:
		l.stop()
		l.life = int(in.Num)
	case impl.Ready:
		l.begin()
		out.SetTimer(0, in.Now+lookEvery)
	case impl.TimerFired:
		out.SetTimer(0, in.Now+lookEvery)
	case impl.Packet:
		l.conn.push(in.From, in.Body)
	case impl.Send:
		l.send(in, out)
	case impl.Join, impl.Leave, impl.Barrier, impl.Query:
		out.Refuse(in.Ref, impl.NotMember)
	}
	synctest.Wait()
	l.flush(out)
}

// begin starts a life.
func (l *runningLayer) begin() {
	conn := &packetConn{layer: l, closed: make(chan struct{}), wake: make(chan struct{}, 1)}
	l.conn = conn
	seed := spec.NewRand(l.cfg.Seed, uint64(l.cfg.Self), uint64(l.life))
	p := Process{Self: l.cfg.Self, Members: l.cfg.Members, Incarnation: l.life, Conn: conn, Seed: seed.Uint64(),
		Deliver: func(from spec.NodeID, body []byte) {
			conn.did(impl.Effect{Kind: impl.Up, From: from, To: impl.Everyone, Body: append([]byte(nil), body...)})
		}}
	m, err := l.g.start(p)
	if err == nil && m == nil {
		err = errors.New("start gave no member")
	}
	if err != nil {
		l.g.err = err
		return
	}
	l.m = m
}

// stop ends a life: nothing that it does from now on counts.
func (l *runningLayer) stop() {
	if l.conn == nil {
		return
	}
	_ = l.conn.Close()
	if l.m != nil {
		_ = l.m.Close()
	}
	l.mu.Lock()
	l.conn, l.m, l.done = nil, nil, nil
	l.mu.Unlock()
}

// send hands a message to the member, which may block on it.
func (l *runningLayer) send(in impl.Input, out *impl.Effects) {
	if in.To != impl.Everyone || l.m == nil {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	body, conn, m := append([]byte(nil), in.Body...), l.conn, l.m
	go func() {
		switch err := m.Multicast(body); {
		case errors.Is(err, net.ErrClosed): // nobody knows what became of it
		case err != nil:
			conn.did(impl.Effect{Kind: impl.Refuse, Ref: in.Ref, Code: impl.NotMember})
		case in.Ref != 0:
			conn.did(impl.Effect{Kind: impl.Acknowledge, Ref: in.Ref})
		}
	}()
}

func (l *runningLayer) flush(out *impl.Effects) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.done {
		out.Add(l.done[i])
	}
	l.done = l.done[:0]
}

// packetConn is the network of one life of a process.
type packetConn struct {
	layer  *runningLayer
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	inbox    []arrived
	deadline time.Time
	wake     chan struct{} // something has come, or the deadline is another one
}

type arrived struct {
	from spec.NodeID
	body []byte
}

// did writes down what the process does, as long as it lives.
func (c *packetConn) did(e impl.Effect) {
	l := c.layer
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == c {
		l.done = append(l.done, e)
	}
}

func (c *packetConn) push(from spec.NodeID, body []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.inbox = append(c.inbox, arrived{from, append([]byte(nil), body...)})
	c.mu.Unlock()
	c.stir()
}

func (c *packetConn) stir() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ReadFrom implements [net.PacketConn]. One goroutine may read.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		c.mu.Lock()
		deadline := c.deadline
		if len(c.inbox) > 0 {
			p := c.inbox[0]
			c.inbox = c.inbox[1:]
			c.mu.Unlock()
			return copy(b, p.body), Addr(p.from), nil
		}
		c.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			d := time.Until(deadline)
			if d <= 0 {
				return 0, nil, os.ErrDeadlineExceeded
			}
			late = time.After(d)
		}
		select {
		case <-c.closed:
			return 0, nil, net.ErrClosed
		case <-late:
		case <-c.wake:
		}
	}
}

// WriteTo implements [net.PacketConn].
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	a, ok := to.(Addr)
	if !ok || a != Everyone && (a < 0 || int(a) >= c.layer.cfg.Nodes) {
		return 0, &net.AddrError{Err: "no process of this group", Addr: to.String()}
	}
	body := append([]byte(nil), b...)
	if a != Everyone {
		c.did(impl.Effect{Kind: impl.Down, To: spec.NodeID(a), Body: body})
		return len(b), nil
	}
	for _, m := range c.layer.cfg.Members {
		c.did(impl.Effect{Kind: impl.Down, To: m, Body: body})
	}
	return len(b), nil
}

// Close implements [net.PacketConn].
func (c *packetConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// LocalAddr implements [net.PacketConn].
func (c *packetConn) LocalAddr() net.Addr { return Addr(c.layer.cfg.Self) }

// SetDeadline implements [net.PacketConn]: writes never block.
func (c *packetConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements [net.PacketConn].
func (c *packetConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	c.stir()
	return nil
}

// SetWriteDeadline implements [net.PacketConn]: writes never block.
func (c *packetConn) SetWriteDeadline(time.Time) error { return nil }
