package ordering_test

import (
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// delays gives how many packet delays lie between the send of each of three members and its delivery at each, without
// faults, where every packet takes one, also one to oneself.
func delays(t *testing.T, newLayer func(impl.Config) impl.Layer) (by [3][3]int) {
	const hop = time.Millisecond
	s := faults.Scenario{Nodes: 3, Groups: []faults.Group{{Name: "g", Members: members(3), Closed: true}}, Seed: 1,
		Net: faults.Net{Min: hop, Max: hop}}
	for n := range 3 {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(time.Duration(n) * time.Second)},
			Action: faults.Action{Op: faults.Send, Node: impltest.Node(n), To: impl.Everyone, Size: 8}})
	}
	var h spec.History
	w := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
		return impl.NewStack(newLayer(cfg), reliability.NewUnreliable(cfg), transport.NewUnicast(cfg))
	}})
	if err := w.Play(&s, &h); err != nil {
		t.Fatal(err)
	}
	var sent [3]spec.Time
	position := uint64(0)
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Send:
			sent[e.Msg.Sender] = e.T
			position++
		case spec.Deliver:
			by[e.Msg.Sender][e.Node] = int((e.T - sent[e.Msg.Sender] + spec.Time(hop)/2) / spec.Time(hop))
			if !e.Is(spec.HasPos) || h.ExtraOf(e).Pos != position {
				t.Errorf("message %v was delivered at %d at position %d, want %d", e.Msg, e.Node, h.ExtraOf(e).Pos, position)
			}
		}
	}
	return by
}

// Défago, Schiper, Urbán, 2004: two delays where the sequencer multicasts, three where a number is fetched first. The
// rows are senders, the columns where they are delivered; 0 numbers, and does not ask itself.
func TestDelaysWithoutFaults(t *testing.T) {
	for name, want := range map[string][3][3]int{
		"bb":                       {{2, 2, 2}, {2, 2, 2}, {2, 2, 2}},
		"ub":                       {{1, 1, 1}, {2, 2, 2}, {2, 2, 2}},
		"server":                   {{1, 1, 1}, {3, 3, 3}, {3, 3, 3}},
		"server that leaves holes": {{1, 1, 1}, {3, 3, 3}, {3, 3, 3}},
	} {
		if got := delays(t, totals[name]); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// steadyTotal is four members on a network that loses nothing and acknowledges, with memory that is used again.
type steadyTotal struct {
	nodes  []impl.Layer
	arena  impl.Arena
	out    *impl.Effects
	flying []steadyMove
	now    spec.Time
	up     int
}

type steadyMove struct {
	from, at, to spec.NodeID
	ref          impl.Ref
	body         []byte
}

func newSteadyTotal(newLayer func(impl.Config) impl.Layer) *steadyTotal {
	w := &steadyTotal{}
	w.out = impl.NewEffects(&w.arena)
	for _, n := range members(4) {
		w.nodes = append(w.nodes, newLayer(impl.Config{Self: n, Nodes: 4, Members: members(4), TS: time.Second, TL: time.Minute}))
		w.step(n, impl.Input{Kind: impl.Start})
		w.step(n, impl.Input{Kind: impl.Ready})
	}
	return w
}

func (w *steadyTotal) step(n spec.NodeID, in impl.Input) {
	in.Now = w.now
	w.out.Reset()
	w.nodes[n].Step(in, w.out)
	for i := range w.out.List {
		switch e := &w.out.List[i]; {
		case e.Kind == impl.Up:
			w.up++
		case e.Kind == impl.Down && e.To == impl.Everyone:
			ref := e.Ref // acknowledged with the first copy
			for at := range spec.NodeID(4) {
				w.flying = append(w.flying, steadyMove{n, at, e.To, ref, e.Body})
				ref = 0
			}
		case e.Kind == impl.Down:
			w.flying = append(w.flying, steadyMove{n, e.To, e.To, e.Ref, e.Body})
		}
	}
}

// round lets every member send to the group, and all of it arrive.
func (w *steadyTotal) round(size int) {
	w.arena.Reset()
	w.now += spec.Time(time.Millisecond)
	for n := range spec.NodeID(4) {
		w.step(n, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: w.arena.Alloc(size), Ref: 1})
	}
	for i := 0; i < len(w.flying); i++ {
		m := w.flying[i]
		w.step(m.at, impl.Input{Kind: impl.Packet, From: m.from, To: m.to, Body: m.body})
		if m.ref != 0 {
			w.step(m.from, impl.Input{Kind: impl.Acknowledged, Ref: m.ref})
		}
	}
	w.flying = w.flying[:0]
}

// Once its memory has grown to its size, a step allocates nothing; and each message is delivered.
func TestTotalOrdersAllocateNothing(t *testing.T) {
	for name, newLayer := range totals {
		w := newSteadyTotal(newLayer)
		const rounds = 300
		for range rounds {
			w.round(64)
		}
		if w.up != 16*rounds {
			t.Errorf("%s: %d deliveries, want %d", name, w.up, 16*rounds)
		}
		if n := testing.AllocsPerRun(50, func() { w.round(64) }); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}

// BenchmarkTotal measures a round: four sends, and all that follows.
func BenchmarkTotal(b *testing.B) {
	for _, name := range []string{"bb", "ub", "server"} {
		b.Run(name, func(b *testing.B) {
			w := newSteadyTotal(totals[name])
			w.round(64)
			b.ReportAllocs()
			for b.Loop() {
				w.round(64)
			}
		})
	}
}
