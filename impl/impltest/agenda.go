package impltest

import (
	"container/heap"

	"github.com/conform-go/conform/spec"
)

// Agenda is what is still to happen in the world of a test, in order of time, and at one time in the order in which it
// was put down. Its zero value is empty.
type Agenda[E any] struct {
	due  dueHeap[E]
	last int
}

// Due is one thing that is to happen. Its number, from 1 on, counts what was put down.
type Due[E any] struct {
	At     spec.Time
	Number int
	What   E
}

// Put puts something down and gives its number.
func (a *Agenda[E]) Put(at spec.Time, what E) int {
	a.last++
	heap.Push(&a.due, Due[E]{at, a.last, what})
	return a.last
}

// Next takes what is next off the agenda; false if that is later than until.
func (a *Agenda[E]) Next(until spec.Time) (Due[E], bool) {
	if len(a.due) == 0 || a.due[0].At > until {
		return Due[E]{}, false
	}
	return heap.Pop(&a.due).(Due[E]), true
}

// Len says how much is to happen.
func (a *Agenda[E]) Len() int { return len(a.due) }

// Last is the number of what was put down last; 0 if nothing was.
func (a *Agenda[E]) Last() int { return a.last }

type dueHeap[E any] []Due[E]

func (h dueHeap[E]) Len() int { return len(h) }
func (h dueHeap[E]) Less(i, k int) bool {
	return h[i].At < h[k].At || h[i].At == h[k].At && h[i].Number < h[k].Number
}
func (h dueHeap[E]) Swap(i, k int) { h[i], h[k] = h[k], h[i] }
func (h *dueHeap[E]) Push(x any)   { *h = append(*h, x.(Due[E])) }
func (h *dueHeap[E]) Pop() any {
	x := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return x
}
