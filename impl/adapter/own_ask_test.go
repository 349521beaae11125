package adapter

import (
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// TestOwnWaits: nobody is told to join a group before the answer to its leave is there, or while it stands still; to send,
// whenever it is up.
func TestOwnWaits(t *testing.T) {
	w := &Own{s: &faults.Scenario{Steps: []faults.Step{
		{Action: faults.Action{Op: faults.Join, Group: 0}}, {Action: faults.Action{Op: faults.Join, Group: 1}}, {Action: faults.Action{Op: faults.Send}}}}}
	for _, c := range []struct {
		node ownNode
		want [3]bool
	}{
		{ownNode{}, [3]bool{}},
		{ownNode{paused: true}, [3]bool{true, true, true}},
		{ownNode{starting: true}, [3]bool{true, true, true}},
		{ownNode{calls: []ownCall{{kind: spec.Leave}}}, [3]bool{true, false, false}},
		{ownNode{calls: []ownCall{{kind: spec.Leave, over: true}, {kind: spec.Query}}}, [3]bool{}},
	} {
		w.nodes = []ownNode{c.node}
		for i, want := range c.want {
			if got := w.waits(i); got != want {
				t.Errorf("%+v: step %d waits: %v", c.node, i, got)
			}
		}
	}
}
