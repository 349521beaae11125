package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// syncsBefore counts the calls of sync by a process in a group before an event.
func (t *twin) syncsBefore(p twinProc, g spec.GroupID, at int) (n int) {
	for i, e := range t.h.Events[:at] {
		if e.Kind == spec.Sync && e.Node == p.node && t.life(e.Node, i) == p.inc && e.Group == g && !t.liar(e.Node) {
			n++
		}
	}
	return n
}

// twinEffect is the first note of a process on a barrier.
type twinEffect struct {
	event  int
	p      twinProc
	origin twinProc
	group  spec.GroupID
	number uint64
}

func (x twinEffect) same(y twinEffect) bool {
	return x.origin == y.origin && x.group == y.group && x.number == y.number
}

func (t *twin) effects() (out []twinEffect) {
	for i, e := range t.h.Events {
		if !t.isNote(i, "barrier") || t.liar(e.Msg.Sender) || !slices.Contains(t.procs(), twinProc{e.Msg.Sender, int(e.Msg.Incarnation)}) {
			continue
		}
		x := twinEffect{i, twinProc{e.Node, t.life(e.Node, i)}, twinProc{e.Msg.Sender, int(e.Msg.Incarnation)}, e.Group, e.Msg.Number}
		if !slices.ContainsFunc(out, func(y twinEffect) bool { return y.p == x.p && y.same(x) }) {
			out = append(out, x)
		}
	}
	return out
}

func (t *twin) synced() bool {
	return slices.ContainsFunc(t.h.Events, func(e spec.Event) bool { return e.Kind == spec.Sync && !t.liar(e.Node) })
}

func (t *twin) barriers() (a answer) {
	if !t.synced() {
		return a
	}
	label := func(m int) int { return t.syncsBefore(t.msgs[m].from(), t.msgs[m].group, t.msgs[m].event) }
	t.eachPair(func(p twinProc, x, y, atX, atY int) {
		if t.sameStream(x, y) && label(x) < label(y) {
			a.violated = a.violated || atX > atY || atX < 0 && t.addressed(p, x, atY)
		}
	})
	for _, d := range t.group {
		for x := range t.msgs {
			if !d.again && t.sameStream(x, d.m) && label(x) < label(d.m) {
				a.n++
				break
			}
		}
	}
	list := t.effects()
	for k, x := range list {
		for _, y := range list[:k] {
			a.violated = a.violated || x.p == y.p && x.origin == y.origin && x.group == y.group && y.number > x.number
		}
	}
	return a
}

func (t *twin) cuts() (a answer) {
	list := t.effects()
	if !t.synced() || len(list) == 0 {
		return answer{}
	}
	var names []twinEffect // one of each barrier
	for _, x := range list {
		if !slices.ContainsFunc(names, x.same) {
			names = append(names, x)
		}
	}
	// Barriers stand behind the messages. at gives where an item came at a process.
	n := len(t.msgs) + len(names)
	at := func(p twinProc, item int) int {
		if item < len(t.msgs) {
			return t.at(p, item)
		}
		for _, x := range list {
			if x.p == p && x.same(names[item-len(t.msgs)]) {
				return x.event
			}
		}
		return -1
	}
	group := func(item int) spec.GroupID {
		if item < len(t.msgs) {
			return t.msgs[item].group
		}
		return names[item-len(t.msgs)].group
	}
	r := make([][]bool, n)
	for x := range r {
		r[x] = make([]bool, n)
		for y := range r {
			for _, p := range t.procs() {
				k, l := at(p, x), at(p, y)
				r[x][y] = r[x][y] || (x >= len(t.msgs) || y >= len(t.msgs)) && group(x) == group(y) && k >= 0 && k < l
			}
		}
	}
	warshall(r)
	for x := range r {
		a.violated = a.violated || r[x][x]
	}
	for b := len(t.msgs); b < n; b++ {
		both := 0
		for _, q := range t.procs() {
			note := at(q, b)
			if note < 0 {
				continue
			}
			before, behind := false, false
			for m := range t.msgs {
				if t.msgs[m].single || t.msgs[m].group != group(b) {
					continue
				}
				k := t.at(q, m)
				before, behind = before || k >= 0 && k < note, behind || k > note
				for _, p := range t.procs() {
					if at(p, b) >= 0 && t.at(p, m) >= 0 && t.at(p, m) < at(p, b) && k < 0 && t.msgs[m].judged() && t.within(q, m, note) {
						a.violated = true
					}
				}
			}
			if before && behind {
				both++
			}
		}
		if both >= 2 {
			a.n++
		}
	}
	return a
}

func (t *twin) barrierPasts() (a answer) {
	list := t.effects()
	if !t.synced() || len(list) == 0 {
		return answer{}
	}
	before := t.closure()
	for _, x := range list {
		call := -1
		for i, e := range t.h.Events[:x.event] {
			if e.Kind == spec.Sync && e.Node == x.origin.node && t.life(e.Node, i) == x.origin.inc && e.Group == x.group &&
				t.syncsBefore(x.origin, x.group, i)+1 == int(x.number) {
				call = i
			}
		}
		if call < 0 {
			continue
		}
		direct := func(m int) bool {
			y := &t.msgs[m]
			if y.single || y.void() || y.group != x.group {
				return false
			}
			at := t.at(x.origin, m)
			return y.from() == x.origin && y.event < call || at >= 0 && at < call
		}
		foreign := false
		for m, y := range t.msgs {
			past := direct(m)
			for z := range t.msgs {
				past = past || direct(z) && before[m][z]
			}
			if !past {
				continue
			}
			foreign = foreign || y.from() != x.origin
			at := t.at(x.p, m)
			a.violated = a.violated || at > x.event || at < 0 && t.addressed(x.p, m, x.event)
		}
		if foreign {
			a.n++
		}
	}
	return a
}

// inFlight says whether a message that was not lost is missing at a member that owes it, just before an event.
func (t *twin) inFlight(m, at int) bool {
	x := t.msgs[m]
	if !x.judged() {
		return false
	}
	alive := t.sound(m)
	for _, p := range t.procs() {
		alive = alive || t.just(p, m) && t.at(p, m) >= 0
	}
	for n := range t.h.Nodes {
		n, has := spec.NodeID(n), false
		for _, d := range t.group {
			has = has || d.m == m && d.p.node == n && d.event < at
		}
		if alive && t.owes(n, m) && !has {
			return true
		}
	}
	return false
}
