package checkers

import (
	"flag"
	"slices"
	"strconv"
	"testing"

	"github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// drawHistory draws a small history. Most of what happens is as it should be, so that passes occur as often as fails:
// how wild it is, is drawn first.
func drawHistory(t *rapid.T) *spec.History {
	d := drawer{t: t, h: &spec.History{}, wild: rapid.IntRange(0, 3).Draw(t, "wild")}
	nodes := rapid.IntRange(2, 4).Draw(t, "nodes")
	for n := range nodes {
		d.h.Nodes = append(d.h.Nodes, string(rune('a'+n)))
	}
	d.lives = make([]spec.Incarnation, nodes)
	d.down = make([]bool, nodes)
	d.numbers = make([]uint64, nodes)
	d.h.Settled = rapid.IntRange(0, 5).Draw(t, "settled") > 0
	d.h.Model = spec.CrashModel(rapid.IntRange(0, 1).Draw(t, "model"))
	for g := range rapid.IntRange(1, 2).Draw(t, "groups") {
		x := spec.Group{Name: string(rune('g' + g)), Closed: d.maybe(3)}
		for n := range nodes {
			if !d.maybe(6) {
				x.Members = append(x.Members, spec.NodeID(n))
			}
		}
		d.h.Groups = append(d.h.Groups, x)
	}
	d.garnish()
	for range rapid.IntRange(0, 24).Draw(t, "events") {
		d.event()
		if d.spicy && d.maybe(3) {
			d.spice()
		}
	}
	d.drain()
	d.bury()
	d.trim()
	return d.h
}

type drawer struct {
	t       *rapid.T
	h       *spec.History
	wild    int
	lives   []spec.Incarnation
	down    []bool
	numbers []uint64
	sends   []spec.Event
	spicy   bool
}

// one in n; never in a tame history.
func (d *drawer) one(n int) bool { return d.wild > 0 && d.maybe(n*(4-d.wild)) }

func (d *drawer) maybe(n int) bool { return rapid.IntRange(0, n-1).Draw(d.t, "one in") == 0 }

func (d *drawer) node() spec.NodeID {
	return spec.NodeID(rapid.IntRange(0, len(d.h.Nodes)-1).Draw(d.t, "node"))
}

func (d *drawer) groupID() spec.GroupID {
	return spec.GroupID(rapid.IntRange(0, len(d.h.Groups)-1).Draw(d.t, "group"))
}

func (d *drawer) add(e spec.Event) {
	e.T = spec.Time(len(d.h.Events)) * 1e5
	d.h.Add(e)
}

func (d *drawer) event() {
	n := d.node()
	switch k := rapid.IntRange(0, 19).Draw(d.t, "what"); {
	case k < 4 && len(d.sends) < 5:
		d.send(n)
	case k < 14:
		d.next(n)
	case k == 14 && len(d.sends) > 0:
		s := rapid.SampledFrom(d.sends).Draw(d.t, "of")
		kind := spec.Ack
		if d.one(3) {
			kind = spec.Refuse
		}
		d.add(spec.Event{Kind: kind, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: s.Node, Msg: s.Msg, Group: s.Group})
	case k == 15 && d.maybe(2):
		d.crash(n)
	case k == 16 && d.maybe(2):
		kind := rapid.SampledFrom([]spec.Kind{spec.Join, spec.Joined, spec.Leave, spec.Left}).Draw(d.t, "kind")
		d.add(spec.Event{Kind: kind, Has: spec.HasNode | spec.HasGroup, Node: n, Group: d.groupID()})
	case k == 17 && len(d.sends) > 0 && d.wild > 0: // any message anywhere
		d.deliver(n, rapid.SampledFrom(d.sends).Draw(d.t, "any"))
	case k == 18 && d.one(8): // nobody sent it, or not yet
		d.deliver(n, spec.Event{Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: d.node(),
			Msg: spec.MsgID{Sender: d.node(), Number: uint64(rapid.IntRange(1, 4).Draw(d.t, "number"))}, Group: d.groupID()})
	}
}

func (d *drawer) crash(n spec.NodeID) {
	kind := spec.Crash
	if d.down[n] || d.one(8) {
		kind = spec.Recover
		d.lives[n]++
		d.numbers[n] = 0
	}
	d.down[n] = kind == spec.Crash
	d.add(spec.Event{Kind: kind, Has: spec.HasNode, Node: n})
}

func (d *drawer) send(n spec.NodeID) {
	d.numbers[n] += uint64(rapid.SampledFrom([]int{1, 1, 1, 2, 500}).Draw(d.t, "number"))
	e := spec.Event{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasSum, Node: n,
		Msg: spec.MsgID{Sender: n, Incarnation: d.lives[n], Number: d.numbers[n]}, Sum: spec.Digest(len(d.sends))}
	if d.maybe(4) {
		e.Has |= spec.HasTo
		e.To = d.node()
	} else {
		e.Has |= spec.HasGroup
		e.Group = d.groupID()
	}
	d.sends = append(d.sends, e)
	d.add(e)
	if d.stranger(e) && !d.one(2) {
		e.Kind, e.Has = spec.Refuse, e.Has&^spec.HasSum
		d.add(e)
	}
}

// next delivers what a node has not delivered yet, mostly in the order of sends.
func (d *drawer) next(n spec.NodeID) {
	for _, s := range d.sends {
		if d.has(n, s) || s.Is(spec.HasTo) && s.To != n || d.stranger(s) && !d.one(2) {
			continue
		}
		if d.one(6) {
			d.miss(n, s)
			continue
		}
		d.deliver(n, s)
		return
	}
}

// stranger says whether a send came from outside a closed group.
func (d *drawer) stranger(s spec.Event) bool {
	g := &d.h.Groups[s.Group]
	return s.Is(spec.HasGroup) && g.Closed && !g.Is(s.Node)
}

func (d *drawer) has(n spec.NodeID, s spec.Event) bool {
	for _, e := range d.h.Events {
		if e.Kind == spec.Deliver && e.Node == n && e.Msg == s.Msg {
			return true
		}
	}
	return false
}

func (d *drawer) deliver(n spec.NodeID, s spec.Event) {
	e := s
	e.Kind, e.Node, e.Extra = spec.Deliver, n, 0
	e.Has |= spec.HasFrom
	e.From = s.Msg.Sender
	if d.one(20) {
		e.From = d.node()
	}
	if d.one(20) {
		e.Sum++
	}
	if d.one(20) {
		e.Has &^= spec.HasFrom
	}
	if d.one(20) {
		e.Has &^= spec.HasSum
	}
	if d.one(10) {
		e.Has |= spec.IsRedelivered
	}
	if d.one(25) {
		e.Group = d.groupID()
	}
	if d.one(25) {
		e.Has ^= spec.HasTo | spec.HasGroup
	}
	d.add(e)
}

// drain delivers, in most histories, all that is missing, so that liveness has its passes.
func (d *drawer) drain() {
	if d.maybe(3) {
		return
	}
	for n := range d.h.Nodes {
		for _, s := range d.sends {
			n := spec.NodeID(n)
			if d.down[n] || d.stranger(s) || d.has(n, s) || s.Is(spec.HasTo) && s.To != n {
				continue
			}
			if d.one(8) {
				d.miss(n, s)
				continue
			}
			d.deliver(n, s)
		}
	}
}

// rounds repeats a rapid property with other seeds: one round is what -rapid.checks says. Where there is a seed, the
// first round has that one and each next round the next, so that the seed that a failure names is enough to see it again.
func rounds(t *testing.T, n int, f func(*rapid.T)) {
	if testing.Short() {
		n = max(1, n/20)
	}
	seed := flag.Lookup("rapid.seed").Value
	first, err := strconv.ParseUint(seed.String(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = seed.Set(strconv.FormatUint(first, 10)) }()
	for i := range uint64(n) {
		if first != 0 {
			_ = seed.Set(strconv.FormatUint(first+i<<32, 10)) // far apart: a round counts its draws on from its seed
		}
		rapid.Check(t, f)
	}
}

// The judge and the twins must say the same of every history.
func TestTwins(t *testing.T) {
	ids := slices.DeleteFunc(twinned(), func(id spec.ID) bool { return orderTwins[id] != nil })
	counts := map[spec.ID]map[spec.Verdict]int{}
	implied := map[spec.ID][]spec.ID{}
	for _, id := range ids {
		counts[id] = map[spec.Verdict]int{}
		implied[id] = spec.Implies(id)
	}
	var j Judge // one for all: what it remembers of the last history must not matter
	found := map[spec.ID]spec.Verdict{}
	total := 0
	rounds(t, 200, func(r *rapid.T) {
		draw := drawHistory
		if rapid.IntRange(0, 3).Draw(r, "logs") == 0 {
			draw = drawLogs
		}
		h := draw(r)
		w := newTwin(h)
		j.Load(h)
		total++
		clear(found)
		for _, id := range ids {
			f := j.Check(id)
			v, n := w.verdict(id)
			found[id] = v
			counts[id][v]++
			if f.Missing > 0 {
				counts[id][spec.Fail]++ // of a statistic
			}
			if f.Verdict != v || v != spec.Fail && f.Antecedents != n {
				r.Fatalf("%s: judge %+v, twin %v with %d\n%s", id, f, v, n, show(h))
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
	})
	for _, id := range ids {
		c := counts[id]
		t.Logf("%-22s pass %d fail %d inconclusive %d", id, c[spec.Pass], c[spec.Fail], c[spec.Inconclusive])
		if total < 1000 {
			continue // -short
		}
		if c[spec.Pass] < total/100 || c[spec.Fail] < total/200 {
			t.Errorf("%s: too few of one kind: %v of %d", id, c, total)
		}
	}
}

// checkWitness: the events of a witness alone, among the crashes and memberships of the run, still fail. What is not judged
// of views takes its members from all of them.
func checkWitness(r *rapid.T, h *spec.History, id spec.ID, f spec.Finding) {
	g := gomega.NewWithT(r)
	if f.Verdict != spec.Fail {
		g.Expect(f.Witness).To(gomega.BeNil())
		return
	}
	g.Expect(f.Witness.Text).NotTo(gomega.BeEmpty())
	g.Expect(f.Witness.Events).NotTo(gomega.BeEmpty())
	keep := map[int]bool{}
	for k, i := range f.Witness.Events {
		g.Expect(k == 0 || f.Witness.Events[k-1] < i).To(gomega.BeTrue(), "ascending")
		keep[i] = true
	}
	if got := Check(cited(h, id, keep), id)[0]; got.Verdict != spec.Fail {
		r.Fatalf("%s: the witness %v proves nothing: %+v\n%s", id, *f.Witness, got, show(h))
	}
}

// cited gives what a witness keeps of a history.
func cited(h *spec.History, id spec.ID, keep map[int]bool) *spec.History {
	sub := &spec.History{Header: h.Header, Extras: h.Extras}
	for i, e := range h.Events {
		switch e.Kind {
		case spec.Crash, spec.Recover, spec.Join, spec.Joined, spec.Leave, spec.Left:
			sub.Add(e)
		case spec.ViewChange, spec.Block, spec.Unblock:
			if keep[i] || !onViews(id) || id == JoinComplete || id == GroupRestart { // which say who is a member
				sub.Add(e)
			}
		default:
			if keep[i] {
				sub.Add(e)
			}
		}
	}
	return sub
}
