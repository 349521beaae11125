package mutant

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// What breaks nothing but a cost is caught where the history declares it.
func costsOnly(m *Mutant) bool { return slices.Equal(m.Breaks, []spec.ID{"COST-PACKETS"}) }

func TestAckAndNackMutantsAreCaught(t *testing.T) {
	for _, m := range append(ackMutants(), nackMutants()...) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			if costsOnly(&m) {
				t.Skip("caught by TestPiggybackLostCosts")
			}
			t.Log(caught(t, &m))
		})
	}
}

// oneAckEach declares what a send may cost without faults where each copy is acknowledged at most once.
func oneAckEach(s *faults.Scenario, h *spec.Header) {
	h.Costs = nil
	if len(s.Groups) == 1 && s.Faults() == 0 {
		h.Costs = map[string]int{"COST-PACKETS": 2 * (len(s.Groups[0].Members) - 1)}
	}
}

// A lost piggyback costs repetitions, and nothing else; the other ways of acknowledging keep to their cost.
func TestPiggybackLostCosts(t *testing.T) {
	for _, m := range ackMutants() {
		if !costsOnly(&m) {
			continue
		}
		world := sim.Config{New: m.New, Declare: oneAckEach}
		b, n := play(t, &player{params: m.params(), world: sim.New(world)}, 200, m.Breaks)
		world.New = correct(m.Cell).node
		right, _ := play(t, &player{params: m.params(), world: sim.New(world)}, n, nil)
		if b.first(m.Breaks) == 0 {
			t.Errorf("%d schedules broke none of %v", n, m.Breaks)
		}
		for id, x := range b {
			if _, ok := right[id]; !ok && !slices.Contains(m.Breaks, id) {
				t.Errorf("false alarm: %s in schedule %d: %s", id, x.schedule, x.text)
			}
		}
	}
	for _, cell := range []string{overBestEffort, cumulativeAcks, piggybackAcks} {
		b, _ := play(t, &player{world: sim.New(sim.Config{New: correct(cell).node, Declare: oneAckEach})}, 500, nil)
		if x, ok := b["COST-PACKETS"]; ok {
			t.Errorf("%s: schedule %d: %s", cell, x.schedule, x.text)
		}
	}
}
