package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// noSilentGap judges NO-SILENT-GAP: a process that delivers a message and has not delivered an earlier one of the same
// sender that is addressed to it, has announced a loss from that sender before, and after the missing one was sent (this
// project's). It counts the holes.
func (j *Judge) noSilentGap() spec.Finding {
	width := len(j.streams)
	if tooLarge(len(j.procs), width) {
		return broken()
	}
	j.beginPrefixes()
	j.know = zeroed(j.know, len(j.h.Nodes)*width)
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			j.countSend(s.msg)
		case opMember, opRecover:
			j.turnPrefixes(i)
		case opRare:
			j.turnPrefixes(i)
			j.announce(i)
		case opDeliver:
			m := j.msgs[s.msg]
			if m.seq == 0 {
				continue
			}
			at := s.proc()*width + int(m.stream)
			next, last := &j.next[at], &j.last[at]
			before := *last
			*last = max(*last, m.seq)
			if j.viewed {
				j.getNow(s.msg, s.proc())
			}
			if m.seq < *next {
				continue
			}
			if hole := j.holeBefore(s, *next); hole > 0 {
				if hole == m.seq-1 && before < m.seq {
					n++
				}
				if j.know[int(j.procs[s.proc()].node)*width+int(m.stream)] < hole {
					return j.silent(max(n, 1), i, hole)
				}
			}
			*next = m.seq + 1
		}
	}
	return held(n, "vacuous: nobody missed a message and delivered a later one of the same sender")
}

// holeBefore gives the place of the last message of the stream before the one delivered, from next on, that is addressed to
// the process and missing; 0 if none is.
func (j *Judge) holeBefore(s step, next uint32) uint32 {
	m := j.msgs[s.msg]
	if !j.inViews(j.group(s.msg)) {
		if next < m.seq {
			return m.seq - 1
		}
		return 0
	}
	for k := m.seq - 1; k >= next; k-- {
		if x := j.inStreamAt(m.stream, k); !j.hasNow(x, s.proc()) && j.concerns(s.proc(), x) {
			return k
		}
	}
	return 0
}

// announce takes in a gap event, if it is one: in j.know, node × stream, it keeps how many messages had been sent when
// the last loss was announced. It does not say which ones are lost, so that it stands for all of them.
func (j *Judge) announce(i int) bool {
	e := &j.h.Events[i]
	if e.Kind != spec.Gap {
		return false
	}
	from, to := 0, len(j.streams)
	if inGroup(j.h, e) {
		from, to = int(j.columns[e.Group]), int(j.columns[e.Group+1])
	}
	row := j.know[int(e.Node)*len(j.streams):]
	for c := from; c < to; c++ {
		sender := j.procs[j.streams[c].proc].node
		if e.Is(spec.HasFrom) && sender != e.From || !e.Is(spec.HasFrom) && e.Is(spec.HasMsg) && sender != e.Msg.Sender {
			continue
		}
		row[c] = j.sends[c]
	}
	return true
}

// silent is the witness of a loss that was not announced: the last missing message, and the delivery of the next one.
func (j *Judge) silent(n, i int, hole uint32) spec.Finding {
	s := j.steps[i]
	m := j.msgs[s.msg]
	missing := j.inStream(m.stream, hole)
	a, b := int(j.msgs[missing].send), int(m.send)
	return violated(n, fmt.Sprintf("%s without having delivered %s, which %s sent before it, at %s, and without a gap announced since then",
		j.delivered(i), j.name(missing), j.process(j.sender(missing)), j.time(a)), j.survived(missing, a, b, i)...)
}
