package checkers

import (
	"fmt"
	"math"

	"github.com/conform-go/conform/spec"
)

// Orders and bounds in time. Times are those of the events, and so of the clocks that the recorder had.

// realTimeOrder judges REALTIME-ORDER: if a message was acknowledged more than ε before another one of its group was
// sent, every process that delivers both delivers it first (this project's). Each sequence is walked from its end with
// the earliest acknowledgement of what comes behind. It counts the deliveries of messages sent so late after another one
// that the process delivers.
func (j *Judge) realTimeOrder() spec.Finding {
	if j.h.Epsilon <= 0 {
		return inconclusive(0, "not observed: the header declares no epsilon")
	}
	groups := len(j.h.Groups)
	acked := j.firstAcks()
	if acked == 0 {
		return inconclusive(0, "not observed: ack")
	}
	j.rows = j.had
	j.sequence(groups)
	n := 0
	for p := range j.procs {
		for g := range groups {
			list := j.sequenceOf(p, g)
			earliest := j.earliestAck(list)
			if earliest == never {
				continue
			}
			behind := never
			for k := len(list) - 1; k >= 0; k-- {
				m := list[k]
				if j.msgs[m].seq == 0 {
					continue
				}
				if j.wellBefore(earliest, m) {
					n++
				}
				if j.wellBefore(behind, m) {
					return j.tooLate(n, p, m, j.steps[behind].msg)
				}
				behind = j.sooner(behind, m)
			}
		}
	}
	return held(n, "vacuous: no process delivered two messages of which one was acknowledged more than ε before the other was sent")
}

// firstAcks notes for every message the event of its first acknowledgement, in j.queue; never without.
func (j *Judge) firstAcks() int {
	j.queue = sized(j.queue, len(j.msgs))
	for m := range j.queue {
		j.queue[m] = never
	}
	n := 0
	for i, s := range j.steps {
		if s.op() == opAck && j.queue[s.msg] == never {
			j.queue[s.msg] = uint32(i)
			n++
		}
	}
	return n
}

func (j *Judge) earliestAck(list []uint32) uint32 {
	earliest := never
	for _, m := range list {
		if j.msgs[m].seq != 0 {
			earliest = j.sooner(earliest, m)
		}
	}
	return earliest
}

// sooner gives the acknowledgement of a message if it has one and it came before this one.
func (j *Judge) sooner(ack, m uint32) uint32 {
	a := j.queue[m]
	if a == never || ack != never && j.h.Events[ack].T <= j.h.Events[a].T {
		return ack
	}
	return a
}

// wellBefore says whether an acknowledgement came more than ε before a message was sent.
func (j *Judge) wellBefore(ack, m uint32) bool {
	return ack != never && j.h.Events[j.msgs[m].send].T-j.h.Events[ack].T > spec.Time(j.h.Epsilon)
}

// tooLate is the witness: the early message and its acknowledgement, the late one, and two deliveries the other way round.
func (j *Judge) tooLate(n, p int, late, early uint32) spec.Finding {
	a, ack, b := int(j.msgs[early].send), int(j.queue[early]), int(j.msgs[late].send)
	k, i := j.deliveryBy(late, p), j.deliveryBy(early, p)
	return violated(n, fmt.Sprintf("%s after %s, which it had delivered at %s; but %s was acknowledged at %s, more than %s before %s was sent at %s",
		j.delivered(i), j.name(late), j.time(k), j.name(early), j.time(ack), milliseconds(spec.Time(j.h.Epsilon)), j.name(late), j.time(b)),
		a, ack, b, k, i)
}

// timeliness judges TIMELINESS: no message is delivered later than the declared bound after its send (HT94, real-time
// timeliness). What is read from a log after a recovery is exempt.
func (j *Judge) timeliness() spec.Finding {
	bound, ok := j.h.Bounds[string(Timeliness)]
	if !ok {
		return inconclusive(0, noBound)
	}
	n, i := j.within(spec.Time(bound))
	if i < 0 {
		return held(n, nothingDelivered)
	}
	send := int(j.msgs[j.steps[i].msg].send)
	return violated(n, fmt.Sprintf("%s, sent at %s: %s later, and %s were declared", j.delivered(i), j.time(send),
		milliseconds(j.h.Events[i].T-j.h.Events[send].T), milliseconds(spec.Time(bound))), send, i)
}

// costDelay judges COST-DELAY: without faults, and where every packet takes the same time, a message is delivered within
// the declared number of message delays after its send (DSU04, comparison of algorithms). The header tells that time as
// the bound DELAY.
func (j *Judge) costDelay() spec.Finding {
	limit, ok := j.h.Costs[string(CostDelay)]
	delay, known := j.h.Bounds[spec.BoundDelay]
	switch {
	case !ok:
		return inconclusive(0, noCost)
	case !known || delay <= 0:
		return inconclusive(0, "not observed: the header does not tell the delay of all packets")
	}
	for i := range j.h.Events {
		switch j.h.Events[i].Kind {
		case spec.Fault, spec.Crash, spec.Pause:
			return inconclusive(0, "vacuous: there were faults")
		}
	}
	total := spec.Time(math.MaxInt64)
	if limit <= 0 || int64(delay) <= math.MaxInt64/int64(limit) {
		total = spec.Time(delay) * spec.Time(max(limit, 0))
	}
	n, i := j.within(total)
	if i < 0 {
		return held(n, nothingDelivered)
	}
	send := int(j.msgs[j.steps[i].msg].send)
	took := j.h.Events[i].T - j.h.Events[send].T
	delays := took / spec.Time(delay)
	if took%spec.Time(delay) != 0 {
		delays++
	}
	return violated(n, fmt.Sprintf("%s, sent at %s: %d message delays of %s, and %d were declared", j.delivered(i), j.time(send),
		delays, milliseconds(spec.Time(delay)), limit), send, i)
}

// within counts the deliveries up to the first that came later after its send; i is -1 if none did.
func (j *Judge) within(bound spec.Time) (n, i int) {
	for i, s := range j.steps {
		if s.op() != opDeliver || j.marks[s.msg]&lied != 0 || j.h.Events[i].Is(spec.IsRedelivered) {
			continue
		}
		n++
		if j.h.Events[i].T-j.h.Events[j.msgs[s.msg].send].T > bound {
			return n, i
		}
	}
	return n, -1
}
