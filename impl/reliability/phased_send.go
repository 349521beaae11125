package reliability

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What a sender does from when its message is on disk until every member has told that it is over, at the levels of
// atomic multicast.

// persisted goes on with everything that is on disk now: first what goes down, then what goes up.
func (p *phased) persisted(in impl.Input, out *impl.Effects) {
	p.book.persisted(in.Ref, out)
	for p.due.Len() > 0 && p.due.At(p.due.First()).record <= p.book.synced {
		x := *p.due.At(p.due.First())
		p.due.Drop()
		if x.own {
			p.onward(x.n, in.Now, out)
		} else {
			p.resolve(x.s, x.n, in.Now, out)
		}
	}
	p.advance(in.Now, out)
	p.trim(out)
	p.book.sync(out)
	p.upward(out)
}

// upward says what the application has to be told, last of a step.
func (p *phased) upward(out *impl.Effects) {
	out.List = append(out.List, p.answers...)
	p.answers = p.answers[:0]
}

// onward begins the phase of an own message for which a record is on disk.
func (p *phased) onward(n uint64, now spec.Time, out *impl.Effects) {
	x := p.own.At(n)
	out.Note(impl.PointLogged, uint64(p.cfg.Self), n)
	x.lacking.Clear()
	for _, m := range p.cfg.Members {
		x.lacking.Add(m)
	}
	if x.phase == logMessage {
		x.phase = prepare
	} else {
		x.phase = announce
		p.answer(x)
	}
	p.transmit(impl.Everyone, n, x, out)
	out.Note(impl.PointAllSent, n, uint64(x.phase))
	x.since = now
	p.retry(x, spec.Time(p.cfg.TS), now, out)
	if x.lacking.Len() == 0 { // a group without members
		p.counted(n, x, out)
	}
}

// answer tells the application the outcome.
func (p *phased) answer(x *undecided) {
	switch {
	case x.ref == 0:
	case x.outcome == abort:
		p.answers = append(p.answers, impl.Effect{Kind: impl.Refuse, Ref: x.ref, Code: impl.Aborted})
	default:
		p.answers = append(p.answers, impl.Effect{Kind: impl.Acknowledge, Ref: x.ref})
	}
	x.ref = 0
}

// transmit sends what the present phase of an own message has to say.
func (p *phased) transmit(to spec.NodeID, n uint64, x *undecided, out *impl.Effects) {
	if x.phase == announce {
		if x.outcome == abort { // who has not got the message has to know what it is that will never come
			p.say(to, p.me(n), abort, x.body, out)
		} else {
			p.say(to, p.me(n), commit, nil, out)
		}
		return
	}
	h := header{p.me(n), p.own.First() - 1, phasedData}
	if to == impl.Everyone {
		p.told = h.settled
	}
	out.Down(to, h.behind(x.body, out), 0)
}

// say tells an outcome.
func (p *phased) say(to spec.NodeID, id identity, o outcome, body []byte, out *impl.Effects) {
	h := header{identity: id, kind: phasedCommit}
	if o == abort {
		h.kind = phasedAbort
	}
	out.Down(to, h.behind(body, out), 0)
}

// retry sets when to send again: after wait, and twice that the next time, up to TL.
func (p *phased) retry(x *undecided, wait, now spec.Time, out *impl.Effects) {
	x.wait = time.Duration(min(wait, spec.Time(p.cfg.TL)))
	x.next = now + spec.Time(x.wait)
	if p.aborts && x.phase == prepare {
		x.next = min(x.next, max(now+1, x.since+spec.Time(p.cfg.TL)))
	}
	p.wake(x.next, out)
}

func (p *phased) wake(at spec.Time, out *impl.Effects) {
	if p.alarm == 0 || at < p.alarm {
		p.alarm = at
		out.SetTimer(tryTimer, at)
	}
}

func (p *phased) fire(in impl.Input, out *impl.Effects) {
	if p.book.broken {
		return
	}
	switch in.Num {
	case tellTimer:
		p.telling = false
		if settled := p.own.First() - 1; settled > p.told {
			p.told = settled
			out.Down(impl.Everyone, header{p.me(0), settled, phasedSettle}.behind(nil, out), 0)
		}
	case tryTimer:
		p.alarm = 0
		for n := p.own.First(); n <= p.own.Last(); n++ {
			if x := p.own.At(n); x.phase == prepare || x.phase == announce {
				p.again(n, x, in.Now, out)
			}
		}
		p.book.sync(out)
	case askTimer:
		p.asking = false
		p.doubt(in.Now, spec.Time(p.cfg.TL), out)
	}
}

// again sends once more to those that have not acknowledged; or gives up, where the level may.
func (p *phased) again(n uint64, x *undecided, now spec.Time, out *impl.Effects) {
	waited := now - x.since
	switch {
	case p.aborts && x.phase == prepare && waited >= spec.Time(p.cfg.TL):
		p.decide(n, x, abort, out)
		return
	case !p.Rules.Patient(waited, &p.cfg):
		return
	case x.next <= now:
		for m := x.lacking.Next(0); m >= 0; m = x.lacking.Next(m + 1) {
			out.Note(impl.Retransmitted, uint64(m), n)
			p.transmit(m, n, x, out)
		}
		p.retry(x, 2*spec.Time(x.wait), now, out)
	default:
		p.wake(x.next, out)
	}
}

// decide logs the outcome of an own message.
func (p *phased) decide(n uint64, x *undecided, o outcome, out *impl.Effects) {
	out.Note(impl.PointBetweenPhases, n, uint64(o))
	x.phase, x.outcome = logOutcome, o
	x.decided = p.book.add(out, recordDecision, putPlace(out, p.me(n), uint64(o)))
	p.later(phaseLogging{x.decided, p.self, n, true})
}

// acknowledged takes in that a member has done what the present phase asks for.
func (p *phased) acknowledged(in impl.Input, h header, out *impl.Effects) {
	x := p.own.At(h.n)
	switch {
	case h.origin != p.cfg.Self || h.incarnation != p.self.incarnation || x == nil || p.cfg.Index(in.From) < 0:
		out.Note(impl.Stale, uint64(in.From), h.n)
	case h.kind == phasedVote && x.phase == announce: // it has missed the outcome
		p.transmit(in.From, h.n, x, out)
	case h.kind == phasedVote && x.phase == prepare && x.lacking.Remove(in.From):
		p.book.remark(out, recordVote, putIdentity(out, identity{h.n, h.incarnation, in.From}))
		p.counted(h.n, x, out)
	case h.kind == phasedDone && x.phase == announce && x.lacking.Remove(in.From):
		p.book.remark(out, recordDone, putIdentity(out, identity{h.n, h.incarnation, in.From}))
		p.counted(h.n, x, out)
	default:
		out.Note(impl.Duplicate, uint64(in.From), h.n)
	}
	p.advance(in.Now, out)
	p.book.sync(out)
	p.upward(out)
}

// counted goes on to the next phase when all have acknowledged this one.
func (p *phased) counted(n uint64, x *undecided, out *impl.Effects) {
	switch {
	case x.lacking.Len() > 0:
		out.Note(impl.PointSomeAcked, n, uint64(x.phase))
	case x.phase == prepare && p.phases == 2:
		p.decide(n, x, commit, out)
	default:
		p.answer(x)
		x.phase = over
	}
}

// advance lets go of the own messages that are over.
func (p *phased) advance(now spec.Time, out *impl.Effects) {
	before := p.own.First()
	for p.own.Len() > 0 && p.own.At(p.own.First()).phase == over {
		x := p.own.At(p.own.First())
		p.book.free(x.record)
		p.book.free(x.decided)
		x.body = nil
		p.own.Drop()
	}
	settled := p.own.First() - 1
	if settled >= before {
		p.book.remark(out, recordSettled, putIdentity(out, p.me(settled)))
		p.settle(p.self, settled, out)
	}
	if settled > p.told && !p.telling {
		p.telling = true
		out.SetTimer(tellTimer, now+spec.Time(p.cfg.TS))
	}
}
