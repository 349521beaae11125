package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// earlyView is a packet of a view that has not been installed here yet.
type earlyView struct {
	from spec.NodeID
	view spec.ViewID
	body []byte
}

// maxEarly bounds how many of them are kept.
const maxEarly = 1024

func (l *AtomicView) receive(in impl.Input, out *impl.Effects) {
	p, ok := parseView(in.Body)
	switch order := p.view.Compare(l.view); {
	case !ok:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	case !l.Rules.Current(p.view, l.view):
		out.Note(impl.Stale, uint64(in.From), p.view.Epoch)
	case order <= 0 && l.me < 0:
		out.Note(impl.NotMember, uint64(in.From), p.view.Epoch)
	case order > 0 && len(l.early) >= maxEarly:
		out.Note(impl.Overflow, uint64(in.From), p.view.Epoch)
	case order > 0:
		l.early = append(l.early, earlyView{in.From, p.view, in.Body})
		out.Note(impl.HeldBack, uint64(in.From), p.view.Epoch)
	default:
		l.take(in.From, &p, in.Now, out)
	}
}

// take takes in a packet of this view.
func (l *AtomicView) take(sender spec.NodeID, p *viewPacket, now spec.Time, out *impl.Effects) {
	from := l.index(sender)
	if from < 0 {
		out.Note(impl.NotMember, uint64(sender), p.view.Epoch)
		return
	}
	if s, _ := l.streamOf(identity{origin: sender, incarnation: p.incarnation}); s == nil {
		out.Note(impl.Stale, uint64(sender), uint64(p.incarnation)) // of another life: it has forgotten what this one had
		return
	}
	l.peers[from].heard = now
	l.trust(sender)
	switch p.kind {
	case viewData:
		l.data(p, now, out)
	case viewMark:
		l.mark(from, p, now, out)
	default:
		l.told(from, p, out)
	}
}

// data takes a message in, from whomever it comes.
func (l *AtomicView) data(p *viewPacket, now spec.Time, out *impl.Effects) {
	_, id, _ := cutIdentity(p.rest)
	s, k := l.streamOf(id)
	switch {
	case s == nil || id.n == 0 || k == l.me && id.n > l.sent:
		out.Note(impl.Malformed, uint64(id.origin), id.n)
		return
	case id.n > s.r+2*AtomicViewWindow:
		out.Note(impl.Overflow, uint64(id.origin), id.n)
		return
	}
	var c *viewCopy
	if id.n > s.delivered {
		c = s.ring.Reach(id.n)
	}
	if c == nil || c.arrived {
		out.Note(impl.Duplicate, uint64(id.origin), id.n)
		return
	}
	out.Note(impl.PointReceived, uint64(id.origin), id.n)
	if c.numbered == nil {
		c.numbered = p.rest[:len(p.rest):len(p.rest)]
		l.held++
	}
	c.arrived = true
	for next := s.ring.At(s.r + 1); next != nil && next.arrived; next = s.ring.At(s.r + 1) {
		s.r++
	}
	s.has[k] = max(s.has[k], id.n) // its sender has all that it has sent
	l.arm(now, out)
	if l.flush.under { // all that is told now is told by markers
		l.proceed(now, out)
		return
	}
	news := s.r > s.has[l.me]
	s.has[l.me] = max(s.has[l.me], s.r)
	l.settle(k, news, out)
	if s.delivered < id.n {
		out.Note(impl.HeldBack, uint64(id.origin), id.n)
	}
}

// told takes in what a member has, and what it knows to be stable.
func (l *AtomicView) told(from int, p *viewPacket, out *impl.Effects) {
	for b := p.rest; len(b) > 0; b = b[viewEntry:] {
		id, stable := entryOf(b)
		s, k := l.streamOf(id)
		if s == nil || k == l.me && max(id.n, stable) > l.sent || from == l.me {
			continue
		}
		s.has[from] = max(s.has[from], id.n)
		// Every member has what is stable: I too, or it is not.
		s.stable = max(s.stable, min(stable, s.has[l.me]))
		l.settle(k, false, out)
	}
	if p.kind == viewAsk && from != l.me {
		l.tellAll(viewTold, out)
	}
}

// settle tells all what there is to tell of a stream, and delivers what is stable.
func (l *AtomicView) settle(k int, news bool, out *impl.Effects) {
	s := &l.streams[k]
	before := s.delivered
	s.stable = max(s.stable, l.Rules.Stable(l.me, s.has))
	end := l.Rules.Deliver(s.r, s.stable)
	tells := news && l.Rules.Tells(false) || end > before && l.Rules.Tells(true)
	if tells {
		l.tell(k, out)
	}
	if news {
		out.Note(impl.PointAcked, uint64(l.members[k]), s.has[l.me])
	}
	for s.delivered < end {
		l.deliver(k)
	}
}

// deliver delivers the next message of a stream.
func (l *AtomicView) deliver(k int) {
	s := &l.streams[k]
	s.delivered++
	c := s.ring.At(s.delivered)
	body, id, _ := cutIdentity(c.numbered)
	l.up = append(l.up, impl.Effect{Kind: impl.Up, From: id.origin, To: impl.Everyone, Body: body})
	if c.ref != 0 {
		l.up = append(l.up, impl.Effect{Kind: impl.Acknowledge, Ref: c.ref})
	}
	*c = viewCopy{}
	s.ring.Drop()
	s.r = max(s.r, s.delivered)
	l.held--
}

// arm lets the timer run while anything is not stable.
func (l *AtomicView) arm(now spec.Time, out *impl.Effects) {
	if !l.armed {
		l.armed, l.busy, l.pause = true, now, spec.Time(l.cfg.TL/4)
		out.SetTimer(0, now+l.pause)
	}
}

// tick suspects who has been silent for TL, and tries again what the channel may have given up.
func (l *AtomicView) tick(now spec.Time, out *impl.Effects) {
	l.armed = false
	if l.me < 0 || l.held == 0 && !l.flush.under {
		return
	}
	for i, m := range l.members {
		if i != l.me && !l.Rules.Patient(now-max(l.busy, l.peers[i].heard), spec.Time(l.cfg.TL)) {
			l.suspect(m)
		}
	}
	s := &l.streams[l.me]
	lacking := 0
	for _, n := range s.has {
		if n < l.sent {
			lacking++
		}
	}
	if l.Rules.Again(lacking) {
		l.again(l.me, s.delivered+1, min(l.sent, s.delivered+viewRepair), out)
	}
	if l.flush.under {
		l.forward(out)
		l.sendMarker(out)
	}
	l.tellAll(viewAsk, out)
	l.armed, l.pause = true, min(2*l.pause, spec.Time(l.cfg.TL))
	out.SetTimer(0, now+l.pause)
}

// viewRepair is how many messages of a sender are sent again at a time.
const viewRepair = 256

// again sends messages of a stream that are here once more.
func (l *AtomicView) again(k int, first, last uint64, out *impl.Effects) {
	s := &l.streams[k]
	for n := first; n <= last; n++ {
		if c := s.ring.At(n); c != nil && c.numbered != nil {
			out.Note(impl.Retransmitted, uint64(l.members[k]), n)
			out.Down(impl.Everyone, l.seal(c.numbered, viewData, out), 0)
		}
	}
}

// suspect tells, once, that a node is taken for failed. It is waited for all the same.
func (l *AtomicView) suspect(n spec.NodeID) {
	if l.suspected.Add(n) {
		l.up = append(l.up, impl.Effect{Kind: impl.Suspect, From: n})
	}
}

func (l *AtomicView) trust(n spec.NodeID) {
	if l.suspected.Remove(n) {
		l.up = append(l.up, impl.Effect{Kind: impl.Trust, From: n})
	}
}
