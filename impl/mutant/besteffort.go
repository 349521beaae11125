package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

func bestEffortMutants() []Mutant {
	return []Mutant{
		{
			Name:   "gives-up-after-one-try",
			Title:  "The sender sends again once, and then takes the message for delivered, whoever has not acknowledged it.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY"},
			Cell:   overBestEffort, Under: spec.SetOf(spec.LossFault, spec.PartitionFault),
			New: with(overBestEffort, func(s *stack) { s.reliability = bestEffortOfOneTry }),
		},
		{
			Name:   "removed-after-ts",
			Title:  "A member is taken for failed when it has been silent for TS instead of TL: one lost packet, and it is sent nothing again.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   overBestEffort, Under: spec.SetOf(spec.LossFault, spec.PauseFault),
			New: with(overBestEffort, func(s *stack) { s.reliability = bestEffortWithoutPatience }),
		},
		{
			Name:   "acks-counted-per-packet",
			Title:  "The sender counts acknowledgements and not who they come from, so that one that comes twice stands for a member that has nothing.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   overBestEffort, Under: spec.SetOf(spec.LossFault, spec.DuplicateFault),
			New: with(overBestEffort, func(s *stack) { s.reliability = bestEffortThatCounts }),
		},
		{
			Name:   "ack-on-send",
			Title:  "A send is acknowledged to the application when its packets have been handed down, though they and the sender may be lost.",
			Breaks: []spec.ID{"ACKED-DELIVERED"},
			Cell:   overBestEffort, Under: spec.SetOf(spec.CrashLossyFault),
			New: with(overBestEffort, func(s *stack) { s.reliability = bestEffortAckedOnSend }),
		},
		{
			Name:   "answer-written-over-the-packet",
			Title:  "A receiver makes its acknowledgement of the packet itself, whose bytes the sender and other receivers still use.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED", "COST-PACKETS"},
			Cell:   overBestEffort, Under: spec.NoFaults,
			New: with(overBestEffort, func(s *stack) { s.reliability = bestEffortInPlace }),
		},
	}
}

func bestEffortOfOneTry(cfg impl.Config) impl.Layer {
	b := reliability.NewBestEffort(cfg)
	b.Rules.Again = func(int) bool { return false }
	return b
}

func bestEffortWithoutPatience(cfg impl.Config) impl.Layer {
	b := reliability.NewBestEffort(cfg)
	b.Rules.Patient = func(silent, _ spec.Time) bool { return silent < spec.Time(cfg.TS) }
	return b
}

// groupAck is the kind of best-effort's acknowledgements of what was sent to the group.
const groupAck = 2

// bestEffortThatCounts credits the k-th acknowledgement of a message to the k-th member: when as many have come as
// there are members, nobody is waited for.
func bestEffortThatCounts(cfg impl.Config) impl.Layer {
	count := map[uint64]int{}
	return &wrapped{layer: reliability.NewBestEffort(cfg), input: func(in impl.Input) impl.Input {
		if in.Kind != impl.Packet {
			return in
		}
		if _, h, bad := impl.CutNumbered(in.Body); bad == impl.NoCode && h.Kind == groupAck && count[h.N] < len(cfg.Members) {
			in.From = cfg.Members[count[h.N]]
			count[h.N]++
		}
		return in
	}}
}

func bestEffortAckedOnSend(cfg impl.Config) impl.Layer {
	return ackedWhenSent(reliability.NewBestEffort(cfg))
}

// bestEffortInPlace turns a packet around: the header of the acknowledgement goes where that of the message was.
func bestEffortInPlace(cfg impl.Config) impl.Layer {
	return &wrapped{layer: reliability.NewBestEffort(cfg), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		if in.Kind != impl.Packet || len(list) == 0 || list[0].Kind != impl.Down {
			return list
		}
		ack := list[0].Body
		copy(in.Body[len(in.Body)-len(ack):], ack)
		impl.Checksum(in.Body)
		list[0].Body = in.Body
		return list
	}}
}
