package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// Gates lists bugs of what bounds the queue of who comes in and waits for the state.
func Gates() []Mutant {
	return []Mutant{{Name: "gate-drops-when-full", Title: "Who waits for the state has a place for one message, and drops what else comes in silence.",
		Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "BOUNDED-OVERFLOW", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"},
		Cell:   "unicast/reliable/fifo/server:window=2",
		New: func(cfg impl.Config) impl.Layer {
			g, u := membership.NewGate(cfg, nil), transport.NewUnicast(cfg)
			g.SetWindow(2)
			g.Rules.Room = func(held, _ int) bool { return held < 2 }              // the view, and one
			u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
			return impl.NewStack(g, membership.NewFlush(cfg), ordering.NewFifo(cfg), membership.NewInView(cfg), reliability.NewReliable(cfg),
				membership.NewServer(cfg, 0), u, transport.NewChannel(cfg), membership.NewDetector(cfg, membership.FixedPatience))
		}}}
}
