package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// Sequences of which one is always a prefix of the other are prefixes of the longest. So there is one line for each view
// of a group: what is delivered first in it, second, and so on, by whoever gets there first; everybody else must
// follow it. Who installs a view, also for a second time, stands at the beginning of its line.
//
// Before the first view of a process, or where there are no views, all are in one line that were members from the start
// and have neither crashed and come back nor joined or left since: of others nobody knows where they stand in it.

// lineKey is a view of a group.
type lineKey struct {
	group        spec.GroupID
	view         spec.ViewID
	has          bool
	transitional bool
}

// linePlace is a place in a line.
type linePlace struct {
	event uint32 // the delivery that came there first
	next  uint32 // the place behind; 0 if nobody has got there
}

const alone = "vacuous: no two processes delivered something in one view"

// totalOrderPrefix judges TOTAL-ORDER-PREFIX: of what any two processes deliver in a view, one is a prefix of the other
// (DSU04, prefix order). It counts the deliveries at places where somebody else had been.
func (j *Judge) totalOrderPrefix() spec.Finding {
	groups := len(j.h.Groups)
	if tooLarge(len(j.procs), groups) {
		return broken()
	}
	j.beginLines()
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opMember:
			j.leaveLine(i)
		case opRare:
			j.enterView(i)
		case opDeliver:
			at := &j.last[s.proc()*groups+j.group(s.msg)]
			if *at == 0 {
				continue
			}
			next := j.line[*at].next
			if next == 0 {
				next = uint32(len(j.line))
				j.line = append(j.line, linePlace{event: uint32(i)})
				j.line[*at].next = next
			} else if n++; j.steps[j.line[next].event].msg != s.msg {
				return j.notAPrefix(n, int(j.line[next].event), i)
			}
			*at = next
		}
	}
	return held(n, alone)
}

// beginLines puts the members from the start at the beginning of their group's line. In j.last is where each process
// stands, 0 if in no line, and in j.know whether it has installed a view.
func (j *Judge) beginLines() {
	groups := len(j.h.Groups)
	j.last = zeroed(j.last, len(j.procs)*groups)
	j.know = zeroed(j.know, len(j.procs)*groups)
	j.live.reset(j.h)
	if j.heads == nil {
		j.heads = make(map[lineKey]uint32)
	}
	clear(j.heads)
	j.line = append(j.line[:0], linePlace{})
	for n := range j.h.Nodes {
		for g := range groups {
			if j.live.may[j.live.at(spec.NodeID(n), spec.GroupID(g))] {
				j.last[int(j.first[n])*groups+g] = j.lineOf(lineKey{group: spec.GroupID(g)})
			}
		}
	}
}

// lineOf gives the beginning of a line.
func (j *Judge) lineOf(k lineKey) uint32 {
	at, ok := j.heads[k]
	if !ok {
		at = uint32(len(j.line))
		j.line = append(j.line, linePlace{})
		j.heads[k] = at
	}
	return at
}

// enterView moves a process to the beginning of the view that it installs, if event i is of that kind.
func (j *Judge) enterView(i int) {
	e := &j.h.Events[i]
	if e.Kind != spec.ViewChange || !inGroup(j.h, e) || !e.Is(spec.HasView) {
		return
	}
	k := j.steps[i].proc()*len(j.h.Groups) + int(e.Group)
	j.know[k] = 1
	j.last[k] = j.lineOf(lineKey{group: e.Group, view: extraOf(j.h, e).View, has: true, transitional: e.Is(spec.IsTransitional)})
}

// leaveLine takes a process out that joins or leaves. The return of a join may come after the view.
func (j *Judge) leaveLine(i int) {
	e := &j.h.Events[i]
	k := j.steps[i].proc()*len(j.h.Groups) + int(e.Group)
	if e.Kind == spec.Joined && j.know[k] != 0 {
		return
	}
	j.last[k], j.know[k] = 0, 0
}

// notAPrefix is the witness of two sequences that part: two sends, two deliveries at one place, and the views.
func (j *Judge) notAPrefix(n, a, i int) spec.Finding {
	x, m := j.steps[a].msg, j.steps[i].msg
	events := []int{int(j.msgs[x].send), int(j.msgs[m].send), a, i}
	where := ""
	for _, k := range []int{a, i} {
		if v := j.viewBefore(k); v >= 0 {
			events = append(events, v)
			where = " in view " + extraOf(j.h, &j.h.Events[v]).View.String()
		}
	}
	return violated(n, fmt.Sprintf("%s in the place where %s; their sequences%s are the same up to there",
		j.delivered(i), j.delivered(a), where), events...)
}

// viewBefore finds the installation of the view in which a delivery happened; -1 without.
func (j *Judge) viewBefore(i int) int {
	g := j.group(j.steps[i].msg)
	for k := i - 1; k >= 0; k-- {
		e := &j.h.Events[k]
		if j.steps[k].op() == opRare && e.Kind == spec.ViewChange && e.Is(spec.HasView) && inGroup(j.h, e) && int(e.Group) == g &&
			j.steps[k].proc() == j.steps[i].proc() {
			return k
		}
	}
	return -1
}
