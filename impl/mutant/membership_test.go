package mutant

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// correctMember gives the stack that a mutant of a membership differs from.
func correctMember(cell string) func(impl.Config) impl.Layer {
	switch cell {
	case watched:
		return detectorWith(membership.FixedPatience, func(*membership.DetectorRules) {})
	case watchedByPhi:
		return detectorWith(membership.PhiAccrual, func(*membership.DetectorRules) {})
	}
	return electionWith(func(*membership.ElectionRules) {})
}

// turmoil appends to a schedule what sets elections against each other: one node after the other is cut off for longer
// than a member waits for its leader, and some crash in between and come back.
func turmoil(s *faults.Scenario, seed uint64) {
	r := spec.NewRand(seed, 0x707)
	at := spec.Time(0)
	add := func(a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: at}, Action: a})
	}
	for range 8 {
		n := spec.NodeID(r.IntN(s.Nodes))
		add(faults.Action{Op: faults.Isolate, Node: spec.NodeID(r.IntN(s.Nodes)), For: time.Duration(100+r.IntN(300)) * time.Millisecond})
		at += spec.Time(r.IntN(200)) * spec.Time(time.Millisecond)
		add(faults.Action{Op: faults.Crash, Node: n})
		at += spec.Time(1+r.IntN(10)) * spec.Time(time.Millisecond)
		add(faults.Action{Op: faults.Recover, Node: n})
	}
}

// Every mutant of the election lets two lead in a term, and the correct one does not on the same schedules.
func TestElectionMutantsAreCaught(t *testing.T) {
	for _, m := range Elections() {
		play := func(build func(impl.Config) impl.Layer, n int) (int, string) {
			world := sim.New(sim.Config{New: build, Model: spec.CrashRecovery})
			var s faults.Scenario
			var h spec.History
			for i := range n {
				faults.DrawInto(&s, *seed+uint64(i), m.params())
				turmoil(&s, *seed+uint64(i))
				if err := world.Play(&s, &h); err != nil {
					t.Fatal(err)
				}
				if f := checkers.Check(&h, m.Breaks...)[0]; f.Verdict == spec.Fail {
					return i + 1, f.Witness.Text
				}
			}
			return 0, ""
		}
		caught, text := play(m.New, limit)
		if caught == 0 {
			t.Errorf("%s: %d schedules broke nothing", m.Name, limit)
		}
		t.Logf("%s: schedule %d: %s", m.Name, caught, text)
		if bad, text := play(correctMember(m.Cell), min(limit, max(caught, *schedules))); bad > 0 {
			t.Errorf("%s: the correct stack, schedule %d: %s", m.Name, bad, text)
		}
	}
}

// lingering is a run in which a node crashes for good in its second life, while the first one's heartbeats are still on
// the network.
const lingering = `conform.scenario/1
nodes 3
group g 0 1 2
seed 3
net latency 1ms..2ms
at 0s delay 2 by 500ms for 300ms
at 301ms crash 2
at 302ms recover 2
at 330ms crash 2
`

// The dead are noticed though they have left heartbeats; the mutant that takes those for signs of life is late.
func TestTheDeadIncarnationIsCaught(t *testing.T) {
	const ts, tl = 10 * time.Millisecond, 60 * time.Millisecond
	s, err := faults.Parse(lingering)
	if err != nil {
		t.Fatal(err)
	}
	m := Detectors()[3]
	for _, c := range []struct {
		name  string
		build func(impl.Config) impl.Layer
		want  spec.Verdict
	}{{"correct", correctMember(m.Cell), spec.Pass}, {m.Name, m.New, spec.Fail}} {
		var h spec.History
		world := sim.New(sim.Config{New: c.build, TS: ts, TL: tl, Declare: func(s *faults.Scenario, h *spec.Header) {
			h.Bounds = map[string]time.Duration{"DETECTOR-COMPLETENESS": tl + 2*ts + 2*s.Net.Max}
		}})
		if err := world.Play(s, &h); err != nil {
			t.Fatal(err)
		}
		f := checkers.Check(&h, m.Breaks...)[0]
		if f.Verdict != c.want {
			t.Errorf("%s: %v %s", c.name, f.Verdict, f.Reason)
		}
		if f.Witness != nil {
			t.Logf("%s: %s", c.name, f.Witness.Text)
		}
	}
}

// mistakes plays a watched group in which nobody dies, and gives the share of the time in which one that is up is
// suspected, of all pairs. (Chen, Toueg, Aguilera, 2002: what is left of the query accuracy probability.)
func mistakes(t *testing.T, build func(impl.Config) impl.Layer, seed uint64) float64 {
	t.Helper()
	const end = spec.Time(20 * time.Second)
	s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nnet latency 1ms..5ms\nat 0s loss 5% for 20s\nat 3s pause 1 for 700ms\n")
	if err != nil {
		t.Fatal(err)
	}
	s.Seed = seed
	var h spec.History
	world := sim.New(sim.Config{New: build, Even: true, Enough: func(now spec.Time, _ *spec.History) bool { return now >= end }})
	if err := world.Play(s, &h); err != nil {
		t.Fatal(err)
	}
	since := map[[2]spec.NodeID]spec.Time{}
	wrong := spec.Time(0)
	for i := range h.Events {
		e := &h.Events[i]
		pair := [2]spec.NodeID{e.Node, e.To}
		switch e.Kind {
		case spec.Suspect:
			since[pair] = e.T
		case spec.Trust:
			wrong += e.T - since[pair]
			delete(since, pair)
		}
	}
	for _, at := range since {
		wrong += end - at
	}
	return float64(wrong) / float64(6*end)
}

// Every mutant that suspects the living is wrong for far longer than the correct one, over the same losses and one pause
// that is longer than TL.
func TestWrongSuspicionsAreCaught(t *testing.T) {
	for _, m := range Detectors() {
		if !slices.Contains(m.Breaks, "DETECTOR-ACCURACY") {
			continue
		}
		for seed := range uint64(3) {
			right, wrong := mistakes(t, correctMember(m.Cell), seed), mistakes(t, m.New, seed)
			if right > .02 || wrong < .025 || wrong < 1.5*right {
				t.Errorf("%s, seed %d: wrong for %.4f of the time, the correct one for %.4f", m.Name, seed, wrong, right)
			}
			t.Logf("%s: wrong for %.4f of the time, the correct one for %.4f", m.Name, wrong, right)
		}
	}
}

// Their names are their own, and what they break is in the catalogue.
func TestMembershipMutantsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range slices.Concat(All(), Detectors(), Elections()) {
		if seen[m.Name] {
			t.Errorf("%s: twice", m.Name)
		}
		seen[m.Name] = true
		ids := make([]string, len(m.Breaks))
		for i, id := range m.Breaks {
			ids[i] = string(id)
		}
		if _, err := spec.ParseClaims(ids); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}
