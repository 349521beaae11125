package checkers

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
)

// A group all of whose members have died or forgotten begins again; one that lives has no second beginning.
func TestGroupsThatBeginAgain(t *testing.T) {
	const two = "members=0,1 W0.1.0.1 W1.1.0.1 L0 l0 W1.2.1 "
	const three = "recovery " + start + "L2 l2 W0.2.0.1 W1.2.0.1 c2 c0 c1 r2 W2.3.2 "
	const died = "recovery " + start + "W1.2.0.1 c0 c1 r0 r1 c1 W0.3.0.1 "
	for _, c := range []struct {
		what, text string
		want       spec.Verdict
	}{
		{"all have left, and one comes back", two + "L1 l1 J0 W0.3.0 j0", spec.Pass},
		{"the last one has died", two + "c1 J0 W0.3.0 j0", spec.Pass},
		{"the last one came back in no view", two + "c1 r1 J0 W0.3.0 j0", spec.Pass},
		{"the last one only called leave", two + "L1 J0 W0.3.0 j0", spec.Fail},
		{"the last one is still there", two + "J0 W0.3.0 j0", spec.Fail},
		{"the last one died later", two + "J0 W0.3.0 j0 c1", spec.Fail},
		{"one that was cut off sits in an older view", start + "W1.2.1.2 W2.2.1.2 L2 l2 c1 J2 W2.3.2 j2", spec.Pass},
		{"and comes along later", start + "W1.2.1.2 W2.2.1.2 L2 l2 c1 J2 W2.3.2 j2 W2.4.0.2 W0.4.0.2", spec.Pass},
		{"or goes on in it", start + "W1.2.1.2 W2.2.1.2 L2 l2 c1 J2 W2.3.2 j2 W0.4.0", spec.Fail},
		{"one that forgot that it had left", three, spec.Pass},
		{"and the others come to it", three + "r0 W2.4.0.2 W0.4.0.2", spec.Pass},
		{"or go on by themselves", three + "r0 W0.4.0", spec.Fail},
		{"who begins it died in an older view", died, spec.Pass},
		{"and the others come to it, too", died + "W2.4.0.2 W0.4.0.2", spec.Pass},
		{"or one that was cut off goes on by itself", died + "W2.5.2", spec.Fail},
		{"twice", "nodes=1 W0.1.0 L0 l0 J0 W0.2.0 j0 L0 l0 J0 W0.3.0 j0", spec.Pass},
		{"back to a view from before", "nodes=2 members=0 W1.2.0.1 c1 L0 l0 W0.3.0 W0.2.0.1", spec.Fail},
	} {
		if f := Check(parse(c.text), PrimaryComponent)[0]; f.Verdict != c.want {
			t.Errorf("%s: %v %s %+v, want %v", c.what, f.Verdict, f.Reason, f.Witness, c.want)
		}
		if a := viewTwins[PrimaryComponent](newTwin(parse(c.text))); a.violated != (c.want == spec.Fail) {
			t.Errorf("%s: the twin says %+v", c.what, a)
		}
	}
	f := Check(parse("nodes=2 members=0 W1.2.0.1 c1 L0 l0 W0.3.0 W0.2.0.1"), PrimaryComponent)[0]
	if f.Witness == nil || !strings.Contains(f.Witness.Text, "in a circle") || !strings.Contains(f.Witness.Text, "when nobody was in view 2 any more") {
		t.Errorf("%+v", f.Witness)
	}
}

// Who comes back and is given a state goes on from no view: others may think that it is still with them.
func TestOverlapOfOneThatComesBack(t *testing.T) {
	const parts = "recovery " + start + "W1.2.0.1 W2.3.2 c0 r0 W2.4.0.2 W0.4.0.2 "
	for text, want := range map[string]spec.Verdict{parts + "R0": spec.Pass, parts: spec.Fail, parts + "R0 W1.5.0.1": spec.Pass,
		parts + "R0 W0.5.0.2 W2.6.0.2": spec.Fail} {
		if f := Check(parse(text), ViewOverlap)[0]; f.Verdict != want {
			t.Errorf("%s: %v %s %+v, want %v", text, f.Verdict, f.Reason, f.Witness, want)
		}
		if a := viewTwins[ViewOverlap](newTwin(parse(text))); a.violated != (want == spec.Fail) {
			t.Errorf("%s: the twin says %+v", text, a)
		}
	}
}

// The judges of views cost no allocation where groups begin again either.
func TestBeginningAgainCostsNoAllocation(t *testing.T) {
	h := parse("nodes=1 W0.1.0 L0 l0 J0 W0.2.0 j0 L0 l0 J0 W0.3.0 j0")
	var j Judge
	if got := testing.AllocsPerRun(50, func() {
		j.Load(h)
		j.Check(PrimaryComponent)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
