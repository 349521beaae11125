package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// The brute-force twins: each requirement once more, straight from its definition, with sets and loops over all pairs
// of events, and nothing shared with the judge. They take histories of some dozens of events.

type twinProc struct {
	node spec.NodeID
	inc  int
}

// twinMsg is a send that counts.
type twinMsg struct {
	id       spec.MsgID
	event    int
	group    spec.GroupID
	to       spec.NodeID
	single   bool // one-to-one
	refused  bool
	outsider bool
	aborted  bool
	lied     bool // in the name of a Byzantine node
}

func (m *twinMsg) from() twinProc { return twinProc{m.id.Sender, int(m.id.Incarnation)} }
func (m *twinMsg) void() bool     { return m.refused || m.outsider || m.lied }
func (m *twinMsg) judged() bool   { return !m.single && !m.refused && !m.outsider }

// twinDelivery is a delivery of a message sent before to that group, or one-to-one.
type twinDelivery struct {
	event int
	p     twinProc
	m     int // in twin.msgs
	again bool
}

type twin struct {
	h      *spec.History
	msgs   []twinMsg
	group  []twinDelivery // of group messages
	single []twinDelivery // of one-to-one messages
	stray  int            // group deliveries of what was not sent
	strayS int            // one-to-one deliveries of what was not sent so
	ruled  *twinViews
}

func newTwin(h *spec.History) *twin {
	t := &twin{h: h}
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Send:
			if t.find(e.Msg, i) < 0 {
				t.msgs = append(t.msgs, twinMsg{id: e.Msg, event: i, group: e.Group, to: e.To, single: e.Is(spec.HasTo), lied: t.liar(e.Node),
					outsider: !e.Is(spec.HasTo) && h.Groups[e.Group].Closed && !t.may(e.Node, e.Group, i)})
			}
		case spec.Refuse:
			if m := t.find(e.Msg, i); m >= 0 && !t.liar(e.Node) {
				t.msgs[m].refused = true
				t.msgs[m].aborted = t.msgs[m].aborted || h.ExtraOf(e).Reason == "aborted"
			}
		case spec.Deliver:
			t.deliver(e, i)
		}
	}
	return t
}

func (t *twin) deliver(e *spec.Event, i int) {
	if t.liar(e.Node) || e.Is(spec.HasFrom) && e.From != e.Msg.Sender && t.liar(e.From) {
		return
	}
	m := t.find(e.Msg, i)
	if m < 0 && !e.Is(spec.HasTo) && t.liar(e.Msg.Sender) {
		m = len(t.msgs)
		t.msgs = append(t.msgs, twinMsg{id: e.Msg, event: i, group: e.Group, lied: true})
	}
	list, stray := &t.group, &t.stray
	known := m >= 0 && !t.msgs[m].single && t.msgs[m].group == e.Group
	if e.Is(spec.HasTo) {
		list, stray = &t.single, &t.strayS
		known = m >= 0 && t.msgs[m].single
	}
	if !known {
		if !t.liar(e.Msg.Sender) {
			*stray++
		}
		return
	}
	d := twinDelivery{event: i, p: twinProc{e.Node, t.life(e.Node, i)}, m: m}
	for _, x := range *list {
		d.again = d.again || x.p == d.p && x.m == m
	}
	*list = append(*list, d)
}

func (t *twin) find(id spec.MsgID, before int) int {
	for k := range t.msgs {
		if t.msgs[k].id == id && t.msgs[k].event < before {
			return k
		}
	}
	return -1
}

// life of a node at an event.
func (t *twin) life(n spec.NodeID, at int) int {
	inc := 0
	for _, e := range t.h.Events[:at] {
		if e.Kind == spec.Recover && e.Node == n {
			inc++
		}
	}
	return inc
}

func (t *twin) liar(n spec.NodeID) bool { return slices.Contains(t.h.Byzantine, n) }

func (t *twin) correct(n spec.NodeID) bool {
	if t.liar(n) {
		return false
	}
	up, ever := true, true
	for _, e := range t.h.Events {
		if e.Node == n && e.Kind == spec.Crash {
			up, ever = false, false
		}
		if e.Node == n && e.Kind == spec.Recover {
			up = true
		}
	}
	if t.h.Model == spec.CrashRecovery {
		return up
	}
	return ever
}

func (t *twin) crashed(p twinProc) bool {
	for i, e := range t.h.Events {
		if e.Kind == spec.Crash && e.Node == p.node && t.life(p.node, i) == p.inc {
			return true
		}
	}
	return false
}

// may says whether a node may deliver and send in a group just before an event.
func (t *twin) may(n spec.NodeID, g spec.GroupID, at int) bool {
	ok := t.h.Groups[g].Is(n)
	for i, e := range t.h.Events[:at] {
		if t.readmits(i, n, g) {
			ok = true
		}
		if e.Node == n && e.Group == g {
			switch e.Kind {
			case spec.Join, spec.Joined:
				ok = true
			case spec.Left:
				ok = false
			}
		}
	}
	return ok
}

// since gives from when on a node is a member just before an event; with recoveries if a new incarnation begins anew.
func (t *twin) since(n spec.NodeID, g spec.GroupID, at int, recoveries bool) (int, bool) {
	from, ok := -1, t.h.Groups[g].Is(n)
	for i, e := range t.h.Events[:at] {
		if e.Node != n {
			continue
		}
		switch {
		case t.readmits(i, n, g):
			from, ok = i, true
		case e.Kind == spec.Recover && recoveries:
			from = i
		case e.Group != g:
		case e.Kind == spec.Joined:
			from, ok = i, true
		case e.Kind == spec.Join || e.Kind == spec.Leave || e.Kind == spec.Left:
			ok = false
		}
	}
	return from, ok
}

// owes says whether a node is a correct member from before the send until the end.
func (t *twin) owes(n spec.NodeID, m int) bool {
	from, ok := t.since(n, t.msgs[m].group, len(t.h.Events), false)
	if ok && t.correct(n) && t.rule().told[t.msgs[m].group] {
		return t.owesInViews(n, m, from)
	}
	return ok && from < t.msgs[m].event && t.correct(n)
}

// addressed says whether a message concerns a process, seen at an event.
func (t *twin) addressed(p twinProc, m, at int) bool {
	if t.rule().told[t.msgs[m].group] {
		return t.withinViews(p, m, at) && !t.goneFrom(p, m, at)
	}
	from, ok := t.since(p.node, t.msgs[m].group, at, true)
	return ok && from < t.msgs[m].event
}

// within says the same where what stayed with those who were left behind counts too.
func (t *twin) within(p twinProc, m, at int) bool {
	if t.rule().told[t.msgs[m].group] {
		return t.withinViews(p, m, at)
	}
	return t.addressed(p, m, at)
}

func (t *twin) nodeGot(n spec.NodeID, m int) bool {
	for _, d := range append(append([]twinDelivery{}, t.group...), t.single...) {
		if d.p.node == n && d.m == m {
			return true
		}
	}
	return false
}

// at gives the event of the first delivery of m by p; -1 if none.
func (t *twin) at(p twinProc, m int) int {
	for _, d := range t.group {
		if d.p == p && d.m == m {
			return d.event
		}
	}
	return -1
}

func (t *twin) procs() []twinProc {
	var out []twinProc
	for n := range t.h.Nodes {
		for inc := 0; inc <= t.life(spec.NodeID(n), len(t.h.Events)); inc++ {
			out = append(out, twinProc{spec.NodeID(n), inc})
		}
	}
	return out
}

// twinned lists the requirements that have a twin, in the order of the catalogue: those on messages. Those that need
// evidence of a network have cases and models of their own.
func twinned() []spec.ID {
	return slices.DeleteFunc(Judged(), func(id spec.ID) bool { return twinOf(id) == nil })
}

func twinOf(id spec.ID) func(*twin) answer {
	for _, m := range []map[spec.ID]func(*twin) answer{twins, moreTwins, orderTwins} {
		if f := m[id]; f != nil {
			return f
		}
	}
	return nil
}

// answer of a twin.
type answer struct {
	violated bool
	unmet    bool // liveness: something is missing
	unknown  bool // something was not observed
	n        int
	missing  int // statistic
}

func (t *twin) verdict(id spec.ID) (spec.Verdict, int) {
	a := twinOf(id)(t)
	switch {
	case a.violated, a.unmet && t.h.Settled:
		return spec.Fail, a.n
	case a.unmet, a.n == 0, a.unknown, a.missing > 0:
		return spec.Inconclusive, a.n
	}
	return spec.Pass, a.n
}
