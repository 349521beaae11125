package reliability

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [BestEffort] with members that change: who is not in a view is not waited for any longer, and what was acknowledged by
// all others is acknowledged; what is sent from then on is for the members of the view, also for those that had been
// removed. A copy that was lost on its way to one that has left is not sent again. There is no virtual synchrony: a message
// that is under way when the view changes may come to some before, and to others after it.

// change takes in a view.
func (b *BestEffort) change(v *spec.View, out *impl.Effects) {
	group := &b.spaces[b.cfg.Nodes]
	for _, m := range b.cfg.Members {
		if !slices.Contains(v.Members, m) {
			group.Remove(m, func(ref impl.Ref) { b.done = append(b.done, ref) })
		}
	}
	b.cfg.Members = slices.Clone(v.Members)
	b.tellDepth(out)
	for _, m := range v.Members {
		if b.removed.Remove(m) {
			out.Trust(m)
		}
	}
	b.acknowledge(out)
}

// handOn hands a view on to those who are in it. Who is not hears of no other until one admits it.
func handOn(cfg *impl.Config, in impl.Input, out *impl.Effects) {
	if slices.Contains(in.View.Members, cfg.Self) {
		out.Pass(in)
		return
	}
	out.Note(impl.Removed, uint64(cfg.Self), in.View.ID.Epoch)
}
