package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [TotalSequencer] under view synchrony (Birman, Schiper, Stephenson, 1991; the failover of Kaashoek & Tanenbaum, 1991):
// the sequencer is the lowest member of the view. It gives no numbers while a view ends, for they would go out in the
// next. When the view has ended all who go on have the same messages and the same numbers of it.
//
//	bb, at the end of a view:  what has no number is delivered in the order of the senders, and of each in the order sent
//	ub, at the end of a view:  what has come back numbered is acknowledged; for what has not, nobody has a number: its
//	                           sender asks the sequencer of the next view, which may be another. A request names its view,
//	                           and one of an earlier view is discarded
//
// So no number is given twice, and nothing is lost. In ub a message may be delivered in a later view than the one in which
// it was sent, by all in the same. The positions of a view begin behind those of all before it: the number of the view
// makes them, so that nobody has to be asked, also where a newcomer is the sequencer.

// block holds numbers back, and lets them go when the view has not ended after all, or the next has begun.
func (t *TotalSequencer) block(blocked bool, now spec.Time, out *impl.Effects) {
	if t.blocked = blocked; blocked {
		return
	}
	for _, h := range t.unnumbered {
		t.number(h, nil, false, out)
	}
	t.unnumbered = t.unnumbered[:0]
	t.askAll(now, out)
}

// askAll asks for what has waited for the view.
func (t *TotalSequencer) askAll(now spec.Time, out *impl.Effects) {
	for n := t.asked.First(); n <= t.asked.Last(); n++ {
		if x := t.asked.At(n); x != nil && x.open && x.waits {
			t.ask(n, first(&t.cfg), now, out)
		}
	}
}

// change ends a view and begins the next. Who does not come from the one before discards what it has left of another.
func (t *TotalSequencer) change(v *spec.View, now spec.Time, out *impl.Effects) {
	old, cfg := *t, t.cfg
	cfg.Members = slices.Clone(v.Members)
	*t = TotalSequencer{Rules: t.Rules, Replayed: t.Replayed, cfg: cfg, configured: t.configured, form: t.form, incarnation: t.incarnation,
		admitted: true, blocked: t.blocked, base: t.Rules.Base(baseOf(v), old.places.First()-1+old.left())}
	t.next = t.base + 1
	t.places.Restart(t.base)
	t.issued.Restart(t.base)
	t.asked.Restart(old.asked.Last())
	t.errands.suspected = old.errands.suspected
	if !comes(&cfg, v) {
		return
	}
	t.keep(&old)
	if !t.blocked {
		t.askAll(now, out)
	}
	old.rest(out)
	for n := old.asked.First(); n <= old.asked.Last(); n++ {
		if x := old.asked.At(n); x != nil && x.open && x.back {
			out.Acknowledge(x.ref)
		}
	}
}

// keep takes over from the last view what has no number in it, in the order sent: also what was numbered here, and the
// level did not take.
func (t *TotalSequencer) keep(old *TotalSequencer) {
	if t.form == BB || !t.Rules.Renews() {
		return
	}
	for n := old.issued.First(); n <= old.issued.Last(); n++ {
		if x := old.issued.At(n); x != nil && x.open && x.packet != nil && x.origin == t.cfg.Self {
			body := x.packet[: len(x.packet)-totalHeaderLen : len(x.packet)-totalHeaderLen]
			_, slot := t.asked.Push()
			*slot = asked{ref: x.ref, body: body, open: true, waits: true}
		}
	}
	for n := old.asked.First(); n <= old.asked.Last(); n++ {
		if x := old.asked.At(n); x != nil && x.open && !x.back {
			_, slot := t.asked.Push()
			*slot = asked{ref: x.ref, body: x.body, open: true, waits: true}
		}
	}
}

// left counts what has no number.
func (t *TotalSequencer) left() (n uint64) {
	t.streams.Each(func(_ int, _ uint32, s *arrivals) {
		for k := s.held.First(); k <= s.held.Last(); k++ {
			if s.held.At(k).body != nil {
				n++
			}
		}
	})
	return n
}

// rest delivers, in form bb, what has no number when the view ends.
func (t *TotalSequencer) rest(out *impl.Effects) {
	position := t.places.First()
	t.streams.Each(func(node int, _ uint32, s *arrivals) {
		for n := s.held.First(); n <= s.held.Last() && t.Rules.Rest(); n++ {
			if m := s.held.At(n); m != nil && m.body != nil && !m.void {
				out.UpAt(spec.NodeID(node), m.body, position, m.again)
				position++
			}
		}
	})
}
