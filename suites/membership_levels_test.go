package suites_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// returned gives when a call of a node returned, first of all; 0: never.
func returned(h *spec.History, n spec.NodeID, kind spec.Kind) time.Duration {
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == kind && e.Node == n {
			return time.Duration(e.T)
		}
	}
	return 0
}

// TestLeafCoordinatorDies: who is below it is adopted when it has been silent for TL, or is lost to the others.
func TestLeafCoordinatorDies(t *testing.T) {
	const tl = 600 * time.Millisecond
	r := replayed(t, "leaf-coordinator-dies")
	sound(t, r, "MEMBERSHIP-PRECISION", "MEMBERSHIP-LINEARIZABLE", "JOIN-COMPLETE", "AGREEMENT", "VIRTUAL-SYNCHRONY")
	if at := returned(&r.History, 4, spec.Joined); at < 200*time.Millisecond+tl || at > 300*time.Millisecond+2*tl {
		t.Errorf("4 came in at %v, want when 1, dead at 200 ms, had been silent for TL", at)
	}
	if at := returned(&r.History, 2, spec.Left); at < 2*time.Second || at > 2100*time.Millisecond {
		t.Errorf("2 was adopted, and its leave at 2 s returned at %v", at)
	}
	if got := lastView(&r.History, 3); !slices.Equal(got, []spec.NodeID{0, 3, 4}) {
		t.Errorf("the last view of 3 is %v", got)
	}
	orders(t, r, "g", " 2.0 2.1 4.0 3.1", " 2.0", " 2.0 2.1")

	r = playedOn(t, "leaf-coordinator-dies", "unicast/reliable/unordered/server:groups=hierarchical,levels=2,adopt=no")
	if r.Verdict != spec.Pass {
		t.Errorf("%s\n%s", r.Verdict, r.Diagram)
	}
	if at := returned(&r.History, 4, spec.Joined); at == 0 {
		t.Error("the others do not go on: 4 did not come in")
	}
	if at := returned(&r.History, 2, spec.Left); at != 0 {
		t.Errorf("nobody adopts 2, and it left at %v", at)
	}
	if got := lastView(&r.History, 2); !slices.Equal(got, []spec.NodeID{0, 1, 2, 3}) {
		t.Errorf("nobody adopts 2, and its last view is %v", got)
	}
	if got := lastView(&r.History, 3); !slices.Equal(got, []spec.NodeID{0, 3, 4}) {
		t.Errorf("without adoption the last view of 3 is %v", got)
	}
}

// TestRootCoordinatorDies: no change anywhere until it is back, though the coordinators of the subgroups live; what is
// multicast is delivered.
func TestRootCoordinatorDies(t *testing.T) {
	r := replayed(t, "root-coordinator-dies")
	if r.Verdict != spec.Pass {
		t.Errorf("%s\n%s", r.Verdict, r.Diagram)
	}
	const back = 3 * time.Second
	for i := range r.History.Events {
		if e := &r.History.Events[i]; e.Kind == spec.ViewChange && e.T > 0 && e.T < spec.Time(back) {
			t.Errorf("the root is dead, and %d has another view at %v", e.Node, time.Duration(e.T))
		}
	}
	if at := returned(&r.History, 4, spec.Joined); at < back {
		t.Errorf("4 came in at %v, the root was back at %v", at, back)
	}
	if at := returned(&r.History, 2, spec.Left); at < back {
		t.Errorf("2 left at %v, the root was back at %v", at, back)
	}
	orders(t, r, "g", " 2.0 3.1 4.0", " 2.0 3.0 1.0 4.0 3.1", " 2.0 3.0 1.0", " 2.0 3.0 1.0 4.0 3.1", " 3.1 4.0")
	if got := lastView(&r.History, 1); !slices.Equal(got, []spec.NodeID{0, 1, 3, 4}) {
		t.Errorf("the last view of 1 is %v", got)
	}
}

// The options of levels are for groups that have some.
func TestLevelsAreChecked(t *testing.T) {
	for member, want := range map[string]string{
		"server:groups=hierarchical,levels=2":          "",
		"server:groups=hierarchical,levels=3,adopt=no": "",
		"server:levels=2":                              "a group of peers has no levels",
		"server:groups=hierarchical,adopt=no":          "only a group of two levels or three",
		"server:groups=hierarchical,levels=4":          "want 1 to 3",
		"server:groups=hierarchical,levels=2,adopt=ja": "want one of",
	} {
		c, err := suites.ParseCell("unicast/reliable/unordered/" + member)
		if err == nil {
			err = c.Applicable()
		}
		if got := ""; err != nil {
			got = err.Error()
			if want == "" || !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %q", member, got, want)
			}
		} else if want != "" {
			t.Errorf("%s: no error, want %q", member, want)
		}
	}
}
