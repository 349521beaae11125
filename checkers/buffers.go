package checkers

import (
	"fmt"
	"math"

	"github.com/conform-go/conform/spec"
)

// stabilityTrim judges STABILITY-TRIM: the copies that a process keeps for retransmission are never more than declared,
// and when all is quiet no correct process keeps any (BSS91, stability; KT91, history buffer). It counts how often
// copies were discarded. A crash discards all: what the log keeps is told again after the recovery. Where a bound is
// declared of what is held back ([spec.CostHeld]), that is never more either; but to hold back proves nothing of copies.
func (j *Judge) stabilityTrim() spec.Finding {
	bound, bounded := j.h.Costs[string(StabilityTrim)]
	width := len(j.h.Groups) + 1                  // the last is for notes without a group
	j.last = zeroed(j.last, len(j.h.Nodes)*width) // node × group: copies
	j.know = sized(j.know, len(j.h.Nodes)*width)  // the event that told so
	n, observed := 0, false
	for i, s := range j.steps {
		e := &j.h.Events[i]
		if s.op() == opCrash {
			clear(j.last[int(e.Node)*width:][:width])
		}
		if s.op() != opRare || e.Kind != spec.Note {
			continue
		}
		x := extraOf(j.h, e)
		if most, ok := j.h.Costs[spec.CostHeld]; ok && x.Op == spec.OpHeld && x.Depth > int64(most) {
			return violated(n, fmt.Sprintf("%s held back %d messages at %s; %d were declared",
				j.process(s.proc()), x.Depth, j.time(i), most), i)
		}
		if x.Op != spec.OpKept {
			continue
		}
		observed = true
		if bounded && x.Depth > int64(bound) {
			return violated(n, fmt.Sprintf("%s kept %d copies at %s; %d were declared",
				j.process(s.proc()), x.Depth, j.time(i), bound), i)
		}
		at := int(e.Node)*width + len(j.h.Groups)
		if inGroup(j.h, e) {
			at = int(e.Node)*width + int(e.Group)
		}
		depth := uint32(min(max(x.Depth, 0), math.MaxUint32))
		if depth < j.last[at] {
			n++
		}
		j.last[at], j.know[at] = depth, uint32(i)
	}
	if !observed {
		return inconclusive(0, "not observed: note with op kept")
	}
	return j.untrimmed(n, width, bounded)
}

// untrimmed judges what is kept at the end.
func (j *Judge) untrimmed(n, width int, bounded bool) spec.Finding {
	for at, depth := range j.last {
		node := spec.NodeID(at / width)
		if depth == 0 || !j.correct[node] {
			continue
		}
		if !j.h.Settled {
			return inconclusive(n, notSettled)
		}
		i := int(j.know[at])
		return violated(n, fmt.Sprintf("%s, correct, kept %d copies at %s, and never discarded them", j.node(node), depth, j.time(i)), i)
	}
	if n > 0 && !bounded {
		return inconclusive(n, noBound)
	}
	return held(n, "vacuous: no copy was kept and discarded")
}

// boundedOverflow judges BOUNDED-OVERFLOW: in a run in which a queue was full, what was acknowledged is delivered by
// every correct member, or its loss is announced there (KT91, history buffer). It counts the overflows: sends refused
// for them, what was discarded for them, and losses announced.
func (j *Judge) boundedOverflow() spec.Finding {
	width := len(j.streams)
	if tooLarge(len(j.h.Nodes), width) {
		return broken()
	}
	j.sends = zeroed(j.sends, width)
	j.know = zeroed(j.know, len(j.h.Nodes)*width)
	n, first := 0, 0
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			j.countSend(s.msg)
			continue
		case opRefuse:
			if extraOf(j.h, &j.h.Events[i]).Reason != spec.ReasonOverflow {
				continue
			}
		case opRare:
			if !j.announce(i) && j.h.Events[i].Kind != spec.Discard {
				continue
			}
		default:
			continue
		}
		if n == 0 {
			first = i
		}
		n++
	}
	if n == 0 {
		return inconclusive(0, "vacuous: no queue overflowed")
	}
	d := j.lostInSilence()
	return j.settle(n, d, "", func(j *Judge, n int, d debt) spec.Finding { return j.overflowed(n, first, d) })
}

// lostInSilence finds an acknowledged message that a correct member owes, and whose loss was not announced there.
func (j *Judge) lostInSilence() debt {
	width := len(j.streams)
	for i, s := range j.steps {
		if s.op() != opAck || !j.judged(int(s.msg)) {
			continue
		}
		m := j.msgs[s.msg]
		owers := j.debtors(j.group(s.msg))
		for k := range owers {
			o := &owers[k]
			if j.owes(o, s.msg) && j.know[int(o.node)*width+int(m.stream)] < m.seq && !j.got(s.msg, o.node) {
				return debt{found: true, m: s.msg, by: o.node, event: i}
			}
		}
	}
	return debt{}
}

func (j *Judge) overflowed(n, first int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	events := []int{send, d.event, first}
	if s := j.steps[first]; s.op() == opRefuse {
		events = append(events, int(j.msgs[s.msg].send))
	}
	return violated(n, fmt.Sprintf("%s, which %s sent at %s, acknowledged at %s, nor announced the loss; a queue overflowed at %s",
		j.lacks(d), j.node(j.h.Events[send].Node), j.time(send), j.time(d.event), j.time(first)), events...)
}
