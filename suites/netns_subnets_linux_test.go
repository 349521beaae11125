package suites

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// A router dies on the kernel as it does in the simulator: some but not all members receive.
func TestRouterDiesOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	text, err := os.ReadFile("testdata/examples/router-dies.scenario")
	if err != nil {
		t.Fatal(err)
	}
	s, err := faults.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	r, err := ReplayOutdoors(s, &b)
	skipWithout(t, err)
	i := slices.IndexFunc(r.Requirements, func(x Row) bool { return x.ID == "AGREEMENT" })
	if i < 0 || r.Requirements[i].Verdict != spec.Fail || !strings.Contains(r.Requirements[i].Witness.Text, "never delivered") {
		t.Fatalf("%+v", r.Requirements)
	}
	t.Log(r.Requirements[i].Witness.Text)
	for _, x := range r.Requirements {
		t.Log(x.ID, x.Verdict, x.Reason)
	}
}

// Routers that do not look where a packet comes from are caught on the kernel, in a scenario through which correct ones
// come well; what only a simulated host does wrong is not played there.
func TestRouterMutantOutdoors(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	text := "conform.scenario/1\nsubject %s\nexpect ROUTE-ONE-COPY\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..1ms\nat 0s send 0 g 8\n" +
		"at 400ms send 0 g 8\nat 800ms send 0 g 8\n"
	play := func(subject string) (*Replayed, error) {
		s, err := faults.Parse(strings.Replace(text, "%s", subject, 1))
		if err != nil {
			t.Fatal(err)
		}
		return ReplayOutdoors(s, nil)
	}
	for _, x := range []struct {
		subject string
		want    spec.Verdict
	}{{"mutant:rpf-check-missing", spec.Fail}, {"ip:subnets=3/unreliable/unordered", spec.Pass}} {
		t.Run(x.want.String(), func(t *testing.T) {
			t.Parallel()
			r, err := play(x.subject)
			skipWithout(t, err)
			i := slices.IndexFunc(r.Requirements, func(x Row) bool { return x.ID == "ROUTE-ONE-COPY" })
			if i < 0 || r.Requirements[i].Verdict != x.want {
				t.Errorf("%s: %+v", x.subject, r.Requirements[max(0, i)])
			} else if w := r.Requirements[i].Witness; w != nil {
				t.Log(w.Text)
			}
		})
	}
	if _, err := play("mutant:suppression-across-groups"); err == nil || !strings.Contains(err.Error(), "the kernel does") {
		t.Error(err)
	}
}
