package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
)

// Fifo is O2: the messages of one sender are delivered in the order in which they were sent, without gaps (FIFO
// order, Hadzilacos & Toueg, 1994; the sequence numbers and hold-back queue of Coulouris et al., Distributed Systems).
//
//	to multicast m:           S := S+1; multicast ⟨m, S⟩
//	on receiving ⟨m, S⟩ of p:  S = R[p]+1: deliver m, R[p] := S, and what is held back behind it
//	                          S ≤ R[p]:   discard m
//	                          S > R[p]+1: hold m back
//
// The sender need not be a member. Over a level that loses messages it stalls behind the first one lost.
type Fifo struct {
	Rules FifoRules

	cfg         impl.Config
	incarnation uint32
	sent        uint64
	streams     impl.Lives[stream]
}

// FifoRules are the rules of the hold-back queue.
type FifoRules struct {
	Rescan func(delivered int) bool // whether to look for a successor after so many deliveries in this step
}

type stream struct {
	held impl.Ring[waitingMessage] // from the first number not delivered on
}

// waitingMessage is held back. Without a body it is a hole.
type waitingMessage struct {
	body  []byte
	again bool // delivered again after a recovery
}

// NewFifo makes the layer of one node.
func NewFifo(cfg impl.Config) *Fifo {
	return &Fifo{cfg: cfg, Rules: FifoRules{Rescan: func(int) bool { return true }}}
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
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		f.receive(in, out)
	case renews(in):
		f.change()
		out.Pass(in)
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
		out.Note(impl.Duplicate, uint64(in.From), n)
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
	*slot = waitingMessage{notNil(body), in.Flag}
	if n != next {
		out.Note(impl.HeldBack, uint64(in.From), n)
		return
	}
	for k := 0; k == 0 || f.Rules.Rescan(k); k++ {
		slot := s.held.At(s.held.First())
		if slot == nil || slot.body == nil {
			return
		}
		m := *slot
		*slot = waitingMessage{}
		s.held.Drop()
		out.UpAgain(in.From, impl.Everyone, m.body, m.again)
	}
}

var empty = make([]byte, 0, 1)

// notNil gives an empty body that is not a hole.
func notNil(b []byte) []byte {
	if b == nil {
		return empty
	}
	return b
}
