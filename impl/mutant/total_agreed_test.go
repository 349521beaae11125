package mutant

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// What makes a mutant harmless is worth a test of its own: FIFO order above an agreement is causal, because who sends
// has delivered, and what has been delivered has its number.
func TestFifoAboveAnAgreementIsCausal(t *testing.T) {
	node := with(causalTotalOverReliable, func(s *stack) { s.ordering = fifoTotal })
	p := &player{params: (&Mutant{Under: spec.EndToEndFaults, NonMember: true}).params(), world: sim.New(sim.Config{New: node})}
	for i := range uint64(share(5)) {
		for id, text := range p.fails(t, *seed+i) {
			if slices.Contains([]spec.ID{"FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "TOTAL-ORDER"}, id) {
				t.Fatalf("schedule %d breaks %s: %s", *seed+i, id, text)
			}
		}
	}
}
