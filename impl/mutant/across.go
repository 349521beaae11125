package mutant

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// The cells whose ordering stands above the stacks of a node. Their stacks are those of the cell.
const (
	causalAcrossGroups = "unicast/reliable/causal:groups=all"
	totalAcrossGroups  = "unicast/reliable/total-sequencer:groups=all"
)

// acrossMutants are the bugs of processes that are in several groups.
func acrossMutants() []Mutant {
	return []Mutant{
		{
			Name:   "cause-in-another-group-ignored",
			Title:  "A message waits for what happened before it in its own group only, and an answer in one group comes before the question in another.",
			Breaks: []spec.ID{"CROSS-GROUP-CAUSAL"},
			Cell:   causalAcrossGroups, Under: spec.NoFaults,
			Across: causalAcross(func(c *ordering.CausalAcross) {
				c.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return false }
			}),
		},
		{
			Name:   "vector-of-the-wrong-group",
			Title:  "Messages of all groups are counted in the vector of the first, and who is not in the group of one waits for it for ever.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED"},
			Cell:   causalAcrossGroups, Under: spec.NoFaults,
			Across: causalAcross(func(c *ordering.CausalAcross) {
				c.Rules.Vector = func(spec.GroupID) spec.GroupID { return 0 }
			}),
		},
		{
			Name:   "waits-for-foreign-groups",
			Title:  "A message waits for what happened before it in every group, also in those that the process is not in and never hears of.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED"},
			Cell:   causalAcrossGroups, Under: spec.NoFaults,
			Across: causalAcross(func(c *ordering.CausalAcross) {
				c.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return true }
			}),
		},
		{
			Name:   "sequencers-taken-for-one",
			Title:  "Each group has a sequencer, its first member, and their numbers are taken for those of one: orders differ, and members wait for each other's messages in a circle.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "CROSS-GROUP-CAUSAL", "CROSS-GROUP-TOTAL", "COST-DELAY"},
			Cell:   totalAcrossGroups, Under: spec.NoFaults,
			Across: func(cfg impl.Config, all []spec.Group) impl.Layer {
				t := ordering.NewTotalAcross(cfg, all)
				t.Rules.Sequencer = func(g spec.GroupID, lowest spec.NodeID) spec.NodeID {
					if members := all[g].Members; len(members) > 0 {
						return members[0]
					}
					return lowest
				}
				return t
			},
		},
		{
			Name:   "numbers-of-other-groups-ignored",
			Title:  "There is one sequencer for all groups, but a member only looks at the number in the message's own group.",
			Breaks: []spec.ID{"CROSS-GROUP-CAUSAL", "CROSS-GROUP-TOTAL", "COST-DELAY"},
			Cell:   totalAcrossGroups, Under: spec.NoFaults,
			Across: func(cfg impl.Config, all []spec.Group) impl.Layer {
				t := ordering.NewTotalAcross(cfg, all)
				t.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return false }
				return t
			},
		},
		{
			Name:   "skips-nothing",
			Title:  "A member waits for every number of the sequencer, also for those of groups that it is not in, and stands still.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "COST-DELAY"},
			Cell:   totalAcrossGroups, Under: spec.NoFaults,
			Across: func(cfg impl.Config, all []spec.Group) impl.Layer {
				t := ordering.NewTotalAcross(cfg, all)
				t.Rules.Waits = func(_, _ spec.GroupID, _ bool) bool { return true }
				return t
			},
		},
		{
			Name:   "mac-taken-for-the-group",
			Title:  "A host that is in two groups of one hardware address gives the processes of both what comes for either.",
			Breaks: []spec.ID{"NO-CREATION", "NIC-FILTER"},
			Cell:   onIP, Under: spec.SetOf(spec.NICFault),
			Network: &ipmulticast.Rules{Host: ipmulticast.HostRules{Gets: func(dst, group netip.Addr) bool {
				return ipmulticast.GroupMAC(dst) == ipmulticast.GroupMAC(group)
			}}},
		},
	}
}

// causalAcross makes the layer across groups with a changed rule.
func causalAcross(change func(*ordering.CausalAcross)) func(impl.Config, []spec.Group) impl.Layer {
	return func(cfg impl.Config, all []spec.Group) impl.Layer {
		c := ordering.NewCausalAcross(cfg, all)
		change(c)
		return c
	}
}
