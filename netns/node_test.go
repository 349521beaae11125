package netns

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// town is a few nodes in this process.
type town struct {
	t     testing.TB
	dir   string
	room  map[spec.NodeID]int // of their disks; 0: no limit
	stack func(impl.Config) impl.Layer
	peers []netip.AddrPort
	nodes []*Node
	disks []*Disk
	epoch spec.Time

	mu     sync.Mutex
	h      spec.History
	counts map[spec.Kind]int
	only   spec.Kind       // all that is told, if any
	came   chan spec.Event // is told of everything, as long as there is room
}

func newTown(t testing.TB, nodes int, stack func(impl.Config) impl.Layer) *town {
	w := &town{t: t, dir: t.TempDir(), stack: stack, room: map[spec.NodeID]int{}, peers: make([]netip.AddrPort, nodes), nodes: make([]*Node, nodes),
		disks: make([]*Disk, nodes), epoch: Now(), counts: map[spec.Kind]int{}, came: make(chan spec.Event, 1<<16)}
	h := Host{Nodes: []string{"0", "1", "2", "3"}[:nodes], Group: "g"}
	w.h.Header = h.header()
	for n := range nodes {
		w.start(spec.NodeID(n))
	}
	t.Cleanup(func() {
		for n := range nodes {
			w.stop(spec.NodeID(n))
		}
	})
	return w
}

// socket gives the socket of a node, always at the same address.
func (w *town) socket(n spec.NodeID) *net.UDPConn {
	w.t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), w.peers[n].Port())
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		w.t.Fatal(err)
	}
	w.peers[n] = c.LocalAddr().(*net.UDPAddr).AddrPort()
	return c
}

func (w *town) start(n spec.NodeID) {
	w.t.Helper()
	if !w.peers[n].IsValid() { // all have addresses before the first one starts
		for k := range w.peers {
			if err := w.socket(spec.NodeID(k)).Close(); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	var err error
	if w.disks[n], err = openDisk(filepath.Join(w.dir, fmt.Sprint(n)), w.room[n]); err != nil {
		w.t.Fatal(err)
	}
	w.nodes[n], err = Start(Config{
		Config: impl.Config{Self: n, Nodes: len(w.peers), Members: w.h.Groups[0].Members, TS: 30 * time.Millisecond, TL: time.Second},
		New:    w.stack, Socket: w.socket(n), Peers: slices.Clone(w.peers), Disk: w.disks[n], Epoch: w.epoch, Observe: w.observe,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// stop ends a node.
func (w *town) stop(n spec.NodeID) {
	w.t.Helper()
	if w.nodes[n] == nil {
		return
	}
	if err := errors.Join(w.nodes[n].Close(), w.disks[n].Close()); err != nil {
		w.t.Error(err)
	}
	w.nodes[n] = nil
}

// crash ends a node, and writes down that it crashed: to it, it is the same.
func (w *town) crash(n spec.NodeID) {
	w.stop(n)
	w.observe(spec.Event{T: Now() - w.epoch, Kind: spec.Crash, Node: n, Has: spec.HasNode}, nil)
}

// observe writes the history: what is told first stands first, for who is told waits until it is written.
func (w *town) observe(e spec.Event, x *spec.Extra) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.only != spec.KindNone {
		if e.Kind == w.only {
			w.came <- e
		}
		return
	}
	w.counts[e.Kind]++
	if x != nil {
		w.h.AddExtra(e, *x)
	} else {
		w.h.Add(e)
	}
	select {
	case w.came <- e:
	default:
	}
}

// await waits for so many events of a kind, in all.
func (w *town) await(kind spec.Kind, n int) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if w.count(kind) >= n {
			return
		}
	}
	w.t.Fatalf("no %d events of kind %v", n, kind)
}

func (w *town) count(kind spec.Kind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[kind]
}

func (w *town) send(n spec.NodeID, to spec.NodeID, body string) spec.MsgID {
	w.t.Helper()
	id, err := w.nodes[n].Send(to, []byte(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// script is a layer that does what a function says, and writes down what it is told.
type script struct {
	mu    sync.Mutex
	seen  []string
	act   func(in impl.Input, out *impl.Effects)
	ended chan bool
}

func (s *script) Step(in impl.Input, out *impl.Effects) {
	s.mu.Lock()
	s.seen = append(s.seen, fmt.Sprintf("%v %d %d<%d %q", in.Kind, uint64(in.Ref)+in.Num, in.To, in.From, in.Body))
	s.mu.Unlock()
	if s.act != nil {
		s.act(in, out)
	}
}

// What goes to oneself comes after the step, in order, and upward effects that follow a packet down are not overtaken.
func TestTheOwnCopyComesLater(t *testing.T) {
	s := &script{ended: make(chan bool, 1)}
	s.act = func(in impl.Input, out *impl.Effects) {
		switch {
		case in.Kind == impl.Ready:
			for _, b := range []string{"a", "b", "c"} {
				out.Down(0, []byte(b), 0)
			}
			out.SetTimer(1, in.Now)
		case in.Kind == impl.Packet && string(in.Body) == "a":
			out.Down(0, []byte("d"), 0)
		case in.Kind == impl.Packet && string(in.Body) == "d":
			s.ended <- true
		}
	}
	newTown(t, 1, func(impl.Config) impl.Layer { return s })
	<-s.ended
	var packets []string
	for _, x := range s.seen {
		if strings.HasPrefix(x, "packet") {
			packets = append(packets, x)
		}
	}
	if got := strings.Join(packets, ", "); got != `packet 0 0<0 "a", packet 0 0<0 "b", packet 0 0<0 "c", packet 0 0<0 "d"` {
		t.Error(got)
	}
	if got := strings.Join(s.seen[:2], ", "); got != `start 0 0<0 "", ready 0 0<0 ""` {
		t.Error(got)
	}
}

// A timer fires not before its time. One that was stopped, or set again, does not fire.
func TestTimersOfANode(t *testing.T) {
	s := &script{ended: make(chan bool, 1)}
	var fired []uint64
	s.act = func(in impl.Input, out *impl.Effects) {
		ms := spec.Time(time.Millisecond)
		switch {
		case in.Kind == impl.Ready:
			out.SetTimer(1, in.Now+5*ms)
			out.SetTimer(2, in.Now+10*ms)
			out.SetTimer(3, in.Now+15*ms)
			out.SetTimer(2, in.Now+20*ms)
			out.StopTimer(3)
			out.SetTimer(4, in.Now+40*ms)
			out.SetTimer(100, in.Now+10*ms) // at which
			out.SetTimer(5, in.Now-ms)
		case in.Kind == impl.TimerFired && in.Num == 100:
			out.StopTimer(4)
			out.SetTimer(6, in.Now+45*ms)
		case in.Kind == impl.TimerFired:
			if fired = append(fired, in.Num); in.Num == 6 {
				s.ended <- true
			}
		}
	}
	newTown(t, 1, func(impl.Config) impl.Layer { return s })
	<-s.ended
	if !slices.Equal(fired, []uint64{5, 1, 2, 6}) {
		t.Error(fired)
	}
}

// Packets go from node to node; what strangers send, or is not whole, is thrown away.
func TestStrangersAreNotHeard(t *testing.T) {
	scripts := []*script{{ended: make(chan bool, 100)}, {ended: make(chan bool, 100)}}
	for _, s := range scripts {
		s.act = func(in impl.Input, out *impl.Effects) {
			switch {
			case in.Kind == impl.Send:
				out.Down(in.To, in.Body, 0)
			case in.Kind == impl.Packet:
				out.Up(in.From, in.To, in.Body)
				s.ended <- true
			}
		}
	}
	w := newTown(t, 2, func(cfg impl.Config) impl.Layer { return scripts[cfg.Self] })
	stranger, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(w.peers[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	var sent [][]byte
	good := append([]byte("forged"), 0, 0, 0, 0, 0, 0, 0, 0, 'f', 'n', 'o', 'c')
	for n := range good {
		sent = append(sent, good[:n+1])
	}
	for _, b := range append(sent, nil, bytes.Repeat([]byte{255}, 60000)) {
		if _, err := stranger.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	id := w.send(0, 1, "hello")
	<-scripts[1].ended
	w.await(spec.Deliver, 1)
	e := w.h.Events[len(w.h.Events)-1]
	if e.Msg != id || e.From != 0 || e.To != 1 || e.Node != 1 || e.Sum != digest([]byte("hello")) || len(scripts[1].ended) > 0 {
		t.Errorf("%+v, and %d more", e, len(scripts[1].ended))
	}
	for end := time.Now().Add(10 * time.Second); w.nodes[1].links.(*links).strange.Load() < int64(len(sent)+2); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d strange datagrams", w.nodes[1].links.(*links).strange.Load())
		}
	}
}

// A node that is closed ends, whatever it is doing, and its goroutines with it.
func TestANodeEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 8 {
		w := newTown(t, 3, durable(reliability.All))
		var all sync.WaitGroup
		for n := range 3 {
			node := w.nodes[n]
			all.Go(func() {
				for range 50 {
					if _, err := node.Send(impl.Everyone, []byte("x")); err != nil {
						return
					}
				}
			})
		}
		for n := range 3 {
			w.stop(spec.NodeID(n))
		}
		all.Wait()
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
		}
	}
}

// check judges a history.
func check(t *testing.T, h *spec.History, excused ...spec.ID) {
	t.Helper()
	for _, f := range checkers.Check(h, promised...) {
		if f.Verdict == spec.Fail {
			t.Errorf("%s: %s", f.ID, f.Witness.Text)
		} else if f.Verdict != spec.Pass && !slices.Contains(excused, f.ID) {
			t.Errorf("%s is not judged: %s", f.ID, f.Reason)
		}
	}
}

// A group is closed in the middle of its work and started again: it has what was acknowledged.
func TestAGroupIsStartedAgain(t *testing.T) { // not beside others, which might take the ports of its dead
	for _, name := range []string{"durable:acks=majority", "atomic-log", "atomic-abort"} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, 3, levels[name])
			for i := range 30 {
				w.send(spec.NodeID(i%3), impl.Everyone, fmt.Sprint("body ", i/2))
			}
			w.await(spec.Ack, 20)
			w.await(spec.Deliver, 20) // or nobody crashes who has delivered anything
			acked := w.count(spec.Ack)
			for n := range spec.NodeID(3) {
				w.crash(n)
			}
			for n := range spec.NodeID(3) {
				w.start(n)
			}
			w.send(0, impl.Everyone, "again")
			w.await(spec.Ack, acked+1)
			w.quiet()
			check(t, &w.h, "NO-RESURRECTION")
		})
	}
}

// quiet waits until all nodes have delivered the same and answered what was sent in their present lives, and then for a
// short silence; if that does not come, until nothing will ever come.
func (w *town) quiet() {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		select {
		case <-w.came:
			continue
		case <-time.After(100 * time.Millisecond):
		}
		w.mu.Lock()
		w.h.Settled = w.finished()
		w.mu.Unlock()
		if w.h.Settled {
			return
		}
	}
	w.h.Settled = true
}

func (w *town) finished() bool {
	open := map[spec.MsgID]bool{}
	delivered := make([]map[spec.MsgID]bool, len(w.peers))
	for n := range delivered {
		delivered[n] = map[spec.MsgID]bool{}
	}
	for _, e := range w.h.Events {
		switch e.Kind {
		case spec.Send:
			open[e.Msg] = true
		case spec.Ack, spec.Refuse:
			delete(open, e.Msg)
		case spec.Deliver:
			delivered[e.Node][e.Msg] = true
		case spec.Crash:
			maps.DeleteFunc(open, func(id spec.MsgID, _ bool) bool { return id.Sender == e.Node })
		}
	}
	return len(open) == 0 && !slices.ContainsFunc(delivered[1:], func(d map[spec.MsgID]bool) bool {
		return !maps.Equal(d, delivered[0])
	})
}

// A node whose disk is full refuses what it can't write; when it comes back with more room, it has what it had promised,
// and what was refused never appears.
func TestAGroupWithAFullDisk(t *testing.T) { // not beside others, which might take the ports of its dead
	w := newTown(t, 3, durable(reliability.One))
	w.stop(1)
	w.room[1] = 128 << 10
	w.crash(1)
	w.start(1)
	body := strings.Repeat("b", 5000)
	for w.disks[1].Failure() == nil {
		acked := w.count(spec.Ack)
		w.send(1, impl.Everyone, body)
		w.send(0, impl.Everyone, "small")
		for w.count(spec.Ack) < acked+2 && w.disks[1].Failure() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	for w.count(spec.Refuse) < 3 {
		w.send(1, impl.Everyone, body)
		time.Sleep(time.Millisecond)
	}
	w.send(0, impl.Everyone, "small")
	w.crash(1)
	w.room[1] = 0
	w.start(1)
	w.send(1, impl.Everyone, "again")
	w.quiet()
	t.Logf("%d acknowledged, %d refused", w.counts[spec.Ack], w.counts[spec.Refuse])
	check(t, &w.h)
}
