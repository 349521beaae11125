package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// What the members of a group should be at the end, by node.
const (
	outOf  uint8 = iota // no view has it
	maybe               // it may be in the views, if it is in the same
	within              // it is in all
)

// membershipPrecision judges MEMBERSHIP-PRECISION: in a settled run the last views of the members of a connected component
// have one id, and their members are the component's: nobody is missing, and nobody is in that died, left, or is cut off
// (CKV01, precise membership). Who is cut off at the end is a component alone. Who stands still, is about to join or leave,
// or came back in the crash-stop model without joining, or in another life than that in which it joined or left, may be a member or not, but not one that does not know it. It
// counts the members of groups in which views are told and somebody crashed, came back, stood still, joined, left or was
// cut off.
func (j *Judge) membershipPrecision() spec.Finding {
	switch {
	case !j.viewed:
		return inconclusive(0, noViews)
	case !j.h.Settled:
		return inconclusive(0, notSettled)
	}
	if whole := j.findCuts(); !whole {
		return inconclusive(0, "not observed: node of a fault that is not healed")
	}
	groups := len(j.h.Groups)
	j.last = zeroed(j.last, len(j.procs)*groups) // process × group: its last installation + 1
	j.beginStands(j.h)
	for i, s := range j.steps {
		if at, ok := j.turnStand(i, s); ok {
			x := &j.installs[at]
			j.last[int(x.proc)*groups+int(j.views[x.view].key.group)] = uint32(at) + 1
		}
	}
	n := 0
	for g := range groups {
		if !slices.ContainsFunc(j.views[groups:], func(v view) bool { return int(v.key.group) == g }) {
			continue
		}
		changed := j.expect(g)
		for q := range j.h.Nodes {
			if j.bits[q] != within {
				continue
			}
			if changed {
				n++
			}
			if f := j.precise(n, g, spec.NodeID(q)); f.Verdict == spec.Fail {
				return f
			}
		}
	}
	return held(n, "vacuous: nobody crashed, came back, joined, left or was cut off")
}

// findCuts finds out in j.plights who stands still or is cut off at the end; false if it is not known whom a fault cuts
// off that is not healed.
func (j *Judge) findCuts() bool {
	j.plights = zeroed(j.plights, len(j.h.Nodes))
	j.row = j.row[:0] // faults of nobody in particular that are not healed
	for i, s := range j.steps {
		if o := s.op(); o != opCrash && o != opRecover && o != opRare {
			continue
		}
		e := &j.h.Events[i]
		j.turnPlight(i)
		id := uint32(extraOf(j.h, e).ID)
		switch {
		case e.Kind == spec.Fault && !e.Is(spec.HasNode):
			j.row = append(j.row, id)
		case e.Kind == spec.Heal:
			if k := slices.Index(j.row, id); k >= 0 {
				j.row = slices.Delete(j.row, k, k+1)
			}
		}
	}
	return len(j.row) == 0
}

// expect says in j.bits what the members of a group should be, and whether anything has changed since the start.
func (j *Judge) expect(g int) (changed bool) {
	j.bits = zeroed(j.bits, len(j.h.Nodes))
	for n := range j.h.Nodes {
		if j.h.Groups[g].Is(spec.NodeID(n)) {
			j.bits[n] = within
		}
	}
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch s.op() {
		case opCrash:
			changed = true
		case opRecover:
			changed = true
			configured := j.h.Groups[g].Is(e.Node) // the next life forgets that it has left, or joined
			if (j.h.Model == spec.CrashStop || !configured) && j.bits[e.Node] == within || configured && j.bits[e.Node] == outOf {
				j.bits[e.Node] = maybe
			}
		case opMember:
			if int(e.Group) != g {
				continue
			}
			changed = true
			switch e.Kind {
			case spec.Join, spec.Leave:
				j.bits[e.Node] = maybe
			case spec.Joined:
				j.bits[e.Node] = within
			case spec.Left:
				j.bits[e.Node] = outOf
			}
		case opRare:
			changed = changed || e.Kind == spec.Fault || e.Kind == spec.Pause
		}
	}
	for n := range j.h.Nodes {
		switch p := &j.plights[n]; {
		case p.down != 0:
			j.bits[n] = outOf
		case p.still != 0 || j.lies(spec.NodeID(n)):
			j.bits[n] = min(j.bits[n], maybe)
		}
	}
	return changed
}

// ends gives the last view of a node in a group, + 1, and its installation; -1 for that of the header.
func (j *Judge) ends(g int, q spec.NodeID) (v uint32, at int) {
	k := int(j.now[q])*len(j.h.Groups) + g
	return j.stand[k], int(j.last[k]) - 1
}

// precise judges the last view of one member. What it says is put together only where it fails.
func (j *Judge) precise(n, g int, q spec.NodeID) spec.Finding {
	v, at := j.ends(g, q)
	if v == 0 {
		return violated(n, fmt.Sprintf("%s, a member of group %s that is up, is in no view at the end", j.node(q), j.h.GroupName(spec.GroupID(g))),
			append(j.deathsOf(q), j.someView(g))...)
	}
	in := j.h.Groups[g].Members
	if at >= 0 && v > uint32(len(j.h.Groups)) {
		in = j.listOf(at)
	}
	for r := range j.h.Nodes {
		r := spec.NodeID(r)
		has, together := slices.Contains(in, r), r == q || j.plights[r].cut == 0 && j.plights[q].cut == 0
		w, other := j.ends(g, r)
		switch {
		case has && (j.bits[r] == outOf || !together):
			return j.imprecise(n, g, q, r, fmt.Sprintf("with %s, which is no member any more, is down, or is cut off", j.node(r)))
		case !has && j.bits[r] == within && together:
			return j.imprecise(n, g, q, r, fmt.Sprintf("without %s, which is a member, up and connected", j.node(r)))
		case has && together && w != v && (j.bits[r] == within || j.plights[r].still == 0 && !j.lies(r)):
			if other >= 0 && w > uint32(len(j.h.Groups)) {
				return j.imprecise(n, g, q, r, fmt.Sprintf("with %s, which installed %s last, at %s", j.node(r), j.viewName(w-1),
					j.time(int(j.installs[other].event))), int(j.installs[other].event))
			}
			if w != 0 {
				return j.imprecise(n, g, q, r, fmt.Sprintf("with %s, which is in the view of the start", j.node(r)))
			}
			return j.imprecise(n, g, q, r, fmt.Sprintf("with %s, which is in no view", j.node(r)))
		}
	}
	return spec.Finding{}
}

// imprecise is the witness of a last view of q in which r should not be, or which lacks it.
func (j *Judge) imprecise(n, g int, q, r spec.NodeID, text string, events ...int) spec.Finding {
	v, at := j.ends(g, q)
	what := fmt.Sprintf("the last view of %s in group %s is the view of the start", j.node(q), j.h.GroupName(spec.GroupID(g)))
	if at >= 0 && v > uint32(len(j.h.Groups)) {
		what = "in the end " + j.installed(at)
		events = append(events, int(j.installs[at].event))
	} else {
		events = append(events, j.someView(g))
	}
	events = append(append(events, j.deathsOf(q)...), j.deathsOf(r)...)
	return violated(n, what+" "+text, events...)
}

// deathsOf gives the pauses, returns from them and cuts of a node; crashes, joins and leaves are in every witness.
func (j *Judge) deathsOf(q spec.NodeID) (events []int) {
	p := &j.plights[q]
	for _, at := range []uint32{p.still, p.cut} {
		if at != 0 {
			events = append(events, int(at-1))
		}
	}
	if p.down != 0 {
		events = append(events, int(p.down-1))
	}
	return events
}

// someView gives an installation that shows that views of a group are told.
func (j *Judge) someView(g int) int {
	for at := range j.installs {
		if int(j.views[j.installs[at].view].key.group) == g {
			return int(j.installs[at].event)
		}
	}
	panic("checkers: no view of the group is told")
}
