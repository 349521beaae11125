package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// syncCausal judges SYNC-CAUSAL: where a barrier takes effect, everything is delivered that happened before its call and
// is addressed to the process, and nothing of that comes later (this project's). What happened before the call is what
// the caller had sent to the group and delivered by then, and all that happened before that. It counts the effects of
// barriers that have a message of somebody else than the caller in their past.
func (j *Judge) syncCausal() spec.Finding {
	calls := j.syncs()
	if calls == 0 {
		return inconclusive(0, nobodySyncs)
	}
	if j.readEffects() == 0 {
		return inconclusive(0, noBarriers)
	}
	if j.causalTooLarge() || tooLarge(calls, max(j.width, j.stride)) {
		return broken()
	}
	w := j.beginBarrierPasts(calls)
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			j.countSend(s.msg)
			w.c.send(s)
		case opMember, opRecover:
			j.turnPrefixes(i)
		case opRare:
			j.turnPrefixes(i)
			if j.syncCalled(i) {
				w.call(i)
			} else if missing, ok := w.effect(i); !ok {
				return w.missing(i, missing)
			}
		case opDeliver:
			if j.msgs[s.msg].seq != 0 && !w.deliver(s) {
				return w.late(i)
			}
		}
	}
	return held(w.n, "vacuous: no barrier took effect that had a message of another process in its past")
}

// barrierPasts carries the pasts of calls through a walk.
type barrierPasts struct {
	j    *Judge
	c    causality
	n    int
	next int // in j.notes
}

func (j *Judge) beginBarrierPasts(calls int) barrierPasts {
	j.beginPrefixes() // j.last: process × column: what must not come any more
	j.listStreams()
	j.bits = zeroed(j.bits, len(j.had))
	j.pasts = sized(j.pasts, calls*j.width)
	if j.pastOf == nil {
		j.pastOf = make(map[barrierID]uint32)
	}
	clear(j.pastOf)
	j.called = zeroed(j.called, len(j.procs)*len(j.h.Groups))
	return barrierPasts{j: j, c: j.beginCausality()}
}

func (w *barrierPasts) columns(g spec.GroupID) (from, to int) {
	return int(w.j.columns[g]), int(w.j.columns[g+1])
}

// call fixes the past of a barrier.
func (w *barrierPasts) call(i int) {
	j := w.j
	g, p := j.h.Events[i].Group, j.steps[i].proc()
	number := &j.called[p*len(j.h.Groups)+int(g)]
	*number++
	k := uint32(len(j.pastOf))
	j.pastOf[barrierID{origin: uint32(p), group: g, number: uint64(*number)}] = k
	from, to := w.columns(g)
	copy(j.pasts[int(k)*j.width:], j.know[p*w.c.total+from:p*w.c.total+to])
}

// past of the barrier that takes effect at event i; nil if nobody has called it.
func (w *barrierPasts) past(i int) []uint32 {
	b, _ := w.j.barrierAt(i)
	k, ok := w.j.pastOf[b]
	if !ok {
		return nil
	}
	from, to := w.columns(b.group)
	return w.j.pasts[int(k)*w.j.width:][:to-from]
}

// effect compares the past of a barrier with what the process has delivered where it takes effect.
func (w *barrierPasts) effect(i int) (missing uint32, ok bool) {
	j := w.j
	if w.next >= len(j.notes) || int(j.notes[w.next].event) != i {
		return 0, true
	}
	w.next++
	past := w.past(i)
	if past == nil {
		return 0, true
	}
	b, _ := j.barrierAt(i)
	p := j.steps[i].proc()
	from, _ := w.columns(b.group)
	foreign := false
	for k, upto := range past {
		c := from + k
		foreign = foreign || upto > 0 && j.streams[c].proc != b.origin
		for next := &j.next[p*w.c.total+c]; *next <= upto; *next++ {
			if m := j.inPlace(uint32(c), *next); !j.hasNow(m, p) && j.isMissing(p, m) {
				return m, false
			}
		}
	}
	if foreign {
		w.n++
	}
	raise(j.last[p*w.c.total+from:][:len(past)], past)
	return 0, true
}

// deliver takes in a delivery; false if it should have come before a barrier that has taken effect.
func (w *barrierPasts) deliver(s step) bool {
	j := w.j
	m := j.msgs[s.msg]
	if m.seq <= j.last[s.proc()*w.c.total+int(m.stream)] {
		return false
	}
	j.getNow(s.msg, s.proc())
	from, to := w.c.columns(m.stream)
	w.c.deliver(s, from, to)
	return true
}

// missing is the witness of a barrier that took effect without a message of its past.
func (w *barrierPasts) missing(i int, m uint32) spec.Finding {
	call, chain := w.chain(i, m)
	j := w.j
	return violated(w.n+1, fmt.Sprintf("%s at %s, without %s having been delivered there; but %s, and %s called sync at %s", j.tookEffect(i),
		j.time(i), j.name(m), j.tell(chain), j.process(j.steps[call].proc()), j.time(call)), j.survived(m, append(append(chain, w.callsUpTo(call)...), i)...)...)
}

// late is the witness of a message that came only after a barrier that it happened before.
func (w *barrierPasts) late(i int) spec.Finding {
	j := w.j
	m := j.steps[i].msg
	x := j.msgs[m]
	for _, e := range j.notes[:w.next] {
		at := int(e.event)
		b, _ := j.barrierAt(at)
		past := w.past(at)
		if j.steps[at].proc() != j.steps[i].proc() || int(b.group) != j.group(m) || past == nil {
			continue
		}
		if from, _ := w.columns(b.group); past[int(x.stream)-from] < x.seq || !w.calledBefore(b, at) {
			continue
		}
		call, chain := w.chain(at, m)
		return violated(w.n, fmt.Sprintf("%s, after %s there at %s; but %s, and %s called sync at %s", j.delivered(i), j.barrier(at), j.time(at),
			j.tell(chain), j.process(j.steps[call].proc()), j.time(call)), append(append(chain, w.callsUpTo(call)...), at, i)...)
	}
	panic("checkers: no barrier had this message in its past")
}

// calledBefore says whether a barrier was called before an event.
func (w *barrierPasts) calledBefore(b barrierID, i int) bool { return w.callOf(b) < i }

// callOf finds the call of a barrier.
func (w *barrierPasts) callOf(b barrierID) int {
	n := uint64(0)
	for i := range w.j.steps {
		if w.j.syncCalled(i) && w.j.steps[i].proc() == int(b.origin) && w.j.h.Events[i].Group == b.group {
			if n++; n == b.number {
				return i
			}
		}
	}
	panic("checkers: nobody called this barrier")
}

// callsUpTo lists the calls of a process in a group up to one, which give it its number.
func (w *barrierPasts) callsUpTo(call int) (calls []int) {
	for i := 0; i <= call; i++ {
		if w.j.syncCalled(i) && w.j.steps[i].proc() == w.j.steps[call].proc() && w.j.h.Events[i].Group == w.j.h.Events[call].Group {
			calls = append(calls, i)
		}
	}
	return calls
}

// chain gives the call of the barrier that takes effect at event i, and the events that make a message happen before it.
func (w *barrierPasts) chain(i int, cause uint32) (call int, chain []int) {
	j := w.j
	b, _ := j.barrierAt(i)
	call = w.callOf(b)
	x := j.msgs[cause]
	from, to := w.columns(b.group)
	if j.sender(cause) == int(b.origin) {
		return call, []int{int(x.send)}
	}
	for k, s := range j.steps[:call] {
		if s.op() != opDeliver || s.proc() != int(b.origin) || j.msgs[s.msg].seq == 0 || j.group(s.msg) != int(b.group) {
			continue
		}
		if s.msg == cause || w.c.past(s.msg, from, to)[int(x.stream)-from] >= x.seq {
			return call, append(j.chain(&w.c, cause, s.msg), k)
		}
	}
	panic("checkers: the cause did not happen before the call")
}
