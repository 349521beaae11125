package suites_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// TestElectionStory: a leader dies, and the next is cut off; each time one more term begins, and nobody leads in a term of
// another one.
func TestElectionStory(t *testing.T) {
	r := replayed(t, "election")
	sound(t, r, "ELECTION-SAFETY")
	var leaders []string
	for i := range r.History.Events {
		if e := &r.History.Events[i]; e.Kind == spec.Note && r.History.ExtraOf(e).Op == spec.OpLeader {
			leaders = append(leaders, fmt.Sprintf("%d in term %d", e.Node, r.History.ExtraOf(e).Pos))
		}
	}
	if got, want := strings.Join(leaders, ", "), "2 in term 1, 1 in term 2, 0 in term 3"; got != want {
		t.Errorf("leaders %s, want %s\n%s", got, want, r.Diagram)
	}
}

// TestWatchers: failure detectors, elections and locks keep what they promise, each in a cell of its own, and what they do
// not promise is shown.
func TestWatchers(t *testing.T) {
	var cells []suites.Cell
	want := map[string]spec.ID{}
	for text, id := range map[string]spec.ID{
		"unicast/unreliable/unordered/static:detector=fixed":             "DETECTOR-COMPLETENESS",
		"unicast/unreliable/unordered/static:detector=adaptive":          "DETECTOR-ACCURACY",
		"unicast/unreliable/unordered/static:detector=fixed,election=on": "ELECTION-SAFETY",
		"unicast/reliable/total-agreement/static:mutex=on":               "MUTUAL-EXCLUSION",
		"unicast/reliable/fifo/static:mutex=on":                          "", // two of which each sees its own request first
	} {
		c, err := suites.ParseCell(text)
		if err != nil {
			t.Fatal(err)
		}
		cells, want[c.String()] = append(cells, c), id
	}
	p := suites.Plan{Cells: cells, Faults: spec.AllFaults, Schedules: 40, Seed: 3, Parallel: 2}
	if testing.Short() {
		p.Schedules = 20
	}
	r, err := suites.Run(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		name := strings.Join([]string{c.Transport, c.Reliability, c.Ordering, c.Membership}, "/")
		shown, claimed := false, want[name] == ""
		for _, row := range c.Requirements {
			if row.Claimed && row.Verdict != spec.Pass {
				t.Errorf("%s, %s: %s %s", name, row.ID, row.Verdict, row.Reason)
			}
			claimed = claimed || row.Claimed && row.ID == want[name] && row.Antecedents > 0
			shown = shown || !row.Claimed && row.Verdict == spec.Fail && (row.ID == "MUTUAL-EXCLUSION" || row.ID == "ELECTION-SAFETY")
		}
		if !claimed || shown != (want[name] == "" || want[name] == "ELECTION-SAFETY") {
			t.Errorf("%s: %s tested: %v; two leaders, or two inside, shown where they may be: %v", name, want[name], claimed, shown)
		}
	}
}

// TestWatchersReplay: a mutant of an election, and one of a lock, are found, and their tokens show it again.
func TestWatchersReplay(t *testing.T) {
	for _, name := range []string{"vote-only-in-memory", "releases-on-entering"} {
		table, err := suites.Mutants(context.Background(), suites.KillPlan{Names: []string{name}, Seed: 5})
		if err != nil || table.Killed != 1 {
			t.Fatalf("%s: %v, %+v", name, err, table)
		}
		w := table.Mutants[0].Witness
		s, err := faults.ParseToken(strings.TrimPrefix(w.Replay, "conform replay "))
		if err != nil {
			t.Fatal(err)
		}
		s.Expect = w.ID
		r, err := suites.Replay(s)
		if err != nil {
			t.Fatal(err)
		}
		if text := broke(t, r); text != w.Text {
			t.Errorf("%s: %s, and again: %s", name, w.Text, text)
		}
	}
}
