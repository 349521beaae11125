package mutant

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// ackMutants are best-effort multicasts that acknowledge too much, or too little.
func ackMutants() []Mutant {
	broken := []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"}
	return []Mutant{
		{
			Name:   "cumulative-ack-off-by-one",
			Title:  "A cumulative acknowledgement names the number that is expected next instead of the last one that has come, and if that one is lost it never comes again.",
			Breaks: broken,
			Cell:   cumulativeAcks, Under: spec.SetOf(spec.LossFault),
			New: with(cumulativeAcks, func(s *stack) { s.reliability = cumulativeOffByOne }),
		},
		{
			Name:   "freed-at-the-first-ack",
			Title:  "The sender lets go of a message when the first acknowledgement of it comes, be it its own, and takes it for delivered.",
			Breaks: broken,
			Cell:   overBestEffort, Under: spec.SetOf(spec.LossFault),
			New: with(overBestEffort, func(s *stack) { s.reliability = bestEffortOfOneAck }),
		},
		{
			// The repetitions bring every message to everybody until the sender takes them for failed, after TL: all that
			// breaks is what a message may cost, which the history has to declare.
			Name:   "piggyback-lost-when-silent",
			Title:  "An acknowledgement that finds nothing to ride on within TS/4 is dropped: those who say nothing are sent everything again for TL, and are then taken for failed.",
			Breaks: []spec.ID{"COST-PACKETS"},
			Cell:   piggybackAcks, Under: spec.NoFaults,
			New: with(piggybackAcks, func(s *stack) { s.reliability = piggybackOnly }),
		},
	}
}

func cumulativeOffByOne(cfg impl.Config) impl.Layer {
	b := reliability.NewBestEffortAck(cfg, reliability.Cumulative)
	b.Rules.UpTo = (*impl.Window).First
	return b
}

func bestEffortOfOneAck(cfg impl.Config) impl.Layer {
	b := reliability.NewBestEffort(cfg)
	b.Rules.Credit = func(o *impl.Outbox, n uint64, _ spec.NodeID) (impl.Ref, bool) { return o.Drop(n) }
	return b
}

func piggybackOnly(cfg impl.Config) impl.Layer {
	b := reliability.NewBestEffortAck(cfg, reliability.Piggyback)
	b.Rules.Bare = func() bool { return false }
	return b
}

// nackMutants are receivers that do not ask for what they miss, and senders that do not tell or send it.
func nackMutants() []Mutant {
	lost := []spec.ID{"CHANNEL-VALIDITY", "VALIDITY", "AGREEMENT", "TAIL-RECOVERY"}
	mutant := func(name, title string, wrong func(impl.Config) impl.Layer) Mutant {
		return Mutant{Name: name, Title: title, Breaks: lost, Cell: overNack, Under: spec.SetOf(spec.LossFault, spec.PartitionFault), OneToOne: true,
			New: with(overNack, func(s *stack) { s.reliability = wrong })}
	}
	return []Mutant{
		mutant("nack-without-heartbeat",
			"The sender does not tell how many messages there are, so that the last one before a silence can be lost and nobody misses it.",
			nackWithoutHeartbeat),
		mutant("nack-timer-not-rearmed",
			"A receiver asks once, and does not set its timer again: when the nack is lost, or what it brings, the gap stays.",
			nackOnce),
		mutant("nack-suppressed-by-anothers-gap",
			"A nack is known by whom it goes to and not by what it asks for, so that the one for the next gap is taken for a repetition and is not sent.",
			nackOfOneGap),
		mutant("last-of-a-range-not-requested",
			"A nack asks for what lies before the last number of a gap, and a gap of one message is not asked for at all.",
			nackWithoutTheLast),
		mutant("retransmission-off-by-one",
			"The sender counts what it has kept from 0 and what it is asked for from 1, and sends the message behind the one that is missing.",
			nackOffByOne),
	}
}

func nackWithoutHeartbeat(cfg impl.Config) impl.Layer {
	l := reliability.NewNack(cfg)
	l.Rules.Beats = func(time.Duration) bool { return false }
	return l
}

// nackOnce takes the timer away that a layer sets when it asks; its heartbeats have lower numbers.
func nackOnce(cfg impl.Config) impl.Layer {
	return &wrapped{layer: reliability.NewNack(cfg), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		if in.Kind != impl.TimerFired || in.Num <= uint64(cfg.Nodes) {
			return list
		}
		return without(list, func(e *impl.Effect) bool { return e.Kind == impl.SetTimer })
	}}
}

// The kinds of nacks, for what was sent to the group and for what was sent to the receiver alone.
const (
	groupNack = 2
	peerNack  = 5
)

// nackOfOneGap lets through the first nack to each sender, and what repeats it.
func nackOfOneGap(cfg impl.Config) impl.Layer {
	asked := map[spec.NodeID][2]uint64{}
	other := func(e *impl.Effect) bool {
		if e.Kind != impl.Down {
			return false
		}
		_, h, _ := impl.CutNumbered(e.Body)
		if h.Kind != groupNack && h.Kind != peerNack {
			return false
		}
		gap := [2]uint64{uint64(h.Kind), h.N}
		if _, any := asked[e.To]; !any {
			asked[e.To] = gap
		}
		return asked[e.To] != gap
	}
	return &wrapped{layer: reliability.NewNack(cfg), effects: func(_ impl.Input, list []impl.Effect) []impl.Effect {
		return without(list, other)
	}}
}

func nackWithoutTheLast(cfg impl.Config) impl.Layer {
	l := reliability.NewNack(cfg)
	l.Rules.Asks = func(first, last uint64) (uint64, uint64) { return first, last - 1 }
	return l
}

func nackOffByOne(cfg impl.Config) impl.Layer {
	l := reliability.NewNack(cfg)
	l.Rules.Resends = func(first, last uint64) (uint64, uint64) { return first + 1, last + 1 }
	return l
}
