package reliability_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// soaks is how many random runs a soak has in the tree; the levels were tried with thousands.
const soaks = 40

// rough breaks the links of a world: losses of 10 to 30%, duplicates, changed bytes, and cuts of 100ms.
func (w *ackWorld) rough(seed uint64) {
	if seed%5 > 0 {
		w.loss, w.double, w.corrupt = .1*float64(1+seed%3), .1, .05
	}
	r := spec.NewRand(seed, 8)
	cutters := make([]spec.NodeID, 6) // in turns; a node alone, or one direction of its links
	for i := range cutters {
		if cutters[i] = impltest.Node((i + int(seed)) % len(w.nodes)); r.Chance(.4) {
			cutters[i] = -1
		}
	}
	w.cut = func(from, to spec.NodeID, now spec.Time) bool {
		turn := int(time.Duration(now) / (100 * time.Millisecond))
		if turn/2 >= len(cutters) || turn%2 == 0 {
			return false
		}
		c := cutters[turn/2]
		return from == c || to == c && seed%4 > 0
	}
}

// talk lets nodes send at random times within a second, in bursts and alone.
func (w *ackWorld) talk(seed uint64, sends int) {
	r := spec.NewRand(seed, 9)
	when := time.Duration(0)
	for range sends {
		n, to := impltest.Node(r.IntN(len(w.nodes))), impl.Everyone
		if r.Chance(.3) {
			to = impltest.Node(r.IntN(len(w.nodes)))
		}
		if r.Chance(.5) { // else in a burst with the one before
			when = time.Duration(r.IntN(int(time.Second)))
		}
		wanted := r.Chance(.8)
		w.after(when, func() { w.send(n, to, "m", wanted) })
	}
}

// Through losses, duplicates, changed bytes and cuts shorter than TL every message arrives everywhere, once, and every
// send is acknowledged, in all ways of acknowledging; with stop-and-wait in the order sent. When all is done nothing is
// left to do. (With losses of 30% one of a million messages is lost for TL: who is suspected so is promised nothing.)
func TestAcksSoak(t *testing.T) {
	for _, ways := range ackWays {
		unlucky := 0
		for seed := range uint64(soaks) {
			name := fmt.Sprintf("%v, seed %d", ways, seed)
			w := newAckWorld(3+int(seed%3), seed, bestEffortAck(ways))
			w.rough(seed)
			w.talk(seed, 30)
			w.run(20 * time.Second)
			if len(w.suspected) > 0 {
				unlucky++
				continue
			}
			w.check(t, name)
			if ways == reliability.StopAndWait {
				w.inOrder(t, name)
			}
			if w.agenda.Len() > 0 {
				t.Fatalf("%s: %d things are still to happen", name, w.agenda.Len())
			}
		}
		if unlucky > soaks/1000 {
			t.Errorf("%v: in %d of %d runs somebody was suspected", ways, unlucky, soaks)
		}
	}
}

// When members crash, and when they come back without a memory, the others still deliver all that they send each
// other, and their sends are acknowledged.
func TestAcksSoakWithCrashes(t *testing.T) {
	for _, ways := range ackWays {
		for seed := range uint64(soaks) {
			name := fmt.Sprintf("%v, seed %d", ways, seed)
			w := newAckWorld(4, seed, bestEffortAck(ways))
			w.rough(seed)
			w.talk(seed, 30)
			w.crashSome(seed)
			w.run(60 * time.Second)
			w.check(t, name)
			if w.agenda.Len() > 0 {
				t.Fatalf("%s: %d things are still to happen", name, w.agenda.Len())
			}
		}
	}
}

// crashSome crashes one or two nodes; most come back.
func (w *ackWorld) crashSome(seed uint64) {
	r := spec.NewRand(seed, 10)
	for range 1 + r.IntN(2) {
		n := impltest.Node(r.IntN(len(w.nodes)))
		at := time.Duration(r.IntN(int(time.Second)))
		back := at + time.Duration(r.IntN(int(time.Second)))
		w.after(at, func() {
			if w.up[n] {
				w.crash(n)
			}
		})
		if r.Chance(.7) {
			w.after(back, func() {
				if !w.up[n] {
					w.start(n)
				}
			})
		}
	}
}
