package mutant

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

func fifoMutants() []Mutant {
	stalled := []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"} // nothing wrong is delivered
	return []Mutant{
		{
			Name:   "order-left-to-the-channel",
			Title:  "The channel is taken for one that keeps the order of a sender's messages, and they are delivered as they come.",
			Breaks: []spec.ID{"NO-SILENT-GAP", "FIFO-ORDER"},
			Cell:   fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = unordered }),
		},
		{
			Name:  "hold-back-off-by-one",
			Title: "A message is held back only if two are missing before it; the one that it overtakes is then discarded as old.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "ACKED-DELIVERED",
				"FIFO-GAPFREE"},
			Cell: fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoOffByOne }),
		},
		{
			Name:   "hold-back-with-one-place",
			Title:  "The hold-back queue has one place and drops what finds no room, though it has been acknowledged and never comes again.",
			Breaks: stalled,
			Cell:   fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoWithOnePlace }),
		},
		{
			Name:   "no-rescan",
			Title:  "Nobody looks into the hold-back queue after a delivery, so that what is held back stays there.",
			Breaks: stalled,
			Cell:   fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoThatRescans(0) }),
		},
		{
			Name:   "rescan-one-step-only",
			Title:  "After a delivery one message is taken from the hold-back queue, and the next one behind it stays there.",
			Breaks: stalled,
			Cell:   fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoThatRescans(1) }),
		},
		{
			Name:  "receive-buffer-reused",
			Title: "What is held back still lies in the buffer that the next packet is received into, and is overwritten.",
			Breaks: []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY",
				"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "ACKED-DELIVERED", "FIFO-ORDER",
				"FIFO-GAPFREE"},
			Cell: fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoInOneBuffer }),
		},
		{
			Name:   "maximum-kept-despite-gaps",
			Title:  "A receiver keeps the largest number that has come of a sender, and takes what comes later with a smaller one for a duplicate.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "NO-SILENT-GAP", "ACKED-DELIVERED", "FIFO-GAPFREE"},
			Cell:   fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoOfTheMaximum }),
		},
		{
			Name:   "sequence-wrap-compared-with-less",
			Title:  "Numbers have a byte and begin just before it wraps, and are compared with <: what comes behind the wrap is taken for old.",
			Breaks: stalled,
			Cell:   fifoOverReliable, Under: spec.NoFaults,
			New: with(fifoOverReliable, func(s *stack) { s.ordering = fifoThatWraps }),
		},
		{
			Name:   "gap-passed-over-in-silence",
			Title:  "What has not come for TL is passed over, and the application not told that it is lost.",
			Breaks: []spec.ID{"NO-SILENT-GAP"},
			Cell:   fifoOverLoss, Under: spec.SetOf(spec.LossFault),
			New: with(fifoOverLoss, func(s *stack) { s.ordering = fifoThatTells(false) }),
		},
	}
}

func fifoThatTells(tells bool) maker {
	return func(cfg impl.Config) impl.Layer {
		f := ordering.NewAnnouncingFifo(cfg)
		if !tells {
			f.Rules.Tells = func(*impl.Effects, spec.NodeID, uint64, uint64) {}
		}
		return f
	}
}

func fifoThatRescans(steps int) maker {
	return func(cfg impl.Config) impl.Layer {
		f := ordering.NewFifo(cfg)
		f.Rules.Rescan = func(delivered int) bool { return delivered <= steps }
		return f
	}
}

// bufferLen is the length of a receive buffer, as that of UDP.
const bufferLen = 64 << 10

func fifoInOneBuffer(cfg impl.Config) impl.Layer {
	buffer := make([]byte, 0, bufferLen)
	return &wrapped{layer: ordering.NewFifo(cfg), input: func(in impl.Input) impl.Input {
		if toGroup(in, impl.Packet) {
			in.Body = append(buffer, in.Body...)
		}
		return in
	}}
}

func fifoOffByOne(cfg impl.Config) impl.Layer {
	return &holdBack{cfg: cfg, place: bufferLen, ready: func(n, delivered uint64) bool { return n <= delivered+2 }}
}

func fifoWithOnePlace(cfg impl.Config) impl.Layer {
	return &holdBack{cfg: cfg, place: 1, ready: func(n, delivered uint64) bool { return n == delivered+1 }}
}

func fifoOfTheMaximum(cfg impl.Config) impl.Layer {
	return &holdBack{cfg: cfg, place: bufferLen, ready: func(_, _ uint64) bool { return true }}
}

func fifoThatWraps(cfg impl.Config) impl.Layer {
	return &holdBack{cfg: cfg, place: bufferLen, begin: 254, ready: func(n, delivered uint64) bool { return n == delivered+1 }}
}

// holdBack is FIFO order with a plain list for what is held back.
type holdBack struct {
	cfg   impl.Config
	ready func(n, delivered uint64) bool // whether number n may be delivered after that one
	place int                            // how many messages of one sender can be held back
	begin uint64                         // if not 0, numbers go on from this one, and have a byte

	sent    uint64
	streams []sequence // by sender
}

type sequence struct {
	delivered uint64
	held      []heldBack
}

type heldBack struct {
	n    uint64
	body []byte
}

// Step implements [impl.Layer].
func (f *holdBack) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		f.sent, f.streams = f.begin, make([]sequence, f.cfg.Nodes)
		for i := range f.streams {
			f.streams[i].delivered = f.begin
		}
	case toGroup(in, impl.Send):
		if f.sent++; f.begin != 0 {
			f.sent %= 256
		}
		b := out.Extend(in.Body, 8)
		binary.LittleEndian.PutUint64(b[len(in.Body):], f.sent)
		out.Down(impl.Everyone, b, in.Ref)
	case toGroup(in, impl.Packet):
		f.receive(in, out)
	default:
		out.Pass(in)
	}
}

func (f *holdBack) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 8)
	if !ok {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	s, n := &f.streams[in.From], binary.LittleEndian.Uint64(h)
	switch {
	case n <= s.delivered:
		out.Note(impl.Duplicate, uint64(in.From), n)
		return
	case !f.ready(n, s.delivered) && len(s.held) == f.place:
		out.Note(impl.Overflow, uint64(in.From), n)
		return
	}
	s.held = append(s.held, heldBack{n, body})
	for f.deliverOne(s, in.From, out) {
	}
}

// deliverOne delivers what may be delivered of what is held back, lowest number first.
func (f *holdBack) deliverOne(s *sequence, from spec.NodeID, out *impl.Effects) bool {
	first := -1
	for i := range s.held {
		if first < 0 || s.held[i].n < s.held[first].n {
			first = i
		}
	}
	if first < 0 || !f.ready(s.held[first].n, s.delivered) {
		return false
	}
	out.Up(from, impl.Everyone, s.held[first].body)
	s.delivered = s.held[first].n
	s.held = append(s.held[:first], s.held[first+1:]...)
	return true
}
