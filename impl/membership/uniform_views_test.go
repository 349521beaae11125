package membership_test

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// What is promised of those who died, and of those who come back, is broken by a planted bug each, and seen by its own judge.
func TestPromisesOfTheDeadCanBreak(t *testing.T) {
	for _, c := range []struct {
		mutant string
		ids    []spec.ID
	}{
		{"placed-before-stable", []spec.ID{"UNIFORM-AGREEMENT", "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION"}},
		{"successor-starts-from-its-own-maximum", []spec.ID{"POSITION-AGREEMENT"}},
		{"log-told-once-more", []spec.ID{"NO-DUPLICATION/restart"}},
	} {
		all := slices.Concat(mutant.All(), mutant.LoggedViews())
		m := all[slices.IndexFunc(all, func(m mutant.Mutant) bool { return m.Name == c.mutant })]
		var j checkers.Judge
		w, h, caught, runs := sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery}), &spec.History{}, map[spec.ID]int{}, uint64(60)
		for seed := uint64(0); seed < runs && len(caught) < len(c.ids); seed++ {
			if err := w.Play(drawViews(seed, viewKinds{crashes: true, recoveries: true, cuts: true}), h); err != nil {
				t.Fatal(err)
			}
			j.Load(h)
			for _, id := range c.ids {
				if j.Check(id).Verdict == spec.Fail && caught[id] == 0 {
					caught[id] = int(seed) + 1
				}
			}
		}
		t.Logf("%s: %v", m.Name, caught)
		for _, id := range c.ids {
			if caught[id] == 0 {
				t.Errorf("%s does not break %s in %d runs", m.Name, id, runs)
			}
		}
	}
}
