package impltest

import (
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// Weather is what the network in the world of a test does to packets: it loses, doubles and changes some of them, and is
// cut for a while. In fine weather, which is the zero value but for the dice, each arrives once, after 1 to 10 ms.
type Weather struct {
	Dice                  spec.Rand
	Loss, Double, Corrupt float64                                        // shares of the packets
	Cut                   func(from, to spec.NodeID, now spec.Time) bool // nil: never
}

// Carry says of each copy that arrives of a packet after how long it does, and with which bytes. What a node sends to
// itself arrives after 1 ms, whatever the weather.
func (w *Weather) Carry(from, to spec.NodeID, now spec.Time, body []byte, arrive func(after time.Duration, body []byte)) {
	if from == to {
		arrive(time.Millisecond, body)
		return
	}
	if w.Dice.Chance(w.Loss) || w.Cut != nil && w.Cut(from, to, now) {
		return
	}
	copies := 1
	if w.Dice.Chance(w.Double) {
		copies = 2
	}
	if w.Dice.Chance(w.Corrupt) {
		body = slices.Clone(body)
		body[w.Dice.IntN(len(body))] ^= 0x40
	}
	for range copies {
		arrive(time.Millisecond+time.Duration(w.Dice.IntN(int(9*time.Millisecond))), body)
	}
}

// Rough makes the weather of a seed: three seeds of four lose, double and change packets, and in every other tenth of the
// first 1.2 seconds the network is cut, around one node, in both directions or in one. It gives the dice for what else
// the seed decides.
func (w *Weather) Rough(seed uint64, nodes int) spec.Rand {
	r := spec.NewRand(seed, 8)
	if seed%4 > 0 {
		w.Loss, w.Double, w.Corrupt = .1*float64(seed%4), .1, .05
	}
	cutters := make([]spec.NodeID, 6)
	for i := range cutters {
		cutters[i] = Node(r.IntN(2*nodes)) - 1 // none, where there is no such node
	}
	w.Cut = func(from, to spec.NodeID, now spec.Time) bool {
		turn := int(time.Duration(now) / (100 * time.Millisecond))
		if turn/2 >= len(cutters) || turn%2 == 0 {
			return false
		}
		c := cutters[turn/2]
		return from == c || to == c && seed%5 > 0
	}
	return r
}
