package transport_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// steady is three nodes on a network that loses nothing, with memory that is used again.
type steady struct {
	nodes  []impl.Layer
	arena  impl.Arena
	out    *impl.Effects
	flying []steadyPacket
	now    spec.Time
	up     int
}

type steadyPacket struct {
	from, to spec.NodeID
	ref      impl.Ref
	body     []byte
}

func newSteady(newLayer func(impl.Config) impl.Layer) *steady {
	w := &steady{}
	w.out = impl.NewEffects(&w.arena)
	members := []spec.NodeID{0, 1, 2}
	for _, n := range members {
		w.nodes = append(w.nodes, newLayer(impl.Config{Self: n, Nodes: 3, Members: members, TS: time.Second, TL: time.Minute}))
		w.step(n, impl.Input{Kind: impl.Start})
		w.step(n, impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *steady) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; e.Kind {
		case impl.Up:
			w.up++
		case impl.Down:
			w.flying = append(w.flying, steadyPacket{n, e.To, e.Ref, e.Body})
		}
	}
}

// round lets every node send to the group and to one node, and all of it arrive.
func (w *steady) round(size int) {
	w.arena.Reset()
	w.now += spec.Time(time.Millisecond)
	for n := range w.nodes {
		from := impltest.Node(n)
		w.step(from, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: w.arena.Alloc(size), Ref: 1})
		w.step(from, impl.Input{Kind: impl.Send, To: (from + 1) % 3, Body: w.arena.Alloc(size), Ref: 1})
	}
	for i := 0; i < len(w.flying); i++ {
		p := w.flying[i]
		w.step(p.to, impl.Input{Kind: impl.Packet, From: p.from, To: p.to, Body: p.body})
		if p.ref != 0 {
			w.step(p.from, impl.Input{Kind: impl.Acknowledged, Ref: p.ref})
		}
	}
	w.flying = w.flying[:0]
}

// Once its memory has grown to its size, a step allocates nothing; and each message arrives where it should.
func TestRelayingAllocatesNothing(t *testing.T) {
	for name, newLayer := range map[string]func(impl.Config) impl.Layer{
		"coordinator": coordinator, "hierarchy": hierarchy(1), "tcp": overStream(0),
	} {
		for _, size := range []int{64, 5000} {
			w := newSteady(newLayer)
			const rounds = 500
			for range rounds {
				w.round(size)
			}
			if want := rounds * (9 + 3); w.up != want {
				t.Errorf("%s, %d bytes: %d deliveries, want %d", name, size, w.up, want)
			}
			if n := testing.AllocsPerRun(50, func() { w.round(size) }); n > 0 {
				t.Errorf("%s, %d bytes: %v allocations a round", name, size, n)
			}
		}
	}
}
