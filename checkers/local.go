package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// localOrder judges LOCAL-ORDER: who delivers a message has delivered before it, as far as it is addressed to it, what
// the sender had delivered before it sent it (HT94, local order; FIFO order and local order make causal order). Each
// receiver walks along the sender's deliveries only as far as needed, and never back: what was delivered, or is not
// addressed to the receiver, stays so.
func (j *Judge) localOrder() spec.Finding {
	n := j.markCrossings()
	width := len(j.streams)
	if tooLarge(len(j.procs), width) {
		return broken()
	}
	j.rows = j.had
	j.sequence(len(j.h.Groups))
	j.beginSpans()
	j.bits = zeroed(j.bits, len(j.had))
	j.next = zeroed(j.next, len(j.procs)*width) // process × stream: how far along the sender's deliveries
	j.know = zeroed(j.know, len(j.procs)*len(j.h.Groups))
	j.queue = sized(j.queue, len(j.msgs)) // message: deliveries of its sender before it
	for i, s := range j.steps {
		switch s.op() {
		case opMember, opRecover, opRare:
			if g, turned := j.turnSpans(i, s); turned && j.inViews(g) {
				clear(j.next[s.proc()*width:][j.columns[g]:j.columns[g+1]])
			}
		case opSend:
			j.queue[s.msg] = j.know[s.proc()*len(j.h.Groups)+j.group(s.msg)]
		case opDeliver:
			if missing, ok := j.advance(i, width); !ok {
				return j.notLocal(n, i, missing)
			}
			j.bits[int(s.msg)*j.stride+s.proc()>>3] |= 1 << (s.proc() & 7)
			j.know[s.proc()*len(j.h.Groups)+j.group(s.msg)]++
		}
	}
	return held(n, noCrossings)
}

// advance moves the receiver of step i along the deliveries that the sender had made before the send.
func (j *Judge) advance(i, width int) (missing uint32, ok bool) {
	s := j.steps[i]
	m := j.msgs[s.msg]
	if m.seq == 0 {
		return 0, true
	}
	p, g := s.proc(), j.group(s.msg)
	at := &j.next[p*width+int(m.stream)]
	upto := j.queue[s.msg]
	if *at >= upto {
		return 0, true
	}
	list := j.sequenceOf(j.sender(s.msg), g)
	for ; *at < upto; *at++ {
		x := list[*at]
		if j.bits[int(x)*j.stride+p>>3]&(1<<(p&7)) != 0 || j.msgs[x].seq == 0 || !j.concerns(p, x) {
			continue
		}
		return x, false
	}
	return 0, true
}

// notLocal is the witness of local order: two sends, the sender's delivery between, and the delivery without it.
func (j *Judge) notLocal(n, i int, missing uint32) spec.Finding {
	m := j.steps[i].msg
	k := j.deliveryBy(missing, j.sender(m))
	return violated(n, fmt.Sprintf("%s without having delivered %s, which its sender %s had delivered at %s, before it sent at %s",
		j.delivered(i), j.name(missing), j.process(j.sender(m)), j.time(k), j.time(int(j.msgs[m].send))),
		j.survived(missing, int(j.msgs[missing].send), k, int(j.msgs[m].send), i)...)
}
