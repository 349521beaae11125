package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The server of [TotalSeqServer], and its search for numbers that are not used.

// search is what the server does about the lowest number whose message has not come.
type search struct {
	position uint64 // 0: nothing is looked for
	round    uint64
	since    spec.Time
	waiting  impl.NodeSet // who has not answered
	removed  impl.NodeSet // who has been silent for TL when it was asked, and has not been heard since
	noop     bool         // it has been decided that nobody has it
	armed    bool

	packet  []byte // the last decision
	decided uint64 // … for this number
}

const (
	searchTimer = 1

	decision = 1 << 60 // in the own refs of decisions
)

// full says that too many numbers are under way to give one more.
func (t *TotalSeqServer) full() bool { return t.next-t.places.First() >= totalReach }

// answer gives a request its number. One that comes again gets the number that it was given before.
func (t *TotalSeqServer) answer(in impl.Input, h totalHeader, out *impl.Effects) {
	a := t.given.Of(int(in.From), t.cfg.Nodes, h.incarnation)
	if !t.serves() || a == nil || h.position != t.views.base || t.views.blocked { // it will come again
		out.Note(impl.Stale, uint64(in.From), h.n)
		return
	}
	t.search.removed.Remove(in.From)
	h.origin, h.position, h.kind = in.From, 0, numAnswer
	before := a.ring.At(h.n)
	switch {
	case h.n < a.ring.First() || before != nil && *before == answerOver:
		out.Note(impl.Duplicate, uint64(in.From), h.n)
		h.kind = numVoid
	case t.full():
		out.Note(impl.Overflow, uint64(in.From), h.n)
		return // it will come again
	default:
		if h.position = t.give(in.From, h.incarnation, h.n, in.Now, out); h.position == 0 {
			out.Note(impl.Overflow, uint64(in.From), h.n)
			return
		}
	}
	out.Down(in.From, h.behind(nil, out), 0)
}

// give gives the number of a request; 0 where there is no room for it.
func (t *TotalSeqServer) give(origin spec.NodeID, incarnation uint32, request uint64, now spec.Time, out *impl.Effects) uint64 {
	a := t.given.Of(int(origin), t.cfg.Nodes, incarnation)
	slot := a.ring.Reach(request)
	if slot == nil && a.ring.Len() == 0 && request > a.ring.First() { // of one who has asked others before
		a.ring.Restart(request - 1)
		slot = a.ring.Reach(request)
	}
	if slot == nil {
		return 0
	}
	before := *slot
	*slot, t.next = t.Rules.Answer(t.next, before)
	if p := t.places.Reach(*slot); *slot != before && p != nil {
		p.asker, p.request, p.incarnation, p.at = origin, request, incarnation, now
		if !t.search.armed && t.Rules.Fills(t.holes) {
			t.arm(now+t.patience(p), out)
		}
	}
	return *slot
}

// settle forgets the answer to a request whose number has been delivered here.
func (t *TotalSeqServer) settle(p *numberedPlace) {
	if p.request == 0 {
		return
	}
	a := t.given.Of(int(p.asker), t.cfg.Nodes, p.incarnation)
	if slot := a.ring.At(p.request); slot != nil {
		*slot = answerOver
	}
	for a.ring.Len() > 0 && *a.ring.At(a.ring.First()) == answerOver {
		*a.ring.At(a.ring.First()) = 0
		a.ring.Drop()
	}
}

func (t *TotalSeqServer) arm(at spec.Time, out *impl.Effects) {
	t.search.armed = true
	out.SetTimer(searchTimer, at)
}

// patience says how long a number is waited for, since it was given or somebody was found that has its message. From
// the third time on it is twice as long each time: the level below does not give agreement, and there is little hope.
func (t *TotalSeqServer) patience(p *numberedPlace) spec.Time {
	return spec.Time(t.Rules.Overdue(&t.cfg)) << max(p.tries-1, 0)
}

// look looks for the lowest number whose message has not come, when that is overdue, and goes on with it until it is
// decided.
func (t *TotalSeqServer) look(now spec.Time, out *impl.Effects) {
	s, n := &t.search, t.places.First()
	s.armed = false
	if t.views.blocked {
		t.arm(now+spec.Time(t.cfg.TS), out)
		return
	}
	if !t.serves() || n >= t.next {
		s.position = 0
		return // until a number is given
	}
	p := t.places.At(n)
	overdue := p.at + t.patience(p)
	switch {
	case s.position != n && now < overdue:
		t.arm(overdue, out)
		return
	case s.position != n && p.asker == t.cfg.Self: // it has been multicast, and only the level below is slow
		p.at = now
		t.arm(now+t.patience(p), out)
		return
	case s.position != n:
		t.begin(n, p, now)
	case s.noop: // the decision is on its way
		t.arm(now+max(now-s.since, spec.Time(t.cfg.TS)), out)
		return
	case !t.views.any && !t.Rules.Patient(now-s.since, &t.cfg):
		for m := s.waiting.Next(0); m >= 0; m = s.waiting.Next(m + 1) {
			out.Note(impl.Removed, uint64(m), n)
			s.removed.Add(m)
		}
		s.waiting.Clear()
	}
	t.ask(p, out)
	t.decideIfAll(now, out)
	t.arm(now+spec.Time(t.cfg.TS), out)
}

// begin begins the search for a number.
func (t *TotalSeqServer) begin(n uint64, p *numberedPlace, now spec.Time) {
	s := &t.search
	s.position, s.since, s.noop = n, now, false
	s.round++
	p.sealed, p.round = true, s.round
	s.waiting.Clear()
	if !t.Rules.Asks() {
		return
	}
	for _, m := range t.cfg.Members {
		if m != t.cfg.Self && !s.removed.Has(m) {
			s.waiting.Add(m)
		}
	}
	if !s.removed.Has(p.asker) {
		s.waiting.Add(p.asker)
	}
}

// ask asks those who have not answered.
func (t *TotalSeqServer) ask(p *numberedPlace, out *impl.Effects) {
	s := &t.search
	if s.waiting.Len() == 0 {
		return
	}
	round := out.Alloc(8)
	binary.LittleEndian.PutUint64(round, s.round)
	b := totalHeader{position: s.position, n: p.request, incarnation: p.incarnation, origin: p.asker, kind: numAsk}.behind(round, out)
	for m := s.waiting.Next(0); m >= 0; m = s.waiting.Next(m + 1) {
		out.Down(m, b, 0)
	}
}

// lookedFor says whether the message of a number is here, or was multicast from here. If not, from now on it waits for
// the server's decision.
func (t *TotalSeqServer) lookedFor(in impl.Input, h totalHeader, round uint64, out *impl.Effects) {
	kind := byte(numLack)
	if h.origin == t.cfg.Self && h.incarnation == t.incarnation && t.used(h, in.Now, out) {
		kind = numHave
	}
	if t.cfg.Index(t.cfg.Self) >= 0 {
		p := t.places.Reach(h.position)
		switch {
		case p == nil && h.position >= t.places.First():
			out.Note(impl.Overflow, uint64(in.From), h.position)
			return
		case p == nil || p.state != absentPlace:
			kind = numHave
		case kind == numLack:
			p.sealed, p.round = t.Rules.Holds(), max(p.round, round)
		}
	}
	out.Down(in.From, totalHeader{position: h.position, n: round, origin: t.cfg.Self, kind: kind}.behind(nil, out), 0)
}

// used says whether an own request's number was used; if not, it never will be.
func (t *TotalSeqServer) used(h totalHeader, now spec.Time, out *impl.Effects) bool {
	x := t.wanted.At(h.n)
	switch {
	case x == nil || !x.open:
		return h.n <= t.wanted.Last() // it is over
	case x.void:
		return false
	case x.number == 0:
		t.again(h.n, now, out)
		return false
	}
	return x.number == h.position
}

// reply hears whether somebody has what is looked for.
func (t *TotalSeqServer) reply(in impl.Input, h totalHeader, out *impl.Effects) {
	s := &t.search
	s.removed.Remove(in.From)
	if h.position == 0 || h.position != s.position || h.n != s.round || s.noop {
		out.Note(impl.Stale, uint64(in.From), h.position)
		return
	}
	if h.kind == numHave {
		t.found(h.position, in.Now, out)
		return
	}
	s.waiting.Remove(in.From)
	t.decideIfAll(in.Now, out)
}

// decideIfAll orders a no-op when nobody is left to answer.
func (t *TotalSeqServer) decideIfAll(now spec.Time, out *impl.Effects) {
	if s := &t.search; s.waiting.Len() == 0 && !t.views.blocked {
		s.noop, s.since = true, now
		t.decide(numNoop, s.position, out)
	}
}

// found ends the search for a number whose message somebody has. If it never comes, it is looked for again.
func (t *TotalSeqServer) found(n uint64, now spec.Time, out *impl.Effects) {
	s, p := &t.search, t.places.At(n)
	if s.position == n && !s.noop && p != nil && !t.views.blocked {
		s.position, p.at, p.tries = 0, now, min(p.tries+1, 7)
		t.decide(numFree, n, out)
	}
}

func (t *TotalSeqServer) decide(kind byte, n uint64, out *impl.Effects) {
	s := &t.search
	s.packet = totalHeader{position: n, n: s.round, origin: t.cfg.Self, kind: kind}.behind(nil, out)
	s.decided = n
	out.Down(impl.Everyone, s.packet, ownRef|decision|impl.Ref(n))
}

// decideAgain lets a decision that the level below did not take go down again.
func (t *TotalSeqServer) decideAgain(in impl.Input, out *impl.Effects) {
	s := &t.search
	if n := uint64(in.Ref &^ (ownRef | decision)); n == s.decided && s.packet != nil {
		out.Note(in.Code, uint64(t.cfg.Self), n)
		t.errands.add(errand{to: impl.Everyone, body: s.packet, ref: in.Ref, once: true}, in.Now, &t.cfg, out)
	}
}

// decided takes the server's decision about a number.
func (t *TotalSeqServer) decided(in impl.Input, h totalHeader, out *impl.Effects) {
	p := t.places.Reach(h.position)
	switch {
	case p == nil && h.position >= t.places.First():
		out.Note(impl.Overflow, uint64(in.From), h.position)
		return
	case p == nil || p.state == noopPlace:
		out.Note(impl.Duplicate, uint64(in.From), h.position)
		return
	case h.kind == numNoop:
		p.state, p.body, p.sealed = noopPlace, nil, false
	case p.sealed && p.round <= h.n:
		p.sealed = false
	}
	t.deliver(h.position, out)
}
