package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// kaashoekMutants are bugs of the ordering with a history buffer at its sequencer. They show where the sequencer lives.
func kaashoekMutants() []Mutant {
	loss := spec.SetOf(spec.LossFault)
	return []Mutant{
		{
			Name:   "history-overwrites-unacknowledged",
			Title:  "A full history takes the next message in the place of its oldest, which some member may still ask for.",
			Breaks: slices.Insert(slices.Clone(lostFromHistory), 4, "STABILITY-TRIM"), // and the members hold back more than the history has places
			Cell:   overTinyHistory, Under: loss,
			New: kaashoekWith(overTinyHistory, func(r *ordering.KaashoekRules) {
				r.Full = func(int, int) bool { return false }
			}),
		},
		{
			Name:   "repeated-request-numbered-twice",
			Title:  "The sequencer numbers a request that was sent again as if it were a new one.",
			Breaks: []spec.ID{"NO-DUPLICATION"},
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Repeated = func(uint64, uint64) bool { return false }
			}),
		},
		{
			Name:   "first-of-a-range-not-asked-for",
			Title:  "Of several numbers that are missing in a row the first is never asked for, nor one that is missing alone.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "STABILITY-TRIM"},
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Wants = func(first, last uint64) (uint64, uint64) { return first + 1, last }
			}),
		},
		{
			Name:   "history-trimmed-to-the-maximum",
			Title:  "What one member has leaves the history, whoever else may lack it.",
			Breaks: lostFromHistory,
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Stable = func(_ *impl.Config, seen []uint64, _ *impl.NodeSet) uint64 {
					most := uint64(0)
					for _, s := range seen {
						most = max(most, s)
					}
					return most
				}
			}),
		},
		{
			Name:   "silent-member-not-waited-for",
			Title:  "A member from which nothing has been heard is taken to have everything, and what it lacks leaves the history.",
			Breaks: lostFromHistory,
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Stable = func(_ *impl.Config, seen []uint64, removed *impl.NodeSet) uint64 {
					least := ^uint64(0)
					for i, s := range seen {
						if s > 0 && !removed.Has(spec.NodeID(i)) {
							least = min(least, s)
						}
					}
					return least
				}
			}),
		},
		{
			Name:   "dead-member-keeps-the-history-full",
			Title:  "A crashed member is never removed, so that nothing leaves the history any more, and then nobody can send.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "STABILITY-TRIM"},
			Cell:   overTinyHistory, Under: spec.SetOf(spec.CrashFault),
			New: kaashoekWith(overTinyHistory, func(r *ordering.KaashoekRules) {
				r.Patient = func(_, _ spec.Time) bool { return true }
			}),
		},
		{
			Name:   "request-sent-once",
			Title:  "A request that is lost is never sent again, nor anything behind it.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY"},
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Again = func(int) bool { return false }
			}),
		},
	}
}

// lostFromHistory is broken when a message has left the history before all had it, who then pass over it.
var lostFromHistory = []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "BOUNDED-OVERFLOW",
	"FIFO-GAPFREE", "LOCAL-ORDER", "TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX"}

// kaashoekWith gives the constructor of a cell's stack in which rules have been changed.
func kaashoekWith(cell string, change func(*ordering.KaashoekRules)) func(impl.Config) impl.Layer {
	return with(cell, func(s *stack) {
		right := s.ordering
		s.ordering = func(cfg impl.Config) impl.Layer {
			k := right(cfg).(*ordering.Kaashoek)
			change(&k.Rules)
			return k
		}
	})
}
