package membership_test

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

func TestDistributedContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewDistributed(cfg) }, groupCalls); err != nil {
		t.Error(err)
	}
}

var distributedSoaks = map[string]struct {
	serverKinds
	judge []spec.ID // besides what is always judged
}{
	"moves":   {serverKinds{at: -1, stays: true}, []spec.ID{"JOIN-COMPLETE"}},
	"crashes": {serverKinds{at: -1, stays: true, crashes: true}, []spec.ID{"JOIN-COMPLETE"}},
	"recover": {serverKinds{at: -1, stays: true, crashes: true, recoveries: true}, nil},
	"cuts":    {serverKinds{at: -1, stays: true, cuts: true}, nil},
	"back":    {serverKinds{at: -1, stays: true, crashes: true, recoveries: true, loss: true}, nil},
	"all":     {serverKinds{at: -1, stays: true, crashes: true, cuts: true, loss: true}, nil},
}

// distributedSafety is what distributed membership promises whatever fails.
var distributedSafety = []spec.ID{"SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "NO-DELIVERY-AFTER-LEAVE"}

// Whatever fails, joins and leaves: in the end all have the same list.
func TestDistributedSoak(t *testing.T) {
	levels := map[string]func(impl.Config) impl.Layer{
		"reliable":    func(cfg impl.Config) impl.Layer { return reliability.NewReliable(cfg) },
		"best-effort": func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) },
		"unreliable":  func(cfg impl.Config) impl.Layer { return reliability.NewUnreliable(cfg) },
	}
	for level, make := range levels {
		for name, k := range distributedSoaks {
			t.Run(level+"/"+name, func(t *testing.T) {
				runs := 8 * *serverRuns
				if testing.Short() {
					runs = 3
				}
				model := spec.CrashStop
				if k.recoveries {
					model = spec.CrashRecovery
				}
				ids := distributedSafety
				if level == "reliable" || name == "moves" {
					ids = slices.Concat(ids, k.judge)
				}
				var j checkers.Judge
				h, n := &spec.History{}, map[spec.ID]int{}
				w := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer { return mutant.DistributedStack(cfg, make(cfg), nil) }, Model: model})
				for seed := range uint64(runs) {
					s := drawServer(seed, k.serverKinds)
					if err := w.Play(s, h); err != nil {
						t.Fatalf("seed %d: %v\n%s", seed, err, s)
					}
					wrong := append(judged(&j, h, n, ids...), ends(s, h, true)...)
					if slices.Contains(ids, "JOIN-COMPLETE") {
						wrong = append(wrong, reachJoiners(s, h)...)
					}
					if len(wrong) > 0 || !h.Settled {
						t.Fatalf("seed %d: settled %t, %d wrong: %v\n%s", seed, h.Settled, len(wrong), wrong, s)
					}
				}
				t.Logf("%d runs: %v", runs, n)
			})
		}
	}
}

// twoJoin is a run in which two join at a time, and each of two members hears of one of them first.
const twoJoin = `conform.scenario/1
nodes 4
group g 0 1
seed 1
net latency 1ms..2ms
at 90ms delay 3 to 0 by 60ms for 200ms
at 90ms delay 2 to 1 by 60ms for 200ms
at 90ms delay 0 to 1 by 60ms for 200ms
at 90ms delay 1 to 0 by 60ms for 200ms
at 100ms join 2 g
at 100ms join 3 g
`

func parsed(t *testing.T, text string) *faults.Scenario {
	t.Helper()
	s, err := faults.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What distributed membership does not promise breaks without a fault: one id stands for two lists, and answers are of no
// one set.
func TestDistributedSeparations(t *testing.T) {
	for _, id := range []spec.ID{linear.Membership, "VIEW-AGREEMENT", "VIRTUAL-SYNCHRONY", "SENDING-VIEW-DELIVERY"} {
		var j checkers.Judge
		w, h, n := sim.New(sim.Config{New: mutant.ReliableDistributedStack}), &spec.History{}, map[spec.ID]int{}
		found := false
		for seed := uint64(0); seed < 400 && !found; seed++ {
			s := drawServer(seed, serverKinds{at: -1})
			if id == "VIEW-AGREEMENT" {
				s = parsed(t, twoJoin)
			}
			if err := w.Play(s, h); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range judged(&j, h, n, id) {
				t.Logf("seed %d: %s", seed, wrong)
				found = true
			}
		}
		if !found {
			t.Errorf("no witness against %s", id)
		}
	}
}
