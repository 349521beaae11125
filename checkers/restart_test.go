package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// Who asked to leave, and crashed before it was told, owes nothing after the restart; who asked to come back does.
func TestRestartOfOneThatLeaves(t *testing.T) {
	const died = "c0 c1 c2 r0 r1 r2"
	for _, c := range []struct {
		what, text string
		want       spec.Verdict
	}{
		{"it has lost it", "recovery s0.1 d0.0.1 d1.0.1 a0.1 " + died, spec.Fail},
		{"it had asked to leave", "recovery L2 s0.1 d0.0.1 d1.0.1 a0.1 " + died, spec.Pass},
		{"another had", "recovery L1 s0.1 d0.0.1 d1.0.1 a0.1 " + died, spec.Fail},
	} {
		if f := Check(parse(c.text), GroupRestart)[0]; f.Verdict != c.want {
			t.Errorf("%s: %v %s %+v, want %v", c.what, f.Verdict, f.Reason, f.Witness, c.want)
		}
	}
}
