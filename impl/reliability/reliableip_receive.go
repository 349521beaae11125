package reliability

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

func (l *ReliableIP) receive(in impl.Input, out *impl.Effects) {
	rest, h, ok := impl.OpenNumbered(in, l.cfg.Nodes, out)
	if !ok {
		return
	}
	if h.Kind < ipData {
		l.letter(in, out)
		return
	}
	p, ok := l.parse(rest, h)
	from := l.cfg.Index(in.From)
	switch {
	case from < 0 || !l.member() || l.left.Has(in.From):
		out.Note(impl.NotMember, uint64(in.From), 0)
		return
	case !ok:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	current := l.hear(from, h.Incarnation, in.Now)
	if !current {
		out.Note(impl.Stale, uint64(in.From), h.N)
	}
	switch {
	case p.kind == ipData:
		l.take(&p, from, in.Now, out)
	case p.kind == ipGone:
		l.forget(&p)
	case p.kind == ipNack && current:
		l.repair(&p, in.From, in.Now, out)
	}
	if current && from != l.me {
		l.compare(&p, from, in.Now, out)
	}
	trusted := current && l.removed.Remove(in.From)
	if trusted {
		l.touchAll()
	}
	if p.wanted && from != l.me {
		l.wanted = in.Now + spec.Time(l.cfg.TS)
		l.arm(l.wanted, out)
	}
	l.settle(out)
	l.waits(&p, out)
	if trusted {
		out.Trust(in.From)
	}
	l.hand(out)
}

// hear notes that a member is alive, and whether the packet is of its present life.
func (l *ReliableIP) hear(from int, incarnation uint32, now spec.Time) bool {
	p := &l.peers[from]
	if incarnation < p.incarnation {
		return false
	}
	if incarnation > p.incarnation { // it has forgotten what it had
		p.incarnation = incarnation
		for _, s := range l.streams {
			s.has[from] = 0
		}
		l.touchAll()
	}
	p.heard = now
	return true
}

// tick removes who has been silent for too long, asks again for what is missing, and tells what I have if I have been
// silent myself.
func (l *ReliableIP) tick(now spec.Time, out *impl.Effects) {
	l.due = 0
	if !l.member() {
		return
	}
	l.settled(now)
	var gone impl.NodeSet
	for i, m := range l.cfg.Members {
		if i != l.me && !l.removed.Has(m) && !l.Rules.Patient(now-l.peers[i].heard, spec.Time(l.cfg.TL)) {
			l.removed.Add(m)
			gone.Add(m)
			out.Note(impl.Removed, uint64(m), 0)
			l.touchAll()
		}
	}
	busy := false
	for _, s := range l.streams {
		asking := l.askAgain(s, now, out)
		busy = busy || asking || s.has[l.me] > s.stable
	}
	pause := l.silence(busy || now <= l.wanted)
	if pause > 0 && now-l.spoke >= spec.Time(pause) {
		l.spoke = now
		out.Down(impl.Everyone, l.seal(nil, ipBeat, busy, now, out), 0).Code = impl.BareAck
	}
	if pause == 0 {
		l.arm(now+spec.Time(l.cfg.TS), out)
	} else {
		l.arm(l.spoke+spec.Time(pause), out)
	}
	l.settle(out)
	for m := gone.Next(0); m >= 0; m = gone.Next(m + 1) {
		l.Rules.Suspect(out, m)
	}
	l.hand(out)
}

func (l *ReliableIP) silence(busy bool) time.Duration { return l.Rules.Silence(&l.cfg, busy) }

// arm sees to it that the timer fires at that time or earlier.
func (l *ReliableIP) arm(at spec.Time, out *impl.Effects) {
	if l.due == 0 || at < l.due {
		l.due = at
		out.SetTimer(ipTimer, at)
	}
}
