package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// Happened-before is rebuilt from the history: a process's sends in order, and a delivery before every later send of
// the same process, transitively, among the messages of one group. The past of a message contains, with a message,
// all earlier ones of the same stream; so a vector with one entry a stream, the last message of it that is in the
// past, says exactly what the past is (BSS91's vector, but indexed by process and kept by the judge).

const noCrossings = "vacuous: no message depended on another sender's"

// markCrossings marks the messages whose past contains one of another process, the only ones for which causal order
// says more than FIFO order, and counts their deliveries.
func (j *Judge) markCrossings() int {
	if j.hasCrossings {
		return j.crossings
	}
	j.hasCrossings, j.crossings = true, 0
	groups := len(j.h.Groups)
	j.row = zeroed(j.row, len(j.procs)*groups)
	for _, s := range j.steps {
		o := s.op()
		if o != opSend && o != opDeliver || j.msgs[s.msg].seq == 0 {
			continue
		}
		x := j.streams[j.msgs[s.msg].stream]
		crossed := &j.row[s.proc()*groups+int(x.group)]
		switch {
		case o == opSend && *crossed != 0:
			j.marks[s.msg] |= crossing
		case o == opDeliver:
			if int(x.proc) != s.proc() {
				*crossed = 1
			}
			if j.marks[s.msg]&crossing != 0 {
				j.crossings++
			}
		}
	}
	return j.crossings
}

// causality carries pasts through a walk over the steps.
type causality struct {
	j      *Judge
	total  int  // streams
	stride int  // of a message's vector
	all    bool // the messages of all groups together
}

func (j *Judge) beginCausality() causality { return j.beginCausalityOf(j.width, false) }

func (j *Judge) beginCausalityOf(stride int, all bool) causality {
	c := causality{j: j, total: len(j.streams), stride: stride, all: all}
	j.know = zeroed(j.know, len(j.procs)*c.total)
	j.vector = sized(j.vector, len(j.msgs)*c.stride)
	return c
}

// columns of the group of a stream.
func (c *causality) columns(stream uint32) (from, to int) {
	if c.all {
		return 0, c.total
	}
	g := c.j.streams[stream].group
	return int(c.j.columns[g]), int(c.j.columns[g+1])
}

// send fixes the past of a message, and adds the message to what its sender knows.
func (c *causality) send(s step) {
	m := c.j.msgs[s.msg]
	if m.seq == 0 {
		return
	}
	from, to := c.columns(m.stream)
	know := c.j.know[s.proc()*c.total:]
	copy(c.j.vector[int(s.msg)*c.stride:], know[from:to])
	know[m.stream] = m.seq
}

// concerns says whether two messages are related at all.
func (c *causality) concerns(a, b uint32) bool { return c.all || c.j.group(a) == c.j.group(b) }

// past of a message: for every column of its group the last message that happened before.
func (c *causality) past(m uint32, from, to int) []uint32 {
	at := int(m) * c.stride
	return c.j.vector[at : at+to-from]
}

// deliver adds a message and its past to what a process knows.
func (c *causality) deliver(s step, from, to int) {
	m := c.j.msgs[s.msg]
	know := c.j.know[s.proc()*c.total : (s.proc()+1)*c.total]
	raise(know[from:to], c.past(s.msg, from, to))
	know[m.stream] = max(know[m.stream], m.seq)
}

// raise takes the maximum of each entry.
func raise(a, b []uint32) {
	b = b[:len(a)]
	for i := range a {
		a[i] = max(a[i], b[i])
	}
}

func (j *Judge) causalTooLarge() bool {
	return tooLarge(len(j.procs), len(j.streams)) || tooLarge(len(j.msgs), j.width)
}

// causalOrder judges CAUSAL-ORDER: of two messages that a process delivers, if one happened before the other it comes
// first (HT94, causal order, as far as both are delivered; CDK). It is violated if a message delivered already has
// the one delivered now in its past, so the maximum of the pasts of what was delivered is all that is needed.
func (j *Judge) causalOrder() spec.Finding {
	n := j.markCrossings()
	if j.causalTooLarge() {
		return broken()
	}
	c := j.beginCausality()
	j.last = zeroed(j.last, len(j.procs)*c.total)
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			c.send(s)
		case opDeliver:
			m := j.msgs[s.msg]
			if m.seq == 0 {
				continue
			}
			seen := j.last[s.proc()*c.total : (s.proc()+1)*c.total]
			if m.seq <= seen[m.stream] {
				return j.beforeItsCause(&c, n, i)
			}
			from, to := c.columns(m.stream)
			raise(seen[from:to], c.past(s.msg, from, to))
			c.deliver(s, from, to)
		}
	}
	return held(n, noCrossings)
}

// beforeItsCause finds the first message that the process delivered though it has the one of step i in its past.
func (j *Judge) beforeItsCause(c *causality, n, i int) spec.Finding {
	late := j.msgs[j.steps[i].msg]
	from, to := c.columns(late.stream)
	for k, s := range j.steps[:i] {
		if s.op() != opDeliver || s.proc() != j.steps[i].proc() || j.msgs[s.msg].seq == 0 || !c.concerns(s.msg, j.steps[i].msg) {
			continue
		}
		if c.past(s.msg, from, to)[int(late.stream)-from] < late.seq {
			continue
		}
		chain := j.chain(c, j.steps[i].msg, s.msg)
		return violated(n, fmt.Sprintf("%s after %s, which it had delivered at %s; but %s",
			j.delivered(i), j.name(s.msg), j.time(k), j.tell(chain)), append(chain, k, i)...)
	}
	panic("checkers: no message has this one in its past")
}

// causalGapFree judges CAUSAL-GAPFREE: CAUSAL-ORDER holds, and a process that delivers a message has delivered
// everything that happened before it and is addressed to the process (HT94, causal order; BSS91).
func (j *Judge) causalGapFree() spec.Finding {
	n := j.markCrossings()
	if j.causalTooLarge() {
		return broken()
	}
	j.beginPrefixes()
	c := j.beginCausality()
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			j.countSend(s.msg)
			c.send(s)
		case opMember, opRecover, opRare:
			j.turnPrefixes(i)
		case opDeliver:
			m := j.msgs[s.msg]
			if m.seq == 0 {
				continue
			}
			from, to := c.columns(m.stream)
			seen := j.last[s.proc()*c.total+from : s.proc()*c.total+to]
			if m.seq <= seen[int(m.stream)-from] {
				return j.beforeItsCause(&c, n, i)
			}
			next := j.next[s.proc()*c.total+from : s.proc()*c.total+to]
			past := c.past(s.msg, from, to)[:len(next)]
			j.followPrefix(s, &next[int(m.stream)-from])
			for k, seq := range next {
				if past[k] < seq {
					continue
				}
				if j.inViews(j.group(s.msg)) {
					j.skipTo(&next[k], s.proc(), uint32(from+k), past[k]+1)
				}
				if past[k] >= next[k] {
					return j.withoutItsCause(&c, n, i)
				}
			}
			if k := int(m.stream) - from; m.seq == next[k] {
				next[k]++
			}
			raise(seen, past)
			c.deliver(s, from, to)
		}
	}
	return held(n, noCrossings)
}

// withoutItsCause finds the first message sent that is in the past of the one delivered at i and still missing there.
func (j *Judge) withoutItsCause(c *causality, n, i int) spec.Finding {
	s := j.steps[i]
	from, to := c.columns(j.msgs[s.msg].stream)
	past, next := c.past(s.msg, from, to), j.next[s.proc()*c.total:]
	for m, x := range j.msgs {
		if x.stream == oneToOne || int(x.stream) < from || int(x.stream) >= to || x.seq != next[x.stream] || past[int(x.stream)-from] < x.seq {
			continue
		}
		if j.inViews(j.group(s.msg)) && (j.hasNow(uint32(m), s.proc()) || !j.concerns(s.proc(), uint32(m))) {
			continue // next is moved over those only where the walk gets there
		}
		chain := j.chain(c, uint32(m), s.msg)
		return violated(n, fmt.Sprintf("%s without having delivered %s, which happened before: %s",
			j.delivered(i), j.name(uint32(m)), j.tell(chain)), j.survived(uint32(m), append(chain, i)...)...)
	}
	panic("checkers: nothing is missing")
}

// chain gives the events that make a message happen before another: its send; then, step by step, another process's
// delivery and its next send; and so on. Walking backwards, the earliest delivery of what already has the cause in
// its past, or is it, jumps farthest.
func (j *Judge) chain(c *causality, cause, effect uint32) []int {
	x := j.msgs[cause]
	from, to := c.columns(x.stream)
	has := func(m uint32) bool {
		return m == cause || c.past(m, from, to)[int(x.stream)-from] >= x.seq
	}
	var back []int
	for m := effect; ; {
		send, p := int(j.msgs[m].send), j.sender(m)
		back = append(back, send)
		if m == cause {
			break
		}
		if p == j.sender(cause) && (c.all || j.msgs[m].stream == x.stream) {
			back = append(back, int(x.send))
			break
		}
		for k, s := range j.steps[:send] {
			if s.op() == opDeliver && s.proc() == p && j.msgs[s.msg].seq != 0 && c.concerns(s.msg, cause) && has(s.msg) {
				back = append(back, k)
				m = s.msg
				break
			}
		}
	}
	for a, b := 0, len(back)-1; a < b; a, b = a+1, b-1 {
		back[a], back[b] = back[b], back[a]
	}
	return back
}

// tell puts a chain in words.
func (j *Judge) tell(chain []int) string {
	text := ""
	for k, i := range chain {
		if k > 0 {
			text += ", "
		}
		if j.steps[i].op() == opSend {
			text += j.sent(i)
		} else {
			text += j.delivered(i)
		}
	}
	return text
}
