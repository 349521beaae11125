package checkers

// A group all of whose members have died or forgotten begins again, with a view that comes from nowhere. That is no second
// chain: the view comes after all that there were before, as if somebody had gone there from each of them. It begins the
// group again if who installed it first was in no view in its present life, and everybody in the view that had come last
// before it was down, or in no view any more: it had left, or came back without one. Where one of them still is in a view, even an older one,
// the group lives, and a view from nowhere is a second chain.

// findAgain lists in j.items the views that begin a group again, in the order in which they were installed first.
func (j *Judge) findAgain() {
	groups := len(j.h.Groups)
	j.items = j.items[:0]
	j.vector = append(sized(j.vector, len(j.h.Nodes))[:0], j.first[:len(j.h.Nodes)]...) // node: its present process
	j.row = zeroed(j.row, groups)                                                       // group: the view + 1 that was installed first last
	j.beginStands(j.h)
	for i, s := range j.steps {
		if s.op() == opRecover {
			j.vector[j.h.Events[i].Node] = uint32(s.proc())
		}
		if s.op() == opRare && j.cursor < len(j.installs) && j.installs[j.cursor].event == uint32(i) {
			at := j.cursor
			v := j.installs[at].view
			g := int(j.views[v].key.group)
			if int(j.views[v].first) == at+1 {
				if last := j.row[g]; last != 0 && j.installs[at].prev == 0 && j.nobodyIn(last-1, g, i) {
					j.items = append(j.items, v)
				}
				j.row[g] = v + 1
			}
		}
		j.turnStand(i, s)
	}
}

// nobodyIn says whether all members of a view are down or in no view, just before an event.
func (j *Judge) nobodyIn(v uint32, g, event int) bool {
	for _, n := range j.membersOf(v) {
		if n < 0 || int(n) >= len(j.h.Nodes) || j.lies(n) {
			continue
		}
		p := j.vector[n]
		if j.procs[p].crash > uint32(event) && j.stand[int(p)*len(j.h.Groups)+g] != 0 {
			return false
		}
	}
	return true
}

// wasBefore says whether a view was there before one that begins its group again.
func (j *Judge) wasBefore(v, again uint32) bool {
	x, w := &j.views[v], &j.views[again]
	return x.key.group == w.key.group && x.first < w.first
}

// waitForAll makes the views that begin a group again wait, in j.row, for all that there were before.
func (j *Judge) waitForAll() {
	for _, w := range j.items {
		for v := range j.views {
			if j.takesPart(uint32(v)) && j.wasBefore(uint32(v), w) {
				j.row[w]++
			}
		}
	}
}

// viewBehind gives the view of a group that came last before a view; -1 if that is the first one.
func (j *Judge) viewBehind(w uint32) int {
	last := -1
	for v := range j.views {
		if f := j.views[v].first; f != 0 && j.wasBefore(uint32(v), w) && (last < 0 || f > j.views[last].first) {
			last = v
		}
	}
	return last
}

// firstEvent gives the first installation of a view.
func (j *Judge) firstEvent(v uint32) int { return int(j.installs[j.views[v].first-1].event) }

// standing gives what shows that a view from nowhere begins nothing again: the first installation of the view that came
// last before it, and that with which a member of that one was still in a view.
func (j *Judge) standing(w uint32) (events []int) {
	first := j.views[w].first
	last := j.viewBehind(w)
	if first == 0 || last < 0 {
		return nil
	}
	events = append(events, j.firstEvent(w), j.firstEvent(uint32(last)))
	if k := j.cameFrom(int(first - 1)); k >= 0 {
		events = append(events, int(j.installs[k].event))
	}
	for _, n := range j.membersOf(uint32(last)) {
		for k := int(first) - 2; k >= 0; k-- {
			x := &j.installs[k]
			p := &j.procs[x.proc]
			if p.node != n || j.views[x.view].key.group != j.views[w].key.group {
				continue
			}
			if p.crash > j.installs[first-1].event {
				events = append(events, int(x.event))
			}
			break
		}
	}
	return events
}

// stuckBefore gives a view that is not taken and was there before one that begins its group again.
func (j *Judge) stuckBefore(w uint32) uint32 {
	for v := range j.views {
		if j.takesPart(uint32(v)) && j.wasBefore(uint32(v), w) && j.row[v] > 0 {
			return uint32(v)
		}
	}
	panic("checkers: nothing is before this view")
}
