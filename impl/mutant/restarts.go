package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// restartMutants are those of total orders that go on through restarts.
func restartMutants() []Mutant {
	back := spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.CoordinatorFault)
	order := []spec.ID{"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE", "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE",
		"TOTAL-ORDER-PREFIX", "NO-CONTAMINATION", "POSITION-AGREEMENT"}
	lost := []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "DURABILITY"}
	numbered := slices.Concat(lost, []spec.ID{"LOCAL-ORDER"}, order)
	stamped := slices.Concat(stuck[:3], []spec.ID{"UNIFORM-AGREEMENT", "ACKED-DELIVERED", "DURABILITY", "FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER",
		"CAUSAL-ORDER", "CAUSAL-GAPFREE"}, order[:len(order)-1])
	return []Mutant{
		{
			Name:   "positions-begin-anew-after-restart",
			Title:  "A sequencer that is back counts from 1 again, so that numbers mean one message to those who had them and another to those who had not.",
			Breaks: numbered, Cell: sequencerOverLog, Under: back,
			New: with(sequencerOverLog, func(s *stack) {
				s.ordering = sequencerReplayed(func(r *ordering.SequencerRules) {
					r.Again = func(next, _ uint64) uint64 { return next }
				})
			}),
		},
		{
			Name:   "last-position-given-again-after-restart",
			Title:  "A sequencer that is back goes on with the last number that it has given, and not behind it.",
			Breaks: numbered, Cell: sequencerOverLog, Under: back,
			New: with(sequencerOverLog, func(s *stack) {
				s.ordering = sequencerReplayed(func(r *ordering.SequencerRules) {
					r.Again = func(next, position uint64) uint64 { return max(next, position) }
				})
			}),
		},
		{
			Name:   "withdrawn-position-not-given-again",
			Title:  "A sequencer that is back goes on behind a number that was aborted with its crash, and everyone waits for that number.",
			Breaks: lost, Cell: sequencerOverAbort, Under: back,
			New: with(sequencerOverAbort, func(s *stack) {
				s.ordering = sequencerReplayed(func(r *ordering.SequencerRules) {
					r.Lapses = func() bool { return false }
				})
			}),
		},
		{
			Name:   "stamped-number-reused-after-restart",
			Title:  "A member that is back counts its messages from 1 again, and the others take new ones for duplicates.",
			Breaks: stamped, Cell: lamportOverDurable, Under: back.Without(spec.CoordinatorFault),
			New: with(lamportOverDurable, func(s *stack) { s.ordering = lamportReusesNumbers }),
		},
		{
			Name:   "clock-not-restored-after-restart",
			Title:  "A member that is back starts its clock at 0, though others have heard later stamps of it, and have delivered what was before those.",
			Breaks: stamped, Cell: lamportOverDurable, Under: back.Without(spec.CoordinatorFault),
			New: with(lamportOverDurable, func(s *stack) { s.ordering = lamportForgetsClock }),
		},
	}
}

// sequencerReplayed is a sequencer that goes on through restarts, with some of its rules changed.
func sequencerReplayed(change func(*ordering.SequencerRules)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		t := ordering.NewTotalSequencer(cfg, ordering.BB)
		if t.Replayed = true; change != nil {
			change(&t.Rules)
		}
		return t
	}
}

// lamportReplayed are Lamport's stamps through restarts.
func lamportReplayed(cfg impl.Config) impl.Layer {
	l := ordering.NewLamport(cfg, 0)
	l.Replayed = true
	return l
}

func lamportReusesNumbers(cfg impl.Config) impl.Layer {
	l := ordering.NewLamport(cfg, 0)
	l.Replayed = true
	l.Rules.Again = func(x, _ uint64) uint64 { return x }
	return l
}

func lamportForgetsClock(cfg impl.Config) impl.Layer {
	back := false // until something new comes
	l := ordering.NewLamport(cfg, 0)
	l.Replayed = true
	received := l.Rules.Received
	l.Rules.Received = func(clock, stamp uint64) uint64 {
		if back {
			return clock
		}
		return received(clock, stamp)
	}
	return &before{layer: l, see: func(in impl.Input) {
		back = in.Kind == impl.Packet && in.Flag || in.Kind == impl.Resumed
	}}
}
