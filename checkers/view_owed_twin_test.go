package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// The view rule once more, from its words: who is concerned by what, where views of a group are told.

// twinViews is what a twin finds out about views, once.
type twinViews struct {
	told    map[spec.GroupID]bool
	removed map[[2]int]int // node, group: the first event of the last view that left it behind
	parted  map[vt][]spec.NodeID
	sent    map[int]vt // message: the view in which it was sent
	orphan  map[int]bool
}

func (t *twin) rule() *twinViews {
	if t.ruled != nil {
		return t.ruled
	}
	r := &twinViews{told: map[spec.GroupID]bool{}, removed: map[[2]int]int{}, parted: map[vt][]spec.NodeID{}, sent: map[int]vt{}, orphan: map[int]bool{}}
	t.ruled = r
	for _, i := range t.views() {
		r.told[t.h.Events[i].Group] = true
	}
	for _, i := range t.views() {
		v, ok := t.nodeIn(t.h.Events[i].Node, t.h.Events[i].Group, i)
		if !ok {
			continue
		}
		w := t.viewAt(i)
		for n := range t.h.Nodes {
			n := spec.NodeID(n)
			if t.lists(v, n) && !t.lists(w, n) && !t.goesWithMost(v, n) {
				r.parted[v] = append(r.parted[v], n)
				at := r.removed[[2]int{int(n), int(v.g)}]
				r.removed[[2]int{int(n), int(v.g)}] = max(at, t.firstOf(w)+1)
			}
		}
	}
	for m, x := range t.msgs {
		if v, ok := t.sentView(m, len(t.h.Events)); ok && r.told[x.group] {
			r.sent[m] = v
		}
	}
	for m, v := range r.sent {
		alone := slices.Contains(r.parted[v], t.msgs[m].id.Sender)
		for _, d := range t.group {
			alone = alone && (d.m != m || !t.lists(v, d.p.node) || slices.Contains(r.parted[v], d.p.node))
		}
		r.orphan[m] = alone
	}
	return r
}

func (t *twin) lists(v vt, n spec.NodeID) bool { return slices.Contains(t.membersIn(v), n) }

// firstOf gives the first installation of a view; -1 for that of a header.
func (t *twin) firstOf(v vt) int {
	for _, i := range t.views() {
		if t.viewAt(i) == v {
			return i
		}
	}
	return -1
}

// nodeIn gives the view in which a node is just before an event, where a crash ends nothing.
func (t *twin) nodeIn(n spec.NodeID, g spec.GroupID, at int) (v vt, ok bool) {
	v, ok = vt{g: g, header: true}, t.h.Groups[g].Is(n)
	for i := range t.h.Events[:at] {
		e := &t.h.Events[i]
		if e.Node != n || e.Group != g {
			continue
		}
		if e.Kind == spec.Left {
			ok = false
		}
		if t.isView(i) {
			v, ok = t.viewAt(i), true
		}
	}
	return v, ok
}

// ways lists who went from which view to which, with one installation.
func (t *twin) ways() (out []twinWay) {
	for _, i := range t.views() {
		if v, ok := t.nodeIn(t.h.Events[i].Node, t.h.Events[i].Group, i); ok {
			out = append(out, twinWay{t.h.Events[i].Node, v, t.viewAt(i)})
		}
	}
	return out
}

type twinWay struct {
	n        spec.NodeID
	from, to vt
}

// goesWithMost says whether a member of a view goes on with more than half of it, to a view to which nobody comes from elsewhere.
func (t *twin) goesWithMost(v vt, n spec.NodeID) bool {
	ways := t.ways()
	for _, w := range ways {
		if w.from != v || slices.ContainsFunc(ways, func(x twinWay) bool { return x.to == w.to && x.from != v }) {
			continue
		}
		goes := func(q spec.NodeID) bool {
			to, ok := vt{}, false
			for _, x := range ways {
				if x.n == q && x.from == v {
					to, ok = x.to, true
				}
			}
			return t.lists(w.to, q) && (!ok || to == w.to)
		}
		all, some := 0, 0
		for q := range t.h.Nodes {
			if q := spec.NodeID(q); t.lists(v, q) {
				all++
				if goes(q) {
					some++
				}
			}
		}
		if 2*some > all && goes(n) {
			return true
		}
	}
	return false
}

// expelled says whether a node was left behind since the view in which a message was sent.
func (t *twin) expelled(m int, n spec.NodeID) bool {
	r := t.rule()
	v, ok := r.sent[m]
	if !ok {
		return false
	}
	at := r.removed[[2]int{int(n), int(v.g)}]
	return at > 0 && t.firstOf(v) < at
}

// sound says whether the sender of a message is correct, for its group too.
func (t *twin) sound(m int) bool {
	x := t.msgs[m]
	return t.correct(x.id.Sender) && !t.crashed(x.from()) && !t.expelled(m, x.id.Sender)
}

// just says whether what a process does with a message is that of a correct one, for its group too.
func (t *twin) just(p twinProc, m int) bool { return t.correct(p.node) && !t.expelled(m, p.node) }

// fell says whether a process crashed, or was removed after it.
func (t *twin) fell(p twinProc, m int) bool {
	return t.crashed(p) || t.correct(p.node) && t.expelled(m, p.node)
}

// begun gives with which installation the membership of a process in a group with views began that it has just before an
// event; -1 for the start.
func (t *twin) begun(p twinProc, g spec.GroupID, at int) (begin int, member bool) {
	begin, member = -1, p.inc == 0 && t.h.Groups[g].Is(p.node)
	leaving := false
	for i := range t.h.Events[:at] {
		e := &t.h.Events[i]
		if e.Group != g || t.procAt(i) != p || t.liar(e.Node) {
			continue
		}
		switch e.Kind {
		case spec.Join, spec.Joined:
			leaving = false
		case spec.Left:
			leaving, member = false, false
		case spec.Leave:
			leaving, member = true, false
		}
		if !t.isView(i) {
			continue
		}
		v, _, came := t.in(p, g, i)
		if !leaving && (!member || t.stated(i) || came && t.leftBehind(p.node, v, t.viewAt(i))) {
			begin, member = i, true
		}
	}
	return begin, member
}

// leftBehind says whether others went on without a node from the view in which it is, or from one that was installed before
// that to which it goes now.
func (t *twin) leftBehind(n spec.NodeID, from, to vt) bool {
	for u, behind := range t.rule().parted {
		between := u.g == to.g && t.firstOf(u) > t.firstOf(from) && t.firstOf(u) < t.firstOf(to)
		if slices.Contains(behind, n) && (u == from || between) {
			return true
		}
	}
	return false
}

// owesInViews says whether a correct member at the end owes a message, where views of its group are told.
func (t *twin) owesInViews(n spec.NodeID, m, from int) bool {
	g, end := t.msgs[m].group, len(t.h.Events)
	p := twinProc{n, t.life(n, end)}
	begin, member := t.begun(p, g, end)
	after := -1
	switch {
	case member && begin >= 0:
		from, after = max(from, begin), t.firstOf(t.viewAt(begin))
	case !member && p.inc > 0:
		return false
	}
	if at := t.rule().removed[[2]int{int(n), int(g)}]; at > 0 {
		after = max(after, at)
		again := -1
		for _, i := range t.views() {
			if v := t.viewAt(i); again < 0 && v.g == g && t.lists(v, n) && t.firstOf(v) >= at {
				again = t.firstOf(v)
			}
		}
		if again < 0 {
			return false
		}
		from = max(from, again)
	}
	v, ok := t.rule().sent[m]
	if !ok {
		return from < t.msgs[m].event
	}
	return t.lists(v, n) && t.firstOf(v) >= after && (member || from < t.msgs[m].event)
}

// withinViews says whether a message concerns a process, seen at an event, where views of its group are told.
func (t *twin) withinViews(p twinProc, m, at int) bool {
	begin, member := t.begun(p, t.msgs[m].group, at)
	if !member {
		return false
	}
	v, ok := t.rule().sent[m]
	if !ok {
		return begin < t.msgs[m].event
	}
	entered, in := -1, v.header && p.inc == 0 && t.h.Groups[v.g].Is(p.node)
	for _, i := range t.views() {
		if !in && t.procAt(i) == p && t.viewAt(i) == v {
			entered, in = i, true
		}
	}
	return in && entered >= begin
}

// goneFrom says whether a message stayed with those who were left behind in a view from which a process has gone on.
func (t *twin) goneFrom(p twinProc, m, at int) bool {
	v, ok := t.rule().sent[m]
	for _, i := range t.views() {
		w, _, came := t.in(p, v.g, i)
		if ok && i < at && t.viewAt(i).g == v.g && came && w == v && t.procAt(i) == p && t.rule().orphan[m] {
			return true
		}
	}
	return false
}

// concernsMember says whether a message concerns a node, correct or not, that is a member at the end.
func (t *twin) concernsMember(n spec.NodeID, m int) bool {
	if v, ok := t.rule().sent[m]; ok {
		return t.lists(v, n)
	}
	from, member := t.since(n, t.msgs[m].group, len(t.h.Events), false)
	return member && from < t.msgs[m].event
}

// readmits says whether an event is the first view, with the node in it, of a configured member that had called leave in an
// earlier life, and not joined since.
func (t *twin) readmits(at int, n spec.NodeID, g spec.GroupID) bool {
	admits := func(i int) bool {
		return t.isView(i) && t.h.Events[i].Node == n && t.h.Events[i].Group == g && slices.Contains(t.mem(i), n)
	}
	if !admits(at) || !t.h.Groups[g].Is(n) {
		return false
	}
	gone, again := false, false
	for i, e := range t.h.Events[:at] {
		switch {
		case e.Node != n:
		case e.Kind == spec.Recover:
			again = gone
		case e.Group != g:
		case e.Kind == spec.Leave || e.Kind == spec.Left:
			gone, again = true, false
		case e.Kind == spec.Join || e.Kind == spec.Joined, again && admits(i):
			gone, again = false, false
		}
	}
	return gone && again
}
