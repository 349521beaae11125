package ordering_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// steady is a group whose packets arrive at once and in order, with nothing lost.
type steady struct {
	layers []impl.Layer
	outs   []*impl.Effects
	arena  impl.Arena
	now    spec.Time
	flying []steadyPacket
	timers []spec.Time // by node: when its timer fires; 0 is never
	body   []byte
	got    int
}

type steadyPacket struct {
	from, at, to spec.NodeID
	body         []byte
}

func newSteady(newLayer func(impl.Config) impl.Layer) *steady {
	s := &steady{body: make([]byte, 64), timers: make([]spec.Time, 3)}
	for n := range 3 {
		s.layers = append(s.layers, newLayer(impl.Config{Self: spec.NodeID(n), Nodes: 3, Members: members(3), TS: 30e6, TL: 600e6}))
		s.outs = append(s.outs, impl.NewEffects(&s.arena))
		s.step(spec.NodeID(n), impl.Input{Kind: impl.Start})
		s.step(spec.NodeID(n), impl.Input{Kind: impl.Ready})
	}
	return s
}

func (s *steady) step(n spec.NodeID, in impl.Input) {
	out := s.outs[n]
	out.Reset()
	in.Now = s.now
	s.layers[n].Step(in, out)
	for i := range out.List {
		switch e := &out.List[i]; e.Kind {
		case impl.Down:
			for at := range s.layers {
				if e.To == impl.Everyone || e.To == spec.NodeID(at) {
					s.flying = append(s.flying, steadyPacket{n, spec.NodeID(at), e.To, e.Body})
				}
			}
		case impl.SetTimer:
			s.timers[n] = e.At
		case impl.Up:
			s.got++
		}
	}
}

// send lets one node send, all packets arrive, and TS go by.
func (s *steady) send(n spec.NodeID) {
	s.step(n, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: s.body})
	s.arrive()
	s.now += 40e6
	for n, at := range s.timers {
		if at > 0 && at <= s.now {
			s.timers[n] = 0
			s.step(spec.NodeID(n), impl.Input{Kind: impl.TimerFired})
		}
	}
	s.arrive()
	s.arena.Reset() // nothing is kept that is not delivered
}

func (s *steady) arrive() {
	for i := 0; i < len(s.flying); i++ {
		p := s.flying[i]
		s.step(p.at, impl.Input{Kind: impl.Packet, From: p.from, To: p.to, Body: p.body})
	}
	s.flying = s.flying[:0]
}

var steadyLayers = []struct {
	name string
	new  func(impl.Config) impl.Layer
}{
	{"total-kaashoek", kaashoek(ordering.SequencerMulticasts, 0)},
	{"total-kaashoek:method=bb", kaashoek(ordering.SenderMulticasts, 0)},
	{"real-time", realTime},
	{"sync", syncOf(ordering.OfSender)},
	{"sync:reading=cut", syncOf(ordering.Cut)},
	{"sync:reading=causal", syncOf(ordering.CausalBarrier)},
	{"sync:reading=blocking", syncOf(ordering.Blocking)},
}

// One step costs no allocation, however long a group goes on.
func TestNoAllocationInTheSteadyState(t *testing.T) {
	for _, l := range steadyLayers {
		s := newSteady(l.new)
		for i := range 1000 {
			s.send(spec.NodeID(i % 3))
		}
		before := s.got
		if n := testing.AllocsPerRun(100, func() { s.send(1) }); n > 0 {
			t.Errorf("%s: %v allocations a send", l.name, n)
		}
		if s.got-before != 101*3 {
			t.Errorf("%s: %d deliveries of 101 sends", l.name, s.got-before)
		}
	}
}

// BenchmarkSend is one send and all that follows from it, at three members.
func BenchmarkSend(b *testing.B) {
	for _, l := range steadyLayers {
		b.Run(l.name, func(b *testing.B) {
			s := newSteady(l.new)
			b.ReportAllocs()
			for b.Loop() {
				s.send(1)
			}
		})
	}
}
