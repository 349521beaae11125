package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// Who asked to leave, and crashed before it was told, owes nothing after the restart; who asked to come back does. What an
// application was given in an earlier life it has if it keeps it, and not where applications begin anew.
func TestRestart(t *testing.T) {
	const died = "c0 c1 c2 r0 r1 r2"
	const had = "recovery s0.1 d0.0.1 d1.0.1 d2.0.1 a0.1 " + died
	for _, c := range []struct {
		what, text string
		want       spec.Verdict
	}{
		{"it has lost it", "recovery s0.1 d0.0.1 d1.0.1 a0.1 " + died, spec.Fail},
		{"it had asked to leave", "recovery L2 s0.1 d0.0.1 d1.0.1 a0.1 " + died, spec.Pass},
		{"it had delivered it before it died, and applications keep what they have", had, spec.Pass},
		{"… and others are given a state", had + " R0.0.1", spec.Fail},
		{"… and so is it", had + " R0.0.1 R1.0.1 R2.0.1", spec.Pass},
		{"… a state without it", had + " R0.0.1 R1.0.1 R2", spec.Fail},
		{"… and then another one", had + " R0.0.1 R1.0.1 R2.0.1 R2", spec.Fail},
		{"… and others are given it again", had + " d0.0.1r d1.0.1r", spec.Fail},
		{"… and so is it again", had + " d0.0.1r d1.0.1r d2.0.1r", spec.Pass},
		{"… but it counts what it keeps", "recovery s0.1 d0.0.1 d1.0.1 d2.0.1 a0.1 c0 c1 c2 r0 r1 r2n R0.0.1 R1.0.1", spec.Pass},
		{"… and it dies once more", had + " R0.0.1 R1.0.1 R2.0.1 c2 r2", spec.Fail},
		{"it joined later", "members=0,1 " + "recovery s0.1 d0.0.1 d1.0.1 a0.1 J2 j2 c0 c1 c2 r0 r1 r2 R0.0.1 R1.0.1", spec.Pass},
		{"it joined later, and is given a state without it", "members=0,1 " + "recovery s0.1 d0.0.1 d1.0.1 a0.1 J2 j2 c0 c1 c2 r0 r1 r2 R0.0.1 R1.0.1 R2", spec.Fail},
		{"another had", "recovery L1 s0.1 d0.0.1 d1.0.1 a0.1 " + died, spec.Fail},
	} {
		if f := Check(parse(c.text), GroupRestart)[0]; f.Verdict != c.want {
			t.Errorf("%s: %v %s %+v, want %v", c.what, f.Verdict, f.Reason, f.Witness, c.want)
		}
	}
}

// What is sent after a join has returned is owed to the joiner, also by those who have not heard of it.
func TestJoinOfWhichTheSenderHasNotHeard(t *testing.T) {
	const late = "members=0,1 W0.1.0.1 W1.1.0.1 J2 W2.2.0.1.2 W1.2.0.1.2 "
	for text, want := range map[string]spec.Verdict{
		late + "j2 s0.1 W0.2.0.1.2 d0.0.1 d1.0.1 d2.0.1":            spec.Pass,
		late + "j2 s0.1 d0.0.1 d1.0.1 W0.2.0.1.2":                   spec.Fail,
		late + "j2 s0.1 d0.0.1 W1.3.1.2 W2.3.1.2":                   spec.Inconclusive, // the others go on without the sender
		late + "s0.1 d0.0.1 d1.0.1 j2 W0.2.0.1.2":                   spec.Inconclusive, // sent before
		late + "j2 s0.1 d0.0.1 d1.0.1 W0.2.0.1.2 W0.3.0.1 W1.3.0.1": spec.Inconclusive, // they go on without the joiner
	} {
		if f := Check(parse(text), JoinComplete)[0]; f.Verdict != want {
			t.Errorf("%s: %v %s %+v, want %v", text, f.Verdict, f.Reason, f.Witness, want)
		}
	}
}
