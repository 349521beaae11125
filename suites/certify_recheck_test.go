package suites_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/impl/adapter/adaptertest"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// TestRecheck: the same program gives the runs of its certificate, and one run that is another is a fail, though nothing
// is broken in it.
func TestRecheck(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a certificate takes all schedules")
	}
	plan := suites.Certification{Adapter: adapter.Options{Command: adaptertest.Command("good", "token-recheck")}, Seed: 1, Whole: true}
	_, c, none, err := plan.Certify(t.Context())
	if err != nil || none != nil {
		t.Fatal(err, none)
	}
	r, err := c.Recheck(t.Context(), 10, adapter.Options{}, 1)
	if err != nil || r.Verdict != spec.Pass || r.Same != 10 {
		t.Fatalf("again: %+v, %v", r, err)
	}
	c.Runs[7] = "0000000000000000"
	r, err = c.Recheck(t.Context(), 10, adapter.Options{}, 1)
	if err != nil || r.Verdict != spec.Fail || !strings.Contains(strings.Join(r.Differences, ""), "schedule 8 gives another run") {
		t.Errorf("with another run: %+v, %v", r, err)
	}
	r, err = c.Recheck(t.Context(), 5, adapter.Options{}, 1)
	if err != nil || r.Verdict != spec.Pass {
		t.Errorf("of those before it: %+v, %v", r, err)
	}
	if _, err := c.Recheck(t.Context(), 301, adapter.Options{}, 1); err == nil {
		t.Error("more schedules than it is of are played")
	}
}
