package checkers

import (
	"fmt"
	"github.com/conform-go/conform/spec"
	"math/bits"
)

// Two messages of a group that two correct processes both deliver are what total order is about. Both checkers count
// the messages that two or more correct processes deliver, in groups that have at least two such.

const noCommon = "vacuous: no two messages of a group were each delivered by two correct processes"

// sequence builds the deliveries of every process in every group, in order.
func (j *Judge) sequence() {
	if j.hasSequences {
		return
	}
	j.hasSequences = true
	groups := len(j.h.Groups)
	at := zeroed(j.sequenceAt, len(j.procs)*groups+2)
	n := 0
	for _, s := range j.steps {
		if s.op() == opDeliver {
			at[s.proc()*groups+j.group(s.msg)+2]++
			n++
		}
	}
	for i := 2; i < len(at); i++ {
		at[i] += at[i-1]
	}
	// at[k+1] is where list k begins, and moves to where it ends while it is filled.
	j.sequences = sized(j.sequences, n)
	for _, s := range j.steps {
		if s.op() == opDeliver {
			k := s.proc()*groups + j.group(s.msg) + 1
			j.sequences[at[k]] = s.msg
			at[k]++
		}
	}
	j.sequenceAt = at
}

// sequenceOf gives what a process delivered in a group, in order.
func (j *Judge) sequenceOf(p, g int) []uint32 {
	k := p*len(j.h.Groups) + g
	return j.sequences[j.sequenceAt[k]:j.sequenceAt[k+1]]
}

// common counts the messages that two or more correct processes deliver.
func (j *Judge) common() int {
	j.row = zeroed(j.row, len(j.h.Groups))
	for m := range j.msgs {
		if j.msgs[m].stream != oneToOne && j.correctDeliverers(uint32(m)) > 1 {
			j.row[j.group(uint32(m))]++
		}
	}
	n := 0
	for _, c := range j.row {
		if c > 1 {
			n += int(c)
		}
	}
	return n
}

func (j *Judge) correctDeliverers(m uint32) int {
	n := 0
	for i, b := range j.bitsOf(m) {
		n += bits.OnesCount8(b & j.correctBits[i])
	}
	return n
}

func (j *Judge) isCorrect(p int) bool { return j.correctBits[p>>3]&(1<<(p&7)) != 0 }

// totalOrderPairwise judges TOTAL-ORDER-PAIRWISE: any two correct processes that deliver the same two messages deliver
// them in the same order (HT94, total order, as far as both are delivered).
func (j *Judge) totalOrderPairwise() spec.Finding {
	n := j.common()
	if tooLarge(len(j.msgs), len(j.procs)) || tooLarge(len(j.procs)*len(j.procs), len(j.h.Groups)) {
		return broken()
	}
	if n == 0 {
		return inconclusive(0, noCommon)
	}
	if f, ok := j.disorder(n); ok {
		return f
	}
	return held(n, noCommon)
}

// disorder finds the first delivery that makes two processes disagree. Of the messages that p and q have both
// delivered so far, let x be the last that q delivered; when p delivers one more, q must have delivered it after x, or
// not yet.
func (j *Judge) disorder(n int) (spec.Finding, bool) {
	procs, groups := len(j.procs), len(j.h.Groups)
	j.vector = zeroed(j.vector, len(j.msgs)*procs) // message × process: event of its delivery, plus one
	j.last = zeroed(j.last, procs*procs*groups)    // p × q: event of q's last delivery that p shares, plus one
	for i, s := range j.steps {
		p := s.proc()
		if s.op() != opDeliver || !j.isCorrect(p) {
			continue
		}
		g := j.group(s.msg)
		row := j.vector[int(s.msg)*procs : (int(s.msg)+1)*procs]
		for q, at := range row {
			if at == 0 {
				continue
			}
			last := &j.last[(p*procs+q)*groups+g]
			if at < *last {
				return j.disagree(n, i, int(at)-1, int(*last)-1), true
			}
			*last = at
			j.last[(q*procs+p)*groups+g] = uint32(i) + 1
		}
		row[p] = uint32(i) + 1
	}
	return spec.Finding{}, false
}

// disagree is the witness of two processes in disagreement: two sends, four deliveries. At i one delivered what the
// other delivered at a; the other delivered at b, later, what the first had delivered before i.
func (j *Judge) disagree(n, i, a, b int) spec.Finding {
	m, x := j.steps[i].msg, j.steps[b].msg
	k := j.deliveryBy(x, j.steps[i].proc())
	return violated(n, fmt.Sprintf("%s and %s at %s; but %s and %s at %s",
		j.delivered(k), j.name(m), j.time(i), j.delivered(a), j.name(x), j.time(b)),
		int(j.msgs[m].send), int(j.msgs[x].send), k, i, a, b)
}

// totalOrder judges TOTAL-ORDER: there is one order that the sequences of all correct processes fit into (HT94, total
// order; DSU04). Three processes can agree in pairs and still not fit: the union of "delivered next" must have no
// cycle, which Kahn's algorithm finds in linear time.
func (j *Judge) totalOrder() spec.Finding {
	n := j.common()
	if n == 0 {
		return inconclusive(0, noCommon)
	}
	j.sequence()
	for g := range j.h.Groups {
		if j.merge(g) {
			continue
		}
		if tooLarge(len(j.msgs), len(j.procs)) || tooLarge(len(j.procs)*len(j.procs), len(j.h.Groups)) {
			return broken()
		}
		if f, ok := j.disorder(n); ok {
			return f
		}
		return j.circle(n, g)
	}
	return held(n, noCommon)
}

// merge takes messages from the heads of the correct processes' sequences, each as soon as it is the head of all that
// contain it, and says whether that empties them. What remains stands in j.next: how far each sequence got.
func (j *Judge) merge(g int) bool {
	j.next = zeroed(j.next, len(j.procs)) // process: place of its head
	j.vector = zeroed(j.vector, len(j.msgs))
	j.queue = j.queue[:0] // messages that are ready
	left := 0
	for p := range j.procs {
		if j.isCorrect(p) {
			list := j.sequenceOf(p, g)
			left += len(list)
			j.arrive(list, 0)
		}
	}
	for len(j.queue) > 0 {
		m := j.queue[len(j.queue)-1]
		j.queue = j.queue[:len(j.queue)-1]
		for i, b := range j.bitsOf(m) {
			for b &= j.correctBits[i]; b != 0; b &= b - 1 {
				p := i<<3 + bits.TrailingZeros8(b)
				j.next[p]++
				left--
				j.arrive(j.sequenceOf(p, g), j.next[p])
			}
		}
	}
	return left == 0
}

// arrive notes that a sequence has come to a message; the last one to come makes it ready.
func (j *Judge) arrive(list []uint32, at uint32) {
	if int(at) >= len(list) {
		return
	}
	m := list[at]
	j.vector[m]++
	if int(j.vector[m]) == j.correctDeliverers(m) {
		j.queue = append(j.queue, m)
	}
}
