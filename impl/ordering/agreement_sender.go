package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ballots are the messages of one life of this node that are without a number, or whose number has not come back.
type ballots struct {
	ring        impl.Ring[ballot]
	incarnation uint32
}

// ballot is an agreement under way, at the sender of the message. A slot that is not in use is empty.
type ballot struct {
	missing impl.NodeSet // members that have proposed nothing yet
	best    Priority
	ref     impl.Ref
	asked   spec.Time // when the members were last told of the message, or of its number
	patient spec.Time // how long to wait after that
	stage   ballotStage
}

type ballotStage uint8

const (
	noBallot ballotStage = iota
	collecting
	announced // the number is on its way, one's own copy of it too
	closed
)

// maxBallots is how many messages of a sender can be without a number.
const maxBallots = 1 << 12

func (a *Agreement) send(in impl.Input, out *impl.Effects) {
	if a.cfg.Index(a.cfg.Self) >= 0 && !a.member() {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	if a.views.blocked {
		out.Refuse(in.Ref, impl.ViewChanging)
		return
	}
	l := a.life(a.incarnation)
	if l == nil || l.ring.Len() >= maxBallots {
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	a.sent++
	a.begin(l, a.sent, in.Ref, in.Now, spec.Time(a.cfg.TL))
	out.Down(impl.Everyone, agreementID{a.sent, a.incarnation}.seal(agreementMessage, in.Body, out), in.Ref)
	a.arm(in.Now+spec.Time(a.cfg.TL), out)
}

// life gives the ballots of one of this node's lives.
func (a *Agreement) life(incarnation uint32) *ballots {
	l := a.ballots.Of(int(a.cfg.Self), a.cfg.Nodes, incarnation)
	if l != nil && l.ring.Last() == 0 {
		l.incarnation = incarnation
		for _, known := range a.lives {
			if known == l {
				return l
			}
		}
		a.lives = append(a.lives, l)
	}
	return l
}

// begin opens the ballot of a message.
func (a *Agreement) begin(l *ballots, n uint64, ref impl.Ref, now, patient spec.Time) {
	b := l.ring.Reach(n)
	if b == nil || b.stage != noBallot {
		return
	}
	b.missing.Clear()
	for _, m := range a.cfg.Members {
		b.missing.Add(m)
	}
	b.best, b.ref, b.asked, b.patient, b.stage = Priority{}, ref, now, patient, collecting
}

// resume opens the ballot of a message that this node sent in an earlier life, of which it has forgotten everything.
func (a *Agreement) resume(id agreementID, now spec.Time, out *impl.Effects) {
	if l := a.life(id.incarnation); l != nil && id.incarnation < a.incarnation {
		a.begin(l, id.n, 0, now, spec.Time(a.cfg.TS))
		a.arm(now+spec.Time(a.cfg.TS), out)
	}
}

// collect takes a proposal in, and announces the number when there are enough.
func (a *Agreement) collect(in impl.Input, id agreementID, p Priority, out *impl.Effects) {
	var b *ballot
	l := a.ballots.Of(int(a.cfg.Self), a.cfg.Nodes, id.incarnation)
	if l != nil && id.incarnation <= a.incarnation {
		b = l.ring.At(id.n)
	}
	switch {
	case b == nil || b.stage != collecting || p.By != in.From || p.N == 0:
		out.Note(impl.Stale, uint64(in.From), id.n)
	case !b.missing.Remove(in.From):
		out.Note(impl.Duplicate, uint64(in.From), id.n)
	default:
		b.best = a.Rules.Largest(b.best, p)
		a.decide(id, l, b, in.Now, out)
	}
	if a.late.Remove(in.From) {
		out.Trust(in.From)
	}
}

// decide announces the number when there are enough proposals; not while a view ends.
func (a *Agreement) decide(id agreementID, l *ballots, b *ballot, now spec.Time, out *impl.Effects) {
	if a.views.blocked || !a.Rules.Decides(b.missing.Len(), len(a.cfg.Members)) {
		return
	}
	b.stage, b.asked, b.patient = announced, now, spec.Time(a.cfg.TL)
	out.Down(impl.Everyone, id.tell(agreementNumber, b.best, out), 0)
	if !a.member() { // gets no copy
		l.close(id.n)
	}
}

// close ends a ballot.
func (l *ballots) close(n uint64) {
	b := l.ring.At(n)
	if b == nil || b.stage == noBallot {
		return
	}
	b.stage = closed
	for l.ring.Len() > 0 {
		b := l.ring.At(l.ring.First())
		if b.stage != closed {
			return
		}
		b.stage = noBallot
		l.ring.Drop()
	}
}

// withdraw ends the ballot of a message that the level below has refused.
func (a *Agreement) withdraw(ref impl.Ref) {
	if ref == 0 {
		return
	}
	for _, l := range a.lives {
		for n := l.ring.First(); n <= l.ring.Last(); n++ {
			if b := l.ring.At(n); b.stage == collecting && b.ref == ref {
				l.close(n)
				return
			}
		}
	}
}

// arm sees to it that the timer fires at that time or earlier.
func (a *Agreement) arm(at spec.Time, out *impl.Effects) {
	if a.alarm == 0 || at < a.alarm {
		a.alarm = at
		out.SetTimer(0, at)
	}
}

// fire asks those for their proposals that have been silent for too long, and says again what has been agreed where
// not even one's own copy has come.
func (a *Agreement) fire(now spec.Time, out *impl.Effects) {
	a.alarm = 0
	var owing impl.NodeSet
	tl := spec.Time(a.cfg.TL)
	for _, l := range a.lives {
		for n := l.ring.First(); n <= l.ring.Last(); n++ {
			b := l.ring.At(n)
			if b.stage != collecting && b.stage != announced {
				continue
			}
			if now >= b.asked+b.patient {
				a.urge(agreementID{n, l.incarnation}, b, b.patient >= tl, &owing, out)
				b.asked, b.patient = now, tl
			}
			a.arm(b.asked+b.patient, out)
		}
	}
	for m := owing.Next(0); m >= 0; m = owing.Next(m + 1) {
		if !a.silent.Has(m) && a.late.Add(m) {
			out.Suspect(m)
		}
	}
}

// urge repeats what somebody has not heard, and adds those that have owed a proposal for TL.
func (a *Agreement) urge(id agreementID, b *ballot, late bool, owing *impl.NodeSet, out *impl.Effects) {
	if b.stage == announced {
		out.Down(impl.Everyone, id.tell(agreementNumber, b.best, out), 0)
		return
	}
	for m := b.missing.Next(0); m >= 0; m = b.missing.Next(m + 1) {
		out.Down(m, id.seal(agreementAsk, nil, out), 0)
		if late {
			owing.Add(m)
		}
	}
}
