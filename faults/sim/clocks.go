package sim

import (
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// A node reads the time off a clock of its own, which is the world's unless a fault has it. Its layers see that time,
// and say in it when a timer is to fire. A timer runs for as long as the clock then says: an operating system's timers
// do not jump with the time of day. So a layer may be woken early or late by its clock, never by the timer.

// aheadOf gives by how much the clock of a node is ahead of the world's, and by how many percent it is too fast.
func (w *World) aheadOf(id spec.NodeID) (ahead int64, percent int) {
	skew := int64(0)
	for i := range w.active {
		a := &w.s.Steps[w.active[i].step].Action
		if a.Node != id {
			continue
		}
		switch a.Op {
		case faults.Skew:
			skew = max(skew, int64(a.By))
		case faults.Jump:
			ahead += int64(a.By)
		case faults.Drift:
			since := w.now - w.active[i].since
			ahead += since/100*int64(a.Percent) + since%100*int64(a.Percent)/100
			percent += a.Percent
		}
	}
	return ahead + skew, percent
}

// timeAt gives what the clock of a node says.
func (w *World) timeAt(id spec.NodeID) spec.Time {
	if w.clocks == 0 {
		return spec.Time(w.now)
	}
	ahead, _ := w.aheadOf(id)
	return spec.Time(w.now + ahead)
}

// worldTime gives when the clock of a node has gone on to that time, if it goes on as it does now.
func (w *World) worldTime(id spec.NodeID, at spec.Time) int64 {
	if w.clocks == 0 {
		return max(int64(at), w.now)
	}
	ahead, percent := w.aheadOf(id)
	left := max(int64(at)-w.now-ahead, 0)
	if percent > 0 { // rounded up: no timer fires before its time
		fast := int64(100 + percent)
		left = left/fast*100 + (left%fast*100+fast-1)/fast
	}
	return w.now + left
}
