package mutant

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// A member's number is not its place among the members, the first member is not node 0, and a group may have one member
// only: every correct stack keeps its promises there too.
func TestGroupsOfAnyNodes(t *testing.T) {
	sound := []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
		"CLOSED-GROUP", "CHANNEL-VALIDITY", "CHANNEL-INTEGRITY"}
	live := []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"}
	ids := slices.Concat(sound, live)
	tried := map[spec.ID]bool{}
	for _, m := range All() {
		if kind, _, _ := strings.Cut(m.Cell, "/"); tried[spec.ID(m.Cell)] || !slices.Contains(oneToOne, strings.Split(kind, ":")[0]) ||
			strings.Count(m.Cell, "/") > 2 || m.Cell == overGossip || m.Across != nil { // which promises a share, or has a layer above the stacks
			continue
		}
		tried[spec.ID(m.Cell)] = true
		p := &player{params: faults.Params{MinNodes: 4, MaxNodes: 4, OneToOne: true, Syncs: readings[m.Cell] > 0}, world: sim.New(sim.Config{New: correct(m.Cell).node})}
		for _, members := range [][]spec.NodeID{{0}, {2}, {1, 3}, {1, 2, 3}, {0, 3}} {
			for i := range uint64(max(10, share(20))) {
				faults.DrawInto(&p.s, *seed+i, p.params)
				p.s.Groups[0].Members = slices.Clone(members)
				for id, text := range p.playDrawn(t, *seed+i, func(f *spec.Finding) { tried[f.ID] = tried[f.ID] || f.Verdict == spec.Pass }) {
					if slices.Contains(ids, id) {
						t.Errorf("%s, group %v, schedule %d breaks %s: %s", m.Cell, members, *seed+i, id, text)
					}
				}
			}
		}
	}
	for _, id := range ids {
		if !tried[id] {
			t.Errorf("no schedule tried %s", id)
		}
	}
}
