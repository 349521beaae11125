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

// Every mutant breaks what its entry says.
func TestServerMutantsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("some take hundreds of schedules")
	}
	for _, m := range mutant.Servers() {
		t.Run(m.Name, func(t *testing.T) {
			k := serverKinds{crashes: m.Under.Has(spec.CrashFault), recoveries: m.Under.Has(spec.RecoverFault),
				cuts: m.Under.Has(spec.PartitionFault), server: m.Under.Has(spec.RecoverFault), stays: true}
			var j checkers.Judge
			w, h := sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery, MaxSteps: 200_000}), &spec.History{}
			others, n := map[string]int{}, map[spec.ID]int{}
			for seed := range uint64(600) {
				s := drawServer(seed, k)
				if err := w.Play(s, h); err != nil {
					others["does not end"]++
					continue
				}
				wrong := judged(&j, h, n, m.Breaks...)
				if h.Settled {
					wrong = append(wrong, ends(s, h, true)...)
				}
				for _, text := range wrong {
					id, _, _ := strings.Cut(text, ":")
					if slices.Contains(m.Breaks, spec.ID(id)) {
						t.Logf("seed %d: %s", seed, text)
						return
					}
					others[id]++
				}
			}
			t.Errorf("not caught; found besides: %v", others)
		})
	}
}
