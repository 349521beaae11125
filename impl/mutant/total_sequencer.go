package mutant

import (
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// sequencerMutants are bugs of the total orders with a sequencer or a number server. None of them shows only when the
// first member, which numbers, has crashed: then the correct ones stand still too.
func sequencerMutants() []Mutant {
	slow := spec.SetOf(spec.LossFault, spec.PartitionFault, spec.DelayFault) // what is asked is asked again
	stalled := []spec.ID{"SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED"}     // nothing wrong is delivered
	partly := []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"}
	holes := []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "LOCAL-ORDER", "TOTAL-GAPFREE", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX"}
	disordered := []spec.ID{"LOCAL-ORDER", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION"}
	return []Mutant{
		{
			Name:   "delivered-as-it-comes",
			Title:  "Messages are delivered when they come, as if the network kept one order for all.",
			Breaks: disordered,
			Cell:   sequencerOverReliable, Under: spec.NoFaults,
			New: with(sequencerOverReliable, func(s *stack) { s.ordering = unordered }),
		},
		{
			Name:   "number-without-message-skips",
			Title:  "A number whose message has not come is passed over, and the message never delivered.",
			Breaks: holes,
			Cell:   sequencerOverReliable, Under: spec.NoFaults,
			New: sequencerWith(sequencerOverReliable, func(r *ordering.SequencerRules) {
				r.Absent = func() ordering.Absence { return ordering.Skip }
			}),
		},
		{
			Name:   "message-after-its-number-at-once",
			Title:  "A number whose message has not come is passed over, and the message delivered when it comes, out of its turn.",
			Breaks: disordered,
			Cell:   sequencerOverReliable, Under: spec.NoFaults,
			New: sequencerWith(sequencerOverReliable, func(r *ordering.SequencerRules) {
				r.Absent = func() ordering.Absence { return ordering.Late }
			}),
		},
		{
			Name:   "numbers-not-rescanned",
			Title:  "Nobody looks whether the next number is there after a delivery, so that what is held back stays there.",
			Breaks: partly,
			Cell:   sequencerOverReliable, Under: spec.NoFaults,
			New: sequencerWith(sequencerOverReliable, func(r *ordering.SequencerRules) {
				r.Rescan = func(int) bool { return false }
			}),
		},
		{
			Name:   "sender-delivers-at-once",
			Title:  "A sender delivers its message when it sends it, and not when its turn comes.",
			Breaks: slices.Concat([]spec.ID{"DESTINATION-INTEGRITY"}, disordered),
			Cell:   sequencerOverReliable, Under: spec.NoFaults,
			New: with(sequencerOverReliable, func(s *stack) { s.ordering = sequencerDeliversOwn }),
		},
		{
			Name:   "two-sequencers",
			Title:  "Each member numbers what it receives, and of two messages with one number the one counts that comes first.",
			Breaks: slices.Concat(partly, disordered, []spec.ID{"POSITION-AGREEMENT"}),
			Cell:   sequencerOverReliable, Under: spec.NoFaults,
			New: sequencerWith(sequencerOverReliable, func(r *ordering.SequencerRules) {
				r.Numbers = func(*impl.Config, uint32) bool { return true }
				r.Follows = func(*impl.Config, spec.NodeID) bool { return true }
			}),
		},
		{
			Name:   "number-wasted-on-a-duplicate",
			Title:  "The sequencer counts on when a message comes to it again, so that one number belongs to no message.",
			Breaks: stalled,
			Cell:   sequencerByUnicast, Under: slow,
			New: sequencerWith(sequencerByUnicast, func(r *ordering.SequencerRules) {
				r.Number = func(next uint64, again bool) (given, after uint64) {
					if again {
						return 0, next + 1
					}
					return next, next + 1
				}
			}),
		},
		{
			Name:   "forwarded-message-numbered-twice",
			Title:  "A message that its sender has sent to the sequencer again gets another number, and is delivered at both.",
			Breaks: []spec.ID{"NO-DUPLICATION", "POSITION-AGREEMENT"},
			Cell:   sequencerByUnicast, Under: slow,
			New: sequencerWith(sequencerByUnicast, func(r *ordering.SequencerRules) {
				r.Number = func(next uint64, _ bool) (given, after uint64) { return next, next + 1 }
			}),
		},
		{
			Name:   "number-not-looked-at",
			Title:  "A message with a number is delivered when it comes, whatever its number is.",
			Breaks: disordered,
			Cell:   serverOverReliable, Under: spec.NoFaults,
			New: seqServerWith(serverOverReliable, func(r *ordering.SeqServerRules) {
				r.Turn = func(_, _ uint64) bool { return true }
			}),
		},
		{
			Name:   "request-answered-with-two-numbers",
			Title:  "A request that comes again gets a number of its own, so that one of the two is never used.",
			Breaks: slices.Concat(stalled, []spec.ID{"SEQUENCE-LINEARIZABLE"}),
			Cell:   serverThatBlocks, Under: slow,
			New: seqServerWith(serverThatBlocks, func(r *ordering.SeqServerRules) {
				r.Answer = func(next, _ uint64) (given, after uint64) { return next, next + 1 }
			}),
		},
		{
			Name:   "hole-never-filled",
			Title:  "A number that was fetched by one that then crashed is waited for, for ever.",
			Breaks: stalled,
			Cell:   serverOverReliable, Under: spec.SetOf(spec.CrashFault, spec.CrashLossyFault),
			New: seqServerWith(serverOverReliable, func(r *ordering.SeqServerRules) {
				r.Fills = func(ordering.Holes) bool { return false }
			}),
		},
		{
			Name:   "no-op-without-asking",
			Title:  "A message that is late for its number is taken for lost, and a no-op ordered that overtakes it at some.",
			Breaks: holes,
			Cell:   serverOverReliable, Under: slow,
			New: seqServerWith(serverOverReliable, func(r *ordering.SeqServerRules) {
				r.Overdue = func(cfg *impl.Config) time.Duration { return cfg.TS }
				r.Asks = func() bool { return false }
			}),
		},
	}
}

// sequencerWith gives the constructor of a cell's stack in which rules have been changed.
func sequencerWith(cell string, change func(*ordering.SequencerRules)) func(impl.Config) impl.Layer {
	return with(cell, func(s *stack) {
		right := s.ordering
		s.ordering = func(cfg impl.Config) impl.Layer {
			l := right(cfg).(*ordering.TotalSequencer)
			change(&l.Rules)
			return l
		}
	})
}

// seqServerWith gives the constructor of a cell's stack in which rules have been changed.
func seqServerWith(cell string, change func(*ordering.SeqServerRules)) func(impl.Config) impl.Layer {
	return with(cell, func(s *stack) {
		right := s.ordering
		s.ordering = func(cfg impl.Config) impl.Layer {
			l := right(cfg).(*ordering.TotalSeqServer)
			change(&l.Rules)
			return l
		}
	})
}

func sequencerDeliversOwn(cfg impl.Config) impl.Layer {
	own := func(e *impl.Effect) bool { return e.Kind == impl.Up && e.To == impl.Everyone && e.From == cfg.Self }
	return &wrapped{layer: ordering.NewTotalSequencer(cfg, ordering.BB), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		if toGroup(in, impl.Send) {
			return append(list, impl.Effect{Kind: impl.Up, From: cfg.Self, To: impl.Everyone, Body: in.Body})
		}
		return without(list, own) // at its turn
	}}
}
