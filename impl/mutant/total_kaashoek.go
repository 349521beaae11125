package mutant

import (
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
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "TOTAL-GAPFREE"},
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
			Name:   "last-of-a-range-asked-for",
			Title:  "Of several numbers that are missing in a row only the last is asked for.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "STABILITY-TRIM"},
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Wants = func(_, last uint64) (uint64, uint64) { return last, last }
			}),
		},
		{
			Name:   "history-trimmed-to-the-maximum",
			Title:  "What one member has leaves the history, whoever else may lack it.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "TOTAL-GAPFREE"},
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
			Name:   "silent-member-never-reports",
			Title:  "Who has nothing to send does not tell how far it is, not even when it is asked: it is taken for failed, and copies that it lacks are discarded.",
			Breaks: []spec.ID{"DETECTOR-ACCURACY"},
			Cell:   overKaashoek, Under: loss,
			New: kaashoekWith(overKaashoek, func(r *ordering.KaashoekRules) {
				r.Reports = func(bool) bool { return false }
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
