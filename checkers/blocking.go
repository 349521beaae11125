package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// callKey is a call of a node.
type callKey struct {
	node spec.NodeID
	id   uint64
}

// syncBlocking judges SYNC-BLOCKING: when a sync returns, every message that was sent to the group before its call has
// been delivered by every correct member that owes it (this project's). What a process sent that crashed, and no correct
// process ever delivers, was lost and not in flight. It counts the syncs that returned and had something in flight at
// their call.
func (j *Judge) syncBlocking() spec.Finding {
	if j.syncs() == 0 {
		return inconclusive(0, nobodySyncs)
	}
	if j.calls == nil {
		j.calls = make(map[callKey]uint32)
	}
	clear(j.calls)
	j.complete()
	j.row = zeroed(j.row, len(j.h.Groups)) // group: when the last of all messages sent so far is complete
	j.last = sized(j.last, len(j.steps))   // call: the same, at its time
	n, returned, matched := 0, 0, 0
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch {
		case s.op() == opSend:
			g := j.group(s.msg)
			j.row[g] = max(j.row[g], j.queue[s.msg])
		case s.op() != opRare || !inGroup(j.h, e):
		case e.Kind == spec.Sync && e.Is(spec.HasID):
			j.calls[callKey{e.Node, extraOf(j.h, e).ID}] = uint32(i)
			j.last[i] = j.row[e.Group]
		case e.Kind == spec.Synced:
			returned++
			call, ok := j.calls[callKey{e.Node, extraOf(j.h, e).Of}]
			if !ok || !e.Is(spec.HasOf) {
				continue
			}
			matched++
			done := j.last[call]
			if done > call {
				n++
			}
			if done > uint32(i) {
				return j.returnedEarly(n, int(call), i)
			}
		}
	}
	if returned > 0 && matched == 0 {
		return inconclusive(0, "not observed: of")
	}
	return held(n, "vacuous: no sync returned that was called while a message was in flight")
}

// complete notes for every message the event with which the last of those that owe it has it: in j.queue; 0 if nobody
// owes it or it was lost, never if somebody never has it.
func (j *Judge) complete() {
	j.queue = zeroed(j.queue, len(j.msgs))
	j.vector = zeroed(j.vector, len(j.msgs)) // deliveries still owed
	for m := range j.msgs {
		if !j.judged(m) || !j.sound(uint32(m)) && j.justCount(uint32(m)) == 0 {
			continue
		}
		if j.vector[m] = j.owing(uint32(m)); j.vector[m] > 0 {
			j.queue[m] = never
		}
	}
	for i, s := range j.steps {
		if s.op() == opDeliver && j.vector[s.msg] > 0 && j.serves(s.msg, s.proc()) {
			if j.vector[s.msg]--; j.vector[s.msg] == 0 {
				j.queue[s.msg] = uint32(i)
			}
		}
	}
}

// returnedEarly is the witness: a message sent before the call, its delivery where that shows that it was not lost, the
// call and the return.
func (j *Judge) returnedEarly(n, call, i int) spec.Finding {
	g := int(j.h.Events[call].Group)
	for m := range j.msgs {
		if x := j.msgs[m]; x.stream == oneToOne || j.group(uint32(m)) != g || int(x.send) > call || j.queue[m] <= uint32(i) {
			continue
		}
		by, since := j.slowest(uint32(m), i)
		send := int(j.msgs[m].send)
		events := []int{send, call, i}
		if !j.sound(uint32(m)) {
			events = append(events, j.justDelivery(uint32(m)))
		}
		if since >= 0 {
			events = append(events, since)
		}
		return violated(n, fmt.Sprintf("sync of %s, called at %s, returned at %s; but %s, sent at %s, had not been delivered by %s, a correct member",
			j.process(j.steps[call].proc()), j.time(call), j.time(i), j.name(uint32(m)), j.time(send), j.node(by)), events...)
	}
	panic("checkers: nothing was in flight")
}

// slowest finds a member that owes a message and has not delivered it by event i, and its delivery; -1 without.
func (j *Judge) slowest(m uint32, i int) (spec.NodeID, int) {
	owers := j.debtors(j.group(m))
	for k := range owers {
		o := &owers[k]
		if !j.owes(o, m) {
			continue
		}
		at := -1
		for k, s := range j.steps {
			if s.op() == opDeliver && s.msg == m && j.procs[s.proc()].node == o.node {
				at = k
				break
			}
		}
		if at < 0 || at > i {
			return o.node, at
		}
	}
	panic("checkers: every member has it")
}
