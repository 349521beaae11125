package suites

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/conform-go/conform/spec"
)

// Of a run that is interrupted the stacks that were played to the end are told as if it had not been, and the others as not
// played.
func TestInterrupted(t *testing.T) {
	cells, err := Cells("unicast", "reliable", "unordered,fifo,causal", "static")
	if err != nil {
		t.Fatal(err)
	}
	plan := Plan{Cells: cells, Faults: spec.AllFaults, Schedules: 100, Seed: 1, Parallel: 1}
	whole, err := Run(t.Context(), plan)
	if err != nil || whole.Cut {
		t.Fatal(err, whole.Cut)
	}
	after := func(units int) (*Report, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		plan.Progress = func(done, _ int) {
			if done == units {
				cancel()
			}
		}
		return Run(ctx, plan)
	}
	units := len((&plan).units()) / len(cells)
	part, err := after(2*units - 1) // the last one of the second stack is missing
	if err != nil {
		t.Fatal(err)
	}
	if !part.Cut || part.Verdict != spec.Inconclusive || len(part.Cells) != len(cells) {
		t.Errorf("interrupted %v, verdict %v, %d stacks", part.Cut, part.Verdict, len(part.Cells))
	}
	if !reflect.DeepEqual(part.Cells[0], whole.Cells[0]) {
		t.Errorf("the stack that was played to the end:\n%+v\nwithout an interruption:\n%+v", part.Cells[0], whole.Cells[0])
	}
	for _, c := range part.Cells[1:] {
		if c.Applicable || c.Reason == "" || len(c.Requirements) > 0 {
			t.Errorf("a stack that was not played to the end: %+v", c)
		}
	}
	if r, err := after(1); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing was played to the end: %v, %v", r, err)
	}
}
