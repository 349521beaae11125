package membership_test

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// newViews is the correct stack.
func newViews(cfg impl.Config) impl.Layer { return mutant.ViewStack(cfg, nil) }

// viewKinds says what a drawn scenario may have.
type viewKinds struct{ crashes, recoveries, cuts, moves bool }

const ms = spec.Time(time.Millisecond)

// drawViews draws a scenario of three to five nodes, some of which may be outside at first, with up to three faults at
// times, or at the k-th thing that a node does.
func drawViews(seed uint64, k viewKinds) *faults.Scenario {
	r := spec.NewRand(seed, 71)
	s := &faults.Scenario{Nodes: 3 + r.IntN(3), Seed: seed, Net: faults.DefaultNet}
	configured := s.Nodes
	if k.moves && r.Chance(.6) {
		configured = max(2, s.Nodes-1-r.IntN(2))
	}
	g := faults.Group{Name: "g", Closed: true}
	for n := range spec.NodeID(configured) {
		g.Members = append(g.Members, n)
	}
	s.Groups = []faults.Group{g}
	node := func() spec.NodeID { return spec.NodeID(r.IntN(s.Nodes)) }
	add := func(at spec.Time, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: at}, Action: a})
	}
	for range 8 + r.IntN(20) {
		add(spec.Time(r.IntN(2600))*ms, faults.Action{Op: faults.Send, Node: node(), To: -1, Size: 16})
	}
	if k.moves {
		for n := configured; n < s.Nodes; n++ {
			add(spec.Time(r.IntN(900))*ms, faults.Action{Op: faults.Join, Node: spec.NodeID(n)})
		}
		for range r.IntN(3) {
			n, at := node(), r.IntN(1000)
			add(spec.Time(at)*ms, faults.Action{Op: faults.Leave, Node: n})
			if r.Chance(.5) {
				add(spec.Time(at+200+r.IntN(900))*ms, faults.Action{Op: faults.Join, Node: n})
			}
			add(spec.Time(at+r.IntN(900))*ms, faults.Action{Op: faults.Query, Node: node()})
		}
	}
	for range r.IntN(4) {
		at := spec.Time(r.IntN(1500)) * ms
		switch x := r.IntN(3); {
		case k.crashes && (x > 0 || !k.cuts):
			n := node()
			a := faults.Action{Op: faults.Crash, Node: n}
			if r.Chance(.3) {
				a.Op = faults.CrashLossy
			}
			if r.Chance(.5) {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: n, K: 1 + r.IntN(400)}, Action: a})
			} else {
				add(at, a)
			}
			if k.recoveries {
				add(at+spec.Time(50+r.IntN(1500))*ms, faults.Action{Op: faults.Recover, Node: n})
			}
		case k.cuts:
			var parts [2][]spec.NodeID
			for n := range spec.NodeID(s.Nodes) {
				i := r.IntN(2)
				parts[i] = append(parts[i], n)
			}
			if len(parts[0]) > 0 && len(parts[1]) > 0 {
				add(at, faults.Action{Op: faults.Partition, Parts: parts[:], For: time.Duration(200+r.IntN(1500)) * time.Millisecond})
			}
		}
	}
	for n := range spec.NodeID(s.Nodes) { // when all is over
		add(9000*ms+spec.Time(n)*ms, faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
	}
	slices.SortStableFunc(s.Steps, func(a, b faults.Step) int { return int(a.When.At - b.When.At) })
	return s
}

func play(t *testing.T, w *sim.World, s *faults.Scenario, h *spec.History) looked {
	t.Helper()
	if err := w.Play(s, h); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return lookAt(s, h)
}

// takeover is a scenario in which a member dies, and the coordinator just before one of its actions, with all that it has
// under way; or from then on nobody hears it, though it hears all: among others, when it is about to decide on a view.
func takeover(k int) *faults.Scenario {
	s := &faults.Scenario{Nodes: 5, Seed: uint64(k), Net: faults.DefaultNet}
	s.Groups = []faults.Group{{Name: "g", Closed: true, Members: []spec.NodeID{0, 1, 2, 3, 4}}}
	at := func(t int, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t) * ms}, Action: a})
	}
	end := faults.Action{Op: faults.CrashLossy, Node: 0}
	if k%2 == 1 {
		end = faults.Action{Op: faults.OmitSend, Node: 0, Peer: -1, Percent: 100, For: 1900 * time.Millisecond}
	}
	s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: 0, K: k / 2}, Action: end})
	at(10, faults.Action{Op: faults.Crash, Node: 4})
	for n := range spec.NodeID(4) {
		at(600+int(n), faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
		at(6000+int(n), faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
	}
	return s
}
