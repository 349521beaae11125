package reliability_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
)

// Once its memory has grown to its size, a step allocates nothing; and each message is delivered. (When the others'
// next messages have come, the last of the stable ones is.)
func TestLevelsAllocateNothing(t *testing.T) {
	for name, newLayer := range map[string]func(impl.Config) impl.Layer{
		"reliable-ip": reliableIP, "reliable-ip:deliver=stable": stableIP, "uniform": uniform, "byzantine": byzantine,
		"gossip": gossip(3, 1), "atomic-view": atomicView,
	} {
		w := impltest.NewSteady(newLayer, false)
		const rounds = 300
		for range rounds {
			w.Round(64)
		}
		if least := 16 * (rounds - 1); w.Ups < least {
			t.Errorf("%s: %d deliveries, want %d", name, w.Ups, least)
		}
		if n := testing.AllocsPerRun(50, func() { w.Round(64) }); n > 0 {
			t.Errorf("%s: %v allocations a round", name, n)
		}
	}
}
