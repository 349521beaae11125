package membership_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Every planted bug is found, by one of the properties that it says it breaks.
func TestViewMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("some take hundreds of schedules")
	}
	for _, m := range mutant.Views() {
		t.Run(m.Name, func(t *testing.T) {
			k := viewKinds{crashes: m.Under.Has(spec.CrashFault), recoveries: m.Under.Has(spec.RecoverFault),
				cuts: m.Under.Has(spec.PartitionFault), moves: true}
			w, h := sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery, MaxSteps: 200_000}), &spec.History{}
			others := map[string]int{}
			for seed := range uint64(1500) {
				s := drawViews(seed, k)
				if m.Name == "takes-over-without-asking" {
					s = takeover(int(seed) + 2)
				}
				if err := w.Play(s, h); err != nil {
					others["does not end"]++
					continue
				}
				for _, wrong := range lookAt(s, h).wrong {
					id, _, _ := strings.Cut(wrong, ":")
					if slices.Contains(m.Breaks, spec.ID(id)) {
						t.Logf("seed %d: %s", seed, wrong)
						return
					}
					others[id]++
				}
			}
			t.Errorf("not caught; found besides: %v", others)
		})
	}
}
