package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The way of a message to the sequencer, and of its acknowledgement back, in form ub of [TotalSequencer].

// request sends a message to the sequencer, which does not ask itself.
func (t *TotalSequencer) request(in impl.Input, sequencer spec.NodeID, out *impl.Effects) {
	if t.asked.Len() >= totalReach {
		x := t.asked.At(t.asked.First())
		if x.errand != 0 { // not even taken
			out.Refuse(in.Ref, impl.Overflow)
			return
		}
		t.answered(x) // the level below never acknowledges
	}
	n, x := t.asked.Push()
	*x = asked{ref: in.Ref, body: in.Body, open: true}
	t.ask(n, sequencer, in.Now, out)
}

// ask asks the sequencer for the position of an own message; in this view, which the request names.
func (t *TotalSequencer) ask(n uint64, sequencer spec.NodeID, now spec.Time, out *impl.Effects) {
	x := t.asked.At(n)
	x.waits = false
	h := totalHeader{position: t.base, n: n, incarnation: t.incarnation, origin: t.cfg.Self, kind: seqRequest}
	if t.cfg.Self == sequencer {
		own := *x
		t.answered(x)
		h.kind = seqNumbered
		if i := t.number(h, own.body, false, out); i != nil {
			i.ref, i.urgent = own.ref, own.ref != 0
		}
		return
	}
	if x.ref != 0 {
		h.kind = seqUrgent
	}
	b := h.behind(x.body, out)
	out.Down(sequencer, b, 0)
	x.errand = t.errands.add(errand{to: sequencer, body: b}, now, &t.cfg, out)
}

// take numbers a message that its sender has sent to the sequencer. One that comes again has its number.
func (t *TotalSequencer) take(in impl.Input, h totalHeader, body []byte, out *impl.Effects) {
	w := t.requests.Of(int(in.From), t.cfg.Nodes, h.incarnation)
	switch {
	case w == nil || !t.numbers() || !t.Rules.Presents(h.position, t.base) || t.Rules.Stops(t.blocked): // it will come again
		out.Note(impl.Stale, uint64(in.From), h.n)
		return
	case t.next-t.places.First() >= totalReach: // it will come again
		out.Note(impl.Overflow, uint64(in.From), h.n)
		return
	}
	urgent := h.kind == seqUrgent
	h.origin, h.kind = in.From, seqNumbered
	again := w.Add(h.n) == impl.Seen
	if again {
		out.Note(impl.Duplicate, uint64(in.From), h.n)
	}
	if x := t.number(h, body, again, out); x != nil {
		x.urgent = urgent
	}
	if again || t.cfg.Index(in.From) < 0 { // others see it come back
		h.position, h.kind = 0, seqTaken
		out.Down(in.From, h.behind(nil, out), 0)
	}
}

// told hears what the sequencer says of an own message, or a sender of an acknowledgement.
func (t *TotalSequencer) told(in impl.Input, h totalHeader, out *impl.Effects) {
	switch {
	case h.kind == seqHeard:
		t.errands.end(h.position, in.From)
		return
	case !t.Rules.Follows(&t.cfg, in.From):
		out.Note(impl.Forged, uint64(in.From), h.n)
		return
	}
	mine := h.origin == t.cfg.Self && h.incarnation == t.incarnation
	if mine {
		t.taken(h.n, false)
	}
	if h.kind == seqTaken {
		return
	}
	done := h
	done.kind = seqHeard
	out.Down(in.From, done.behind(nil, out), 0)
	if x := t.asked.At(h.n); mine && x != nil && x.open {
		ref := x.ref
		t.answered(x)
		out.Acknowledge(ref)
	}
}

// taken knows that the sequencer has an own message, and all members where it has come back.
func (t *TotalSequencer) taken(n uint64, back bool) {
	x := t.asked.At(n)
	if x == nil || !x.open {
		return
	}
	t.errands.end(x.errand, first(&t.cfg))
	x.errand = 0
	if back {
		x.back, x.body = true, nil
	}
	if x.ref == 0 && (x.back || t.cfg.Index(t.cfg.Self) < 0) {
		t.answered(x)
	}
}

func (t *TotalSequencer) answered(x *asked) {
	*x = asked{}
	for t.asked.Len() > 0 && !t.asked.At(t.asked.First()).open {
		t.asked.Drop()
	}
}
