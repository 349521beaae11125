package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets.
const (
	syncData    = 1 + iota // message n, with a barriers before it
	syncBarrier            // barrier n of its sender, which has sent a messages before it
	syncFlush              // a cut: the n-th of all barriers is number b of process a
	syncCount              // … I have sent a messages before it; blocking: before I heard of barrier n of process b
	syncDone               // blocking: I have delivered what was in flight before barrier n of process b

	syncKinds
)

// syncPacket is a packet, as it stands in the header behind the body.
type syncPacket struct {
	kind    byte
	n, a, b uint64
	life    uint32 // of the sender
	vector  Stamp  // causal: by member, barriers before it; behind them, up to which number messages are
	from    spec.NodeID
	body    []byte
	flag    bool // it was delivered before, in an earlier life
}

// The header: the vector, then as in the struct, the kind last.
const syncHeader = 8 + 8 + 8 + 4 + 1

// entries gives how many a vector has.
func (s *Sync) entries() int {
	if s.reading == CausalBarrier {
		return 2 * len(s.cfg.Members)
	}
	return 0
}

func (s *Sync) seal(p *syncPacket, out *impl.Effects) []byte {
	n := len(p.body)
	b := out.Extend(p.body, 4*s.entries()+syncHeader)
	n += copy(b[n:], p.vector)
	h := b[n:]
	binary.LittleEndian.PutUint64(h, p.n)
	binary.LittleEndian.PutUint64(h[8:], p.a)
	binary.LittleEndian.PutUint64(h[16:], p.b)
	binary.LittleEndian.PutUint32(h[24:], s.incarnation)
	h[28] = p.kind
	return b
}

// parse reads a packet. The code is NoCode, or why it must be discarded.
func (s *Sync) parse(in impl.Input) (p syncPacket, code impl.Code) {
	rest, h, ok := impl.Cut(in.Body, syncHeader)
	if !ok || h[28] == 0 || h[28] >= syncKinds {
		return p, impl.Malformed
	}
	p = syncPacket{kind: h[28], n: binary.LittleEndian.Uint64(h), a: binary.LittleEndian.Uint64(h[8:]),
		b: binary.LittleEndian.Uint64(h[16:]), life: binary.LittleEndian.Uint32(h[24:]), from: in.From, flag: in.Flag}
	var v []byte
	p.body, v, ok = impl.Cut(rest, 4*s.entries())
	p.vector = Stamp(v)
	switch {
	case !ok || p.n == 0 || p.kind != syncData && len(p.body) > 0:
		return p, impl.Malformed
	case !s.mayTake(s.me, s.incarnation) || !s.mayTake(s.cfg.Index(p.from), p.life):
		return p, impl.NotMember
	case s.stream(p.from, p.life) == nil:
		return p, impl.Stale
	}
	return p, impl.NoCode
}
