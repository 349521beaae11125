package checkers

import (
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// orderTwins are the requirements on orders, barriers and what is built on them.
var orderTwins = map[spec.ID]func(*twin) answer{
	TotalGapFree: func(t *twin) answer {
		return t.gapFree(t.just, t.just)
	},
	UniformTotalOrder: func(t *twin) answer {
		return answer{n: t.shared(t.oneDead), violated: t.cyclic(everyone, sameGroup)}
	},
	UniformTotalGapFree: func(t *twin) answer { return t.gapFree(everyone, t.fell) },
	TotalOrderPrefix:    func(t *twin) answer { return t.prefixes() },
	NoContamination:     func(t *twin) answer { return t.contamination() },
	PositionAgreement: func(t *twin) (a answer) {
		for k, d := range t.group {
			e := t.h.Events[d.event]
			again := false
			for _, x := range t.group[:k] {
				f := t.h.Events[x.event]
				if !e.Is(spec.HasPos) || !f.Is(spec.HasPos) || e.Group != f.Group {
					continue
				}
				same := t.h.ExtraOf(&e).Pos == t.h.ExtraOf(&f).Pos
				again = again || same || d.m == x.m
				a.violated = a.violated || same != (d.m == x.m)
			}
			if again {
				a.n++
			}
		}
		return a
	},
	SyncBarrier: func(t *twin) answer { return t.barriers() },
	SyncCut:     func(t *twin) answer { return t.cuts() },
	SyncCausal:  func(t *twin) answer { return t.barrierPasts() },
	SyncBlocking: func(t *twin) (a answer) {
		for i, e := range t.h.Events {
			if e.Kind != spec.Synced || t.liar(e.Node) || !e.Is(spec.HasOf|spec.HasGroup) {
				continue
			}
			call := -1
			for k, c := range t.h.Events[:i] {
				if c.Kind == spec.Sync && c.Node == e.Node && c.Is(spec.HasID) && t.h.ExtraOf(&c).ID == t.h.ExtraOf(&e).Of {
					call = k
				}
			}
			if call < 0 {
				continue
			}
			flight := false
			for m := range t.msgs {
				if t.msgs[m].event < call && t.msgs[m].group == t.h.Events[call].Group && t.inFlight(m, call) {
					flight = true
					a.violated = a.violated || t.inFlight(m, i)
				}
			}
			if flight {
				a.n++
			}
		}
		return a
	},
	RealTimeOrder: func(t *twin) (a answer) {
		if t.h.Epsilon == 0 {
			return a
		}
		for _, p := range t.procs() {
			for y := range t.msgs {
				counted := false
				for x := range t.msgs {
					m, w := t.msgs[x], t.msgs[y]
					ack := t.acked(x)
					if x == y || m.single || w.single || m.group != w.group || m.void() || w.void() || ack < 0 || t.at(p, x) < 0 || t.at(p, y) < 0 {
						continue
					}
					if t.h.Events[ack].T+spec.Time(t.h.Epsilon) < t.h.Events[w.event].T {
						counted = true
						a.violated = a.violated || t.at(p, x) > t.at(p, y)
					}
				}
				if counted {
					a.n++
				}
			}
		}
		return a
	},
	Timeliness: func(t *twin) answer {
		bound, ok := t.h.Bounds["TIMELINESS"]
		if !ok {
			return answer{}
		}
		return t.late(bound)
	},
	CrossGroupCausal: func(t *twin) (a answer) {
		n := len(t.msgs)
		r := make([][]bool, n)
		for x := range r {
			r[x] = make([]bool, n)
			for y := range r {
				m, w := &t.msgs[x], &t.msgs[y]
				if m.single || w.single || m.void() || w.void() {
					continue
				}
				at := t.at(w.from(), x)
				r[x][y] = m.from() == w.from() && m.event < w.event || at >= 0 && at < w.event
			}
		}
		warshall(r)
		for _, p := range t.procs() {
			for y := range t.msgs {
				crosses := false
				for x := range t.msgs {
					if r[x][y] && t.at(p, x) >= 0 && t.at(p, y) >= 0 {
						crosses = crosses || t.msgs[x].group != t.msgs[y].group
						a.violated = a.violated || t.at(p, x) > t.at(p, y)
					}
				}
				if crosses {
					a.n++
				}
			}
		}
		return a
	},
	CrossGroupTotal: func(t *twin) answer {
		a := answer{violated: t.cyclic(t.just, func(a, b *twinMsg) bool { return !a.single && !b.single })}
		groups := map[spec.GroupID]bool{}
		for m, x := range t.msgs {
			if !x.single && t.twoCorrect(m) {
				groups[x.group] = true
				a.n++
			}
		}
		if len(groups) < 2 {
			a.n = 0
		}
		return a
	},
	ReplicaConvergence: func(t *twin) answer { return t.replicas() },
	ElectionSafety: func(t *twin) (a answer) {
		type term struct {
			group spec.GroupID
			view  spec.ViewID
		}
		leaders := map[term][]twinProc{}
		for i, e := range t.h.Events {
			x := t.h.ExtraOf(&e)
			if e.Kind != spec.Note || x.Op != "leader" || t.liar(e.Node) || !e.Is(spec.HasPos) && !e.Is(spec.HasView) {
				continue
			}
			k := term{-1, spec.ViewID{Epoch: x.Pos}}
			if e.Is(spec.HasGroup) {
				k.group = e.Group
			}
			if e.Is(spec.HasView) {
				k.view = x.View
			}
			leaders[k] = append(leaders[k], twinProc{e.Node, t.life(e.Node, i)})
		}
		for _, list := range leaders {
			a.n++
			for _, p := range list {
				a.violated = a.violated || p.node != list[0].node || p.inc != list[0].inc && t.h.Model == spec.CrashStop
			}
		}
		return a
	},
	MutualExclusion: func(t *twin) (a answer) {
		for i, e := range t.h.Events {
			if !t.isNote(i, "enter") {
				continue
			}
			p := twinProc{e.Node, t.life(e.Node, i)}
			last := -1
			for k := range i {
				if t.isNote(k, "enter") && t.sameLock(k, i) {
					last = k
				}
			}
			if last < 0 {
				continue
			}
			q := twinProc{t.h.Events[last].Node, t.life(t.h.Events[last].Node, last)}
			if p == q {
				continue
			}
			a.n++
			inside := true
			for k := last; k < i; k++ {
				f := t.h.Events[k]
				if f.Node == q.node && (f.Kind == spec.Crash || t.isNote(k, "exit") && t.sameLock(k, i)) {
					inside = false
				}
			}
			a.violated = a.violated || inside
		}
		return a
	},
	CostDelay: func(t *twin) answer {
		k, ok := t.h.Costs["COST-DELAY"]
		d := t.h.Bounds["DELAY"]
		if !ok || d == 0 || slices.ContainsFunc(t.h.Events, func(e spec.Event) bool {
			return e.Kind == spec.Crash || e.Kind == spec.Fault || e.Kind == spec.Pause
		}) {
			return answer{}
		}
		return t.late(time.Duration(k) * d)
	},
}

func everyone(twinProc, int) bool { return true }

func sameGroup(a, b *twinMsg) bool { return !a.single && !b.single && a.group == b.group }

func (t *twin) isNote(i int, op string) bool {
	e := t.h.Events[i]
	return e.Kind == spec.Note && t.h.ExtraOf(&e).Op == op && !t.liar(e.Node)
}

func (t *twin) sameLock(i, k int) bool {
	e, f := t.h.Events[i], t.h.Events[k]
	return e.Is(spec.HasGroup) == f.Is(spec.HasGroup) && (!e.Is(spec.HasGroup) || e.Group == f.Group) &&
		t.h.ExtraOf(&e).Object == t.h.ExtraOf(&f).Object
}

// cyclic says whether "one of these delivered it before" has a cycle among related messages.
func (t *twin) cyclic(who func(twinProc, int) bool, related func(a, b *twinMsg) bool) bool {
	n := len(t.msgs)
	r := make([][]bool, n)
	for x := range r {
		r[x] = make([]bool, n)
		for y := range r {
			for _, p := range t.procs() {
				a, b := t.at(p, x), t.at(p, y)
				r[x][y] = r[x][y] || who(p, x) && who(p, y) && related(&t.msgs[x], &t.msgs[y]) && a >= 0 && a < b
			}
		}
	}
	warshall(r)
	for x := range r {
		if r[x][x] {
			return true
		}
	}
	return false
}

func (t *twin) twoCorrect(m int) bool {
	n := 0
	for _, p := range t.procs() {
		if t.just(p, m) && t.at(p, m) >= 0 {
			n++
		}
	}
	return n >= 2
}

func (t *twin) oneDead(m int) bool {
	n, dead := 0, false
	for _, p := range t.procs() {
		if t.at(p, m) >= 0 {
			n++
			dead = dead || t.fell(p, m)
		}
	}
	return n >= 2 && dead
}

// shared counts such messages, in groups that have two of them.
func (t *twin) shared(such func(int) bool) (n int) {
	for g := range t.h.Groups {
		k := 0
		for m, x := range t.msgs {
			if !x.single && x.group == spec.GroupID(g) && such(m) {
				k++
			}
		}
		if k >= 2 {
			n += k
		}
	}
	return n
}

// gapFree: one order, and nobody lacks what another one has delivered before a common message.
func (t *twin) gapFree(who, needs func(twinProc, int) bool) answer {
	a := answer{violated: t.cyclic(who, sameGroup)}
	for y, m := range t.msgs {
		if m.single {
			continue
		}
		several, needed, later := 0, false, false
		for _, p := range t.procs() {
			if !who(p, y) || t.at(p, y) < 0 {
				continue
			}
			several++
			needed = needed || needs(p, y)
			for x := range t.msgs {
				if !sameGroup(&t.msgs[x], &m) || !who(p, x) || t.at(p, x) < 0 || t.at(p, x) >= t.at(p, y) {
					continue
				}
				later = true
				for _, q := range t.procs() {
					if who(q, y) && q != p && t.at(q, y) >= 0 && t.at(q, x) < 0 && t.msgs[x].judged() && t.within(q, x, t.at(q, y)) {
						a.violated = true
					}
				}
			}
		}
		if several > 1 && needed && later {
			a.n++
		}
	}
	return a
}

// prefixes compares the sequences of every two installations of a view.
func (t *twin) prefixes() (a answer) {
	type line struct {
		group        int
		view         spec.ViewID
		has, passing bool
	}
	lists := map[line][][]int{}
	for _, p := range t.procs() {
		for g := range t.h.Groups {
			group := spec.GroupID(g)
			var now *line
			if p.inc == 0 && t.h.Groups[g].Is(p.node) {
				now = &line{group: g}
			}
			var list []int
			put := func() {
				if now != nil {
					lists[*now] = append(lists[*now], list)
				}
				now, list = nil, nil
			}
			for i, e := range t.h.Events {
				if e.Node != p.node || t.life(p.node, i) != p.inc || t.liar(e.Node) {
					continue
				}
				switch {
				case e.Kind == spec.ViewChange && e.Group == group:
					put()
					now = &line{g, t.h.ExtraOf(&e).View, true, e.Is(spec.IsTransitional)}
				case e.Group == group && (e.Kind == spec.Join || e.Kind == spec.Leave || e.Kind == spec.Left),
					e.Group == group && e.Kind == spec.Joined && (now == nil || !now.has):
					put()
				case e.Kind == spec.Deliver:
					for _, d := range t.group {
						if d.event == i && !d.again && t.msgs[d.m].group == group {
							list = append(list, d.m)
						}
					}
				}
			}
			put()
		}
	}
	for _, all := range lists {
		longest := 0
		for _, x := range all {
			a.n += len(x)
			longest = max(longest, len(x))
			for _, y := range all {
				k := min(len(x), len(y))
				a.violated = a.violated || !slices.Equal(x[:k], y[:k])
			}
		}
		a.n -= longest
	}
	return a
}

func (t *twin) contamination() (a answer) {
	if !t.h.Settled {
		return a
	}
	got := func(m int) bool {
		return slices.ContainsFunc(t.procs(), func(p twinProc) bool { return t.just(p, m) && t.at(p, m) >= 0 })
	}
	for m, x := range t.msgs {
		if x.single || x.lied || !got(m) {
			continue
		}
		s := x.from()
		before := func(y int) bool {
			return sameGroup(&t.msgs[y], &x) && t.at(s, y) >= 0 && t.at(s, y) < x.event
		}
		some := false
		for y := range t.msgs {
			if !before(y) {
				continue
			}
			some = true
			if t.msgs[y].judged() && !got(y) {
				for n := range t.h.Nodes {
					a.violated = a.violated || t.owes(spec.NodeID(n), y)
				}
			}
			for z := range t.msgs {
				for _, c := range t.procs() {
					if before(z) && t.just(c, y) && t.just(c, z) && t.at(s, y) < t.at(s, z) && t.at(c, z) >= 0 && t.at(c, z) < t.at(c, y) {
						a.violated = true
					}
				}
			}
		}
		if some && t.crashed(s) {
			a.n++
		}
	}
	return a
}

// acked gives the first acknowledgement of a message; -1 without.
func (t *twin) acked(m int) int {
	for i, e := range t.h.Events {
		if e.Kind == spec.Ack && e.Node == e.Msg.Sender && e.Msg == t.msgs[m].id && i > t.msgs[m].event && !t.liar(e.Node) {
			return i
		}
	}
	return -1
}

// late finds deliveries later than the bound after their sends.
func (t *twin) late(bound time.Duration) (a answer) {
	for _, d := range t.group {
		if d.again || t.msgs[d.m].lied || t.h.Events[d.event].Is(spec.IsRedelivered) {
			continue
		}
		a.n++
		a.violated = a.violated || t.h.Events[d.event].T > t.h.Events[t.msgs[d.m].event].T+spec.Time(bound)
	}
	return a
}

func (t *twin) replicas() (a answer) {
	if !t.h.Settled {
		return a
	}
	type state struct {
		group spec.GroupID
		sum   spec.Digest
		set   []int
	}
	var states []state
	for _, p := range t.procs() {
		for g := range t.h.Groups {
			g, last := spec.GroupID(g), -1
			for i, e := range t.h.Events {
				if t.isNote(i, "state") && e.Is(spec.HasSum|spec.HasGroup) && e.Group == g && e.Node == p.node && t.life(p.node, i) == p.inc {
					last = i
				}
			}
			if last < 0 || !t.correct(p.node) || p.inc != t.life(p.node, len(t.h.Events)) {
				continue
			}
			x := state{group: g, sum: t.h.Events[last].Sum}
			for m, y := range t.msgs {
				applied := t.at(p, m) >= 0 && t.at(p, m) < last
				for i, e := range t.h.Events[:last] {
					applied = applied || e.Kind == spec.Restore && e.Node == p.node && t.life(p.node, i) == p.inc && i > y.event &&
						slices.Contains(t.h.ExtraOf(&e).Msgs, y.id)
				}
				if applied && !y.single && y.group == g {
					x.set = append(x.set, m)
				}
			}
			states = append(states, x)
		}
	}
	for k, x := range states {
		for _, y := range states[:k] {
			if x.group == y.group && slices.Equal(x.set, y.set) {
				if len(x.set) > 1 {
					a.n++
				}
				a.violated = a.violated || x.sum != y.sum
			}
		}
	}
	return a
}
