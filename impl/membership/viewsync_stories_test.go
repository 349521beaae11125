package membership_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// told is what the application of a node is told: its views, how often it is blocked, what it sends in vain and delivers.
type told struct {
	views             [][]spec.NodeID
	blocks, refused   int
	restored, deliver int
}

// story plays a scenario of the examples; all judges of views must find something to judge in it, or nothing wrong.
func story(t *testing.T, name string, newStack func(impl.Config) impl.Layer, judged []spec.ID) []told {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "suites", "testdata", "examples", name+".scenario"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := faults.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	h := &spec.History{}
	if err := sim.New(sim.Config{New: newStack}).Play(s, h); err != nil {
		t.Fatal(err)
	}
	var j checkers.Judge
	if wrong := judge(&j, h, append([]spec.ID{"MEMBERSHIP-PRECISION"}, judged...), map[spec.ID]int{}); len(wrong) > 0 || !h.Settled {
		t.Errorf("settled %t: %v", h.Settled, wrong)
	}
	all := make([]told, s.Nodes)
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.ViewChange:
			if !e.Is(spec.IsTransitional) {
				all[e.Node].views = append(all[e.Node].views, h.ExtraOf(e).Members)
			}
		case spec.Block:
			all[e.Node].blocks++
		case spec.Refuse:
			all[e.Node].refused++
		case spec.Restore:
			all[e.Node].restored += len(h.ExtraOf(e).Msgs)
		case spec.Deliver:
			all[e.Node].deliver++
		}
	}
	return all
}

func sequenced(cfg impl.Config) impl.Layer {
	return mutant.OrderedViewStack(cfg, ordering.NewTotalSequencer(cfg, ordering.BB), nil)
}

// expect compares the views of a node.
func expect(t *testing.T, n int, got told, views ...[]spec.NodeID) {
	t.Helper()
	if !slices.EqualFunc(got.views, views, slices.Equal[[]spec.NodeID]) {
		t.Errorf("the views of %d are %v, want %v", n, got.views, views)
	}
}

type nodes = []spec.NodeID

var primarySafety = append([]spec.ID{"PRIMARY-COMPONENT", "TOTAL-ORDER"}, viewSafety...)

func TestStorySenderDies(t *testing.T) {
	got := story(t, "view-sender-dies", sequenced, primarySafety)
	for n := 1; n <= 2; n++ {
		expect(t, n, got[n], nodes{0, 1, 2}, nodes{1, 2})
	}
	if got[1].deliver != 4 || got[2].deliver != 4 || got[0].deliver != 1 { // 1 had what 0 sent, 2 had not
		t.Errorf("1 delivers %d, 2 %d", got[1].deliver, got[2].deliver)
	}
}

func TestStoryCoordinatorDies(t *testing.T) {
	got := story(t, "view-coordinator-dies", sequenced, primarySafety)
	if expect(t, 0, got[0], nodes{0, 1, 2, 3, 4}); got[0].blocks != 1 {
		t.Errorf("0 is not in the flush when it dies: %+v", got[0])
	}
	for n := 1; n <= 3; n++ {
		if last := got[n].views[len(got[n].views)-1]; !slices.Equal(last, nodes{1, 2, 3}) {
			t.Errorf("the last view of %d is %v", n, last)
		}
	}
}

func TestStorySplitAndMerge(t *testing.T) {
	got := story(t, "view-split-and-merge", newPartitionable, partSafety)
	for n := range 4 {
		part := nodes{0, 1}
		if n >= 2 {
			part = nodes{2, 3}
		}
		expect(t, n, got[n], nodes{0, 1, 2, 3}, part, nodes{0, 1, 2, 3})
		if got[n].deliver != 2 || got[n].refused > 0 {
			t.Errorf("%d delivers %d", n, got[n].deliver)
		}
	}
}

func TestStoryJoinDuringFlush(t *testing.T) {
	got := story(t, "view-join-during-flush", sequenced, primarySafety)
	expect(t, 1, got[1], nodes{0, 1, 2}, nodes{0, 1}, nodes{0, 1, 3})
	expect(t, 3, got[3], nodes{0, 1, 3})
	if got[1].refused != 1 || got[3].restored == 0 || got[3].deliver != 1 {
		t.Errorf("1: %+v, 3: %+v", got[1], got[3])
	}
}

func TestStoryMinorityBlocks(t *testing.T) {
	got := story(t, "view-minority-blocks", sequenced, primarySafety)
	expect(t, 0, got[0], nodes{0, 1, 2, 3, 4}, nodes{0, 1, 2}, nodes{0, 1, 2, 3, 4})
	expect(t, 3, got[3], nodes{0, 1, 2, 3, 4}, nodes{0, 1, 2, 3, 4})
	if got[3].refused != 1 || got[3].blocks == 0 || got[3].restored == 0 || got[3].deliver != 1 {
		t.Errorf("3: %+v", got[3])
	}
}
