package ordering

import "github.com/conform-go/conform/spec"

// way is how a node gets a packet to another one: through whom, and over which group.
type way struct {
	next spec.NodeID // -1: there is no way
	over spec.GroupID
}

// waysTo finds the shortest ways from this node to all, over groups that neighbours share: breadth first, lowest first.
// The node itself has none, and needs none.
func (g *groups) waysTo(nodes int) []way {
	ways := make([]way, nodes)
	for i := range ways {
		ways[i].next = -1
	}
	reached := []spec.NodeID{g.self}
	seen := make([]bool, nodes)
	seen[g.self] = true
	for len(reached) > 0 {
		at := reached[0]
		reached = reached[1:]
		for i := range g.all {
			members := g.all[i].Members
			if position(members, at) < 0 {
				continue
			}
			for _, m := range members {
				if seen[m] {
					continue
				}
				seen[m] = true
				if ways[m] = ways[at]; at == g.self {
					ways[m] = way{m, spec.GroupID(i)}
				}
				reached = append(reached, m)
			}
		}
	}
	return ways
}

// lowest gives, by group, the lowest node of all that are in it, or in one that overlaps with it, or with one that does,
// and so on; -1 where there is none.
func (g *groups) lowest() []spec.NodeID {
	out := make([]spec.NodeID, len(g.all))
	for i := range g.all {
		if out[i] = -1; len(g.all[i].Members) > 0 {
			out[i] = g.all[i].Members[0]
		}
	}
	for range g.all { // the lowest of a chain of groups comes one group further each time
		for i := range g.all {
			for k := range g.all {
				if out[k] >= 0 && out[k] < out[i] && g.overlap(i, k) {
					out[i] = out[k]
				}
			}
		}
	}
	return out
}

// overlap says whether two groups share a process.
func (g *groups) overlap(i, k int) bool {
	for _, m := range g.all[i].Members {
		if position(g.all[k].Members, m) >= 0 {
			return true
		}
	}
	return false
}
