package checkers

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// A send whose sender is killed before it knows what became of it may appear or not: it is owed to nobody, and in
// everything else. The last column is the history as a judge reads it that takes the unknown outcome for a failure, and
// what it says then: where the two agree a case would show nothing.
func TestUnknownOutcomeIsNotFailed(t *testing.T) {
	for _, c := range []struct {
		name, text string
		id         spec.ID
		want       spec.Verdict
		taken      string
		wrong      spec.Verdict
	}{
		{"it may appear", "s0.1 c0 d1.0.1 d2.0.1", NoResurrection, spec.Inconclusive, "s0.1 x0.1 c0 d1.0.1 d2.0.1", spec.Fail},
		{"if one delivers it all do", "s0.1 c0 d1.0.1", Agreement, spec.Fail, "s0.1 x0.1 c0", spec.Inconclusive},
		{"it has its place in the order", "s0.1 s0.2 c0 d1.0.2 d1.0.1", FIFOOrder, spec.Fail, "s0.1 s0.2 x0.2 c0 d1.0.1", spec.Inconclusive},
		{"it may appear once", "s0.1 c0 d1.0.1 d1.0.1", NoDuplication, spec.Fail, "s0.1 x0.1 c0", spec.Inconclusive},
		{"what was sent before it is missed", "s0.1 s0.2 c0 d1.0.2", FIFOGapFree, spec.Fail, "s0.1 s0.2 x0.2 c0", spec.Inconclusive},
	} {
		if f := Check(parse(c.text), c.id)[0]; f.Verdict != c.want {
			t.Errorf("%s: %s of %q: %v", c.name, c.id, c.text, f)
		}
		if f := Check(parse(c.taken), c.id)[0]; f.Verdict != c.wrong || c.wrong == c.want {
			t.Errorf("%s: a judge that takes it for failed says %v, and is not told apart", c.name, f)
		}
	}
}

// Messages that say the same are messages of their own. A judge that knows them by what they say takes the second for
// the first again.
func TestEqualBodiesAreDifferentMessages(t *testing.T) {
	for _, c := range []struct {
		name, text string
		id         spec.ID
		want       spec.Verdict
		wrong      spec.Verdict
	}{
		{"both may be delivered", "s0.1 s0.2 d1.0.1 d1.0.2", NoDuplication, spec.Pass, spec.Fail},
		{"both must be", "nodes=2 s0.1 s0.2 d0.0.1 d0.0.2 d1.0.1", Validity, spec.Fail, spec.Pass},
		{"and by all", "nodes=2 s0.1 s0.2 d0.0.1 d0.0.2 d1.0.1", Agreement, spec.Fail, spec.Pass},
		{"in their order", "s0.1 s0.2 d1.0.2 d1.0.1", FIFOOrder, spec.Fail, spec.Inconclusive},
		{"also of two senders", "s0.1 s1.1 d0.0.1 d0.1.1 d1.1.1 d1.0.1", TotalOrder, spec.Fail, spec.Inconclusive},
		{"neither was made up", "s0.1 s1.1 d2.0.1 d2.1.1", ContentIntegrity, spec.Pass, spec.Pass},
	} {
		h := parse(c.text)
		for i := range h.Events {
			h.Events[i].Sum = 7
		}
		if f := Check(h, c.id)[0]; f.Verdict != c.want {
			t.Errorf("%s: %s of %q: %v", c.name, c.id, c.text, f)
		}
		if c.id != NoDuplication { // and a duplicate of the first is none that counts
			h.Events = byPayload(h.Events)
		} else {
			for i := range h.Events {
				h.Events[i].Msg = h.Events[0].Msg
			}
		}
		if f := Check(h, c.id)[0]; f.Verdict != c.wrong {
			t.Errorf("%s: a judge that knows messages by what they say finds %v", c.name, f)
		}
	}
}

// byPayload is what is left of events for who takes all messages for the first.
func byPayload(events []spec.Event) []spec.Event {
	type seen struct {
		kind spec.Kind
		node spec.NodeID
	}
	var kept []spec.Event
	had := map[seen]bool{}
	for _, e := range events {
		e.Msg = events[0].Msg
		k := seen{kind: e.Kind}
		if e.Kind != spec.Send {
			k.node = e.Node
		}
		if !had[k] {
			had[k] = true
			kept = append(kept, e)
		}
	}
	return kept
}
