package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The kinds of packets; below them are those of letters. Behind a message, or alone, are its number and ⟨q,R⟩ for each
// sender that has sent anything; the packet's own header has their number.
const (
	ipData = 0x40 + iota // a message, from its sender or from whoever repairs it
	ipBeat               // a heartbeat: what I have
	ipNack               // I miss this number and those up to the one in the header
	ipGone               // nobody keeps this number or those before it any longer
)

// ipWanted stands beside how many ⟨q,R⟩ there are: the sender of the packet waits to hear what others have.
const ipWanted = 1 << 16

// seal puts ⟨q,R⟩ and the packet's header behind a numbered message.
func (l *ReliableIP) seal(b []byte, kind byte, wanted bool, now spec.Time, out *impl.Effects) []byte {
	k := 0
	for _, s := range l.streams {
		if l.tells(s, kind, now) {
			k++
		}
	}
	n := len(b)
	b = out.Extend(b, k*identityLen)
	for _, s := range l.streams {
		if l.tells(s, kind, now) {
			s.id(s.has[l.me]).put(b[n:])
			n += identityLen
		}
	}
	h := impl.Numbered{N: uint64(k), Incarnation: l.incarnation, Kind: kind}
	if wanted {
		h.N |= ipWanted
	}
	return impl.AppendNumbered(out, b, h)
}

// tells says whether the others are told what I have of a stream: not where there is nothing, nor for ever of a life
// that is over.
func (l *ReliableIP) tells(s *ipStream, kind byte, now spec.Time) bool {
	if s.has[l.me] == 0 || !l.Rules.Tells(kind == ipBeat) {
		return false
	}
	over := s.incarnation < l.peers[s.index].incarnation
	return !over || s.copies > 0 || now-s.touched < spec.Time(l.cfg.TL)
}

// ipPacket is what a packet says.
type ipPacket struct {
	kind     byte
	wanted   bool
	numbered []byte // the message with its identity: the copy that is kept
	identity
	last uint64 // that is missing
	has  []byte // ⟨q,R⟩, one behind the other
}

func (l *ReliableIP) parse(rest []byte, h impl.Numbered) (p ipPacket, ok bool) {
	p.kind = h.Kind
	switch h.Kind {
	case ipData, ipBeat:
		p.wanted = h.N&ipWanted != 0
		rest, p.has, ok = impl.Cut(rest, int(h.N&(ipWanted-1))*identityLen)
		if !ok || h.Kind == ipBeat {
			return p, ok && len(rest) == 0
		}
	case ipNack, ipGone:
		p.last = h.N
	default:
		return p, false
	}
	p.numbered = rest
	var body []byte
	body, p.identity, ok = cutIdentity(rest)
	return p, ok && l.cfg.Index(p.origin) >= 0 && p.n > 0 && (p.kind == ipData || len(body) == 0)
}

// ask tells a member that numbers of a stream are missing here, all above a first one that have not come.
func (l *ReliableIP) ask(s *ipStream, whom int, above uint64, now spec.Time, out *impl.Effects) {
	s.whom, s.askedAt, s.asked = whom, now, s.known
	runs := 0
	last := min(s.known, s.r+l.window)
	for n := max(above, s.r) + 1; n <= last && runs < ipRuns; n++ {
		if s.arrived(n) {
			continue
		}
		first := n
		for n < last && !s.arrived(n+1) {
			n++
		}
		runs++
		out.Down(l.cfg.Members[whom], impl.AppendNumbered(out, s.id(first).behind(nil, out),
			impl.Numbered{N: n, Incarnation: l.incarnation, Kind: ipNack}), 0).Code = impl.BareNack
	}
}

const (
	ipRuns   = 8   // packets by which missing numbers are asked for at a time, a run of them each
	ipRepair = 256 // messages that are sent again for one such packet
)

// repair sends a member what it misses, or says that it is no longer kept.
func (l *ReliableIP) repair(p *ipPacket, to spec.NodeID, now spec.Time, out *impl.Effects) {
	s := l.stream(p.identity)
	if s == nil || !l.Rules.Serves(&l.cfg, p.origin) {
		return
	}
	if p.n <= s.gone() {
		out.Down(to, impl.AppendNumbered(out, s.id(s.gone()).behind(nil, out),
			impl.Numbered{Incarnation: l.incarnation, Kind: ipGone}), 0)
	}
	first := max(p.n, s.gone()+1)
	last := min(p.last, s.last(), first+ipRepair-1)
	for n := first; n <= last; n++ {
		if c := s.at(n); c.packet != nil {
			out.Note(impl.Retransmitted, uint64(to), n)
			out.Down(to, l.seal(c.packet, ipData, false, now, out), 0)
		}
	}
}
