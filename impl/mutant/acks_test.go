package mutant

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// What breaks nothing but a cost is caught where the history declares it.
func costsOnly(m *Mutant) bool {
	return !slices.ContainsFunc(m.Breaks, func(id spec.ID) bool { return id != "COST-PACKETS" && id != "COST-ACKS" && id != "COST-DELAY" })
}

func TestAckAndNackMutantsAreCaught(t *testing.T) {
	for _, m := range append(ackMutants(), nackMutants()...) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			if costsOnly(&m) {
				t.Skip("caught by TestCostsOnlyMutantsAreCaught")
			}
			t.Log(caughtAsDeclared(t, &m, 1))
		})
	}
}

// costsOf declares what a send may cost without faults where each copy is acknowledged at most once: a copy for each
// member, or from each member for each, or none that is acknowledged.
func costsOf(cell string) func(s *faults.Scenario, h *spec.Header) {
	return func(s *faults.Scenario, h *spec.Header) {
		h.Costs = nil
		if len(s.Groups) != 1 || s.Faults() != 0 {
			return
		}
		n := len(s.Groups[0].Members)
		switch cell {
		case overNack:
			h.Costs = map[string]int{"COST-ACKS": 0}
		case overReliable:
			h.Costs = map[string]int{"COST-ACKS": n * (n - 1)}
		default:
			h.Costs = map[string]int{"COST-PACKETS": 2 * (n - 1), "COST-ACKS": n - 1}
		}
	}
}

// What costs more than it may is caught, and nothing else is wrong with it; the ways of acknowledging keep to their cost.
func TestCostsOnlyMutantsAreCaught(t *testing.T) {
	for _, m := range ackMutants() {
		if !costsOnly(&m) {
			continue
		}
		world := sim.Config{New: m.New, Declare: costsOf(m.Cell)}
		b, n := play(t, (&player{params: m.params(), world: sim.New(world)}).fails, 200, m.Breaks)
		world.New = correct(m.Cell).node
		right, _ := play(t, (&player{params: m.params(), world: sim.New(world)}).fails, n, nil)
		if b.first(m.Breaks) == 0 {
			t.Errorf("%d schedules broke none of %v", n, m.Breaks)
		}
		for id, x := range b {
			if _, ok := right[id]; !ok && !slices.Contains(m.Breaks, id) {
				t.Errorf("false alarm: %s in schedule %d: %s", id, x.schedule, x.text)
			}
		}
	}
	for _, cell := range []string{overBestEffort, cumulativeAcks, piggybackAcks, overNack, overReliable} {
		b, _ := play(t, (&player{world: sim.New(sim.Config{New: correct(cell).node, Declare: costsOf(cell)})}).fails, 500, nil)
		for _, id := range []spec.ID{"COST-PACKETS", "COST-ACKS"} {
			if x, ok := b[id]; ok {
				t.Errorf("%s: schedule %d: %s: %s", cell, x.schedule, id, x.text)
			}
		}
	}
}
