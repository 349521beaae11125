package reliability

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Acknowledgements that are put off: cumulative ones, and those that ride.

// owedAck is an acknowledgement that has not been sent yet.
type owedAck struct {
	n           uint64 // cumulative: what the window says when it is sent
	incarnation uint32 // of the sender of the data
	kind        byte   // of the data
}

// ackTimer is the timer after which what is owed goes alone.
const ackTimer = 1

// owe puts the acknowledgement of a message off, by TS/4 at most.
func (b *BestEffort) owe(in impl.Input, h impl.Numbered, out *impl.Effects) {
	a := owedAck{h.N, h.Incarnation, h.Kind}
	if b.ways == Cumulative {
		a.n = 0
		for _, x := range b.owed[in.From] {
			if x == a {
				return
			}
		}
	}
	b.owed[in.From] = append(b.owed[in.From], a)
	b.owing++
	if b.owing == 1 {
		out.SetTimer(ackTimer, in.Now+spec.Time(b.cfg.TS/4))
	}
}

// settleUp sends what is owed to everybody.
func (b *BestEffort) settleUp(out *impl.Effects) {
	for n := range b.owed {
		to := spec.NodeID(n)
		if b.ways == Cumulative {
			for _, a := range b.owed[n] {
				b.sayUpTo(to, a, out)
			}
		}
		if b.ways == Cumulative || !b.Rules.Bare() {
			b.owing -= len(b.owed[n])
			b.owed[n] = b.owed[n][:0]
		}
		for len(b.owed[n]) > 0 {
			h := impl.Numbered{Incarnation: b.incarnation, Kind: ridersAlone}
			packet := impl.AppendNumbered(out, b.load(to, nil, out), h)
			out.Down(to, packet, 0).Code = impl.BareAck
		}
	}
}

// Cumulative acknowledgements.

// sayUpTo tells a sender how many of its messages have come without a gap.
func (b *BestEffort) sayUpTo(to spec.NodeID, a owedAck, out *impl.Effects) {
	kind := byte(groupUpTo)
	if a.kind == peerData {
		kind = peerUpTo
	}
	h := impl.Numbered{N: b.Rules.UpTo(b.window(to, a.incarnation, a.kind)), Incarnation: a.incarnation, Kind: kind}
	out.Down(to, impl.AppendNumbered(out, nil, h), 0).Code = impl.BareAck
}

// ackUpTo takes a cumulative acknowledgement in.
func (b *BestEffort) ackUpTo(in impl.Input, k int, h impl.Numbered, out *impl.Effects) {
	if h.Incarnation != b.incarnation {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	o, some := &b.spaces[k], false
	n, owes := o.Owed(in.From)
	for last := min(h.N, o.Next()-1); owes && n <= last; n++ {
		some = !b.credit(k, n, in.From) || some
	}
	b.said[b.side(k)][in.From] = h.N
	if some && k == b.cfg.Nodes {
		out.Note(impl.PointSomeAcked, h.N, 0)
	}
	b.finish(in.From, out)
}

// skip tells a receiver that nothing below n will come to it: it was removed when that was sent, or had it in a former
// life. Without that its acknowledgements would stand still in front of the gap for ever. It goes with the
// retransmission of the first message that the receiver owes.
func (b *BestEffort) skip(k int, to spec.NodeID, n uint64, out *impl.Effects) {
	if first, _ := b.spaces[k].Owed(to); n != first || b.said[b.side(k)][to]+1 >= n {
		return
	}
	kind := byte(groupSkip)
	if k < b.cfg.Nodes {
		kind = peerSkip
	}
	out.Down(to, impl.AppendNumbered(out, nil, impl.Numbered{N: n, Incarnation: b.incarnation, Kind: kind}), 0)
}

// skipped counts what will not come as seen.
func (b *BestEffort) skipped(in impl.Input, h impl.Numbered, out *impl.Effects) {
	h.Kind -= groupSkip - groupData // what it speaks of
	w := b.window(in.From, h.Incarnation, h.Kind)
	if w == nil || h.N == 0 {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	if !w.Has(h.N - 1) {
		w.Add(h.N - 1) // slides, where that is far ahead
	}
	for w.First() < h.N {
		w.Add(w.First())
	}
	b.owe(in, h, out)
	b.finish(in.From, out)
}

// Acknowledgements that ride: behind every body, each with the node that it is for, and their number.

const (
	riderLen   = 2 + 1 + 4 + 8 // for whom, kind and incarnation of the data, number
	mostRiders = 32

	numberedLen = 17 // of [impl.Numbered]
	belowLen    = 46 // for the headers of the layers below
)

// room says how many acknowledgements a packet with such a body can take.
func (b *BestEffort) room(body int) int {
	if b.cfg.MTU == 0 {
		return mostRiders
	}
	free := b.cfg.MTU - body - 1 - numberedLen - belowLen
	return min(max(free/riderLen, 0), mostRiders)
}

// load puts acknowledgements behind a body: those for the node that the packet goes to, or for all members.
func (b *BestEffort) load(to spec.NodeID, body []byte, out *impl.Effects) []byte {
	room := b.room(len(body))
	if body == nil {
		room = max(room, 1)
	}
	count := 0
	for n := range b.owed {
		if b.rides(spec.NodeID(n), to) {
			count += min(len(b.owed[n]), room-count)
		}
	}
	packet := out.Extend(body, count*riderLen+1)
	at := packet[len(body):]
	for n, left := 0, count; left > 0; n++ {
		if !b.rides(spec.NodeID(n), to) {
			continue
		}
		k := min(left, len(b.owed[n]))
		for _, a := range b.owed[n][:k] {
			binary.LittleEndian.PutUint16(at, uint16(n))
			at[2] = a.kind
			binary.LittleEndian.PutUint32(at[3:], a.incarnation)
			binary.LittleEndian.PutUint64(at[7:], a.n)
			at = at[riderLen:]
		}
		b.owed[n] = b.owed[n][:copy(b.owed[n], b.owed[n][k:])]
		left -= k
	}
	at[0] = byte(count)
	b.owing -= count
	return packet
}

// rides says whether what is owed to a node can ride on a packet: to itself, or to a group of which it is a member.
func (b *BestEffort) rides(n, to spec.NodeID) bool {
	return n == to || to == impl.Everyone && b.cfg.Index(n) >= 0
}

// unload takes the acknowledgements off a packet and credits those that are for this node.
func (b *BestEffort) unload(in impl.Input, packet []byte, out *impl.Effects) (body []byte, ok bool) {
	rest, count, ok := impl.Cut(packet, 1)
	if !ok {
		return nil, false
	}
	body, at, ok := impl.Cut(rest, int(count[0])*riderLen)
	if !ok {
		return nil, false
	}
	for ; len(at) > 0; at = at[riderLen:] {
		if spec.NodeID(binary.LittleEndian.Uint16(at)) != b.cfg.Self {
			continue
		}
		k, n := b.cfg.Nodes, binary.LittleEndian.Uint64(at[7:])
		if at[2] == peerData {
			k = int(in.From)
		}
		if binary.LittleEndian.Uint32(at[3:]) != b.incarnation {
			out.Note(impl.Stale, uint64(in.From), n)
		} else if !b.credit(k, n, in.From) && k == b.cfg.Nodes {
			out.Note(impl.PointSomeAcked, n, 0)
		}
	}
	return body, true
}
