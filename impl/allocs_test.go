package impl_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// wire is three nodes and the packets between them, with memory that is used again.
type wire struct {
	nodes  []impl.Layer
	arena  impl.Arena
	out    *impl.Effects
	flying []onWire
	now    spec.Time
	steps  int
	up     int
}

type onWire struct {
	from, at, to spec.NodeID
	ref          impl.Ref
	body         []byte
}

func newWire(newLayer func(impl.Config) impl.Layer) *wire {
	w := &wire{}
	w.out = impl.NewEffects(&w.arena)
	members := []spec.NodeID{0, 1, 2}
	for n := range 3 {
		w.nodes = append(w.nodes, newLayer(impl.Config{Self: impltest.Node(n), Nodes: 3, Members: members,
			TS: time.Second, TL: time.Minute, MTU: 1400}))
	}
	for _, k := range []impl.InputKind{impl.Start, impl.Ready} {
		for n := range w.nodes {
			w.step(impltest.Node(n), impl.Input{Kind: k})
		}
	}
	return w
}

func (w *wire) step(n spec.NodeID, in impl.Input) {
	w.steps++
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; {
		case e.Kind == impl.Up:
			w.up++
		case e.Kind == impl.Down && e.To == impl.Everyone:
			ref := e.Ref // acknowledged with the first copy
			for at := range w.nodes {
				w.flying = append(w.flying, onWire{n, impltest.Node(at), e.To, ref, e.Body})
				ref = 0
			}
		case e.Kind == impl.Down:
			w.flying = append(w.flying, onWire{n, e.To, e.To, e.Ref, e.Body})
		}
	}
}

// round lets each node send a message, and everything arrive.
func (w *wire) round(to spec.NodeID, size int) {
	w.arena.Reset()
	w.now += spec.Time(time.Millisecond)
	for n := range w.nodes {
		body := w.arena.Alloc(size)
		w.step(impltest.Node(n), impl.Input{Kind: impl.Send, To: to, Body: body, Ref: 1})
	}
	for i := 0; i < len(w.flying); i++ {
		p := w.flying[i]
		w.step(p.at, impl.Input{Kind: impl.Packet, From: p.from, To: p.to, Body: p.body})
		if p.ref != 0 {
			w.step(p.from, impl.Input{Kind: impl.Acknowledged, Ref: p.ref})
		}
	}
	w.flying = w.flying[:0]
}

func measured() []subject {
	return append(layers[:len(layers):len(layers)],
		subject{name: "causal/reliable/unicast/channel", make: stackOf(causal, reliable, unicast, channel)},
		subject{name: "fifo/fragment/best-effort/unicast", make: stackOf(fifo, fragment, bestEffort, unicast)})
}

// target is to whom the messages of a subject go.
func (s *subject) target() spec.NodeID {
	if s.name == "channel" {
		return 1
	}
	return impl.Everyone
}

// Once its memory has grown to its size, a step allocates nothing.
func TestStepsAllocateNothing(t *testing.T) {
	for _, s := range measured() {
		for _, size := range []int{64, 5000} {
			w := newWire(s.make)
			for range 3000 { // more messages than a short window has room for
				w.round(s.target(), size)
			}
			if n := testing.AllocsPerRun(50, func() { w.round(s.target(), size) }); n > 0 {
				t.Errorf("%s, %d bytes: %v allocations a round", s.name, size, n)
			}
			if w.up == 0 {
				t.Errorf("%s delivered nothing", s.name)
			}
		}
	}
}

func benchmark(b *testing.B, s subject) {
	w := newWire(s.make)
	w.round(s.target(), 64)
	w.steps = 0
	b.ReportAllocs()
	for b.Loop() {
		w.round(s.target(), 64)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(w.steps), "ns/step")
}

// BenchmarkLayer measures a round of each layer: three sends, and all that follows.
func BenchmarkLayer(b *testing.B) {
	for _, s := range layers {
		b.Run(s.name, func(b *testing.B) { benchmark(b, s) })
	}
}

// BenchmarkStack measures a round of whole stacks.
func BenchmarkStack(b *testing.B) {
	for _, s := range measured()[len(layers):] {
		b.Run(s.name, func(b *testing.B) { benchmark(b, s) })
	}
}
