package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What a recipient does, at the levels of atomic multicast.

func (p *phased) receive(in impl.Input, out *impl.Effects) {
	if refused := p.refuses(); refused != impl.NoCode { // the hop is not accepted
		out.Note(refused, uint64(in.From), uint64(len(in.Body)))
		return
	}
	body, h, ok := cutHeader(in)
	if !ok || in.From < 0 || int(in.From) >= p.cfg.Nodes {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	switch h.kind {
	case phasedData, phasedCommit, phasedAbort:
		p.take(in, h, body, out)
		p.book.sync(out)
		return
	}
	out.Accept(in.Ref) // nothing that is not sent again
	switch h.kind {
	case letter:
		out.Up(in.From, in.To, body)
	case phasedVote, phasedDone:
		p.acknowledged(in, h, out)
	case phasedAsk:
		p.asked(in.From, h.identity, out)
	case phasedSettle:
		if s := p.streams.of(h.identity, p.cfg.Nodes); s != nil && in.From == h.origin {
			p.settle(s, h.settled, out)
		}
	default:
		out.Note(impl.Malformed, uint64(in.From), h.n)
	}
}

// refuses says why nothing can be taken in now.
func (p *phased) refuses() impl.Code {
	switch {
	case !p.ready:
		return impl.Stale
	case p.book.broken:
		return impl.StorageBroken
	}
	return impl.NoCode
}

// take takes in a message, or its outcome: what is new is logged, and the hop accepted when the disk has it.
func (p *phased) take(in impl.Input, h header, body []byte, out *impl.Effects) {
	s := p.streams.of(h.identity, p.cfg.Nodes)
	if s == nil || h.n == 0 || s == p.self && h.n > p.sent {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), h.n)
		return
	}
	if h.kind == phasedData {
		p.settle(s, h.settled, out)
	}
	m := s.slots.Reach(h.n)
	switch {
	case m == nil && h.n > s.frontier(): // too far ahead: the hop is not accepted
		out.Note(impl.Overflow, uint64(h.origin), h.n)
	case m == nil || m.stage == finished || m.stage == waiting && h.kind == phasedData:
		out.Accept(in.Ref)
		p.reply(h, out)
		out.Note(impl.Duplicate, uint64(h.origin), h.n)
	case m.stage == noting || m.stage == closing:
		m.refs = append(m.refs, in.Ref)
		if m.outcome == open {
			m.outcome = outcomes[h.kind]
		}
	case h.kind == phasedData:
		p.note(in, s, h.n, m, body, out)
	case h.kind == phasedCommit && m.stage == absent: // it can't be delivered, and is not acknowledged
		out.Accept(in.Ref)
		out.Note(impl.HeldBack, uint64(h.origin), h.n)
	default:
		m.refs = append(m.refs[:0], in.Ref)
		if m.stage == absent {
			m.body = body
		}
		p.close(s, h.n, m, outcomes[h.kind], out)
	}
}

var outcomes = [...]outcome{phasedData: open, phasedCommit: commit, phasedAbort: abort}

// reply acknowledges to its sender what is on disk.
func (p *phased) reply(h header, out *impl.Effects) {
	kind := byte(phasedVote)
	if h.kind != phasedData {
		kind = phasedDone
	}
	out.Down(h.origin, header{identity: h.identity, kind: kind}.behind(nil, out), 0).Code = impl.BareAck
}

// note logs a message.
func (p *phased) note(in impl.Input, s *stream[prepared], n uint64, m *prepared, body []byte, out *impl.Effects) {
	out.Note(impl.PointReceived, uint64(s.origin), n)
	at := uint64(0)
	if p.phases == 1 {
		at = p.places.next()
	}
	m.body, m.stage = body, noting
	m.refs = append(m.refs[:0], in.Ref)
	m.record = p.book.add(out, recordPrepared, putPlace(out, identity{n, s.incarnation, s.origin}, at), body)
	p.later(phaseLogging{m.record, s, n, false})
	out.Note(impl.HeldBack, uint64(s.origin), n)
}

// close logs the outcome of a message. One that is aborted has its place behind what is delivered before it; where it
// never came, the record has what its sender says that it was.
func (p *phased) close(s *stream[prepared], n uint64, m *prepared, o outcome, out *impl.Effects) {
	var unprepared []byte
	if m.stage == absent {
		unprepared = m.body
	}
	m.outcome, m.stage = o, closing
	id := identity{n, s.incarnation, s.origin}
	if o == commit {
		m.place = p.book.add(out, recordCommit, putPlace(out, id, p.places.next()))
	} else {
		m.place = p.book.add(out, recordAbort, putPlace(out, id, p.places.last), unprepared)
	}
	p.later(phaseLogging{m.place, s, n, false})
}

// resolve goes on with a message of which a record is on disk: acknowledges it, and delivers what has to wait no longer.
func (p *phased) resolve(s *stream[prepared], n uint64, now spec.Time, out *impl.Effects) {
	m := s.slots.At(n)
	id := identity{n, s.incarnation, s.origin}
	out.Note(impl.PointLogged, uint64(s.origin), n)
	for _, ref := range m.refs {
		out.Accept(ref)
	}
	m.refs = m.refs[:0]
	delivers := false
	if m.stage == noting {
		p.reply(header{identity: id, kind: phasedData}, out)
		m.stage, m.since = waiting, now
		if p.phases == 1 || !p.Rules.Waits() {
			m.stage, m.outcome, delivers = finished, commit, true
		}
	} else {
		p.reply(header{identity: id, kind: phasedCommit}, out)
		m.stage, delivers = finished, m.outcome == commit
	}
	out.Note(impl.PointAcked, uint64(s.origin), n)
	if m.stage == finished && !delivers && m.body != nil {
		out.Note(impl.Aborted, uint64(s.origin), n)
	}
	switch {
	case delivers:
		p.answers = append(p.answers, impl.Effect{Kind: impl.Up, From: s.origin, To: impl.Everyone, Body: m.body})
	case m.stage == finished:
		p.answers = append(p.answers, impl.Effect{Kind: impl.Gap, From: s.origin, Num: n, Last: n, Body: m.body})
	}
	switch {
	case m.stage == waiting && m.outcome != open:
		p.close(s, n, m, m.outcome, out)
	case m.stage == waiting:
		p.watch(now, out)
	default:
		p.settle(s, s.settled, out)
	}
}

// watch lets the timer of those in doubt run.
func (p *phased) watch(now spec.Time, out *impl.Effects) {
	if p.aborts && !p.asking {
		p.asking = true
		out.SetTimer(askTimer, now+spec.Time(p.cfg.TL))
	}
}

// doubt asks everybody for the outcome of what has waited for it so long.
func (p *phased) doubt(now, patience spec.Time, out *impl.Effects) {
	for _, s := range p.streams.list {
		for n := s.slots.First(); p.aborts && n <= s.slots.Last(); n++ {
			m := s.slots.At(n)
			if m.stage != waiting {
				continue
			}
			p.watch(now, out)
			if now-m.since < patience {
				continue
			}
			m.since = now
			ask := header{identity: identity{n, s.incarnation, s.origin}, kind: phasedAsk}.behind(nil, out)
			out.Down(impl.Everyone, ask, 0)
			if p.cfg.Index(s.origin) < 0 {
				out.Down(s.origin, ask, 0)
			}
		}
	}
}

// asked tells one in doubt the outcome, where it is known here. What the sender knows nothing of is aborted.
func (p *phased) asked(from spec.NodeID, id identity, out *impl.Effects) {
	own := id.origin == p.cfg.Self
	switch {
	case from == p.cfg.Self || !p.aborts:
	case own && (id.incarnation != p.self.incarnation || id.n > p.sent):
		if !p.damaged {
			p.say(from, id, abort, nil, out)
		}
	case own:
		if x := p.own.At(id.n); x != nil && x.phase == announce {
			p.transmit(from, id.n, x, out)
		}
	default:
		if s := p.streams.of(id, p.cfg.Nodes); s != nil {
			if m := s.slots.At(id.n); m != nil && m.stage == finished {
				p.say(from, id, m.outcome, nil, out)
			}
		}
	}
}

// settle lets go of what is over at all members.
func (p *phased) settle(s *stream[prepared], upto uint64, out *impl.Effects) {
	s.settled = max(s.settled, upto)
	before := s.frontier()
	for s.frontier() < s.settled {
		m := s.slots.At(s.slots.First())
		if m == nil || m.stage != finished {
			break
		}
		p.book.free(m.record)
		p.book.free(m.place)
		*m = prepared{refs: m.refs[:0]}
		s.slots.Drop()
	}
	if s != p.self && s.frontier() > before {
		p.book.remark(out, recordSettled, putIdentity(out, identity{s.frontier(), s.incarnation, s.origin}))
	}
}

// trim cuts the head off the log, when it is too long and nobody needs it.
func (p *phased) trim(out *impl.Effects) {
	if !p.book.overgrown(p.Rules.History) {
		return
	}
	if p.begun {
		p.book.remark(out, recordBegun, putIdentity(out, p.me(p.sent)))
	}
	for _, s := range p.streams.list {
		over := s.frontier()
		if s == p.self {
			over = p.own.First() - 1
		}
		if over > 0 {
			p.book.remark(out, recordSettled, putIdentity(out, identity{over, s.incarnation, s.origin}))
		}
	}
	for n := p.own.First(); n <= p.own.Last(); n++ {
		p.recall(n, p.own.At(n), out)
	}
	p.book.cut()
}

// recall writes again who has acknowledged an own message.
func (p *phased) recall(n uint64, x *undecided, out *impl.Effects) {
	kind := byte(recordVote)
	switch x.phase {
	case announce:
		kind = recordDone
	case prepare:
	default:
		return
	}
	for _, m := range p.cfg.Members {
		if !x.lacking.Has(m) {
			p.book.remark(out, kind, putIdentity(out, identity{n, p.self.incarnation, m}))
		}
	}
}
