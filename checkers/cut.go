package checkers

import (
	"math/bits"

	"github.com/conform-go/conform/spec"
)

// A barrier cuts what a process delivers in two. All cuts agree if there is one order of barriers and messages that what
// every process does fits into, where the messages between two barriers may come as they like. As with total order, all
// are merged: a message is taken as soon as all who deliver it have come to the barrier before it, and a barrier as soon
// as all at whom it takes effect have nothing left before it.

const (
	isBarrier  = uint32(1) << 31
	noCutsMeet = "vacuous: no barrier took effect at two processes that delivered something before and behind it"
)

// syncCut judges SYNC-CUT: every message is on the same side of a barrier at every process, and all barriers take effect
// in one order (this project's). A message that somebody delivered before a barrier, and that another one to which it is
// addressed has not delivered when the barrier takes effect there, nor ever does, is on no side there, which is not the
// same. It counts the barriers that have messages on both sides at two processes.
func (j *Judge) syncCut() spec.Finding {
	if j.syncs() == 0 {
		return inconclusive(0, nobodySyncs)
	}
	barriers := j.readEffects()
	if barriers == 0 {
		return inconclusive(0, noBarriers)
	}
	groups := len(j.h.Groups)
	if tooLarge(len(j.procs), len(j.procs)) || tooLarge(len(j.procs), groups) || tooLarge(len(j.msgs), len(j.procs)) {
		return broken()
	}
	if tooLarge(barriers, len(j.procs)) {
		return broken()
	}
	j.layItems()
	j.effectSpans(barriers)
	n := j.meetings(barriers)
	x := cutting{j: j, barriers: barriers, n: n}
	for g := range groups {
		x.group = g
		if f, ok := x.run(); !ok {
			return f
		}
	}
	return held(n, noCutsMeet)
}

// layItems lists in j.items what each process delivered, and what took effect there, in order, process × group.
func (j *Judge) layItems() {
	groups := len(j.h.Groups)
	at := zeroed(j.itemAt, len(j.procs)*groups+2)
	j.walkItems(func(k int, _ uint32) { at[k+2]++ })
	for i := 2; i < len(at); i++ {
		at[i] += at[i-1]
	}
	j.items = sized(j.items, int(at[len(at)-1]))
	j.walkItems(func(k int, item uint32) {
		j.items[at[k+1]] = item
		at[k+1]++
	})
	j.itemAt = at
}

// effectSpans notes since when a process has been a member when a barrier takes effect there: in j.row, barrier × process.
func (j *Judge) effectSpans(barriers int) {
	j.row = sized(j.row, barriers*len(j.procs))
	j.beginSpans()
	next := 0
	for i, s := range j.steps {
		j.turnSpans(i, s)
		switch {
		case next < len(j.notes) && int(j.notes[next].event) == i:
			e := &j.h.Events[i]
			j.row[int(j.notes[next].barrier)*len(j.procs)+s.proc()] = j.live.span[j.live.at(e.Node, e.Group)]
			next++
		}
	}
}

// walkItems calls for every delivery and effect with its process × group.
func (j *Judge) walkItems(f func(k int, item uint32)) {
	groups, next := len(j.h.Groups), 0
	for i, s := range j.steps {
		switch {
		case s.op() == opDeliver:
			f(s.proc()*groups+j.group(s.msg), s.msg)
		case next < len(j.notes) && int(j.notes[next].event) == i:
			f(s.proc()*groups+int(j.h.Events[i].Group), isBarrier|j.notes[next].barrier)
			next++
		}
	}
}

// meetings counts the barriers that have messages before and behind them at two processes.
func (j *Judge) meetings(barriers int) (n int) {
	j.vector = zeroed(j.vector, barriers) // processes that have
	for k := 0; k+1 < len(j.itemAt)-1; k++ {
		list := j.items[j.itemAt[k]:j.itemAt[k+1]]
		first, last := -1, -1
		for i, item := range list {
			if item&isBarrier == 0 {
				if last = i; first < 0 {
					first = i
				}
			}
		}
		for i, item := range list {
			if item&isBarrier != 0 && first >= 0 && first < i && i < last {
				if j.vector[item&^isBarrier]++; j.vector[item&^isBarrier] == 2 {
					n++
				}
			}
		}
	}
	return n
}

// cutting merges the items of one group.
type cutting struct {
	j        *Judge
	barriers int
	n        int
	group    int
	left     int
}

// run says whether the items of the group fit together.
func (x *cutting) run() (spec.Finding, bool) {
	j, procs := x.j, len(x.j.procs)
	j.next = zeroed(j.next, procs)                     // process: where it is in its items
	j.cuts = zeroed(j.cuts, procs)                     // process: what is left before its next barrier
	j.vector = zeroed(j.vector, len(j.msgs))           // message: processes that have come to it
	j.know = zeroed(j.know, x.barriers)                // barrier: the same
	j.last = zeroed(j.last, len(j.procs)*len(j.procs)) // p × q: the last sent of what p has and q never gets, plus one
	j.queue = j.queue[:0]
	x.left = 0
	for p := range procs {
		x.left += len(x.list(p))
		x.enter(p)
	}
	for len(j.queue) > 0 {
		item := j.queue[len(j.queue)-1]
		j.queue = j.queue[:len(j.queue)-1]
		if item&isBarrier == 0 {
			x.take(item)
		} else if p, q, ok := x.pass(item &^ isBarrier); !ok {
			return x.onNoSide(item&^isBarrier, p, q), false
		}
	}
	if x.left > 0 {
		return x.tangled(), false
	}
	return spec.Finding{}, true
}

func (x *cutting) list(p int) []uint32 {
	k := p*len(x.j.h.Groups) + x.group
	return x.j.items[x.j.itemAt[k]:x.j.itemAt[k+1]]
}

// enter brings a process to all messages before its next barrier, or to that barrier if there are none.
func (x *cutting) enter(p int) {
	j := x.j
	list := x.list(p)
	k := int(j.next[p])
	for ; k < len(list) && list[k]&isBarrier == 0; k++ {
		m := list[k]
		if j.vector[m]++; int(j.vector[m]) == j.deliverersIn(m, j.everyBits) {
			j.queue = append(j.queue, m)
		}
	}
	j.cuts[p] = uint32(k) - j.next[p]
	j.next[p] = uint32(k)
	x.come(p)
}

// come brings a process to its next barrier if nothing is left before it.
func (x *cutting) come(p int) {
	j := x.j
	list := x.list(p)
	if j.cuts[p] > 0 || int(j.next[p]) == len(list) {
		return
	}
	b := list[j.next[p]] &^ isBarrier
	if j.know[b]++; int(j.know[b]) == x.noters(b) {
		j.queue = append(j.queue, isBarrier|b)
	}
}

func (x *cutting) row(b uint32) []uint8 { return x.j.noted[int(b)*x.j.stride : (int(b)+1)*x.j.stride] }

func (x *cutting) noters(b uint32) (n int) {
	for _, bs := range x.row(b) {
		n += bits.OnesCount8(bs)
	}
	return n
}

// take takes a message from all who deliver it.
func (x *cutting) take(m uint32) {
	j, procs := x.j, len(x.j.procs)
	row := j.bitsOf(m)
	for p := range procs {
		if row[p>>3]&(1<<(p&7)) == 0 {
			continue
		}
		if j.judged(int(m)) {
			for q := range procs {
				if row[q>>3]&(1<<(q&7)) == 0 {
					j.last[p*procs+q] = max(j.last[p*procs+q], j.place(m, q))
				}
			}
		}
		x.left--
		j.cuts[p]--
		x.come(p)
	}
}

// pass takes a barrier from all at whom it takes effect. It fails if q lacks there what p has.
func (x *cutting) pass(b uint32) (p, q int, ok bool) {
	j, procs := x.j, len(x.j.procs)
	row := x.row(b)
	for q := range procs {
		if row[q>>3]&(1<<(q&7)) == 0 {
			continue
		}
		for p := range procs {
			if lacked := j.last[p*procs+q]; lacked > 0 && row[p>>3]&(1<<(p&7)) != 0 && lacked-1 >= j.row[int(b)*procs+q] {
				return p, q, false
			}
		}
	}
	for p := range procs {
		if row[p>>3]&(1<<(p&7)) != 0 {
			x.left--
			j.next[p]++
			x.enter(p)
		}
	}
	return 0, 0, true
}
