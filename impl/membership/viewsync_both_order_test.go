package membership_test

import (
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Orderings keep their order in all parts of a group, and across a merge.
func TestOrderingsOverPartitionableViews(t *testing.T) {
	runs := 30 * *viewRuns
	if testing.Short() {
		runs = 5
	}
	for name, x := range ordersOverViews {
		t.Run(name, func(t *testing.T) {
			var j checkers.Judge
			w, h := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
				return mutant.PartitionableStack(cfg, x.order(cfg), nil)
			}, Model: spec.CrashRecovery}), &spec.History{}
			bites := map[spec.ID]int{}
			for seed := range uint64(runs) {
				s := drawParts(seed, partSoaks["everything"])
				if err := w.Play(s, h); err != nil {
					t.Fatalf("%v\n%s", err, s)
				}
				if wrong := judge(&j, h, append(x.judge, partSafety...), bites); len(wrong) > 0 || !h.Settled {
					t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, wrong, s)
				}
			}
			t.Log(bites)
		})
	}
}
