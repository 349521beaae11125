package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// The requirements on views once more, from their definitions: a view is looked up again at every event.

// vt is a view: its group, and its id; that of a header has none.
type vt struct {
	g      spec.GroupID
	id     spec.ViewID
	header bool
}

func (t *twin) isView(i int) bool {
	e := &t.h.Events[i]
	return e.Kind == spec.ViewChange && !e.Is(spec.IsTransitional) && !t.liar(e.Node)
}

func (t *twin) viewAt(i int) vt {
	return vt{g: t.h.Events[i].Group, id: t.h.ExtraOf(&t.h.Events[i]).View}
}

func (t *twin) mem(i int) []spec.NodeID { return t.h.ExtraOf(&t.h.Events[i]).Members }

func (t *twin) procAt(i int) twinProc {
	return twinProc{t.h.Events[i].Node, t.life(t.h.Events[i].Node, i)}
}

// in gives the view in which a process is just before an event, and its installation; -1 for a header's.
func (t *twin) in(p twinProc, g spec.GroupID, at int) (v vt, event int, ok bool) {
	v, event, ok = vt{g: g, header: true}, -1, p.inc == 0 && t.h.Groups[g].Is(p.node)
	for i := range t.h.Events[:at] {
		e := &t.h.Events[i]
		if e.Node != p.node || e.Group != g || t.life(p.node, i) != p.inc {
			continue
		}
		if e.Kind == spec.Left {
			ok = false
		}
		if t.isView(i) {
			v, event, ok = t.viewAt(i), i, true
		}
	}
	return v, event, ok
}

// views lists the installations.
func (t *twin) views() (out []int) {
	for i := range t.h.Events {
		if t.isView(i) {
			out = append(out, i)
		}
	}
	return out
}

// isBlocked says whether a process is blocked in a group just before an event.
func (t *twin) isBlocked(p twinProc, g spec.GroupID, at int) (blocked bool) {
	for i := range t.h.Events[:at] {
		e := &t.h.Events[i]
		if t.procAt(i) != p || e.Is(spec.HasGroup) && e.Group != g || t.liar(e.Node) {
			continue
		}
		switch e.Kind {
		case spec.Block:
			blocked = true
		case spec.Unblock, spec.Left:
			blocked = false
		}
	}
	return blocked
}

// unblock gives the event with which a message stopped waiting; -1 if it never did. ok is false if it did not wait.
func (t *twin) unblock(m int) (at int, ok bool) {
	x := t.msgs[m]
	p := x.from()
	if x.single || !t.isBlocked(p, x.group, x.event) {
		return -1, false
	}
	for i := x.event; i < len(t.h.Events); i++ {
		e := &t.h.Events[i]
		if t.procAt(i) == p && (e.Kind == spec.Left && e.Group == x.group) {
			return -1, true
		}
		if t.procAt(i) == p && e.Kind == spec.Unblock && (!e.Is(spec.HasGroup) || e.Group == x.group) {
			return i, true
		}
	}
	return -1, true
}

// sentView gives the view in which a message counts as sent, for a delivery at an event.
func (t *twin) sentView(m, at int) (vt, bool) {
	x := t.msgs[m]
	if x.single || x.lied {
		return vt{}, false
	}
	when := x.event
	if u, ok := t.unblock(m); ok && u >= 0 && u < at {
		when = u
	}
	v, _, ok := t.in(x.from(), x.group, when)
	return v, ok
}

// fresh lists the first deliveries that no log gave.
func (t *twin) fresh() (out []twinDelivery) {
	for _, d := range t.group {
		if !d.again && !t.h.Events[d.event].Is(spec.IsRedelivered) {
			out = append(out, d)
		}
	}
	return out
}

func (t *twin) deliveryView(d twinDelivery) (vt, bool) {
	v, _, ok := t.in(d.p, t.msgs[d.m].group, d.event)
	return v, ok
}

// set gives what a process delivered in the view in which it was before an installation.
func (t *twin) set(i int) map[int]bool {
	p := t.procAt(i)
	_, from, _ := t.in(p, t.h.Events[i].Group, i)
	out := map[int]bool{}
	for _, d := range t.fresh() {
		if d.p == p && t.msgs[d.m].group == t.h.Events[i].Group && d.event > from && d.event < i {
			out[d.m] = true
		}
	}
	return out
}

func equalSets(a, b map[int]bool) bool {
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return len(a) == len(b)
}

var viewTwins = map[spec.ID]func(*twin) answer{
	SelfInclusion: func(t *twin) (a answer) {
		for _, i := range t.views() {
			a.n++
			a.violated = a.violated || !slices.Contains(t.mem(i), t.h.Events[i].Node)
		}
		return a
	},
	ViewMonotonicity: func(t *twin) (a answer) {
		for _, i := range t.views() {
			counted := false
			for _, k := range t.views() {
				if k < i && t.h.Events[k].Node == t.h.Events[i].Node && t.h.Events[k].Group == t.h.Events[i].Group {
					counted = true
					a.violated = a.violated || t.viewAt(k).id.Compare(t.viewAt(i).id) >= 0
				}
			}
			if counted {
				a.n++
			}
		}
		return a
	},
	InitialView: func(t *twin) (a answer) {
		judge := func(p twinProc, i int, g spec.GroupID, member bool) {
			told := slices.ContainsFunc(t.views(), func(k int) bool { return t.viewAt(k).g == g })
			if !member || !told {
				return
			}
			a.n++
			v, _, ok := t.in(p, g, i)
			a.violated = a.violated || !ok || v.header
		}
		for _, x := range t.msgs {
			if !x.single && !x.refused && !x.lied {
				_, member := t.since(x.id.Sender, x.group, x.event, false)
				judge(x.from(), x.event, x.group, member)
			}
		}
		for _, d := range t.group {
			judge(d.p, d.event, t.msgs[d.m].group, t.may(d.p.node, t.msgs[d.m].group, d.event))
		}
		return a
	},
	ViewAgreement: func(t *twin) (a answer) {
		list := t.views()
		for x, i := range list {
			first := slices.IndexFunc(list, func(k int) bool { return t.viewAt(k) == t.viewAt(i) })
			if first == x {
				continue
			}
			if t.procAt(list[first]) != t.procAt(i) {
				a.n++
			}
			for n := range t.h.Nodes {
				a.violated = a.violated || slices.Contains(t.mem(list[first]), spec.NodeID(n)) != slices.Contains(t.mem(i), spec.NodeID(n))
			}
		}
		return a
	},
	PrimaryComponent: func(t *twin) (a answer) {
		for g := range t.h.Groups {
			all, edges := t.successions(spec.GroupID(g), true)
			for _, w := range all {
				for _, v := range all {
					if t.beginsAgain(w) && t.firstOf(v) < t.firstOf(w) {
						edges[[2]vt{v, w}] = true
					}
				}
			}
			a.n += max(len(all)-1, 0)
			a.violated = a.violated || !t.chain(all, edges)
		}
		return a
	},
	ViewOverlap: func(t *twin) (a answer) {
		for g := range t.h.Groups {
			all, edges := t.successions(spec.GroupID(g), false)
			after := closure(all, edges)
			for _, v := range all {
				for x, w := range all {
					for _, u := range all[:x] {
						if !edges[[2]vt{v, w}] || !edges[[2]vt{v, u}] {
							continue
						}
						common := slices.ContainsFunc(t.membersIn(w), func(n spec.NodeID) bool { return slices.Contains(t.membersIn(u), n) })
						if common && (after[[2]vt{u, w}] || after[[2]vt{w, u}]) {
							continue
						}
						a.n++
						a.violated = a.violated || common
					}
				}
			}
		}
		return a
	},
	SameViewDelivery: func(t *twin) (a answer) {
		a.violated = t.misnamed()
		list := t.fresh()
		for x, d := range list {
			v, ok := t.deliveryView(d)
			counted := false
			for _, b := range list[:x] {
				if w, in := t.deliveryView(b); ok && in && b.m == d.m {
					counted = true
					a.violated = a.violated || v != w
				}
			}
			if counted {
				a.n++
			}
		}
		return a
	},
	SendingViewDelivery: func(t *twin) (a answer) {
		a.violated = t.misnamed()
		for _, d := range t.fresh() {
			v, ok := t.deliveryView(d)
			if w, sent := t.sentView(d.m, d.event); ok && sent {
				a.n++
				a.violated = a.violated || v != w
			}
		}
		return a
	},
	VirtualSynchrony: func(t *twin) (a answer) {
		list := t.views()
		for x, i := range list {
			v, _, ok := t.in(t.procAt(i), t.h.Events[i].Group, i)
			if !ok || t.stated(i) {
				continue
			}
			first := true
			for _, k := range list[:x] {
				w, _, came := t.in(t.procAt(k), t.h.Events[k].Group, k)
				if !came || t.stated(k) || v != w || t.viewAt(i) != t.viewAt(k) || !first {
					continue
				}
				first = false
				if t.procAt(k) == t.procAt(i) {
					continue
				}
				if len(t.set(i))+len(t.set(k)) > 0 {
					a.n++
				}
				a.violated = a.violated || !equalSets(t.set(i), t.set(k))
			}
		}
		return a
	},
	TransitionalSet:    func(t *twin) answer { return t.transits(true) },
	SuccessorAgreement: func(t *twin) answer { return t.transits(false) },
	FlushBlock: func(t *twin) (a answer) {
		a.unknown = !slices.ContainsFunc(t.h.Events, func(e spec.Event) bool { return e.Kind == spec.Block && !t.liar(e.Node) })
		for _, d := range t.fresh() {
			if t.msgs[d.m].lied {
				continue
			}
			if u, ok := t.unblock(d.m); ok && t.bornInView(d.m) && (u < 0 || u > d.event) {
				a.violated = true
			}
			v, ok := t.deliveryView(d)
			if w, sent := t.sentView(d.m, len(t.h.Events)); ok && sent && v != w {
				a.violated = a.violated || !v.header && (w.header || w.id.Compare(v.id) < 0)
			}
		}
		a.n = -1
		return a
	},
	NoDeliveryAfterLeave: func(t *twin) (a answer) {
		for _, d := range t.group {
			left := false
			for i, e := range t.h.Events[:d.event] {
				if t.readmits(i, d.p.node, t.msgs[d.m].group) {
					left = false
				}
				if e.Node == d.p.node && e.Group == t.msgs[d.m].group {
					left = e.Kind == spec.Left || left && e.Kind != spec.Join && e.Kind != spec.Joined
				}
			}
			a.violated = a.violated || left
		}
		a.n = -1
		return a
	},
}

// bornInView says whether the sender of a message was in a view when it called send, or was freed in one.
func (t *twin) bornInView(m int) bool {
	u, _ := t.unblock(m)
	if u < 0 {
		u = t.msgs[m].event
	}
	_, _, ok := t.in(t.msgs[m].from(), t.msgs[m].group, u)
	return ok
}
