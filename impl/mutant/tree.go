package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// treeMutants are coordinators and trees of them that lose the way, or the name on the letter.
func treeMutants() []Mutant {
	return []Mutant{
		{
			Name:   "coordinator-stale-list",
			Title:  "The coordinator sends to a list of its own from before the last member came.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   reliableOverCoordinator, Under: spec.NoFaults,
			New: with(reliableOverCoordinator, func(s *stack) { s.transport = coordinatorWithStaleList }),
		},
		{
			Name:   "coordinator-forgets-itself",
			Title:  "The coordinator hands everything on to the others and nothing to itself, though it is a member.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT"},
			Cell:   overCoordinator, Under: spec.NoFaults,
			New: with(overCoordinator, func(s *stack) { s.transport = coordinatorWithoutItself }),
		},
		{
			Name:   "coordinator-relay-taken-for-sender",
			Title:  "A receiver takes the node that the packet came from for the sender, and that is the coordinator.",
			Breaks: []spec.ID{"SENDER-INTEGRITY"},
			Cell:   overCoordinator, Under: spec.NoFaults,
			New: with(overCoordinator, func(s *stack) { s.transport = coordinatorNamesItself }),
		},
		{
			Name:   "coordinator-copies-the-sender",
			Title:  "The coordinator sends the sender a copy too, which has had its own.",
			Breaks: []spec.ID{"NO-DUPLICATION"},
			Cell:   overCoordinator, Under: spec.NoFaults,
			New: with(overCoordinator, func(s *stack) { s.transport = coordinatorCopiesTheSender }),
		},
		{
			Name:   "hierarchy-leaf-forgotten",
			Title:  "The last child is left out of the tree by one, and never gets anything of the others.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   reliableOverTree, Under: spec.NoFaults,
			New: with(reliableOverTree, func(s *stack) { s.transport = treeWithoutItsLastLeaf }),
		},
		{
			Name:   "hierarchy-child-of-two",
			Title:  "Each node has a child too many, which is also the first child of its neighbour and gets everything twice.",
			Breaks: []spec.ID{"NO-DUPLICATION", "COST-PACKETS"},
			Cell:   overTree, Under: spec.NoFaults,
			New: with(overTree, func(s *stack) { s.transport = treeWithSharedChildren }),
		},
		{
			Name:   "hierarchy-sender-stops-the-tree",
			Title:  "A coordinator discards its own message when the tree brings it back, and does not hand it to its subgroup.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT"},
			Cell:   overTree, Under: spec.NoFaults,
			New: with(overTree, func(s *stack) { s.transport = treeStoppedByTheSender }),
		},
		{
			Name:   "hierarchy-coordinators-only-relay",
			Title:  "A node that has a subgroup hands messages on to it and does not deliver them, though it is a member.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "TAIL-RECOVERY", "ACKED-DELIVERED"},
			Cell:   reliableOverTree, Under: spec.NoFaults,
			New: with(reliableOverTree, func(s *stack) { s.transport = treeThatOnlyRelays }),
		},
		{
			Name:   "hierarchy-parent-taken-for-sender",
			Title:  "A receiver takes its coordinator, from which the packet came, for the sender.",
			Breaks: []spec.ID{"SENDER-INTEGRITY"},
			Cell:   overTree, Under: spec.NoFaults,
			New: with(overTree, func(s *stack) { s.transport = treeNamesTheParent }),
		},
	}
}

func nobody(spec.NodeID, spec.NodeID) bool { return false }

func theRelay(_, relay spec.NodeID) spec.NodeID { return relay }

func coordinatorWithStaleList(cfg impl.Config) impl.Layer {
	c := transport.NewCoordinator(cfg)
	c.Rules.Recipients = func(cfg *impl.Config) []spec.NodeID {
		return cfg.Members[:max(1, len(cfg.Members)-1)]
	}
	return c
}

func coordinatorWithoutItself(cfg impl.Config) impl.Layer {
	c := transport.NewCoordinator(cfg)
	c.Rules.Recipients = func(cfg *impl.Config) []spec.NodeID {
		others := slices.Clone(cfg.Members)
		return slices.DeleteFunc(others, func(n spec.NodeID) bool { return n == cfg.Self })
	}
	return c
}

func coordinatorNamesItself(cfg impl.Config) impl.Layer {
	c := transport.NewCoordinator(cfg)
	c.Rules.Origin = theRelay
	return c
}

func coordinatorCopiesTheSender(cfg impl.Config) impl.Layer {
	c := transport.NewCoordinator(cfg)
	c.Rules.HasCopy = nobody
	return c
}

func treeWithoutItsLastLeaf(cfg impl.Config) impl.Layer {
	h := transport.NewHierarchy(cfg, narrow, 0)
	h.Rules.Children = func(members []spec.NodeID, at, fanout int) []spec.NodeID {
		return transport.Children(members[:max(1, len(members)-1)], at, fanout)
	}
	return h
}

func treeWithSharedChildren(cfg impl.Config) impl.Layer {
	h := transport.NewHierarchy(cfg, narrow, 0)
	h.Rules.Children = func(members []spec.NodeID, at, fanout int) []spec.NodeID {
		children := transport.Children(members, at, fanout)
		if n := fanout*at + 1 + len(children); len(children) > 0 && n < len(members) {
			children = append(slices.Clone(children), members[n])
		}
		return children
	}
	return h
}

func treeStoppedByTheSender(cfg impl.Config) impl.Layer {
	h := transport.NewHierarchy(cfg, narrow, 0)
	h.Rules.Forwards = func(self, origin spec.NodeID) bool { return self != origin }
	return h
}

func treeThatOnlyRelays(cfg impl.Config) impl.Layer {
	h := transport.NewHierarchy(cfg, narrow, 0)
	h.Rules.HasCopy = func(m, origin spec.NodeID) bool {
		return m == origin || cfg.Index(m) < transport.Inner(len(cfg.Members), narrow, 0)
	}
	return h
}

func treeNamesTheParent(cfg impl.Config) impl.Layer {
	h := transport.NewHierarchy(cfg, narrow, 0)
	h.Rules.Origin = theRelay
	return h
}
