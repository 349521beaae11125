package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func channelMutants() []Mutant {
	return []Mutant{
		{
			Name:   "no-dedup-on-retransmission",
			Title:  "The channel takes every packet for a new one, so that what is sent again after a lost acknowledgement is delivered again.",
			Breaks: []spec.ID{"NO-DUPLICATION", "CHANNEL-INTEGRITY"},
			Cell:   overChannel, Under: spec.SetOf(spec.LossFault), OneToOne: true,
			New: with(overChannel, func(s *stack) { s.channel = channelWithoutDedup }),
		},
		{
			Name:   "dedup-cache-with-expiry",
			Title:  "The channel forgets what it has seen after twice TS, and delivers again what is sent again later than that.",
			Breaks: []spec.ID{"NO-DUPLICATION", "CHANNEL-INTEGRITY"},
			Cell:   overChannel, Under: spec.SetOf(spec.LossFault, spec.PartitionFault), OneToOne: true,
			New: with(overChannel, func(s *stack) { s.channel = channelThatForgets }),
		},
		{
			Name:   "timer-not-rearmed",
			Title:  "The channel sends again once, and does not set its timer again: what is lost twice is lost.",
			Breaks: []spec.ID{"CHANNEL-VALIDITY", "VALIDITY", "AGREEMENT"},
			Cell:   overChannel, Under: spec.SetOf(spec.LossFault, spec.PartitionFault), OneToOne: true,
			New: with(overChannel, func(s *stack) { s.channel = channelWithOneTimer }),
		},
		{
			Name:   "acks-taken-as-cumulative",
			Title:  "The sender takes an acknowledgement for one of all that went before, and never sends again what was lost before it.",
			Breaks: []spec.ID{"CHANNEL-VALIDITY", "VALIDITY", "AGREEMENT"},
			Cell:   overChannel, Under: spec.SetOf(spec.LossFault), OneToOne: true,
			New: with(overChannel, func(s *stack) { s.channel = channelWithCumulativeAcks }),
		},
		{
			Name:  "checksum-ignored",
			Title: "The channel does not look at the checksum, and takes changed bytes for a message, or for an acknowledgement.",
			Breaks: []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY",
				"CHANNEL-VALIDITY", "CHANNEL-INTEGRITY", "VALIDITY", "AGREEMENT"},
			Cell: overChannel, Under: spec.SetOf(spec.CorruptFault), OneToOne: true,
			New: with(overChannel, func(s *stack) { s.channel = channelWithoutChecksum }),
		},
	}
}

func channelWithoutDedup(cfg impl.Config) impl.Layer {
	c := transport.NewChannel(cfg)
	c.Rules.Fresh = func(*impl.Window, uint64) impl.Fate { return impl.New }
	return c
}

// channelThatForgets drops a number from its memory when it has been there for twice TS.
func channelThatForgets(cfg impl.Config) impl.Layer {
	type key struct {
		stream *impl.Window
		n      uint64
	}
	var now spec.Time
	since := map[key]spec.Time{}
	c := transport.NewChannel(cfg)
	c.Rules.Fresh = func(w *impl.Window, n uint64) impl.Fate {
		t, any := since[key{w, n}]
		if any && now-t < 2*spec.Time(cfg.TS) {
			return impl.Seen
		}
		since[key{w, n}] = now
		return impl.New
	}
	return &wrapped{layer: c, input: func(in impl.Input) impl.Input {
		now = in.Now
		return in
	}}
}

func channelWithOneTimer(cfg impl.Config) impl.Layer {
	return &wrapped{layer: transport.NewChannel(cfg), effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
		if in.Kind != impl.TimerFired {
			return list
		}
		return without(list, func(e *impl.Effect) bool { return e.Kind == impl.SetTimer })
	}}
}

// channelAck is the kind of the channel's acknowledgements.
const channelAck = 2

// cumulative is a channel that is shown, with each acknowledgement, those of all earlier numbers.
type cumulative struct {
	impl.Layer
}

func channelWithCumulativeAcks(cfg impl.Config) impl.Layer {
	return cumulative{transport.NewChannel(cfg)}
}

// Step implements [impl.Layer].
func (c cumulative) Step(in impl.Input, out *impl.Effects) {
	c.Layer.Step(in, out)
	if in.Kind != impl.Packet {
		return
	}
	_, h, bad := impl.CutNumbered(in.Body)
	if bad != impl.NoCode || h.Kind != channelAck {
		return
	}
	for h.N--; h.N > 0; h.N-- {
		in.Body = impl.AppendNumbered(out, nil, h)
		c.Layer.Step(in, out)
	}
}

func channelWithoutChecksum(cfg impl.Config) impl.Layer {
	return &wrapped{layer: transport.NewChannel(cfg), input: func(in impl.Input) impl.Input {
		if in.Kind == impl.Packet && len(in.Body) >= 4 {
			in.Body = append([]byte(nil), in.Body...) // receivers share bytes
			impl.Checksum(in.Body)
		}
		return in
	}}
}
