package checkers

import (
	"math"
	"slices"

	"github.com/conform-go/conform/spec"
)

// moreTwins are the requirements on what survives, what is announced, and what liars can do.
var moreTwins = map[spec.ID]func(*twin) answer{
	NoDuplicationRestart: func(t *twin) (a answer) {
		for _, d := range t.group {
			if t.h.Events[d.event].Is(spec.IsRedelivered) {
				continue
			}
			before := false
			for _, x := range t.group {
				if x.p.node == d.p.node && x.event < d.event {
					before = before || x.p.inc < d.p.inc
					a.violated = a.violated || x.m == d.m
				}
			}
			if before {
				a.n++
			}
		}
		return a
	},
	AllOrNothing: func(t *twin) (a answer) {
		for m, x := range t.msgs {
			if x.aborted {
				a.n++
				for _, list := range [][]twinDelivery{t.group, t.single} {
					for _, d := range list {
						a.violated = a.violated || d.m == m
					}
				}
			}
			if !x.judged() {
				continue
			}
			t.allOrNothing(m, &a)
		}
		return a
	},
	TailRecovery: func(t *twin) answer { return t.tails() },
	NoSilentGap:  func(t *twin) answer { return t.silentGaps() },
	Durability: func(t *twin) (a answer) {
		for i, e := range t.h.Events {
			m := t.find(e.Msg, i)
			if e.Kind != spec.Ack || e.Node != e.Msg.Sender || t.liar(e.Node) || m < 0 || !t.msgs[m].judged() || t.h.Model != spec.CrashRecovery {
				continue
			}
			survived, missing := false, false
			for n := range t.h.Nodes {
				n := spec.NodeID(n)
				if n == e.Node || t.owes(n, m) {
					survived = survived || t.cameBack(n, i)
				}
				missing = missing || t.owes(n, m) && !t.nodeGot(n, m)
			}
			if survived {
				a.n++
				a.unmet = a.unmet || missing
			}
		}
		return a
	},
	LogPrefix: func(t *twin) answer { return t.logs() },
	ProbabilisticValidity: func(t *twin) (a answer) {
		if !t.h.Settled {
			return a
		}
		a.n = t.obligations(func(int, spec.NodeID) bool { return true }).n
		a.missing = t.obligations(func(m int, n spec.NodeID) bool { return !t.nodeGot(n, m) }).n
		return a
	},
	StabilityTrim: func(t *twin) answer { return t.kept() },
	BoundedOverflow: func(t *twin) (a answer) {
		for i, e := range t.h.Events {
			reason := t.h.ExtraOf(&e).Reason
			switch {
			case t.liar(e.Node):
			case e.Kind == spec.Gap, e.Kind == spec.Discard && reason == "overflow",
				e.Kind == spec.Refuse && reason == "overflow" && t.find(e.Msg, i) >= 0:
				a.n++
			case e.Kind == spec.Ack:
				m := t.find(e.Msg, i)
				if m < 0 || e.Node != e.Msg.Sender || !t.msgs[m].judged() {
					continue
				}
				for n := range t.h.Nodes {
					if n := spec.NodeID(n); t.owes(n, m) && !t.nodeGot(n, m) && !t.announced(n, m, len(t.h.Events)) {
						a.unmet = true
					}
				}
			}
		}
		if a.n == 0 {
			a.unmet = false
		}
		return a
	},
	DetectorCompleteness: func(t *twin) answer { return t.detector() },
	ByzConsistency: func(t *twin) (a answer) {
		if len(t.h.Byzantine) == 0 {
			return a
		}
		for k, d := range t.group {
			e := t.h.Events[d.event]
			compared := false
			for _, x := range t.group[:k] {
				f := t.h.Events[x.event]
				if !x.again && !d.again && x.m == d.m && t.correct(x.p.node) && t.correct(d.p.node) && e.Is(spec.HasSum) && f.Is(spec.HasSum) {
					compared = true
					a.violated = a.violated || e.Sum != f.Sum
				}
			}
			if compared && t.msgs[d.m].lied {
				a.n++
			}
		}
		return a
	},
	ByzTotality: func(t *twin) answer {
		if len(t.h.Byzantine) == 0 {
			return answer{}
		}
		a := t.agreement(t.just, t.just)
		a.n = 0
		all := t.msgs
		for m := range all { // count those of liars alone
			if all[m].lied {
				t.msgs = append(append([]twinMsg{}, all[:m]...), all[m])
				for k := range m {
					t.msgs[k].refused = true
				}
				t.ruled = nil
				a.n += t.agreement(t.just, t.just).n
			}
		}
		t.msgs, t.ruled = all, nil
		return a
	},
	ByzValidity: func(t *twin) answer {
		if len(t.h.Byzantine) == 0 {
			return answer{}
		}
		return t.obligations(func(int, spec.NodeID) bool { return true })
	},
}

// cameBack says whether a node crashed after an event and came back.
func (t *twin) cameBack(n spec.NodeID, after int) bool {
	crashed := false
	for i, e := range t.h.Events {
		if i > after && e.Node == n && e.Kind == spec.Crash {
			crashed = true
		}
		if crashed && e.Node == n && e.Kind == spec.Recover {
			return true
		}
	}
	return false
}

// plight gives since which event a node is down, stands still or is cut off just before an event; -1 if it is not.
func (t *twin) plight(n spec.NodeID, at int) (down, still, cut int) {
	down, still, cut = -1, -1, -1
	id := uint64(0)
	for i, e := range t.h.Events[:at] {
		if x := t.h.ExtraOf(&e); e.Kind == spec.Heal && x.ID == id {
			cut = -1
		} else if e.Kind == spec.Fault && e.Is(spec.HasNode) && e.Node == n {
			if id = x.ID; cut < 0 {
				cut = i
			}
		}
		if e.Node != n {
			continue
		}
		switch e.Kind {
		case spec.Crash:
			down, still = i, -1
		case spec.Recover:
			down = -1
		case spec.Pause:
			still = i
		case spec.Resume:
			still = -1
		}
	}
	return down, still, cut
}

func (t *twin) allOrNothing(m int, a *answer) {
	x := t.msgs[m]
	done, owing, lacking, got := 0, false, false, false
	for n := range t.h.Nodes {
		n := spec.NodeID(n)
		got = got || t.correct(n) && !t.expelled(m, n) && t.nodeGot(n, m)
		if !t.owes(n, m) {
			continue
		}
		owing = true
		at := len(t.h.Events)
		for _, d := range t.group {
			if d.m == m && d.p.node == n {
				at = min(at, d.event)
			}
		}
		done, lacking = max(done, at), lacking || at == len(t.h.Events)
	}
	a.unmet = a.unmet || got && lacking
	bite := false
	for n := range t.h.Nodes {
		n := spec.NodeID(n)
		for at := x.event; at <= done; at++ {
			down, still, cut := t.plight(n, at)
			bite = bite || owing && (n == x.id.Sender || t.concernsMember(n, m)) && max(down, still, cut) >= 0
		}
	}
	if bite {
		a.n++
	}
	for _, d := range t.group {
		if d.m != m || d.again {
			continue
		}
		_, _, alone := t.plight(x.id.Sender, d.event)
		for n := range t.h.Nodes {
			n := spec.NodeID(n)
			if !t.owes(n, m) || n == d.p.node || n == x.id.Sender {
				continue
			}
			down, still, cut := t.plight(n, d.event)
			for _, since := range []int{down, still, cut} {
				a.violated = a.violated || since >= 0 && since < x.event
			}
			a.violated = a.violated || d.p.node == x.id.Sender && alone >= 0 && alone < x.event
		}
	}
}

// broken says whether something is broken just before an event.
func (t *twin) broken(at int) bool {
	var open []uint64
	still := map[spec.NodeID]bool{}
	down := map[spec.NodeID]int{}
	for i := range at {
		e := &t.h.Events[i]
		id := t.h.ExtraOf(e).ID
		switch e.Kind {
		case spec.Fault:
			open = append(open, id)
		case spec.Heal:
			for k := range open {
				if open[k] == id {
					open = append(open[:k], open[k+1:]...)
					break
				}
			}
		case spec.Pause:
			still[e.Node] = true
		case spec.Crash:
			delete(still, e.Node)
			if t.correct(e.Node) {
				down[e.Node]++
			}
		case spec.Recover, spec.Resume:
			delete(still, e.Node)
			if e.Kind == spec.Recover && down[e.Node] > 0 {
				down[e.Node]--
			}
		}
	}
	sum := len(open) + len(still)
	for _, n := range down {
		sum += n
	}
	return sum > 0
}

// due gives when the bound has passed undisturbed after an event.
func (t *twin) due(event int, bound spec.Time) spec.Time {
	for i := event; i < len(t.h.Events); i++ {
		if i > event && !disturbs(t.h.Events[i].Kind) || t.broken(i+1) {
			continue
		}
		calm := true
		for _, e := range t.h.Events[i+1:] {
			calm = calm && !(disturbs(e.Kind) && e.T <= t.h.Events[i].T+bound)
		}
		if calm {
			return t.h.Events[i].T + bound
		}
	}
	return math.MaxInt64
}

func disturbs(k spec.Kind) bool {
	switch k {
	case spec.Fault, spec.Heal, spec.Pause, spec.Resume, spec.Crash, spec.Recover:
		return true
	}
	return false
}

func (t *twin) tails() (a answer) {
	b, ok := t.h.Bounds["TAIL-RECOVERY"]
	if !ok {
		return a
	}
	for m, x := range t.msgs {
		if !x.judged() || !t.sound(m) {
			continue
		}
		due, silent := t.due(x.event, spec.Time(b)), true
		for _, y := range t.msgs {
			if !y.single && y.group == x.group && y.from() == x.from() && y.event > x.event {
				silent = silent && t.h.Events[y.event].T > due
			}
		}
		if !silent {
			continue
		}
		others := false
		for n := range t.h.Nodes {
			n := spec.NodeID(n)
			if !t.owes(n, m) {
				continue
			}
			others = others || n != x.id.Sender
			at := -1
			for _, d := range t.group {
				if d.m == m && d.p.node == n && at < 0 {
					at = d.event
				}
			}
			switch last := t.h.Events[len(t.h.Events)-1].T; {
			case at >= 0:
				a.violated = a.violated || t.h.Events[at].T > due
			case last > due:
				a.violated = true
			default:
				a.unmet = true
			}
		}
		if others {
			a.n++
		}
	}
	return a
}

// announced says whether a node announced a loss that may be that of a message, before an event.
func (t *twin) announced(n spec.NodeID, m, before int) bool {
	x := t.msgs[m]
	for i, e := range t.h.Events[:before] {
		if e.Kind == spec.Gap && e.Node == n && i > x.event && (!e.Is(spec.HasGroup) || e.Group == x.group) &&
			(!e.Is(spec.HasFrom) || e.From == x.id.Sender) {
			return true
		}
	}
	return false
}

func (t *twin) silentGaps() (a answer) {
	t.eachPair(func(p twinProc, x, y, atX, atY int) {
		if !t.sameStream(x, y) || atX >= 0 && atX < atY || !t.addressed(p, x, atY) {
			return
		}
		a.violated = a.violated || !t.announced(p.node, x, atY)
		// Counted if x stands just before y, and nothing behind was delivered before.
		for z := range t.msgs {
			if at := t.at(p, z); t.sameStream(x, z) && t.sameStream(z, y) || t.sameStream(y, z) && at >= 0 && at < atY {
				return
			}
		}
		a.n++
	})
	return a
}

func (t *twin) kept() (a answer) {
	bound, bounded := t.h.Costs["STABILITY-TRIM"]
	observed := false
	for n := range t.h.Nodes {
		for g := -1; g < len(t.h.Groups); g++ {
			depth := int64(0)
			for _, e := range t.h.Events {
				x := t.h.ExtraOf(&e)
				if e.Node != spec.NodeID(n) || t.liar(e.Node) {
					continue
				}
				if e.Kind == spec.Crash {
					depth = 0
				}
				if e.Kind != spec.Note || x.Op != "kept" || e.Is(spec.HasGroup) != (g >= 0) || g >= 0 && e.Group != spec.GroupID(g) {
					continue
				}
				observed = true
				a.violated = a.violated || bounded && x.Depth > int64(bound)
				if x.Depth < depth {
					a.n++
				}
				depth = x.Depth
			}
			a.unmet = a.unmet || depth > 0 && t.correct(spec.NodeID(n))
		}
	}
	for _, e := range t.h.Events {
		most, declared := t.h.Costs["HELD"]
		if x := t.h.ExtraOf(&e); declared && e.Kind == spec.Note && x.Op == "held" && x.Depth > int64(most) && !t.liar(e.Node) {
			a.violated = true
		}
	}
	a.unknown = !observed || !bounded
	return a
}

// detector looks at each group, each member that is dead at the end, and each correct member besides.
func (t *twin) detector() (a answer) {
	b, bounded := t.h.Bounds["DETECTOR-COMPLETENESS"]
	observed, end := bounded, len(t.h.Events)
	for _, e := range t.h.Events {
		tells := e.Kind == spec.Suspect || e.Kind == spec.Trust || e.Kind == spec.ViewChange
		observed = observed || tells && !t.liar(e.Node)
	}
	for g := range t.h.Groups {
		for d := range t.h.Nodes {
			crash, g, d := t.deadSince(spec.NodeID(d)), spec.GroupID(g), spec.NodeID(d)
			if _, member := t.since(d, g, end, false); crash < 0 || !member || t.liar(d) {
				continue
			}
			due := t.due(crash, spec.Time(b))
			for q := range t.h.Nodes {
				q := spec.NodeID(q)
				if from, member := t.since(q, g, end, false); !member || from > crash || !t.correct(q) {
					continue
				}
				a.n++
				at := end
				for at > 0 && t.noticed(q, d, g, at) {
					at--
				}
				switch {
				case at == end:
					a.unmet = true
					a.violated = a.violated || bounded && t.h.Events[end-1].T > due
				case bounded:
					a.violated = a.violated || t.h.Events[at].T > due
				}
			}
		}
	}
	if !observed {
		return answer{}
	}
	return a
}

// deadSince gives the crash after which a node did not come back; -1 if it is up.
func (t *twin) deadSince(n spec.NodeID) int {
	at := -1
	for i, e := range t.h.Events {
		switch {
		case e.Node != n:
		case e.Kind == spec.Recover:
			at = -1
		case e.Kind == spec.Crash && at < 0:
			at = i
		}
	}
	return at
}

// noticed says whether just before an event q suspects d, or has it in no view.
func (t *twin) noticed(q, d spec.NodeID, g spec.GroupID, at int) bool {
	suspected, out := false, false
	for i, e := range t.h.Events[:at] {
		if e.Node != q || e.Kind != spec.Crash && e.Is(spec.HasGroup) && e.Group != g {
			continue
		}
		switch {
		case e.Kind == spec.Crash:
			suspected, out = false, false
		case (e.Kind == spec.Suspect || e.Kind == spec.Trust) && e.To == d:
			suspected = e.Kind == spec.Suspect
		case e.Kind == spec.ViewChange && e.Is(spec.HasGroup):
			out = !slices.Contains(t.h.ExtraOf(&t.h.Events[i]).Members, d)
		}
	}
	return suspected || out
}
