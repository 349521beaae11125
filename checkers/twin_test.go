package checkers

import "github.com/conform-go/conform/spec"

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
}

func (m *twinMsg) from() twinProc { return twinProc{m.id.Sender, int(m.id.Incarnation)} }
func (m *twinMsg) void() bool     { return m.refused || m.outsider }

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
}

func newTwin(h *spec.History) *twin {
	t := &twin{h: h}
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Send:
			if t.find(e.Msg, i) < 0 {
				t.msgs = append(t.msgs, twinMsg{id: e.Msg, event: i, group: e.Group, to: e.To, single: e.Is(spec.HasTo),
					outsider: !e.Is(spec.HasTo) && h.Groups[e.Group].Closed && !t.may(e.Node, e.Group, i)})
			}
		case spec.Refuse:
			if m := t.find(e.Msg, i); m >= 0 {
				t.msgs[m].refused = true
			}
		case spec.Deliver:
			t.deliver(e, i)
		}
	}
	return t
}

func (t *twin) deliver(e *spec.Event, i int) {
	m := t.find(e.Msg, i)
	list, stray := &t.group, &t.stray
	known := m >= 0 && !t.msgs[m].single && t.msgs[m].group == e.Group
	if e.Is(spec.HasTo) {
		list, stray = &t.single, &t.strayS
		known = m >= 0 && t.msgs[m].single
	}
	if !known {
		*stray++
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

func (t *twin) correct(n spec.NodeID) bool {
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
	for _, e := range t.h.Events[:at] {
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
	return ok && from < t.msgs[m].event && t.correct(n)
}

// addressed says whether a message concerns a process, seen at an event.
func (t *twin) addressed(p twinProc, m, at int) bool {
	from, ok := t.since(p.node, t.msgs[m].group, at, true)
	return ok && from < t.msgs[m].event
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

// answer of a twin.
type answer struct {
	violated bool
	unmet    bool // liveness: something is missing
	n        int
}

func (t *twin) verdict(id spec.ID) (spec.Verdict, int) {
	a := twins[id](t)
	switch {
	case a.violated, a.unmet && t.h.Settled:
		return spec.Fail, a.n
	case a.unmet, a.n == 0:
		return spec.Inconclusive, a.n
	}
	return spec.Pass, a.n
}

var twins = map[spec.ID]func(*twin) answer{
	NoCreation: func(t *twin) answer { return answer{violated: t.stray > 0, n: len(t.group) + t.stray} },
	NoDuplication: func(t *twin) (a answer) {
		for _, d := range t.group {
			if t.h.Events[d.event].Is(spec.IsRedelivered) {
				continue
			}
			a.n++
			a.violated = a.violated || d.again
		}
		return a
	},
	ContentIntegrity: func(t *twin) (a answer) {
		for _, d := range t.group {
			e, s := t.h.Events[d.event], t.h.Events[t.msgs[d.m].event]
			if e.Is(spec.HasSum) && s.Is(spec.HasSum) {
				a.n++
				a.violated = a.violated || e.Sum != s.Sum
			}
		}
		return a
	},
	SenderIntegrity: func(t *twin) (a answer) {
		for _, d := range t.group {
			if e := t.h.Events[d.event]; e.Is(spec.HasFrom) {
				a.n++
				a.violated = a.violated || e.From != t.msgs[d.m].id.Sender
			}
		}
		return a
	},
	DestinationIntegrity: func(t *twin) (a answer) {
		for _, d := range t.group {
			a.n++
			a.violated = a.violated || !t.may(d.p.node, t.msgs[d.m].group, d.event)
		}
		return a
	},
	ChannelValidity: func(t *twin) (a answer) {
		for m, x := range t.msgs {
			if x.single && !x.refused && t.correct(x.id.Sender) && !t.crashed(x.from()) && t.correct(x.to) {
				a.n++
				a.unmet = a.unmet || !t.nodeGot(x.to, m)
			}
		}
		return a
	},
	ChannelIntegrity: func(t *twin) (a answer) {
		a.n, a.violated = len(t.single)+t.strayS, t.strayS > 0
		for _, d := range t.single {
			e, s := t.h.Events[d.event], t.h.Events[t.msgs[d.m].event]
			a.violated = a.violated || d.again && !e.Is(spec.IsRedelivered) || d.p.node != s.To ||
				e.Is(spec.HasFrom) && e.From != s.Node || e.Is(spec.HasSum) && s.Is(spec.HasSum) && e.Sum != s.Sum
		}
		return a
	},
	NoResurrection: func(t *twin) (a answer) {
		for m, x := range t.msgs {
			if !x.refused {
				continue
			}
			a.n++
			for _, list := range [][]twinDelivery{t.group, t.single} {
				for _, d := range list {
					a.violated = a.violated || d.m == m
				}
			}
		}
		return a
	},
	ClosedGroup: func(t *twin) (a answer) {
		for m, x := range t.msgs {
			if !x.outsider {
				continue
			}
			a.n++
			for _, d := range t.group {
				a.violated = a.violated || d.m == m
			}
			a.unmet = a.unmet || !x.refused && !t.crashed(x.from())
		}
		return a
	},
	SelfDelivery: func(t *twin) answer {
		return t.obligations(func(m int, n spec.NodeID) bool { return n == t.msgs[m].id.Sender })
	},
	Validity: func(t *twin) answer {
		return t.obligations(func(int, spec.NodeID) bool { return true })
	},
	Agreement: func(t *twin) answer {
		correct := func(p twinProc) bool { return t.correct(p.node) }
		return t.agreement(correct, correct)
	},
	UniformAgreement: func(t *twin) answer {
		return t.agreement(func(twinProc) bool { return true }, t.crashed)
	},
	AckedDelivered: func(t *twin) (a answer) {
		for i, e := range t.h.Events {
			m := t.find(e.Msg, i)
			if e.Kind != spec.Ack || m < 0 || t.msgs[m].single || t.msgs[m].void() {
				continue
			}
			a.n++
			for n := range t.h.Nodes {
				a.unmet = a.unmet || t.owes(spec.NodeID(n), m) && !t.nodeGot(spec.NodeID(n), m)
			}
		}
		return a
	},
	FIFOOrder: func(t *twin) answer {
		a := answer{n: t.pairs()}
		t.eachPair(func(p twinProc, x, y, atX, atY int) {
			a.violated = a.violated || t.sameStream(x, y) && atX >= 0 && atX > atY
		})
		return a
	},
	FIFOGapFree: func(t *twin) answer {
		a := answer{n: t.pairs()}
		t.eachPair(func(p twinProc, x, y, atX, atY int) {
			a.violated = a.violated || t.sameStream(x, y) && (atX > atY || atX < 0 && t.addressed(p, x, atY))
		})
		return a
	},
	LocalOrder: func(t *twin) answer {
		a := answer{n: t.crossed()}
		t.eachPair(func(p twinProc, x, y, atX, atY int) {
			local := t.at(t.msgs[y].from(), x)
			a.violated = a.violated || local >= 0 && local < t.msgs[y].event && t.addressed(p, x, atY) && (atX < 0 || atX > atY)
		})
		return a
	},
	CausalOrder: func(t *twin) answer {
		a, before := answer{n: t.crossed()}, t.closure()
		t.eachPair(func(p twinProc, x, y, atX, atY int) {
			a.violated = a.violated || before[x][y] && atX >= 0 && atX > atY
		})
		return a
	},
	CausalGapFree: func(t *twin) answer {
		a, before := answer{n: t.crossed()}, t.closure()
		t.eachPair(func(p twinProc, x, y, atX, atY int) {
			a.violated = a.violated || before[x][y] && (atX > atY || atX < 0 && t.addressed(p, x, atY))
		})
		return a
	},
	TotalOrder: func(t *twin) answer {
		n := len(t.msgs)
		r := make([][]bool, n)
		for x := range r {
			r[x] = make([]bool, n)
			for y := range r {
				for _, p := range t.procs() {
					a, b := t.at(p, x), t.at(p, y)
					r[x][y] = r[x][y] || t.correct(p.node) && t.msgs[x].group == t.msgs[y].group && a >= 0 && a < b
				}
			}
		}
		warshall(r)
		a := answer{n: t.commons()}
		for x := range r {
			a.violated = a.violated || r[x][x] && a.n > 0
		}
		return a
	},
	TotalOrderPairwise: func(t *twin) answer {
		a := answer{n: t.commons()}
		for x := range t.msgs {
			for y := range t.msgs {
				for _, p := range t.procs() {
					for _, q := range t.procs() {
						if !t.correct(p.node) || !t.correct(q.node) || t.msgs[x].group != t.msgs[y].group {
							continue
						}
						px, py, qx, qy := t.at(p, x), t.at(p, y), t.at(q, x), t.at(q, y)
						a.violated = a.violated || px >= 0 && py >= 0 && qx >= 0 && qy >= 0 && px < py && qy < qx
					}
				}
			}
		}
		return a
	},
}

// obligations of a correct sender's messages, at those members.
func (t *twin) obligations(who func(int, spec.NodeID) bool) (a answer) {
	for m, x := range t.msgs {
		if x.single || x.void() || !t.correct(x.id.Sender) || t.crashed(x.from()) {
			continue
		}
		for n := range t.h.Nodes {
			if n := spec.NodeID(n); who(m, n) && t.owes(n, m) {
				a.n++
				a.unmet = a.unmet || !t.nodeGot(n, m)
			}
		}
	}
	return a
}

// agreement: what one of these delivers, all who owe it deliver; counted if a counted one and another are concerned.
func (t *twin) agreement(who, counts func(twinProc) bool) (a answer) {
	for m, x := range t.msgs {
		if x.single || x.void() {
			continue
		}
		bite := false
		for _, p := range t.procs() {
			if t.at(p, m) < 0 || !who(p) {
				continue
			}
			for n := range t.h.Nodes {
				if n := spec.NodeID(n); t.owes(n, m) {
					bite = bite || counts(p) && n != p.node
					a.unmet = a.unmet || !t.nodeGot(n, m)
				}
			}
		}
		if bite {
			a.n++
		}
	}
	return a
}

// eachPair calls for all pairs of live messages of one group and all processes that delivered y.
func (t *twin) eachPair(f func(p twinProc, x, y, atX, atY int)) {
	for x := range t.msgs {
		for y := range t.msgs {
			a, b := &t.msgs[x], &t.msgs[y]
			if x == y || a.single || b.single || a.void() || b.void() || a.group != b.group {
				continue
			}
			for _, p := range t.procs() {
				if atY := t.at(p, y); atY >= 0 {
					f(p, x, y, t.at(p, x), atY)
				}
			}
		}
	}
}

// sameStream: x was sent before y by the same process to the same group.
func (t *twin) sameStream(x, y int) bool {
	a, b := &t.msgs[x], &t.msgs[y]
	return !a.single && !b.single && !a.void() && !b.void() && a.group == b.group && a.from() == b.from() && a.event < b.event
}

// pairs counts the deliveries that have an earlier one of the same stream at the same process.
func (t *twin) pairs() (n int) {
	for _, d := range t.group {
		if d.again || t.msgs[d.m].void() {
			continue
		}
		for x := range t.msgs {
			if at := t.at(d.p, x); (t.sameStream(x, d.m) || t.sameStream(d.m, x)) && at >= 0 && at < d.event {
				n++
				break
			}
		}
	}
	return n
}

// closure of happened-before among the live messages of each group.
func (t *twin) closure() [][]bool {
	r := make([][]bool, len(t.msgs))
	for x := range r {
		r[x] = make([]bool, len(t.msgs))
		for y := range r {
			a, b := &t.msgs[x], &t.msgs[y]
			if a.single || b.single || a.void() || b.void() || a.group != b.group {
				continue
			}
			at := t.at(b.from(), x)
			r[x][y] = t.sameStream(x, y) || at >= 0 && at < b.event
		}
	}
	warshall(r)
	return r
}

func warshall(r [][]bool) {
	for k := range r {
		for x := range r {
			for y := range r {
				r[x][y] = r[x][y] || r[x][k] && r[k][y]
			}
		}
	}
}

// crossed counts the deliveries of messages with one of another process in their past.
func (t *twin) crossed() (n int) {
	before := t.closure()
	for _, d := range t.group {
		if d.again || t.msgs[d.m].void() {
			continue
		}
		for x := range t.msgs {
			if before[x][d.m] && t.msgs[x].from() != t.msgs[d.m].from() {
				n++
				break
			}
		}
	}
	return n
}

// commons counts the messages that two correct processes deliver, in groups that have two of them.
func (t *twin) commons() (n int) {
	for g := range t.h.Groups {
		k := 0
		for m, x := range t.msgs {
			if x.single || x.group != spec.GroupID(g) {
				continue
			}
			who := 0
			for _, p := range t.procs() {
				if t.correct(p.node) && t.at(p, m) >= 0 {
					who++
				}
			}
			if who >= 2 {
				k++
			}
		}
		if k >= 2 {
			n += k
		}
	}
	return n
}
