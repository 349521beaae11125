package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// flooding relays what it has not had, to everyone, and delivers it: the least that a protocol can do.
type flooding struct {
	self spec.NodeID
	seen [5][128]bool
	to   []spec.NodeID
}

func (f *flooding) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		clear(f.seen[:])
	case impl.Send:
		f.multicast(in.Body, out)
	case impl.Packet:
		_, id, _ := impl.Open(in.Body)
		if had := &f.seen[id.Sender][id.Number]; !*had {
			*had = true
			if in.From != f.self {
				f.multicast(in.Body, out)
			}
			out.Up(id.Sender, impl.Everyone, in.Body)
		}
	}
}

func (f *flooding) multicast(body []byte, out *impl.Effects) {
	for _, m := range f.to {
		out.Down(m, body, 0)
	}
}

// floodingWorld has five nodes that flood; their layers are used again, as the world's memory is.
func floodingWorld() *World {
	nodes := make([]flooding, 5)
	for n := range nodes {
		nodes[n] = flooding{self: spec.NodeID(n), to: []spec.NodeID{0, 1, 2, 3, 4}}
	}
	return New(Config{New: func(cfg impl.Config) impl.Layer { return &nodes[cfg.Self] }})
}

// hundredSends lets five nodes send 20 messages each within 100 ms.
func hundredSends() *faults.Scenario {
	all := []spec.NodeID{0, 1, 2, 3, 4}
	s := &faults.Scenario{Nodes: 5, Seed: 1, Groups: []faults.Group{{Name: "g", Members: all}}, Net: faults.DefaultNet}
	for i := range 100 {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(i) * spec.Time(time.Millisecond)},
			Action: faults.Action{Op: faults.Send, Node: spec.NodeID(i % 5), To: -1, Size: 64}})
	}
	return s
}

func TestAFloodingScheduleAllocatesNothing(t *testing.T) {
	w, h, s := floodingWorld(), &spec.History{}, hundredSends()
	play := func() {
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(20) { // the queues grow to their size
		s.Seed = seed
		play()
	}
	if n := testing.AllocsPerRun(20, play); n > 0 {
		t.Errorf("%v allocations a schedule", n)
	}
	if n := len(events(h, spec.Deliver)); n != 500 {
		t.Errorf("%d deliveries", n)
	}
}

// BenchmarkFlooding measures the event core.
func BenchmarkFlooding(b *testing.B) {
	for _, strategy := range []faults.Strategy{faults.Latency, faults.POS, faults.PCT} {
		b.Run(strategy.String(), func(b *testing.B) {
			w, h, s := floodingWorld(), &spec.History{}, hundredSends()
			s.Net.Strategy, s.Net.Depth = strategy, 3
			measure(b, w, s, h, func() {})
		})
	}
}

var ofTotalOrder = []spec.ID{checkers.TotalOrder, checkers.TotalOrderPairwise, checkers.TotalGapFree, checkers.UniformTotalOrder,
	checkers.UniformTotalGapFree, checkers.TotalOrderPrefix, checkers.NoContamination, checkers.CrossGroupTotal}

// BenchmarkProtocols measures a whole run: causal order over reliable multicast over channels, judged by every checker.
func BenchmarkProtocols(b *testing.B) {
	var j checkers.Judge
	h := &spec.History{}
	b.Run("played", func(b *testing.B) {
		measure(b, New(Config{New: causal}), hundredSends(), h, func() {})
	})
	b.Run("judged", func(b *testing.B) {
		measure(b, New(Config{New: causal}), hundredSends(), h, func() {
			j.Load(h)
			for _, id := range checkers.Judged() {
				// Causal order is not total, whatever is asked of it.
				if f := j.Check(id); f.Verdict == spec.Fail && !slices.Contains(ofTotalOrder, f.ID) {
					b.Fatalf("%s: %s", f.ID, f.Witness.Text)
				}
			}
		})
	})
}

func measure(b *testing.B, w *World, s *faults.Scenario, h *spec.History, judge func()) {
	b.ReportAllocs()
	receipts := 0
	for i := 0; b.Loop(); i++ {
		s.Seed = uint64(i % 64)
		if err := w.Play(s, h); err != nil {
			b.Fatal(err)
		}
		judge()
		receipts += w.Counts().Receipts
	}
	b.ReportMetric(float64(receipts)/b.Elapsed().Seconds(), "receipts/s")
}
