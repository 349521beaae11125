package checkers

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/spec"
)

// Every requirement: a history that passes, the smallest that fails, and the first one changed in one place so that
// it fails. vacuous is a history that does not test it.
var cases = []struct {
	id                           spec.ID
	pass, smallest, mutated, not string
	events                       []int // the witness of smallest
}{
	{NoCreation, "s0.1 d0.0.1 d1.0.1", "d1.0.1", "d1.0.1 s0.1 d0.0.1", "s0.1", []int{0}},
	{NoDuplication, "s0.1 d0.0.1 d1.0.1", "s0.1 d1.0.1 d1.0.1", "s0.1 d0.0.1 d1.0.1 d0.0.1", "d1.0.1", []int{0, 1, 2}},
	{NoDuplicationRestart, "s0.1 d1.0.1 s0.2 c1 r1 d1.0.2", "s0.1 d1.0.1 c1 r1 d1.0.1", "s0.1 d1.0.1 s0.2 c1 r1 d1.0.2 d1.0.1", "s0.1 d1.0.1 d2.0.1", []int{0, 1, 4}},
	{ContentIntegrity, "s0.1 d0.0.1 d1.0.1", "s0.1 d1.0.1!", "s0.1 d0.0.1 d1.0.1!", "s0.1", []int{0, 1}},
	{SenderIntegrity, "s0.1 d0.0.1 d1.0.1", "s0.1 d1.0.1f2", "s0.1 d0.0.1 d1.0.1f1", "s0.1", []int{0, 1}},
	{DestinationIntegrity, "members=0,1 s0.1 J2 d2.0.1 j2 L2 l2", "members=0,1 s0.1 d2.0.1", "members=0,1 s0.1 J2 j2 L2 l2 d2.0.1", "s0.1", []int{0, 1}},
	{ChannelValidity, "s0.1>1 d1.0.1> s0.2>2 d2.0.2>", "s0.1>1", "s0.1>1 d1.0.1> s0.2>2", "s0.1>1 c0", []int{0}},
	{ChannelIntegrity, "s0.1>1 d1.0.1> s0.2>2 d2.0.2>", "d1.0.1>", "s0.1>1 d1.0.1> s0.2>2 d2.0.2> d1.0.1>", "s0.1>1", []int{0}},
	{ClosedGroup, "closed members=0,1 s2.1 x2.1", "closed members=0,1 s2.1", "closed members=0,1 s2.1 x2.1 d1.2.1", "closed members=0,1 s0.1 d1.0.1", []int{0}},
	{SelfDelivery, "s0.1 d0.0.1 s1.1 d1.1.1", "s0.1", "s0.1 d0.0.1 s1.1", "s0.1 c0", []int{0}},
	{Validity, "s0.1 d0.0.1 d1.0.1 d2.0.1", "nodes=1 s0.1", "s0.1 d0.0.1 d1.0.1", "s0.1 c0", []int{0}},
	{Agreement, "s0.1 d1.0.1 d2.0.1 c0", "nodes=2 s0.1 d0.0.1", "s0.1 d1.0.1 c0", "s0.1 d0.0.1 c0", []int{0, 1}},
	{UniformAgreement, "s0.1 d0.0.1 c0 d1.0.1 d2.0.1", "nodes=2 s0.1 d0.0.1 c0", "s0.1 d0.0.1 c0 d1.0.1", "s0.1 d0.0.1 d1.0.1 d2.0.1", []int{0, 1, 2}},
	{AllOrNothing, "s0.1 d1.0.1 c0 d2.0.1", "nodes=2 s0.1 d0.0.1", "s0.1 d1.0.1 c0", "s0.1 d0.0.1 d1.0.1 d2.0.1 c0", []int{0, 1}},
	{TailRecovery, "bound=10 s0.1 d0.0.1 d1.0.1 d2.0.1", "bound=10 nodes=1 s0.1", "bound=10 s0.1 d0.0.1 d1.0.1 @20 d2.0.1", "bound=10 s0.1 c0", []int{0}},
	{NoSilentGap, "s0.1 s0.2 g1.0 d1.0.2", "s0.1 s0.2 d1.0.2", "s0.1 s0.2 d1.0.2 g1.0", "s0.1 s0.2 d1.0.1 d1.0.2", []int{0, 1, 2}},
	{AckedDelivered, "s0.1 a0.1 c0 d1.0.1 d2.0.1", "nodes=1 s0.1 a0.1", "s0.1 a0.1 c0 d2.0.1", "s0.1 c0", []int{0, 1}},
	{Durability, "recovery s0.1 a0.1 d1.0.1 d2.0.1 c0 r0 d0.0.1", "recovery nodes=1 s0.1 a0.1 c0 r0", "recovery s0.1 a0.1 d1.0.1 d2.0.1 c0 r0", "recovery s0.1 a0.1", []int{0, 1, 2}},
	{NoResurrection, "s0.1 x0.1 s0.2 d1.0.2", "s0.1 x0.1 d1.0.1", "s0.1 x0.1 s0.2 d1.0.2 d1.0.1", "s0.1 d1.0.1", []int{0, 1, 2}},
	{LogPrefix, "s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.1r d1.0.2r", "s0.1 s0.2 d1.0.1 c1 r1 d1.0.2r", "s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.2r d1.0.1r", "s0.1 d1.0.1 c1 r1 s0.2 d1.0.2", []int{0, 1, 2, 5}},
	{ProbabilisticValidity, "s0.1 d0.0.1 d1.0.1 d2.0.1", "nodes=1 s0.1", "s0.1 d0.0.1 d1.0.1", "s0.1 c0", nil},
	{StabilityTrim, "kept=2 k1.2 k1.0", "kept=2 k1.3", "kept=2 k1.2 k1.1", "kept=2 k1.0", []int{0}},
	{BoundedOverflow, "s0.1 a0.1 d0.0.1 d1.0.1 d2.0.1 s0.2 x0.2o", "nodes=1 s0.1 a0.1 o0", "s0.1 a0.1 d0.0.1 d1.0.1 s0.2 x0.2o", "s0.1 a0.1 x0.1", []int{0, 1, 2}},
	{FIFOOrder, "s0.1 s0.2 s0.4 d1.0.1 d1.0.4", "s0.1 s0.2 d1.0.2 d1.0.1", "s0.1 s0.2 s0.4 d1.0.1 d1.0.4 d1.0.2", "s0.1 s0.2 d1.0.1 d2.0.2", []int{0, 1, 2, 3}},
	{FIFOGapFree, "s0.1 s0.2 s0.4 d1.0.1 d1.0.2 d1.0.4", "s0.1 s0.2 d1.0.2", "s0.1 s0.2 s0.4 d1.0.1 d1.0.4", "s0.1 s0.2 d1.0.1", []int{0, 1, 2}},
	{LocalOrder, "s0.1 d1.0.1 s1.1 d2.0.1 d2.1.1", "s0.1 d1.0.1 s1.1 d2.1.1", "s0.1 d1.0.1 s1.1 d2.1.1 d2.0.1", "s0.1 s1.1 d1.0.1 d2.1.1", []int{0, 1, 2, 3}},
	{CausalOrder, "s0.1 d1.0.1 s1.1 d2.0.1 d2.1.1", "s0.1 d1.0.1 s1.1 d2.1.1 d2.0.1", "nodes=4 s0.1 d1.0.1 s1.1 d2.1.1 s2.1 d3.2.1 d3.0.1", "s0.1 s1.1 d1.0.1 d2.1.1 d2.0.1", []int{0, 1, 2, 3, 4}},
	{CausalGapFree, "s0.1 d1.0.1 s1.1 d2.0.1 d2.1.1", "s0.1 s0.2 d1.0.2", "s0.1 d1.0.1 s1.1 d2.1.1", "s0.1 s1.1 d1.0.1 d2.1.1", []int{0, 1, 2}},
	{TotalOrder, "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1 d1.0.1",
		"s0.1 s1.1 s2.1 d0.0.1 d0.1.1 d1.1.1 d1.2.1 d2.2.1 d2.0.1", "s0.1 s1.1 d0.0.1 d1.0.1", []int{0, 1, 2, 3, 4, 5}},
	{TotalOrderPairwise, "s0.1 s1.1 s2.1 d0.0.1 d0.1.1 d1.1.1 d1.2.1 d2.2.1 d2.0.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1 d1.0.1",
		"s0.1 s1.1 s2.1 d0.0.1 d0.1.1 d0.2.1 d1.1.1 d1.2.1 d2.2.1 d2.0.1", "s0.1 s1.1 d0.0.1 d1.0.1", []int{0, 1, 2, 3, 4, 5}},
	{TotalGapFree, "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1",
		"s0.1 s1.1 s2.1 d0.0.1 d0.1.1 d1.1.1 d1.2.1 d2.2.1 d2.0.1", "s0.1 s1.1 d0.0.1 d0.1.1", []int{0, 1, 2, 3, 4}},
	{UniformTotalOrder, "s0.1 s1.1 d0.0.1 d0.1.1 c0 d1.0.1 d1.1.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1 d1.0.1",
		"s0.1 s1.1 d0.0.1 d0.1.1 c0 d1.1.1 d1.0.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1", []int{0, 1, 2, 3, 4, 5}},
	{UniformTotalGapFree, "s0.1 s1.1 d0.0.1 d0.1.1 c0 d1.0.1 d1.1.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1",
		"s0.1 s1.1 d0.0.1 d0.1.1 c0 d1.1.1", "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1", []int{0, 1, 2, 3, 4}},
	{TotalOrderPrefix, "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 v0.1 v1.1 s2.1 d0.2.1 d1.2.1", "s0.1 s1.1 d0.0.1 d1.1.1",
		"s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 v0.1 s2.1 d0.2.1 d1.2.1", "s0.1 d0.0.1", []int{0, 1, 2, 3}},
	{NoContamination, "s0.1 d0.0.1 s0.2 c0 d1.0.1 d1.0.2 d2.0.1 d2.0.2", "s0.1 d0.0.1 s0.2 d1.0.2 c0",
		"s0.1 s1.1 d0.1.1 d0.0.1 s0.2 c0 d1.0.1 d1.1.1 d1.0.2 d2.0.1 d2.1.1 d2.0.2", "s0.1 d0.0.1 s0.2 d0.0.2 d1.0.1 d1.0.2", []int{0, 1, 2, 3}},
	{PositionAgreement, "s0.1 s1.1 d0.0.1n1 d0.1.1n2 d1.0.1n1 d1.1.1n2", "s0.1 s1.1 d0.0.1n1 d1.1.1n1",
		"s0.1 s1.1 d0.0.1n1 d0.1.1n2 d1.0.1n1 d1.1.1n3", "s0.1 d0.0.1 d1.0.1", []int{0, 1, 2, 3}},
	{SyncBarrier, "s0.1 s0.2 y0 s0.3 d1.0.2 d1.0.1 b1.0.1 d1.0.3", "s0.1 y0 s0.2 d1.0.2",
		"s0.1 s0.2 y0 s0.3 d1.0.2 d1.0.3 b1.0.1 d1.0.1", "y0 s0.1 d1.0.1", []int{0, 1, 2, 3}},
	{SyncCut, "s0.1 y0 s1.1 d0.0.1 b0.0.1 d0.1.1 d1.0.1 b1.0.1 d1.1.1", "y0 s0.1 d0.0.1 b0.0.1 b1.0.1",
		"s0.1 y0 s1.1 d0.0.1 b0.0.1 d0.1.1 d1.1.1 d1.0.1 b1.0.1", "y0 s0.1 d0.0.1 d1.0.1", []int{0, 1, 2, 3, 4}},
	{SyncCausal, "s0.1 d1.0.1 y1 d2.0.1 b2.1.1", "s0.1 y0 b1.0.1", "s0.1 d1.0.1 y1 b2.1.1 d2.0.1", "s0.1 y1 d1.0.1 b1.1.1", []int{0, 1, 2}},
	{SyncBlocking, "s0.1 y1 d0.0.1 d1.0.1 d2.0.1 Y1", "nodes=1 s0.1 y0 Y0", "s0.1 y1 d0.0.1 d1.0.1 Y1 d2.0.1", "y1 s0.1 Y1", []int{0, 1, 2}},
	{RealTimeOrder, "epsilon=1 s0.1 a0.1 @9 s1.1 d2.0.1 d2.1.1", "epsilon=1 s0.1 a0.1 @9 s1.1 d1.1.1 d1.0.1",
		"epsilon=1 s0.1 a0.1 @9 s1.1 d2.1.1 d2.0.1", "epsilon=1 s0.1 a0.1 s1.1 d2.1.1 d2.0.1", []int{0, 1, 2, 3, 4}},
	{Timeliness, "due=5 s0.1 d0.0.1 d1.0.1", "due=5 s0.1 @9 d1.0.1", "due=5 s0.1 d0.0.1 @9 d1.0.1", "due=5 s0.1", []int{0, 1}},
	{CrossGroupCausal, "groups=2 s0.1 d1.0.1 s1.1:h d2.0.1 d2.1.1:h", "groups=2 s0.1 s0.2:h d1.0.2:h d1.0.1", "groups=2 s0.1 d1.0.1 s1.1:h d2.1.1:h d2.0.1",
		"groups=2 s0.1 s1.1:h d2.1.1:h d2.0.1", []int{0, 1, 2, 3}},
	{CrossGroupTotal, "groups=2 s0.1 s1.1:h d0.0.1 d0.1.1:h d1.0.1 d1.1.1:h", "groups=2 s0.1 s1.1:h d0.0.1 d0.1.1:h d1.1.1:h d1.0.1",
		"groups=2 s0.1 s1.1:h s2.1 d0.0.1 d0.1.1:h d1.1.1:h d1.2.1 d2.2.1 d2.0.1", "groups=2 s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1", []int{0, 1, 2, 3, 4, 5}},
	{ReplicaConvergence, "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1 d1.0.1 q0.7 q1.7", "q0.1 q1.2", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1 d1.0.1 q0.7 q1.8",
		"s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 q0.7 q1.8", []int{0, 1}},
	{ElectionSafety, "e0.1 e1.2 e1.2", "e0.1 e1.1", "e0.1 e1.2 e1.1", "s0.1 d0.0.1", []int{0, 1}},
	{MutualExclusion, "i0 u0 i1 c1 i2", "i0 i1", "i0 u0 i1 i2", "i0 u0", []int{0, 1}},
	{CostDelay, "delay=1 delays=2 s0.1 @2 d0.0.1 d1.0.1", "delay=1 delays=2 s0.1 @9 d1.0.1", "delay=1 delays=2 s0.1 @2 d0.0.1 @3 d1.0.1", "delay=1 delays=2 s0.1 c2 d1.0.1", []int{0, 1}},
	{DetectorCompleteness, "c2 S0.2 S1.2", "notice=10 nodes=2 c1", "c2 S0.2 S1.2 T1.2", "S0.2 S1.2", []int{0}},
	{ByzConsistency, "nodes=4 lies=3 d0.3.1 d1.3.1 d2.3.1", "lies=2 d0.2.1 d1.2.1!", "nodes=4 lies=3 d0.3.1 d1.3.1 d2.3.1!", "lies=2 s0.1 d0.0.1 d1.0.1", []int{0, 1}},
	{ByzTotality, "nodes=4 lies=3 d0.3.1 d1.3.1 d2.3.1", "lies=2 d0.2.1", "nodes=4 lies=3 d0.3.1 d1.3.1", "lies=2 s0.1 d0.0.1 d1.0.1", []int{0}},
	{ByzValidity, "lies=2 s0.1 d0.0.1 d1.0.1", "lies=1 nodes=2 s0.1", "lies=2 s0.1 d0.0.1", "lies=2 s2.1 d0.2.1 d1.2.1", []int{0}},
}

func TestEveryRequirement(t *testing.T) {
	var ids []spec.ID
	for _, c := range cases {
		ids = append(ids, c.id)
		want := func(what, text string, v spec.Verdict) spec.Finding {
			t.Helper()
			f := Check(parse(text), c.id)[0]
			if f.Verdict != v || f.ID != c.id {
				t.Errorf("%s, %s: %+v, want %v", c.id, what, f, v)
			}
			if f.Verdict == spec.Pass && f.Antecedents == 0 || f.Verdict == spec.Inconclusive && f.Reason == "" {
				t.Errorf("%s, %s: %+v", c.id, what, f)
			}
			return f
		}
		want("the passing one", c.pass, spec.Pass)
		want("the vacuous one", c.not, spec.Inconclusive)
		want("nothing at all", "", spec.Inconclusive)
		for _, text := range []string{c.smallest, c.mutated} {
			if c.id == ProbabilisticValidity { // one run does not violate it
				if f := want(text, text, spec.Inconclusive); f.Missing == 0 || f.Missing > f.Antecedents {
					t.Errorf("%s: %+v", text, f)
				}
				continue
			}
			f := want(text, text, spec.Fail)
			if f.Witness == nil || f.Antecedents == 0 {
				t.Errorf("%s: %+v", c.id, f)
				continue
			}
			t.Logf("%-22s %v %s", c.id, f.Witness.Events, f.Witness.Text)
			if text == c.smallest && !slices.Equal(f.Witness.Events, c.events) {
				t.Errorf("%s: witness %v, want %v", c.id, f.Witness.Events, c.events)
			}
		}
	}
	if !slices.Equal(ids, twinned()) {
		t.Errorf("judged %v, tested %v", twinned(), ids)
	}
}

// The catalogue must have what is judged here, in this order.
func TestJudgedIsInTheCatalogue(t *testing.T) {
	at := -1
	for _, id := range Judged() {
		i := slices.IndexFunc(spec.Catalogue(), func(r spec.Requirement) bool { return r.ID == id })
		if i <= at {
			t.Errorf("%s stands at %d, after %d", id, i, at)
		}
		at = i
	}
}

// Cases that a judge gets wrong easily.
func TestFineDistinctions(t *testing.T) {
	for _, c := range []struct {
		name, text string
		id         spec.ID
		want       spec.Verdict
	}{
		{"a message number seen in two groups is one stream each", "groups=2 s0.1 s0.2:h s0.3 d1.0.1 d1.0.3", FIFOGapFree, spec.Pass},
		{"a refused send leaves no gap", "s0.1 s0.2 x0.2 s0.3 d1.0.1 d1.0.3", FIFOGapFree, spec.Pass},
		{"a refused send is owed to nobody", "s0.1 x0.1", Validity, spec.Inconclusive},
		{"two incarnations may deliver the same", "s0.1 d1.0.1 c1 r1 d1.0.1", NoDuplication, spec.Pass},
		{"one incarnation may not", "s0.1 c1 r1 d1.0.1 d1.0.1", NoDuplication, spec.Fail},
		{"but when it says so", "s0.1 c1 r1 d1.0.1 d1.0.1r", NoDuplication, spec.Pass},
		{"numbers start again in a new incarnation", "s0.1 d1.0.1 c0 r0 s0.1 d1.0+1.1", NoDuplication, spec.Pass},
		{"a joiner is not owed what was sent before", "members=0,1 s0.1 J2 j2 s0.2 d2.0.2 d0.0.1 d0.0.2 d1.0.1 d1.0.2", Validity, spec.Pass},
		{"nor does it have a gap there", "members=0,1 s0.1 J2 j2 s0.2 s0.3 d2.0.2 d2.0.3", FIFOGapFree, spec.Pass},
		{"but it has one later", "members=0,1 s0.1 J2 j2 s0.2 s0.3 d2.0.3", FIFOGapFree, spec.Fail},
		{"and may deliver old messages, but not out of order", "members=0,1 s0.1 s0.2 J2 j2 d2.0.2 d2.0.1", FIFOGapFree, spec.Fail},
		{"who leaves is owed nothing", "s0.1 L2 d0.0.1 d1.0.1", Agreement, spec.Pass},
		{"crash-stop: who came back is owed nothing", "s0.1 d0.0.1 d1.0.1 c2 r2", Agreement, spec.Pass},
		{"crash-recovery: who came back is", "recovery s0.1 d0.0.1 d1.0.1 c2 r2", Agreement, spec.Fail},
		{"what one incarnation delivered the node has", "recovery s0.1 d0.0.1 d1.0.1 d2.0.1 c2 r2", Agreement, spec.Pass},
		{"crash-recovery: who is down at the end is not", "recovery s0.1 d0.0.1 d1.0.1 c2 r2 c2", Agreement, spec.Pass},
		{"a killed sender's outcome is unknown", "recovery s0.1 c0 r0", Validity, spec.Inconclusive},
		{"what is missing may still come", "unsettled s0.1 d0.0.1", Agreement, spec.Inconclusive},
		{"what is there stays", "unsettled s0.1 d0.0.1 d1.0.1 d2.0.1", Agreement, spec.Pass},
		{"three agree in pairs and not together", "s0.1 s1.1 s2.1 d0.0.1 d0.1.1 d1.1.1 d1.2.1 d2.2.1 d2.0.1", TotalOrderPairwise, spec.Pass},
		{"a crashed process's order does not count", "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1 d2.1.1 d2.0.1 c2", TotalOrder, spec.Pass},
		{"an outsider's delivery is agreement too", "members=0,1 s0.1 d2.0.1", Agreement, spec.Fail},
		{"a group message is not a one-to-one message", "s0.1 d1.0.1>", ChannelIntegrity, spec.Fail},
		{"nor the other way round", "s0.1>1 d1.0.1", NoCreation, spec.Fail},
		{"a delivery in another group", "groups=2 s0.1 d1.0.1:h", NoCreation, spec.Fail},
		{"causality through a third process that crashed", "nodes=4 s0.1 d1.0.1 s1.1 c1 d2.1.1 s2.1 d3.2.1", CausalGapFree, spec.Fail},
		{"out of the view is noticed too", "c2 V0.0.1 S1.2", DetectorCompleteness, spec.Pass},
		{"the last view counts", "c2 V0.0.1 S1.2 V0.0.1.2", DetectorCompleteness, spec.Fail},
		{"who was suspected before", "S0.2 S1.2 c2", DetectorCompleteness, spec.Pass},
		{"and was trusted before", "S0.2 T0.2 S1.2 c2", DetectorCompleteness, spec.Fail},
		{"who came back is not dead", "S0.2 c2 r2", DetectorCompleteness, spec.Inconclusive},
		{"nor has to be noticed who left", "S0.2 L2 l2 c2", DetectorCompleteness, spec.Inconclusive},
		{"nor by one who joined later", "members=0,2 c2 S0.2 J1 j1", DetectorCompleteness, spec.Pass},
		{"nor by one who left", "c2 S0.2 L1 l1", DetectorCompleteness, spec.Pass},
		{"nor by one who is dead", "c1 S0.1 c2 S0.2", DetectorCompleteness, spec.Pass},
		{"who came back has forgotten", "recovery c2 S0.2 S1.2 c1 r1", DetectorCompleteness, spec.Fail},
		{"it may still be noticed", "unsettled c2 S0.2", DetectorCompleteness, spec.Inconclusive},
		{"but not after the bound", "unsettled notice=10 c2 S0.2 @20 s0.1", DetectorCompleteness, spec.Fail},
		{"in time", "notice=10 c2 @5 S0.2 S1.2", DetectorCompleteness, spec.Pass},
		{"too late", "notice=10 c2 @5 S0.2 @20 S1.2", DetectorCompleteness, spec.Fail},
		{"out of the view too late", "notice=10 c2 @5 S0.2 @20 V1.0.1", DetectorCompleteness, spec.Fail},
		{"the bound begins anew after a cut", "notice=10 c2 S0.2 F1 @20 H1 S1.2", DetectorCompleteness, spec.Pass},
		{"each group has its own", "groups=2 c2 S0.2 S1.2 S0.2:h", DetectorCompleteness, spec.Fail},
		{"nobody tells of suspicions", "nodes=2 c1", DetectorCompleteness, spec.Inconclusive},
		{"a joiner has no gap before its join", "members=0,1 s0.1 d0.0.1 d1.0.1 J2 j2 s0.2 d0.0.2 d2.0.2 d1.0.2", TotalGapFree, spec.Pass},
		{"but has one behind it", "members=0,1 s0.1 d0.0.1 J2 j2 s0.2 s0.3 d0.0.2 d0.0.3 d2.0.3", TotalGapFree, spec.Fail},
		{"who comes back has no gap before that", "recovery s0.1 d0.0.1 c1 r1 s0.2 d0.0.2 d1.0.2", TotalGapFree, spec.Pass},
		{"a refused message is missing nowhere", "s0.1 s1.1 d0.0.1 x0.1 d0.1.1 d1.1.1", TotalGapFree, spec.Pass},
		{"what a crashed process skipped does not count", "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1 d2.1.1 c2", TotalGapFree, spec.Pass},
		{"it does where the dead are included", "s0.1 s1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1 d2.1.1 c2", UniformTotalGapFree, spec.Fail},
		{"a new view is a new line", "s0.1 s1.1 d0.0.1 d0.1.1 v0.1 v1.1 d1.0.1 d1.1.1", TotalOrderPrefix, spec.Inconclusive},
		{"in one view they must agree", "s0.1 s1.1 v0.1 v1.1 d0.0.1 d0.1.1 d1.1.1", TotalOrderPrefix, spec.Fail},
		{"contamination needs a settled run", "unsettled s0.1 d0.0.1 s0.2 d1.0.2 c0", NoContamination, spec.Inconclusive},
		{"a number is a group's", "groups=2 s0.1 s0.2:h d0.0.1n1 d1.0.1n1 d0.0.2:hn1 d1.0.2:hn1", PositionAgreement, spec.Pass},
		{"a number told after a failover too", "s0.1 s1.1 d0.0.1n1 d1.0.1n1 c0 d1.1.1n1", PositionAgreement, spec.Fail},
		{"a message told twice has one number", "s0.1 d0.0.1n1 d0.0.1n2", PositionAgreement, spec.Fail},
		{"a refused message is on no side of a cut", "y0 s0.1 d0.0.1 x0.1 b0.0.1 b1.0.1", SyncCut, spec.Inconclusive},
		{"a barrier of another does not part my messages", "s0.1 y1 s0.2 d2.0.2 d2.0.1", SyncBarrier, spec.Inconclusive},
		{"barriers swapped", "y0 y0 b1.0.2 b1.0.1", SyncBarrier, spec.Fail},
		{"no notes, no cut", "s0.1 y0 s0.2 d0.0.1 d0.0.2 d1.0.1 d1.0.2", SyncCut, spec.Inconclusive},
		{"two barriers in two orders", "y0 y1 b0.0.1 b0.1.1 b1.1.1 b1.0.1", SyncCut, spec.Fail},
		{"between two barriers any order will do", "s0.1 s1.1 y0 d0.0.1 d0.1.1 b0.0.1 d1.1.1 d1.0.1 b1.0.1 s0.2 d0.0.2 d1.0.2", SyncCut, spec.Pass},
		{"what died with its sender was not in flight", "s0.1 s1.1 c0 y1 d1.1.1 d2.1.1 Y1", SyncBlocking, spec.Pass},
		{"unless somebody has it", "s0.1 s1.1 c0 y1 d1.1.1 d2.1.1 Y1 d2.0.1", SyncBlocking, spec.Fail},
		{"without an epsilon nothing is judged", "s0.1 a0.1 @9 s1.1 d2.1.1 d2.0.1", RealTimeOrder, spec.Inconclusive},
		{"what a log gives back is not late", "recovery due=5 s0.1 d1.0.1 c1 @9 r1 d1.0.1r", Timeliness, spec.Pass},
		{"a term is a node's through its crashes", "recovery e0.1 c0 r0 e0.1", ElectionSafety, spec.Pass},
		{"but not where it is somebody new", "e0.1 c0 r0 e0.1", ElectionSafety, spec.Fail},
		{"who stands still is still inside", "i0 P0 i1", MutualExclusion, spec.Fail},
		{"the state of an earlier life does not count", "recovery q1.1 c1 r1 q0.2", ReplicaConvergence, spec.Inconclusive},
		{"different sets may be in different states", "s0.1 d0.0.1 q0.1 q1.2", ReplicaConvergence, spec.Inconclusive},
		{"causality does not cross groups", "groups=2 s0.1 d1.0.1 s1.1:h d2.1.1:h d2.0.1", CausalOrder, spec.Inconclusive},
	} {
		if f := Check(parse(c.text), c.id)[0]; f.Verdict != c.want {
			t.Errorf("%s: %+v, want %v", c.name, f, c.want)
		}
	}
}

func TestUnknownRequirement(t *testing.T) {
	f := Check(parse("s0.1"), "NO-SUCH")[0]
	if f.Verdict != spec.Inconclusive || f.Reason != "not judged by this version" {
		t.Error(f)
	}
	var j Judge
	if f := j.Check(Agreement); f.Verdict != spec.Inconclusive {
		t.Error(f)
	}
}

// Histories that contradict themselves must not break a judge.
func TestOddHistories(t *testing.T) {
	h := parse("s0.1 d1.0.1")
	h.Groups[0].Members = append(h.Groups[0].Members, 9, -1)
	for _, e := range []spec.Event{
		{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: 7, Msg: spec.MsgID{Sender: 7, Number: 1}},
		{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Group: 3, Msg: spec.MsgID{Number: 2}},
		{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Msg: spec.MsgID{Number: 1 << 60}},
		{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Msg: spec.MsgID{Number: 3, Incarnation: 1 << 30}},
		{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasTo, To: 8, Msg: spec.MsgID{Number: 4}},
		{Kind: spec.Deliver, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: 1, Msg: spec.MsgID{Number: 1 << 60}},
		{Kind: spec.Deliver, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: -1, Msg: spec.MsgID{Number: 1}},
		{Kind: spec.Deliver, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: 1, Msg: spec.MsgID{Sender: -4, Number: 1}},
		{Kind: spec.Joined, Has: spec.HasNode},
		{Kind: spec.Crash}, {Kind: spec.Recover, Has: spec.HasNode, Node: 5},
	} {
		h.Add(e)
	}
	for _, f := range Check(h, Judged()...) {
		if f.Verdict == spec.Error {
			t.Error(f)
		}
	}
	if f := Check(h, FIFOOrder)[0]; f.Verdict != spec.Pass { // the sparse number is found
		t.Error(f)
	}
}
