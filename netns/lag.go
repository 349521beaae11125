package netns

import (
	"sync"
	"time"

	"github.com/conform-go/conform/spec"
)

// Routers between subnets are a process like others, which the kernel lets run when it can. What they do late they do
// late for all who judge their times.

// lags are the times at which a router was late.
type lags struct {
	mu  sync.Mutex
	all []behind
}

type behind struct {
	at spec.Time // when it got to it
	by time.Duration
}

// noLag is a lag of which nobody makes anything.
const noLag = time.Millisecond

// add notes that something was dealt with now that was due then.
func (l *lags) add(due, now spec.Time) {
	d := time.Duration(now - due)
	if d < noLag {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, behind{now, d})
}

func (l *lags) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = l.all[:0]
}

// since gives the longest since a time on the clock of Now.
func (l *lags) since(begin spec.Time) (most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.all {
		if x.at >= begin {
			most = max(most, x.by)
		}
	}
	return most
}

// Lag is how late a router between subnets was at most, in the scenario played last, with a frame or with something
// that it had set a timer for.
func (w *World) Lag() time.Duration { return w.lag }
