package suites_test

import (
	"slices"
	"testing"
	"time"

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

// joined gives when a node's join returned; 0: never.
func joined(h *spec.History, n spec.NodeID) time.Duration {
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Joined && e.Node == n {
			return time.Duration(e.T)
		}
	}
	return 0
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
	if at := joined(&r.History, 3); at != 0 {
		t.Errorf("the server is dead, and 3 came in at %v", at)
	}
	if got := lastView(&r.History, 1); got != nil && !slices.Contains(got, 0) {
		t.Errorf("the server is dead, and 1 has a view without it: %v", got)
	}
	const tl = 600 * time.Millisecond
	for _, peers := range []string{"unicast/reliable/unordered/distributed", "unicast/reliable/unordered/server:at=2", "unicast/reliable/unordered/server:at=2,groups=hierarchical"} {
		r := playedOn(t, "coordinator-dies", peers)
		sound(t, r, "MEMBERSHIP-PRECISION", "JOIN-COMPLETE")
		if at := joined(&r.History, 3); at < tl || at > 2*tl {
			t.Errorf("%s: 3 came in at %v, want when 0, dead at 200 ms, had been silent for TL", peers, at)
		}
		if got := lastView(&r.History, 1); !slices.Equal(got, []spec.NodeID{1, 2, 3}) {
			t.Errorf("%s: the last view of 1 is %v", peers, got)
		}
	}
}
