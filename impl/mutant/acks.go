package mutant

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
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
		{
			Name:   "cumulative-acks-each-message-too",
			Title:  "A receiver acknowledges each message at once, and then all of them together: what puts acknowledgements off to save packets costs more of them.",
			Breaks: []spec.ID{"COST-PACKETS", "COST-ACKS"},
			Cell:   cumulativeAcks, Under: spec.NoFaults,
			New: with(cumulativeAcks, func(s *stack) { s.reliability = cumulativeAndEach }),
		},
		{
			// Nobody looks at a second acknowledgement, so that nothing else breaks.
			Name:   "channel-acknowledges-twice",
			Title:  "The channel sends every acknowledgement twice, in case one of the two is lost, which a repetition of the packet would make up for.",
			Breaks: []spec.ID{"COST-ACKS"},
			Cell:   overReliable, Under: spec.NoFaults,
			New: with(overReliable, func(s *stack) { s.channel = channelOfTwoAcks }),
		},
		{
			Name:   "nack-acknowledges-too",
			Title:  "The receivers of a protocol of negative acknowledgements also acknowledge what has come: the sender drops that unread, and drowns in it all the same.",
			Breaks: []spec.ID{"COST-ACKS"},
			Cell:   overNack, Under: spec.NoFaults,
			New: with(overNack, func(s *stack) { s.reliability = nackThatAcknowledges }),
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

// cumulativeAndEach puts an acknowledgement off, and sends it too.
func cumulativeAndEach(cfg impl.Config) impl.Layer {
	b := reliability.NewBestEffortAck(cfg, reliability.Cumulative)
	var upTo uint64 // in this step
	b.Rules.Fresh = func(w *impl.Window, n uint64) impl.Fate {
		fate := w.Add(n)
		upTo = w.First() - 1
		return fate
	}
	return &talkative{b, func(h *impl.Numbered) bool {
		says := h.Kind == bestEffortData
		h.N, h.Kind = upTo, bestEffortUpTo
		return says
	}}
}

// The kinds of packets of best effort that are to the group: a message, and a cumulative acknowledgement.
const (
	bestEffortData = 1
	bestEffortUpTo = 5
)

func channelOfTwoAcks(cfg impl.Config) impl.Layer {
	return &wrapped{layer: transport.NewChannel(cfg), effects: func(_ impl.Input, list []impl.Effect) []impl.Effect {
		if len(list) > 0 && list[0].Kind == impl.Down && list[0].Code == impl.BareAck {
			return append(list[:1:1], list...)
		}
		return list
	}}
}

func nackThatAcknowledges(cfg impl.Config) impl.Layer {
	return &talkative{reliability.NewNack(cfg), func(h *impl.Numbered) bool {
		says := h.Kind == nackData
		h.Kind = nackPlus
		return says
	}}
}

// talkative is a layer that acknowledges what it should not: ack makes the header of a packet that came that of its
// acknowledgement, and says whether there is one.
type talkative struct {
	impl.Layer
	ack func(h *impl.Numbered) bool
}

// Step implements [impl.Layer].
func (t *talkative) Step(in impl.Input, out *impl.Effects) {
	first := len(out.List)
	t.Layer.Step(in, out)
	if in.Kind != impl.Packet {
		return
	}
	if _, h, wrong := impl.CutNumbered(in.Body); wrong == impl.NoCode && t.ack(&h) {
		out.Down(in.From, impl.AppendNumbered(out, nil, h), 0).Code = impl.BareAck
		last := len(out.List) - 1
		ack := out.List[last]
		copy(out.List[first+1:], out.List[first:last])
		out.List[first] = ack
	}
}

// Kinds of packets of nack: a message to the group, and one that it does not know.
const (
	nackData = 1
	nackPlus = 9
)

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
