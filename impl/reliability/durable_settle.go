package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What happens to a message from when it is on disk until every member has it, at the level durable.

// persisted goes on with everything that is on disk now: first what goes down, then what goes up.
func (d *Durable) persisted(in impl.Input, out *impl.Effects) {
	d.book.persisted(in.Ref, out)
	last := d.due.First() - 1
	for last < d.due.Last() && d.due.At(last+1).record <= d.book.synced {
		last++
		if x := d.due.At(last); x.own {
			d.transmit(x.n, out)
		} else {
			d.relay(x.s, x.n, out)
		}
	}
	d.advance(in.Now, out)
	d.trim(out)
	d.book.sync(out)
	for ; d.due.First() <= last; d.due.Drop() {
		x := d.due.At(d.due.First())
		if !x.own {
			out.Up(x.s.origin, impl.Everyone, x.body)
		}
		x.body = nil
	}
	d.upward(out)
}

// transmit sends an own message that is on disk.
func (d *Durable) transmit(n uint64, out *impl.Effects) {
	x := d.own.At(n)
	x.logged = true
	if d.member() {
		x.has.Add(d.cfg.Self)
	}
	d.self.slots.At(n).fate = sent
	out.Note(impl.PointLogged, uint64(d.cfg.Self), n)
	d.sendCopy(impl.Everyone, d.self, n, out)
	out.Note(impl.PointAllSent, n, 0)
	d.answer(n)
}

// relay sends a message on that is on disk, and accepts its hops and confirms it.
func (d *Durable) relay(s *stream[copied], n uint64, out *impl.Effects) {
	m := s.slots.At(n)
	m.fate = placed
	out.Note(impl.PointLogged, uint64(s.origin), n)
	for _, ref := range m.refs {
		out.Accept(ref)
	}
	m.refs = m.refs[:0]
	if s.origin != d.cfg.Self {
		d.sendCopy(impl.Everyone, s, n, out)
		out.Note(impl.PointRelayed, uint64(s.origin), n)
		d.confirm(identity{n, s.incarnation, s.origin}, out)
		out.Note(impl.PointAcked, uint64(s.origin), n)
	}
	d.settle(s, s.settled, out)
}

func (d *Durable) member() bool { return d.cfg.Index(d.cfg.Self) >= 0 }

// confirm tells the sender of a message that it is on this disk.
func (d *Durable) confirm(id identity, out *impl.Effects) {
	out.Down(id.origin, header{identity: id, kind: durableConfirm}.behind(nil, out), 0).Code = impl.BareAck
}

// confirmed takes in that a message is on another disk.
func (d *Durable) confirmed(in impl.Input, id identity, out *impl.Effects) {
	if id.origin != d.cfg.Self || id.incarnation != d.self.incarnation {
		out.Note(impl.Stale, uint64(in.From), id.n)
		return
	}
	if d.has(id.n, in.From) {
		out.Note(impl.PointSomeAcked, id.n, 0)
	}
	d.advance(in.Now, out)
	d.upward(out)
}

// has notes that a node has an own message on its disk, and says whether somebody lacks it still.
func (d *Durable) has(n uint64, node spec.NodeID) (open bool) {
	x := d.own.At(n)
	if x == nil || !x.logged || d.cfg.Index(node) < 0 {
		return false
	}
	x.has.Add(node)
	d.answer(n)
	return x.has.Len() < len(d.cfg.Members)
}

// answer tells the application of an own message, when enough disks have it.
func (d *Durable) answer(n uint64) {
	x := d.own.At(n)
	if x == nil || !x.logged || x.answered || x.has.Len() < d.quorum.of(len(d.cfg.Members)) {
		return
	}
	x.answered = true
	if x.ref != 0 {
		d.answers = append(d.answers, impl.Effect{Kind: impl.Acknowledge, Ref: x.ref})
	}
}

// upward says what the application has to be told, last of a step.
func (d *Durable) upward(out *impl.Effects) {
	out.List = append(out.List, d.answers...)
	d.answers = d.answers[:0]
}

// advance lets go of the own messages that all members have.
func (d *Durable) advance(now spec.Time, out *impl.Effects) {
	for d.own.Len() > 0 {
		if x := d.own.At(d.own.First()); !x.logged || x.has.Len() < len(d.cfg.Members) {
			break
		}
		d.own.Drop()
	}
	d.settle(d.self, d.own.First()-1, out)
	if d.self.settled > d.told && !d.armed {
		d.armed = true
		out.SetTimer(0, now+spec.Time(d.cfg.TS))
	}
}

// probe is the first of the timers for a suspected peer; the timer before it is for what the group is to be told.
const probe = 1

// fire asks a suspected peer, which may have been cut off and have missed something, again and again; or tells the
// group what all have, where no message has said so in the meantime.
func (d *Durable) fire(in impl.Input, out *impl.Effects) {
	if d.book.broken {
		return
	}
	if in.Num >= probe {
		if to := spec.NodeID(in.Num - probe); d.suspected.Has(to) {
			d.ask(to, durableAsk, out)
			out.SetTimer(in.Num, in.Now+spec.Time(d.cfg.TL))
		}
		return
	}
	d.armed = false
	if d.self.settled > d.told {
		d.told = d.self.settled
		out.Down(impl.Everyone, header{d.me(0), d.told, durableSettled}.behind(nil, out), 0)
	}
}

// settle lets go of what all members have on disk.
func (d *Durable) settle(s *stream[copied], upto uint64, out *impl.Effects) {
	s.settled = max(s.settled, upto)
	before := s.frontier()
	for s.frontier() < s.settled {
		m := s.slots.At(s.slots.First())
		if m == nil || m.fate != placed && (m.fate != sent || d.member()) {
			break
		}
		d.drop(s, m)
	}
	if s.frontier() > before {
		d.book.remark(out, recordSettled, putIdentity(out, identity{s.frontier(), s.incarnation, s.origin}))
	}
}

func (d *Durable) drop(s *stream[copied], m *copied) {
	d.book.free(m.record)
	d.book.free(m.place)
	*m = copied{refs: m.refs[:0]}
	s.slots.Drop()
}

// trim cuts the head off the log, when it is too long and nobody needs it.
func (d *Durable) trim(out *impl.Effects) {
	if !d.book.overgrown(d.Rules.History) {
		return
	}
	if d.begun {
		d.book.remark(out, recordBegun, putIdentity(out, d.me(d.sent)))
	}
	for _, s := range d.streams.list {
		if s.frontier() > 0 {
			d.book.remark(out, recordSettled, putIdentity(out, identity{s.frontier(), s.incarnation, s.origin}))
		}
	}
	d.book.cut()
}
