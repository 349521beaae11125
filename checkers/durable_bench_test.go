package checkers

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// generateDurable plays a broadcast of five nodes and a liar, in the crash-recovery model: now and then a node crashes,
// comes back and delivers its log of the last messages again, one stands still, and a loss is announced of what was
// never acknowledged. Copies are kept until all have delivered.
func generateDurable(sends int) *spec.History {
	const nodes, liar = 6, 5
	h := &spec.History{}
	h.Settled, h.Model, h.Byzantine = true, spec.CrashRecovery, []spec.NodeID{liar}
	h.Bounds = map[string]time.Duration{string(TailRecovery): 50}
	h.Costs = map[string]int{string(StabilityTrim): 10}
	h.Groups = []spec.Group{{Name: "g", Closed: true}}
	for n := range nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
		h.Groups[0].Members = append(h.Groups[0].Members, spec.NodeID(n))
	}
	r := rand.New(rand.NewPCG(3, 4))
	add := func(k spec.Kind, n int, e spec.Event, x spec.Extra) {
		e.Kind, e.Node, e.Has, e.T = k, spec.NodeID(n), e.Has|spec.HasNode, spec.Time(len(h.Events))
		if x.Op == "" && x.Reason == "" {
			h.Add(e)
		} else {
			h.AddExtra(e, x)
		}
	}
	var lives [nodes]spec.Incarnation
	var numbers [nodes]uint64
	var logs [nodes][]spec.Event
	for k := range sends {
		s := r.IntN(nodes)
		numbers[s]++
		e := spec.Event{Has: spec.HasMsg | spec.HasGroup | spec.HasSum, Sum: spec.Digest(r.Uint64()),
			Msg: spec.MsgID{Sender: spec.NodeID(s), Incarnation: lives[s], Number: numbers[s]}}
		lost := -1
		if s != liar {
			add(spec.Send, s, e, spec.Extra{})
			add(spec.Note, s, spec.Event{Has: spec.HasGroup}, spec.Extra{Op: spec.OpKept, Depth: 1})
			if k%200 == 0 {
				lost = (s + 1) % liar
				add(spec.Gap, lost, spec.Event{Has: spec.HasGroup | spec.HasFrom, From: spec.NodeID(s)}, spec.Extra{})
			}
		}
		for n := range liar {
			if n == lost {
				continue
			}
			d := e
			d.Has, d.From = d.Has|spec.HasFrom, e.Msg.Sender
			add(spec.Deliver, n, d, spec.Extra{})
			logs[n] = append(logs[n], d)
		}
		if s != liar {
			if lost < 0 {
				add(spec.Ack, s, spec.Event{Has: spec.HasMsg, Msg: e.Msg}, spec.Extra{})
			}
			add(spec.Note, s, spec.Event{Has: spec.HasGroup}, spec.Extra{Op: spec.OpKept})
		}
		if k%100 == 99 && k < 3000 {
			n := r.IntN(liar)
			add(spec.Pause, n, spec.Event{}, spec.Extra{})
			add(spec.Resume, n, spec.Event{}, spec.Extra{})
			add(spec.Crash, n, spec.Event{}, spec.Extra{})
			add(spec.Recover, n, spec.Event{}, spec.Extra{})
			lives[n]++
			numbers[n] = 0
			for _, d := range slices.Clone(logs[n]) {
				d.Has |= spec.IsRedelivered
				add(spec.Deliver, n, d, spec.Extra{})
			}
		}
	}
	return h
}

func durableIDs() (ids []spec.ID) {
	for _, id := range Judged() {
		if moreTwins[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// BenchmarkDurable judges one requirement of a loaded history of some 200,000 events with all that these judges look at.
func BenchmarkDurable(b *testing.B) {
	h := generateDurable(20_000)
	for _, id := range durableIDs() {
		b.Run(string(id), func(b *testing.B) {
			var j Judge
			j.Load(h)
			j.Check(id)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				j.Check(id)
			}
			report(b, h, &j)
		})
	}
}

func BenchmarkLoadDurable(b *testing.B) { benchmarkLoad(b, generateDurable(20_000)) }

// The history for the benchmarks is one that passes, but for what its losses break.
func TestDurableWithoutAllocations(t *testing.T) {
	var j Judge
	ids, large := durableIDs(), generateDurable(2000)
	histories := []*spec.History{
		parse("s0.1 a0.1 d0.0.1 d1.0.1 d2.0.1 c2 s0.2 x0.2a S0.2 V1.0.1"),
		parse("recovery bound=10 P2 s0.1 a0.1 p2 F1.1 d0.0.1 H1 d1.0.1 d2.0.1 c1 r1 d1.0.1r s0.2 x0.2o"),
		generateDurable(0), large,
	}
	passed := map[spec.ID]bool{}
	breaks := []spec.ID{AllOrNothing, ByzTotality, ByzValidity}
	if got := testing.AllocsPerRun(20, func() {
		for _, h := range histories {
			j.Load(h)
			for _, id := range ids {
				if h == large && slices.Contains(breaks, id) {
					continue
				}
				switch f := j.Check(id); {
				case f.Verdict == spec.Fail:
					t.Fatal(id, f, f.Witness)
				case f.Verdict == spec.Pass:
					passed[id] = true
				}
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	for _, id := range ids {
		if !passed[id] && id != ByzTotality && id != ByzValidity {
			t.Errorf("%s did not pass: %+v", id, Check(large, id)[0])
		}
	}
}
