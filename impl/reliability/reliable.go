package reliability

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Reliable is R4, reliable multicast by relay (Hadzilacos & Toueg, 1994; the "eager" algorithm of Cachin, Guerraoui,
// Rodrigues, 2011): validity, integrity and agreement, though the sender crashes half way. It keeps nothing on disk.
//
//	to multicast m:           send m to the group, itself included
//	on receiving m, new here: if I am not its sender, send m to the group
//	                          deliver m
//
// Over the channel every copy that is sent by a node that stays up arrives, so whatever one correct node delivers all
// do. The relay goes out before the delivery: then whatever any node delivers, also one that crashes, has been handed
// to the network for all. That is uniform agreement as long as what was handed over arrives, and no longer.
// O(n²) packets a message.
//
// It acknowledges when every member that is not suspected has acknowledged the sender's own copies.
type Reliable struct {
	Rules ReliableRules

	cfg         impl.Config
	incarnation uint32
	sent        uint64
	seen        impl.Lives[impl.Window]
}

// ReliableRules are the two rules of the algorithm.
type ReliableRules struct {
	Fresh  func(w *impl.Window, n uint64) impl.Fate
	Relays func(cfg *impl.Config, origin int) bool // on the first receipt of a message
}

// NewReliable makes the layer of one node.
func NewReliable(cfg impl.Config) *Reliable {
	return &Reliable{cfg: cfg, Rules: ReliableRules{
		Fresh:  (*impl.Window).Add,
		Relays: func(cfg *impl.Config, origin int) bool { return origin != int(cfg.Self) },
	}}
}

// The header, behind the body: number, incarnation, origin.
const reliableHeader = 8 + 4 + 2

// Step implements [impl.Layer].
func (r *Reliable) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		r.incarnation, r.sent, r.seen = uint32(in.Num), 0, impl.Lives[impl.Window]{}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		r.sent++
		b := out.Extend(in.Body, reliableHeader)
		h := b[len(in.Body):]
		binary.LittleEndian.PutUint64(h, r.sent)
		binary.LittleEndian.PutUint32(h[8:], r.incarnation)
		binary.LittleEndian.PutUint16(h[12:], uint16(r.cfg.Self))
		out.Down(impl.Everyone, b, in.Ref).Code = in.Code
		out.Note(impl.PointAllSent, r.sent, 0)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		r.receive(in, out)
	case in.Kind == impl.ViewChanged: // whom relays go to, the transport knows
		handOn(&r.cfg, in, out)
	default:
		out.Pass(in)
	}
}

func (r *Reliable) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, reliableHeader)
	if !ok {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	n, incarnation := binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint32(h[8:])
	origin := int(binary.LittleEndian.Uint16(h[12:]))
	w := r.seen.Of(origin, r.cfg.Nodes, incarnation)
	if w == nil {
		out.Note(impl.Malformed, uint64(in.From), n)
		return
	}
	if r.Rules.Fresh(w, n) == impl.Seen {
		out.Note(impl.Duplicate, uint64(origin), n)
		return
	}
	out.Note(impl.PointReceived, uint64(origin), n)
	if r.Rules.Relays(&r.cfg, origin) {
		out.Down(impl.Everyone, in.Body, 0)
		out.Note(impl.PointRelayed, uint64(origin), n)
	}
	out.Up(spec.NodeID(origin), impl.Everyone, body)
}
