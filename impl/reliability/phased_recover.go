package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// recover reads the log. What it says is done at ready.
func (p *phased) recover(log []byte) {
	p.journal = p.Rules.Read(log)
	p.damaged = p.journal.Corrupted > 0
	p.book.begin(&p.journal, len(log))
	p.streams.settle(p.journal.Records, p.cfg.Nodes)
	fresh := p.self
	bodies := map[identity][]byte{} // of messages whose outcome may stand behind them
	whole := true
	for i, r := range p.journal.Records {
		switch r.Kind {
		case recordBegun, recordMessage, recordDecision, recordVote, recordDone:
			whole = p.reread(uint64(i+1), r) && whole
		case recordPrepared, recordCommit, recordAbort:
			p.refind(uint64(i+1), r, bodies)
		default:
			p.book.free(uint64(i + 1))
		}
	}
	if !whole || p.damaged {
		p.self, p.sent, p.begun = fresh, 0, false
		p.own.Restart(0)
	}
	p.told = p.own.First() - 1
}

// reread takes in a record of what this node sends. It says whether it makes sense behind those before it.
func (p *phased) reread(record uint64, r impl.Record) bool {
	id, rest, ok := cutFront(r.Payload)
	if r.Kind != recordMessage && r.Kind != recordDecision {
		p.book.free(record)
	}
	switch {
	case !ok:
		p.book.free(record)
	case r.Kind == recordBegun, r.Kind == recordMessage:
		return p.resent(record, r.Kind, id, rest)
	case p.own.At(id.n) == nil || id.incarnation != p.self.incarnation: // it is settled
		p.book.free(record)
	case r.Kind == recordDecision:
		x := p.own.At(id.n)
		_, o, _, ok := fields(r.Payload)
		if !ok || outcome(o) != commit && outcome(o) != abort {
			return false
		}
		x.phase, x.outcome, x.decided = announce, outcome(o), record
		p.all(x)
	default:
		x := p.own.At(id.n)
		if member := p.cfg.Index(id.origin) >= 0; member && (r.Kind == recordVote) == (x.phase == prepare) {
			x.lacking.Remove(id.origin)
		}
	}
	return ok
}

// resent takes in how the numbers of this node began, or an own message.
func (p *phased) resent(record uint64, kind byte, id identity, body []byte) bool {
	if id.origin != p.cfg.Self {
		p.book.free(record)
		return false
	}
	if !p.begun || id.incarnation != p.self.incarnation {
		p.self, p.begun = p.streams.of(id, p.cfg.Nodes), true
		p.sent = p.self.settled
		p.own.Restart(p.self.settled)
	}
	switch {
	case kind == recordBegun:
	case id.n <= p.self.settled:
		p.book.free(record)
	case id.n != p.sent+1:
		return false
	default:
		p.sent = id.n
		_, x := p.own.Push()
		*x = undecided{body: body, record: record, phase: prepare}
		p.all(x)
	}
	return true
}

// all lets every member owe an acknowledgement.
func (p *phased) all(x *undecided) {
	x.lacking.Clear()
	for _, m := range p.cfg.Members {
		x.lacking.Add(m)
	}
}

// refind takes in a record of what this node has received.
func (p *phased) refind(record uint64, r impl.Record, bodies map[identity][]byte) {
	id, index, body, ok := fields(r.Payload)
	s := p.streams.of(id, p.cfg.Nodes)
	if !ok || s == nil {
		p.book.free(record)
		return
	}
	known := true
	switch r.Kind {
	case recordPrepared:
		bodies[id] = body
	case recordCommit:
		body, known = bodies[id]
	case recordAbort:
		if b, prepared := bodies[id]; prepared {
			body = b
		}
	}
	switch {
	case r.Kind == recordAbort:
		p.places.find(place{index: index, origin: id.origin, body: body, aborted: id.n}, true)
	case index > 0:
		p.places.find(place{index: index, origin: id.origin, body: body}, known)
	}
	m := s.slots.Reach(id.n)
	if m == nil {
		p.book.free(record)
		return
	}
	switch {
	case r.Kind == recordPrepared:
		m.body, m.record, m.stage = body, record, waiting
		if index > 0 {
			m.stage, m.outcome = finished, commit
		}
	case r.Kind == recordCommit && known:
		m.place, m.stage, m.outcome = record, finished, commit
	case r.Kind == recordAbort:
		m.place, m.stage, m.outcome = record, finished, abort
	}
}

// begin resumes where the log left off.
func (p *phased) begin(in impl.Input, out *impl.Effects) {
	p.ready = true
	p.book.mend(&p.journal, out)
	if p.damaged {
		out.Note(impl.Corrupted, uint64(p.journal.Corrupted), uint64(p.journal.Torn))
	}
	if p.incarnation > 0 || len(p.journal.Records) > 0 {
		out.Note(impl.PointRecovering, uint64(len(p.journal.Records)), uint64(p.journal.Torn))
	}
	for n := p.own.First(); n <= p.own.Last(); n++ {
		if x := p.own.At(n); p.Rules.Resumes(n) {
			p.resume(n, x, in.Now, out)
		} else {
			x.phase = over
		}
	}
	p.doubt(in.Now, 0, out)
	for _, send := range p.early {
		p.write(send, out)
	}
	p.advance(in.Now, out)
	p.book.sync(out)
	p.places.again(in, out)
	p.underway(out)
	p.upward(out)
	p.journal, p.early = impl.Journal{}, nil
}

// underway tells the layer above, after all that is delivered again, which of its messages an earlier life has logged and
// not delivered: they will come, or are aborted.
func (p *phased) underway(out *impl.Effects) {
	if p.incarnation == 0 {
		return
	}
	for n := p.own.First(); n <= p.own.Last(); n++ {
		x, m := p.own.At(n), p.self.slots.At(n)
		if x.phase == logMessage || m != nil && m.stage == finished { // it is of this life, or is over here
			continue
		}
		e := impl.Effect{Kind: impl.Resume, Body: x.body}
		if x.outcome == abort {
			e.Code = impl.Aborted
		}
		out.Add(e)
	}
	out.Add(impl.Effect{Kind: impl.Resume, Flag: true})
}

// resume goes on with an own message: what could be aborted is, the rest is sent to those that owe an acknowledgement.
func (p *phased) resume(n uint64, x *undecided, now spec.Time, out *impl.Effects) {
	x.since = now
	switch {
	case p.aborts && x.phase == prepare:
		p.decide(n, x, abort, out)
	case x.lacking.Len() == 0:
		p.counted(n, x, out)
	default:
		for m := x.lacking.Next(0); m >= 0; m = x.lacking.Next(m + 1) {
			p.transmit(m, n, x, out)
		}
		p.retry(x, spec.Time(p.cfg.TS), now, out)
	}
}
