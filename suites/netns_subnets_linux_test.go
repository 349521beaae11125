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
