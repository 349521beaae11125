package checkers

import "github.com/conform-go/conform/spec"

// The twin's logs.

// logs replays the log of every node in every group.
func (t *twin) logs() (a answer) {
	a.violated = t.readStray()
	lostAtEnd := false
	for n := range t.h.Nodes {
		for g := range t.h.Groups {
			l := twinLog{t: t, node: spec.NodeID(n), g: spec.GroupID(g)}
			l.replay(&a)
			lostAtEnd = lostAtEnd || l.lost
		}
	}
	a.violated = a.violated || a.n > 0 && lostAtEnd && t.h.Settled
	return a
}

// readStray says whether somebody delivered again what nobody had sent.
func (t *twin) readStray() bool {
	for i, e := range t.h.Events {
		if e.Kind != spec.Deliver || e.Is(spec.HasTo) || !e.Is(spec.IsRedelivered) || t.life(e.Node, i) == 0 {
			continue
		}
		known := t.liar(e.Node) || t.liar(e.Msg.Sender) || e.Is(spec.HasFrom) && t.liar(e.From)
		for _, d := range t.group {
			known = known || d.event == i
		}
		if !known {
			return true
		}
	}
	return false
}

// twinLog is the log of a node in a group.
type twinLog struct {
	t      *twin
	node   spec.NodeID
	g      spec.GroupID
	log    []int
	hidden bool // what stands in it is not known
	lost   bool // the last incarnation, up, has lost an acknowledged message of its own
}

func (l *twinLog) replay(a *answer) {
	t := l.t
	for inc := 0; inc <= t.life(l.node, len(t.h.Events)); inc++ {
		p := twinProc{l.node, inc}
		again, read, fresh := l.live(p, a)
		next := t.recovery(twinProc{l.node, inc + 1})
		if next < 0 {
			_, member := t.since(l.node, l.g, len(t.h.Events), false)
			l.lost = inc > 0 && member && !t.h.Events[t.recovery(p)].Is(spec.IsCounted) && t.correct(l.node) && t.lost(p, l.log[read:], len(t.h.Events))
			return
		}
		switch {
		case fresh == nil:
		case again:
			a.violated = a.violated || inc > 0 && t.lost(p, l.log[read:], next)
			l.log, l.hidden = append(l.log[:read:read], fresh...), false
		case len(l.log) == 0 && !l.hidden:
			l.log = fresh
		default:
			l.log, l.hidden = nil, true
		}
	}
}

// live goes through what one incarnation delivers: again, so much of the log, and something new.
func (l *twinLog) live(p twinProc, a *answer) (again bool, read int, fresh []int) {
	t := l.t
	for _, d := range t.group {
		if d.p != p || d.again || t.msgs[d.m].group != l.g {
			continue
		}
		e, s := t.h.Events[d.event], t.h.Events[t.msgs[d.m].event]
		if !e.Is(spec.IsRedelivered) || p.inc == 0 {
			fresh = append(fresh, d.m)
			continue
		}
		a.n++
		again = true
		a.violated = a.violated || !t.msgs[d.m].lied && e.Is(spec.HasSum) && s.Is(spec.HasSum) && e.Sum != s.Sum
		if read < len(l.log) {
			a.violated = a.violated || l.log[read] != d.m
			read++
			continue
		}
		a.violated = a.violated || t.msgs[d.m].event > t.recovery(p)
		if fresh == nil {
			l.log = append(l.log, d.m)
			read++
		} else {
			fresh = append(fresh, d.m)
		}
	}
	return again, read, fresh
}

// recovery gives the event with which a process began; -1 for a first one, and for one that never was.
func (t *twin) recovery(p twinProc) int {
	for i, e := range t.h.Events {
		if e.Kind == spec.Recover && e.Node == p.node && t.life(p.node, i)+1 == p.inc {
			return i
		}
	}
	return -1
}

// lost says whether a process never delivered one of these, its own and acknowledged before an event.
func (t *twin) lost(p twinProc, log []int, before int) bool {
	for _, m := range log {
		if t.msgs[m].id.Sender != p.node || t.at(p, m) >= 0 {
			continue
		}
		for i, e := range t.h.Events[:before] {
			if e.Kind == spec.Ack && !t.liar(e.Node) && t.find(e.Msg, i) == m {
				return true
			}
		}
	}
	return false
}
