package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Orderings under view synchrony (Birman, Schiper, Stephenson, 1991, on CBCAST and ABCAST in views): when a view ends all
// who go on have been given the same messages of it, by the level below. So at that point, and before the view is handed
// on, every ordering empties its hold-back in the same way everywhere; its numbers begin anew in the new view, among the
// members of that view, and a life that a view has admitted is as good as a first one. The first view, which is that of
// the configuration, changes nothing.
//
// Who is in a view and was not in the one before it, or was removed and has come again, does not have what the others
// have: what it has left of an earlier view it discards.
//
// Between a block and the unblocking, or the view that comes meanwhile, an ordering multicasts nothing: the level would
// send it in the next view, where it means nothing. What goes to one node alone can come in any view: it is of use only
// if it says to which it belongs.

// renews says whether an input begins a view after the first. Where the service does not tell who comes along there is no
// common point to begin anew at.
func renews(in impl.Input) bool {
	return in.Kind == impl.ViewChanged && in.View.Came != nil && in.View.ID != spec.ViewID{Epoch: 1}
}

// comes says whether this node comes to a view from the one before it. Where the service does not tell, it does.
func comes(cfg *impl.Config, v *spec.View) bool {
	return v.Came == nil || slices.Contains(v.Came, cfg.Self)
}

// baseOf gives the number behind which the positions of a view begin: 0 for the first, and then so far apart that no
// view has as many messages. Ids of views rise through all lives, and so do the positions.
func baseOf(v *spec.View) uint64 { return (max(v.ID.Epoch, 1) - 1) << 32 }

// fireIn is fire; while a view ends, it puts that off.
func (e *errands) fireIn(blocked bool, now spec.Time, cfg *impl.Config, out *impl.Effects) {
	if !blocked {
		e.fire(now, cfg, out)
	} else if e.due = 0; e.ring.Len() > 0 {
		e.arm(now+spec.Time(cfg.TS), out)
	}
}

// change begins a view. The level keeps each sender's order, so that nothing is held back but behind what it has refused,
// which nobody has: one that announces gaps does so now, the other discards what is behind.
func (f *Fifo) change(v *spec.View, out *impl.Effects) {
	streams := f.streams
	f.sent, f.streams = 0, impl.Lives[stream]{}
	if !comes(&f.cfg, v) {
		return
	}
	streams.Each(func(node int, _ uint32, s *stream) {
		for missing := uint64(0); s.held.Len() > 0; {
			n := s.held.First()
			m := *s.held.At(n)
			*s.held.At(n) = waitingMessage{}
			s.held.Drop()
			switch {
			case m.body == nil && missing == 0:
				missing = n
			case m.body == nil:
			case !f.announces:
				out.Note(impl.Stale, uint64(node), n)
			default:
				if missing > 0 {
					f.Rules.Tells(out, spec.NodeID(node), missing, n-1)
				}
				out.UpAgain(spec.NodeID(node), impl.Everyone, m.body, m.again)
				missing = 0
			}
		}
	})
}

// change begins a view. What is still held back lacks a past that nobody who goes on has: it is discarded by all.
func (c *Causal) change(v *spec.View, out *impl.Effects) {
	for i := range c.held {
		out.Note(impl.Stale, uint64(c.held[i].from), uint64(c.held[i].stamp.At(c.held[i].sender)))
	}
	clear(c.held)
	c.cfg.Members = slices.Clone(v.Members)
	c.self, c.admitted = c.Rules.Place(c.self, c.cfg.Index(c.cfg.Self), len(v.Members)), true
	c.sent, c.mine, c.held = 0, make([]uint32, len(v.Members)), c.held[:0]
}
