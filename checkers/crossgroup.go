package checkers

import "github.com/conform-go/conform/spec"

const noCrossCauses = "vacuous: no process delivered two messages of different groups, one of which happened before the other"

// crossGroupCausal judges CROSS-GROUP-CAUSAL: of two messages of whatever groups that a process delivers, if one happened
// before the other it comes first (BSS91, overlapping groups). It counts the deliveries of messages with one of another
// group in their past that the process delivers too.
func (j *Judge) crossGroupCausal() spec.Finding {
	width := len(j.streams)
	if tooLarge(len(j.procs), width) || tooLarge(len(j.msgs), width) {
		return broken()
	}
	if len(j.h.Groups) > 1 {
		j.firstOfStreams()
	}
	c := j.beginCausalityOf(width, true)
	j.last = zeroed(j.last, len(j.procs)*width)
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			c.send(s)
		case opDeliver:
			m := j.msgs[s.msg]
			if m.seq == 0 {
				continue
			}
			if len(j.h.Groups) > 1 && j.crossesGroups(&c, s) {
				n++
			}
			seen := j.last[s.proc()*width : (s.proc()+1)*width]
			if m.seq <= seen[m.stream] {
				return j.beforeItsCause(&c, n, i)
			}
			raise(seen, c.past(s.msg, 0, width))
			c.deliver(s, 0, width)
		}
	}
	return held(n, noCrossCauses)
}

// firstOfStreams notes what was sent first of all that a process ever delivers of a stream: in j.next, process × stream;
// never without.
func (j *Judge) firstOfStreams() {
	width := len(j.streams)
	j.next = sized(j.next, len(j.procs)*width)
	for k := range j.next {
		j.next[k] = never
	}
	for _, s := range j.steps {
		if s.op() != opDeliver || j.msgs[s.msg].seq == 0 {
			continue
		}
		at := &j.next[s.proc()*width+int(j.msgs[s.msg].stream)]
		*at = min(*at, j.msgs[s.msg].seq)
	}
}

// crossesGroups says whether the process of a delivery delivers a message of another group that is in the past of this one.
func (j *Judge) crossesGroups(c *causality, s step) bool {
	first := j.next[s.proc()*c.total : (s.proc()+1)*c.total]
	g := j.group(s.msg)
	for k, last := range c.past(s.msg, 0, c.total) {
		if first[k] <= last && int(j.streams[k].group) != g {
			return true
		}
	}
	return false
}
