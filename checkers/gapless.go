package checkers

import (
	"fmt"
	"math/bits"

	"github.com/conform-go/conform/spec"
)

// A total order without gaps is one order that all sequences fit into, in which a process that delivers a message has
// delivered what anybody delivered before it and is addressed to the process. The sequences are merged, and on the way
// one number for each two processes is enough: of what p delivered and q never did, the one that was sent last, or in the last view. If
// even that one was sent before q became a member, none of them was addressed to q.

const (
	noSuccessor     = "vacuous: no message was delivered by two correct processes, after something else by one of them"
	noDeadSuccessor = "vacuous: no message was delivered by a process that crashed and by another, after something else by one of them"
)

// totalGapFree judges TOTAL-GAPFREE: TOTAL-ORDER holds, and if a correct process delivers m before m′, any other one to
// which m is addressed and that delivers m′ has delivered m before (CDK, total ordering; DSU04).
func (j *Judge) totalGapFree() spec.Finding {
	j.amongCorrect()
	return j.noGaps(false, noSuccessor)
}

// uniformTotalGapFree judges UNIFORM-TOTAL-GAPFREE: the same with the sequences of all processes, also of those that
// crashed (CGR11, uniform total order).
func (j *Judge) uniformTotalGapFree() spec.Finding {
	j.among, j.rows = j.everyBits, j.had
	return j.noGaps(true, noDeadSuccessor)
}

// noGaps judges the sequences in question; of uniform ones a message counts if one delivered it that is lost.
func (j *Judge) noGaps(uniform bool, vacuous string) spec.Finding {
	groups := len(j.h.Groups)
	if tooLarge(len(j.procs), len(j.procs)) || tooLarge(len(j.procs), groups) {
		return broken()
	}
	j.sequence(groups)
	j.followSpans()
	gaps := gapSearch{j: j, uniform: uniform}
	for g := range groups {
		gaps.begin(g)
		fits := j.merge(g, &gaps)
		switch {
		case gaps.found:
			return gaps.witness()
		case !fits:
			return j.noFit(gaps.n, g)
		}
	}
	return held(gaps.n, vacuous)
}

// followSpans notes for every delivery since when its process has been a member: in j.know, a number a place of the
// sequences. While nobody comes back, joins or leaves the header says it, and j.know stays empty.
func (j *Judge) followSpans() {
	j.know = j.know[:0]
	j.beginSpans()
	if !j.moves() {
		return
	}
	groups := len(j.h.Groups)
	j.know = sized(j.know, len(j.sequences))
	at := append(j.row[:0], j.sequenceAt...)
	for i, s := range j.steps {
		switch s.op() {
		case opMember, opRecover, opRare:
			j.turnSpans(i, s)
		case opDeliver:
			if !j.ranks(s) {
				continue
			}
			g := j.group(s.msg)
			k := s.proc()*groups + g
			j.know[at[k]] = j.live.span[j.live.at(j.procs[s.proc()].node, spec.GroupID(g))]
			at[k]++
		}
	}
	j.row = at
}

// moves says whether anybody comes back, joins or leaves, or installs a view.
func (j *Judge) moves() bool {
	if j.viewed {
		return true
	}
	for _, s := range j.steps {
		if o := s.op(); o == opMember || o == opRecover {
			return true
		}
	}
	return false
}

// gapSearch looks for gaps in one group after the other.
type gapSearch struct {
	j       *Judge
	uniform bool // a message counts if one delivered it that crashed or was removed
	n       int
	group   int
	some    bool // something is lacking somewhere

	found    bool
	p, q     int
	message  uint32 // what both delivered
	boundary uint32 // since when q has been a member
}

// begin empties the table: in j.last, p × q, the send, plus one, of the last sent of what p delivered and q did not.
func (x *gapSearch) begin(g int) {
	if x.some || len(x.j.last) != len(x.j.procs)*len(x.j.procs) || g == 0 {
		x.j.last = zeroed(x.j.last, len(x.j.procs)*len(x.j.procs))
	}
	x.group, x.some = g, false
}

// take looks at a message just before it is taken from the heads of all sequences that contain it; true if one of those
// has a gap.
func (x *gapSearch) take(m uint32) bool {
	j := x.j
	several, counted, later, lacked := 0, false, false, false
	for i, b := range j.rowOf(m) {
		b &= j.among[i]
		several += bits.OnesCount8(b)
		lacked = lacked || j.among[i]&^b != 0
		for ; b != 0; b &= b - 1 {
			later = later || j.next[i<<3+bits.TrailingZeros8(b)] > 0
		}
	}
	if counted = !x.uniform; x.uniform && several > 1 {
		_, _, counted = j.victims(m)
	}
	if several > 1 && counted && later {
		x.n++
	}
	if x.some && several > 1 && x.gapAt(m) {
		return true
	}
	if lacked && j.judged(int(m)) {
		x.lack(m)
	}
	return false
}

// lack notes who has delivered a message and who never does.
func (x *gapSearch) lack(m uint32) {
	j, procs := x.j, len(x.j.procs)
	row, had := j.rowOf(m), j.bitsOf(m)
	for p := range procs {
		if row[p>>3]&j.among[p>>3]&(1<<(p&7)) == 0 {
			continue
		}
		for q := range procs {
			if had[q>>3]&(1<<(q&7)) == 0 {
				at := &j.last[p*procs+q]
				*at = max(*at, j.place(m, q))
				x.some = true
			}
		}
	}
}

// gapAt finds two processes that deliver m, one of which lacks what the other has delivered before.
func (x *gapSearch) gapAt(m uint32) bool {
	j, procs := x.j, len(x.j.procs)
	row := j.rowOf(m)
	for q := range procs {
		if row[q>>3]&j.among[q>>3]&(1<<(q&7)) == 0 {
			continue
		}
		span := x.span(q)
		for p := range procs {
			if row[p>>3]&j.among[p>>3]&(1<<(p&7)) == 0 {
				continue
			}
			if lacked := j.last[p*procs+q]; lacked > 0 && lacked-1 >= span {
				x.found, x.p, x.q, x.message, x.boundary = true, p, q, m, span
				return true
			}
		}
	}
	return false
}

// span gives since when a process has been a member when it delivers its head.
func (x *gapSearch) span(q int) uint32 {
	j := x.j
	if len(j.know) == 0 {
		return j.live.span[j.live.at(j.procs[q].node, spec.GroupID(x.group))]
	}
	return j.know[j.sequenceAt[q*len(j.h.Groups)+x.group]+j.next[q]]
}

// witness of a gap: two sends, p's two deliveries, and q's one.
func (x *gapSearch) witness() spec.Finding {
	j := x.j
	for _, m := range j.sequenceOf(x.p, x.group) {
		if !j.judged(int(m)) || j.place(m, x.q) <= x.boundary || j.bitsOf(m)[x.q>>3]&(1<<(x.q&7)) != 0 {
			continue
		}
		a, b := j.deliveryBy(m, x.p), j.deliveryBy(x.message, x.p)
		i := j.deliveryBy(x.message, x.q)
		return violated(x.n, fmt.Sprintf("%s without having delivered %s; %s, before %s at %s", j.delivered(i), j.name(m),
			j.delivered(a), j.name(x.message), j.time(b)), int(j.msgs[m].send), int(j.msgs[x.message].send), a, b, i)
	}
	panic("checkers: nothing is lacking")
}
