package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

func causalMutants() []Mutant {
	return []Mutant{
		{
			Name:   "only-the-senders-entry-checked",
			Title:  "A message is delivered when it is its sender's next, whatever else happened before it.",
			Breaks: []spec.ID{"LOCAL-ORDER", "CAUSAL-ORDER"},
			Cell:   causalOverReliable, Under: spec.NoFaults,
			New: with(causalOverReliable, func(s *stack) { s.ordering = causalOfTheSender }),
		},
		{
			Name:   "one-missing-cause-tolerated",
			Title:  "The vectors are compared off by one: a message is delivered though one of each other sender is missing before it.",
			Breaks: []spec.ID{"LOCAL-ORDER", "CAUSAL-ORDER"},
			Cell:   causalOverReliable, Under: spec.NoFaults,
			New: with(causalOverReliable, func(s *stack) { s.ordering = causalOffByOne }),
		},
		{
			Name:  "joined-on-receive",
			Title: "The vector is joined when a message is received instead of delivered, so that it never waits, and its causes are taken for old.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "ACKED-DELIVERED",
				"FIFO-GAPFREE", "LOCAL-ORDER"},
			Cell: causalOverReliable, Under: spec.NoFaults,
			New: with(causalOverReliable, func(s *stack) { s.ordering = causalJoinedOnReceive }),
		},
		{
			Name:   "vector-copied-not-joined",
			Title:  "On a delivery the vector of the message replaces the own one instead of being joined with it, and what the sender had not seen is forgotten.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "LOCAL-ORDER", "CAUSAL-ORDER"},
			Cell:   causalOverReliable, Under: spec.NoFaults,
			New: with(causalOverReliable, func(s *stack) { s.ordering = causalCopied }),
		},
		{
			Name:  "own-sends-counted-on-delivery",
			Title: "A sender counts its message when it delivers it, so that two that it sends before that have the same stamp.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "ACKED-DELIVERED",
				"FIFO-GAPFREE", "LOCAL-ORDER"},
			Cell: causalOverReliable, Under: spec.NoFaults,
			New: with(causalOverReliable, func(s *stack) { s.ordering = causalCountsLate }),
		},
		{
			Name:   "own-entry-incremented-on-receive",
			Title:  "A receipt counts as an event of the receiver, as in the clocks of Mattern, and not its sends alone: the others wait for messages that were never sent.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED"},
			Cell:   causalOverReliable, Under: spec.NoFaults,
			New: with(causalOverReliable, func(s *stack) { s.ordering = causalCountsReceipts }),
		},
		{
			Name:  "vector-not-rebuilt-after-restart",
			Title: "What is delivered again after a restart is not counted in the vector, so that all that comes later seems to come too early.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "DURABILITY",
				"LOG-PREFIX", "FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE"},
			Cell: causalOverDurable, Under: spec.SetOf(spec.CrashFault, spec.RecoverFault),
			New: with(causalOverDurable, func(s *stack) { s.ordering = causalNotRebuilt }),
		},
		{
			Name:  "stamp-reused-after-restart",
			Title: "A member that is back forgets those of its messages that are still under way, and gives their numbers to new ones, which are taken for duplicates.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "NO-SILENT-GAP", "ACKED-DELIVERED", "DURABILITY", "LOG-PREFIX",
				"FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE"},
			Cell: causalOverDurable, Under: spec.SetOf(spec.CrashFault, spec.RecoverFault),
			New: with(causalOverDurable, func(s *stack) { s.ordering = causalReusesNumbers }),
		},
	}
}

// causalReplayed is causal order through restarts.
func causalReplayed(cfg impl.Config) impl.Layer {
	c := ordering.NewCausal(cfg)
	c.Replayed = true
	return c
}

func causalNotRebuilt(cfg impl.Config) impl.Layer {
	back := false // until something new is delivered
	c := ordering.NewCausal(cfg)
	c.Replayed = true
	delivered := c.Rules.Delivered
	c.Rules.Delivered = func(stamp ordering.Stamp, mine []uint32, sender int) {
		if !back {
			delivered(stamp, mine, sender)
		}
	}
	deliverable := c.Rules.Deliverable
	c.Rules.Deliverable = func(stamp ordering.Stamp, mine []uint32, sender int) bool {
		return back || deliverable(stamp, mine, sender)
	}
	return &before{layer: c, see: func(in impl.Input) { back = in.Kind == impl.Packet && in.Flag }}
}

// before sees what comes in before its layer does.
type before struct {
	layer impl.Layer
	see   func(impl.Input)
}

// Step implements [impl.Layer].
func (b *before) Step(in impl.Input, out *impl.Effects) {
	b.see(in)
	b.layer.Step(in, out)
}

func causalReusesNumbers(cfg impl.Config) impl.Layer {
	c := ordering.NewCausal(cfg)
	c.Replayed = true
	c.Rules.Again = func(_ ordering.Stamp, _ int, sent uint32) uint32 { return sent }
	return c
}

func causalOfTheSender(cfg impl.Config) impl.Layer {
	c := ordering.NewCausal(cfg)
	c.Rules.Deliverable = func(stamp ordering.Stamp, mine []uint32, sender int) bool {
		return stamp.At(sender) == mine[sender]+1
	}
	return c
}

func causalOffByOne(cfg impl.Config) impl.Layer {
	c := ordering.NewCausal(cfg)
	c.Rules.Deliverable = func(stamp ordering.Stamp, mine []uint32, sender int) bool {
		for k := range mine {
			if k != sender && stamp.At(k) > mine[k]+1 {
				return false
			}
		}
		return stamp.At(sender) == mine[sender]+1
	}
	return c
}

func causalJoinedOnReceive(cfg impl.Config) impl.Layer {
	c := ordering.NewCausal(cfg)
	c.Rules.Received = func(stamp ordering.Stamp, mine []uint32, sender int) {
		for k := range mine {
			if k != sender {
				mine[k] = max(mine[k], stamp.At(k))
			}
		}
	}
	return c
}

func causalCopied(cfg impl.Config) impl.Layer {
	c := ordering.NewCausal(cfg)
	c.Rules.Delivered = func(stamp ordering.Stamp, mine []uint32, _ int) {
		for k := range mine {
			mine[k] = stamp.At(k)
		}
	}
	return c
}

func causalCountsLate(cfg impl.Config) impl.Layer {
	delivered := uint32(0) // of my own
	c := ordering.NewCausal(cfg)
	c.Rules.Own = func(uint32) uint32 { return delivered + 1 }
	return &wrapped{layer: c, effects: func(_ impl.Input, list []impl.Effect) []impl.Effect {
		for i := range list {
			if e := &list[i]; e.Kind == impl.Up && e.To == impl.Everyone && e.From == cfg.Self {
				delivered++
			}
		}
		return list
	}}
}

func causalCountsReceipts(cfg impl.Config) impl.Layer {
	received := uint32(0)
	c := ordering.NewCausal(cfg)
	c.Rules.Received = func(ordering.Stamp, []uint32, int) { received++ }
	c.Rules.Own = func(sent uint32) uint32 { return sent + received }
	return c
}
