package netns

import (
	"time"

	"github.com/conform-go/conform/spec"
)

// opTardy is what a guest says at its end, which is no event of a history: how late it was at most.
const opTardy = "tardy"

// tardy measures how late a process of this machine gets to what it wants to do, from when it is told that the scenario
// begins until it is stopped: then it is written. Where that is as long as a repetition takes, repetitions are no fault
// of a protocol.
func tardy(d *diary) (begun, stop func()) {
	const tick = 5 * time.Millisecond
	quit, most, start := make(chan bool), make(chan time.Duration), make(chan bool, 1)
	go func() {
		worst := time.Duration(0)
		for last := Now(); ; {
			select {
			case <-quit:
				most <- worst
				return
			case <-start:
				worst, last = 0, Now()
				continue
			case <-time.After(tick):
			}
			now := Now()
			worst = max(worst, time.Duration(now-last)-tick)
			last = now
		}
	}()
	return func() { start <- true }, func() {
		close(quit)
		d.write(spec.Event{Kind: spec.Note}, &spec.Extra{Op: opTardy, Depth: int64(<-most)})
	}
}

// Tardy is how late a guest was at most in the last run, of those that came to their end in peace; 0 without Frames.
func (w *World) Tardy() time.Duration { return w.tardy }
