package mutant

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

func reliableIPMutants() []Mutant {
	loss := spec.SetOf(spec.LossFault)
	return []Mutant{
		{
			Name:  "full-buffer-drops-and-advances",
			Title: "A receiver with room for two messages behind one that is missing drops the third, goes on behind it as if it had come, and tells nobody.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "NO-SILENT-GAP", "ACKED-DELIVERED", "STABILITY-TRIM", "BOUNDED-OVERFLOW",
				"FIFO-GAPFREE"},
			Cell: overNarrowIP, Under: loss.With(spec.ReorderFault),
			New: with(overNarrowIP, func(s *stack) { s.reliability = narrowIPThatAdvances }),
		},
		{
			Name:   "copy-freed-at-own-delivery",
			Title:  "A member keeps no copy of what it has delivered, whoever may lack it, and has nothing to repair with.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "FIFO-GAPFREE"},
			Cell:   overReliableIP, Under: loss,
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Discard = func(delivered, _ uint64) uint64 { return delivered }
			}),
		},
		{
			Name:   "repair-by-the-sender-only",
			Title:  "Only the sender sends again what somebody missed: when it has crashed, nobody does, though all but one have it.",
			Breaks: []spec.ID{"AGREEMENT", "STABILITY-TRIM"},
			Cell:   overReliableIP, Under: spec.SetOf(spec.CrashFault, spec.CrashLossyFault),
			New: with(overReliableIP, func(s *stack) { s.reliability = reliableIPRepairedBySender }),
		},
		{
			Name:   "ip-silent-without-heartbeat",
			Title:  "Who has nothing to send is silent, so that a loss at the end of a burst shows nowhere, and all are taken for failed.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   overReliableIP, Under: loss,
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Silence = func(*impl.Config, bool) time.Duration { return 0 }
			}),
		},
		{
			Name:   "ip-nack-not-repeated",
			Title:  "What is missing is asked for once: when that, or the answer, is lost too, it is never had.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "STABILITY-TRIM"},
			Cell:   overReliableIP, Under: loss,
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Again = func(int) bool { return false }
			}),
		},
		{
			Name:   "enclosed-numbers-not-compared",
			Title:  "A receiver looks at the number of the message and not at those enclosed: what was lost last is not missed.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "STABILITY-TRIM"},
			Cell:   overReliableIP, Under: loss,
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Missed = func(_, _ uint64) bool { return false }
			}),
		},
		{
			Name:   "heartbeat-without-numbers",
			Title:  "The heartbeat of a silent member says that it is alive, and not what it has, so that nothing gets stable.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "STABILITY-TRIM", "FIFO-GAPFREE"},
			Cell:   overStableIP, Under: spec.NoFaults,
			New: reliableIPWith(overStableIP, func(r *reliability.ReliableIPRules) {
				r.Tells = func(silent bool) bool { return !silent }
			}),
		},
		{
			Name:   "one-missing-number-passed-over",
			Title:  "The numbers are compared off by one: a message is delivered though the one before it has not come, and that one is then discarded.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "FIFO-GAPFREE"},
			Cell:   overReliableIP, Under: spec.SetOf(spec.LossFault, spec.ReorderFault),
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Next = func(s, r uint64) bool { return s <= r+2 }
			}),
		},
		{
			Name:   "removed-after-one-missed-heartbeat",
			Title:  "A member is taken for failed when one of its heartbeats has not come, and copies that it needs are discarded.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "FIFO-GAPFREE"},
			Cell:   overReliableIP, Under: spec.SetOf(spec.LossFault, spec.PartitionFault),
			New: with(overReliableIP, func(s *stack) { s.reliability = reliableIPWithoutPatience }),
		},
		{
			Name:   "dead-member-waited-for",
			Title:  "A crashed member is never removed, so that nothing gets stable any more, nobody delivers, and copies pile up.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "STABILITY-TRIM", "DETECTOR-COMPLETENESS"},
			Cell:   overStableIP, Under: spec.SetOf(spec.CrashFault),
			New: reliableIPWith(overStableIP, func(r *reliability.ReliableIPRules) {
				r.Patient = func(_, _ spec.Time) bool { return true }
			}),
		},
		{
			Name:   "copies-kept-for-the-dead",
			Title:  "A crashed member is never removed: what it has not acknowledged is kept for ever.",
			Breaks: []spec.ID{"STABILITY-TRIM", "DETECTOR-COMPLETENESS"},
			Cell:   overReliableIP, Under: spec.SetOf(spec.CrashFault),
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Patient = func(_, _ spec.Time) bool { return true }
			}),
		},
		{
			Name:   "removed-without-telling",
			Title:  "A member that is silent for TL is removed, and nobody tells the application, which goes on counting on it.",
			Breaks: []spec.ID{"DETECTOR-COMPLETENESS"},
			Cell:   overReliableIP, Under: spec.SetOf(spec.CrashFault),
			New: reliableIPWith(overReliableIP, func(r *reliability.ReliableIPRules) {
				r.Suspect = func(*impl.Effects, spec.NodeID) {}
			}),
		},
		{
			Name:   "delivered-before-stable",
			Title:  "A message is delivered as soon as it has come: whoever does so and crashes may have been the only one that had it.",
			Breaks: []spec.ID{"UNIFORM-AGREEMENT"},
			Cell:   overStableIP, Under: spec.SetOf(spec.CrashLossyFault),
			New: reliableIPWith(overStableIP, func(r *reliability.ReliableIPRules) {
				r.Deliver = func(r, _ uint64) uint64 { return r }
			}),
		},
	}
}

// reliableIPWith gives the constructor of a cell's stack in which rules have been changed.
func reliableIPWith(cell string, change func(*reliability.ReliableIPRules)) func(impl.Config) impl.Layer {
	return with(cell, func(s *stack) {
		s.reliability = func(cfg impl.Config) impl.Layer {
			l := reliability.NewReliableIP(cfg, cell == overStableIP)
			change(&l.Rules)
			return l
		}
	})
}

func reliableIPRepairedBySender(cfg impl.Config) impl.Layer {
	l := reliability.NewReliableIP(cfg, false)
	l.Rules.Serves = func(cfg *impl.Config, origin spec.NodeID) bool { return origin == cfg.Self }
	return l
}

func reliableIPWithoutPatience(cfg impl.Config) impl.Layer {
	l := reliability.NewReliableIP(cfg, false)
	l.Rules.Patient = func(silent, _ spec.Time) bool { return silent < spec.Time(cfg.TL/4+cfg.TS) }
	return l
}

func uniformMutants() []Mutant {
	lossy := spec.SetOf(spec.CrashLossyFault)
	return []Mutant{
		{
			Name:   "no-majority-awaited",
			Title:  "A message is delivered on its first receipt, when nobody may have it but one that crashes right after.",
			Breaks: []spec.ID{"UNIFORM-AGREEMENT", "ACKED-DELIVERED"},
			Cell:   overUniform, Under: lossy,
			New: uniformWith(func(r *reliability.UniformRules) {
				r.Enough = func(*impl.Config, *impl.NodeSet) bool { return true }
			}),
		},
		{
			Name:   "majority-counts-itself-twice",
			Title:  "A member counts itself as one that has the message, and its own relay again: of three it takes itself for a majority.",
			Breaks: []spec.ID{"UNIFORM-AGREEMENT", "ACKED-DELIVERED"},
			Cell:   overUniform, Under: lossy,
			New: uniformWith(func(r *reliability.UniformRules) {
				r.Enough = func(cfg *impl.Config, relayed *impl.NodeSet) bool { return 2*(1+relayed.Len()) > len(cfg.Members) }
			}),
		},
		{
			Name:   "majority-never-relayed",
			Title:  "Members wait for a majority to relay, and nobody relays: nothing is ever delivered.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "TAIL-RECOVERY"},
			Cell:   overUniform, Under: spec.NoFaults,
			New: uniformWith(func(r *reliability.UniformRules) {
				r.Relays = func(*impl.Config, spec.NodeID) bool { return false }
			}),
		},
	}
}

func uniformWith(change func(*reliability.UniformRules)) func(impl.Config) impl.Layer {
	return with(overUniform, func(s *stack) {
		s.reliability = func(cfg impl.Config) impl.Layer {
			u := reliability.NewUniform(cfg)
			change(&u.Rules)
			return u
		}
	})
}

func gossipMutants() []Mutant {
	return []Mutant{
		{
			Name:   "gossip-to-a-fixed-set",
			Title:  "A member tells the same few others each time, so that some are told by nobody.",
			Breaks: []spec.ID{"PROBABILISTIC-VALIDITY"},
			Cell:   overGossip, Under: spec.NoFaults,
			New: gossipWith(func(r *reliability.GossipRules) {
				r.Choose = func(*spec.Rand, []spec.NodeID, int) {}
			}),
		},
		{
			Name:   "gossip-by-the-sender-only",
			Title:  "Who hears of a message keeps it to itself, and only its sender tells it.",
			Breaks: []spec.ID{"PROBABILISTIC-VALIDITY"},
			Cell:   overGossip, Under: spec.NoFaults,
			New: gossipWith(func(r *reliability.GossipRules) {
				r.Tells = func(self, origin spec.NodeID) bool { return self == origin }
			}),
		},
	}
}

func gossipWith(change func(*reliability.GossipRules)) func(impl.Config) impl.Layer {
	return with(overGossip, func(s *stack) {
		s.reliability = func(cfg impl.Config) impl.Layer {
			g := reliability.NewGossip(cfg, few, few)
			change(&g.Rules)
			return g
		}
	})
}

func narrowIP(cfg impl.Config) impl.Layer { return reliability.NewReliableIPWindow(cfg, false, 4) }

func narrowIPThatAdvances(cfg impl.Config) impl.Layer {
	l := reliability.NewReliableIPWindow(cfg, false, 4)
	l.Rules.Room = func(n, r, _ uint64) bool { return n <= r+2 }
	l.Rules.Overrun = func(n uint64) uint64 { return n }
	gap := func(e *impl.Effect) bool { return e.Kind == impl.Gap }
	return &wrapped{layer: l, effects: func(_ impl.Input, list []impl.Effect) []impl.Effect { return without(list, gap) }}
}
