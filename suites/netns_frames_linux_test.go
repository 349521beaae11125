package suites

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// A late machine is the reason why a cost is not judged only where a run would have judged it that was taken back: not
// where that run had faults, or nothing in it was sent to a group.
func TestOnlyWhatWouldBeJudgedIsExcused(t *testing.T) {
	const late = time.Second
	for _, c := range []struct {
		name, subject, steps string
		tardy                time.Duration
		want                 []spec.ID
	}{
		{"late", "unicast/best-effort/unordered/static", "at 0s send 0 g 8\n", late, []spec.ID{"COST-PACKETS", "COST-ACKS"}},
		{"in time", "unicast/best-effort/unordered/static", "at 0s send 0 g 8\n", time.Millisecond, nil},
		{"with a fault", "unicast/best-effort/unordered/static", "at 0s send 0 g 8\nat 1s crash 2\n", late, nil},
		{"nothing is sent to the group", "unicast/best-effort/unordered/static", "at 0s send 0 to 1 8\n", late, nil},
		{"nothing is repeated", "unicast/unreliable/unordered/static", "at 0s send 0 g 8\n", late, nil},
	} {
		s, err := faults.Parse("conform.scenario/1\nsubject " + c.subject + "\nnodes 4\ngroup g 0 1 2 3\nseed 1\n" + c.steps)
		if err != nil {
			t.Fatal(err)
		}
		x, err := Playable(s)
		if err != nil {
			t.Fatal(err)
		}
		b := x.cell.newBench(x.cell.world(x.cell.Member, nil), 0)
		if err := b.play(s); err != nil {
			t.Fatal(err)
		}
		b.cfg.TS = slower * sim.DefaultTS
		o := &outdoor{plan: &Plan{}, cell: x.cell, bench: b}
		taken := o.forgive(c.tardy)
		if !slices.Equal(taken, c.want) {
			t.Errorf("%s: %v taken back, want %v", c.name, taken, c.want)
		}
		claims := x.cell.Claims()
		o.giveUp(taken, nil, claims)
		for _, claim := range claims {
			row := Row{ID: claim.ID, Verdict: spec.Inconclusive, Reason: "vacuous"}
			if o.excuse(&row); row.Skipped != slices.Contains(c.want, row.ID) {
				t.Errorf("%s: %s is excused: %v", c.name, row.ID, row.Skipped)
			}
		}
	}
}

// One that the machine was too late for each time is no reason to choose a schedule any more; others are.
func TestLateCostsAreGivenUp(t *testing.T) {
	claims := spec.Claims{{ID: "COST-PACKETS"}, {ID: "AGREEMENT"}, {ID: "COST-ACKS"}}
	all := []candidate{{bites: map[int]bool{0: true, 1: true, 2: true}}}
	o := &outdoor{}
	for k := range again {
		if len(all[0].bites) != 3 {
			t.Errorf("given up after %d runs, want %d", k, again)
		}
		o.giveUp([]spec.ID{"COST-ACKS"}, all, claims)
	}
	if b := all[0].bites; !b[0] || !b[1] || b[2] {
		t.Errorf("what it is chosen for: %v", b)
	}
}
