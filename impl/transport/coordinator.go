package transport

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Coordinator is T4: the sender hands a message to one coordinator, the first of the members, and the coordinator sends
// each member a copy: 1+n packets, or n where the sender is the coordinator. Only the coordinator needs to know the
// members. When it crashes the group stops: a single point of failure. Where members change it is the first of the view,
// and what is under way to the old one may be lost.
//
// Where the layer below acknowledges, a send to the group is acknowledged when the coordinator has it, which is not to
// say that any member has; a send of the coordinator itself when its copies have been, as [Unicast] does. While the
// coordinator is suspected, sends are handed down to it and never acknowledged.
type Coordinator struct {
	Rules CoordinatorRules

	relayed
}

// CoordinatorRules say to whom the coordinator sends, and what a receiver takes for the sender.
type CoordinatorRules struct {
	Recipients func(cfg *impl.Config) []spec.NodeID
	HasCopy    func(m, origin spec.NodeID) bool // from the sender: the coordinator passes it over
	Origin     func(origin, relay spec.NodeID) spec.NodeID
}

// NewCoordinator makes the transport of one node.
func NewCoordinator(cfg impl.Config) *Coordinator {
	c := &Coordinator{relayed: newRelayed(cfg), Rules: CoordinatorRules{
		Recipients: func(cfg *impl.Config) []spec.NodeID { return cfg.Members },
		HasCopy:    theSender,
		Origin:     theOrigin,
	}}
	c.hop.Rules.Recipients = func(cfg *impl.Config) []spec.NodeID { return c.Rules.Recipients(cfg) }
	return c
}

// Step implements [impl.Layer].
func (c *Coordinator) Step(in impl.Input, out *impl.Effects) {
	if in.Kind != impl.Packet {
		c.step(in, out)
		return
	}
	body, origin, group := c.open(in, out)
	switch self := c.hop.cfg.Self; {
	case !group:
	case self == c.root && in.From != self:
		c.spread(in.Body, origin, out)
	default:
		out.Up(c.Rules.Origin(origin, in.From), impl.Everyone, body)
	}
}

// spread sends every member its copy, the coordinator's own last: when it delivers, all have been sent theirs.
func (c *Coordinator) spread(b []byte, origin spec.NodeID, out *impl.Effects) {
	own := false
	for _, m := range c.Rules.Recipients(&c.hop.cfg) {
		switch {
		case c.Rules.HasCopy(m, origin):
		case m == c.root:
			own = true
		default:
			out.Down(m, b, 0)
		}
	}
	if own {
		out.Down(c.root, b, 0)
	}
}
