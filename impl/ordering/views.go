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

// renews says whether an input begins a view after the first.
func renews(in impl.Input) bool {
	return in.Kind == impl.ViewChanged && in.View.ID != spec.ViewID{Epoch: 1}
}

// change begins a view: nothing is held back, for the level keeps each sender's order.
func (f *Fifo) change() {
	f.sent, f.streams = 0, impl.Lives[stream]{}
}

// change begins a view. What is still held back lacks a past that nobody who goes on has: it is discarded by all.
func (c *Causal) change(v *spec.View, out *impl.Effects) {
	for i := range c.held {
		out.Note(impl.Stale, uint64(c.held[i].from), uint64(c.held[i].stamp.At(c.held[i].sender)))
	}
	clear(c.held)
	c.cfg.Members = slices.Clone(v.Members)
	c.self, c.admitted = c.cfg.Index(c.cfg.Self), true
	c.sent, c.mine, c.held = 0, make([]uint32, len(v.Members)), c.held[:0]
}
