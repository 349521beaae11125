package impltest

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Steady is four members on a network that loses nothing, with memory that is used again: once that has grown to its
// size, a round should allocate nothing.
type Steady struct {
	Ups int // deliveries so far

	nodes        []impl.Layer
	arena        impl.Arena
	out          *impl.Effects
	flying       []steadyMove
	now          spec.Time
	acknowledges bool
}

type steadyMove struct {
	from, at, to spec.NodeID
	ref          impl.Ref
	body         []byte
}

const steadyMembers = 4

// NewSteady starts the members. Where the network acknowledges, a packet is acknowledged when its first copy arrives.
func NewSteady(newLayer func(impl.Config) impl.Layer, acknowledges bool) *Steady {
	w := &Steady{acknowledges: acknowledges}
	w.out = impl.NewEffects(&w.arena)
	var members []spec.NodeID
	for n := range spec.NodeID(steadyMembers) {
		members = append(members, n)
	}
	for _, n := range members {
		w.nodes = append(w.nodes, newLayer(impl.Config{Self: n, Nodes: steadyMembers, Members: members, TS: time.Second, TL: time.Minute}))
		w.step(n, impl.Input{Kind: impl.Start})
		w.step(n, impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *Steady) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; {
		case e.Kind == impl.Up:
			w.Ups++
		case e.Kind == impl.Down && e.To == impl.Everyone:
			ref := e.Ref
			for at := range spec.NodeID(steadyMembers) {
				w.flying = append(w.flying, steadyMove{n, at, e.To, ref, e.Body})
				ref = 0
			}
		case e.Kind == impl.Down:
			w.flying = append(w.flying, steadyMove{n, e.To, e.To, e.Ref, e.Body})
		}
	}
}

// Round lets every member send so many bytes to the group, and all that comes of it arrive. No timer fires.
func (w *Steady) Round(size int) {
	w.arena.Reset()
	w.now += spec.Time(time.Millisecond)
	for n := range spec.NodeID(steadyMembers) {
		w.step(n, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: w.arena.Alloc(size), Ref: 1})
	}
	for i := 0; i < len(w.flying); i++ {
		m := w.flying[i]
		w.step(m.at, impl.Input{Kind: impl.Packet, From: m.from, To: m.to, Body: m.body})
		if w.acknowledges && m.ref != 0 {
			w.step(m.from, impl.Input{Kind: impl.Acknowledged, Ref: m.ref})
		}
	}
	w.flying = w.flying[:0]
}
