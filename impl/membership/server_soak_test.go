package membership_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

var serverRuns = flag.Int("servers", 1, "how many times as many schedules of the group server are played")

var serverSoaks = map[string]struct {
	serverKinds
	judge []spec.ID // besides what is always judged
	ends  bool
}{
	"creates": {serverKinds{creates: true, crashes: true}, []spec.ID{linear.Membership, "VIRTUAL-SYNCHRONY", "FIFO-ORDER"}, true},
	"moves":   {serverKinds{stays: true}, []spec.ID{linear.Membership, "VIRTUAL-SYNCHRONY", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-ORDER", "MEMBERSHIP-PRECISION"}, true},
	"crashes": {serverKinds{crashes: true, stays: true}, []spec.ID{linear.Membership, "VIRTUAL-SYNCHRONY", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-ORDER", "MEMBERSHIP-PRECISION"}, true},
	"recover": {serverKinds{crashes: true, recoveries: true, stays: true}, []spec.ID{linear.Membership, "VIRTUAL-SYNCHRONY", "FIFO-ORDER"}, true},
	"server":  {serverKinds{crashes: true, recoveries: true, server: true, creates: true}, []spec.ID{linear.Membership, "FIFO-ORDER"}, true},
	"dies":    {serverKinds{crashes: true, dies: true}, []spec.ID{linear.Membership, "FIFO-ORDER"}, false},
	"cuts":    {serverKinds{cuts: true}, []spec.ID{linear.Membership, "FIFO-ORDER"}, true},
	"all":     {serverKinds{crashes: true, recoveries: true, server: true, cuts: true, loss: true}, []spec.ID{linear.Membership, "FIFO-ORDER"}, true},
}

// Whatever fails, joins and leaves, views are what a server promises, and its answers are those of one set.
func TestServerSoak(t *testing.T) {
	for name, k := range serverSoaks {
		t.Run(name, func(t *testing.T) {
			runs := 30 * *serverRuns
			if testing.Short() {
				runs = 10
			}
			model := spec.CrashStop
			if k.recoveries {
				model = spec.CrashRecovery
			}
			var j checkers.Judge
			w, h, n := sim.New(sim.Config{New: mutant.ReliableServerStack, Model: model}), &spec.History{}, map[spec.ID]int{}
			for seed := range uint64(runs) {
				s := drawServer(seed, k.serverKinds)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, s)
				}
				wrong := judged(&j, h, n, append(k.judge, serverSafety...)...)
				if !h.Settled {
					wrong = append(wrong, "does not settle")
				} else if k.ends {
					wrong = append(wrong, ends(s, h, true)...)
				}
				if slices.Contains(k.judge, "JOIN-COMPLETE") {
					wrong = append(wrong, reachJoiners(s, h)...)
				}
				if len(wrong) > 0 {
					t.Fatalf("seed %d: %d wrong: %v\n%s", seed, len(wrong), wrong, s)
				}
			}
			t.Logf("%d runs: %v", runs, n)
		})
	}
}

// Over each level and each order the views are the same, and the order holds through them.
func TestServerLevels(t *testing.T) {
	levels := map[string]func(impl.Config) impl.Layer{
		"unreliable":  func(cfg impl.Config) impl.Layer { return reliability.NewUnreliable(cfg) },
		"best-effort": func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) },
		"reliable":    func(cfg impl.Config) impl.Layer { return reliability.NewReliable(cfg) },
	}
	orders := map[string]struct {
		make  func(impl.Config) impl.Layer
		judge spec.ID
	}{
		"unordered": {func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }, "SELF-INCLUSION"},
		"fifo":      {func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) }, "FIFO-ORDER"},
		"causal":    {func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }, "CAUSAL-ORDER"},
	}
	runs := 10 * *serverRuns
	if testing.Short() {
		runs = 2
	}
	for level, makeLevel := range levels {
		for order, o := range orders {
			t.Run(level+"/"+order, func(t *testing.T) {
				var j checkers.Judge
				h, n := &spec.History{}, map[spec.ID]int{}
				w := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
					return mutant.ServerStack(cfg, o.make(cfg), makeLevel(cfg), nil)
				}, Model: spec.CrashRecovery})
				for seed := range uint64(runs) {
					s := drawServer(seed, serverSoaks["all"].serverKinds)
					if err := w.Play(s, h); err != nil {
						t.Fatalf("seed %d: %v\n%s", seed, err, s)
					}
					wrong := append(judged(&j, h, n, append([]spec.ID{linear.Membership, o.judge}, serverSafety...)...), ends(s, h, true)...)
					if len(wrong) > 0 || !h.Settled {
						t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, wrong, s)
					}
				}
			})
		}
	}
}

// In a hierarchical group the server speaks to the coordinator alone, and all is as in a group of peers. Here the server is
// another node, and in some schedules no member.
func TestHierarchicServer(t *testing.T) {
	runs := 12 * *serverRuns
	if testing.Short() {
		runs = 5
	}
	stack := func(cfg impl.Config) impl.Layer {
		u := transport.NewUnicast(cfg)
		u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true }
		return impl.NewStack(membership.NewGate(cfg, nil), membership.NewFlush(cfg), ordering.NewFifo(cfg), membership.NewInView(cfg),
			reliability.NewReliable(cfg), membership.NewHierarchicServer(cfg, 2), u, transport.NewChannel(cfg), membership.NewDetector(cfg, membership.FixedPatience))
	}
	for _, name := range []string{"moves", "crashes", "server", "all"} {
		t.Run(name, func(t *testing.T) {
			var j checkers.Judge
			k := serverSoaks[name]
			k.at = 2
			w, h, n := sim.New(sim.Config{New: stack, Model: spec.CrashRecovery}), &spec.History{}, map[spec.ID]int{}
			for seed := range uint64(runs) {
				s := drawServer(seed, k.serverKinds)
				if err := w.Play(s, h); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, s)
				}
				wrong := append(judged(&j, h, n, append([]spec.ID{linear.Membership, "FIFO-ORDER"}, serverSafety...)...), ends(s, h, true)...)
				if len(wrong) > 0 || !h.Settled {
					t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, wrong, s)
				}
			}
			t.Logf("%d runs: %v", runs, n)
		})
	}
}
