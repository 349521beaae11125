package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// groupRestart judges GROUP-RESTART: after a moment at which all members of a group were down, when a majority of them is
// up again at the end, every one of those has what was acknowledged before, and delivers what correct processes send after
// the first recovery (this project's). An application has what it was delivered in its present life, and what is in the
// state that it was given last; of an earlier life it has what it delivered there if it counted what it kept, or if after
// that moment nobody in the group is given a state, or anything once more: then applications keep what they have by
// themselves. Who joined after a send owes it only if it was given a state. Who asked to leave and crashed before it was
// told is a member or not, and owes nothing. It counts the acknowledged messages and the sends.
func (j *Judge) groupRestart() spec.Finding {
	if j.h.Model != spec.CrashRecovery {
		return inconclusive(0, "vacuous: in the crash-stop model nobody comes back")
	}
	died := false
	n, d := 0, debt{}
	for g := range j.h.Groups {
		dead, back := j.allDown(g)
		if back < 0 {
			continue
		}
		died = true
		j.kept(g, dead)
		for i, s := range j.steps {
			switch o := s.op(); {
			case o != opAck && o != opSend || !j.judged(int(s.msg)) || j.group(s.msg) != g:
				continue
			case o == opAck && i < dead:
				n++
				owers := j.debtors(g)
				for k := range owers {
					q := &owers[k]
					member := q.joined <= j.msgs[s.msg].send || j.row[q.node] != 0
					if !d.found && !j.askedOut(g, q.node) && member && j.noted[int(s.msg)*len(j.h.Nodes)+int(q.node)] == 0 {
						d = debt{found: true, m: s.msg, by: q.node, event: i}
					}
				}
			case o == opSend && i > back && j.sound(s.msg):
				n++
				if !d.found {
					d.by, d.found = j.missing(s.msg)
					d.m, d.event = s.msg, 0
				}
			}
		}
	}
	if !died {
		return inconclusive(0, "vacuous: there was no moment at which all members were down, and from which most came back")
	}
	return j.settle(n, d, "vacuous: nothing was acknowledged before all died, and nothing sent after", (*Judge).notRestarted)
}

// allDown gives the last event after which all members of a group from the start were down, and the recovery after it;
// back < 0 without, or if no majority is up at the end.
func (j *Judge) allDown(g int) (dead, back int) {
	j.bits = zeroed(j.bits, len(j.h.Nodes)) // node: a member that is up
	up, members := 0, 0
	for _, n := range j.h.Groups[g].Members {
		if n >= 0 && int(n) < len(j.bits) && j.bits[n] == 0 {
			j.bits[n] = 1
			up++
			members++
		}
	}
	dead, back = -1, -1
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch {
		case s.op() == opCrash && j.bits[e.Node] == 1:
			j.bits[e.Node] = 2
			if up--; up == 0 {
				dead, back = i, -1
			}
		case s.op() == opRecover && j.bits[e.Node] == 2:
			j.bits[e.Node] = 1
			if up++; up == 1 {
				back = i
			}
		}
	}
	if 2*up <= members {
		return dead, -1
	}
	return dead, back
}

// askedOut says whether the last that a node asked for was to leave the group.
func (j *Judge) askedOut(g int, n spec.NodeID) bool {
	for i := len(j.steps) - 1; i >= 0; i-- {
		e := &j.h.Events[i]
		if (e.Kind == spec.Leave || e.Kind == spec.Join) && e.Node == n && inGroup(j.h, e) && int(e.Group) == g {
			return e.Kind == spec.Leave
		}
	}
	return false
}

// kept notes in j.noted which node has which message of a group at the end, and in j.row, + 1, with which event a node was
// given its last state after all had died.
func (j *Judge) kept(g, dead int) {
	nodes := len(j.h.Nodes)
	j.noted = zeroed(j.noted, len(j.msgs)*nodes)
	j.row = zeroed(j.row, nodes)
	again := j.givenAgain(g, dead) >= 0
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch {
		case j.delivers(s, g):
			j.noted[int(s.msg)*nodes+int(e.Node)] = 1
		case s.op() == opRecover && again && !e.Is(spec.IsCounted), j.stateIn(i, g):
			for m := range j.msgs {
				j.noted[m*nodes+int(e.Node)] = 0
			}
			if s.op() == opRecover {
				continue
			}
			if i > dead {
				j.row[e.Node] = uint32(i) + 1
			}
			for _, id := range extraOf(j.h, e).Msgs {
				if m, ok := j.find(id); ok {
					j.noted[int(m)*nodes+int(e.Node)] = 1
				}
			}
		}
	}
}

// delivers says whether an event is a delivery of a message to a group.
func (j *Judge) delivers(s step, g int) bool {
	return (s.op() == opDeliver || s.op() == opAgain) && j.msgs[s.msg].stream != oneToOne && j.group(s.msg) == g
}

// stateIn says whether with an event a node is given a state of a group.
func (j *Judge) stateIn(i, g int) bool {
	e := &j.h.Events[i]
	return j.steps[i].op() == opRare && e.Kind == spec.Restore && inGroup(j.h, e) && int(e.Group) == g
}

// givenAgain gives the first event after which a node is given a state of a group, or one of its messages once more; -1
// without.
func (j *Judge) givenAgain(g, after int) int {
	for i := after + 1; i < len(j.steps); i++ {
		s := j.steps[i]
		if j.delivers(s, g) && j.h.Events[i].Is(spec.IsRedelivered) || j.stateIn(i, g) {
			return i
		}
	}
	return -1
}

func (j *Judge) notRestarted(n int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	g := j.group(d.m)
	dead, back := j.allDown(g)
	where := fmt.Sprintf("group %s, whose members were all down at %s and came back from %s on", j.h.GroupName(spec.GroupID(g)), j.time(dead), j.time(back))
	if d.event == 0 {
		return violated(n, fmt.Sprintf("%s, which %s sent at %s to %s", j.lacks(d), j.node(j.h.Events[send].Node), j.time(send), where), send, dead, back)
	}
	events := []int{send, d.event, dead, back}
	j.kept(g, dead)
	what := fmt.Sprintf("%s, a correct member, has not %s", j.node(d.by), j.name(d.m))
	if given := int(j.row[d.by]) - 1; given >= 0 {
		events, what = append(events, given), fmt.Sprintf("%s in the state that it was given at %s", what, j.time(given))
	} else if j.got(d.m, d.by) {
		events, what = append(events, j.givenAgain(g, dead)), what+" since its crash, while others are given what they had"
	} else {
		what = j.lacks(d)
	}
	return violated(n, fmt.Sprintf("%s, which was acknowledged at %s, in %s", what, j.time(d.event), where), events...)
}
