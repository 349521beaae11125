package checkers

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// drawInfections draws a sender that delivers, sends once more and crashes, and others that get some of it.
func drawInfections(t *rapid.T) *spec.History {
	d := &drawer{t: t, h: &spec.History{}}
	nodes := rapid.IntRange(2, 4).Draw(t, "nodes")
	x := spec.Group{Name: "g"}
	for n := range nodes {
		d.h.Nodes = append(d.h.Nodes, string(rune('a'+n)))
		x.Members = append(x.Members, spec.NodeID(n))
	}
	d.h.Groups, d.h.Settled = []spec.Group{x}, !d.maybe(10)
	d.numbers, d.lives = make([]uint64, nodes), make([]spec.Incarnation, nodes)
	send := func(n spec.NodeID) {
		d.numbers[n]++
		e := spec.Event{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: n, Msg: spec.MsgID{Sender: n, Number: d.numbers[n]}}
		d.sends = append(d.sends, e)
		d.add(e)
	}
	deliver := func(n spec.NodeID, among []spec.Event) {
		if d.maybe(4) {
			among = rapid.Permutation(among).Draw(t, "order")
		}
		for _, e := range among {
			if !d.maybe(6) {
				e.Kind, e.Node = spec.Deliver, n
				d.add(e)
			}
		}
	}
	for range rapid.IntRange(1, 3).Draw(t, "sends") {
		send(d.node())
	}
	deliver(0, d.sends)
	send(0)
	if !d.maybe(4) {
		d.add(spec.Event{Kind: spec.Crash, Has: spec.HasNode})
	}
	lost := rapid.IntRange(0, len(d.sends)-1).Draw(t, "lost") // one that only its sender has
	got := d.sends
	if d.maybe(4) {
		got = append(append([]spec.Event{}, d.sends[:lost]...), d.sends[lost+1:]...)
	}
	for n := 1; n < nodes; n++ {
		deliver(spec.NodeID(n), got)
	}
	return d.h
}

func orderIDs() (ids []spec.ID) {
	for _, id := range twinned() {
		if orderTwins[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// still says whether nobody lies, comes back, joins or leaves. Then, and while only members deliver, what is said to follow
// from several requirements together does; otherwise one asks of a node what another asks of each of its lives.
func still(h *spec.History) bool {
	return len(h.Byzantine) == 0 && !slices.ContainsFunc(h.Events, func(e spec.Event) bool {
		switch e.Kind {
		case spec.Recover, spec.Join, spec.Joined, spec.Leave, spec.Left:
			return true
		}
		return false
	})
}

// The judges of orders and the twins must say the same of every history; and what a stronger requirement implies holds
// where it does.
func TestOrderTwins(t *testing.T) {
	counts := map[spec.ID]map[spec.Verdict]int{}
	implied := map[spec.ID][]spec.ID{}
	for _, id := range twinned() {
		counts[id], implied[id] = map[spec.Verdict]int{}, spec.Implies(id)
	}
	ids := orderIDs()
	var j Judge
	found := map[spec.ID]spec.Verdict{}
	total := 0
	rounds(t, 80, func(r *rapid.T) {
		draw := drawOrdered
		switch rapid.IntRange(0, 19).Draw(r, "kind") {
		case 0:
			draw = drawHistory
		case 1:
			draw = drawLogs
		case 2:
			draw = drawOrders
		case 3:
			draw = drawInfections
		}
		h := draw(r)
		w := newTwin(h)
		j.Load(h)
		total++
		clear(found)
		for _, id := range twinned() {
			found[id] = j.Check(id).Verdict
		}
		for _, id := range ids {
			f := j.Check(id)
			v, n := w.verdict(id)
			counts[id][v]++
			if f.Verdict != v || v != spec.Fail && f.Antecedents != n {
				r.Fatalf("%s: judge %+v %+v, twin %v with %d\n%s", id, f, f.Witness, v, n, show(h))
			}
			checkWitness(r, h, id, f)
		}
		for a, v := range found {
			for _, b := range implied[a] {
				if v == spec.Pass && found[b] == spec.Fail {
					r.Fatalf("%s holds, and %s does not\n%s", a, b, show(h))
				}
			}
		}
		if still(h) && found[DestinationIntegrity] != spec.Fail {
			var held []spec.ID
			for id, v := range found {
				if v == spec.Pass {
					held = append(held, id)
				}
			}
			for _, b := range spec.Entailed(held) {
				if found[b] == spec.Fail {
					r.Fatalf("%v hold, and %s does not\n%s", held, b, show(h))
				}
			}
		}
	})
	for _, id := range ids {
		c := counts[id]
		t.Logf("%-22s pass %d fail %d inconclusive %d", id, c[spec.Pass], c[spec.Fail], c[spec.Inconclusive])
		if total >= 1000 && (c[spec.Pass] < total/100 || c[spec.Fail] < total/200) {
			t.Errorf("%s: too few of one kind: %v of %d", id, c, total)
		}
	}
}

// What processes do that follow one log never fails, but for the bounds on time, and tests everything.
func TestCorrectOrderModels(t *testing.T) {
	var j Judge
	ids := orderIDs()
	bites := map[spec.ID]int{}
	rounds(t, 20, func(r *rapid.T) {
		d := newOrderDrawer(r)
		d.right, d.wild, d.views = true, 0, false
		for range rapid.IntRange(0, 60).Draw(r, "events") {
			d.step()
		}
		d.finish()
		j.Load(d.h)
		for _, id := range ids {
			f := j.Check(id)
			if f.Verdict == spec.Pass {
				bites[id]++
			}
			if f.Verdict == spec.Error || f.Verdict == spec.Fail && id != Timeliness && id != CostDelay {
				r.Fatalf("%s: %+v %+v\n%s", id, f, f.Witness, show(d.h))
			}
		}
	})
	for _, id := range ids {
		if bites[id] == 0 && !testing.Short() {
			t.Errorf("%s never passed", id)
		}
	}
	t.Log(bites)
}
