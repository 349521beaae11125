package suites

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// That packets are as quick as the kernel's explains what the kernel did not break only where the simulator breaks it in
// none of several runs with such packets.
func TestQuickPacketsExplain(t *testing.T) {
	for _, c := range []struct {
		steps string
		id    spec.ID
		want  bool
	}{
		{"at 0s send 0 g 8\n", "AGREEMENT", true},
		{"on 0 send 3 crash 0\nat 0s send 0 g 8\n", "AGREEMENT", false},   // cut in half in each
		{"at 0s send 0 g 8\nat 100us send 1 g 8\n", "TOTAL-ORDER", false}, // in some
	} {
		s, err := faults.Parse("conform.scenario/1\nsubject unicast/best-effort/unordered/static\nnodes 4\ngroup g 0 1 2 3\nseed 1\n" + c.steps)
		if err != nil {
			t.Fatal(err)
		}
		x, err := Playable(s)
		if err != nil {
			t.Fatal(err)
		}
		o := &outdoor{plan: &Plan{}, cell: x.cell}
		o.prepare(x.cell.newBench(x.cell.world(x.cell.Member, nil), 0))
		how, err := o.neitherQuick(s, c.id)
		if err != nil || strings.Contains(how, "nor does the simulator in 15 runs") != c.want {
			t.Errorf("%s of %s: %q, %v", c.id, c.steps, how, err)
		}
	}
}
