package membership_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Every planted bug of groups whose parts all go on is found by a judge that it says it fails.
func TestPartitionableMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("some take hundreds of schedules")
	}
	for _, m := range mutant.PartitionableViews() {
		t.Run(m.Name, func(t *testing.T) {
			k := viewKinds{crashes: m.Under.Has(spec.CrashFault), recoveries: m.Under.Has(spec.RecoverFault),
				cuts: m.Under.Has(spec.PartitionFault)}
			w, h := sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery, MaxSteps: 400_000}), &spec.History{}
			var j checkers.Judge
			for seed := range uint64(3000) {
				s := drawParts(seed, k)
				if m.Name == "goes-elsewhere-though-bound" {
					s = takeover(int(seed) + 900)
				}
				if w.Play(s, h) != nil {
					continue
				}
				if wrong := judge(&j, h, m.Breaks, map[spec.ID]int{}); len(wrong) > 0 {
					t.Logf("seed %d: %s", seed, strings.TrimPrefix(wrong[0], "judge: "))
					return
				}
			}
			t.Error("not caught")
		})
	}
}
