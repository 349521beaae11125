package checkers

import (
	"strconv"

	"github.com/conform-go/conform/spec"
)

// Sentences of witnesses. Nothing here runs unless something failed.

// time of an event in milliseconds, as the history has it.
func (j *Judge) time(i int) string { return milliseconds(j.h.Events[i].T) }

func milliseconds(t spec.Time) string {
	return strconv.FormatFloat(float64(t)/1e6, 'f', -1, 64) + " ms"
}

func (j *Judge) node(n spec.NodeID) string { return "process " + j.h.NodeName(n) }

// process names an incarnation; the first one of a node by the node alone.
func (j *Judge) process(p int) string {
	x := j.procs[p]
	if x.inc == 0 {
		return j.node(x.node)
	}
	return j.node(x.node) + " (incarnation " + strconv.FormatUint(uint64(x.inc), 10) + ")"
}

// name of a message.
func (j *Judge) name(m uint32) string { return j.h.MsgName(j.h.Events[j.msgs[m].send].Msg) }

// delivered says who delivered what, and when.
func (j *Judge) delivered(i int) string {
	return j.process(j.steps[i].proc()) + " delivered " + j.h.MsgName(j.h.Events[i].Msg) + " at " + j.time(i)
}

// sent says who sent what, and when.
func (j *Judge) sent(i int) string {
	return j.process(j.steps[i].proc()) + " sent " + j.h.MsgName(j.h.Events[i].Msg) + " at " + j.time(i)
}

// deliveryBy finds the event with which a process delivered a message for the first time; -1 if it did not.
func (j *Judge) deliveryBy(m uint32, p int) int {
	for i, s := range j.steps {
		if o := s.op(); (o == opDeliver || o == opGet) && s.msg == m && s.proc() == p {
			return i
		}
	}
	return -1
}

// justDelivery finds the first delivery of a message by a process that is correct, for its group too; -1 without.
func (j *Judge) justDelivery(m uint32) int {
	row := j.justOf(m)
	for i, s := range j.steps {
		if p := s.proc(); s.op() == opDeliver && s.msg == m && row[p>>3]&j.correctBits[p>>3]&(1<<(p&7)) != 0 {
			return i
		}
	}
	return -1
}

// deliveryIn finds the first delivery of a message by a process in the mask; -1 without.
func (j *Judge) deliveryIn(m uint32, mask []uint8) int {
	for i, s := range j.steps {
		if p := s.proc(); s.op() == opDeliver && s.msg == m && mask[p>>3]&(1<<(p&7)) != 0 {
			return i
		}
	}
	return -1
}
