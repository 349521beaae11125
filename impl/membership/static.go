// Package membership holds the ways in which a stack knows who its members are. It is the top of a stack: it decides
// who may send, and whose messages count.
package membership

import "github.com/conform-go/conform/impl"

// Static is a membership that is known from the start and never changes. A closed group takes messages from its
// members only (Coulouris et al., Distributed Systems, on closed and open groups): the send of anybody else is refused
// with a reason, and what reaches a member all the same is discarded.
type Static struct{ cfg impl.Config }

// NewStatic makes the layer of one node.
func NewStatic(cfg impl.Config) *Static { return &Static{cfg} }

// Step implements [impl.Layer].
func (s *Static) Step(in impl.Input, out *impl.Effects) {
	toGroup := s.cfg.Closed && in.To == impl.Everyone
	switch {
	case toGroup && in.Kind == impl.Send && s.cfg.Index(s.cfg.Self) < 0:
		out.Refuse(in.Ref, impl.ClosedGroup)
	case toGroup && in.Kind == impl.Packet && s.cfg.Index(in.From) < 0:
		out.Note(impl.NotMember, uint64(in.From), 0)
	case in.Kind == impl.Create || in.Kind == impl.Destroy:
		out.Refuse(in.Ref, impl.FixedMembers)
	default:
		out.Pass(in)
	}
}
