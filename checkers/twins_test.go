package checkers

import "github.com/conform-go/conform/spec"

// twins are the requirements, each straight from its definition.
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
			if e.Is(spec.HasSum) && s.Is(spec.HasSum) && !t.msgs[d.m].lied {
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
		a.n, a.violated = t.strayS, t.strayS > 0
		for _, d := range t.single {
			if t.msgs[d.m].lied {
				continue
			}
			a.n++
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
			a.unmet = a.unmet || !x.refused && !x.lied && !t.crashed(x.from())
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
		return t.agreement(t.just, t.just)
	},
	UniformAgreement: func(t *twin) answer {
		return t.agreement(everyone, t.fell)
	},
	AckedDelivered: func(t *twin) (a answer) {
		for i, e := range t.h.Events {
			m := t.find(e.Msg, i)
			if e.Kind != spec.Ack || e.Node != e.Msg.Sender || m < 0 || t.msgs[m].single || t.msgs[m].void() {
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
					r[x][y] = r[x][y] || t.just(p, x) && t.just(p, y) && t.msgs[x].group == t.msgs[y].group && a >= 0 && a < b
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
						if !t.just(p, x) || !t.just(p, y) || !t.just(q, x) || !t.just(q, y) || t.msgs[x].group != t.msgs[y].group {
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
		if x.single || x.void() || !t.sound(m) {
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
func (t *twin) agreement(who, counts func(twinProc, int) bool) (a answer) {
	for m, x := range t.msgs {
		if !x.judged() {
			continue
		}
		bite := false
		for _, p := range t.procs() {
			if t.at(p, m) < 0 || !who(p, m) {
				continue
			}
			for n := range t.h.Nodes {
				if n := spec.NodeID(n); t.owes(n, m) {
					bite = bite || counts(p, m) && n != p.node
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
				if t.just(p, m) && t.at(p, m) >= 0 {
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
