package checkers

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
)

// The view rule, case by case. In view 1 are 0, 1 and 2; 2 is cut off, 0 and 1 go on to view 2, and view 3 has all again.
func TestMembersByViews(t *testing.T) {
	const cut = start + "s0.1 d0.0.1 d1.0.1 W0.2.0.1 W1.2.0.1 "
	const back = cut + "W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 "
	for _, c := range []struct {
		what, text string
		id         spec.ID
		want       spec.Verdict
	}{
		{"a member of the view that stays owes the message", start + "s0.1 d0.0.1 W0.2.0.1 W1.2.0.1", Validity, spec.Fail},
		{"one that the next view leaves behind does not", cut, Validity, spec.Pass},
		{"nor is its own message owed to anybody", start + "s2.1 W0.2.0.1 W1.2.0.1", Validity, spec.Inconclusive},
		{"what it delivers binds nobody", start + "s2.1 d2.2.1 W0.2.0.1 W1.2.0.1", Agreement, spec.Inconclusive},
		{"but it does where any process counts", start + "s2.1 d2.2.1 W0.2.0.1 W1.2.0.1", UniformAgreement, spec.Fail},
		{"who is admitted again owes nothing from before", back + "s0.2 d0.0.2 d1.0.2 d2.0.2", Validity, spec.Pass},
		{"and owes what comes then", back + "s0.2 d0.0.2 d1.0.2", Validity, spec.Fail},
		{"its membership is a new one, without gaps of the old", back + "s0.2 d0.0.2 d1.0.2 d2.0.2", FIFOGapFree, spec.Pass},
		{"a gap in its new membership is one", back + "s0.2 d0.0.2 d1.0.2 s0.3 d0.0.3 d1.0.3 d2.0.3", FIFOGapFree, spec.Fail},
		{"who stays has no gap across views", start + "s0.1 d0.0.1 W0.2.0.1 W1.2.0.1 s0.2 d0.0.2 d1.0.2", FIFOGapFree, spec.Fail},
		{"what stayed with one left behind is no gap", start + "s2.1 d2.2.1 W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 s2.2 d0.2.2 d1.2.2 d2.2.2",
			FIFOGapFree, spec.Pass},
		{"unless one who went on had it", start + "s2.1 d2.2.1 d1.2.1 W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 s2.2 d0.2.2 d1.2.2 d2.2.2",
			FIFOGapFree, spec.Fail},
		{"what one left behind delivers has no place in the order", start + "s0.1 s1.1 d2.1.1 d2.0.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1 W0.2.0.1 W1.2.0.1", TotalOrder, spec.Pass},
		{"but in the uniform one", start + "s0.1 s1.1 d2.1.1 d2.0.1 d0.0.1 d0.1.1 d1.0.1 d1.1.1 W0.2.0.1 W1.2.0.1", UniformTotalOrder, spec.Fail},
		{"a joiner owes nothing sent in a view before its first", "members=0,1 W0.1.0.1 W1.1.0.1 J2 s0.1 d0.0.1 d1.0.1 W0.2.0.1.2 W1.2.0.1.2 W2.2.0.1.2 j2 s0.2 d0.0.2 d1.0.2 d2.0.2",
			Validity, spec.Pass},
		{"but all of its first, also before its join returned", "members=0,1 W0.1.0.1 W1.1.0.1 J2 W0.2.0.1.2 W1.2.0.1.2 W2.2.0.1.2 s0.1 d0.0.1 d1.0.1 j2", Validity, spec.Fail},
		{"a new life is no member before a view admits it", "recovery " + start + "c2 r2 s0.1 d0.0.1 d1.0.1 W0.2.0.1 W1.2.0.1", Validity, spec.Pass},
		{"whether or not a view leaves its old one behind", "recovery " + start + "c2 r2 s0.1 d0.0.1 d1.0.1", Validity, spec.Pass},
		{"and is one then", "recovery " + start + "c2 r2 W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 s0.1 d0.0.1 d1.0.1", Validity, spec.Fail},
		{"a configured member that left, crashed and came back is admitted", "recovery " + start + "L2 W0.2.0.1 W1.2.0.1 l2 c2 r2 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 s0.1 d2.0.1",
			DestinationIntegrity, spec.Pass},
		{"not without a view", "recovery " + start + "L2 W0.2.0.1 W1.2.0.1 l2 c2 r2 s0.1 d2.0.1", DestinationIntegrity, spec.Fail},
		{"a sender delivers its own whatever views come", start + "s0.1 W0.2.0.1 W1.2.0.1 W0.3.0.1 W1.3.0.1", SelfDelivery, spec.Fail},
		{"also by one who never saw the view that left it behind", start + "s0.1 d0.0.1 d1.0.1 d2.0.1 W0.2.0.1.2 W1.2.0.1.2 W0.3.0.1 W1.3.0.1 W0.4.0.1.2 W1.4.0.1.2 W2.4.0.1.2 R2.0.1",
			JoinTransfer, spec.Pass},
		{"the very first event may be the view that one is left behind with", "members=0,1 W0.1.1.2 s1.1 s1.2 d0.1.2", NoSilentGap, spec.Inconclusive},
		{"who is given a state owes nothing of the views before", start + "s0.1 d0.0.1 d1.0.1 W0.2.0.1.2 W1.2.0.1.2 W2.2.0.1.2 R2.0.1", Validity, spec.Pass},
		{"and has no gap", start + "s0.1 d0.0.1 d1.0.1 W0.2.0.1.2 W1.2.0.1.2 W2.2.0.1.2 R2.0.1 s0.2 d0.0.2 d1.0.2 d2.0.2", FIFOGapFree, spec.Pass},
		{"but owes what comes in its view", start + "W0.2.0.1.2 W1.2.0.1.2 W2.2.0.1.2 R2 s0.1 d0.0.1 d1.0.1", Validity, spec.Fail},
		{"nor by one who calls leave before it is back", start + "s0.1 d0.0.1 d1.0.1 d2.0.1 W0.2.0.1 W1.2.0.1 L2 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 R2.0.1", JoinTransfer, spec.Pass},
		{"what all have given up for another state is known to nobody", "recovery " + start + "s0.1 d0.0.1 c1 r1 W0.3.0.1.2 R0 W1.3.0.1.2 R1 W2.3.0.1.2 R2 s0.2 d0.0.2 d1.0.2 d2.0.2", JoinTransfer, spec.Pass},
		{"but what one still has is", "recovery " + start + "s0.1 d0.0.1 c1 r1 W0.3.0.1.2 W1.3.0.1.2 R1 W2.3.0.1.2 R2 s0.2 d0.0.2 d1.0.2 d2.0.2", JoinTransfer, spec.Fail},
		{"what the state has replaces what was before", back + "d2.0.1 R2.0.1", JoinTransfer, spec.Fail},
		{"and that may be the same", start + "s0.1 d0.0.1 d1.0.1 d2.0.1 W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 R2.0.1", JoinTransfer, spec.Pass},
	} {
		if f := Check(parse(c.text), c.id)[0]; f.Verdict != c.want {
			t.Errorf("%s: %s is %v %s %v, want %v", c.what, c.id, f.Verdict, f.Reason, f.Witness, c.want)
		}
	}
}

// The requirements on messages cost no allocation where views tell who is a member, and some are left behind.
func TestMembersByViewsCostNoAllocation(t *testing.T) {
	h := parse(start + "s0.1 d0.0.1 d1.0.1 a0.1 W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 s1.1 d0.1.1 d1.1.1 d2.1.1 s0.2 d0.0.2 d1.0.2 d2.0.2")
	var j Judge
	if got := testing.AllocsPerRun(50, func() {
		j.Load(h)
		for _, id := range ofMembersOnce {
			if f := j.Check(id); f.Verdict == spec.Fail {
				t.Fatal(id, f, f.Witness)
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

var ofMembersOnce = ofMembers()

// A node that installs a view without itself at the very first event is left behind there: what was sent in the view of the
// start is no gap for it. The first event is not the start.
func TestLeftBehindAtTheFirstEvent(t *testing.T) {
	const cut = "members=0,1 W0.1.1.2 s1.1 s1.2 W0.2.0.1.2 d0.1.2"
	for _, id := range []spec.ID{NoSilentGap, FIFOGapFree, CausalGapFree, TotalGapFree} {
		for _, text := range []string{cut, "members=0,1 U0 W0.1.1.2 s1.1 s1.2 W0.2.0.1.2 d0.1.2"} {
			if f := Check(parse(text), id)[0]; f.Verdict == spec.Fail {
				t.Errorf("%s: %s fails: %s", text, id, f.Witness.Text)
			}
		}
	}
	if f := Check(parse("members=0,1 W0.1.0.1 W1.1.0.1 s1.1 s1.2 d0.1.2"), NoSilentGap)[0]; f.Verdict != spec.Fail {
		t.Errorf("who is in the view from the first event on: %v %v", f.Verdict, f.Witness)
	}
}

// The witness names what is missing, not what was delivered before a membership that began anew.
func TestMissingCauseOfANewMembership(t *testing.T) {
	f := Check(parse(start+"s1.1 s2.1 d0.1.1 d0.2.1 d1.1.1 d1.2.1 d2.1.1 d2.2.1 W0.2.0.1 W1.2.0.1 "+
		"W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 s1.2 d0.1.2 s0.1 d2.0.1"), CausalGapFree)[0]
	if f.Verdict != spec.Fail || !strings.Contains(f.Witness.Text, "without having delivered 1/0/2") {
		t.Errorf("%v %+v", f.Verdict, f.Witness)
	}
}

// The events of a witness alone still fail, also where they lean on views, lists and receptions that others were told.
func TestWitnessesUnderViews(t *testing.T) {
	const again = "W0.2.0.1 W1.2.0.1 W0.3.0.1.2 W1.3.0.1.2 W2.3.0.1.2 "
	for _, c := range []struct {
		what, text string
		id         spec.ID
	}{
		{"of one left behind, delivered by one who went on", start + "s2.1 d1.2.1 y2 " + again + "s2.2 d0.2.2", SyncBarrier},
		{"two lists of one view", "W0.3.0.2 W1.1.0.1.2 W2.1.0.1.2 W1.3.0.1 W2.2.2", ViewOverlap},
		{"a reception of another message", "nodes=2 L1 l1 s0.1 m0.0.1 d0.0.1 s0.2 d0.0.2S", SafeDelivery},
		{"a view of a group that lives", "members=0,1 W0.1.0.1 W1.1.0.1 L0 l0 W1.2.1 J0 W0.3.0 j0", PrimaryComponent},
	} {
		h := parse(c.text)
		f := Check(h, c.id)[0]
		if f.Verdict != spec.Fail {
			t.Errorf("%s: %s is %v %s", c.what, c.id, f.Verdict, f.Reason)
			continue
		}
		keep := map[int]bool{}
		for _, i := range f.Witness.Events {
			keep[i] = true
		}
		if got := Check(cited(h, c.id, keep), c.id)[0]; got.Verdict != spec.Fail {
			t.Errorf("%s: %s: the witness %v proves nothing: %v %s", c.what, c.id, *f.Witness, got.Verdict, got.Reason)
		}
	}
}

// Who goes on in another group has not gone from a view of this one.
func TestGoingOnInAnotherGroup(t *testing.T) {
	const text = "groups=2 s1.1 d1.1.1 W1.1.0.2 W2.1.0.1.2:h s1.2 d2.1.2"
	if f := Check(parse(text), NoSilentGap)[0]; f.Verdict != spec.Fail {
		t.Errorf("%v %s", f.Verdict, f.Reason)
	}
	if v, _ := newTwin(parse(text)).verdict(NoSilentGap); v != spec.Fail {
		t.Errorf("the twin says %v", v)
	}
}
