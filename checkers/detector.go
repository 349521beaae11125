package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// notice is what a process thinks of one that is dead at the end.
type notice struct {
	since uint32 // the event, + 1, since which it suspects it, or has it in no view; 0 if it does neither
	turn  uint32 // the last event, + 1, at which that changed
	why   uint8
}

// Why a process has noticed that another one is dead.
const (
	isSuspected uint8 = 1 << iota
	notInView
)

// death is a member's last crash, after which it did not come back.
type death struct {
	node     spec.NodeID
	event    uint32
	deadline spec.Time // when everybody must have noticed
}

const nothingOfDeaths = "not observed: suspect, or view"

// detectorCompleteness judges DETECTOR-COMPLETENESS: a member that crashed and stays down is suspected by every correct
// member that was one at the crash, or is not in its last view (CGR11, strong completeness). From then on: who trusts it
// again has not noticed. Where a bound is declared that must be so when the bound has passed; it begins anew with every
// fault and its end, every crash and return, and runs while nothing is broken. Who crashes forgets what it suspected. A
// history without suspicions and views, and without a bound, does not show who notices.
func (j *Judge) detectorCompleteness() spec.Finding {
	bound, bounded := j.h.Bounds[string(DetectorCompleteness)]
	if !j.findDeaths(spec.Time(bound), bounded) {
		return inconclusive(0, "vacuous: no member crashed and stayed down")
	}
	if tooLarge(len(j.h.Groups)*len(j.h.Nodes), len(j.deaths)) {
		return broken()
	}
	j.notices = zeroed(j.notices, len(j.h.Groups)*len(j.h.Nodes)*len(j.deaths))
	observed := bounded
	for i, s := range j.steps {
		if o := s.op(); o != opRare && o != opCrash {
			continue
		}
		switch e := &j.h.Events[i]; e.Kind {
		case spec.Suspect, spec.Trust:
			observed = true
			j.noteSuspicion(e, i)
		case spec.ViewChange:
			observed = true
			j.noteView(e, i)
		case spec.Crash:
			for g := range j.h.Groups {
				clear(j.noticesOf(g, e.Node))
			}
		}
	}
	if !observed {
		return inconclusive(0, nothingOfDeaths)
	}
	return j.unnoticed(bounded)
}

// findDeaths lists the members that are down at the end, and says whether there are any. In j.row each node has its
// death + 1.
func (j *Judge) findDeaths(bound spec.Time, bounded bool) bool {
	j.deaths = j.deaths[:0]
	j.row = zeroed(j.row, len(j.h.Nodes))
	for n := range j.h.Nodes {
		if c := j.procs[j.now[n]].crash; c != never && !j.lies(spec.NodeID(n)) {
			j.deaths = append(j.deaths, death{node: spec.NodeID(n), event: c, deadline: ages})
			j.row[n] = uint32(len(j.deaths))
		}
	}
	if len(j.deaths) > 0 && bounded {
		j.disturbances()
		free := ages
		for k := len(j.breaks) - 1; k >= 0; k-- {
			free = j.free(k, bound, free)
			e := &j.h.Events[j.breaks[k].event]
			if e.Kind != spec.Crash {
				continue
			}
			if d := j.row[e.Node]; d != 0 && j.deaths[d-1].event == j.breaks[k].event {
				j.deaths[d-1].deadline = free
			}
		}
	}
	return len(j.deaths) > 0
}

// noticesOf gives what a node thinks, as a member of a group, of each of the dead.
func (j *Judge) noticesOf(g int, n spec.NodeID) []notice {
	k := (g*len(j.h.Nodes) + int(n)) * len(j.deaths)
	return j.notices[k : k+len(j.deaths)]
}

// noteSuspicion takes in that a node is suspected, or trusted; of no group, it is in all.
func (j *Judge) noteSuspicion(e *spec.Event, i int) {
	if !e.Is(spec.HasTo) || e.To < 0 || int(e.To) >= len(j.row) || j.row[e.To] == 0 {
		return
	}
	d := j.row[e.To] - 1
	for g := range j.h.Groups {
		if e.Is(spec.HasGroup) && spec.GroupID(g) != e.Group {
			continue
		}
		n := &j.noticesOf(g, e.Node)[d]
		n.set(isSuspected, e.Kind == spec.Suspect, i)
	}
}

// noteView takes in who is in a new view.
func (j *Judge) noteView(e *spec.Event, i int) {
	if !inGroup(j.h, e) {
		return
	}
	list := j.noticesOf(int(e.Group), e.Node)
	in := extraOf(j.h, e).Members
	for d := range list {
		list[d].why |= viewPending
	}
	for _, m := range in {
		if m >= 0 && int(m) < len(j.row) && j.row[m] != 0 {
			n := &list[j.row[m]-1]
			n.why &^= viewPending
			n.set(notInView, false, i)
		}
	}
	for d := range list {
		if n := &list[d]; n.why&viewPending != 0 {
			n.why &^= viewPending
			n.set(notInView, true, i)
		}
	}
}

// viewPending marks the dead of whom it is not known yet whether they are in a view that is being read.
const viewPending uint8 = 1 << 7

// set turns one of the reasons on or off.
func (n *notice) set(why uint8, on bool, i int) {
	before := n.why != 0
	if n.why &^= why; on {
		n.why |= why
	}
	switch after := n.why != 0; {
	case after && !before:
		n.since, n.turn = uint32(i)+1, uint32(i)+1
	case before && !after:
		n.since, n.turn = 0, uint32(i)+1
	}
}

// unnoticed judges what the correct members think in the end.
func (j *Judge) unnoticed(bounded bool) spec.Finding {
	n, unmet := 0, false
	last := len(j.h.Events) - 1
	var fail spec.Finding
	for g := range j.h.Groups {
		for k := range j.deaths {
			d := &j.deaths[k]
			if j.final.since[j.final.at(d.node, spec.GroupID(g))] == never {
				continue
			}
			for _, o := range j.debtors(g) {
				if o.joined > d.event {
					continue
				}
				n++
				if fail.Verdict == spec.Fail {
					continue
				}
				x := j.noticesOf(g, o.node)[k]
				switch late := bounded && j.h.Events[last].T > d.deadline; {
				case x.since != 0 && bounded && j.h.Events[x.since-1].T > d.deadline:
					fail = j.noticedLate(o.node, d, &x)
				case x.since == 0 && (j.h.Settled || late):
					fail = j.neverNoticed(g, o.node, d, &x, last)
				case x.since == 0:
					unmet = true
				}
			}
		}
	}
	switch {
	case fail.Verdict == spec.Fail:
		fail.Antecedents = n
		return fail
	case unmet:
		return inconclusive(n, notSettled)
	}
	return held(n, "vacuous: no correct member was left when a member crashed and stayed down")
}

func (j *Judge) noticedLate(q spec.NodeID, d *death, x *notice) spec.Finding {
	i := int(x.since - 1)
	what := "suspected %s only at %s"
	if j.h.Events[i].Kind == spec.ViewChange {
		what = "had %s in its view until %s"
	}
	return violated(1, fmt.Sprintf("%s "+what+", though it crashed at %s; it was due at %s", j.node(q), j.node(d.node), j.time(i),
		j.time(int(d.event)), milliseconds(d.deadline)), int(d.event), i)
}

func (j *Judge) neverNoticed(g int, q spec.NodeID, d *death, x *notice, last int) spec.Finding {
	dead := fmt.Sprintf("%s, which crashed at %s and did not come back", j.node(d.node), j.time(int(d.event)))
	events := []int{int(d.event)}
	text := fmt.Sprintf("%s, a correct member, never suspected %s", j.node(q), dead)
	if i := int(x.turn) - 1; i > int(d.event) {
		text = fmt.Sprintf("%s trusted %s again at %s, and did not suspect it any more: %s", j.node(q), j.node(d.node), j.time(i), dead)
		if j.h.Events[i].Kind == spec.ViewChange {
			text = fmt.Sprintf("%s took %s into its view again at %s, and never out: %s", j.node(q), j.node(d.node), j.time(i), dead)
		}
		events = append(events, i)
	} else if i := j.otherNotice(g, q, d.node); i >= 0 {
		events = append(events, i)
	}
	if !j.h.Settled {
		text += ", until " + j.time(last)
		events = append(events, last)
	}
	return violated(1, text, events...)
}

// otherNotice gives an event that shows that suspicions or views are told, and not that a process, as a member of a
// group, has noticed a death; -1 without.
func (j *Judge) otherNotice(g int, q, dead spec.NodeID) int {
	first := -1 // of any kind
	for i, s := range j.steps {
		e := &j.h.Events[i]
		if s.op() == opCrash && e.Node == q && first >= 0 { // what it told before it has forgotten
			return first
		}
		if s.op() != opRare {
			continue
		}
		other := e.Node != q || inGroup(j.h, e) && int(e.Group) != g
		switch e.Kind {
		case spec.Suspect:
			other = other || e.To != dead
		case spec.Trust:
			other = true
		case spec.ViewChange:
			other = other || slices.Contains(extraOf(j.h, e).Members, dead)
		default:
			continue
		}
		if other {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return -1
}
