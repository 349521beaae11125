package checkers

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// name lets a delivery name a view.
func name(h *spec.History, event int, view spec.ViewID) {
	e := &h.Events[event]
	x := *h.ExtraOf(e)
	x.View = view
	if len(h.Extras) == 0 {
		h.Extras = append(h.Extras, spec.Extra{})
	}
	e.Has, e.Extra = e.Has|spec.HasView, uint32(len(h.Extras))
	h.Extras = append(h.Extras, x)
}

// nameViews lets some deliveries of a history name the view in which they are.
func nameViews(t *rapid.T, h *spec.History) {
	one := rapid.IntRange(0, 4).Draw(t, "named")
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != spec.Deliver || !e.Is(spec.HasGroup) || one < 2 || i%one == 0 {
			continue
		}
		w := &twin{h: h}
		v, _, _ := w.in(w.procAt(i), e.Group, i)
		name(h, i, v.id)
	}
}

// misname lets a delivery name another view.
func misname(t *rapid.T, h *spec.History) {
	if len(h.Events) == 0 || rapid.IntRange(0, 2).Draw(t, "misnamed") > 0 {
		return
	}
	if i := rapid.IntRange(0, len(h.Events)-1).Draw(t, "which"); h.Events[i].Kind == spec.Deliver {
		name(h, i, spec.ViewID{Epoch: uint64(rapid.IntRange(1, 5).Draw(t, "as"))})
	}
}

// misnamed says whether a delivery names another view than that in which its process is, or than another delivery of the
// message.
func (t *twin) misnamed() bool {
	list := t.fresh()
	for x, d := range list {
		id, ok := t.named(d)
		if !ok {
			continue
		}
		if v, in := t.deliveryView(d); in && !v.header && v.id != id {
			return true
		}
		for _, b := range list[:x] {
			if other, ok := t.named(b); ok && b.m == d.m && other != id {
				return true
			}
		}
	}
	return false
}

func (t *twin) named(d twinDelivery) (spec.ViewID, bool) {
	e := &t.h.Events[d.event]
	return t.h.ExtraOf(e).View, e.Is(spec.HasView)
}

// TestDeliveriesNameTheirViews: one that names the view of its process passes, one that names another is quoted with the
// installation, and two that name different views are apart also where nobody has installed any.
func TestDeliveriesNameTheirViews(t *testing.T) {
	const moved = start + "s0.1 d0.0.1 d1.0.1"
	for _, c := range []struct {
		text  string
		names map[int]uint64 // event: the view that it names
		want  spec.Verdict
		says  string
	}{
		{moved, map[int]uint64{4: 1, 5: 1}, spec.Pass, ""},
		{moved, map[int]uint64{5: 2}, spec.Fail, `process 1 delivered 0/0/1 at 3 ms with "view":"2", but process 1 installed view 1 at 1 ms`},
		{"s0.1 d0.0.1 d1.0.1", map[int]uint64{1: 1, 2: 1}, spec.Pass, ""},
		{"s0.1 d0.0.1 d1.0.1", map[int]uint64{1: 1, 2: 2}, spec.Fail, `with "view":"1", and process 1 delivered 0/0/1`},
		{"s0.1 d0.0.1 d1.0.1", map[int]uint64{1: 1}, spec.Inconclusive, ""},
		{"s0.1 d0.0.1 d0.0.1r", map[int]uint64{1: 1, 2: 2}, spec.Inconclusive, ""}, // out of a log
	} {
		h := parse(c.text)
		for i, v := range c.names {
			name(h, i, spec.ViewID{Epoch: v})
		}
		f := Check(h, SameViewDelivery)[0]
		if f.Verdict != c.want || f.Witness != nil && !strings.Contains(f.Witness.Text, c.says) {
			t.Errorf("%s, %v: %+v %+v, want %v %s", c.text, c.names, f, f.Witness, c.want, c.says)
		}
		if g := Check(h, SendingViewDelivery)[0]; c.want == spec.Fail && g.Verdict != spec.Fail {
			t.Errorf("%s, %v: what is not delivered in one view is not delivered in that of the send, but %+v", c.text, c.names, g)
		}
	}
}
