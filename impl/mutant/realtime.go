package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// realTimeMutants are bugs of the order in real time.
func realTimeMutants() []Mutant {
	skew := spec.SetOf(spec.SkewFault)
	return []Mutant{
		{
			Name:   "real-time-ignores-skew",
			Title:  "The acknowledgement does not wait for the slowest clock, which may stamp what is sent after it with less.",
			Breaks: []spec.ID{"REALTIME-ORDER"},
			Cell:   realTimeOverReliable, Under: skew,
			New: realTimeWith(realTimeOverReliable, func(r *ordering.RealTimeRules) {
				r.Waits = func(spec.Time) spec.Time { return -1 << 40 }
			}),
		},
		{
			Name:   "stamps-tied-by-arrival",
			Title:  "Of two messages with one stamp the first that comes is delivered first.",
			Breaks: []spec.ID{"TOTAL-ORDER-PAIRWISE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION"},
			Cell:   realTimeOverReliable, Under: spec.NoFaults,
			New: realTimeWith(realTimeOverReliable, func(r *ordering.RealTimeRules) {
				r.Before = func(a, b ordering.TimeKey) bool {
					return a.Stamp < b.Stamp || a.Stamp == b.Stamp && a.Arrival < b.Arrival
				}
			}),
		},
		{
			Name:  "delivered-before-the-slowest-clock",
			Title: "A message is delivered Δ after its stamp by a clock that may be ahead by ε, and what is on its way with a smaller stamp comes too late.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "FIFO-GAPFREE",
				"LOCAL-ORDER", "TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX"},
			Cell: realTimeAtTheBound, Under: skew,
			New: realTimeWith(realTimeAtTheBound, func(r *ordering.RealTimeRules) {
				r.Due = func(stamp, delta, _ spec.Time) spec.Time { return stamp + delta }
			}),
		},
		{
			Name:   "late-message-delivered",
			Title:  "What comes when something behind it has been delivered is delivered all the same.",
			Breaks: []spec.ID{"TOTAL-ORDER-PAIRWISE", "NO-CONTAMINATION"},
			Cell:   realTimeOverReliable, Under: spec.SetOf(spec.DelayFault, spec.ReorderFault),
			New: realTimeWith(realTimeOverReliable, func(r *ordering.RealTimeRules) {
				r.Late = func(bool) bool { return false }
			}),
		},
	}
}

// realTimeWith gives the constructor of a cell's stack in which rules have been changed.
func realTimeWith(cell string, change func(*ordering.RealTimeRules)) func(impl.Config) impl.Layer {
	return with(cell, func(s *stack) {
		right := s.ordering
		s.ordering = func(cfg impl.Config) impl.Layer {
			r := right(cfg).(*ordering.RealTime)
			change(&r.Rules)
			return r
		}
	})
}
