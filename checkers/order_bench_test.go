package checkers

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// generateOrdered plays a totally ordered, causal broadcast of five nodes in two groups that overlap: all follow one log
// of messages and barriers, told with its numbers, and tell their states, terms and locks. One of them may crash half
// way.
func generateOrdered(sends int, crash bool) *spec.History {
	const nodes = 5
	h := &spec.History{}
	h.Settled, h.Epsilon = true, 1
	h.Bounds = map[string]time.Duration{string(Timeliness): time.Hour, spec.BoundDelay: time.Second}
	h.Costs = map[string]int{string(CostDelay): 3}
	for n := range nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
	}
	for _, name := range []string{"g", "h"} {
		h.Groups = append(h.Groups, spec.Group{Name: name, Closed: true, Members: []spec.NodeID{0, 1, 2, 3, 4}})
	}
	r := rand.New(rand.NewPCG(5, 6))
	add := func(k spec.Kind, n int, e spec.Event, x spec.Extra) {
		e.Kind, e.Node, e.Has, e.T = k, spec.NodeID(n), e.Has|spec.HasNode, spec.Time(len(h.Events))
		if x.Op != "" || x.ID != 0 || x.Of != 0 || x.Pos != 0 {
			h.AddExtra(e, x)
		} else {
			h.Add(e)
		}
	}
	var log []entry
	var at [nodes]int
	var numbers [nodes]uint64
	var pos, barriers [2]uint64
	down := -1
	follow := func(n int) {
		x := log[at[n]]
		at[n]++
		if x.barrier {
			x.e.Has = spec.HasGroup | spec.HasMsg
			add(spec.Note, n, x.e, spec.Extra{Op: spec.OpBarrier})
			return
		}
		x.e.Has, x.e.From = x.e.Has|spec.HasFrom|spec.HasPos, x.e.Msg.Sender
		add(spec.Deliver, n, x.e, spec.Extra{Pos: x.pos})
		if x.e.Msg.Sender == spec.NodeID(n) {
			add(spec.Ack, n, spec.Event{Has: spec.HasMsg, Msg: x.e.Msg}, spec.Extra{})
		}
	}
	for k := range sends {
		n := r.IntN(nodes)
		if n == down {
			continue
		}
		g := spec.GroupID(r.IntN(2))
		for at[n] < len(log) { // before it sends, so that causes come first
			follow(n)
		}
		numbers[n]++
		pos[g]++
		e := spec.Event{Has: spec.HasMsg | spec.HasGroup | spec.HasSum, Group: g, Sum: spec.Digest(r.Uint64()),
			Msg: spec.MsgID{Sender: spec.NodeID(n), Number: numbers[n]}}
		add(spec.Send, n, e, spec.Extra{})
		log = append(log, entry{e: e, pos: pos[g]})
		if k%50 == 0 {
			barriers[g]++
			call := spec.Event{Has: spec.HasGroup | spec.HasID, Group: g, Msg: spec.MsgID{Number: barriers[g]}}
			add(spec.Sync, 0, call, spec.Extra{ID: uint64(k) + 1})
			log = append(log, entry{e: call, barrier: true})
			for q := range nodes {
				for at[q] < len(log) && q != down {
					follow(q)
				}
			}
			add(spec.Synced, 0, spec.Event{Has: spec.HasGroup | spec.HasOf, Group: g}, spec.Extra{Of: uint64(k) + 1})
			add(spec.Note, n, spec.Event{Has: spec.HasPos}, spec.Extra{Op: spec.OpLeader, Pos: uint64(k) + 1})
			add(spec.Note, n, spec.Event{}, spec.Extra{Op: spec.OpEnter})
			add(spec.Note, n, spec.Event{}, spec.Extra{Op: spec.OpExit})
		}
		if crash && k == sends/2 {
			down = nodes - 1
			add(spec.Crash, down, spec.Event{}, spec.Extra{})
		}
		if q := r.IntN(nodes); q != down && at[q] < len(log) {
			follow(q)
		}
	}
	for n := range nodes {
		for at[n] < len(log) && n != down {
			follow(n)
		}
		if n != down {
			add(spec.Note, n, spec.Event{Has: spec.HasGroup | spec.HasSum, Sum: 7}, spec.Extra{Op: spec.OpState})
		}
	}
	return h
}

// BenchmarkOrder judges one requirement of a loaded history of some 300,000 events with all that these judges look at.
func BenchmarkOrder(b *testing.B) {
	h, calm := generateOrdered(50_000, true), generateOrdered(50_000, false)
	for _, id := range orderIDs() {
		b.Run(string(id), func(b *testing.B) {
			var j Judge
			x := h
			if id == CostDelay {
				x = calm
			}
			j.Load(x)
			if f := j.Check(id); f.Verdict != spec.Pass {
				b.Fatal(f)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				j.hasCrossings, j.sequenced = false, 0
				j.Check(id)
			}
			report(b, x, &j)
		})
	}
}

// What passes costs no allocation, with the evidence that these judges ask for too.
func TestOrdersWithoutAllocations(t *testing.T) {
	var j Judge
	ids := orderIDs()
	passed := map[spec.ID]bool{}
	histories := []*spec.History{generateOrdered(300, true), generateOrdered(120, false),
		parse("groups=2 s0.1n1 v0.1 v1.1 J2 j2 d0.0.1n1 d1.0.1n1 c1 r1 s1.1:h d1.1+1.1:h L2 l2")}
	if got := testing.AllocsPerRun(20, func() {
		for _, h := range histories {
			j.Load(h)
			for _, id := range ids {
				switch f := j.Check(id); f.Verdict {
				case spec.Fail:
					t.Fatal(id, f, f.Witness)
				case spec.Pass:
					passed[id] = true
				}
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	for _, id := range ids {
		if !passed[id] {
			t.Errorf("%s did not pass: %+v", id, Check(histories[0], id)[0])
		}
	}
}
