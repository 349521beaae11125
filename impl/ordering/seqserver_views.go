package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [TotalSeqServer] under view synchrony: the server is the lowest member of the view, and its numbers begin behind those
// of all views before it, as those of [TotalSequencer] do. While a view ends it gives none, and nobody uses one.
//
//	at the end of a view:  what has come is delivered in the order of the numbers, over the holes: what is missing nobody
//	                       has who goes on. All have the same, no-ops too
//	in the next view:      who has a message that was not multicast under a number asks the new server for another; a
//	                       request names its view, and one of an earlier view is discarded
//
// So a message may be delivered in a later view than the one in which it was sent, by all in the same. The rule for holes
// does without its premise: who is silent is waited for as long as it is a member, and a view takes it out.

// seqServerViews is what a node knows of views.
type seqServerViews struct {
	configured []spec.NodeID
	any        bool   // members are removed by views
	admitted   bool   // by a view, in this life
	blocked    bool   // a view ends
	base       uint64 // behind which the numbers of the view begin
}

// afresh forgets the views of an earlier life.
func (v seqServerViews) afresh(cfg *impl.Config) seqServerViews {
	if v.configured == nil {
		v.configured = cfg.Members
	}
	cfg.Members = v.configured
	return seqServerViews{configured: v.configured}
}

// block holds requests back, and lets them go when the view has not ended after all, or the next has begun.
func (t *TotalSeqServer) block(blocked bool, now spec.Time, out *impl.Effects) {
	if t.views.blocked = blocked; !blocked {
		t.askAll(now, out)
	}
}

func (t *TotalSeqServer) askAll(now spec.Time, out *impl.Effects) {
	for n := t.wanted.First(); n <= t.wanted.Last(); n++ {
		if x := t.wanted.At(n); x != nil && x.open && x.waits {
			x.waits = false
			t.fetch(n, now, out)
		}
	}
}

// change ends a view and begins the next.
func (t *TotalSeqServer) change(v *spec.View, now spec.Time, out *impl.Effects) {
	old, cfg := *t, t.cfg
	cfg.Members = slices.Clone(v.Members)
	base := t.Rules.Base(baseOf(v), old.places.First()-1)
	*t = TotalSeqServer{Rules: t.Rules, cfg: cfg, holes: t.holes, incarnation: t.incarnation, next: base + 1,
		views: seqServerViews{configured: old.views.configured, any: true, admitted: true, blocked: old.views.blocked, base: base}}
	t.search.armed = old.search.armed
	t.search.round = old.search.round
	t.places.Restart(base)
	t.wanted.Restart(old.wanted.Last())
	t.errands.suspected = old.errands.suspected
	if !comes(&cfg, v) {
		return
	}
	var acks []impl.Ref
	for n := old.wanted.First(); n <= old.wanted.Last(); n++ {
		switch x := old.wanted.At(n); {
		case x == nil || !x.open || x.void:
		case x.number != 0 && x.body == nil: // it has come back, and so it has come to all
			if !x.acked {
				acks = append(acks, x.ref)
			}
		default:
			body := x.body
			if x.number != 0 { // the level has not taken it
				body = body[: len(body)-totalHeaderLen : len(body)-totalHeaderLen]
			}
			if _, slot := t.wanted.Push(); t.Rules.Renews() {
				*slot = wanted{body: body, ref: x.ref, acked: x.acked, open: true, waits: true}
			} else {
				*slot = wanted{}
			}
		}
	}
	if !t.views.blocked {
		t.askAll(now, out)
	}
	for n := old.places.First(); n <= old.places.Last(); n++ {
		if p := old.places.At(n); p.state == heldPlace {
			out.UpAt(p.origin, p.body, n, p.again)
		}
	}
	for _, ref := range acks {
		out.Acknowledge(ref)
	}
}
