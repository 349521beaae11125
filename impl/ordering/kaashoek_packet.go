package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets.
const (
	kaashoekLetter  = 1 + iota // a message to one node
	kaashoekRequest            // ⟨m, n⟩ of the origin: to the sequencer, with SenderMulticasts to all
	kaashoekOrdered            // ⟨m, S⟩: from the sequencer, to all or to one that has missed it
	kaashoekAccept             // SenderMulticasts: S is the number of ⟨m, n⟩, which the origin has sent to all
	kaashoekNack               // to the sequencer: I miss S and those up to the last
	kaashoekReport             // to the sequencer: nothing but my R
	kaashoekPoll               // from the sequencer: the last number; tell me your R
	kaashoekGone               // from the sequencer: it keeps nothing up to S
	kaashoekTaken              // from the sequencer: your request n has a number, and will not come, or you are no member
)

// kaashoekPacket is a packet, as it stands in the header behind the body.
type kaashoekPacket struct {
	kind        byte
	origin      spec.NodeID // whose message it is, of which life, and which of its messages
	life        uint32
	n           uint64
	seq         uint64 // its number in the order
	last        uint64 // the last number in use; of a nack, the last that is missing
	seen        uint64 // the sender's R
	incarnation uint32 // the sender's life
	body        []byte
}

// The header: as in the struct, then a checksum of all before it.
const kaashoekHeader = 1 + 4 + 4 + 8 + 8 + 8 + 8 + 4 + 4

// seal puts the header behind the body.
func (k *Kaashoek) seal(p *kaashoekPacket, out *impl.Effects) []byte {
	b := out.Extend(p.body, kaashoekHeader)
	h := b[len(p.body):]
	h[0] = p.kind
	binary.LittleEndian.PutUint32(h[1:], uint32(p.origin))
	binary.LittleEndian.PutUint32(h[5:], p.life)
	binary.LittleEndian.PutUint64(h[9:], p.n)
	binary.LittleEndian.PutUint64(h[17:], p.seq)
	binary.LittleEndian.PutUint64(h[25:], p.last)
	binary.LittleEndian.PutUint64(h[33:], k.r())
	binary.LittleEndian.PutUint32(h[41:], k.incarnation)
	impl.Checksum(b)
	return b
}

// parse reads a packet. The code is NoCode, or why it must be discarded.
func (k *Kaashoek) parse(in impl.Input) (p kaashoekPacket, code impl.Code) {
	body, h, ok := impl.Cut(in.Body, kaashoekHeader)
	switch {
	case !ok || in.From < 0 || int(in.From) >= k.cfg.Nodes:
		return p, impl.Malformed
	case !impl.Intact(in.Body):
		return p, impl.Corrupted
	}
	p = kaashoekPacket{
		kind: h[0], origin: spec.NodeID(int32(binary.LittleEndian.Uint32(h[1:]))), life: binary.LittleEndian.Uint32(h[5:]),
		n: binary.LittleEndian.Uint64(h[9:]), seq: binary.LittleEndian.Uint64(h[17:]), last: binary.LittleEndian.Uint64(h[25:]),
		seen: binary.LittleEndian.Uint64(h[33:]), incarnation: binary.LittleEndian.Uint32(h[41:]), body: body,
	}
	switch p.kind {
	case kaashoekLetter:
		if in.To == impl.Everyone {
			return p, impl.Malformed
		}
	case kaashoekReport:
	case kaashoekRequest:
		if p.origin != in.From || p.life != p.incarnation {
			return p, impl.Forged
		}
	case kaashoekNack:
		if p.seq == 0 || p.last < p.seq {
			return p, impl.Malformed
		}
	case kaashoekOrdered, kaashoekAccept, kaashoekPoll, kaashoekGone, kaashoekTaken:
		switch {
		case in.From != k.sequencer:
			return p, impl.Forged
		case p.incarnation != 0 && !k.views.admitted: // it has forgotten which numbers are in use
			return p, impl.Stale
		case p.kind <= kaashoekAccept && (p.origin < 0 || int(p.origin) >= k.cfg.Nodes || p.seq == 0 || p.n == 0):
			return p, impl.Malformed
		}
	default:
		return p, impl.Malformed
	}
	return p, impl.NoCode
}

// tell sends a packet, and with it how far I am.
func (k *Kaashoek) tell(to spec.NodeID, p *kaashoekPacket, now spec.Time, out *impl.Effects) {
	k.member.told, k.member.toldAt = k.r(), now
	out.Down(to, k.seal(p, out), 0)
}

func (k *Kaashoek) receive(in impl.Input, out *impl.Effects) {
	p, code := k.parse(in)
	if code == impl.NoCode && p.kind != kaashoekLetter && (in.To == impl.Everyone || k.me < 0) && !k.concerns(&p) {
		code = impl.NotMember
	}
	if code == impl.NoCode && !k.current(&p, in.To == impl.Everyone) {
		code = impl.Stale
	}
	if code != impl.NoCode {
		out.Note(code, uint64(in.From), uint64(len(in.Body)))
		return
	}
	if p.kind == kaashoekLetter {
		out.Add(impl.Effect{Kind: impl.Up, From: in.From, To: in.To, Body: p.body, Flag: in.Flag})
		return
	}
	if in.From == k.sequencer && (p.incarnation == 0 || k.views.admitted) {
		k.hearSequencer(in.Now)
	}
	if k.numbers() && !k.hear(in.From, &p, in.Now) {
		out.Note(impl.Stale, uint64(in.From), p.n)
		return
	}
	switch p.kind {
	case kaashoekRequest:
		k.take(&p, in, out)
	case kaashoekNack:
		k.repair(&p, in.From, out)
	case kaashoekOrdered, kaashoekAccept:
		k.order(&p, in, out)
	case kaashoekPoll:
		k.learn(p.last, in.Now, out)
		k.report(in.Now, out)
	case kaashoekGone:
		k.give(p.seq, in.Now, out)
	case kaashoekTaken:
		k.numbered(p.n, in.Now, out)
	}
	k.finish(in.Now, out)
}

// concerns says whether a packet is anything to me, who am no member, or who got it as one of all.
func (k *Kaashoek) concerns(p *kaashoekPacket) bool {
	if k.me < 0 {
		return p.kind == kaashoekTaken
	}
	return p.kind == kaashoekRequest || p.kind == kaashoekOrdered || p.kind == kaashoekAccept || p.kind == kaashoekPoll
}
