package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// How views follow each other, and who came along to which, from the definitions.

// membersIn gives the members of a view by its first installation.
func (t *twin) membersIn(v vt) []spec.NodeID {
	if v.header {
		return t.h.Groups[v.g].Members
	}
	for _, i := range t.views() {
		if t.viewAt(i) == v {
			return t.mem(i)
		}
	}
	return nil
}

// successions lists the views of a group, and which somebody installed right after which; brought says whether who comes
// back and is given a state comes from the view in which it died.
func (t *twin) successions(g spec.GroupID, brought bool) (all []vt, edges map[[2]vt]bool) {
	edges = map[[2]vt]bool{}
	for _, i := range t.views() {
		if t.h.Events[i].Group != g {
			continue
		}
		v, _, ok := t.in(t.procAt(i), g, i)
		if t.h.Model == spec.CrashRecovery && (ok || brought || !t.stated(i)) { // the last of all incarnations, unless it left
			v, ok = vt{g: g, header: true}, t.h.Groups[g].Is(t.h.Events[i].Node)
			for k := range i {
				if e := &t.h.Events[k]; e.Node == t.h.Events[i].Node && e.Group == g {
					if e.Kind == spec.Left {
						ok = false
					}
					if t.isView(k) {
						v, ok = t.viewAt(k), true
					}
				}
			}
		}
		w := t.viewAt(i)
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
		if !ok {
			continue
		}
		edges[[2]vt{v, w}] = true
		if v.header && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all, edges
}

// beginsAgain says whether a group begins again with a view: who installed it first came from nowhere in its life, and nobody of the view
// that came last before it was up and in a view then.
func (t *twin) beginsAgain(w vt) bool {
	at := t.firstOf(w)
	if at < 0 {
		return false
	}
	_, _, came := t.in(t.procAt(at), w.g, at)
	last, some := vt{}, false
	for _, i := range t.views() {
		if v := t.viewAt(i); i < at && v.g == w.g && i == t.firstOf(v) {
			last, some = v, true
		}
	}
	if came || !some {
		return false
	}
	for _, q := range t.membersIn(last) {
		if q < 0 || int(q) >= len(t.h.Nodes) || t.liar(q) {
			continue
		}
		p := twinProc{q, t.life(q, at)}
		_, _, in := t.in(p, w.g, at)
		down := false
		for i, e := range t.h.Events[:at] {
			down = down || e.Kind == spec.Crash && e.Node == q && t.life(q, i) == p.inc
		}
		if in && !down {
			return false
		}
	}
	return true
}

func closure(all []vt, edges map[[2]vt]bool) map[[2]vt]bool {
	after := map[[2]vt]bool{}
	for e := range edges {
		after[e] = true
	}
	for _, k := range all {
		for _, i := range all {
			for _, j := range all {
				if after[[2]vt{i, k}] && after[[2]vt{k, j}] {
					after[[2]vt{i, j}] = true
				}
			}
		}
	}
	return after
}

// chain tries all orders of the views: one must go along edges, and against none.
func (t *twin) chain(left []vt, edges map[[2]vt]bool) bool {
	var try func(done, left []vt) bool
	try = func(done, left []vt) bool {
		if len(left) == 0 {
			return true
		}
		for i, v := range left {
			if len(done) > 0 && !edges[[2]vt{done[len(done)-1], v}] || edges[[2]vt{v, v}] {
				continue
			}
			back := false
			for _, w := range done {
				back = back || edges[[2]vt{v, w}]
			}
			if back {
				continue
			}
			rest := append(slices.Clone(left[:i]), left[i+1:]...)
			if try(append(slices.Clone(done), v), rest) {
				return true
			}
		}
		return false
	}
	return try(nil, left)
}

// transits looks at each transitional set, and at each member of the view.
func (t *twin) transits(whole bool) (a answer) {
	for _, i := range t.views() {
		e := &t.h.Events[i]
		p := t.procAt(i)
		v, from, ok := t.in(p, e.Group, i)
		before := t.h.Groups[e.Group].Members
		if from >= 0 {
			before = t.mem(from)
		}
		told := -1
		for k := from + 1; k < i; k++ {
			x := &t.h.Events[k]
			if t.procAt(k) != p || x.Group != e.Group {
				continue
			}
			if x.Kind == spec.Left {
				told = -1
			}
			if x.Kind == spec.ViewChange && x.Is(spec.IsTransitional) {
				told = k
			}
		}
		if !ok || told < 0 {
			continue
		}
		set := t.mem(told)
		if whole {
			a.n++
			for _, q := range set {
				a.violated = a.violated || !slices.Contains(t.mem(i), q) || !slices.Contains(before, q)
			}
		}
		for n := range t.h.Nodes {
			q, k := spec.NodeID(n), -1
			for _, x := range t.views() {
				if t.h.Events[x].Node == q && t.viewAt(x) == t.viewAt(i) {
					k = x
				}
			}
			if k < 0 || whole && !slices.Contains(t.mem(i), q) {
				continue
			}
			w, _, came := t.in(t.procAt(k), e.Group, k)
			same, said := came && w == v, slices.Contains(set, q)
			if whole {
				a.violated = a.violated || same != said && !(same && t.stated(k))
			} else if said && q != e.Node {
				a.n++
				a.violated = a.violated || !same
			}
		}
	}
	return a
}

// stated says whether a process was given a state between an installation and its next one.
func (t *twin) stated(at int) bool {
	for i := at + 1; i < len(t.h.Events); i++ {
		e := &t.h.Events[i]
		if e.Node != t.h.Events[at].Node || e.Group != t.h.Events[at].Group {
			if e.Kind == spec.Crash && e.Node == t.h.Events[at].Node {
				return false
			}
			continue
		}
		switch e.Kind {
		case spec.Crash, spec.Left:
			return false
		case spec.Restore:
			return true
		case spec.ViewChange:
			if t.isView(i) {
				return false
			}
		}
	}
	return false
}
