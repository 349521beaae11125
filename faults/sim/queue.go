package sim

import (
	"math/bits"
	"slices"
)

// event is what will happen at a time. Events at the same time happen in the order in which they were put in.
type event struct {
	at   int64 // ns
	seq  uint32
	what uint32 // the kind in the top bits, the index of the rest below
}

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

// queue is a timing wheel: events of the next 33 ms lie in slots of 8 µs, the few later ones in a heap. The slot that
// is being served is sorted. Nothing is allocated once it has grown to its size.
type queue struct {
	now   []event // the slot being served, from next on, sorted
	next  int
	slot  int64 // absolute number of that slot
	heads [slots]uint32
	used  [slots / 64]uint64
	cells []cell // cells[0] is unused
	free  uint32
	later []event // a binary heap
	count int
	seq   uint32
}

type cell struct {
	event
	next uint32
}

const (
	slots    = 4096
	slotBits = 13
)

// reset empties the queue and keeps its memory.
func (q *queue) reset() {
	if len(q.cells) == 0 {
		q.cells = make([]cell, 1, 1024)
	}
	q.now, q.next, q.slot, q.later = q.now[:0], 0, 0, q.later[:0]
	q.count, q.seq, q.free = 0, 0, 0
	q.cells = q.cells[:1]
	clear(q.heads[:])
	clear(q.used[:])
}

// push puts an event in and gives its sequence number. It must not lie before the last one popped.
func (q *queue) push(at int64, what uint32) uint32 {
	q.seq++
	q.count++
	q.put(event{at, q.seq, what})
	return q.seq
}

func (q *queue) put(e event) {
	switch s := e.at >> slotBits; {
	case s <= q.slot:
		q.insert(e)
	case s < q.slot+slots:
		q.toSlot(s, e)
	default:
		q.later = append(q.later, e)
		q.up(len(q.later) - 1)
	}
}

// insert puts an event into the slot that is being served, in its place.
func (q *queue) insert(e event) {
	if q.next == len(q.now) {
		q.now, q.next = q.now[:0], 0
	}
	q.now = append(q.now, e)
	i := len(q.now) - 1
	for ; i > q.next && e.before(q.now[i-1]); i-- {
		q.now[i] = q.now[i-1]
	}
	q.now[i] = e
}

func (q *queue) toSlot(s int64, e event) {
	i := q.free
	if i != 0 {
		q.free = q.cells[i].next
	} else {
		i = uint32(len(q.cells))
		q.cells = append(q.cells, cell{})
	}
	k := s & (slots - 1)
	q.cells[i] = cell{e, q.heads[k]}
	q.heads[k] = i
	q.used[k>>6] |= 1 << (k & 63)
}

// peek gives the time of the first event; false where there is none.
func (q *queue) peek() (int64, bool) {
	if q.next == len(q.now) && !q.advance() {
		return 0, false
	}
	return q.now[q.next].at, true
}

// pop takes the first event out.
func (q *queue) pop() (event, bool) {
	if q.next == len(q.now) && !q.advance() {
		return event{}, false
	}
	e := q.now[q.next]
	q.next++
	q.count--
	return e, true
}

// advance moves on to the next slot that has anything.
func (q *queue) advance() bool {
	q.now, q.next = q.now[:0], 0
	if q.count == 0 {
		return false
	}
	s := q.nextUsed()
	if len(q.later) > 0 && (s < 0 || q.later[0].at>>slotBits < s) {
		s = q.later[0].at >> slotBits
	}
	q.slot = s
	k := s & (slots - 1)
	for i := q.heads[k]; i != 0; {
		c := &q.cells[i]
		q.now = append(q.now, c.event)
		i, c.next, q.free = c.next, q.free, i
	}
	q.heads[k] = 0
	q.used[k>>6] &^= 1 << (k & 63)
	for len(q.later) > 0 && q.later[0].at>>slotBits < s+slots {
		q.put(q.popLater()) // into q.now, or a slot
	}
	sortEvents(q.now)
	return true
}

func sortEvents(es []event) {
	if len(es) > 24 {
		slices.SortFunc(es, func(a, b event) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		return
	}
	for i := 1; i < len(es); i++ {
		e, k := es[i], i
		for ; k > 0 && e.before(es[k-1]); k-- {
			es[k] = es[k-1]
		}
		es[k] = e
	}
}

// nextUsed gives the number of the first slot after the one being served that has anything, or -1.
func (q *queue) nextUsed() int64 {
	start := (q.slot + 1) & (slots - 1)
	for i := int64(0); i <= slots/64; i++ {
		w := (start>>6 + i) & (slots/64 - 1)
		word := q.used[w]
		switch i {
		case 0:
			word &^= 1<<(start&63) - 1
		case slots / 64:
			word &= 1<<(start&63) - 1
		}
		if word != 0 {
			k := w<<6 + int64(bits.TrailingZeros64(word))
			return q.slot + 1 + (k-start)&(slots-1)
		}
	}
	return -1
}

func (q *queue) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !q.later[i].before(q.later[p]) {
			return
		}
		q.later[i], q.later[p] = q.later[p], q.later[i]
		i = p
	}
}

func (q *queue) popLater() event {
	e, n := q.later[0], len(q.later)-1
	q.later[0] = q.later[n]
	q.later = q.later[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			return e
		}
		if c+1 < n && q.later[c+1].before(q.later[c]) {
			c++
		}
		if !q.later[c].before(q.later[i]) {
			return e
		}
		q.later[i], q.later[c] = q.later[c], q.later[i]
		i = c
	}
}
