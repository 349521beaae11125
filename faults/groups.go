package faults

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// Exclude takes a node out of every group.
func (s *Scenario) Exclude(n spec.NodeID) {
	for i := range s.Groups {
		g := &s.Groups[i]
		g.Members = slices.DeleteFunc(g.Members, func(m spec.NodeID) bool { return m == n })
	}
}

// Stacks gives, by node, the groups for which it has a stack, ascending: those that it is a member of, those that a step
// lets it call or send to, and those over which messages to or from it alone go. One that would have none stands before
// every group.
func (s *Scenario) Stacks() [][]spec.GroupID {
	all := make([][]spec.GroupID, s.Nodes)
	add := func(n spec.NodeID, g spec.GroupID) {
		if i, has := slices.BinarySearch(all[n], g); !has && int(g) < len(s.Groups) {
			all[n] = slices.Insert(all[n], i, g)
		}
	}
	for g := range s.Groups {
		for _, n := range s.Groups[g].Members {
			add(n, spec.GroupID(g))
		}
	}
	for i := range s.Steps {
		switch a := &s.Steps[i].Action; {
		case a.Op == Send && a.To >= 0:
			g := s.Between(a.Node, a.To)
			add(a.Node, g)
			add(a.To, g)
		case a.Op.uses(groupField), a.Op.uses(destField):
			add(a.Node, a.Group)
		}
	}
	for n := range all {
		if len(all[n]) == 0 {
			for g := range s.Groups {
				all[n] = append(all[n], spec.GroupID(g))
			}
		}
	}
	return all
}

// Between gives the group over whose stacks a message from one node to another alone goes: the first that both are
// members of, or else the first of the sender, or of the receiver, or the first there is.
func (s *Scenario) Between(a, b spec.NodeID) spec.GroupID {
	of, best := spec.GroupID(0), 0
	for g := range s.Groups {
		rank := 0
		if slices.Contains(s.Groups[g].Members, a) {
			rank += 2
		}
		if slices.Contains(s.Groups[g].Members, b) {
			rank++
		}
		if rank > best {
			of, best = spec.GroupID(g), rank
		}
	}
	return of
}

// overlap gives the parameters of a scenario with these flags as many groups as it has.
func (p *Params) overlap(flags byte) {
	if p.Overlaps {
		if p.Groups = 2; flags&thirdFlag != 0 {
			p.Groups = 3
		}
	}
}
