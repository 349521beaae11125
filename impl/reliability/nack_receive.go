package reliability

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The receiver's half of [Nack].

func (l *Nack) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.OpenNumbered(in, l.cfg.Nodes, out)
	if !ok {
		return
	}
	side, k := 1, l.cfg.Nodes // to the group, or to one
	if h.Kind > nackOneToOne {
		side, k = 0, int(in.From)
		h.Kind -= nackOneToOne
	}
	if h.Kind == nackAsk {
		l.resend(in, k, h, body, out)
		return
	}
	if h.Kind != nackData && h.Kind != nackBeat {
		out.Note(impl.Malformed, uint64(in.From), h.N)
		return
	}
	s := &l.came[side][in.From]
	if h.Incarnation < s.incarnation {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	timer := l.timer(side, in.From)
	if h.Incarnation > s.incarnation { // a new life begins with number 1; what is missing of the old one never comes
		if s.armed {
			out.StopTimer(timer)
		}
		*s = nackStream{incarnation: h.Incarnation}
	}
	s.heard = in.Now
	s.known = max(s.known, h.N)
	if h.Kind == nackData {
		s.hold(in.From, h.N, body, out)
	}
	next := s.missing()
	l.watch(s, next, timer, in.Now, out)
	to := impl.Everyone
	if side == 0 {
		to = l.cfg.Self
	}
	for s.held.First() < next {
		slot := s.held.At(s.held.First())
		out.Up(in.From, to, *slot)
		*slot = nil
		s.held.Drop()
	}
}

// hold keeps a message in its place, unless it is an old one.
func (s *nackStream) hold(from spec.NodeID, n uint64, body []byte, out *impl.Effects) {
	if n < s.held.First() {
		out.Note(impl.Duplicate, uint64(from), n)
		return
	}
	slot := s.held.Reach(n)
	switch {
	case slot == nil:
		out.Note(impl.Overflow, uint64(from), n) // it is asked for when there is room
		return
	case *slot != nil:
		out.Note(impl.Duplicate, uint64(from), n)
		return
	case n > s.held.First():
		out.Note(impl.HeldBack, uint64(from), n)
	}
	if *slot = body; body == nil {
		*slot = noBody
	}
}

var noBody = make([]byte, 0, 1) // empty, and no hole

// missing gives the first number that has not come.
func (s *nackStream) missing() uint64 {
	n := s.held.First()
	for slot := s.held.At(n); slot != nil && *slot != nil; slot = s.held.At(n) {
		n++
	}
	return n
}

// watch sees to it that the nack timer is set while something is missing, from number next on.
func (l *Nack) watch(s *nackStream, next, timer uint64, now spec.Time, out *impl.Effects) {
	switch {
	case next > s.known && s.armed:
		s.armed, s.asked = false, 0
		out.StopTimer(timer)
	case next <= s.known && (!s.armed || s.asked > 0 && next > s.asked): // … or what was asked for has come, and more is missing
		s.armed, s.asked = true, 0
		out.SetTimer(timer, now+spec.Time(l.Rules.Delay(&l.rand, l.cfg.TS)))
	}
}

// timer gives the number of the nack timer for a sender's messages; smaller ones are heartbeats.
func (l *Nack) timer(side int, from spec.NodeID) uint64 {
	return uint64(1 + l.cfg.Nodes*(1+side) + int(from))
}

// ask asks a sender for what is missing: one nack a gap, lowest first.
func (l *Nack) ask(timer int, now spec.Time, out *impl.Effects) {
	side, n := (timer-1)/l.cfg.Nodes-1, (timer-1)%l.cfg.Nodes
	s, from := &l.came[side][n], spec.NodeID(n)
	s.armed, s.asked = false, 0
	if s.missing() > s.known || !l.Rules.Again(now-s.heard, spec.Time(l.cfg.TL)) {
		return // until it is heard again
	}
	kind := l.kind(nackAsk, l.cfg.Nodes)
	if side == 0 {
		kind = l.kind(nackAsk, n)
	}
	left := uint64(nackMost)
	for first := s.missing(); first <= s.known && left > 0; {
		last := first
		for last < s.known && last-first+1 < left && s.lacks(last+1) {
			last++
		}
		left -= last - first + 1
		s.asked = last
		if i, j := l.Rules.Asks(first, last); i <= j {
			b := out.Alloc(8)
			binary.LittleEndian.PutUint64(b, j)
			out.Down(from, impl.AppendNumbered(out, b, impl.Numbered{N: i, Incarnation: s.incarnation, Kind: kind}), 0).Code = impl.BareNack
		}
		for first = last + 1; first <= s.known && !s.lacks(first); {
			first++
		}
	}
	s.armed = true
	out.SetTimer(uint64(timer), now+spec.Time(l.cfg.TS))
}

// lacks says whether a number beyond those delivered has not come.
func (s *nackStream) lacks(n uint64) bool {
	slot := s.held.At(n)
	return slot == nil || *slot == nil
}
