package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// numberMutants are bugs of a number server that is no counter. What its callers are told shows them, also where the
// order that is built on the numbers hides them.
func numberMutants() []Mutant {
	slow := spec.SetOf(spec.LossFault, spec.PartitionFault, spec.DelayFault) // what is asked is asked again
	stalled := []spec.ID{"SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "SEQUENCE-LINEARIZABLE", "COST-DELAY"}
	return []Mutant{
		{
			Name:  "number-given-again-after-a-duplicate",
			Title: "A request that comes again sets the server back to the number that it had, and the next one gets that too.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED",
				"BOUNDED-OVERFLOW", "LOCAL-ORDER", "TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "POSITION-AGREEMENT", "SEQUENCE-LINEARIZABLE"},
			Cell: serverOverReliable, Under: slow,
			New: seqServerWith(serverOverReliable, func(r *ordering.SeqServerRules) {
				r.Answer = func(next, before uint64) (given, after uint64) {
					if before != 0 {
						return before, before
					}
					return next, next + 1
				}
			}),
		},
		{
			Name:   "numbers-backwards-in-pairs",
			Title:  "The server gives the larger number of each pair first, so that who asked later is ordered before.",
			Breaks: stalled,
			Cell:   serverOverReliable, Under: spec.NoFaults,
			New: seqServerWith(serverOverReliable, func(r *ordering.SeqServerRules) {
				r.Answer = func(next, before uint64) (given, after uint64) {
					switch {
					case before != 0:
						return before, next
					case next%2 == 0:
						return next - 1, next + 1
					}
					return next + 1, next + 1
				}
			}),
		},
		{
			Name:   "numbers-from-one-after-a-restart",
			Title:  "A number server that comes back counts again from one.",
			Breaks: []spec.ID{"SEQUENCE-LINEARIZABLE"},
			Cell:   serverOverReliable, Under: spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.CoordinatorFault),
			New: seqServerWith(serverOverReliable, func(r *ordering.SeqServerRules) {
				r.Numbers = func(cfg *impl.Config, _ uint32) bool { return cfg.Self == cfg.Members[0] }
			}),
		},
	}
}
