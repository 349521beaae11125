package checkers

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/spec"
)

// start is three nodes that install their first view.
const start = "W0.1.0.1.2 W1.1.0.1.2 W2.1.0.1.2 "

// The requirements on views and joins, as in the table of the others: a history that passes, the smallest that fails, the
// first one changed in one place so that it fails, and one that does not test it.
var viewCases = []struct {
	id                           spec.ID
	pass, smallest, mutated, not string
	events                       []int // the witness of smallest
}{
	{JoinComplete, "members=0,1 J2 j2 s0.1 d0.0.1 d1.0.1 d2.0.1", "nodes=1 members= J0 j0 s0.1", "members=0,1 J2 j2 s0.1 d0.0.1 d1.0.1", "s0.1 d0.0.1", []int{1, 2}},
	{JoinTransfer, "members=0,1 s0.1 d0.0.1 d1.0.1 J2 R2.0.1 j2 s0.2 d0.0.2 d1.0.2 d2.0.2", "nodes=1 s0.1 R0.0.1 d0.0.1",
		"members=0,1 s0.1 d0.0.1 d1.0.1 J2 R2 j2 s0.2 d0.0.2 d1.0.2 d2.0.2", "s0.1 d0.0.1", []int{0, 1, 2}},
	{SelfInclusion, start, "W0.1.1.2", start + "W2.2.0.1", "s0.1", []int{0}},
	{ViewMonotonicity, start + "W0.2.0.1", "W0.1.0 W0.1.0", start + "W0.2.0.1 W0.1.0.1.2", "W0.1.0", []int{0, 1}},
	{InitialView, start + "s0.1 d1.0.1", "W0.1.0 s1.1", start + "s0.1 d1.0.1 c1 r1 d1.0.1", "W0.1.0", []int{0, 1}},
	{ViewAgreement, start, "W0.1.0 W1.1.0.1", start + "W0.2.0.1.2 W1.2.1.2", "W0.1.0", []int{0, 1}},
	{PrimaryComponent, start + "W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W2.3.0.1.2", "W0.1.0 W1.2.1", start + "W0.2.0.1 W2.3.0.2", "s0.1", []int{0, 1}},
	{ViewOverlap, start + "W0.2.0.1 W2.3.2", "W0.1.0.1 W1.2.0.1", start + "W0.2.0.1 W2.3.1.2", start, []int{0, 1}},
	{SameViewDelivery, start + "s0.1 d0.0.1 d1.0.1", "s0.1 d0.0.1 W1.1.1 d1.0.1", start + "s0.1 d0.0.1 W1.2.0.1 d1.0.1", start + "s0.1 d0.0.1", []int{0, 1, 2, 3}},
	{SendingViewDelivery, start + "s0.1 d0.0.1 W0.2.0.1 d1.0.1", "s0.1 W0.1.0 d0.0.1", start + "s0.1 W0.2.0.1 d0.0.1 d1.0.1", start + "s0.1", []int{0, 1, 2}},
	{VirtualSynchrony, start + "s0.1 d0.0.1 d1.0.1 W0.2.0.1 W1.2.0.1", "s0.1 d0.0.1 W0.1.0.1 W1.1.0.1", start + "s0.1 d0.0.1 W0.2.0.1 d2.0.1 W1.2.0.1",
		start + "s0.1 d0.0.1 W0.2.0", []int{0, 1, 2, 3}},
	{TransitionalSet, start + "t0.0.1 W0.2.0.1 t1.0.1 W1.2.0.1", "nodes=2 t0.0 W0.1.0.1 W1.1.0.1", start + "t0.0.1 W0.2.0.1 t1.1 W1.2.0.1",
		"members= t0.0 W0.1.0", []int{0, 1, 2}},
	{SuccessorAgreement, start + "t0.0.1 W0.2.0.1 W1.2.0.1", "nodes=2 members=0 t0.0.1 W0.1.0.1 W1.1.0.1",
		start + "W1.2.1.2 t0.0.1 W0.3.0.1 W1.3.0.1", start + "t0.0.1 W0.2.0.1", []int{0, 1, 2}},
	{FlushBlock, start + "B0 s0.1 W0.2.0.1 U0 W1.2.0.1 d0.0.1 d1.0.1", "W0.1.0 B0 s0.1 d0.0.1", start + "B0 s0.1 d0.0.1 W0.2.0.1 U0", start + "B0 U0", []int{0, 1, 2, 3}},
	{MembershipPrecision, start + "c2 W0.2.0.1 W1.2.0.1", "recovery nodes=1 W0.1.0 c0 r0", start + "c2 W0.2.0.1", start, []int{0}},
	{DetectorAccuracy, "S1.0 c2 @5 S0.2", "nodes=2 P0 p0 S1.0", "", "s0.1", nil},
	{NoDeliveryAfterLeave, "s0.1 L1 d1.0.1 l1 s0.2", "s0.1 l1 d1.0.1", "s0.1 L1 l1 s0.2 d1.0.1", "L1 l1", []int{0, 1, 2}},
	{SafeDelivery, start + "s0.1 d0.0.1S d1.0.1 d2.0.1", "nodes=2 s0.1 d0.0.1S", start + "s0.1 d0.0.1S c1", "s0.1 d0.0.1", []int{0, 1}},
	{GroupRestart, "recovery nodes=2 s0.1 d0.0.1 a0.1 d1.0.1 c0 c1 r0 r1 s0.1 d0.0+1.1 d1.0+1.1", "recovery nodes=1 s0.1 a0.1 c0 r0",
		"recovery nodes=2 s0.1 d0.0.1 a0.1 c0 c1 r0 r1 s0.1 d0.0+1.1 d1.0+1.1", "recovery s0.1 a0.1 c0 r0", []int{0, 1, 2, 3}},
}

func TestEveryRequirementOnViews(t *testing.T) {
	for _, c := range viewCases {
		if c.id == DetectorAccuracy {
			continue // a statistic: see its own test
		}
		want := func(what, text string, v spec.Verdict) spec.Finding {
			t.Helper()
			f := Check(parse(text), c.id)[0]
			if f.Verdict != v || f.ID != c.id || f.Verdict == spec.Pass && f.Antecedents == 0 || f.Verdict == spec.Inconclusive && f.Reason == "" {
				t.Errorf("%s, %s: %+v %+v, want %v", c.id, what, f, f.Witness, v)
			}
			return f
		}
		want("the passing one", c.pass, spec.Pass)
		want("the vacuous one", c.not, spec.Inconclusive)
		want("nothing at all", "", spec.Inconclusive)
		for _, text := range []string{c.smallest, c.mutated} {
			f := want(text, text, spec.Fail)
			if f.Witness == nil {
				continue
			}
			t.Logf("%-22s %v %s", c.id, f.Witness.Events, f.Witness.Text)
			if text == c.smallest && !slices.Equal(f.Witness.Events, c.events) {
				t.Errorf("%s: witness %v, want %v", c.id, f.Witness.Events, c.events)
			}
		}
	}
}

// onViews says whether a requirement has its cases here.
func onViews(id spec.ID) bool {
	for _, c := range viewCases {
		if c.id == id {
			return true
		}
	}
	return false
}
