package transport

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Fragment carries bodies longer than a packet: it cuts a body into pieces on the way down and puts them together on
// the way up, whole or not at all. It stands above a level of reliability, so that each piece has that level's
// promise, or above a transport, where a lost piece loses the message. Pieces of one message are known by sender,
// incarnation and number, with one number space for the group and one for each peer.
//
// It acknowledges when every piece has been acknowledged.
type Fragment struct {
	Rules FragmentRules

	cfg         impl.Config
	incarnation uint32
	piece       int      // bytes of a body in one packet
	sent        []uint64 // by peer, and to the group last
	acks        impl.Outbox
	lives       [2]impl.Lives[assembly] // of what came to this node alone, and to the group
}

// FragmentRules say which pieces belong together.
type FragmentRules struct {
	Same func(a, b PieceHeader) bool // two pieces of one sender's life
}

// PieceHeader is the header of a piece.
type PieceHeader struct {
	Message     uint64
	Incarnation uint32
	Index       uint16
	Count       uint16
}

type assembly struct {
	whole    impl.Window // messages that are complete
	partials []partial
	slots    int        // of all partials
	spare    [][][]byte // the slots of messages that are complete, to be used again
}

type partial struct {
	PieceHeader
	pieces [][]byte
	have   int
	length int
}

const (
	fragmentHeader = 8 + 4 + 2 + 2
	headroom       = 96 // for the headers of the layers below

	// MaxBody is the longest body in bytes that can be carried, over the smallest packets.
	MaxBody = 1 << 20

	maxSpare = 8
	maxSlots = 1 << 16 // for pieces, of one sender's life: beyond that the oldest message is dropped
)

// NewFragment makes the layer of one node; cfg.MTU is the length of the longest packet in bytes. Where it is 0 every
// message is one piece.
func NewFragment(cfg impl.Config) *Fragment {
	piece := max(cfg.MTU-headroom, 32)
	if cfg.MTU == 0 {
		piece = MaxBody
	}
	return &Fragment{cfg: cfg, piece: piece, Rules: FragmentRules{
		Same: func(a, b PieceHeader) bool { return a.Message == b.Message && a.Count == b.Count },
	}}
}

// Step implements [impl.Layer].
func (f *Fragment) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		f.incarnation, f.sent = uint32(in.Num), make([]uint64, f.cfg.Nodes+1)
		f.acks, f.lives = impl.Outbox{}, [2]impl.Lives[assembly]{}
	case impl.Send:
		f.send(in, out)
	case impl.Packet:
		f.receive(in, out)
	case impl.Acknowledged: // a piece is a "node" of the outbox
		if ref, done := f.acks.Ack(uint64(in.Ref)>>16, spec.NodeID(in.Ref&0xffff)); done {
			out.Acknowledge(ref)
		}
	case impl.Refused:
		f.refused(in, out)
	default:
		out.Pass(in)
	}
}

func (f *Fragment) send(in impl.Input, out *impl.Effects) {
	count := max(1, (len(in.Body)+f.piece-1)/f.piece)
	space := f.cfg.Nodes
	if in.To != impl.Everyone {
		space = int(in.To)
	}
	if len(in.Body) > MaxBody || count > 0xffff || space < 0 || space > f.cfg.Nodes {
		out.Refuse(in.Ref, impl.TooLong)
		return
	}
	f.sent[space]++
	h := PieceHeader{Message: f.sent[space], Incarnation: f.incarnation, Count: uint16(count)}
	var ref impl.Ref
	if in.Ref != 0 {
		n, p := f.acks.Add(nil, in.Ref, in.Now)
		for i := range count {
			p.Waiting.Add(spec.NodeID(i))
		}
		ref = impl.Ref(n) << 16
	}
	for i := range count {
		h.Index = uint16(i)
		piece := in.Body[i*f.piece : min(len(in.Body), (i+1)*f.piece)]
		if ref == 0 {
			out.Down(in.To, appendPiece(out, piece, h), 0).Code = in.Code
		} else {
			out.Down(in.To, appendPiece(out, piece, h), ref|impl.Ref(i)).Code = in.Code
		}
	}
}

// refused gives up a message of which a piece was refused.
func (f *Fragment) refused(in impl.Input, out *impl.Effects) {
	if ref, open := f.acks.Drop(uint64(in.Ref) >> 16); open {
		out.Refuse(ref, in.Code)
	}
}

func appendPiece(out *impl.Effects, piece []byte, h PieceHeader) []byte {
	b := out.Extend(piece, fragmentHeader)
	x := b[len(piece):]
	binary.LittleEndian.PutUint64(x, h.Message)
	binary.LittleEndian.PutUint32(x[8:], h.Incarnation)
	binary.LittleEndian.PutUint16(x[12:], h.Index)
	binary.LittleEndian.PutUint16(x[14:], h.Count)
	return b
}

func (f *Fragment) receive(in impl.Input, out *impl.Effects) {
	body, x, ok := impl.Cut(in.Body, fragmentHeader)
	if !ok {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	h := PieceHeader{binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint32(x[8:]),
		binary.LittleEndian.Uint16(x[12:]), binary.LittleEndian.Uint16(x[14:])}
	lives := &f.lives[0]
	if in.To == impl.Everyone {
		lives = &f.lives[1]
	}
	a := lives.Of(int(in.From), f.cfg.Nodes, h.Incarnation)
	if a == nil || h.Index >= h.Count || int(h.Count) > MaxBody/f.piece+1 {
		out.Note(impl.Malformed, uint64(in.From), h.Message)
		return
	}
	if a.whole.Has(h.Message) {
		out.Note(impl.Duplicate, uint64(in.From), h.Message)
		return
	}
	p := f.partialOf(a, h, in.From, out)
	if p.pieces[h.Index] != nil {
		out.Note(impl.Duplicate, uint64(in.From), h.Message)
		return
	}
	p.pieces[h.Index] = body
	p.have++
	p.length += len(body)
	if p.have < len(p.pieces) {
		return
	}
	whole := f.join(p, out)
	a.whole.Add(h.Message)
	a.release(p.pieces)
	*p = a.partials[len(a.partials)-1]
	a.partials = a.partials[:len(a.partials)-1]
	out.Up(in.From, in.To, whole)
}

func (f *Fragment) partialOf(a *assembly, h PieceHeader, from spec.NodeID, out *impl.Effects) *partial {
	for i := range a.partials {
		if p := &a.partials[i]; f.Rules.Same(p.PieceHeader, h) && int(h.Index) < len(p.pieces) {
			return p
		}
	}
	for a.slots += int(h.Count); a.slots > maxSlots && len(a.partials) > 0; {
		out.Note(impl.Overflow, uint64(from), a.partials[0].Message)
		a.release(a.partials[0].pieces)
		a.partials = append(a.partials[:0], a.partials[1:]...)
	}
	a.partials = append(a.partials, partial{PieceHeader: h, pieces: a.slotsFor(int(h.Count))})
	return &a.partials[len(a.partials)-1]
}

// release takes the slots of a message back.
func (a *assembly) release(pieces [][]byte) {
	a.slots -= len(pieces)
	if len(a.spare) < maxSpare {
		clear(pieces)
		a.spare = append(a.spare, pieces)
	}
}

func (a *assembly) slotsFor(count int) [][]byte {
	if last := len(a.spare) - 1; last >= 0 && cap(a.spare[last]) >= count {
		pieces := a.spare[last][:count]
		a.spare = a.spare[:last]
		return pieces
	}
	return make([][]byte, count)
}

func (f *Fragment) join(p *partial, out *impl.Effects) []byte {
	if len(p.pieces) == 1 {
		return p.pieces[0]
	}
	whole := out.Alloc(p.length)[:0]
	for _, piece := range p.pieces {
		whole = append(whole, piece...)
	}
	return whole
}
