package membership_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// Every planted bug of an ordering across views is found, by one of the properties that it says it breaks.
func TestOrderViewMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("some take hundreds of schedules")
	}
	for _, m := range mutant.OrderViews() {
		t.Run(m.Name, func(t *testing.T) {
			x, ok := acrossViews[strings.Split(m.Cell, "/")[2]]
			if !ok {
				t.Fatalf("no ordering %s", m.Cell)
			}
			k := viewKinds{crashes: true, recoveries: m.Under.Has(spec.RecoverFault),
				cuts: m.Under.Has(spec.PartitionFault), moves: true}
			w, h := sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery, MaxSteps: 200_000}), &spec.History{}
			var j checkers.Judge
			others := map[string]int{}
			for seed := range uint64(1500) {
				s := drawOrders(seed, k, x.syncs || x.blocks)
				if err := w.Play(s, h); err != nil {
					others["does not end"]++
					continue
				}
				for _, wrong := range x.wrongs(&j, s, h).wrong {
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
