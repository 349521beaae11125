package ipmulticast

import (
	"net/netip"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// timerKind says whose timer one is. Each part of a machine has a range of its own.
type timerKind uint8

const (
	hostTimers    timerKind = 0x10 // the listening half of a host
	querierTimers timerKind = 0x20
	routerTimers  timerKind = 0x30 // hello, neighbors
	denseTimers   timerKind = 0x40
	sparseTimers  timerKind = 0x50
	switchTimers  timerKind = 0x60
)

// timer names a timer of a machine.
type timer struct {
	kind   timerKind
	port   int16
	group  netip.Addr
	source netip.Addr // or a neighbor
}

// agenda keeps the timers of one machine on a single timer of its layer. Timers due at the same time fire in the order
// in which they were set.
type agenda struct {
	speed spec.Time // of the machine's clock
	heap  []entry
	at    map[timer]entry
	seq   uint64
	armed spec.Time // what the layer's timer is set to; negative: it is not
	same  bool      // nothing has changed since it was
}

type entry struct {
	at  spec.Time
	seq uint64
	key timer
}

// reset drops all timers, as a crash does.
func (a *agenda) reset(t *Timing) {
	*a = agenda{at: map[timer]entry{}, heap: a.heap[:0], speed: spec.Time(max(1, t.Speed)), armed: -1}
}

// set lets a timer fire after a time on the machine's clock; setting again replaces.
func (a *agenda) set(k timer, now spec.Time, after time.Duration) {
	at := now + spec.Time(after)/a.speed
	a.seq++
	e := entry{at, a.seq, k}
	a.at[k], a.same = e, false
	a.heap = append(a.heap, e)
	for i := len(a.heap) - 1; i > 0 && a.heap[i].before(a.heap[(i-1)/2]); i = (i - 1) / 2 {
		a.heap[i], a.heap[(i-1)/2] = a.heap[(i-1)/2], a.heap[i]
	}
}

// stop lets a timer never fire.
func (a *agenda) stop(k timer) {
	delete(a.at, k)
	a.same = false
}

// left gives how long a timer still has to run, on the machine's clock; false where it is not running.
func (a *agenda) left(k timer, now spec.Time) (time.Duration, bool) {
	e, ok := a.at[k]
	return time.Duration((e.at - now) * a.speed), ok
}

// due takes the next timer whose time has come; false where there is none.
func (a *agenda) due(now spec.Time) (timer, bool) {
	a.skip()
	if len(a.heap) == 0 || a.heap[0].at > now {
		return timer{}, false
	}
	k := a.heap[0].key
	a.stop(k)
	a.drop()
	return k, true
}

// arm sets the layer's timer to the first one of the agenda. It stands at the end of every step.
func (a *agenda) arm(out *impl.Effects) {
	if a.same {
		return
	}
	a.skip()
	a.same = true
	switch {
	case len(a.heap) == 0:
		if a.armed >= 0 {
			a.armed = -1
			out.StopTimer(0)
		}
	case a.heap[0].at != a.armed:
		a.armed = a.heap[0].at
		out.SetTimer(0, a.armed)
	}
}

// fired notes that the layer's timer has fired; it stands before the calls of due.
func (a *agenda) fired() { a.armed, a.same = -1, false }

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

// skip drops what was stopped or replaced from the top.
func (a *agenda) skip() {
	for len(a.heap) > 0 && a.at[a.heap[0].key] != a.heap[0] {
		a.drop()
	}
}

// drop takes the first entry off the heap.
func (a *agenda) drop() {
	n := len(a.heap) - 1
	a.heap[0] = a.heap[n]
	a.heap = a.heap[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			return
		}
		if c+1 < n && a.heap[c+1].before(a.heap[c]) {
			c++
		}
		if !a.heap[c].before(a.heap[i]) {
			return
		}
		a.heap[c], a.heap[i] = a.heap[i], a.heap[c]
		i = c
	}
}
