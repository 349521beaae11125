package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// faultless says whether a process is correct and never crashed: in the crash-recovery model a correct node's earlier
// incarnation did, and the outcome of what it sent is unknown, so that it is owed to nobody by VALIDITY.
func (j *Judge) faultless(p int) bool {
	x := &j.procs[p]
	return x.crash == never && j.correct[x.node]
}

// debtors are the correct members of a group until the end; which of them owe a message says owes.
func (j *Judge) debtors(g int) []ower { return j.owers[j.owedBy[g]:j.owedBy[g+1]] }

// missing gives the first correct member that had to deliver the message and did not.
func (j *Judge) missing(m uint32) (spec.NodeID, bool) {
	owers := j.debtors(j.group(m))
	for k := range owers {
		if o := &owers[k]; j.owes(o, m) && !j.got(m, o.node) {
			return o.node, true
		}
	}
	return 0, false
}

// owedBesides says whether a correct member other than this one has to deliver the message.
func (j *Judge) owedBesides(m uint32, n spec.NodeID) bool {
	owers := j.debtors(j.group(m))
	for k := range owers {
		if o := &owers[k]; o.node != n && j.owes(o, m) {
			return true
		}
	}
	return false
}

// judged says whether a message is one to a group, and owed to its members once one of them has it.
func (j *Judge) judged(m int) bool {
	return j.msgs[m].stream != oneToOne && j.marks[m]&(refused|outsider) == 0
}

// debt is the first delivery that is missing. The zero value is none.
type debt struct {
	found bool
	m     uint32
	by    spec.NodeID
	event int // what makes it owed besides the send: an acknowledgement; 0 without
}

// settle gives the verdict on liveness: what is missing in a run that goes on may still come.
func (j *Judge) settle(n int, d debt, vacuous string, witness func(*Judge, int, debt) spec.Finding) spec.Finding {
	switch {
	case !d.found:
		return held(n, vacuous)
	case !j.h.Settled:
		return inconclusive(n, notSettled)
	}
	return witness(j, n, d)
}

// lacks says that somebody is missing a message.
func (j *Judge) lacks(d debt) string {
	return fmt.Sprintf("%s, a correct member, never delivered %s", j.node(d.by), j.name(d.m))
}

// dues counts the deliveries of what correct processes sent to groups, by correct members that owe them, and those of them
// that are missing; and it gives the first of these.
func (j *Judge) dues(owes func(j *Judge, o *ower, m uint32) bool) (n, missing int, first debt) {
	for i := range j.msgs {
		m := uint32(i)
		if !j.judged(i) || !j.sound(m) {
			continue
		}
		owers := j.debtors(j.group(m))
		for k := range owers {
			o := &owers[k]
			if !owes(j, o, m) {
				continue
			}
			n++
			if j.got(m, o.node) {
				continue
			}
			if missing++; missing == 1 {
				first = debt{found: true, m: m, by: o.node}
			}
		}
	}
	return n, missing, first
}

// selfDelivery judges SELF-DELIVERY: a correct sender that is a member delivers its own message (HT94, validity).
func (j *Judge) selfDelivery() spec.Finding {
	n, _, d := j.dues(func(j *Judge, o *ower, m uint32) bool { return o.node == j.procs[j.sender(m)].node && j.owes(o, m) })
	return j.settle(n, d, "vacuous: no correct member sent", (*Judge).undelivered)
}

// validity judges VALIDITY: a correct sender's message is delivered by every correct member (CGR11, best-effort
// broadcast, validity; HT94's validity together with agreement).
func (j *Judge) validity() spec.Finding {
	n, _, d := j.dues((*Judge).owes)
	return j.settle(n, d, "vacuous: no correct process sent to a group with a correct member", (*Judge).undelivered)
}

// undelivered is the witness of validity: the send, and somebody else's delivery where there is one.
func (j *Judge) undelivered(n int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	if j.h.Events[send].Node == d.by {
		return violated(n, j.lacks(d)+", its own message, sent at "+j.time(send), send)
	}
	text := j.lacks(d) + ", which " + j.node(j.h.Events[send].Node) + ", correct too, sent at " + j.time(send)
	if i := j.deliveryIn(d.m, j.everyBits); i >= 0 {
		return violated(n, text+"; "+j.delivered(i), send, i)
	}
	return violated(n, text, send)
}

// agreement judges AGREEMENT: if a correct process delivers a message, all correct members do (HT94, agreement;
// CGR11, reliable broadcast).
func (j *Judge) agreement() spec.Finding {
	n, d := 0, debt{}
	for m := range j.msgs {
		if !j.judged(m) {
			continue
		}
		first, several, ok := j.deliverers(j.justOf(uint32(m)), j.correctBits)
		if !ok {
			continue
		}
		n += j.bite(uint32(m), first, several)
		if !d.found {
			d.by, d.found = j.missing(uint32(m))
			d.m = uint32(m)
		}
	}
	return j.settle(n, d, "vacuous: no correct process delivered a message that another correct member owed", (*Judge).disagreement)
}

// bite is 1 if some correct member other than one of the deliverers owes the message.
func (j *Judge) bite(m uint32, first spec.NodeID, several bool) int {
	if several {
		first = -1 // whoever owes it, one of the deliverers is another
	}
	if j.owedBesides(m, first) {
		return 1
	}
	return 0
}

// disagreement is the witness of agreement: the send, and a correct process's delivery.
func (j *Judge) disagreement(n int, d debt) spec.Finding {
	i := j.justDelivery(d.m)
	return violated(n, j.lacks(d)+", but "+j.delivered(i)+" and is correct", int(j.msgs[d.m].send), i)
}

// uniformAgreement judges UNIFORM-AGREEMENT: if any process delivers a message, also one that crashes later, all
// correct members do (HT94, uniform agreement; CGR11, uniform reliable broadcast). Only what a process
// delivered that crashed, or was removed from its group, tests more than agreement, so only that is counted.
func (j *Judge) uniformAgreement() spec.Finding {
	n, d := 0, debt{}
	for m := range j.msgs {
		if !j.judged(m) {
			continue
		}
		if first, several, ok := j.victims(uint32(m)); ok {
			n += j.bite(uint32(m), first, several)
		}
		if !d.found && j.anyDelivered(uint32(m)) {
			d.by, d.found = j.missing(uint32(m))
			d.m = uint32(m)
		}
	}
	return j.settle(n, d, "vacuous: no process that delivered crashed", (*Judge).notUniform)
}

func (j *Judge) anyDelivered(m uint32) bool {
	for _, b := range j.bitsOf(m) {
		if b != 0 {
			return true
		}
	}
	return false
}

// notUniform is the witness of uniform agreement: the send, a delivery, and the deliverer's crash where it crashed.
func (j *Judge) notUniform(n int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	i := j.deliveryIn(d.m, j.crashedBits)
	if i < 0 {
		i = j.deliveryIn(d.m, j.everyBits)
		return violated(n, j.lacks(d)+", but "+j.delivered(i), send, i)
	}
	crash := int(j.procs[j.steps[i].proc()].crash)
	return violated(n, j.lacks(d)+", but "+j.delivered(i)+" and crashed at "+j.time(crash), send, i, crash)
}

// ackedDelivered judges ACKED-DELIVERED: a send that was acknowledged to the application is delivered by every correct
// member, whatever happens to the sender (this project's reading of CDK's reliable multicast for acknowledged sends).
func (j *Judge) ackedDelivered() spec.Finding {
	n, d := 0, debt{}
	for i, s := range j.steps {
		if s.op() != opAck || !j.judged(int(s.msg)) {
			continue
		}
		n++
		if !d.found {
			d.by, d.found = j.missing(s.msg)
			d.m, d.event = s.msg, i
		}
	}
	return j.settle(n, d, "vacuous: no send was acknowledged", (*Judge).ackedInVain)
}

func (j *Judge) ackedInVain(n int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	return violated(n, fmt.Sprintf("%s, which %s sent at %s, acknowledged at %s",
		j.lacks(d), j.node(j.h.Events[send].Node), j.time(send), j.time(d.event)), send, d.event)
}
