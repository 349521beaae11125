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

// Once its memory has grown to its size, a step allocates nothing; and each message is delivered.
func TestTotalOrdersAllocateNothing(t *testing.T) {
	for name, newLayer := range totals {
		w := impltest.NewSteady(newLayer, true)
		const rounds = 300
		for range rounds {
			w.Round(64)
		}
		if w.Ups != 16*rounds {
			t.Errorf("%s: %d deliveries, want %d", name, w.Ups, 16*rounds)
		}
		if n := testing.AllocsPerRun(50, func() { w.Round(64) }); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}

// BenchmarkTotal measures a round: four sends, and all that follows.
func BenchmarkTotal(b *testing.B) {
	for _, name := range []string{"bb", "ub", "server"} {
		b.Run(name, func(b *testing.B) {
			w := impltest.NewSteady(totals[name], true)
			w.Round(64)
			b.ReportAllocs()
			for b.Loop() {
				w.Round(64)
			}
		})
	}
}
