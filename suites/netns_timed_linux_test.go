package suites

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// kernelRun is a schedule that is played on the kernel.
type kernelRun struct {
	subject, steps string
	holds          []spec.ID // are put to the test, and hold
	breaks         spec.ID   // breaks, if it is not empty
}

// wired skips the test where the machine has no network for it.
func wired(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	lan, err := netns.NewLAN(1) // or the test is skipped
	skipWithout(t, err)
	if err := lan.Close(); err != nil {
		t.Fatal(err)
	}
}

// playedOutdoors plays schedules on the kernel, each again where the machine was too late for what it is to show. All are
// played at the same time: they wait more than they work.
func playedOutdoors(t *testing.T, runs map[string]kernelRun) {
	t.Helper()
	wired(t)
	var all sync.WaitGroup
	for name, c := range runs {
		all.Go(func() { c.play(t, name) })
	}
	all.Wait()
}

func (c kernelRun) play(t *testing.T, name string) {
	s, err := faults.Parse("conform.scenario/1\nsubject " + c.subject + "\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..1ms\n" + c.steps)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	s.Expect = c.breaks
	missing := c.holds
	for range again {
		r, err := ReplayOutdoors(s, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for i := range r.Requirements {
			switch x := &r.Requirements[i]; {
			case x.Verdict == spec.Fail && x.ID == c.breaks:
				t.Logf("%s: %s", name, x.Witness.Text)
				return
			case x.Verdict == spec.Fail && x.Claimed && c.breaks == "":
				t.Errorf("%s: %s: %s", name, x.ID, x.Witness.Text)
				return
			}
		}
		missing = slices.DeleteFunc(slices.Clone(c.holds), func(id spec.ID) bool {
			return slices.ContainsFunc(r.Requirements, func(x Row) bool { return x.ID == id && x.Verdict == spec.Pass })
		})
		if c.breaks == "" && len(missing) == 0 {
			return
		}
	}
	if c.breaks != "" {
		t.Errorf("%s: %s is not broken", name, c.breaks)
		return
	}
	for _, id := range missing {
		if slices.Contains([]spec.ID{"TIMELINESS", "VALIDITY", "DETECTOR-COMPLETENESS"}, id) {
			t.Logf("%s: %s: not judged: the machine was too late each time", name, id)
		} else {
			t.Errorf("%s: %s is not put to the test", name, id)
		}
	}
}

// Deadlines hold on the kernel where clocks are less than ε apart, from the start or for a while. Where one jumps further,
// messages are late, and what was sent after an answer comes before what it answers.
func TestDeadlinesOutdoors(t *testing.T) {
	t.Parallel()
	const answered = "at 20ms send 1 g 8\nat 60ms send 0 g 8\nat 80ms send 2 g 8\n"
	timely := []spec.ID{"TIMELINESS", "REALTIME-ORDER", "TOTAL-ORDER", "VALIDITY"}
	playedOutdoors(t, map[string]kernelRun{
		"right":      {"unicast/reliable/real-time/static", answered, timely, ""},
		"skew":       {"unicast/reliable/real-time/static", "at 0s skew 1 by 4ms\nat 10ms skew 2 by 4ms for 60ms\n" + answered, timely, ""},
		"jump":       {"unicast/reliable/real-time/static", "at 5ms jump 1 by 70ms for 400ms\n" + answered, nil, "TIMELINESS"},
		"jump order": {"unicast/reliable/real-time/static", "at 5ms jump 1 by 70ms for 30ms\n" + answered, nil, "REALTIME-ORDER"},
		"drift":      {"unicast/reliable/real-time/static", "at 0s drift 1 90% for 300ms\nat 100ms send 1 g 8\nat 140ms send 0 g 8\n", nil, "REALTIME-ORDER"},
	})
}

// Bugs of what rests on time are caught on the kernel, by schedules through which the correct stack comes.
func TestPlantedDeadlinesOutdoors(t *testing.T) {
	t.Parallel()
	const skewed = "at 0s skew 1 by 4ms\nat 20ms send 1 g 8\nat 22ms send 0 g 8\n"
	playedOutdoors(t, map[string]kernelRun{
		"ignores skew": {"mutant:real-time-ignores-skew", skewed, nil, "REALTIME-ORDER"},
		"waits it out": {"unicast/reliable/real-time/static", skewed, []spec.ID{"TOTAL-ORDER"}, ""},
	})
}

// The dead are noticed on the kernel by heartbeats, also by those that go beside streams; who votes twice lets two lead in a
// term; and who leaves on entering lets others in. All of these are caught, and the correct stacks come through.
func TestWatchingOutdoors(t *testing.T) {
	t.Parallel()
	const crash = "at 100ms crash 0\n"
	const unseat = "at 50ms isolate 0 for 500ms\nat 700ms isolate 1 for 500ms\nat 1400ms isolate 2 for 500ms\nat 2s send 0 g 8\n"
	const together = "at 0s send 0 g 8\nat 0s send 1 g 8\nat 0s send 2 g 8\n"
	playedOutdoors(t, map[string]kernelRun{
		"noticed":            {"unicast/unreliable/unordered/static:detector=fixed", crash, []spec.ID{"DETECTOR-COMPLETENESS"}, ""},
		"beside streams":     {"tcp/unreliable/unordered/static:detector=fixed", crash, []spec.ID{"DETECTOR-COMPLETENESS"}, ""},
		"others speak":       {"mutant:dead-not-suspected-while-others-speak", crash, nil, "DETECTOR-COMPLETENESS"},
		"led beside streams": {"tcp/unreliable/unordered/static:election=on,detector=fixed", unseat, []spec.ID{"ELECTION-SAFETY"}, ""},
		"past the election":  {"ip/unreliable/unordered/static:election=on", "at 300ms send 0 g 8\n", []spec.ID{"AGREEMENT"}, ""},
		"half":               {"mutant:half-is-a-majority", unseat, nil, "ELECTION-SAFETY"},
		"leaves on entering": {"mutant:releases-on-entering", together, nil, "MUTUAL-EXCLUSION"},
		"locked":             {"unicast/reliable/total-lamport/static:mutex=on", together, []spec.ID{"MUTUAL-EXCLUSION"}, ""},
	})
}

// A suspicion that is never taken back is counted on the kernel, in times of TL; and who takes it back makes no mistake
// where only one who was cut off was suspected.
func TestPlantedMistakesOutdoors(t *testing.T) {
	t.Parallel()
	wired(t)
	var all sync.WaitGroup
	for name, least := range map[string]int{"mutant:suspicion-never-revoked": 2, "unicast/unreliable/unordered/static:detector=fixed": 0} {
		all.Go(func() {
			f, tardy := mistakesOutdoors(t, name)
			switch {
			case f.Antecedents == 0:
				t.Errorf("%s: nothing is counted: %s", name, f.Reason)
			case f.Missing < least:
				t.Errorf("%s: %d mistakes of %d, want %d at least", name, f.Missing, f.Antecedents, least)
			case least == 0 && f.Missing > 0 && tardy <= mistakenBy:
				t.Errorf("%s: %d mistakes of %d, on a machine that was %v late", name, f.Missing, f.Antecedents, tardy)
			}
		})
	}
	all.Wait()
}

// mistakesOutdoors counts the mistakes of detectors in a run in which one node is cut off for longer than TL.
func mistakesOutdoors(t *testing.T, subject string) (spec.Finding, time.Duration) {
	s, err := faults.Parse("conform.scenario/1\nsubject " + subject + "\nnodes 3\ngroup g 0 1 2\nseed 1\nnet latency 1ms..1ms\n" +
		"at 50ms isolate 1 for 750ms\nat 1900ms send 0 g 8\n")
	if err != nil {
		t.Error(err)
		return spec.Finding{}, 0
	}
	x, err := Playable(s)
	if err != nil {
		t.Error(err)
		return spec.Finding{}, 0
	}
	o := &outdoor{plan: &Plan{}, cell: x.cell, wire: netns.Unicast, stack: x.cell.String(), lans: &lans{hosts: 3}}
	if x.isMutant() {
		o.stack = x.Name
	}
	o.prepare(nil)
	defer o.lans.close()
	lan, back, err := o.borrow(3)
	if err == nil {
		defer back()
		_, err = o.play(lan, s)
	}
	if err != nil {
		t.Error(err)
		return spec.Finding{}, 0
	}
	return o.bench.judge.Check("DETECTOR-ACCURACY"), o.tardy
}

// What is different on the kernel is told of a part.
func TestKernelNotes(t *testing.T) {
	for _, name := range []string{"real-time", "static", "tcp"} {
		e, err := Explain(name)
		if err != nil || len(e) == 0 || !slices.ContainsFunc(e[0].Facts, func(f Fact) bool { return f.Text == kernelNote(name) }) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who judges the late does so by what was measured, and only claims that a late packet breaks.
func TestLateMachines(t *testing.T) {
	c, err := ParseCell("unicast/reliable/real-time/static")
	if err != nil {
		t.Fatal(err)
	}
	o := &outdoor{cell: c}
	for _, x := range []struct {
		by   time.Duration
		id   spec.ID
		late bool
	}{
		{tooLate, "TIMELINESS", false}, {tooLate + 1, "TIMELINESS", true}, {tooLate + 1, "VALIDITY", true}, {tooLate + 1, "AGREEMENT", true},
		{time.Second, "TOTAL-ORDER", false}, {time.Second, "FIFO-ORDER", false}, {time.Second, "REALTIME-ORDER", false}, {time.Second, "NO-DUPLICATION", false},
	} {
		claims := c.Claims()
		i := slices.IndexFunc(claims, func(y spec.Claim) bool { return y.ID == x.id })
		if i < 0 {
			t.Fatalf("%s is not claimed", x.id)
		}
		if o.tardy = x.by; o.late(claims[i]) != x.late {
			t.Errorf("%s, %v late: judged %v", x.id, x.by, x.late)
		}
	}
}

// What is played for the sake of those that watch is as drawn, or whole until one dies at the end; other cells have none.
func TestLongRuns(t *testing.T) {
	c, err := ParseCell("unicast/unreliable/unordered/static:detector=fixed")
	if err != nil {
		t.Fatal(err)
	}
	var all []candidate
	for i := range 40 {
		s := &faults.Scenario{Nodes: 3}
		if i%2 == 0 {
			s.Steps = []faults.Step{{Action: faults.Action{Op: faults.Isolate, For: time.Second}}}
		}
		all = append(all, candidate{s: s})
	}
	broken, whole := 0, 0
	for _, x := range (&outdoor{cell: c}).long(all) {
		a := x.s.Steps[len(x.s.Steps)-1]
		if a.Action.Op == faults.Isolate {
			broken++
		} else if a.Action.Op == faults.Crash && a.When.At > 0 && a.When.At*slower < spec.Time(longest) {
			whole++
		}
		if !x.long {
			t.Error("a long run is not played as one")
		}
	}
	if broken != longBroken || whole != longWhole {
		t.Errorf("%d broken and %d whole, want %d and %d", broken, whole, longBroken, longWhole)
	}
	if all[1].s.Faults() != 0 {
		t.Error("a schedule that was drawn has been changed")
	}
	c.Membership.Options = nil
	if n := len((&outdoor{cell: c}).long(all)); n != 0 {
		t.Errorf("%d long runs where nobody watches", n)
	}
}

// The mistakes of those that watch are forgiven to a machine that was late, and to no other one; and no pass is taken away.
func TestPardon(t *testing.T) {
	for _, x := range []struct {
		verdict spec.Verdict
		late    int
		want    spec.Verdict
		skipped bool
	}{{spec.Fail, 0, spec.Fail, false}, {spec.Fail, 2, spec.Inconclusive, true}, {spec.Inconclusive, 1, spec.Inconclusive, true},
		{spec.Inconclusive, 0, spec.Inconclusive, false}, {spec.Pass, 3, spec.Pass, false}} {
		r := CellReport{Requirements: []Row{{ID: "DETECTOR-ACCURACY", Claimed: true, Verdict: x.verdict}, {ID: "AGREEMENT", Claimed: true, Verdict: spec.Fail}}}
		(&unit{late: x.late}).pardon(&r)
		if got := r.Requirements[0]; got.Verdict != x.want || got.Skipped != x.skipped || r.Requirements[1].Verdict != spec.Fail {
			t.Errorf("%v, late %d times: %v, skipped %v", x.verdict, x.late, got.Verdict, got.Skipped)
		}
	}
}
