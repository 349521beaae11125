package adapter

import (
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// TestOwnDeliveriesNameViews: what a program on its own network says of the view of a delivery stands in the history,
// as its views do.
func TestOwnDeliveriesNameViews(t *testing.T) {
	if testing.Short() {
		t.Skip("in real time")
	}
	s, err := faults.Parse("conform.scenario/1\nnodes 2\ngroup g 0 1\nseed 1\nnet latency 1ms..1ms\nat 0s send 0 g 4\n")
	if err != nil {
		t.Fatal(err)
	}
	var h spec.History
	if err := ownWorldOf(t, "own-views").Play(s, &h); err != nil {
		t.Fatal(err)
	}
	views, deliveries := 0, 0
	for i := range h.Events {
		switch e := &h.Events[i]; {
		case e.Kind == spec.ViewChange:
			views++
		case e.Kind == spec.Deliver && e.Is(spec.HasView|spec.HasPos) && h.ExtraOf(e).View == spec.ViewID{Epoch: 2} && h.ExtraOf(e).Pos == 1:
			deliveries++
		}
	}
	if views != 2 || deliveries != 1 {
		t.Errorf("%d views and %d deliveries in view 2, want 2 and 1", views, deliveries)
	}
}
