package suites_test

import (
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// Schedules in which nothing is wrong with a group whose members change, though it looks so.
var changingRight = map[string]string{
	"who never came to the view that left it behind is given what it had delivered": `conform.scenario/1
subject broadcast/atomic-view/causal+sync/view-synchronous
nodes 4
group g 0 1 2
seed 0
net latency 1ms..1ms
at 0s send 2 g 0
at 0s join 3 g
on 0 persist 3 isolate 1 for 740ms
`,
	"who calls leave while it is outside is given what it had delivered": `conform.scenario/1
subject coordinator/atomic-view/causal/view-synchronous
nodes 3
group g 0 1 2
seed 0
net latency 8ms..10ms
at 90ms send 0 g 0
at 300ms send 2 g 0
at 950ms leave 0 g
on 0 receive 1 isolate 0 for 600ms
on 0 point some-acked 1 omit-send 0 to 2 100% for 830ms
`,
	"who has waited for a state goes on with a later one": `conform.scenario/1
subject tcp/atomic-view/total-sequencer/view-synchronous
nodes 5
group g 0 1 2
seed 0
net latency 1ms..10ms
at 0s join 3 g
at 1ms leave 1 g
at 530ms join 4 g
at 570ms send 3 g 0
at 660ms join 1 g
at 1.19s send 2 g 0
on 0 deliver 1 corrupt 100% for 677ms
`,
	"the only one who knew what the others have to go on from has died": `conform.scenario/1
subject unicast/atomic-view/total-seqserver/view-synchronous
nodes 3
group g 0 1 2
seed 0
net latency 1ms..1ms
at 0s leave 0 g
at 0s send 1 g 0
at 710ms recover 1
at 710ms join 0 g
on 1 ack 1 crash 1
on 1 send 1 delay 2 by 650ms for 740ms
`,
}

// No judge is wrong about them.
func TestChangingGroupsRaiseNoFalseAlarms(t *testing.T) {
	for what, text := range changingRight {
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
				t.Errorf("%s: %s: %s", what, row.ID, row.Witness.Text)
			}
		}
	}
}

// The parts of a group that merge are a cell of their own: what it promises holds, and that there is one primary part is not
// promised.
func TestPartsThatMerge(t *testing.T) {
	schedules := 40
	if testing.Short() {
		schedules = 10
	}
	cells, err := suites.Cells("unicast", "atomic-view", "fifo,total-sequencer,total-lamport", "view-synchronous:partition=both")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		if err := c.Applicable(); (err == nil) != (c.Ordering.Name != "total-lamport") {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, name := range []string{"fifo", "total-sequencer"} {
		target := "unicast/atomic-view/" + name + "/view-synchronous:partition=both"
		r, err := suites.SearchPlan{Target: target, Schedules: schedules, Seed: 1, Parallel: 1}.Run(t.Context())
		if err != nil || r.Found != nil {
			t.Errorf("%s: %v %+v", target, err, r.Found)
		}
	}
}

// What is promised where members come and go holds, whatever keeps them.
func TestChangingMatrix(t *testing.T) {
	schedules, transports, orderings := 24, "unicast,hardware,hierarchy", "fifo,causal,total-sequencer,total-lamport"
	if testing.Short() {
		schedules, transports, orderings = 6, "unicast", "total-sequencer"
	}
	views, err := suites.Cells(transports, "atomic-view", orderings, "view-synchronous")
	if err != nil {
		t.Fatal(err)
	}
	memberships := "server,distributed"
	if testing.Short() {
		memberships = "distributed"
	}
	served, err := suites.Cells(transports, "reliable", "unordered,fifo", memberships)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, suites.Plan{Cells: append(views, served...), Seed: 2, Schedules: schedules, Parallel: 2})
	for i := range r.Cells {
		for _, row := range r.Cells[i].Requirements {
			if row.Claimed && row.Verdict == spec.Fail {
				t.Errorf("%s: %s is broken: %s", r.Cells[i].Name(), row.ID, row.Witness.Text)
			}
		}
	}
}
