package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ipStream is what one member sends in one life, as far as it is known here.
type ipStream struct {
	origin      spec.NodeID
	incarnation uint32
	index       int // of the origin among the members

	ring   impl.Ring[ipCopy] // copies kept, and held back; number n is its n-offset
	offset uint64
	copies int

	r         uint64   // all up to this number has come
	known     uint64   // the last number that anybody has shown to exist
	has       []uint64 // by member: up to which number it is known to have all; my own place is what I tell
	stable    uint64   // what every member is known to have
	floor     uint64   // what somebody says that nobody keeps any longer
	delivered uint64
	touched   spec.Time // when a message last came

	asked   uint64 // up to which number missing ones have been asked for
	askedAt spec.Time
	asks    int
	whom    int // the member that was asked last

	dirty   bool
	deliver uint64 // in this step: up to here
	discard uint64 // in this step: copies up to here
}

// ipCopy is a message that is kept. Of one's own the copy is there before the message has come from the transport.
type ipCopy struct {
	packet  []byte // with its number behind it
	ref     impl.Ref
	arrived bool
}

// stream gives what is known of a life of a member; nil where it has had too many.
func (l *ReliableIP) stream(id identity) *ipStream {
	s := l.lives.Of(int(id.origin), l.cfg.Nodes, id.incarnation)
	if s != nil && s.has == nil {
		s.origin, s.incarnation, s.index = id.origin, id.incarnation, l.cfg.Index(id.origin)
		s.has = make([]uint64, len(l.cfg.Members))
		l.streams = append(l.streams, s)
	}
	return s
}

// id names a message of the stream.
func (s *ipStream) id(n uint64) identity { return identity{n, s.incarnation, s.origin} }

// gone gives the number up to which no copy is kept.
func (s *ipStream) gone() uint64 { return s.offset + s.ring.First() - 1 }
func (s *ipStream) last() uint64 { return s.offset + s.ring.Last() }

// at gives the slot of a number, or nil.
func (s *ipStream) at(n uint64) *ipCopy { return s.ring.At(n - s.offset) }

// reach gives the slot of a number that is not gone.
func (s *ipStream) reach(n uint64) *ipCopy {
	for s.last() < n {
		_, c := s.ring.Push()
		*c = ipCopy{}
	}
	return s.at(n)
}

func (s *ipStream) arrived(n uint64) bool {
	c := s.at(n)
	return c != nil && c.arrived
}

// take takes a message in: S = R+1 is the next, S ≤ R is discarded, S > R+1 is held back.
func (l *ReliableIP) take(p *ipPacket, from int, now spec.Time, out *impl.Effects) {
	s := l.stream(p.identity)
	switch {
	case s == nil:
		out.Note(impl.Stale, uint64(p.origin), p.n)
		return
	case s == l.own && p.n > l.sent:
		out.Note(impl.Malformed, uint64(p.origin), p.n)
		return
	case p.n <= s.r || s.arrived(p.n):
		out.Note(impl.Duplicate, uint64(p.origin), p.n)
		return
	}
	s.known = max(s.known, p.n)
	if !l.Rules.Room(p.n, s.r, l.window) { // it goes on without me: I have been removed
		out.Note(impl.Overflow, uint64(p.origin), p.n)
		if floor := l.Rules.Overrun(p.n); floor > 0 {
			p.n = floor
			l.forget(p)
			return
		}
		l.askNow(s, from, now, out)
		return
	}
	out.Note(impl.PointReceived, uint64(p.origin), p.n)
	c := s.reach(p.n)
	if c.packet == nil {
		c.packet = p.numbered
		s.copies++
		l.copies++
	}
	c.arrived = true
	l.held++
	s.touched = now
	for n := s.r + 1; l.Rules.Next(n, s.r); n++ {
		if s.arrived(n) {
			s.r = n
			l.held--
		}
	}
	s.has[l.me] = max(s.has[l.me], s.r)
	l.touch(s)
	l.askNow(s, from, now, out)
	l.arm(now+spec.Time(l.silence(true)), out)
}

// compare takes in what a member says that it has. What it has and I have not was sent, and I missed it.
func (l *ReliableIP) compare(p *ipPacket, from int, now spec.Time, out *impl.Effects) {
	for b := p.has; len(b) > 0; b = b[identityLen:] {
		id := identityOf(b)
		if l.cfg.Index(id.origin) < 0 {
			continue
		}
		s, r := l.stream(id), id.n
		if s == nil || r <= s.has[from] || s == l.own && r > l.sent {
			continue
		}
		if s.has[from] <= s.stable {
			l.touch(s)
		}
		s.has[from] = r
		if l.Rules.Missed(s.has[l.me], r) {
			s.known = max(s.known, r)
			l.askNow(s, from, now, out)
		}
	}
}

// askNow asks who showed it for what it has just shown to be missing. What has been asked for before stays due when it
// was: a sender that sends more often than once in TS must not put off for ever that its lost messages are asked for again.
func (l *ReliableIP) askNow(s *ipStream, whom int, now spec.Time, out *impl.Effects) {
	if s == l.own || s.known <= s.asked || s.r >= s.known || whom == l.me {
		return
	}
	since, waits := s.askedAt, s.r < s.asked
	s.asks = 0
	l.ask(s, whom, s.asked, now, out)
	if waits {
		s.askedAt = since
	}
	l.arm(max(s.askedAt+spec.Time(l.cfg.TS), now), out)
}

// askAgain asks the next one for what is still missing after TS, and says whether anything is that somebody has.
func (l *ReliableIP) askAgain(s *ipStream, now spec.Time, out *impl.Effects) bool {
	if s == l.own || s.r >= s.known {
		return false
	}
	whom, found := l.next(s)
	if !found {
		return false
	}
	if now-s.askedAt >= spec.Time(l.cfg.TS) && l.Rules.Again(s.asks) {
		s.asks++
		l.ask(s, whom, s.r, now, out)
	}
	return true
}

// next gives the member behind the one that was asked last that can have what is missing: its sender, or one that has
// shown it.
func (l *ReliableIP) next(s *ipStream) (whom int, found bool) {
	n := len(l.cfg.Members)
	for k := 1; k <= n; k++ {
		i := (s.whom + k) % n
		if i == l.me || l.removed.Has(l.cfg.Members[i]) {
			continue
		}
		if s.has[i] > s.r || i == s.index && s.incarnation >= l.peers[i].incarnation {
			return i, true
		}
	}
	return 0, false
}

// forget goes on over what nobody keeps any longer.
func (l *ReliableIP) forget(p *ipPacket) {
	s := l.stream(p.identity)
	if s == nil || s == l.own || p.n <= s.r {
		return
	}
	for n := s.r + 1; n <= min(p.n, s.last()); n++ {
		if s.arrived(n) {
			l.held--
		}
	}
	s.r, s.floor = p.n, p.n
	s.known = max(s.known, p.n)
	for s.arrived(s.r + 1) {
		s.r++
		l.held--
	}
	s.has[l.me] = s.r
	l.touch(s)
}

func (l *ReliableIP) touch(s *ipStream) {
	if !s.dirty {
		s.dirty = true
		l.dirty = append(l.dirty, s)
	}
}

func (l *ReliableIP) touchAll() {
	for _, s := range l.streams {
		l.touch(s)
	}
}

// settle finds what can be delivered and which copies can go, and notes how many are left. Nothing goes upward yet.
func (l *ReliableIP) settle(out *impl.Effects) {
	for _, s := range l.dirty {
		s.stable = max(l.Rules.Stable(&l.cfg, s.has, &l.removed), s.floor)
		s.deliver = max(l.Rules.Deliver(s.r, s.stable), s.delivered)
		s.discard = l.Rules.Discard(s.deliver, s.stable)
		for n := s.gone() + 1; n <= min(s.discard, s.last()); n++ {
			if s.at(n).packet != nil {
				s.copies--
				l.copies--
			}
		}
	}
	l.depth.note(l.copies-l.held, l.held, out)
}

// waits notes that a message that has just come is held back: something is missing before it, or not all have it.
func (l *ReliableIP) waits(p *ipPacket, out *impl.Effects) {
	if p.kind != ipData {
		return
	}
	if s := l.stream(p.identity); s != nil && s.dirty && s.deliver < p.n && s.arrived(p.n) {
		out.Note(impl.HeldBack, uint64(p.origin), p.n)
	}
}

// hand hands up what settle found: messages, gaps, acknowledgements.
func (l *ReliableIP) hand(out *impl.Effects) {
	for _, s := range l.dirty {
		s.dirty = false
		lost := uint64(0) // numbers without a message, before the next
		end := min(s.deliver, s.last())
		for n := s.delivered + 1; n <= end; n++ {
			if !s.arrived(n) {
				lost++
				continue
			}
			l.gap(s, n, lost, out)
			lost = 0
			body, _, _ := cutIdentity(s.at(n).packet)
			out.Up(s.origin, impl.Everyone, body)
		}
		if s.deliver > max(end, s.delivered) {
			lost += s.deliver - max(end, s.delivered)
		}
		l.gap(s, s.deliver+1, lost, out)
		s.delivered = s.deliver
		l.drop(s, out)
	}
	l.dirty = l.dirty[:0]
}

// gap announces that as many numbers before n are lost; not what was before this node, or its
// sender, came in.
func (l *ReliableIP) gap(s *ipStream, n, lost uint64, out *impl.Effects) {
	if lost > 0 && !l.late && !l.peers[s.index].late {
		out.Gap(s.origin, n-lost, n-1)
	}
}

// drop discards copies, and acknowledges my own messages among them.
func (l *ReliableIP) drop(s *ipStream, out *impl.Effects) {
	for s.gone() < min(s.discard, s.last()) {
		c := s.at(s.gone() + 1)
		ref := c.ref
		*c = ipCopy{}
		s.ring.Drop()
		out.Acknowledge(ref)
	}
	if s.gone() < s.discard { // all is gone, and more that never was here
		s.offset += s.discard - s.gone()
	}
}
