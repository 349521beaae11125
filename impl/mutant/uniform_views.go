package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// uniformViewMutants are bugs of view synchrony that only those who crash show.
func uniformViewMutants() []Mutant {
	lossy := spec.SetOf(spec.CrashLossyFault)
	return []Mutant{
		{
			Name:  "placed-before-stable",
			Title: "A message that has its number is delivered before all members are known to have both: who dies may have delivered in an order of its own.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "JOIN-TRANSFER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE",
				"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE", "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION",
				"POSITION-AGREEMENT", "VIRTUAL-SYNCHRONY"},
			Cell: "unicast/atomic-view/total-sequencer/view-synchronous", Under: lossy,
			New: func(cfg impl.Config) impl.Layer {
				return OrderedViewStack(cfg, ordering.NewTotalSequencer(cfg, ordering.BB), func(r ViewRules) {
					r.Level.Deliver = func(has, _ uint64) uint64 { return has }
				})
			},
		},
	}
}
