package netns

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// opTardy is what a guest says, which is no event of a history: how late it was at most.
const opTardy = "tardy"

// tardyTick is how often that is measured: who is late by less than this may not show it.
const tardyTick = 5 * time.Millisecond

// tardy measures how late a process of this machine gets to what it wants to do, from when it is told that the scenario
// begins until it is stopped. It is written whenever it has grown, or what is killed would take it along. Where that is as
// long as a repetition takes, repetitions are no fault of a protocol.
func tardy(d *diary) (begun, stop func()) {
	const tick = tardyTick
	tell := func(most time.Duration) {
		d.write(spec.Event{Kind: spec.Note}, &spec.Extra{Op: opTardy, Depth: int64(most)})
	}
	quit, most, start := make(chan bool), make(chan time.Duration), make(chan bool, 1)
	go func() {
		worst, told := time.Duration(0), time.Duration(0)
		for last := Now(); ; {
			select {
			case <-quit:
				most <- worst
				return
			case <-start:
				worst, told, last = 0, 0, Now()
				continue
			case <-time.After(tick):
			}
			now := Now()
			worst = max(worst, time.Duration(now-last)-tick)
			last = now
			if worst > told+tick {
				told = worst
				tell(worst)
			}
		}
	}()
	return func() { start <- true }, func() {
		close(quit)
		tell(<-most)
	}
}

// Tardy is how late a guest was at most in the last run, as far as it lived to tell it; who was paused is late by that,
// and does not count. 0 without Frames and Timed.
func (w *World) Tardy() time.Duration { return w.tardy }

// pauses says whether a node is stopped in the present scenario.
func (w *World) pauses(n int) bool {
	return slices.ContainsFunc(w.s.Steps, func(x faults.Step) bool {
		return x.Action.Op == faults.Pause && x.Action.Node == spec.NodeID(n)
	})
}
