package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// recover reads the log. What it says is done at ready.
func (d *Durable) recover(log []byte) {
	d.journal = d.Rules.Read(log)
	d.book.begin(&d.journal, len(log))
	d.streams.settle(d.journal.Records, d.cfg.Nodes)
	fresh := d.self
	bodies := map[identity][]byte{} // of own messages
	for i, r := range d.journal.Records {
		d.reread(uint64(i+1), r, bodies)
	}
	if !d.recount() || d.journal.Corrupted > 0 {
		d.self, d.sent, d.begun = fresh, 0, false
		d.own.Restart(0)
	}
	d.told = d.self.settled
}

// reread takes in one record.
func (d *Durable) reread(record uint64, r impl.Record, bodies map[identity][]byte) {
	switch r.Kind {
	case recordBegun, recordSent:
		id, body, ok := cutFront(r.Payload)
		if !ok || id.origin != d.cfg.Self {
			d.book.free(record)
			return
		}
		if id.incarnation != d.self.incarnation || !d.begun {
			d.self, d.sent, d.begun = d.streams.of(id, d.cfg.Nodes), 0, true
		}
		d.sent = max(d.sent, id.n)
		if r.Kind == recordBegun {
			d.book.free(record)
			return
		}
		bodies[id] = body
		if m := d.kept(d.self, id.n, record); m != nil {
			m.body, m.record, m.fate = body, record, sent
		}
	case recordOwn, recordGot:
		d.refind(record, r, bodies)
	default:
		d.book.free(record)
	}
}

// refind takes in the record of a delivery.
func (d *Durable) refind(record uint64, r impl.Record, bodies map[identity][]byte) {
	id, index, body, ok := fields(r.Payload)
	s := d.streams.of(id, d.cfg.Nodes)
	if !ok || s == nil {
		d.book.free(record)
		return
	}
	known := true
	if r.Kind == recordOwn {
		body, known = bodies[id]
	}
	d.places.find(place{index: index, origin: id.origin, body: body}, known)
	m := d.kept(s, id.n, record)
	if m == nil || !d.Rules.Remembers(id.n) {
		return
	}
	m.place = record
	if known {
		m.body, m.fate = body, placed
	}
}

// kept gives the slot of a message that somebody may lack; a record of another is not needed.
func (d *Durable) kept(s *stream[copied], n, record uint64) *copied {
	m := s.slots.Reach(n)
	if m == nil {
		d.book.free(record)
	}
	return m
}

// recount finds the own messages that are not settled. It says whether the log has all of them.
func (d *Durable) recount() bool {
	d.sent = max(d.sent, d.self.settled)
	d.own.Restart(d.self.settled)
	for n := d.self.settled + 1; n <= d.sent; n++ {
		if m := d.self.slots.At(n); m == nil || m.fate == unknown {
			return false
		}
		_, x := d.own.Push()
		*x = unconfirmed{logged: true, answered: true} // whoever asked for an answer is gone
		if d.member() {
			x.has.Add(d.cfg.Self)
		}
	}
	return true
}

// renumber begins to count anew: others have own messages that the log does not, so that it has lost its end.
func (d *Durable) renumber() {
	if d.own.Len() == 0 && d.self.incarnation != d.incarnation {
		d.self = d.streams.of(identity{incarnation: d.incarnation, origin: d.cfg.Self}, d.cfg.Nodes)
		d.sent, d.told, d.begun = 0, 0, false
		d.own.Restart(0)
	}
}

// begin resumes where the log left off: asks, sends again what nobody can ask for, and hands up again.
func (d *Durable) begin(in impl.Input, out *impl.Effects) {
	d.ready = true
	d.book.mend(&d.journal, out)
	if d.journal.Corrupted > 0 {
		out.Note(impl.Corrupted, uint64(d.journal.Corrupted), uint64(d.journal.Torn))
	}
	if d.incarnation > 0 || len(d.journal.Records) > 0 {
		out.Note(impl.PointRecovering, uint64(len(d.journal.Records)), uint64(d.journal.Torn))
		for _, m := range d.cfg.Members {
			d.ask(m, durableAsk, out)
		}
		for _, s := range d.streams.list {
			if s.origin == d.cfg.Self {
				d.resume(s, out)
			}
		}
	}
	for _, send := range d.early {
		d.write(send, out)
	}
	d.advance(in.Now, out)
	d.book.sync(out)
	d.places.again(in, out)
	d.underway(out)
	d.journal, d.early = impl.Journal{}, nil
}

// underway tells the layer above, after all that is delivered again, which of its messages an earlier life has logged and
// not delivered: they will come.
func (d *Durable) underway(out *impl.Effects) {
	if d.incarnation == 0 {
		return
	}
	for _, s := range d.streams.list {
		for n := s.slots.First(); s.origin == d.cfg.Self && n <= s.slots.Last(); n++ {
			if m := s.slots.At(n); m.fate == sent {
				out.Add(impl.Effect{Kind: impl.Resume, Body: m.body})
			}
		}
	}
	out.Add(impl.Effect{Kind: impl.Resume, Flag: true})
}

// resume sends again the own messages of which one's own copy has not come.
func (d *Durable) resume(s *stream[copied], out *impl.Effects) {
	for n := s.slots.First(); n <= s.slots.Last(); n++ {
		if s.slots.At(n).fate == sent {
			d.sendCopy(impl.Everyone, s, n, out)
		}
	}
}

// ask tells a peer what this node has: of each stream the first number that it lacks, and what it no longer keeps.
func (d *Durable) ask(to spec.NodeID, kind byte, out *impl.Effects) {
	if d.refuses() != impl.NoCode || to == d.cfg.Self || to < 0 || int(to) >= d.cfg.Nodes {
		return
	}
	var body []byte
	for _, s := range d.streams.list {
		lacks := s.slots.First()
		for d.offers(s, lacks) {
			lacks++
		}
		if lacks > 1 {
			body = out.Extend(body, placeLen)
			writePlace(body[len(body)-placeLen:], identity{lacks, s.incarnation, s.origin}, s.frontier())
		}
	}
	out.Down(to, header{d.me(0), d.self.settled, kind}.behind(body, out), 0)
}

// offers says whether this node's disk has a message that it can send to others.
func (d *Durable) offers(s *stream[copied], n uint64) bool {
	m := s.slots.At(n)
	return m != nil && (m.fate == placed || m.record != 0 && m.fate >= sent)
}

// compare reads what a peer has, and sends it what it lacks.
func (d *Durable) compare(in impl.Input, kind byte, body []byte, out *impl.Effects) {
	if len(body)%placeLen != 0 {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(body)))
		return
	}
	for b := body; len(b) > 0; b = b[placeLen:] {
		id, gone, _, _ := fields(b[:placeLen])
		s := d.streams.of(id, d.cfg.Nodes)
		if s == d.self && id.n > d.sent+1 {
			d.renumber()
		}
		switch {
		case s == nil:
		case s == d.self:
			for n := d.own.First(); n < id.n && n <= d.own.Last(); n++ {
				d.has(n, in.From)
			}
		default:
			d.skip(s, gone, out)
		}
	}
	d.advance(in.Now, out)
	if d.cfg.Index(in.From) >= 0 {
		for _, s := range d.streams.list {
			d.sendLacking(in.From, s, lackedIn(body, s.identity), out)
		}
	}
	if kind == durableAsk {
		d.ask(in.From, durableAnswer, out)
	}
	d.trim(out)
	d.book.sync(out)
	d.upward(out)
}

// lackedIn gives the first number of a stream that the sender of a comparison lacks.
func lackedIn(body []byte, of identity) uint64 {
	for b := body; len(b) > 0; b = b[placeLen:] {
		if id, _, _, _ := fields(b[:placeLen]); id.origin == of.origin && id.incarnation == of.incarnation {
			return id.n
		}
	}
	return 1
}

func (d *Durable) sendLacking(to spec.NodeID, s *stream[copied], first uint64, out *impl.Effects) {
	for n := max(first, s.slots.First()); n <= s.slots.Last(); n++ {
		if d.offers(s, n) {
			d.sendCopy(to, s, n, out)
		}
	}
}

// skip lets go of what a peer no longer keeps because all members had it on disk. What of that is missing here was on a
// disk that has been lost: the application is told.
func (d *Durable) skip(s *stream[copied], gone uint64, out *impl.Effects) {
	for d.settle(s, gone, out); s.frontier() < gone; d.settle(s, gone, out) {
		n := s.slots.First()
		m := s.slots.At(n)
		switch {
		case m == nil:
			s.slots.Restart(gone)
			d.lost(s.origin, n, gone)
		case m.fate == unknown:
			d.drop(s, m)
			d.lost(s.origin, n, n)
		default: // on its way to the disk
			return
		}
	}
}

// lost says that some messages of an origin are gone for good.
func (d *Durable) lost(origin spec.NodeID, first, last uint64) {
	if k := len(d.answers); k > 0 {
		if e := &d.answers[k-1]; e.Kind == impl.Gap && e.From == origin && e.Last == first-1 {
			e.Last = last
			return
		}
	}
	d.answers = append(d.answers, impl.Effect{Kind: impl.Gap, From: origin, Num: first, Last: last})
}
