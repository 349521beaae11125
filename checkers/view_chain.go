package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// Succession: a view has those for successors that somebody installed right after it. In the crash-recovery model a
// node's next incarnation goes on where the last one was; a leave ends the way of a process.

// ways are the successions of all views, as lists: in j.queue the installations that leave a view, j.know has where they
// begin.
func (j *Judge) succession(came func(*Judge, int) uint32) {
	j.know = zeroed(j.know, len(j.views)+1)
	for at := range j.installs {
		if v := came(j, at); v != 0 {
			j.know[v]++
		}
	}
	for v := range j.views {
		j.know[v+1] += j.know[v]
	}
	total := j.know[len(j.views)]
	j.queue = sized(j.queue, int(total))
	for at := len(j.installs) - 1; at >= 0; at-- {
		if v := came(j, at); v != 0 {
			j.know[v]--
			j.queue[j.know[v]] = uint32(at)
		}
	}
	copy(j.know, j.know[1:])
	j.know[len(j.views)] = total
}

// cameOf gives the view + 1 from which an installation came; 0 without.
func (j *Judge) cameOf(at int) uint32 {
	if j.h.Model == spec.CrashRecovery {
		return j.installs[at].heir
	}
	return j.installs[at].prev
}

// broughtFrom is cameOf, but who comes back and is given a state comes from nowhere: it begins with what others have, and
// they go on from their view, not from the one in which it died.
func (j *Judge) broughtFrom(at int) uint32 {
	if x := &j.installs[at]; x.state && x.prev == 0 {
		return 0
	}
	return j.cameOf(at)
}

// leaving lists the installations with which somebody left a view for another.
func (j *Judge) leaving(v uint32) []uint32 { return j.queue[j.know[v]:j.know[v+1]] }

// primaryComponent judges PRIMARY-COMPONENT: the views of a group form one chain, in which of two consecutive ones the
// second was installed by somebody right after the first, and in which nobody goes back (CKV01, primary component
// membership). A group all of whose members have died or forgotten begins again, and the chain with it. Such a chain exists exactly if, taking views whose predecessors have all been taken, there is always one
// to take and never two. It counts the pairs of consecutive views.
func (j *Judge) primaryComponent() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	j.succession((*Judge).cameOf)
	j.findAgain()
	j.row = zeroed(j.row, len(j.views)) // view: ways that lead to it from views that are not taken
	for at := range j.installs {
		if j.cameOf(at) != 0 {
			j.row[j.installs[at].view]++
		}
	}
	j.waitForAll()
	j.last = zeroed(j.last, 2*len(j.h.Groups)) // group: the view + 1 that is ready; and how many are left
	n := 0
	for v := range j.views {
		if g := int(j.views[v].key.group); j.takesPart(uint32(v)) {
			j.last[2*g+1]++
			if j.row[v] == 0 {
				if j.last[2*g] != 0 {
					return j.noChain(n, j.last[2*g]-1, uint32(v))
				}
				j.last[2*g] = uint32(v) + 1
			}
		}
	}
	for g := range j.h.Groups {
		ready, left := j.last[2*g], j.last[2*g+1]
		for ; ready != 0; left-- {
			v := ready - 1
			ready = 0
			for _, w := range j.after(v) {
				if j.row[w]--; j.row[w] > 0 {
					continue
				}
				if n++; ready != 0 {
					return j.noChain(n, ready-1, w)
				}
				ready = w + 1
			}
		}
		if left > 0 {
			return j.roundTrip(n, spec.GroupID(g))
		}
	}
	return held(n, noSecondView)
}

// after lists the views to which somebody went from a view, once for each way, and those with which its group began again.
func (j *Judge) after(v uint32) []uint32 {
	j.vector = j.vector[:0]
	for _, at := range j.leaving(v) {
		j.vector = append(j.vector, j.installs[at].view)
	}
	for _, w := range j.items {
		if j.wasBefore(v, w) {
			j.vector = append(j.vector, w)
		}
	}
	return j.vector
}

// takesPart says whether a view was installed, or is that of a header and somebody went on from it.
func (j *Judge) takesPart(v uint32) bool { return j.views[v].first != 0 || len(j.leaving(v)) > 0 }

// noChain is the witness of two views of which none comes after the other.
func (j *Judge) noChain(n int, v, w uint32) spec.Finding {
	if j.views[v].first == 0 || j.views[w].first == 0 { // the view of the start, and one that nobody came to from it
		if j.views[v].first != 0 {
			v, w = w, v
		}
		a, b := int(j.leaving(v)[0]), int(j.views[w].first-1)
		return violated(n, fmt.Sprintf("%s, coming from %s, and %s, coming from nowhere: nobody went from one to the other",
			j.installed(a), j.viewName(v), j.installed(b)), append(j.standing(w), int(j.installs[a].event), int(j.installs[b].event))...)
	}
	a, b := int(j.views[v].first-1), int(j.views[w].first-1)
	events := append(j.standing(v), j.standing(w)...)
	return violated(n, fmt.Sprintf("%s, and %s, and neither view comes after the other: nobody went from one to the other",
		j.installed(a), j.installed(b)), append(events, int(j.installs[a].event), int(j.installs[b].event))...)
}

// roundTrip is the witness of views that come after each other in a circle: the ways along it.
func (j *Judge) roundTrip(n int, g spec.GroupID) spec.Finding {
	back := make([]int, len(j.views)) // view: a way + 1 to it from a view that is not taken
	start := -1
	for at := range j.installs {
		x := &j.installs[at]
		from := j.cameOf(at)
		if j.views[x.view].key.group == g && from != 0 && j.row[x.view] > 0 && j.row[from-1] > 0 {
			back[x.view], start = at+1, int(x.view)
		}
	}
	if start < 0 {
		start = int(j.items[0]) // no way leads to a view that is not taken: one that begins the group again is left
		for _, w := range j.items {
			if j.views[w].key.group == g && j.row[w] > 0 {
				start = int(w)
			}
		}
	}
	from := func(v int) int { // the view before v on the walk
		if back[v] == 0 {
			return int(j.stuckBefore(uint32(v)))
		}
		return int(j.cameOf(back[v]-1)) - 1
	}
	for range j.views { // walk back until the walk is in a circle for sure
		start = from(start)
	}
	text, events, v := "", []int(nil), start
	for {
		if text != "" {
			text += "; "
		}
		if at := back[v] - 1; at >= 0 {
			events = append(events, int(j.installs[at].event))
			if before := j.cameFrom(at); before >= 0 {
				events = append(events, int(j.installs[before].event))
			}
			text += fmt.Sprintf("%s, coming from %s", j.installed(at), j.viewName(uint32(from(v))))
		} else {
			text += fmt.Sprintf("%s, coming from nowhere, when nobody was in %s any more", j.installed(int(j.views[v].first-1)), j.viewName(uint32(from(v))))
			events = append(events, j.standing(uint32(v))...)
			if u := uint32(from(v)); j.views[u].first != 0 {
				events = append(events, j.firstEvent(u))
			}
		}
		if v = from(v); v == start {
			return violated(n, "these views come after each other in a circle: "+text, events...)
		}
	}
}

// cameFrom gives the installation before one by the same node in the same group; -1 without.
func (j *Judge) cameFrom(at int) int {
	x := &j.installs[at]
	for k := at - 1; k >= 0; k-- {
		y := &j.installs[k]
		if j.procs[y.proc].node == j.procs[x.proc].node && j.views[y.view].key.group == j.views[x.view].key.group {
			return k
		}
	}
	return -1
}

// viewOverlap judges VIEW-OVERLAP: two successors of one view have no member in common, unless one of them comes after
// the other (CKV01, partitionable membership). Who comes back after a crash and is given a state comes from no view. It counts the pairs of successors, without those that come after each
// other. A view has as many successors as parts came of it, so that pairs are few.
func (j *Judge) viewOverlap() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	j.succession((*Judge).broughtFrom)
	j.row = zeroed(j.row, len(j.views)) // view: the last search that reached it
	n, search := 0, uint32(0)
	for v := range j.views {
		out := j.leaving(uint32(v))
		for a := range out {
			x := j.installs[out[a]].view
			if j.earlierWay(out[:a], x) {
				continue
			}
			for b := range out[:a] {
				y := j.installs[out[b]].view
				if y == x || j.earlierWay(out[:b], y) {
					continue
				}
				common, ok := j.memberOfBoth(x, y)
				if ok {
					search += 2
					if j.leadsTo(x, y, search-1) || j.leadsTo(y, x, search) {
						continue
					}
				}
				if n++; ok {
					return j.overlapping(n, uint32(v), int(out[b]), int(out[a]), common)
				}
			}
		}
	}
	return held(n, "vacuous: no view had two successors")
}

// earlierWay says whether one of these ways leads to a view.
func (j *Judge) earlierWay(ways []uint32, v uint32) bool {
	for _, at := range ways {
		if j.installs[at].view == v {
			return true
		}
	}
	return false
}

// memberOfBoth gives a member of both views.
func (j *Judge) memberOfBoth(v, w uint32) (spec.NodeID, bool) {
	j.bits = zeroed(j.bits, len(j.h.Nodes))
	for _, n := range j.membersOf(v) {
		if n >= 0 && int(n) < len(j.bits) {
			j.bits[n] = 1
		}
	}
	for _, n := range j.membersOf(w) {
		if n >= 0 && int(n) < len(j.bits) && j.bits[n] != 0 {
			return n, true
		}
	}
	return 0, false
}

// leadsTo says whether view w comes after view v.
func (j *Judge) leadsTo(v, w, search uint32) bool {
	stack := append(j.items[:0], v)
	j.row[v] = search
	found := false
	for len(stack) > 0 && !found {
		v = stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, at := range j.leaving(v) {
			next := j.installs[at].view
			found = found || next == w
			if j.row[next] != search {
				j.row[next] = search
				stack = append(stack, next)
			}
		}
	}
	j.items = stack[:0]
	return found
}

func (j *Judge) overlapping(n int, v uint32, a, b int, common spec.NodeID) spec.Finding {
	events := []int{int(j.installs[a].event), int(j.installs[b].event)}
	for _, at := range []int{a, b} {
		if k := j.cameFrom(at); k >= 0 {
			events = append(events, int(j.installs[k].event))
		}
		if first := j.firstWithOthers(at); first >= 0 {
			events = append(events, int(j.installs[first].event))
		}
	}
	return violated(n, fmt.Sprintf("%s, and %s, both coming from %s; %s is a member of both, and neither comes after the other",
		j.installed(a), j.installed(b), j.viewName(v), j.node(common)), events...)
}

// firstWithOthers gives the first installation of a view, whose members count, if it has others than this one; else -1.
func (j *Judge) firstWithOthers(at int) int {
	first := int(j.views[j.installs[at].view].first - 1)
	if slices.Equal(j.listOf(first), j.listOf(at)) {
		return -1
	}
	return first
}
