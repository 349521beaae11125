package suites_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// TestAllDie: the group waits for all members of its last view, and comes back with what they had acknowledged. Without
// logs it comes back with nothing.
func TestAllDie(t *testing.T) {
	r := replayed(t, "view-all-die")
	sound(t, r, "GROUP-RESTART", "DURABILITY", "JOIN-TRANSFER", "MEMBERSHIP-PRECISION", "TOTAL-ORDER")
	views(t, r, 2, "[0 1 2][0 1 2]")
	h := &r.History
	for n := range spec.NodeID(3) {
		if count(h, n, spec.Restore) != 1 {
			t.Errorf("%d is not given the state once:\n%s", n, r.Diagram)
		}
	}
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Restore && len(h.ExtraOf(e).Msgs) != 2 {
			t.Errorf("%d is given %v", e.Node, h.ExtraOf(e).Msgs)
		}
	}
	s := example(t, "view-all-die")
	s.Expect = "GROUP-RESTART"
	s.Subject = "unicast/atomic-view/total-sequencer/view-synchronous"
	r, err := suites.Replay(s)
	if err != nil {
		t.Fatal(err)
	}
	if text := broke(t, r); !strings.Contains(text, "has not 1/0/1 in the state that it was given") {
		t.Errorf("without logs it is not the acknowledged message that is lost: %s", text)
	}
}
