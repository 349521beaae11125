package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// A barrier is known by its caller, its group and its number: how many times the caller had called sync for the group in
// that incarnation, itself included. Where the history notes it, a barrier takes effect at a process with the first such
// note there; a note in the name of a process that does not exist, or of one that lies, is passed over.

// barrierID is a barrier.
type barrierID struct {
	origin uint32 // process
	group  spec.GroupID
	number uint64
}

// effect is the first note of a process on a barrier.
type effect struct {
	event   uint32
	barrier uint32 // its number here
}

const (
	nobodySyncs = "vacuous: nobody called sync"
	noBarriers  = "not observed: note with op barrier"
)

// barrierAt says which barrier takes effect at event i, if it is a note of that kind.
func (j *Judge) barrierAt(i int) (b barrierID, ok bool) {
	e := &j.h.Events[i]
	if e.Kind != spec.Note || !inGroup(j.h, e) || !e.Is(spec.HasMsg) || extraOf(j.h, e).Op != spec.OpBarrier {
		return b, false
	}
	p, ok := j.senderOf(e.Msg)
	if !ok || j.lies(e.Msg.Sender) {
		return b, false
	}
	return barrierID{origin: uint32(p), group: e.Group, number: e.Msg.Number}, true
}

// readEffects lists in j.notes where barriers take effect, and gives how many barriers there are.
func (j *Judge) readEffects() int {
	if j.ids == nil {
		j.ids = make(map[barrierID]uint32)
	}
	clear(j.ids)
	j.notes, j.noted = j.notes[:0], j.noted[:0]
	for i, s := range j.steps {
		if s.op() != opRare {
			continue
		}
		b, ok := j.barrierAt(i)
		if !ok {
			continue
		}
		k, known := j.ids[b]
		if !known {
			k = uint32(len(j.ids))
			j.ids[b] = k
			for range j.stride {
				j.noted = append(j.noted, 0)
			}
		}
		at, bit := int(k)*j.stride+s.proc()>>3, uint8(1)<<(s.proc()&7)
		if j.noted[at]&bit == 0 {
			j.noted[at] |= bit
			j.notes = append(j.notes, effect{event: uint32(i), barrier: k})
		}
	}
	return len(j.ids)
}

// isMissing says whether a message at the head of a prefix, that a process has not delivered, is addressed to it.
func (j *Judge) isMissing(p int, m uint32) bool { return !j.inViews(j.group(m)) || j.concerns(p, m) }

// syncCalled says whether event i is the call of a sync.
func (j *Judge) syncCalled(i int) bool {
	e := &j.h.Events[i]
	return j.steps[i].op() == opRare && e.Kind == spec.Sync && inGroup(j.h, e)
}

// syncs counts the calls.
func (j *Judge) syncs() (n int) {
	for i := range j.steps {
		if j.syncCalled(i) {
			n++
		}
	}
	return n
}

// streamNow gives the stream of a process in a group, if it ever sends there.
func (j *Judge) streamNow(p int, g spec.GroupID) (uint32, bool) {
	at := j.streamOf[p*len(j.h.Groups)+int(g)]
	if at == 0 {
		return 0, false
	}
	return j.renumber[at-1], true
}

// listStreams lists in j.queue the messages that are owed to anybody, stream after stream; j.row has where each begins.
func (j *Judge) listStreams() {
	j.row = zeroed(j.row, len(j.streams)+1)
	for c, n := range j.count {
		j.row[c+1] = j.row[c] + n
	}
	j.queue = sized(j.queue, int(j.row[len(j.streams)]))
	for m := range j.msgs {
		if x := &j.msgs[m]; x.stream != oneToOne && x.seq != 0 {
			j.queue[j.row[x.stream]+x.seq-1] = uint32(m)
		}
	}
}

// inPlace gives a message by its place in its stream, in constant time.
func (j *Judge) inPlace(stream, seq uint32) uint32 { return j.queue[j.row[stream]+seq-1] }

// hasNow says whether a process has delivered a message by now, in a walk that keeps j.bits.
func (j *Judge) hasNow(m uint32, p int) bool { return j.bits[int(m)*j.stride+p>>3]&(1<<(p&7)) != 0 }

func (j *Judge) getNow(m uint32, p int) { j.bits[int(m)*j.stride+p>>3] |= 1 << (p & 7) }

// syncBarrier judges SYNC-BARRIER: who delivers a message has delivered what its sender sent before the barrier in front
// of it, as far as that is addressed to it, and nothing from before a barrier comes after what was sent behind it; the
// barriers of one caller take effect in their order (this project's). It needs no notes but for the last. It counts the
// deliveries of messages with a barrier of their sender before them, and a message before that.
func (j *Judge) syncBarrier() spec.Finding {
	width := len(j.streams)
	if tooLarge(len(j.procs), width) {
		return broken()
	}
	if j.syncs() == 0 {
		return inconclusive(0, nobodySyncs)
	}
	if a, i, ok := j.barriersSwapped(); ok {
		return j.swapped(a, i)
	}
	j.listStreams()
	j.beginPrefixes()
	j.bits = zeroed(j.bits, len(j.had))
	j.vector = sized(j.vector, len(j.msgs)) // message: the first of its stream since the last barrier before it
	j.know = zeroed(j.know, width)          // stream: the same for the next message
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opRare:
			j.turnPrefixes(i)
			if j.syncCalled(i) {
				if c, ok := j.streamNow(s.proc(), j.h.Events[i].Group); ok {
					j.know[c] = j.sends[c] + 1
				}
			}
		case opSend:
			j.countSend(s.msg)
			j.vector[s.msg] = j.know[j.msgs[s.msg].stream]
		case opMember, opRecover:
			j.turnPrefixes(i)
		case opDeliver:
			m := j.msgs[s.msg]
			if m.seq == 0 {
				continue
			}
			since := j.vector[s.msg]
			if since > 1 {
				n++
			}
			at := s.proc()*width + int(m.stream)
			if m.seq < j.last[at] {
				return j.behindBarrier(n, i, j.last[at])
			}
			j.last[at] = max(j.last[at], since)
			for next := &j.next[at]; *next < since; *next++ {
				if missing := j.inPlace(m.stream, *next); !j.hasNow(missing, s.proc()) && j.isMissing(s.proc(), missing) {
					return j.acrossBarrier(n, i, missing)
				}
			}
			j.getNow(s.msg, s.proc())
		}
	}
	return held(n, "vacuous: no process delivered what was sent behind a barrier of a sender with messages before it")
}

// behindBarrier is the witness of a message delivered after one that was sent behind the next barrier, the one from
// which on seq is the first.
func (j *Judge) behindBarrier(n, i int, seq uint32) spec.Finding {
	m := j.steps[i].msg
	for k, s := range j.steps[:i] {
		if s.op() != opDeliver || s.proc() != j.steps[i].proc() || j.msgs[s.msg].stream != j.msgs[m].stream || j.msgs[s.msg].seq < seq {
			continue
		}
		return j.barrierBetween(n, m, s.msg, fmt.Sprintf("%s after %s, which it had delivered at %s",
			j.delivered(i), j.name(s.msg), j.time(k)), k, i)
	}
	panic("checkers: nothing was delivered from behind the barrier")
}

// acrossBarrier is the witness of a message from before the barrier that is missing.
func (j *Judge) acrossBarrier(n, i int, missing uint32) spec.Finding {
	return j.barrierBetween(n, missing, j.steps[i].msg, fmt.Sprintf("%s without having delivered %s", j.delivered(i), j.name(missing)), j.survived(missing, i)...)
}

// barrierBetween adds the two sends, and the call between them.
func (j *Judge) barrierBetween(n int, before, behind uint32, text string, events ...int) spec.Finding {
	a, b := int(j.msgs[before].send), int(j.msgs[behind].send)
	p, g := j.sender(before), j.group(before)
	for k := a; k < b; k++ {
		if j.syncCalled(k) && j.steps[k].proc() == p && int(j.h.Events[k].Group) == g {
			return violated(n, fmt.Sprintf("%s; %s sent %s at %s, called sync at %s, and sent %s at %s",
				text, j.process(p), j.name(before), j.time(a), j.time(k), j.name(behind), j.time(b)), append(events, a, k, b)...)
		}
	}
	panic("checkers: no sync between two sends")
}

// barriersSwapped finds two barriers of one caller that take effect at a process in the wrong order.
func (j *Judge) barriersSwapped() (a, i int, ok bool) {
	if j.readEffects() == 0 {
		return 0, 0, false
	}
	procs, groups := len(j.procs), len(j.h.Groups)
	if tooLarge(procs*procs, groups) {
		return 0, 0, false
	}
	j.last = zeroed(j.last, procs*procs*groups) // process × caller × group: the event of the last, plus one
	for _, x := range j.notes {
		b, _ := j.barrierAt(int(x.event))
		last := &j.last[(j.steps[x.event].proc()*procs+int(b.origin))*groups+int(b.group)]
		if *last > 0 && j.h.Events[*last-1].Msg.Number > b.number {
			return int(*last) - 1, int(x.event), true
		}
		*last = x.event + 1
	}
	return 0, 0, false
}

// swapped is the witness: two notes, and a call without which there would be no barrier.
func (j *Judge) swapped(a, i int) spec.Finding {
	events := []int{a, i}
	for k := range j.steps {
		if j.syncCalled(k) {
			events = append(events, k)
			break
		}
	}
	return violated(1, fmt.Sprintf("%s at %s, before %s at %s", j.tookEffect(a), j.time(a), j.barrier(i), j.time(i)), events...)
}

// barrier names the one that takes effect at an event.
func (j *Judge) barrier(i int) string {
	b, _ := j.barrierAt(i)
	return fmt.Sprintf("barrier %d of %s", b.number, j.process(int(b.origin)))
}

// tookEffect says what took effect where.
func (j *Judge) tookEffect(i int) string {
	return j.barrier(i) + " took effect at " + j.process(j.steps[i].proc())
}
