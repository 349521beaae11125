package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Fifo is O2: the messages of one sender are delivered in the order in which they were sent, without gaps (FIFO
// order, Hadzilacos & Toueg, 1994; the sequence numbers and hold-back queue of Coulouris et al., Distributed Systems).
//
//	to multicast m:           S := S+1; multicast ⟨m, S⟩
//	on receiving ⟨m, S⟩ of p:  S = R[p]+1: deliver m, R[p] := S, and what is held back behind it
//	                          S ≤ R[p]:   discard m
//	                          S > R[p]+1: hold m back
//
// The sender need not be a member. Over a level that loses messages it stalls behind the first one lost, or, made by
// [NewAnnouncingFifo], goes on after TL and says so. A message that the level withdraws, with the message in the gap that
// it announces, is passed over in its turn. Over a level with a log it goes on through restarts: each life of a sender is
// a stream of its own, and what a member is handed again has the numbers that it had.
//
// A hold-back queue reaches 65,536 numbers ahead of the first that is missing, a sender and a life of its: what is
// farther ahead is discarded with overflow. One that stalls keeps what it holds until the sender's next life is over too;
// one that announces holds nothing back for longer than TL.
type Fifo struct {
	Rules FifoRules

	cfg         impl.Config
	announces   bool // goes on behind what has not come for TL
	incarnation uint32
	sent        uint64
	streams     impl.Lives[stream]
}

// FifoRules are the rules of the hold-back queue.
type FifoRules struct {
	Rescan func(delivered int) bool                                    // whether to look for a successor after so many deliveries in this step
	Tells  func(out *impl.Effects, of spec.NodeID, first, last uint64) // tells that those are lost
}

type stream struct {
	held  impl.Ring[waitingMessage]    // from the first number not delivered on
	armed bool                         // its timer is set
	lost  struct{ first, last uint64 } // what was last announced as lost
}

// waitingMessage is held back. Without a body it is a hole.
type waitingMessage struct {
	body  []byte
	since spec.Time // when it came
	again bool      // delivered again after a recovery
	void  bool      // the level has withdrawn it
}

// NewFifo makes the layer of one node.
func NewFifo(cfg impl.Config) *Fifo {
	return &Fifo{cfg: cfg, Rules: FifoRules{
		Rescan: func(int) bool { return true },
		Tells:  (*impl.Effects).Gap,
	}}
}

// The header, behind the body: number, incarnation of the sender.
const fifoHeader = 8 + 4

// Step implements [impl.Layer].
func (f *Fifo) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		f.incarnation, f.sent, f.streams = uint32(in.Num), 0, impl.Lives[stream]{}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		f.sent++
		b := out.Extend(in.Body, fifoHeader)
		binary.LittleEndian.PutUint64(b[len(in.Body):], f.sent)
		binary.LittleEndian.PutUint32(b[len(in.Body)+8:], f.incarnation)
		out.Down(impl.Everyone, b, in.Ref).Code = in.Code
	case in.Kind == impl.Packet && in.To == impl.Everyone, in.Kind == impl.GapFound && len(in.Body) > 0:
		f.receive(in, out)
	case renews(in):
		f.change(in.View, out)
		out.Pass(in)
	case in.Kind == impl.TimerFired:
		f.giveUp(in, out)
	case in.Kind == impl.Resumed:
		resumed(in, fifoHeader, out)
	default:
		out.Pass(in)
	}
}

func (f *Fifo) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, fifoHeader)
	if !ok {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	n := binary.LittleEndian.Uint64(h)
	s := f.streams.Of(int(in.From), f.cfg.Nodes, binary.LittleEndian.Uint32(h[8:]))
	if s == nil {
		out.Note(impl.Stale, uint64(in.From), n)
		return
	}
	next := s.held.First()
	if n < next {
		out.Note(s.past(n), uint64(in.From), n)
		return
	}
	slot := s.held.Reach(n)
	if slot == nil {
		out.Note(impl.Overflow, uint64(in.From), n)
		return
	}
	if slot.body != nil {
		out.Note(impl.Duplicate, uint64(in.From), n)
		return
	}
	*slot = waitingMessage{notNil(body), in.Now, in.Flag, in.Kind == impl.GapFound}
	if n != next {
		out.Note(impl.HeldBack, uint64(in.From), n)
		f.watch(s, timerOf(in.From, binary.LittleEndian.Uint32(h[8:])), in.Now+spec.Time(f.cfg.TL), out)
		return
	}
	f.deliver(s, in.From, out)
}

// deliver delivers the first, and what is held back behind it.
func (f *Fifo) deliver(s *stream, from spec.NodeID, out *impl.Effects) {
	for k := 0; k == 0 || f.Rules.Rescan(k); k++ {
		slot := s.held.At(s.held.First())
		if slot == nil || slot.body == nil {
			return
		}
		m := *slot
		*slot = waitingMessage{}
		s.held.Drop()
		handUp(from, m.body, m.again, m.void, out)
	}
}

// handUp delivers a message in its turn, or says there that it is withdrawn.
func handUp(from spec.NodeID, body []byte, again, void bool, out *impl.Effects) {
	if void {
		out.Add(impl.Effect{Kind: impl.Gap, From: from, Body: body})
		return
	}
	out.UpAgain(from, impl.Everyone, body, again)
}

// resumed tells the layer above which of its messages are under way from an earlier life, without this layer's header.
func resumed(in impl.Input, header int, out *impl.Effects) {
	if !in.Flag {
		body, _, ok := impl.Cut(in.Body, header)
		if !ok {
			return
		}
		in.Body = body
	}
	out.Pass(in)
}

var empty = make([]byte, 0, 1)

// notNil gives an empty body that is not a hole.
func notNil(b []byte) []byte {
	if b == nil {
		return empty
	}
	return b
}
