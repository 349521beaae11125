package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [Lamport] under view synchrony (Lamport, 1978, for processes that do not fail; that a view takes out who does is of
// Birman & Joseph, 1987): those that have to be heard from are the members of the view.
//
//	at the end of a view:  what is left of it is delivered in the order of the stamps; all who go on have the same
//	in the next:           numbers begin anew, nobody has been heard from; the clock goes on
//
// What anybody delivered before had been followed by something later of every member of the view, and so nothing that is
// left comes before it. While a view ends nothing is acknowledged: an empty message would go out in the next.

// block stops the empty messages, and sends the one that is owed when the view has not ended after all.
func (l *Lamport) block(in impl.Input, out *impl.Effects) {
	l.blocked = in.Kind == impl.Blocked
	if !l.blocked && l.self >= 0 && l.Rules.Answers(l.owed, l.said, l.self) {
		l.multicast(lamportEmpty, nil, 0, out)
	}
}

// suspect waits for a member all the same until a view takes it out: others may not suspect it, or have heard it.
func (l *Lamport) suspect(n spec.NodeID, out *impl.Effects) {
	if k := l.cfg.Index(n); k >= 0 && l.Rules.Ignores(true) {
		l.heard[k] = ^uint64(0)
		l.deliver(false, out)
	}
}

// change ends a view and begins the next.
func (l *Lamport) change(v *spec.View, out *impl.Effects) {
	if comes(&l.cfg, v) && l.self >= 0 {
		for k := range l.heard {
			l.heard[k] = ^uint64(0)
		}
		l.deliver(false, out)
	}
	cfg := l.cfg
	cfg.Members = slices.Clone(l.Rules.Awaits(l.cfg.Members, v.Members))
	n := len(cfg.Members)
	*l = Lamport{Rules: l.Rules, cfg: cfg, configured: l.configured, delay: l.delay, incarnation: l.incarnation, clock: l.clock,
		armed: l.armed, admitted: true, blocked: l.blocked, self: cfg.Index(cfg.Self),
		streams: make([]lamportStream, n), heard: make([]uint64, n)}
}
