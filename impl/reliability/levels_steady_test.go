package reliability_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// steadyGroup is four members on a network that loses nothing, with memory that is used again.
type steadyGroup struct {
	nodes  []impl.Layer
	arena  impl.Arena
	out    *impl.Effects
	flying []steadyMove
	now    spec.Time
	up     int
}

type steadyMove struct {
	from, at, to spec.NodeID
	body         []byte
}

func newSteadyGroup(newLayer func(impl.Config) impl.Layer) *steadyGroup {
	w := &steadyGroup{}
	w.out = impl.NewEffects(&w.arena)
	members := []spec.NodeID{0, 1, 2, 3}
	for _, n := range members {
		w.nodes = append(w.nodes, newLayer(impl.Config{Self: n, Nodes: 4, Members: members, TS: time.Second, TL: time.Minute}))
		w.step(n, impl.Input{Kind: impl.Start})
		w.step(n, impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *steadyGroup) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		e := &w.out.List[i]
		switch {
		case e.Kind == impl.Up:
			w.up++
		case e.Kind == impl.Down && e.To == impl.Everyone:
			for at := range spec.NodeID(len(w.nodes)) {
				w.flying = append(w.flying, steadyMove{n, at, e.To, e.Body})
			}
		case e.Kind == impl.Down:
			w.flying = append(w.flying, steadyMove{n, e.To, e.To, e.Body})
		}
	}
}

// round lets every member send to the group, and all of it arrive.
func (w *steadyGroup) round(size int) {
	w.arena.Reset()
	w.now += spec.Time(time.Millisecond)
	for n := range spec.NodeID(len(w.nodes)) {
		w.step(n, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: w.arena.Alloc(size), Ref: 1})
	}
	for i := 0; i < len(w.flying); i++ {
		m := w.flying[i]
		w.step(m.at, impl.Input{Kind: impl.Packet, From: m.from, To: m.to, Body: m.body})
	}
	w.flying = w.flying[:0]
}

// Once its memory has grown to its size, a step allocates nothing; and each message is delivered. (When the others'
// next messages have come, the last of the stable ones is.)
func TestLevelsAllocateNothing(t *testing.T) {
	for name, newLayer := range map[string]func(impl.Config) impl.Layer{
		"reliable-ip": reliableIP, "reliable-ip:deliver=stable": stableIP, "uniform": uniform, "byzantine": byzantine,
		"gossip": gossip(3, 1), "atomic-view": atomicView,
	} {
		w := newSteadyGroup(newLayer)
		const rounds = 300
		for range rounds {
			w.round(64)
		}
		if least := 16 * (rounds - 1); w.up < least {
			t.Errorf("%s: %d deliveries, want %d", name, w.up, least)
		}
		if n := testing.AllocsPerRun(50, func() { w.round(64) }); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}
