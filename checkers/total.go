package checkers

import (
	"fmt"
	"math/bits"

	"github.com/conform-go/conform/spec"
)

// Two messages of a group that two processes both deliver are what total order is about. The checkers count the messages
// that two or more of the processes in question deliver, in groups that have at least two such.
//
// Whose sequences have to fit stands in j.among: those of the correct processes, or of all. Sequences are built lane by
// lane: a lane for each group, or one for all groups together. A process that lies has none.

const (
	noCommon      = "vacuous: no two messages of a group were each delivered by two correct processes"
	noneOfTheDead = "vacuous: no two messages of a group were each delivered by a process that crashed and by another"
	noCommonCross = "vacuous: no two messages of different groups were each delivered by two correct processes"
)

// lane of a message.
func (j *Judge) lane(m uint32) int {
	if j.lanes == 1 {
		return 0
	}
	return j.group(m)
}

// ranks says whether a delivery is in the sequences: in j.rows.
func (j *Judge) ranks(s step) bool { return j.rowOf(s.msg)[s.proc()>>3]&(1<<(s.proc()&7)) != 0 }

func (j *Judge) rowOf(m uint32) []uint8 { return j.rows[int(m)*j.stride : (int(m)+1)*j.stride] }

// amongCorrect says that the sequences of correct processes have to fit, without what they delivered and were removed then.
func (j *Judge) amongCorrect() {
	j.among, j.rows = j.correctBits, j.had
	if len(j.just) > 0 {
		j.rows = j.just
	}
}

// isJust says whether a delivery by a process is that of one that is correct, for the group too.
func (j *Judge) isJust(m uint32, p int) bool {
	return j.justOf(m)[p>>3]&j.correctBits[p>>3]&(1<<(p&7)) != 0
}

// sequence builds the deliveries of every process in every lane, in order.
func (j *Judge) sequence(lanes int) {
	j.lanes = lanes
	just := len(j.just) > 0 && &j.rows[0] == &j.just[0]
	if j.sequenced == lanes && j.sequencedOf == just {
		return
	}
	j.sequenced, j.sequencedOf = lanes, just
	at := zeroed(j.sequenceAt, len(j.procs)*lanes+2)
	n := 0
	for _, s := range j.steps {
		if s.op() == opDeliver && j.ranks(s) {
			at[s.proc()*lanes+j.lane(s.msg)+2]++
			n++
		}
	}
	for i := 2; i < len(at); i++ {
		at[i] += at[i-1]
	}
	// at[k+1] is where list k begins, and moves to where it ends while it is filled.
	j.sequences = sized(j.sequences, n)
	for _, s := range j.steps {
		if s.op() == opDeliver && j.ranks(s) {
			k := s.proc()*lanes + j.lane(s.msg) + 1
			j.sequences[at[k]] = s.msg
			at[k]++
		}
	}
	j.sequenceAt = at
}

// sequenceOf gives what a process delivered in a lane, in order.
func (j *Judge) sequenceOf(p, lane int) []uint32 {
	k := p*j.lanes + lane
	return j.sequences[j.sequenceAt[k]:j.sequenceAt[k+1]]
}

// common counts the messages that are delivered as counts says, in groups that have two of them.
func (j *Judge) common(counts func(*Judge, uint32) bool) int {
	j.row = zeroed(j.row, len(j.h.Groups))
	for m := range j.msgs {
		if j.msgs[m].stream != oneToOne && counts(j, uint32(m)) {
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

// byTwoCorrect says whether two correct processes delivered a message.
func (j *Judge) byTwoCorrect(m uint32) bool { return j.justCount(m) > 1 }

// byOneDead says whether a process that crashed, or was removed afterwards, delivered a message, and another process too.
func (j *Judge) byOneDead(m uint32) bool {
	_, _, ok := j.victims(m)
	return ok && j.deliverersIn(m, j.everyBits) > 1
}

// deliverersIn gives how many processes in the mask delivered a message.
func (j *Judge) deliverersIn(m uint32, mask []uint8) int {
	n := 0
	for i, b := range j.bitsOf(m) {
		n += bits.OnesCount8(b & mask[i])
	}
	return n
}

// rankedIn gives how many sequences in question contain a message.
func (j *Judge) rankedIn(m uint32) (n int) {
	for i, b := range j.rowOf(m) {
		n += bits.OnesCount8(b & j.among[i])
	}
	return n
}

func (j *Judge) isCorrect(p int) bool { return j.correctBits[p>>3]&(1<<(p&7)) != 0 }

// counts says whether the sequence of a process has to fit.
func (j *Judge) counts(p int) bool { return j.among[p>>3]&(1<<(p&7)) != 0 }

// totalOrderPairwise judges TOTAL-ORDER-PAIRWISE: any two correct processes that deliver the same two messages deliver
// them in the same order (HT94, total order, as far as both are delivered).
func (j *Judge) totalOrderPairwise() spec.Finding {
	n := j.common((*Judge).byTwoCorrect)
	j.lanes = len(j.h.Groups)
	j.amongCorrect()
	if j.disorderTooLarge() {
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

func (j *Judge) disorderTooLarge() bool {
	return tooLarge(len(j.msgs), len(j.procs)) || tooLarge(len(j.procs)*len(j.procs), j.lanes)
}

// disorder finds the first delivery that makes two processes disagree. Of the messages that p and q have both
// delivered so far, let x be the last that q delivered; when p delivers one more, q must have delivered it after x, or
// not yet.
func (j *Judge) disorder(n int) (spec.Finding, bool) {
	procs, lanes := len(j.procs), j.lanes
	j.vector = zeroed(j.vector, len(j.msgs)*procs) // message × process: event of its delivery, plus one
	j.last = zeroed(j.last, procs*procs*lanes)     // p × q: event of q's last delivery that p shares, plus one
	for i, s := range j.steps {
		p := s.proc()
		if s.op() != opDeliver || !j.counts(p) || !j.ranks(s) {
			continue
		}
		lane := j.lane(s.msg)
		row := j.vector[int(s.msg)*procs : (int(s.msg)+1)*procs]
		for q, at := range row {
			if at == 0 {
				continue
			}
			last := &j.last[(p*procs+q)*lanes+lane]
			if at < *last {
				return j.disagree(n, i, int(at)-1, int(*last)-1), true
			}
			*last = at
			j.last[(q*procs+p)*lanes+lane] = uint32(i) + 1
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
	n := j.common((*Judge).byTwoCorrect)
	if n == 0 {
		return inconclusive(0, noCommon)
	}
	j.amongCorrect()
	return j.oneOrder(n, len(j.h.Groups), noCommon)
}

// uniformTotalOrder judges UNIFORM-TOTAL-ORDER: the same with the sequences of all processes, also of those that crashed
// (HT94, uniform total order; DSU04). It counts the messages of which one that crashed was among those that delivered.
func (j *Judge) uniformTotalOrder() spec.Finding {
	j.among, j.rows = j.everyBits, j.had
	return j.oneOrder(j.common((*Judge).byOneDead), len(j.h.Groups), noneOfTheDead)
}

// crossGroupTotal judges CROSS-GROUP-TOTAL: there is one order of the messages of all groups that the sequences of all
// correct processes fit into (DSU04, multiple groups). It counts the messages that two correct processes deliver, if
// two groups have such.
func (j *Judge) crossGroupTotal() spec.Finding {
	j.row = zeroed(j.row, len(j.h.Groups))
	n, groups := 0, 0
	for m := range j.msgs {
		if j.msgs[m].stream == oneToOne || !j.byTwoCorrect(uint32(m)) {
			continue
		}
		n++
		if j.row[j.group(uint32(m))]++; j.row[j.group(uint32(m))] == 1 {
			groups++
		}
	}
	if groups < 2 {
		n = 0
	}
	j.amongCorrect()
	return j.oneOrder(n, 1, noCommonCross)
}

// oneOrder judges whether there is one order a lane that the sequences of these processes fit into.
func (j *Judge) oneOrder(n, lanes int, vacuous string) spec.Finding {
	j.sequence(lanes)
	for lane := range lanes {
		if !j.merge(lane, nil) {
			return j.noFit(n, lane)
		}
	}
	return held(n, vacuous)
}

// noFit is the finding on a lane whose merging got stuck.
func (j *Judge) noFit(n, lane int) spec.Finding {
	if j.disorderTooLarge() {
		return broken()
	}
	if f, ok := j.disorder(n); ok {
		return f
	}
	return j.circle(n, lane)
}

// merge takes messages from the heads of the sequences in question, each as soon as it is the head of all that contain
// it, and says whether that empties them. What remains stands in j.next: how far each sequence got. Gaps are looked for
// on the way, and end it, where they matter.
func (j *Judge) merge(lane int, gaps *gapSearch) bool {
	j.next = zeroed(j.next, len(j.procs)) // process: place of its head
	j.vector = zeroed(j.vector, len(j.msgs))
	j.queue = j.queue[:0] // messages that are ready
	left := 0
	for p := range j.procs {
		if j.counts(p) {
			list := j.sequenceOf(p, lane)
			left += len(list)
			j.arrive(list, 0)
		}
	}
	for len(j.queue) > 0 {
		m := j.queue[len(j.queue)-1]
		j.queue = j.queue[:len(j.queue)-1]
		if gaps != nil && gaps.take(m) {
			return true
		}
		for i, b := range j.rowOf(m) {
			for b &= j.among[i]; b != 0; b &= b - 1 {
				p := i<<3 + bits.TrailingZeros8(b)
				j.next[p]++
				left--
				j.arrive(j.sequenceOf(p, lane), j.next[p])
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
	if int(j.vector[m]) == j.rankedIn(m) {
		j.queue = append(j.queue, m)
	}
}
