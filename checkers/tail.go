package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// tail is the last message before a silence, and when everybody must have it.
type tail struct {
	msg      uint32
	got      uint32 // correct members that have delivered it in time
	deadline spec.Time
}

// disturbance is an event after which a protocol may need the bound once more.
type disturbance struct {
	event uint32
	at    spec.Time
	open  bool // something is broken after it
}

// tailRecovery judges TAIL-RECOVERY: a message after which its sender sends nothing to the group for the declared bound
// is delivered by every correct member within the bound (this project's). The bound begins anew with every fault and
// its end, every crash and return, and runs while nothing is broken. That a copy was lost is no event, so that every
// such message counts.
func (j *Judge) tailRecovery() spec.Finding {
	bound, ok := j.h.Bounds[string(TailRecovery)]
	if !ok {
		return inconclusive(0, noBound)
	}
	j.findTails(spec.Time(bound))
	n := 0
	for k := range j.tails {
		if m := j.tails[k].msg; j.owedBesides(m, j.procs[j.sender(m)].node) {
			n++
		}
	}
	for i, s := range j.steps {
		if s.op() != opDeliver || j.queue[s.msg] == 0 || !j.serves(s.msg, s.proc()) {
			continue
		}
		t := &j.tails[j.queue[s.msg]-1]
		if j.h.Events[i].T > t.deadline {
			return j.lateTail(n, i, t)
		}
		t.got++
	}
	return j.missingTails(n)
}

// missingTails judges what was not delivered at all.
func (j *Judge) missingTails(n int) spec.Finding {
	last := len(j.h.Events) - 1
	unmet := false
	for k := range j.tails {
		t := &j.tails[k]
		if t.got == j.owing(t.msg) {
			continue
		}
		unmet = true
		if j.h.Settled || j.h.Events[last].T > t.deadline {
			by, _ := j.missing(t.msg)
			text := fmt.Sprintf("%s, which %s sent at %s, the last before a silence", j.lacks(debt{m: t.msg, by: by}),
				j.node(j.procs[j.sender(t.msg)].node), j.time(int(j.msgs[t.msg].send)))
			if j.h.Settled {
				return violated(n, text+", and all is quiet", int(j.msgs[t.msg].send))
			}
			return violated(n, text+", until "+j.time(last), int(j.msgs[t.msg].send), last)
		}
	}
	if unmet {
		return inconclusive(n, notSettled)
	}
	return held(n, "vacuous: no correct process sent, and then was silent for the declared bound")
}

// findTails walks backward over the messages and the disturbances. In j.queue each message has its tail + 1.
func (j *Judge) findTails(bound spec.Time) {
	j.disturbances()
	j.tails = j.tails[:0]
	j.queue = zeroed(j.queue, len(j.msgs))
	j.row = zeroed(j.row, len(j.streams)) // stream: the send of the next message, + 1
	k := len(j.breaks)
	free := ages // when the bound after disturbance k has passed undisturbed
	for m := len(j.msgs) - 1; m >= 0; m-- {
		x := j.msgs[m]
		if x.stream == oneToOne {
			continue
		}
		for ; k > 0 && j.breaks[k-1].event > x.send; k-- {
			free = j.free(k-1, bound, free)
		}
		next := j.row[x.stream]
		j.row[x.stream] = x.send + 1
		if !j.judged(m) || !j.sound(uint32(m)) {
			continue
		}
		deadline := j.deadline(k, j.h.Events[x.send].T, bound, free)
		if next == 0 || j.h.Events[next-1].T > deadline {
			j.tails = append(j.tails, tail{msg: uint32(m), deadline: deadline})
			j.queue[m] = uint32(len(j.tails))
		}
	}
}

// disturbances lists them in their order.
func (j *Judge) disturbances() {
	j.breaks = j.breaks[:0]
	q := &j.harness
	q.open, q.halts, q.halted = q.open[:0], 0, zeroed(q.halted, len(j.h.Nodes))
	q.downed = zeroed(q.downed, len(j.h.Nodes))
	down := 0
	for i, s := range j.steps {
		o := s.op()
		e := &j.h.Events[i]
		switch {
		case o == opCrash || o == opRecover:
			// Who comes back has to deliver; who is not correct never does, and does not count.
			if now := o == opCrash && j.correct[e.Node]; now != q.downed[e.Node] {
				q.downed[e.Node] = now
				if now {
					down++
				} else {
					down--
				}
			}
		case o != opRare:
			continue
		case e.Kind != spec.Fault && e.Kind != spec.Heal && e.Kind != spec.Pause && e.Kind != spec.Resume:
			continue
		}
		q.turn(e, extraOf(j.h, e).ID)
		j.breaks = append(j.breaks, disturbance{event: uint32(i), at: e.T, open: q.broken() || down > 0})
	}
}

// free gives when the bound has passed undisturbed after disturbance k, if it has after the next at the time given.
func (j *Judge) free(k int, bound, next spec.Time) spec.Time {
	return j.undisturbed(k+1, j.breaks[k].at, j.breaks[k].open, bound, next)
}

// deadline gives when the bound has passed undisturbed after a time before disturbance k.
func (j *Judge) deadline(k int, from, bound, next spec.Time) spec.Time {
	return j.undisturbed(k, from, k > 0 && j.breaks[k-1].open, bound, next)
}

func (j *Judge) undisturbed(k int, from spec.Time, open bool, bound, next spec.Time) spec.Time {
	switch {
	case k == len(j.breaks) && open:
		return ages
	case k < len(j.breaks) && (open || j.breaks[k].at-from <= bound):
		return next
	case bound > ages-from:
		return ages
	}
	return from + bound
}

func (j *Judge) lateTail(n, i int, t *tail) spec.Finding {
	send := int(j.msgs[t.msg].send)
	return violated(n, fmt.Sprintf("%s, which %s sent at %s, the last before a silence; it was due at %s", j.delivered(i),
		j.node(j.h.Events[send].Node), j.time(send), milliseconds(t.deadline)), send, i)
}
