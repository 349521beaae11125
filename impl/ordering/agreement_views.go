package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [Agreement] under view synchrony (Birman & Joseph, 1987, on ABCAST and failures: the survivors settle together what one
// who has failed has left open). A sender waits for the proposals of the members of the view, and announces no number
// while a view ends. When it has ended all who go on have the same messages and the same agreed numbers of it:
//
//	first what has an agreed number is delivered, in the order of the numbers
//	then what is still open, in the order of the senders, and of each in the order sent
//
// Nobody, also who has failed, has delivered a message whose number they do not have: the level delivers, and this layer
// with it, only what all members of the view have. A dead proposer is not waited for, and neither is a dead sender.
// Proposals of an earlier view are recognised by the numbers of the messages, which rise through the life of a sender.

// agreementViews is what an agreement knows of views.
type agreementViews struct {
	first    []spec.NodeID // the members of the configuration
	admitted bool          // by a view, in this life
	blocked  bool          // a view ends
}

// afresh forgets the views of an earlier life.
func (a *Agreement) afresh() (impl.Config, agreementViews) {
	cfg := a.cfg
	if a.views.first == nil {
		a.views.first = cfg.Members
	}
	cfg.Members = a.views.first
	return cfg, agreementViews{first: a.views.first}
}

// block holds back numbers, and announces them when the view has not ended after all.
func (a *Agreement) block(in impl.Input, out *impl.Effects) {
	if a.views.blocked = in.Kind == impl.Blocked; a.views.blocked {
		return
	}
	for _, l := range a.lives {
		for n := l.ring.First(); n <= l.ring.Last(); n++ {
			if b := l.ring.At(n); b.stage == collecting {
				a.decide(agreementID{n, l.incarnation}, l, b, in.Now, out)
			}
		}
	}
}

// change ends a view and begins the next.
func (a *Agreement) change(v *spec.View, out *impl.Effects) {
	a.cfg.Members = slices.Clone(v.Members)
	a.views.admitted = true
	if !a.Rules.Ends() {
		return
	}
	rest, late := a.queue, a.late
	a.queue, a.agreed, a.proposed, a.late = nil, 0, 0, impl.NodeSet{}
	a.seen, a.ballots, a.lives = impl.Lives[impl.Window]{}, impl.Lives[ballots]{}, nil
	if l := a.life(a.incarnation); l != nil {
		l.ring.Restart(a.sent)
	}
	for m := late.Next(0); m >= 0; m = late.Next(m + 1) {
		out.Trust(m) // as far as this layer goes
	}
	if !comes(&a.cfg, v) {
		return
	}
	slices.SortStableFunc(rest, func(x, y tentative) int {
		switch {
		case x.agreed != y.agreed && x.agreed:
			return -1
		case x.agreed != y.agreed:
			return 1
		case x.agreed:
			return order(a.Rules.Before(x.Priority, y.Priority))
		case x.origin != y.origin:
			return int(x.origin - y.origin)
		case x.id.incarnation != y.id.incarnation:
			return order(x.id.incarnation < y.id.incarnation)
		}
		return order(x.id.n < y.id.n)
	})
	for i := range rest {
		m := &rest[i]
		out.Add(impl.Effect{Kind: impl.Up, From: m.origin, To: impl.Everyone, Body: m.body})
	}
}

func order(before bool) int {
	if before {
		return -1
	}
	return 1
}
