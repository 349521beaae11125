package suites_test

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// playedOn plays an example on another subject.
func playedOn(t *testing.T, name, subject string) *suites.Replayed {
	t.Helper()
	s := example(t, name)
	s.Subject, s.Expect = subject, ""
	r, err := suites.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lastView gives the members of the last view of a node.
func lastView(h *spec.History, n spec.NodeID) (members []spec.NodeID) {
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.ViewChange && e.Node == n {
			members = h.ExtraOf(e).Members
		}
	}
	return members
}

// TestCoordinatorDies: the same scenario in a group that one decides for, and in groups of peers.
func TestCoordinatorDies(t *testing.T) {
	r := replayed(t, "coordinator-dies")
	broke(t, r)
	orders(t, r, "g", " 1.0", " 1.0 2.0 1.1", " 1.0 2.0 1.1", "")
	if at := returned(&r.History, 3, spec.Joined); at != 0 {
		t.Errorf("the server is dead, and 3 came in at %v", at)
	}
	if got := lastView(&r.History, 1); got != nil && !slices.Contains(got, 0) {
		t.Errorf("the server is dead, and 1 has a view without it: %v", got)
	}
	const tl = 600 * time.Millisecond
	for _, peers := range []string{"unicast/reliable/unordered/distributed", "unicast/reliable/unordered/server:at=2", "unicast/reliable/unordered/server:at=2,groups=hierarchical"} {
		r := playedOn(t, "coordinator-dies", peers)
		sound(t, r, "MEMBERSHIP-PRECISION", "JOIN-COMPLETE")
		if at := returned(&r.History, 3, spec.Joined); at < tl || at > 2*tl {
			t.Errorf("%s: 3 came in at %v, want when 0, dead at 200 ms, had been silent for TL", peers, at)
		}
		if got := lastView(&r.History, 1); !slices.Equal(got, []spec.NodeID{1, 2, 3}) {
			t.Errorf("%s: the last view of 1 is %v", peers, got)
		}
	}
}

// TestJoinersHoldAndStrangersStayOut: who joins where all keep the list keeps what is sent to it before its view is here; and
// who comes back without having been a member does not begin a group of its own when nobody is left to ask.
func TestJoinersHoldAndStrangersStayOut(t *testing.T) {
	for id, text := range map[spec.ID]string{
		"VALIDITY": `conform.scenario/1
subject unicast/reliable/unordered/distributed
nodes 3
group g 1 2
seed 0
net latency 1ms..1ms
at 0s join 0 g
at 1.25ms send 1 g 0
on 2 receive 1 delay 2 by 1ms for 1ms
`,
		"DESTINATION-INTEGRITY": `conform.scenario/1
subject unicast/reliable/unordered/distributed
nodes 2
group g 1
seed 0
net latency 1ms..1ms
at 1ms recover 0
at 60ms recover 1
at 3s send 1 g 0
on 0 send 1 crash 0
on 1 send 1 crash 1
`,
	} {
		s, err := faults.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := suites.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Requirements {
			if row.Claimed && row.Verdict == spec.Fail {
				t.Errorf("%s is broken: %s", row.ID, row.Witness.Text)
			}
		}
		if !bites(r, id) {
			t.Errorf("%s was not tested", id)
		}
	}
}
