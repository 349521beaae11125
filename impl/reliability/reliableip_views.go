package reliability

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [ReliableIP] with members that change. The list of members only grows, so that every member keeps its place in what is
// told of each; who is not in the view has left: it is not waited for, nor listened to, and what it has sent is repaired
// all the same. Who comes in is waited for from then on, for all that is still kept: so what is sent from then on reaches
// it. What of earlier messages nobody keeps any longer is no gap to it. There is no virtual synchrony: a message that is
// under way when the view changes may come to some before, and to others after it.

// change takes in a view.
func (l *ReliableIP) change(v *spec.View, now spec.Time, out *impl.Effects) {
	was := l.member()
	for _, m := range v.Members {
		if l.cfg.Index(m) < 0 {
			l.cfg.Members = append(slices.Clone(l.cfg.Members), m)
			l.peers = append(l.peers, ipPeer{entered: now, late: true})
			for _, s := range l.streams {
				s.has = append(s.has, 0)
			}
		}
	}
	l.me = l.cfg.Index(l.cfg.Self)
	var back impl.NodeSet
	for i, m := range l.cfg.Members {
		switch in := slices.Contains(v.Members, m); {
		case !in:
			l.left.Add(m)
			l.removed.Add(m)
		case l.left.Remove(m):
			l.removed.Remove(m)
			l.peers[i].heard, l.peers[i].entered, l.peers[i].late = now, now, true
		case l.removed.Remove(m):
			back.Add(m)
			l.peers[i].heard = now
		default:
			l.peers[i].heard = max(l.peers[i].heard, now)
		}
	}
	if !was && l.member() {
		l.enter(now, out)
	}
	if l.me >= 0 {
		l.touchAll()
		l.settle(out)
		for m := back.Next(0); m >= 0; m = back.Next(m + 1) {
			out.Trust(m)
		}
		l.hand(out)
	}
}

// member says whether this node is in the view.
func (l *ReliableIP) member() bool { return l.me >= 0 && !l.left.Has(l.cfg.Self) }

// enter begins to listen, as one that comes in: what was before is no gap.
func (l *ReliableIP) enter(now spec.Time, out *impl.Effects) {
	l.late, l.entered = true, now
	if l.own == nil {
		l.own = l.stream(identity{origin: l.cfg.Self, incarnation: l.incarnation})
		l.own.index = l.me
	}
	l.peers[l.me].incarnation = l.incarnation
	l.spoke, l.due = now, 0
	l.arm(now+spec.Time(l.silence(true)), out)
}

// settled takes every gap for one, when for TL all have known that a member is here: then all have kept what it lacks.
func (l *ReliableIP) settled(now spec.Time) {
	tl := spec.Time(l.cfg.TL)
	l.late = l.late && now-l.entered < tl
	for i := range l.peers {
		p := &l.peers[i]
		p.late = p.late && now-p.entered < tl
	}
}
