package suites

import (
	"bytes"
	"testing"

	"github.com/conform-go/conform/spec"
)

// The simulator and the kernel say the same of the same schedules.
func TestSimulatorAgainstKernel(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	cells, err := Cells("unicast,ip", "best-effort,reliable-ip,reliable", "unordered,causal", "static")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Compare(t.Context(), Plan{Cells: cells, Faults: spec.AllFaults, Seed: 1, Parallel: 2 * OutdoorWorkers()}, 24)
	skipWithout(t, err)
	var text bytes.Buffer
	r.WriteText(&text)
	t.Log(text.String())
	if r.Verdict == spec.Fail || r.Schedules != 24 || len(r.Rows) < 5 {
		t.Errorf("%v, %d schedules, %d requirements", r.Verdict, r.Schedules, len(r.Rows))
	}
}

// A stack that breaks a claim in one world only does not go unnoticed, and one that does so in both does not either.
func TestApart(t *testing.T) {
	for _, c := range []struct {
		inside      bool
		sim, kernel spec.Verdict
		want        spec.Verdict
		apart       int
	}{
		{true, spec.Pass, spec.Fail, spec.Fail, 1},
		{true, spec.Fail, spec.Pass, spec.Fail, 1},
		{true, spec.Fail, spec.Fail, spec.Fail, 1},
		{false, spec.Fail, spec.Fail, spec.Pass, 0},
		{false, spec.Pass, spec.Fail, spec.Pass, 1},
		{true, spec.Pass, spec.Inconclusive, spec.Pass, 0},
	} {
		r := &Comparison{rows: map[spec.ID]*Compared{}}
		r.add("x", compared{id: "AGREEMENT", inside: c.inside, sim: c.sim, kernel: c.kernel, scenario: (&trial{}).smallest()})
		if r.finish(); r.Verdict != c.want || len(r.Apart) != c.apart || len(r.Rows) != 1 {
			t.Errorf("%+v: %v, %d apart", c, r.Verdict, len(r.Apart))
		}
	}
}
