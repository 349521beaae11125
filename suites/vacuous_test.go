package suites_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

func rowOf(t *testing.T, c *suites.CellReport, id spec.ID) *suites.Row {
	t.Helper()
	k := slices.IndexFunc(c.Requirements, func(r suites.Row) bool { return r.ID == id && r.Claimed })
	if k < 0 {
		t.Fatalf("%s claims no %s", c.Name(), id)
	}
	return &c.Requirements[k]
}

// With seed 0 a hundred schedules have nobody who crashes having delivered two messages that others delivered too. More
// schedules are played until one has, and the report is the same whatever the number of workers.
func TestClaimsThatNothingTestedGetMore(t *testing.T) {
	var first string
	for _, workers := range []int{1, 2} {
		r := run(t, suites.Plan{Cells: cellsOf(t, "unicast", "reliable,uniform", "fifo-total,total-kaashoek"), Seed: 0, Parallel: workers})
		for i := range r.Cells {
			if !r.Cells[i].Applicable {
				continue
			}
			row := rowOf(t, &r.Cells[i], "UNIFORM-TOTAL-GAPFREE")
			if row.Verdict != spec.Pass || row.Bites == 0 {
				t.Errorf("%s: %s is %s: %s", r.Cells[i].Name(), row.ID, row.Verdict, row.Reason)
			}
			if r.Cells[i].Schedules != suites.DefaultSchedules {
				t.Errorf("%d schedules, want %d: those that came on top are no part of the figures", r.Cells[i].Schedules, suites.DefaultSchedules)
			}
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		} else if string(text) != first {
			t.Errorf("%d workers give another report than one", workers)
		}
	}
}

// What cannot be tested at all, here what takes two nodes, is tried so often and no more, and stays inconclusive.
func TestMoreSchedulesHaveAnEnd(t *testing.T) {
	r := run(t, suites.Plan{Cells: cellsOf(t, "unicast", "unreliable", "fifo"), Nodes: 1, Messages: 1, Schedules: 10})
	insisted := false
	for _, row := range r.Cells[0].Requirements {
		insisted = insisted || row.Claimed && row.Verdict == spec.Inconclusive && row.Judged > 10
		if row.Claimed && row.Judged > 10+400 {
			t.Errorf("%s was judged in %d schedules, want at most 410", row.ID, row.Judged)
		}
	}
	if !insisted {
		t.Errorf("nothing was tried more often than ten times: %+v", r.Cells[0].Requirements)
	}
}

// What a number without a message, or a silent member, stops is not claimed with the crashes that bring it about; and
// what holds of the network under any order is claimed of the sequencer's packets too.
func TestClaimsFollowTheirPremises(t *testing.T) {
	under := func(c suites.Cell, id spec.ID) (spec.FaultSet, bool) {
		claims := c.Claims()
		k := slices.IndexFunc(claims, func(x spec.Claim) bool { return x.ID == id })
		if k < 0 {
			return 0, false
		}
		return claims[k].Under, true
	}
	for _, x := range []struct {
		transport, level, order string
		id                      spec.ID
		crash                   bool
	}{
		{"hardware", "reliable", "total-seqserver", "VALIDITY", true},
		{"hardware", "reliable", "total-seqserver:holes=block", "VALIDITY", false},
		{"unicast", "uniform", "total-seqserver:holes=block", "SELF-DELIVERY", false},
		{"unicast", "reliable-ip", "real-time", "TIMELINESS", true},
		{"unicast", "reliable-ip:deliver=stable", "real-time", "TIMELINESS", false},
		{"unicast", "reliable-ip:deliver=stable", "real-time", "VALIDITY", false},
		{"ip", "unreliable", "total-kaashoek", "ROUTE-REACH", true},
		{"ip", "reliable", "total-kaashoek:method=bb", "ROUTE-ONE-COPY", true},
	} {
		c := cellsOf(t, x.transport, x.level, x.order)[0]
		if got, ok := under(c, x.id); !ok || got.Has(spec.CrashFault) != x.crash {
			t.Errorf("%s claims %s under %s: with crashes is to be %v", c, x.id, got, x.crash)
		}
	}
	for _, level := range []string{"reliable-ip", "atomic-view"} {
		if c := cellsOf(t, "unicast", level, "total-seqserver:holes=block")[0]; c.Applicable() == nil {
			t.Errorf("%s is applicable: a stranger would stop it", c)
		}
	}
	r := run(t, suites.Plan{Cells: slices.Concat(cellsOf(t, "unicast", "reliable,uniform", "total-seqserver:holes=block"),
		cellsOf(t, "unicast", "reliable-ip:deliver=stable", "real-time")), Seed: 3, Schedules: 60})
	for i := range r.Cells {
		for _, row := range r.Cells[i].Requirements {
			if row.Claimed && row.Verdict == spec.Fail {
				t.Errorf("%s: %s: %s", r.Cells[i].Name(), row.ID, row.Witness.Text)
			}
		}
	}
}
