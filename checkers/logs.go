package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// What a node delivers again after a recovery, marked redelivered, comes from its log. So it is a prefix of what the node
// had delivered before, in that order. It may go on with what the log had and the node had not delivered when it
// crashed; but not with what was sent only after the recovery. An incarnation that delivers again less than the one
// before, and goes on with something new, has lost the rest. One that delivers nothing again, but something new, may
// have an application that keeps its state: nothing is known of its log until it is read again. Where the recovery says
// that the application has counted what it kept, that is so: what it kept is not missed, though others deliver again all
// that they had.

// nodeLog is what is known of the log of one node in one group. Its messages stand in scratch.queue, and those that the
// present incarnation adds behind them.
type nodeLog struct {
	at     uint32 // where they stand
	length uint32 // from the incarnations before
	hidden bool   // what stands in it is not known: an incarnation delivered nothing of it again
	added  uint32 // by this one
	next   uint32 // of the first: how many this one has delivered again
	again  bool   // it has delivered one again, or what only the log can have had
	born   uint32 // its recovery
}

const nothingAgain = "vacuous: nobody delivered anything again after a recovery"

// logPrefix judges LOG-PREFIX: what a node delivers again after a recovery is a prefix of what it had delivered, with
// the content that was sent, and has all of its own that were acknowledged (this project's; the rule of logs with a torn
// tail).
func (j *Judge) logPrefix() spec.Finding {
	if !j.openLogs() {
		return inconclusive(0, nothingAgain)
	}
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opAck:
			j.bits[s.msg] = 1
		case opRecover:
			j.counted[j.h.Events[i].Node] = j.h.Events[i].Is(spec.IsCounted)
			if lost, g := j.foldLogs(i); lost >= 0 {
				return j.lostFromLog(max(n, 1), s.proc()-1, g, uint32(lost))
			}
		case opStray:
			if j.again(i) {
				return violated(n+1, j.delivered(i)+" again, which nobody had sent to this group", i)
			}
		case opDeliver:
			l := j.logOf(j.procs[s.proc()].node, j.group(s.msg))
			if !j.again(i) {
				j.queue[l.at+l.length+l.added] = s.msg
				l.added++
				continue
			}
			n++
			if f := j.readAgain(i, n, l); f.Verdict == spec.Fail {
				return f
			}
		}
	}
	if n > 0 && j.h.Settled {
		if f := j.lostAtTheEnd(n); f.Verdict == spec.Fail {
			return f
		}
	}
	return held(n, nothingAgain)
}

// again says whether event i is a delivery that its process read from its log.
func (j *Judge) again(i int) bool {
	e := &j.h.Events[i]
	return e.Is(spec.IsRedelivered) && j.steps[i].proc() > int(j.first[e.Node])
}

func (j *Judge) logOf(node spec.NodeID, g int) *nodeLog { return &j.logs[int(node)*len(j.h.Groups)+g] }

// openLogs makes room for all logs; false if nobody recovers.
func (j *Judge) openLogs() bool {
	recovered, total := false, uint32(0)
	j.logs = zeroed(j.logs, len(j.h.Nodes)*len(j.h.Groups))
	for _, s := range j.steps {
		switch s.op() {
		case opRecover:
			recovered = true
		case opDeliver:
			j.logOf(j.procs[s.proc()].node, j.group(s.msg)).at++
			total++
		}
	}
	if !recovered {
		return false
	}
	at := uint32(0)
	for k := range j.logs {
		l := &j.logs[k]
		l.at, at = at, at+l.at
	}
	j.queue = sized(j.queue, int(total))
	j.bits = zeroed(j.bits, len(j.msgs)) // message: acknowledged
	j.counted = zeroed(j.counted, len(j.h.Nodes))
	return true
}

// readAgain takes in a delivery from a log.
func (j *Judge) readAgain(i, n int, l *nodeLog) spec.Finding {
	m := j.steps[i].msg
	send := int(j.msgs[m].send)
	l.again = true
	if _, text := j.compareContent(i, send); text != "" {
		return violated(n, text, send, i)
	}
	if l.next < l.length {
		if want := j.queue[l.at+l.next]; want != m {
			return j.notAsLogged(n, i, want)
		}
		l.next++
		return spec.Finding{}
	}
	if send > int(l.born) {
		return violated(n, fmt.Sprintf("%s again, which was sent only at %s, after the recovery at %s",
			j.delivered(i), j.time(send), j.time(int(l.born))), send, i)
	}
	if l.added == 0 {
		l.length++
		l.next++
	} else {
		l.added++
	}
	j.queue[l.at+l.length+l.added-1] = m
	return spec.Finding{}
}

// foldLogs begins the next incarnation of a node. If the one before lost an acknowledged message of its own in a group,
// it gives that; otherwise -1.
func (j *Judge) foldLogs(i int) (lost, g int) {
	p := j.steps[i].proc() - 1
	node := j.procs[p].node
	for g := range j.h.Groups {
		l := j.logOf(node, g)
		switch {
		case l.added == 0: // it may have crashed before it had read everything
		case l.again:
			if lost := j.lost(p, l); lost >= 0 {
				return lost, g
			}
			copy(j.queue[l.at+l.next:], j.queue[l.at+l.length:l.at+l.length+l.added])
			l.length, l.hidden = l.next+l.added, false
		case l.length == 0 && !l.hidden:
			l.length = l.added
		default:
			l.length, l.hidden = 0, true
		}
		l.added, l.next, l.again, l.born = 0, 0, false, uint32(i)
	}
	return -1, 0
}

// lost finds an acknowledged message of its own that a process did not read from its log; -1 without.
func (j *Judge) lost(p int, l *nodeLog) int {
	for _, m := range j.queue[l.at+l.next : l.at+l.length] {
		if j.bits[m] != 0 && j.procs[j.sender(m)].node == j.procs[p].node && j.bitsOf(m)[p>>3]&(1<<(p&7)) == 0 {
			return int(m)
		}
	}
	return -1
}

// lostAtTheEnd looks at the members that are up when all is quiet: they have read what they will ever read.
func (j *Judge) lostAtTheEnd(n int) spec.Finding {
	for node := range j.h.Nodes {
		p := int(j.now[node])
		if !j.correct[node] || p == int(j.first[node]) || j.counted[node] {
			continue
		}
		for g := range j.h.Groups {
			if j.final.since[j.final.at(spec.NodeID(node), spec.GroupID(g))] == never {
				continue
			}
			if lost := j.lost(p, j.logOf(spec.NodeID(node), g)); lost >= 0 {
				return j.lostFromLog(n, p, g, uint32(lost))
			}
		}
	}
	return spec.Finding{}
}

// lastBefore gives the last delivery of a message by a process's node in an earlier incarnation.
func (j *Judge) lastBefore(m uint32, p int) int {
	for i := len(j.steps) - 1; i >= 0; i-- {
		if s := j.steps[i]; s.op() == opDeliver && s.msg == m && s.proc() < p && j.procs[s.proc()].node == j.procs[p].node {
			return i
		}
	}
	panic("checkers: nothing in a log was delivered before")
}

// notAsLogged is the witness of another order, or of a hole.
func (j *Judge) notAsLogged(n, i int, want uint32) spec.Finding {
	s := j.steps[i]
	k := j.lastBefore(want, s.proc())
	return violated(n, fmt.Sprintf("%s again, in the place of %s, which %s had delivered at %s",
		j.delivered(i), j.name(want), j.process(j.steps[k].proc()), j.time(k)),
		int(j.msgs[want].send), k, int(j.msgs[s.msg].send), i)
}

// lostFromLog is the witness of a log that lost an acknowledged message: the send, its delivery and its acknowledgement,
// and what shows that logs are read.
func (j *Judge) lostFromLog(n, p, g int, m uint32) spec.Finding {
	k := j.lastBefore(m, p)
	events := []int{int(j.msgs[m].send), k}
	for i, s := range j.steps {
		if s.op() == opAck && s.msg == m {
			events = append(events, i)
			break
		}
	}
	for _, i := range j.readings(p, g) {
		events = append(events, int(j.msgs[j.steps[i].msg].send), i)
	}
	return violated(n, fmt.Sprintf("%s did not deliver %s again, its own and acknowledged, which %s had delivered at %s",
		j.process(p), j.name(m), j.process(j.steps[k].proc()), j.time(k)), events...)
}

// readings lists deliveries that show that a process read its log in a group and went on with something new. If it read
// nothing, they show that somebody else reads logs, or that earlier incarnations did.
func (j *Judge) readings(p, g int) []int {
	type kind struct {
		proc  int
		again bool
	}
	first := map[kind]int{}
	other := -1
	for i, s := range j.steps {
		if s.op() != opDeliver {
			continue
		}
		if j.procs[s.proc()].node != j.procs[p].node || j.group(s.msg) != g {
			if other < 0 && j.again(i) {
				other = i
			}
		} else if _, known := first[kind{s.proc(), j.again(i)}]; !known {
			first[kind{s.proc(), j.again(i)}] = i
		}
	}
	var own, earlier []int
	for k, i := range first {
		switch {
		case k.proc == p:
			own = append(own, i)
		case k.proc < p:
			earlier = append(earlier, i)
		}
	}
	if _, read := first[kind{p, true}]; read {
		return own
	}
	if other >= 0 {
		return append(own, other)
	}
	return append(own, earlier...)
}
