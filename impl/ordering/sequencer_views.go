package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [TotalSequencer] in form bb under view synchrony: the sequencer is the lowest member of the view. It gives no numbers
// while a view ends, for they would go out in the next. When the view has ended all who go on have the same messages and
// the same numbers of it: what has no number is delivered in the order of the senders, and of each in the order sent. So
// no number is given twice, and nothing is lost. Positions are told to the application in the first view only, for who
// comes in later can't know how many messages there were.

// block holds numbers back, and lets them go when the view has not ended after all.
func (t *TotalSequencer) block(blocked bool, out *impl.Effects) {
	if t.blocked = blocked; blocked {
		return
	}
	for _, h := range t.unnumbered {
		t.number(h, nil, false, out)
	}
	t.unnumbered = t.unnumbered[:0]
}

// change ends a view and begins the next.
func (t *TotalSequencer) change(v *spec.View, out *impl.Effects) {
	t.streams.Each(func(node int, _ uint32, s *arrivals) {
		for n := s.held.First(); n <= s.held.Last(); n++ {
			if m := s.held.At(n); m != nil && m.body != nil {
				out.UpAgain(spec.NodeID(node), impl.Everyone, m.body, m.again)
			}
		}
	})
	cfg := t.cfg
	cfg.Members = slices.Clone(v.Members)
	*t = TotalSequencer{Rules: t.Rules, cfg: cfg, configured: t.configured, form: t.form, incarnation: t.incarnation, next: 1,
		admitted: true, blocked: t.blocked}
}
