package checkers

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// drawOrders draws processes that deliver a few messages in orders of their own: rich in cycles of every length.
func drawOrders(t *rapid.T) *spec.History {
	h := &spec.History{}
	h.Settled = true
	nodes, msgs := rapid.IntRange(2, 6).Draw(t, "nodes"), rapid.IntRange(2, 6).Draw(t, "messages")
	h.Groups = []spec.Group{{Name: "g"}}
	for n := range nodes {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
		h.Groups[0].Members = append(h.Groups[0].Members, spec.NodeID(n))
	}
	var sends []spec.Event
	for m := range msgs {
		s := spec.NodeID(m % nodes)
		e := spec.Event{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: s,
			Msg: spec.MsgID{Sender: s, Number: uint64(m + 1)}}
		h.Add(e)
		sends = append(sends, e)
	}
	ring := rapid.IntRange(0, 3).Draw(t, "ring") == 0 // each delivers its own message and the next, in some order
	for n := range nodes {
		if ring {
			k := rapid.IntRange(0, 4).Draw(t, "swapped") / 4
			for _, m := range []int{n + k, n + 1 - k} {
				e := sends[m%msgs]
				e.Kind, e.Node = spec.Deliver, spec.NodeID(n)
				h.Add(e)
			}
			continue
		}
		most := rapid.IntRange(1, 3).Draw(t, "most")
		for k, e := range rapid.Permutation(sends).Draw(t, "order") {
			if k < most {
				e.Kind, e.Node = spec.Deliver, spec.NodeID(n)
				h.Add(e)
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
			h.Add(spec.Event{Kind: spec.Crash, Has: spec.HasNode, Node: spec.NodeID(n)})
		}
	}
	return h
}

// girth is the length of a shortest cycle of "some correct process delivered it before", over all pairs.
func girth(w *twin) int {
	n := len(w.msgs)
	d := make([][]int, n)
	for x := range d {
		d[x] = make([]int, n)
		for y := range d {
			d[x][y] = 1 << 20
			for _, p := range w.procs() {
				if a, b := w.at(p, x), w.at(p, y); w.correct(p.node) && a >= 0 && a < b {
					d[x][y] = 1
				}
			}
		}
	}
	for k := range d {
		for x := range d {
			for y := range d {
				d[x][y] = min(d[x][y], d[x][k]+d[k][y])
			}
		}
	}
	best := 1 << 20
	for x := range d {
		best = min(best, d[x][x])
	}
	return best
}

// The witness of a total order that is violated is a shortest cycle.
func TestCycles(t *testing.T) {
	var j Judge
	lengths := map[int]int{}
	rounds(t, 100, func(r *rapid.T) {
		h := drawOrders(r)
		w := newTwin(h)
		j.Load(h)
		for _, id := range []spec.ID{TotalOrder, TotalOrderPairwise} {
			f := j.Check(id)
			v, n := w.verdict(id)
			if f.Verdict != v || v != spec.Fail && f.Antecedents != n {
				r.Fatalf("%s: judge %+v, twin %v with %d\n%s", id, f, v, n, show(h))
			}
			checkWitness(r, h, id, f)
			if id == TotalOrder && v == spec.Fail {
				want := girth(w)
				lengths[want]++
				if got := len(f.Witness.Events); got != 3*want {
					r.Fatalf("cycle of %d, witness of %d events: %+v\n%s", want, got, f.Witness, show(h))
				}
			}
		}
	})
	t.Log("cycles by length", lengths)
	if !testing.Short() && (lengths[2] == 0 || lengths[3] == 0 || lengths[4] == 0) {
		t.Error("too few cycles", lengths)
	}
}

// A ring of three in a long history is found without trying everything.
func TestCycleInALongHistory(t *testing.T) {
	h := generate(5, 20_000)
	place := map[spec.MsgID]int{} // of three messages in a row, in the middle
	for _, e := range h.Events[len(h.Events)/2:] {
		if e.Kind == spec.Send && e.Is(spec.HasGroup) && len(place) < 3 {
			place[e.Msg] = len(place)
		}
	}
	// Node 0 delivers the first and the second, node 1 the second and the third, node 2 the third and then the first;
	// the others none of them.
	cut := &spec.History{Header: h.Header}
	var first spec.Event
	for _, e := range h.Events {
		k, ok := place[e.Msg]
		if !ok || e.Kind != spec.Deliver {
			cut.Add(e)
			continue
		}
		switch n := int(e.Node); {
		case n == 2 && k == 0:
			first = e
		case n == 2 && k == 2:
			cut.Add(e)
			first.T = e.T
			cut.Add(first)
		case n < 2 && (k == n || k == n+1):
			cut.Add(e)
		}
	}
	var j Judge
	j.Load(cut)
	if f := j.Check(TotalOrderPairwise); f.Verdict != spec.Pass {
		t.Error(f, f.Witness)
	}
	f := j.Check(TotalOrder)
	if f.Verdict != spec.Fail || len(f.Witness.Events) != 9 {
		t.Fatal(f, f.Witness)
	}
	t.Log(f.Witness.Text)
}

// model is a broadcast that is right by construction: it delivers at random what its order allows.
type model struct {
	t       *rapid.T
	h       *spec.History
	total   bool // everything in the order of sends; otherwise causal
	sends   []spec.Event
	pasts   []map[int]bool
	got     []map[int]bool // node: what it delivered
	knows   []map[int]bool // node: what it sent and delivered, and what happened before
	down    []bool
	numbers []uint64
}

func (m *model) send(n int) {
	m.numbers[n]++
	e := spec.Event{T: spec.Time(len(m.h.Events)), Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup | spec.HasSum,
		Node: spec.NodeID(n), Msg: spec.MsgID{Sender: spec.NodeID(n), Number: m.numbers[n]}, Sum: spec.Digest(len(m.sends))}
	past := map[int]bool{}
	for k := range m.knows[n] {
		past[k] = true
	}
	m.knows[n][len(m.sends)] = true
	m.sends, m.pasts = append(m.sends, e), append(m.pasts, past)
	m.h.Add(e)
}

// deliver hands the node one message that it may deliver now.
func (m *model) deliver(n int) bool {
	var ready []int
	for k := range m.sends {
		if m.got[n][k] {
			continue
		}
		ok := true
		for x := range m.pasts[k] {
			ok = ok && m.got[n][x]
		}
		if ok {
			ready = append(ready, k)
			if m.total {
				break
			}
		} else if m.total {
			break
		}
	}
	if len(ready) == 0 {
		return false
	}
	k := rapid.SampledFrom(ready).Draw(m.t, "ready")
	e := m.sends[k]
	e.T, e.Kind, e.Node, e.From = spec.Time(len(m.h.Events)), spec.Deliver, spec.NodeID(n), e.Msg.Sender
	e.Has |= spec.HasFrom
	m.h.Add(e)
	m.got[n][k], m.knows[n][k] = true, true
	for x := range m.pasts[k] {
		m.knows[n][x] = true
	}
	return true
}

// onTotalOrder says whether a requirement asks for one order.
func onTotalOrder(id spec.ID) bool {
	switch id {
	case TotalOrder, TotalOrderPairwise, TotalGapFree, UniformTotalOrder, UniformTotalGapFree, TotalOrderPrefix, NoContamination, CrossGroupTotal:
		return true
	}
	return false
}

// What a correct model plays never fails.
func TestCorrectModels(t *testing.T) {
	var j Judge
	bites := map[spec.ID]int{}
	rounds(t, 10, func(r *rapid.T) {
		nodes := rapid.IntRange(2, 5).Draw(r, "nodes")
		m := model{t: r, h: &spec.History{}, total: rapid.Bool().Draw(r, "total"), down: make([]bool, nodes), numbers: make([]uint64, nodes)}
		m.h.Settled = true
		m.h.Groups = []spec.Group{{Name: "g", Closed: true}}
		for n := range nodes {
			m.h.Nodes = append(m.h.Nodes, strconv.Itoa(n))
			m.h.Groups[0].Members = append(m.h.Groups[0].Members, spec.NodeID(n))
			m.got, m.knows = append(m.got, map[int]bool{}), append(m.knows, map[int]bool{})
		}
		for range rapid.IntRange(0, 120).Draw(r, "steps") {
			n := rapid.IntRange(0, nodes-1).Draw(r, "node")
			switch k := rapid.IntRange(0, 99).Draw(r, "what"); {
			case m.down[n]:
			case k < 25:
				m.send(n)
			case k < 98:
				m.deliver(n)
			default:
				m.down[n] = true
				m.h.Add(spec.Event{Kind: spec.Crash, Has: spec.HasNode, Node: spec.NodeID(n)})
			}
		}
		for n := range nodes {
			for !m.down[n] && m.deliver(n) {
			}
		}
		j.Load(m.h)
		for _, id := range twinned() {
			f := j.Check(id)
			if f.Verdict == spec.Pass {
				bites[id]++
			}
			if f.Verdict == spec.Error || f.Verdict == spec.Fail && (m.total || !onTotalOrder(id)) {
				r.Fatalf("%s: %+v\n%s", id, f, show(m.h))
			}
		}
	})
	for _, id := range twinned() {
		if twins[id] != nil && id != ChannelValidity && id != ChannelIntegrity && id != ClosedGroup && id != NoResurrection && id != AckedDelivered && bites[id] == 0 {
			t.Errorf("%s never passed", id)
		}
	}
}
