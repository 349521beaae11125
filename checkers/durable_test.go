package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// Cases that a judge of logs, buffers, gaps and liars gets wrong easily.
func TestFineDurableDistinctions(t *testing.T) {
	for _, c := range []struct {
		name, text string
		id         spec.ID
		want       spec.Verdict
	}{
		{"what says that it is delivered again is exempt", "s0.1 d1.0.1 c1 r1 d1.0.1r", NoDuplicationRestart, spec.Inconclusive},
		{"twice in one life is twice", "s0.1 d1.0.1 d1.0.1", NoDuplicationRestart, spec.Fail},
		{"another node's delivery is another", "s0.1 s0.2 d2.0.1 d1.0.2 c1 r1 d1.0.1", NoDuplicationRestart, spec.Pass},

		{"nobody delivers what is aborted, not even before", "s0.1 d1.0.1 c1 x0.1a", AllOrNothing, spec.Fail},
		{"an abort that is kept", "s0.1 c2 x0.1a", AllOrNothing, spec.Pass},
		{"a refusal for another reason is no abort", "s0.1 d1.0.1 x0.1", AllOrNothing, spec.Inconclusive},
		{"a member stands still since before the send", "P2 s0.1 d0.0.1 p2 d1.0.1 d2.0.1", AllOrNothing, spec.Fail},
		{"one that stands still since may have it", "s0.1 P2 d0.0.1 p2 d1.0.1 d2.0.1", AllOrNothing, spec.Pass},
		{"a sender that is alone", "F1.0 s0.1 d0.0.1 H1 d1.0.1 d2.0.1", AllOrNothing, spec.Fail},
		{"a member that is cut off", "F1.2 s0.1 d1.0.1 H1 d0.0.1 d2.0.1", AllOrNothing, spec.Fail},
		{"and is not any more", "F1.2 s0.1 H1 d0.0.1 d1.0.1 d2.0.1", AllOrNothing, spec.Pass},
		{"another fault's healing", "F1.2 s0.1 H2 d0.0.1 H1 d1.0.1 d2.0.1", AllOrNothing, spec.Fail},
		{"a fault that names nobody proves nothing", "F1 s0.1 d0.0.1 d1.0.1 d2.0.1 H1", AllOrNothing, spec.Inconclusive},
		{"crash-recovery: who is down has to have it", "recovery c2 s0.1 d0.0.1 d1.0.1 r2 d2.0.1", AllOrNothing, spec.Fail},
		{"crash-stop: who is down has not", "c2 s0.1 d0.0.1 d1.0.1", AllOrNothing, spec.Pass},
		{"nothing is as good as all", "s0.1 c0", AllOrNothing, spec.Pass},
		{"what is missing may still come", "unsettled s0.1 d0.0.1 c1", AllOrNothing, spec.Inconclusive},

		{"not the last one", "bound=10 s0.1 d0.0.1 d1.0.1 s0.2 d0.0.2 d1.0.2 d2.0.2", TailRecovery, spec.Pass},
		{"the last before a silence", "bound=10 s0.1 d0.0.1 d1.0.1 @20 s0.2 d0.0.2 d1.0.2 d2.0.2", TailRecovery, spec.Fail},
		{"late, but in time after the fault", "bound=10 F1 s0.1 d0.0.1 d1.0.1 @20 H1 @30 d2.0.1", TailRecovery, spec.Pass},
		{"late, and late after the fault", "bound=10 F1 s0.1 d0.0.1 d1.0.1 @20 H1 @31 d2.0.1", TailRecovery, spec.Fail},
		{"a later fault begins the bound anew", "bound=10 s0.1 d0.0.1 d1.0.1 @8 F1 @12 H1 @22 d2.0.1", TailRecovery, spec.Pass},
		{"a fault after the bound is too late", "bound=10 s0.1 d0.0.1 d1.0.1 @12 F1 @13 H1 @14 d2.0.1", TailRecovery, spec.Fail},
		{"who stands still can't deliver", "bound=10 P2 s0.1 d0.0.1 d1.0.1 @50 p2 d2.0.1", TailRecovery, spec.Pass},
		{"who is down neither, and comes back", "recovery bound=10 c2 s0.1 d0.0.1 d1.0.1 @50 r2 d2.0.1", TailRecovery, spec.Pass},
		{"the return of one that was not down brings back nobody", "recovery bound=10 c2 r1 s0.1 d0.0.1 d1.0.1 @50 r2 d2.0.1", TailRecovery, spec.Pass},
		{"the bound has passed", "unsettled bound=10 s0.1 d0.0.1 d1.0.1 @20 s1.1", TailRecovery, spec.Fail},
		{"or has not", "unsettled bound=10 s0.1 d0.0.1 d1.0.1", TailRecovery, spec.Inconclusive},
		{"other groups are other traffic", "groups=2 bound=10 s0.1 s0.2:h d0.0.2:h d1.0.2:h d2.0.2:h", TailRecovery, spec.Fail},

		{"a loss of another sender's is not this one", "s0.1 s0.2 g1.2 d1.0.2", NoSilentGap, spec.Fail},
		{"a loss of anybody's may be", "s0.1 s0.2 g1 d1.0.2", NoSilentGap, spec.Pass},
		{"one in another group is not", "groups=2 s0.1 s0.2 g1.0:h d1.0.2", NoSilentGap, spec.Fail},
		{"another member's gap is not this one's", "s0.1 s0.2 g2.0 d1.0.2", NoSilentGap, spec.Fail},
		{"what was not sent can't have been lost", "g1.0 s0.1 s0.2 d1.0.2", NoSilentGap, spec.Fail},
		{"each hole of its own", "s0.1 s0.2 g1.0 d1.0.2 s0.3 s0.4 d1.0.4", NoSilentGap, spec.Fail},
		{"late is missing until it comes", "s0.1 s0.2 d1.0.2 d1.0.1", NoSilentGap, spec.Fail},
		{"what is refused is missed by nobody", "s0.1 x0.1 s0.2 d1.0.2", NoSilentGap, spec.Inconclusive},
		{"nor is what was sent before one joined", "members=0,1 s0.1 J2 j2 s0.2 d2.0.2", NoSilentGap, spec.Inconclusive},

		{"crash-stop: nothing is promised", "s0.1 a0.1 c0 r0", Durability, spec.Inconclusive},
		{"acknowledged after the crash", "recovery s0.1 c1 r1 a0.1 d0.0.1 d2.0.1", Durability, spec.Inconclusive},
		{"all died", "recovery s0.1 a0.1 d0.0.1 c0 c1 c2 r0 r1 r2 d0.0.1r d1.0.1 d2.0.1", Durability, spec.Pass},
		{"all died, and one has lost it", "recovery s0.1 a0.1 d0.0.1 c0 c1 c2 r0 r1 r2 d0.0.1r d1.0.1", Durability, spec.Fail},
		{"who is down at the end owes nothing", "recovery s0.1 a0.1 d0.0.1 d1.0.1 c0 r0 c2", Durability, spec.Pass},
		{"it may still come", "recovery unsettled s0.1 a0.1 c0 r0", Durability, spec.Inconclusive},

		{"a log may have more than was delivered", "s0.1 s0.2 d1.0.1 c1 r1 d1.0.1r d1.0.2r", LogPrefix, spec.Pass},
		{"but not what was sent later", "s0.1 d1.0.1 c1 r1 d1.0.1r s0.2 d1.0.2r", LogPrefix, spec.Fail},
		{"a tail may be torn off", "s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.1r", LogPrefix, spec.Pass},
		{"but not one's own that was acknowledged", "recovery s0.1 s1.1 a1.1 d1.0.1 d1.1.1 c1 r1 d1.0.1r", LogPrefix, spec.Fail},
		{"one's own that was not", "recovery s0.1 s1.1 d1.0.1 d1.1.1 c1 r1 d1.0.1r", LogPrefix, spec.Pass},
		{"what was torn off is gone", "s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.1r s0.3 d1.0.3 c1 r1 d1.0.1r d1.0.3r", LogPrefix, spec.Pass},
		{"and does not come again", "s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.1r s0.3 d1.0.3 c1 r1 d1.0.1r d1.0.2r", LogPrefix, spec.Fail},
		{"one's own, lost in a life that went on", "unsettled s0.1 s1.1 a1.1 d1.0.1 d1.1.1 c1 r1 d1.0.1r s0.2 d1.0.2 c1 r1", LogPrefix, spec.Fail},
		{"a crash while the log is read", "s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.1r c1 r1 d1.0.1r d1.0.2r", LogPrefix, spec.Pass},
		{"one application counts, another reads its log", "recovery s0.1 s1.1 a1.1 d0.0.1 d1.0.1 d0.1.1 d1.1.1 c0 c1 r0 d0.0.1r d0.1.1r r1n", LogPrefix, spec.Pass},
		{"the same, and does not say that it counts", "recovery s0.1 s1.1 a1.1 d0.0.1 d1.0.1 d0.1.1 d1.1.1 c0 c1 r0 d0.0.1r d0.1.1r r1", LogPrefix, spec.Fail},
		{"it counts, and goes on", "recovery s0.1 s1.1 a1.1 d0.0.1 d1.0.1 d0.1.1 d1.1.1 c0 c1 r0 d0.0.1r d0.1.1r r1n s0.2 d1.0+1.2", LogPrefix, spec.Pass},
		{"two lives count, the third reads what all had", "recovery s0.1 s0.2 s0.3 d1.0.1 c1 r1n d1.0.2 c1 r1n d1.0.3 c1 r1 d1.0.1r d1.0.2r d1.0.3r", LogPrefix, spec.Pass},
		{"and what it has read it reads again", "recovery s0.1 s0.2 s0.3 d1.0.1 c1 r1n d1.0.2 c1 r1n d1.0.3 c1 r1 d1.0.1r d1.0.2r d1.0.3r s0.4 d1.0.4 c1 r1 d1.0.2r", LogPrefix, spec.Fail},
		{"it counted once, and does so no more", "recovery s0.1 s1.1 a1.1 d0.0.1 d1.0.1 d0.1.1 d1.1.1 c0 c1 r0 d0.0.1r d0.1.1r r1n c1 r1", LogPrefix, spec.Fail},
		{"a flipped bit", "s0.1 d1.0.1 c1 r1 d1.0.1!r", LogPrefix, spec.Fail},
		{"what nobody sent", "c1 r1 d1.0.1r", LogPrefix, spec.Fail},
		{"a whole log is lost", "recovery s0.1 s1.1 a1.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1 c0 r0 d0.0.1r d0.1.1r c1 r1", LogPrefix, spec.Fail},
		{"an application that keeps its state", "recovery s1.1 a1.1 d1.1.1 c1 r1 s0.2 d1.0.2", LogPrefix, spec.Inconclusive},
		{"logs of two groups are two", "groups=2 s0.1 s0.2:h d1.0.1 d1.0.2:h c1 r1 d1.0.2:hr d1.0.1r", LogPrefix, spec.Pass},

		{"a crash discards all", "recovery kept=2 k1.2 k1.1 c1 r1", StabilityTrim, spec.Pass},
		{"who is not correct may keep", "kept=2 k1.2 k1.1 c1", StabilityTrim, spec.Pass},
		{"but no more than declared", "kept=2 k1.3 k1.1 c1", StabilityTrim, spec.Fail},
		{"holding back less than declared", "kept=2 held=2 w1.2 k1.1 k1.0 w1.0", StabilityTrim, spec.Pass},
		{"and more", "kept=2 held=2 k1.1 w1.3 k1.0 w1.0", StabilityTrim, spec.Fail},
		{"by one that crashes", "kept=2 held=0 k1.1 w1.1 k1.0 c1", StabilityTrim, spec.Fail},
		{"what is held back for ever is no copy", "kept=2 held=2 k1.1 k1.0 w1.2", StabilityTrim, spec.Pass},
		{"without a bound on it", "kept=2 k1.1 w1.9 k1.0", StabilityTrim, spec.Pass},
		{"it may still be discarded", "unsettled kept=2 k1.2 k1.1", StabilityTrim, spec.Inconclusive},
		{"without a bound", "k1.2 k1.0", StabilityTrim, spec.Inconclusive},
		{"for ever, without a bound", "k1.2", StabilityTrim, spec.Fail},
		{"a buffer for each group", "groups=2 kept=2 k1.2 k1.1:h k1.0", StabilityTrim, spec.Fail},

		{"announced", "s0.1 a0.1 d0.0.1 d1.0.1 g2.0", BoundedOverflow, spec.Pass},
		{"announced of another", "s0.1 a0.1 d0.0.1 d1.0.1 g2.1", BoundedOverflow, spec.Fail},
		{"announced before it was sent", "g2.0 s0.1 a0.1 d0.0.1 d1.0.1", BoundedOverflow, spec.Fail},
		{"not acknowledged", "s0.1 d0.0.1 d1.0.1 o2", BoundedOverflow, spec.Pass},
		{"it may still come", "unsettled s0.1 a0.1 o2", BoundedOverflow, spec.Inconclusive},

		{"a liar's messages need not have been sent", "lies=2 d0.2.1", NoCreation, spec.Pass},
		{"those of others must", "lies=2 d0.1.1", NoCreation, spec.Fail},
		{"what a liar sends may have any envelope", "lies=2 d0.1.1f2", NoCreation, spec.Inconclusive},
		{"what a liar delivers is nothing", "lies=2 s0.1 d0.0.1 d2.0.1! d2.1.7 d2.0.1", NoCreation, spec.Pass},
		{"a liar's send is not its content", "lies=2 s2.1 d0.2.1!", ContentIntegrity, spec.Inconclusive},
		{"a liar's message is delivered once too", "lies=2 d0.2.1 d0.2.1", NoDuplication, spec.Fail},
		{"a liar has no order", "lies=2 s2.1 s2.2 d0.2.2 d0.2.1", FIFOOrder, spec.Inconclusive},
		{"a relay is not the liar", "lies=2 d0.2.1f1", SenderIntegrity, spec.Fail},
		{"a liar is not correct", "lies=2 s2.1", Validity, spec.Inconclusive},
		{"nor owed anything", "lies=2 s0.1 d0.0.1 d1.0.1", Validity, spec.Pass},
		{"nor acknowledged", "lies=2 s2.1 a2.1", AckedDelivered, spec.Inconclusive},
		{"a stranger that lies is refused by nobody", "lies=2 closed members=0,1 s2.1", ClosedGroup, spec.Pass},
		{"but not delivered", "lies=2 closed members=0,1 s2.1 d0.2.1", ClosedGroup, spec.Fail},
		{"a liar sends one-to-one what it likes", "lies=2 s2.1>1 d0.2.1>", ChannelIntegrity, spec.Inconclusive},
		{"the correct agree on liars' messages too", "lies=2 d0.2.1", Agreement, spec.Fail},
		{"and in any life that a liar names", "lies=2 d0.2+9.1 d1.2+9.1", ByzTotality, spec.Pass},
		{"two ids are two messages", "lies=2 d0.2+9.1 d1.2+8.1", ByzTotality, spec.Fail},
		{"it may still come", "lies=2 unsettled d0.2.1", ByzTotality, spec.Inconclusive},
		{"what a liar delivered is not consistent", "lies=1,2 nodes=4 d0.2.1 d1.2.1! d3.2.1", ByzConsistency, spec.Pass},
		{"nobody lies", "s0.1 d1.0.1 d2.0.1!", ByzConsistency, spec.Inconclusive},
	} {
		if f := Check(parse(c.text), c.id)[0]; f.Verdict != c.want {
			t.Errorf("%s: %+v %+v, want %v", c.name, f, f.Witness, c.want)
		}
	}
}

// Evidence that a history lacks is named.
func TestNotObservedOfDurability(t *testing.T) {
	noSums := parse("lies=2 d0.2.1 d1.2.1")
	for i := range noSums.Events {
		noSums.Events[i].Has &^= spec.HasSum
	}
	for _, c := range []struct {
		h    *spec.History
		id   spec.ID
		want string
	}{
		{parse("s0.1 d0.0.1 d1.0.1 d2.0.1"), TailRecovery, noBound},
		{parse("kept=1 s0.1"), StabilityTrim, "not observed: note with op kept"},
		{parse("k1.1 k1.0"), StabilityTrim, noBound},
		{noSums, ByzConsistency, "not observed: sum"},
		{parse("s0.1"), ByzValidity, nobodyLies},
		{parse("recovery s0.1 d0.0.1"), LogPrefix, nothingAgain},
		{parse("unsettled s0.1"), ProbabilisticValidity, notSettled},
	} {
		if f := Check(c.h, c.id)[0]; f.Verdict != spec.Inconclusive || f.Reason != c.want {
			t.Errorf("%s: %+v, want %q", c.id, f, c.want)
		}
	}
}

// A share over many runs: what one run counts, [spec.Tally.Against] judges.
func TestShareOverManyRuns(t *testing.T) {
	tally := spec.Tally{ID: ProbabilisticValidity}
	for run := range 200 {
		text := "s0.1 d0.0.1 d1.0.1 d2.0.1"
		if run%20 == 0 {
			text = "s0.1 d0.0.1 d1.0.1"
		}
		tally.Add(Check(parse(text), ProbabilisticValidity)[0])
	}
	if tally.Antecedents != 600 || tally.Missing != 10 || tally.Verdict() != spec.Inconclusive {
		t.Errorf("%+v is %s", tally, tally.Verdict())
	}
	for share, want := range map[float64]spec.Verdict{0.9: spec.Pass, 0.98: spec.Inconclusive, 0.999: spec.Fail} {
		if got := tally.Against(share, 0.99); got != want {
			t.Errorf("against %v: %s, want %s", share, got, want)
		}
	}
}

// Of a log that two incarnations did not read, nothing is known: what the second added is not its beginning.
func TestLogsThatNobodyReads(t *testing.T) {
	const twice = "recovery s0.1 s0.2 s0.3 s0.4 d1.0.1 c1 r1 d1.0.2 c1 r1 d1.0.3 c1 r1 "
	for text, want := range map[string]spec.Verdict{
		twice + "d1.0.1r d1.0.2r d1.0.3r d1.0.4":                 spec.Pass,
		twice + "d1.0.1r d1.0.2r d1.0.3r c1 r1 d1.0.2r":          spec.Fail,
		"recovery s0.1 s0.2 d1.0.1 d1.0.2 c1 r1 d1.0.2r d1.0.1r": spec.Fail,
	} {
		if f := Check(parse(text), LogPrefix)[0]; f.Verdict != want {
			t.Errorf("%s: %v %+v, want %v", text, f.Verdict, f.Witness, want)
		}
	}
}
