package membership_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// drawDeaths draws a scenario in which all nodes are down at some moment, once or twice, and come back. Before that some of
// them may crash, and come back or not: so the last view is often not the first.
func drawDeaths(seed uint64) *faults.Scenario {
	r := spec.NewRand(seed, 72)
	s := &faults.Scenario{Nodes: 2 + r.IntN(4), Seed: seed, Net: faults.DefaultNet}
	g := faults.Group{Name: "g", Closed: true}
	for n := range spec.NodeID(s.Nodes) {
		g.Members = append(g.Members, n)
	}
	s.Groups = []faults.Group{g}
	add := func(at int, op faults.Op, n spec.NodeID) {
		a := faults.Action{Op: op, Node: n}
		if op == faults.Send {
			a.To, a.Size = -1, 16
		}
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(at) * ms}, Action: a})
	}
	end := 0
	for range 1 + r.IntN(2) {
		begin := end
		length := 200 + r.IntN(1800)
		for range 4 + r.IntN(12) {
			add(begin+r.IntN(length), faults.Send, spec.NodeID(r.IntN(s.Nodes)))
		}
		slow := r.Chance(.5)
		if !slow && r.Chance(.6) {
			n := spec.NodeID(r.IntN(s.Nodes))
			at := begin + r.IntN(length)
			add(at, faults.Leave, n)
			if r.Chance(.6) {
				add(at+r.IntN(1200), faults.Join, n)
			}
		}
		if slow {
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(begin+r.IntN(length)) * ms}, Action: faults.Action{
				Op: faults.DiskSlow, Node: spec.NodeID(r.IntN(s.Nodes)), By: time.Duration(1+r.IntN(100)) * time.Millisecond, For: time.Second}})
		}
		if r.Chance(.5) { // a view without somebody
			n := spec.NodeID(r.IntN(s.Nodes))
			at := begin + r.IntN(length)
			add(at, faults.Crash, n)
			if r.Chance(.5) {
				add(at+100+r.IntN(1200), faults.Recover, n)
			}
		}
		if slow && r.Chance(.7) { // what is not on any disk yet when all die
			for n := range spec.NodeID(s.Nodes) {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(begin+max(0, length-400)) * ms}, Action: faults.Action{
					Op: faults.DiskSlow, Node: n, By: time.Duration(20+r.IntN(200)) * time.Millisecond, For: time.Second}})
			}
			for range 6 {
				add(begin+length-r.IntN(100), faults.Send, spec.NodeID(r.IntN(s.Nodes)))
			}
		}
		spread := []int{1, 5, 30, 400}[r.IntN(4)]
		for n := range spec.NodeID(s.Nodes) {
			op := faults.Crash
			if r.Chance(.4) {
				op = faults.CrashLossy
			}
			at := begin + length + r.IntN(spread)
			if r.Chance(.7) {
				add(at, op, n)
			} else {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: n, K: 1 + r.IntN(600)}, Action: faults.Action{Op: op, Node: n}})
				add(begin+length+spread, op, n)
			}
			add(begin+length+spread+100+r.IntN(900), faults.Recover, n)
		}
		end = begin + length + spread + 1000 + []int{0, 200, 3000}[r.IntN(3)]
	}
	for n := range spec.NodeID(s.Nodes) { // who is still down
		add(end+10, faults.Recover, n)
		add(end+9000+int(n), faults.Send, n)
	}
	slices.SortStableFunc(s.Steps, func(a, b faults.Step) int { return int(a.When.At - b.When.At) })
	return s
}

// deathIDs is what is promised of a group of which all may die. Its views are no chain to who sees only what is installed:
// one that was decided on may be installed by nobody, and one that begins the group again by one who was not in the last.
var deathIDs = []spec.ID{checkers.GroupRestart, checkers.JoinTransfer, checkers.NoDuplicationRestart, checkers.NoDuplication,
	checkers.ViewMonotonicity, checkers.ViewAgreement, checkers.SameViewDelivery, checkers.NoCreation,
	checkers.DestinationIntegrity, checkers.FlushBlock, checkers.InitialView, checkers.FIFOOrder, checkers.MembershipPrecision, checkers.Durability}

// playDeaths plays schedules and gives what failed in how many, and what passed; sends that nobody acknowledged are counted.
func playDeaths(t *testing.T, make func(impl.Config) impl.Layer, runs uint64, until spec.ID, ids []spec.ID) (failed, passed map[spec.ID]int, acked int) {
	t.Helper()
	var j checkers.Judge
	w, h := sim.New(sim.Config{New: make, Model: spec.CrashRecovery}), &spec.History{}
	failed, passed = map[spec.ID]int{}, map[spec.ID]int{}
	for seed := range runs {
		if t.Failed() {
			break
		}
		s := drawDeaths(seed)
		if err := w.Play(s, h); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, s)
		}
		if !h.Settled {
			t.Errorf("seed %d does not settle\n%s", seed, s)
		}
		for i := range h.Events {
			if h.Events[i].Kind == spec.Ack {
				acked++
			}
		}
		for _, wrong := range lookAt(s, h).wrong {
			id, _, _ := strings.Cut(wrong, ":")
			if id == string(checkers.PrimaryComponent) {
				continue
			}
			if failed[spec.ID(id)]++; failed[spec.ID(id)] == 1 {
				t.Logf("seed %d: %s\n%s", seed, wrong, s)
			}
		}
		j.Load(h)
		if m, n := forgotten(s, h); n >= 0 {
			if failed[checkers.GroupRestart]++; failed[checkers.GroupRestart] == 1 {
				t.Logf("seed %d: %v was acknowledged, and %d has gone on without it\n%s", seed, m, n, s)
			}
		}
		goes := goesOn(s, h)
		if !goes && allUp(h) {
			t.Logf("seed %d: all are back, and the group is not\n%s", seed, s)
			failed[checkers.GroupRestart]++
		}
		for _, id := range ids {
			if !goes && !isSafety(id) {
				continue // somebody whom the group waits for is down in the end
			}
			switch f := j.Check(id); f.Verdict {
			case spec.Fail:
				if failed[id]++; failed[id] == 1 {
					t.Logf("seed %d: %s: %s\n%s", seed, id, f.Witness.Text, s)
				}
			case spec.Pass:
				passed[id]++
			case spec.Error:
				t.Fatalf("seed %d: %s: %+v", seed, id, f)
			}
		}
		if failed[until] > 0 {
			break
		}
	}
	return failed, passed, acked
}

// All die, and the group comes back with all that was acknowledged.
func TestGroupComesBackFromItsLogs(t *testing.T) {
	runs := uint64(60 * *viewRuns)
	if testing.Short() {
		runs = 15
	}
	for name, x := range map[string]struct {
		order func(impl.Config) impl.Layer
		ids   []spec.ID
	}{
		"unordered":       {func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }, nil},
		"causal":          {func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }, causalIDs},
		"total-sequencer": {func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.BB) }, []spec.ID{checkers.TotalOrder}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			failed, passed, acked := playDeaths(t, func(cfg impl.Config) impl.Layer {
				return mutant.LoggedViewStack(cfg, x.order(cfg), nil)
			}, runs, "", append(slices.Clone(deathIDs), x.ids...))
			t.Logf("%d runs, %d acknowledged, passed %v, %v", runs, acked, passed, time.Since(began))
			if len(failed) > 0 {
				t.Errorf("failed: %v", failed)
			}
			if passed[checkers.GroupRestart] < int(runs)/2 {
				t.Errorf("GROUP-RESTART passes in %d of %d runs only", passed[checkers.GroupRestart], runs)
			}
		})
	}
}

// What holds of views holds of them with logs too, also where groups are cut.
func TestViewsWithLogs(t *testing.T) {
	runs := uint64(30 * *viewRuns)
	if testing.Short() {
		runs = 5
	}
	for name, k := range soaks {
		t.Run(name, func(t *testing.T) {
			w, h := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
				return mutant.LoggedViewStack(cfg, ordering.NewUnordered(cfg), nil)
			}, Model: spec.CrashRecovery}), &spec.History{}
			var j checkers.Judge
			for seed := range runs {
				s := drawViews(seed, k)
				o := play(t, w, s, h)
				o.wrong = append(o.wrong, judge(&j, h, viewSafety, map[spec.ID]int{})...)
				if m, n := forgotten(s, h); n >= 0 {
					t.Errorf("seed %d: %v was acknowledged, and %d has gone on without it\n%s", seed, m, n, s)
				}
				if !h.Settled || len(o.wrong) > 0 {
					t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, o.wrong, s)
				}
			}
		})
	}
}

func TestLoggedGateContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewLoggedGate(cfg, nil) },
		impltest.Handles(impl.Blocked, impl.Unblocked)); err != nil {
		t.Error(err)
	}
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer {
		return mutant.LoggedViewStack(cfg, ordering.NewUnordered(cfg), nil)
	}, impltest.Handles(impl.Join, impl.Leave, impl.Query)); err != nil {
		t.Error(err)
	}
}

// Without logs the same schedules lose what was acknowledged.
func TestGroupWithoutLogsForgets(t *testing.T) {
	failed, _, _ := playDeaths(t, newViews, 10, "", []spec.ID{checkers.GroupRestart})
	if failed[checkers.GroupRestart] == 0 {
		t.Error("nothing is lost")
	}
}

// What all had delivered before they died, and have forgotten, is seen by the judge alone.
func TestJudgeSeesWhatAGroupForgets(t *testing.T) {
	m := mutant.LoggedViews()[2]
	var j checkers.Judge
	w, h, caught := sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery}), &spec.History{}, 0
	for seed := range uint64(10) {
		if err := w.Play(drawDeaths(seed), h); err != nil {
			t.Fatal(err)
		}
		if j.Load(h); j.Check(checkers.GroupRestart).Verdict == spec.Fail {
			caught++
		}
	}
	if caught < 3 {
		t.Errorf("%s is caught in %d runs of 10", m.Name, caught)
	}
}

// allUp says whether nobody is down in the end.
func allUp(h *spec.History) bool {
	down := 0
	for i := range h.Events {
		switch h.Events[i].Kind {
		case spec.Crash:
			down++
		case spec.Recover:
			down--
		}
	}
	return down == 0
}

// forgotten gives a message that was acknowledged and that a life lacks which was given a state later; -1 without. What
// counts is what this life has, whatever an earlier one had.
func forgotten(s *faults.Scenario, h *spec.History) (spec.MsgID, spec.NodeID) {
	var acked []spec.MsgID
	due := make([]int, s.Nodes) // how many had been acknowledged when it was given its state
	has := make([]map[spec.MsgID]bool, s.Nodes)
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Ack:
			acked = append(acked, e.Msg)
		case spec.Crash:
			has[e.Node] = nil
		case spec.Restore:
			due[e.Node], has[e.Node] = len(acked), map[spec.MsgID]bool{}
			for _, id := range h.ExtraOf(e).Msgs {
				has[e.Node][id] = true
			}
		case spec.Deliver:
			if has[e.Node] != nil {
				has[e.Node][e.Msg] = true
			}
		}
	}
	for n := range has {
		for _, m := range acked[:due[n]] {
			if has[n] != nil && !has[n][m] {
				return m, spec.NodeID(n)
			}
		}
	}
	return spec.MsgID{}, -1
}
