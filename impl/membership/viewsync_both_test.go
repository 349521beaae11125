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

func newPartitionable(cfg impl.Config) impl.Layer {
	return mutant.PartitionableStack(cfg, ordering.NewUnordered(cfg), nil)
}

func TestPartitionableContract(t *testing.T) {
	for _, newLayer := range []func(impl.Config) impl.Layer{newPartitionable,
		func(cfg impl.Config) impl.Layer { return membership.NewPartitionable(cfg) }} {
		if err := impltest.TestLayer(newLayer, impltest.Handles(impl.Join, impl.Leave, impl.Query)); err != nil {
			t.Error(err)
		}
	}
}

// drawParts draws a scenario in which the group is cut into two parts or three, perhaps again and again in quick
// succession, and with it what [drawViews] has.
func drawParts(seed uint64, k viewKinds) *faults.Scenario {
	s := drawViews(seed, viewKinds{crashes: k.crashes, recoveries: k.recoveries, moves: k.moves})
	if !k.cuts {
		return s
	}
	r := spec.NewRand(seed, 72)
	at := 100 + r.IntN(800)
	for range 1 + r.IntN(4) {
		parts := make([][]spec.NodeID, 2+r.IntN(2))
		for n := range spec.NodeID(s.Nodes) {
			i := r.IntN(len(parts))
			parts[i] = append(parts[i], n)
		}
		parts = slices.DeleteFunc(parts, func(p []spec.NodeID) bool { return len(p) == 0 })
		last := 100 + r.IntN(1500)
		if len(parts) > 1 {
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(at) * ms},
				Action: faults.Action{Op: faults.Partition, Parts: parts, For: time.Duration(last) * time.Millisecond}})
		}
		at += last + r.IntN(700)
	}
	slices.SortStableFunc(s.Steps, func(a, b faults.Step) int { return int(a.When.At - b.When.At) })
	return s
}

// The coordinator fails at every moment of a view change: the others find out what has become of the view, and go on.
func TestPartitionableTakeover(t *testing.T) {
	var j checkers.Judge
	w, h := sim.New(sim.Config{New: newPartitionable}), &spec.History{}
	for k := 960; k <= 1100; k++ {
		if testing.Short() && k%10 != 0 {
			continue
		}
		s := takeover(k)
		if err := w.Play(s, h); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		if wrong := judge(&j, h, append([]spec.ID{"MEMBERSHIP-PRECISION"}, partSafety...), map[spec.ID]int{}); len(wrong) > 0 || !h.Settled {
			t.Fatalf("the coordinator fails in scenario %d: settled %t, %v\n%s", k, h.Settled, wrong, s)
		}
	}
}

// partSafety is what is judged of groups whose parts all go on, in every run; partLife in those that settle.
var partSafety = []spec.ID{"SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "VIEW-AGREEMENT", "VIEW-OVERLAP",
	"SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT",
	"FLUSH-BLOCK", "NO-DUPLICATION", "NO-DELIVERY-AFTER-LEAVE"}

var partSoaks = map[string]viewKinds{
	"quiet":      {},
	"moves":      {moves: true},
	"crashes":    {crashes: true},
	"cuts":       {cuts: true},
	"cuts-moves": {cuts: true, moves: true},
	"mixed":      {cuts: true, crashes: true},
	"recoveries": {crashes: true, recoveries: true},
	"everything": {cuts: true, crashes: true, recoveries: true, moves: true},
}

// waits says whether somebody who is up ends blocked, or came back and is in no view, after a crash: bound to a view of which so many have crashed that
// nobody can say what has become of it. Where only crashes are drawn these must be half of all nodes.
func waits(h *spec.History, few bool) bool {
	blocked, crashed := map[spec.NodeID]bool{}, map[spec.NodeID]bool{}
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Block:
			blocked[e.Node] = true
		case spec.Unblock, spec.ViewChange:
			delete(blocked, e.Node)
		case spec.Crash:
			delete(blocked, e.Node)
			crashed[e.Node] = true
		case spec.Recover: // in no view
			blocked[e.Node] = true
		}
	}
	return (few || 2*len(crashed) >= len(h.Nodes)) && len(crashed) > 0 && len(blocked) > 0
}

// However a group is cut in pieces, its parts go on and merge.
func TestPartitionableSoak(t *testing.T) {
	for name, k := range partSoaks {
		t.Run(name, func(t *testing.T) {
			runs := 40 * *viewRuns
			if testing.Short() {
				runs = 10
			}
			model, judged := spec.CrashStop, append([]spec.ID{"MEMBERSHIP-PRECISION"}, partSafety...)
			if k.recoveries {
				model = spec.CrashRecovery
			}
			var j checkers.Judge
			w, h := sim.New(sim.Config{New: newPartitionable, Model: model}), &spec.History{}
			waiting := 0
			broken, bites, count := 0, map[spec.ID]int{}, map[string]int{}
			for seed := range uint64(runs) {
				s := drawParts(seed, k)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("%v\n%s", err, s)
				}
				wrong := judge(&j, h, judged, bites)
				if k.crashes && len(wrong) == 1 && strings.Contains(wrong[0], "MEMBERSHIP-PRECISION") && waits(h, k.cuts || k.recoveries) {
					waiting++
					wrong = nil
				}
				if !h.Settled {
					wrong = append(wrong, "does not settle")
				}
				for _, x := range wrong {
					count[x[:min(len(x), 26)]]++
				}
				if len(wrong) > 0 {
					if broken++; broken <= 3 {
						t.Errorf("seed %d: %d wrong: %v\n%s", seed, len(wrong), wrong[:min(3, len(wrong))], s)
					}
				}
			}
			if waiting*100 > runs {
				t.Errorf("in %d of %d runs somebody waits for the dead: too many", waiting, runs)
			}
			t.Logf("%d runs, %d broken %v, %d waiting: judged %v", runs, broken, count, waiting, bites)
		})
	}
}
