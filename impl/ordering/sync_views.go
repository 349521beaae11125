package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [Sync] under view synchrony: the end of a view is a barrier itself. All that was sent in it is delivered before it, and
// nothing that is sent behind it: so a barrier that is open when the view ends ends with it, and its sync returns. Where
// it takes effect only with the view there is no note of it. A blocking one must not return before all have come to the
// end of the view, which they have where it takes effect again in the next: there its caller calls it once more.
//
//	while a view ends:     nobody says anything of barriers, and what is sent waits: it would go out in the next view
//	at the end of a view:  what has come is delivered, as far as barriers are complete, and then the rest
//	in the next:           messages and barriers are counted anew. A barrier says how many of its caller's have ended
//	                       before the view, so that it has the same number for all, also for who has just come in
//
// A member that is dead is waited for until a view takes it out.

// syncViews is what a node knows of views.
type syncViews struct {
	configured []spec.NodeID
	admitted   bool         // by a view, in this life
	blocked    bool         // a view ends
	ending     bool         // it ends in this step
	base       uint64       // how many of my barriers have ended before this view
	lives      []uint32     // by node: the one that has been heard in this view
	untold     []syncPacket // what was to be said while blocked
}

// afresh forgets the views of an earlier life.
func (v syncViews) afresh(cfg *impl.Config) syncViews {
	if v.configured == nil {
		v.configured = cfg.Members
	}
	cfg.Members = v.configured
	return syncViews{configured: v.configured, lives: make([]uint32, cfg.Nodes)}
}

// lifeOf gives the life of a member that is in the view.
func (s *Sync) lifeOf(n spec.NodeID) uint32 {
	if n < 0 || int(n) >= len(s.views.lives) {
		return 0
	}
	return s.views.lives[n]
}

// behind puts the number of barriers that ended before the view behind a number of this view.
func behind(low, base uint64) uint64 { return uint64(uint32(low)) | base<<32 }

// block holds back what is to be said, and says it when the view has not ended after all, or the next has begun.
func (s *Sync) block(blocked bool, out *impl.Effects) {
	if s.views.blocked = blocked; blocked {
		return
	}
	for _, p := range s.views.untold {
		s.tell(p, out)
	}
	s.views.untold = s.views.untold[:0]
	s.release(out)
}

// change ends a view and begins the next.
func (s *Sync) change(v *spec.View, out *impl.Effects) {
	s.views.ending = true
	if comes(&s.cfg, v) && s.me >= 0 {
		s.finish(out)
	}
	old := *s
	cfg := s.cfg
	cfg.Members = slices.Clone(v.Members)
	*s = Sync{Rules: s.Rules, cfg: cfg, reading: s.reading, incarnation: s.incarnation, me: cfg.Index(cfg.Self),
		queue: old.queue, armed: old.armed, up: old.up[:0], returned: old.returned[:0]}
	s.views = syncViews{configured: old.views.configured, admitted: true, blocked: old.views.blocked,
		base: old.calls.Last(), lives: make([]uint32, cfg.Nodes)}
	open := old.returned
	if s.Rules.Again(s.reading) && s.me >= 0 {
		s.views.base = old.calls.First() - 1
		for n := old.calls.Last(); n >= old.calls.First(); n-- {
			s.queue = slices.Insert(s.queue, 0, syncSend{ref: old.calls.At(n).ref, barrier: true})
		}
	} else {
		for n := old.calls.First(); n <= old.calls.Last(); n++ {
			if x := old.calls.At(n); !x.over {
				open = append(open, x.ref)
			}
		}
	}
	s.calls.Restart(s.views.base)
	s.back = s.views.base
	s.barriers = s.newBarriers()
	s.release(out)
	for i := range old.up {
		out.Add(old.up[i])
	}
	for _, ref := range open {
		out.Finish(ref, nil)
	}
}

// finish delivers what is left of a view. Barriers that are complete take effect in between.
func (s *Sync) finish(out *impl.Effects) {
	for again := true; again; {
		if s.barriers.ready() {
			s.barriers.pass(out)
		} else {
			again = s.deliver()
		}
	}
	for i := range s.held {
		p := &s.held[i]
		s.up = append(s.up, impl.Effect{Kind: impl.Up, From: p.from, To: impl.Everyone, Body: p.body, Flag: p.flag})
	}
}
