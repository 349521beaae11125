package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [RealTime] under view synchrony: what is held back when a view ends is delivered before the next one is handed on, in
// the order of the stamps, though its time has not come; nothing that has a smaller stamp can come any more, for the view
// is over. In the next view numbers begin anew, and what was delivered in the last is before everything in it, whatever
// the stamps of one who has just come in.
//
// Who stays in the group has to be given a message within Δ like everybody else, also while a view changes, which takes
// longer than the time-out of the detector: a Δ that is shorter holds while nobody fails, and otherwise what comes too
// late is lost to whom it reaches too late, in views as without them.

// change ends a view and begins the next.
func (r *RealTime) change(v *spec.View, out *impl.Effects) {
	rest := r.held
	next := r.next
	if len(rest) > 0 {
		r.stamp = max(r.stamp, rest[len(rest)-1].Stamp)
	}
	r.stamp = max(r.stamp, r.last.Stamp) // what I send is behind what I have delivered
	r.held, r.next, r.sent, r.last = nil, impl.Lives[uint64]{}, 0, TimeKey{Stamp: -1}
	r.cfg.Members = slices.Clone(v.Members)
	if r.due > 0 {
		r.due = 0
		out.StopTimer(deliveryTimer)
	}
	if !comes(&r.cfg, v) {
		return
	}
	for i := range rest {
		m := &rest[i]
		if n := next.Of(int(m.Origin), r.cfg.Nodes, m.Life); *n < m.n {
			if *n+1 < m.n {
				out.Gap(m.Origin, *n+1, m.n-1)
			}
			*n = m.n
		}
		out.Add(impl.Effect{Kind: impl.Up, From: m.Origin, To: impl.Everyone, Body: m.body, Flag: m.flag})
	}
}
