package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func unicastMutants() []Mutant {
	return []Mutant{
		{
			Name:   "own-copy-lost",
			Title:  "The sender leaves itself out of the list of recipients, and never delivers what it sends.",
			Breaks: []spec.ID{"SELF-DELIVERY", "AGREEMENT"},
			Cell:   bare, Under: spec.NoFaults,
			New: with(bare, func(s *stack) { s.transport = unicastToOthers }),
		},
		{
			Name:   "delivery-to-non-members",
			Title:  "The sender sends to every node that it knows, and a receiver does not ask whether it is a member.",
			Breaks: []spec.ID{"DESTINATION-INTEGRITY"},
			Cell:   bare, Under: spec.NoFaults, NonMember: true,
			New: with(bare, func(s *stack) { s.transport = unicastToAllNodes }),
		},
		{
			Name:   "refused-and-sent",
			Title:  "The stranger is told that the send is refused, and the message goes out all the same.",
			Breaks: []spec.ID{"CLOSED-GROUP", "NO-RESURRECTION"},
			Cell:   bare, Under: spec.NoFaults, NonMember: true,
			New: with(bare, func(s *stack) { s.membership = refusesAndSends }),
		},
		{
			Name:   "closed-group-left-open",
			Title:  "Nobody looks whether the group is closed, so that what a stranger sends is delivered.",
			Breaks: []spec.ID{"CLOSED-GROUP"},
			Cell:   bare, Under: spec.NoFaults, NonMember: true,
			New: with(bare, func(s *stack) { s.membership = nil }),
		},
	}
}

// refusing refuses what a correct membership refuses, and discards nothing.
type refusing struct{ cfg impl.Config }

func refusesAndSends(cfg impl.Config) impl.Layer { return refusing{cfg} }

// Step implements [impl.Layer].
func (r refusing) Step(in impl.Input, out *impl.Effects) {
	out.Pass(in)
	if in.Kind == impl.Send && in.To == impl.Everyone && r.cfg.Closed && r.cfg.Index(r.cfg.Self) < 0 {
		out.Refuse(in.Ref, impl.ClosedGroup)
	}
}

func unicastToOthers(cfg impl.Config) impl.Layer {
	u := transport.NewUnicast(cfg)
	u.Rules.Recipients = func(cfg *impl.Config) []spec.NodeID {
		others := slices.Clone(cfg.Members)
		return slices.DeleteFunc(others, func(n spec.NodeID) bool { return n == cfg.Self })
	}
	return u
}

func unicastToAllNodes(cfg impl.Config) impl.Layer {
	u := transport.NewUnicast(cfg)
	u.Rules.Recipients = func(cfg *impl.Config) []spec.NodeID {
		var all []spec.NodeID
		for n := range cfg.Nodes {
			all = append(all, spec.NodeID(n))
		}
		return all
	}
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true }
	return u
}
