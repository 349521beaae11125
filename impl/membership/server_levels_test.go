package membership_test

import (
	"fmt"
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
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func TestServerOfLevelsContract(t *testing.T) {
	for _, adopts := range []bool{true, false} {
		if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewServerOfLevels(cfg, 0, 2, adopts) }, groupCalls); err != nil {
			t.Error(err)
		}
	}
}

// The lowest node of each subgroup coordinates it: of five nodes and two levels 1 coordinates 2, and 3 coordinates 4.
func TestSubgroupCoordinators(t *testing.T) {
	for want, c := range map[string][3]int{
		"[1]":     {3, 0, 2},
		"[1 3]":   {5, 0, 2},
		"[0 3]":   {5, 2, 2},
		"[1 2]":   {4, 0, 3},
		"[1 2 4]": {6, 0, 3},
		"[1 4 7]": {10, 0, 2},
	} {
		if got := fmt.Sprint(membership.SubgroupCoordinators(c[0], spec.NodeID(c[1]), c[2])); got != want {
			t.Errorf("%d nodes, root %d, %d levels: %s, want %s", c[0], c[1], c[2], got, want)
		}
	}
}

// subgroupTraffic counts to how many nodes a server sends in one step, at most.
type subgroupTraffic struct {
	impl.Layer
	most *int
}

func (s *subgroupTraffic) Step(in impl.Input, out *impl.Effects) {
	from := len(out.List)
	s.Layer.Step(in, out)
	to := map[spec.NodeID]bool{}
	for _, e := range out.List[from:] {
		if e.Kind == impl.Down && e.To != impl.Everyone && len(e.Body) > 0 && e.Body[len(e.Body)-1] != 0 {
			to[e.To] = true
		}
	}
	*s.most = max(*s.most, len(to))
}

// serverOver is the stack around a service.
func serverOver(cfg impl.Config, service impl.Layer) impl.Layer {
	u := transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true }
	return impl.NewStack(membership.NewGate(cfg, nil), membership.NewFlush(cfg), ordering.NewFifo(cfg), membership.NewInView(cfg),
		reliability.NewReliable(cfg), service, u, transport.NewChannel(cfg), membership.NewDetector(cfg, membership.FixedPatience))
}

// However many nodes there are, none sends in one step to more than it has below it, or beside it right below the root:
// with two levels about twice the square root of their number. Without levels the server sends to all.
func TestFanoutIsBounded(t *testing.T) {
	for _, c := range []struct{ nodes, levels, bound int }{{13, 2, 3 + 4}, {13, 3, 2 + 2}, {21, 2, 4 + 4}, {21, 1, 21}} {
		most := 0
		w, h := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
			var s impl.Layer = membership.NewServer(cfg, 0)
			if c.levels > 1 {
				s = membership.NewServerOfLevels(cfg, 0, c.levels, true)
			}
			return serverOver(cfg, &subgroupTraffic{Layer: s, most: &most})
		}}), &spec.History{}
		s := &faults.Scenario{Nodes: c.nodes, Net: faults.DefaultNet, Groups: []faults.Group{{Name: "g", Closed: true}}}
		for n := range spec.NodeID(c.nodes - 1) {
			s.Groups[0].Members = append(s.Groups[0].Members, n)
		}
		s.Steps = []faults.Step{{When: faults.When{At: 100 * ms}, Action: faults.Action{Op: faults.Join, Node: spec.NodeID(c.nodes - 1)}}}
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(h.Events, func(e spec.Event) bool { return e.Kind == spec.Joined }) {
			t.Errorf("%d nodes, %d levels: nobody came in", c.nodes, c.levels)
		}
		if most > c.bound || c.levels == 1 && most < c.bound {
			t.Errorf("%d nodes, %d levels: a node sends to %d at a time, want %d", c.nodes, c.levels, most, c.bound)
		}
	}
}

// Whatever fails, a group of several levels is what a group of one is; its coordinators crash and come back, too. Where
// nobody adopts, who is below a dead coordinator is not where it wants to be.
func TestServerOfLevelsSoak(t *testing.T) {
	runs := 2 * *serverRuns
	if testing.Short() {
		runs = 1
	}
	for _, levels := range []int{2, 3} {
		for _, adopts := range []bool{true, false} {
			for _, name := range []string{"moves", "crashes", "server", "all"} {
				t.Run(fmt.Sprintf("%d/%t/%s", levels, adopts, name), func(t *testing.T) {
					var j checkers.Judge
					k := serverSoaks[name]
					w, h, n := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
						return mutant.SubgroupStack(cfg, 0, levels, adopts, nil)
					}, Model: spec.CrashRecovery}), &spec.History{}, map[spec.ID]int{}
					for seed := range uint64(runs) {
						s := drawServer(1000+seed, k.serverKinds)
						if err := w.Play(s, h); err != nil {
							t.Fatalf("seed %d: %v\n%s", seed, err, s)
						}
						wrong := judged(&j, h, n, append([]spec.ID{linear.Membership, "FIFO-ORDER"}, serverSafety...)...)
						if adopts || !k.crashes {
							wrong = append(wrong, ends(s, h, true)...)
						}
						if len(wrong) > 0 || !h.Settled {
							t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, wrong, s)
						}
					}
				})
			}
		}
	}
}
