package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// A stream is what one process sends to one group. Order within it is the order of its sends, not contiguity of
// message numbers, which count the sends to all groups.

const noPairs = "vacuous: no process delivered two messages of one sender"

// fifoOrder judges FIFO-ORDER: of two messages of one sender that a process delivers, the one sent first comes first
// (HT94, FIFO order, as far as both are delivered).
func (j *Judge) fifoOrder() spec.Finding {
	width := len(j.streams)
	if tooLarge(len(j.procs), width) {
		return broken()
	}
	j.last = zeroed(j.last, len(j.procs)*width)
	n := 0
	for i, s := range j.steps {
		if s.op() != opDeliver {
			continue
		}
		m := j.msgs[s.msg]
		last := &j.last[s.proc()*width+int(m.stream)]
		switch {
		case m.seq == 0:
			continue
		case *last > m.seq:
			return j.overtaken(n+1, i, *last)
		case *last > 0:
			n++
		}
		*last = m.seq
	}
	return held(n, noPairs)
}

// overtaken is the witness of FIFO order: two sends, and two deliveries the other way round.
func (j *Judge) overtaken(n, i int, seq uint32) spec.Finding {
	s := j.steps[i]
	later := j.inStream(j.msgs[s.msg].stream, seq)
	k := j.deliveryBy(later, s.proc())
	a, b := int(j.msgs[s.msg].send), int(j.msgs[later].send)
	return violated(n, fmt.Sprintf("%s after %s, which it had delivered at %s; %s sent them in the other order, at %s and %s",
		j.delivered(i), j.name(later), j.time(k), j.process(j.sender(s.msg)), j.time(a), j.time(b)), a, b, k, i)
}

// inStream finds a message by its place in its stream.
func (j *Judge) inStream(stream, seq uint32) uint32 {
	for m := range j.msgs {
		if j.msgs[m].stream == stream && j.msgs[m].seq == seq {
			return uint32(m)
		}
	}
	panic("checkers: a stream has no such message")
}

// fifoGapFree judges FIFO-GAPFREE: FIFO-ORDER holds, and a process that delivers a message has delivered every earlier
// one of the same sender that is addressed to it (HT94, FIFO order).
func (j *Judge) fifoGapFree() spec.Finding {
	width := len(j.streams)
	if tooLarge(len(j.procs), width) {
		return broken()
	}
	j.beginPrefixes()
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			j.countSend(s.msg)
		case opMember, opRecover, opRare:
			j.turnPrefixes(i)
		case opDeliver:
			m := j.msgs[s.msg]
			if m.seq == 0 {
				continue
			}
			at := s.proc()*width + int(m.stream)
			next, last := &j.next[at], &j.last[at]
			j.followPrefix(s, next)
			switch {
			case *last > m.seq:
				return j.overtaken(n, i, *last)
			case m.seq > *next:
				return j.skipped(n, i, m.stream, *next)
			case m.seq == *next:
				*next++
			}
			if *last > 0 {
				n++
			}
			*last = m.seq
		}
	}
	return held(n, noPairs)
}

// skipped is the witness of a gap: two sends, and the delivery of the later one.
func (j *Judge) skipped(n, i int, stream, seq uint32) spec.Finding {
	missing := j.inStream(stream, seq)
	a, b := int(j.msgs[missing].send), int(j.msgs[j.steps[i].msg].send)
	return violated(n, fmt.Sprintf("%s without having delivered %s; %s sent them at %s and %s", j.delivered(i),
		j.name(missing), j.process(j.sender(missing)), j.time(b), j.time(a)), j.survived(missing, a, b, i)...)
}

// A gap-free order makes every process deliver, of each stream, exactly a prefix of what is addressed to it. So one
// number a process and stream is enough: the first message that it still has to deliver. It is never for a process
// that is no member: nothing is missing there. Where views are told, what is addressed to a process is no tail of a
// stream; then the walk notes what was delivered, and passes over the rest that does not concern the process.

// beginPrefixes starts the walk: members from the start have to deliver everything.
func (j *Judge) beginPrefixes() {
	width := len(j.streams)
	j.sends = zeroed(j.sends, width)
	j.last = zeroed(j.last, len(j.procs)*width)
	j.next = sized(j.next, len(j.procs)*width)
	j.beginSpans()
	for p := range j.procs {
		j.setPrefixes(p)
	}
	if j.viewed {
		j.bits = zeroed(j.bits, len(j.had))
		j.listPlaces()
	}
}

// followPrefix takes in a delivery in a group with views: what is before it and does not concern the process is not missing.
func (j *Judge) followPrefix(s step, next *uint32) {
	if !j.viewed {
		return
	}
	j.getNow(s.msg, s.proc())
	if m := j.msgs[s.msg]; j.inViews(j.group(s.msg)) && *next < m.seq {
		j.skipTo(next, s.proc(), m.stream, m.seq)
	}
}

// countSend keeps the number of messages sent so far in every stream.
func (j *Judge) countSend(m uint32) {
	if seq := j.msgs[m].seq; seq != 0 {
		j.sends[j.msgs[m].stream] = seq
	}
}

// turnPrefixes begins anew for a process that joins, leaves or recovers, or comes into a view from outside: only what is sent from now on is addressed
// to it.
func (j *Judge) turnPrefixes(i int) {
	s := j.steps[i]
	g, turned := j.turnSpans(i, s)
	switch {
	case s.op() == opRecover:
		j.setPrefixes(s.proc())
	case turned:
		j.setPrefix(s.proc(), g)
	}
}

func (j *Judge) setPrefixes(p int) {
	for g := range j.h.Groups {
		j.setPrefix(p, g)
	}
}

func (j *Judge) setPrefix(p, g int) {
	member := j.live.span[j.live.at(j.procs[p].node, spec.GroupID(g))] != never
	row := j.next[p*len(j.streams):]
	for c := j.columns[g]; c < j.columns[g+1]; c++ {
		row[c] = never
		switch {
		case member && j.inViews(g):
			row[c] = 1
		case member:
			row[c] = j.sends[c] + 1
		}
	}
}
