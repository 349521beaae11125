package membership_test

import (
	"fmt"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// blocked lists the nodes that are up at the end of a run and have been told to stop sending, and not to go on.
func blocked(h *spec.History) (nodes []spec.NodeID) {
	is := map[spec.NodeID]bool{}
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Block:
			is[e.Node] = true
		case spec.Unblock, spec.Crash, spec.Left:
			is[e.Node] = false
		}
	}
	for n := range spec.NodeID(len(h.Nodes)) {
		if is[n] {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// A node dies while it comes in, and its server gives the change up. The members have been asked by then, and have
// stopped sending: they go on, in a view of the same members. Who dies before it has called, or when all have the view,
// is no such case.
func TestAJoinIsGivenUp(t *testing.T) {
	w, h := sim.New(sim.Config{New: mutant.ReliableServerStack, Model: spec.CrashRecovery}), &spec.History{}
	given := 0
	for k := 1; k < 12; k++ {
		s, err := faults.Parse("conform.scenario/1\nnodes 4\ngroup g closed 0 1 2\nseed 5\nnet latency 1ms..1ms\nat 0s send 0 g 8\nat 50ms join 3 g\n" +
			fmt.Sprintf("on 3 receive %d crash 3\n", k) + "at 3s send 0 g 8\nat 3s send 1 g 8\nat 3s send 2 g 8\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
		blocks, views, late := 0, 0, 0
		for i := range h.Events {
			switch e := &h.Events[i]; {
			case e.Kind == spec.Block:
				blocks++
			case e.Kind == spec.ViewChange && e.Node == 1 && !e.Is(spec.IsTransitional):
				views++
			case e.Kind == spec.Deliver && e.T > 3e9:
				late++
			}
		}
		if blocks > 0 && views == 2 {
			given++
		}
		if nodes := blocked(h); len(nodes) > 0 || late != 9 || !h.Settled {
			t.Errorf("node 3 dies at its receipt %d: in the end %v are blocked, and %d of 9 messages are delivered", k, nodes, late)
		}
	}
	if given == 0 {
		t.Error("no change was given up")
	}
}

// Nobody stays blocked, whoever dies while it comes in.
func TestNobodyStaysBlocked(t *testing.T) {
	runs := uint64(40)
	if testing.Short() {
		runs = 10
	}
	w, h := sim.New(sim.Config{New: mutant.ReliableServerStack, Model: spec.CrashRecovery}), &spec.History{}
	met := 0
	for seed := range runs {
		s := drawServer(seed, serverKinds{crashes: true, recoveries: true, stays: true})
		for n := range spec.NodeID(s.Nodes) { // who comes in dies on the way
			if !wasIn(s, n) {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnReceive, Node: n, K: 2 + int(seed)%9}, Action: faults.Action{Op: faults.Crash, Node: n}})
			}
		}
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
		for i := range h.Events {
			if h.Events[i].Kind == spec.Block {
				met++
				break
			}
		}
		if nodes := blocked(h); h.Settled && len(nodes) > 0 {
			t.Fatalf("seed %d: %v are blocked in the end\n%s", seed, nodes, s)
		}
	}
	if met < int(runs)/2 {
		t.Errorf("somebody blocks in %d of %d runs", met, runs)
	}
}

// The server decides and is cut off; the members, who were ready, go on in the view that they had before they hear of it.
// Nobody could bring the state along then, so that the next view begins from the old one.
func TestMembersGoOnBeforeTheyHear(t *testing.T) {
	s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 0\nnet latency 1ms..1ms\nat 0s leave 0 g\n" +
		"on 0 persist 2 oneway 0 > 1 2 for 1.11s\nat 3s send 1 g 8\nat 3s send 2 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	w, h := sim.New(sim.Config{New: mutant.ReliableServerStack, Model: spec.CrashRecovery}), &spec.History{}
	if err := w.Play(s, h); err != nil {
		t.Fatal(err)
	}
	unblocked, views, left, late := 0, map[spec.NodeID]int{}, 0, 0
	for i := range h.Events {
		switch e := &h.Events[i]; {
		case e.Kind == spec.Unblock && e.T < 1e9 && e.T > 1e8:
			unblocked++
		case e.Kind == spec.ViewChange && !e.Is(spec.IsTransitional):
			views[e.Node] = len(h.ExtraOf(e).Members)
		case e.Kind == spec.Left:
			left++
		case e.Kind == spec.Deliver && e.T > 3e9:
			late++
		}
	}
	if unblocked != 2 {
		t.Fatalf("%d members went on before they heard: nothing is tested", unblocked)
	}
	if views[1] != 2 || views[2] != 2 || left != 1 || late != 4 || len(blocked(h)) > 0 {
		t.Errorf("in the end views of %v members, %d returned of leave, %d of 4 messages delivered, %v blocked", views, left, late, blocked(h))
	}
}
