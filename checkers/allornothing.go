package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// A member that is down, stands still, or is cut off from all others since before a message was sent can't have it. What
// a partition in several parts separates is not told by events, and nothing is concluded from it.

// plight is why a node can't get anything new: since which event, + 1; 0 if it can.
type plight struct {
	down, still, cut uint32
	fault            uint64 // by which it is cut off
	ended            uint32 // the last event, + 1, at which it was in a plight that is over
}

func (p *plight) now() bool { return p.down|p.still|p.cut != 0 }

// since gives since which event the node can't get anything; never if it can.
func (p *plight) since() uint32 {
	first := never
	for _, x := range [...]uint32{p.down, p.still, p.cut} {
		if x != 0 {
			first = min(first, x-1)
		}
	}
	return first
}

// allOrNothing judges ALL-OR-NOTHING: a message that a correct process delivers, all correct members deliver; none is
// delivered while one of them provably can't have it; and one that was aborted is delivered by nobody (BJ87, atomic
// broadcast; CDK, atomic multicast).
func (j *Judge) allOrNothing() spec.Finding {
	n := 0
	for _, mark := range j.marks {
		if mark&aborted != 0 {
			n++
		}
	}
	j.plights = zeroed(j.plights, len(j.h.Nodes))
	j.queue = sized(j.queue, len(j.msgs)) // message: the correct members that have not delivered it yet
	troubled, open := false, 0            // any plight so far; plights now
	for i, s := range j.steps {
		switch o := s.op(); o {
		case opSend:
			j.queue[s.msg] = j.owing(s.msg)
		case opCrash, opRecover, opRare:
			if turned, change := j.turnPlight(i); turned {
				troubled, open = true, open+change
			}
		case opDeliver, opGet:
			if j.marks[s.msg]&aborted != 0 {
				return j.deliveredAborted(n, i)
			}
			if o == opGet || !j.judged(int(s.msg)) {
				continue
			}
			if j.marks[s.msg]&lied != 0 && int(j.msgs[s.msg].send) == i {
				j.queue[s.msg] = j.owing(s.msg)
			}
			if open > 0 {
				if q := j.withoutIt(s.msg, j.procs[s.proc()].node); q >= 0 {
					return j.tooEarly(n, i, spec.NodeID(q))
				}
			}
			if j.serves(s.msg, s.proc()) {
				if j.queue[s.msg]--; j.queue[s.msg] == 0 && troubled && j.disturbed(s.msg) {
					n++
				}
			}
		}
	}
	return j.allOrNone(n, troubled)
}

// allOrNone judges what is missing at the end.
func (j *Judge) allOrNone(n int, troubled bool) spec.Finding {
	d := debt{}
	for m := range j.msgs {
		if !j.judged(m) || j.queue[m] == 0 {
			continue
		}
		if troubled && j.disturbed(uint32(m)) {
			n++
		}
		if _, _, ok := j.deliverers(j.justOf(uint32(m)), j.correctBits); ok && !d.found {
			d.by, d.found = j.missing(uint32(m))
			d.m = uint32(m)
		}
	}
	return j.settle(n, d, "vacuous: nobody crashed or was cut off while a message was on its way", (*Judge).disagreement)
}

// owing counts the correct members that have to deliver a message.
func (j *Judge) owing(m uint32) (n uint32) {
	owers := j.debtors(j.group(m))
	for k := range owers {
		if j.owes(&owers[k], m) {
			n++
		}
	}
	return n
}

// serves says whether a first delivery by a process is the one that its node owes.
func (j *Judge) serves(m uint32, p int) bool {
	node := j.procs[p].node
	if !j.correct[node] || j.earlier(m, p) >= 0 {
		return false
	}
	owers := j.debtors(j.group(m))
	for k := range owers {
		if owers[k].node == node {
			return j.owes(&owers[k], m)
		}
	}
	return false
}

// turnPlight takes in an event that begins or ends a plight; change is how many more there are now.
func (j *Judge) turnPlight(i int) (turned bool, change int) {
	e := &j.h.Events[i]
	if e.Kind == spec.Heal {
		return j.reconnect(e, i)
	}
	if !e.Is(spec.HasNode) || e.Node < 0 || int(e.Node) >= len(j.plights) {
		return false, 0
	}
	p := &j.plights[e.Node]
	before := p.now()
	switch at := uint32(i) + 1; e.Kind {
	case spec.Crash:
		p.down, p.still = at, 0
	case spec.Recover:
		p.down = 0
	case spec.Pause:
		p.still = at
	case spec.Resume:
		p.still = 0
	case spec.Fault:
		if p.cut == 0 {
			p.cut = at
		}
		p.fault = extraOf(j.h, e).ID
	default:
		return false, 0
	}
	return true, p.turn(before, i)
}

func (p *plight) turn(before bool, i int) int {
	switch {
	case before:
		p.ended = uint32(i) + 1
		if !p.now() {
			return -1
		}
	case p.now():
		return 1
	}
	return 0
}

// reconnect heals a fault.
func (j *Judge) reconnect(e *spec.Event, i int) (turned bool, change int) {
	id := extraOf(j.h, e).ID
	for n := range j.plights {
		if p := &j.plights[n]; p.cut != 0 && p.fault == id {
			p.cut = 0
			turned, change = true, change+p.turn(true, i)
		}
	}
	return turned, change
}

// disturbed says whether the sender of a message, or a member, has been in a plight since the send.
func (j *Judge) disturbed(m uint32) bool {
	send, g := j.msgs[m].send, spec.GroupID(j.group(m))
	sender := j.procs[j.sender(m)].node
	for n := range j.plights {
		p := &j.plights[n]
		if !p.now() && p.ended <= send {
			continue
		}
		if node := spec.NodeID(n); node == sender || j.isFor(m, node, g) {
			return true
		}
	}
	return false
}

// isFor says whether a message concerns a member, correct or not.
func (j *Judge) isFor(m uint32, n spec.NodeID, g spec.GroupID) bool {
	if v := j.sentView(m); v != 0 {
		return j.member[int(v-1)*len(j.h.Nodes)+int(n)]
	}
	return j.final.since[j.final.at(n, g)] <= j.msgs[m].send
}

// withoutIt gives a correct member besides the one that delivers that can't have the message; -1 if all may have it.
func (j *Judge) withoutIt(m uint32, by spec.NodeID) int {
	send := j.msgs[m].send
	sender := j.procs[j.sender(m)].node
	alone := by == sender && j.plights[sender].cut != 0 && j.plights[sender].cut-1 < send
	owers := j.debtors(j.group(m))
	for k := range owers {
		o := &owers[k]
		if o.node == by || o.node == sender || !j.owes(o, m) {
			continue
		}
		if alone || j.plights[o.node].since() < send {
			return int(o.node)
		}
	}
	return -1
}

func (j *Judge) deliveredAborted(n, i int) spec.Finding {
	m, k := j.steps[i].msg, 0
	for j.steps[k].op() != opRefuse || j.steps[k].msg != m || extraOf(j.h, &j.h.Events[k]).Reason != spec.ReasonAborted {
		k++
	}
	return violated(n, j.delivered(i)+", which was aborted at "+j.time(k), int(j.msgs[m].send), k, i)
}

// tooEarly is the witness of a delivery while somebody can't have the message.
func (j *Judge) tooEarly(n, i int, without spec.NodeID) spec.Finding {
	m := j.steps[i].msg
	send := j.msgs[m].send
	who := without
	k := int(j.plights[who].since())
	if k >= int(send) { // it is the sender that was alone
		who = j.procs[j.sender(m)].node
		k = int(j.plights[who].cut) - 1
	}
	state := map[spec.Kind]string{spec.Crash: "was down", spec.Pause: "stood still", spec.Fault: "was cut off"}[j.h.Events[k].Kind]
	text := fmt.Sprintf("%s, sent at %s, when %s, a correct member, could not have it", j.delivered(i), j.time(int(send)), j.node(without))
	return violated(n+1, fmt.Sprintf("%s: %s %s from %s on", text, j.node(who), state, j.time(k)), k, int(send), i)
}
