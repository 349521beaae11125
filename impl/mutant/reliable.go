package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

func reliableMutants() []Mutant {
	crash := spec.SetOf(spec.CrashFault)
	return []Mutant{
		{
			Name:   "no-relay",
			Title:  "Nobody relays, so that a sender that crashes half way leaves its message with some.",
			Breaks: []spec.ID{"AGREEMENT"},
			Cell:   overReliable, Under: crash,
			New: with(overReliable, func(s *stack) { s.reliability = reliableWithoutRelay }),
		},
		{
			Name:   "relay-after-delivering",
			Title:  "A message is delivered at once and relayed at the next tick, so that one who crashes in between has delivered what nobody else gets.",
			Breaks: []spec.ID{"UNIFORM-AGREEMENT"},
			Cell:   overReliable, Under: crash,
			New: with(overReliable, func(s *stack) { s.reliability = reliableDeliversFirst }),
		},
		{
			Name:   "relay-by-the-successor-only",
			Title:  "Only the member behind the sender relays, to save packets: if the sender crashes before that one's copy, nobody does.",
			Breaks: []spec.ID{"AGREEMENT"},
			Cell:   overReliable, Under: crash,
			New: with(overReliable, func(s *stack) { s.reliability = reliableBySuccessor }),
		},
		{
			Name:   "relay-taken-for-sender",
			Title:  "The application is told the node that the packet came from, which may only have relayed it.",
			Breaks: []spec.ID{"SENDER-INTEGRITY"},
			Cell:   overReliable, Under: spec.NoFaults,
			New: with(overReliable, func(s *stack) { s.reliability = reliableNamesTheRelay }),
		},
		{
			Name:   "dedup-key-without-sender",
			Title:  "Duplicates are known by number alone, so that the second sender's first message is taken for the first one's.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   overReliable, Under: spec.NoFaults,
			New: with(overReliable, func(s *stack) { s.reliability = reliableByNumber }),
		},
		{
			Name:   "dedup-by-payload",
			Title:  "Duplicates are known by their content, so that a message that says the same as an earlier one is lost.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   overReliable, Under: spec.NoFaults,
			New: with(overReliable, func(s *stack) { s.reliability = reliableByPayload }),
		},
		{
			Name:   "sender-delivers-before-sending",
			Title:  "The sender delivers its message before it hands the copies down, and may crash in between.",
			Breaks: []spec.ID{"UNIFORM-AGREEMENT"},
			Cell:   overReliable, Under: crash,
			New: with(overReliable, func(s *stack) { s.reliability = reliableDeliversOwn }),
		},
	}
}

func reliableWithoutRelay(cfg impl.Config) impl.Layer {
	r := reliability.NewReliable(cfg)
	r.Rules.Relays = func(*impl.Config, int) bool { return false }
	return r
}

func reliableBySuccessor(cfg impl.Config) impl.Layer {
	r := reliability.NewReliable(cfg)
	r.Rules.Relays = func(cfg *impl.Config, origin int) bool {
		successor := (cfg.Index(spec.NodeID(origin)) + 1) % len(cfg.Members)
		return cfg.Members[successor] == cfg.Self
	}
	return r
}

func reliableDeliversFirst(cfg impl.Config) impl.Layer {
	return &late{Layer: reliability.NewReliable(cfg), by: cfg.TS,
		in: func(in impl.Input) bool { return toGroup(in, impl.Packet) }}
}

func reliableNamesTheRelay(cfg impl.Config) impl.Layer {
	return &wrapped{layer: reliability.NewReliable(cfg), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		for i := range list {
			if list[i].Kind == impl.Up {
				list[i].From = in.From
			}
		}
		return list
	}}
}

func reliableByNumber(cfg impl.Config) impl.Layer {
	var all impl.Window
	r := reliability.NewReliable(cfg)
	r.Rules.Fresh = func(_ *impl.Window, n uint64) impl.Fate { return all.Add(n) }
	return r
}

func reliableByPayload(cfg impl.Config) impl.Layer {
	seen := map[string]bool{}
	again := func(e *impl.Effect) bool {
		if e.Kind != impl.Up || e.To != impl.Everyone {
			return false
		}
		body, _, _ := impl.Open(e.Body)
		was := seen[string(body)]
		seen[string(body)] = true
		return was
	}
	return &wrapped{layer: reliability.NewReliable(cfg), effects: func(_ impl.Input, list []impl.Effect) []impl.Effect {
		return without(list, again)
	}}
}

func reliableDeliversOwn(cfg impl.Config) impl.Layer {
	own := func(e *impl.Effect) bool { return e.Kind == impl.Up && e.To == impl.Everyone && e.From == cfg.Self }
	delivers := &wrapped{layer: reliability.NewReliable(cfg), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		if toGroup(in, impl.Send) {
			return append(list, impl.Effect{Kind: impl.Up, From: cfg.Self, To: impl.Everyone, Body: in.Body})
		}
		return without(list, own) // the copy from the transport
	}}
	return &late{Layer: delivers, in: func(in impl.Input) bool { return toGroup(in, impl.Send) }}
}
