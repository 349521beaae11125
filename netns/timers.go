package netns

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// timers are those of one node, the earliest first; of equal ones, the one that was set first. One goroutine owns them.
type timers struct {
	heap  []timer
	place map[timerKey]int // in the heap
	set   uint64           // how often one was set
}

type timerKey struct {
	group spec.GroupID
	layer impl.Path
	id    uint64
}

type timer struct {
	at  spec.Time
	seq uint64
	key timerKey
}

// reset lets a timer fire at that time. The one that it replaces never fires.
func (t *timers) reset(k timerKey, at spec.Time) {
	t.set++
	x := timer{at, t.set, k}
	i, ok := t.place[k]
	if !ok {
		i = len(t.heap)
		t.heap = append(t.heap, x)
	}
	if t.place == nil {
		t.place = map[timerKey]int{}
	}
	t.put(i, x)
	t.settle(i)
}

// stop lets a timer never fire.
func (t *timers) stop(k timerKey) {
	if i, ok := t.place[k]; ok {
		t.remove(i)
	}
}

// next gives when the earliest fires.
func (t *timers) next() (at spec.Time, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].at, true
}

// due takes out the earliest timer, if its time has come.
func (t *timers) due(now spec.Time) (k timerKey, ok bool) {
	if at, some := t.next(); !some || at > now {
		return k, false
	}
	k = t.heap[0].key
	t.remove(0)
	return k, true
}

func (t *timers) remove(i int) {
	delete(t.place, t.heap[i].key)
	last := len(t.heap) - 1
	x := t.heap[last]
	t.heap = t.heap[:last]
	if i < last {
		t.put(i, x)
		t.settle(i)
	}
}

func (t *timers) put(i int, x timer) {
	t.heap[i] = x
	t.place[x.key] = i
}

// settle moves a timer to where it belongs.
func (t *timers) settle(i int) {
	for i > 0 && t.before(i, (i-1)/2) {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(t.heap); c++ {
			if t.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

func (t *timers) before(i, k int) bool {
	a, b := &t.heap[i], &t.heap[k]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (t *timers) swap(i, k int) {
	a, b := t.heap[i], t.heap[k]
	t.put(i, b)
	t.put(k, a)
}
