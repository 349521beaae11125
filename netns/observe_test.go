package netns

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Judges of orders and barriers need what the simulated world tells them too: the position of a delivery, where a
// barrier takes effect, and that a call that was refused has not returned.
func TestEvidenceOfANode(t *testing.T) {
	s := &script{}
	s.act = func(in impl.Input, out *impl.Effects) {
		switch in.Kind {
		case impl.Barrier:
			if len(s.seen)%2 == 0 {
				out.Refuse(in.Ref, impl.NotMember)
			} else {
				out.Note(impl.BarrierPassed, 0, 7)
				out.Finish(in.Ref, nil)
			}
		case impl.Send:
			out.UpAt(0, in.Body, 5, false)
		}
	}
	w := newTown(t, 1, func(impl.Config) impl.Layer { return s })
	for range 2 {
		if err := w.nodes[0].Call(impl.Barrier); err != nil {
			t.Fatal(err)
		}
	}
	w.send(0, impl.Everyone, "m")
	w.await(spec.Deliver, 1)
	w.stop(0)
	positions, passed := 0, 0
	for i := range w.h.Events {
		switch e, x := &w.h.Events[i], w.h.ExtraOf(&w.h.Events[i]); {
		case e.Is(spec.HasPos):
			positions += int(x.Pos)
		case e.Kind == spec.Note && x.Op == spec.OpBarrier:
			passed += int(e.Msg.Number)
		}
	}
	if positions != 5 || passed != 7 {
		t.Errorf("position %d and barrier %d: want 5 and 7", positions, passed)
	}
	if calls, returned := w.count(spec.Sync), w.count(spec.Synced); calls != 2 || returned != 1 {
		t.Errorf("of %d calls, one of them refused, %d returned", calls, returned)
	}
}
