package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// ServerRules are the rules of a stack whose members a server knows.
type ServerRules struct {
	Service *membership.ServerRules
	Gate    *membership.GateRules
	Flush   *membership.FlushRules
	InView  *membership.InViewRules
}

// ServerStack makes such a stack: gate, flush, ordering, view, level, the server, unicast, channel, detector. The lowest
// node is the server. Change may be nil.
func ServerStack(cfg impl.Config, order, level impl.Layer, change func(ServerRules)) impl.Layer {
	return serverStackAt(cfg, 0, order, level, change)
}

func serverStackAt(cfg impl.Config, at spec.NodeID, order, level impl.Layer, change func(ServerRules)) impl.Layer {
	g, f, v := membership.NewGate(cfg, nil), membership.NewFlush(cfg), membership.NewInView(cfg)
	s, u := membership.NewServer(cfg, at), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
	if change != nil {
		change(ServerRules{&s.Rules, &g.Rules, &f.Rules, &v.Rules})
	}
	return impl.NewStack(g, f, order, v, level, s, u, transport.NewChannel(cfg), membership.NewDetector(cfg, membership.FixedPatience))
}

// ServerStackAt is [ServerStack] over reliable, without an order, with another server.
func ServerStackAt(cfg impl.Config, at spec.NodeID) impl.Layer {
	return serverStackAt(cfg, at, ordering.NewUnordered(cfg), reliability.NewReliable(cfg), nil)
}

// ReliableServerStack is the stack that the mutants differ from: fifo over reliable.
func ReliableServerStack(cfg impl.Config) impl.Layer { return reliableServer(cfg, nil) }

func reliableServer(cfg impl.Config, change func(ServerRules)) impl.Layer {
	return ServerStack(cfg, ordering.NewFifo(cfg), reliability.NewReliable(cfg), change)
}

// The correct stacks.
const (
	overServer      = "unicast/reliable/fifo/server"
	overDistributed = "unicast/reliable/unordered/distributed"
)

func serverMutant(name, title string, under spec.FaultSet, change func(ServerRules), breaks ...spec.ID) Mutant {
	return Mutant{Name: name, Title: title, Breaks: breaks, Cell: overServer, Under: under,
		New: func(cfg impl.Config) impl.Layer { return reliableServer(cfg, change) }}
}

// Servers lists bugs of centralized membership, under the membership server.
func Servers() []Mutant {
	var none spec.FaultSet
	crash := spec.SetOf(spec.CrashFault)
	back := spec.SetOf(spec.CrashFault, spec.RecoverFault)
	down := back.With(spec.CoordinatorFault)
	cut := spec.SetOf(spec.PartitionFault)
	const linear, precise = "MEMBERSHIP-LINEARIZABLE", "MEMBERSHIP-PRECISION"
	return []Mutant{
		serverMutant("server-forgets", "The server writes nothing down: after a restart it knows the members of the configuration.", down,
			func(r ServerRules) { r.Service.Saves = func() bool { return false } }, linear, "VIEW-MONOTONICITY", "VIEW-AGREEMENT", precise),
		serverMutant("stale-list-after-restart", "After a restart the server takes the first record of its log for the newest.", down,
			func(r ServerRules) {
				r.Service.Newest, r.Service.Trims = func(int) int { return 0 }, func() bool { return false }
			}, "DESTINATION-INTEGRITY", "CLOSED-GROUP", linear, "VIEW-MONOTONICITY", "VIEW-AGREEMENT", "NO-DELIVERY-AFTER-LEAVE"),
		serverMutant("answers-before-it-is-done", "A call is answered as soon as the server turns to it.", none,
			func(r ServerRules) { r.Service.Answers = func(bool) bool { return true } }, linear, precise),
		serverMutant("query-sees-undecided", "A query is answered from what is asked, before it is decided and on disk.", crash,
			func(r ServerRules) {
				r.Service.Shows = func(decided, asked []spec.NodeID) []spec.NodeID {
					if asked != nil {
						return asked
					}
					return decided
				}
			}, linear),
		serverMutant("ghost-after-leave", "Who has left stays in the list.", none,
			func(r ServerRules) { r.Service.Releases = func(spec.NodeID) bool { return false } }, linear, precise),
		serverMutant("joiner-not-told", "Node 2 is never told of a decision.", none,
			func(r ServerRules) { r.Service.Tells = func(_, n spec.NodeID) bool { return n != 2 } }, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "VIEW-AGREEMENT", precise),
		serverMutant("without-the-concurrent-joiner", "An odd node tells its layers a view without the last member.", none,
			func(r ServerRules) {
				r.Service.Members = func(cfg *impl.Config, m []spec.NodeID) []spec.NodeID {
					if len(m) > 0 && cfg.Self != m[len(m)-1] && cfg.Self%2 == 1 {
						return m[:len(m)-1]
					}
					return m
				}
			}, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIEW-AGREEMENT", "VIRTUAL-SYNCHRONY", precise),
		serverMutant("silent-stay", "Who is silent is never removed.", crash,
			func(r ServerRules) { r.Service.Removes = func(spec.NodeID) bool { return false } }, precise),
		serverMutant("removed-for-ever", "Who was wrongly taken for dead does not come in again.", cut,
			func(r ServerRules) { r.Service.Forgives = func() bool { return false } }, precise),
		serverMutant("new-life-passes-for-the-old", "A node that comes back is taken for the one that it was.", back,
			func(r ServerRules) { r.Service.Reborn = func(_, _ uint32) bool { return false } }, "JOIN-TRANSFER", linear, precise),
		serverMutant("server-does-not-flush", "Members are ready for a view at once, whatever is under way.", none,
			func(r ServerRules) { r.Flush.Flushes = func(*impl.Config) bool { return false } }, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"),
		serverMutant("does-not-await-ready", "The server decides without waiting for the members to be ready.", none,
			func(r ServerRules) { r.Service.Awaits = func(spec.NodeID) bool { return false } }, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "PRIMARY-COMPONENT", "VIRTUAL-SYNCHRONY", precise),
		serverMutant("flush-of-one", "A member does not wait for the markers of the others.", none,
			func(r ServerRules) { r.Flush.Awaits = func(self, n spec.NodeID) bool { return self == n } }, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"),
		serverMutant("old-view-in-the-new", "What was sent in an old view is delivered in the new one.", cut,
			func(r ServerRules) { r.InView.Discards = func(int) bool { return false } }, "FIFO-ORDER", "SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "FLUSH-BLOCK"),
		serverMutant("new-view-message-before-the-view", "What was sent in a view is handed up by who has not installed it yet: the ordering takes its number for one of the view that ends, and begins anew without it.", none,
			func(r ServerRules) { r.InView.Keeps = func(int) bool { return false } }, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"),
	}
}

// DistributedRules are the rules of a stack whose members keep the list themselves.
type DistributedRules struct {
	Service *membership.DistributedRules
	Gate    *membership.GateRules
}

// DistributedStack makes such a stack: gate, unordered, level, the list, unicast, channel, detector. Change may be nil.
func DistributedStack(cfg impl.Config, level impl.Layer, change func(DistributedRules)) impl.Layer {
	g, d, u := membership.NewGate(cfg, nil), membership.NewDistributed(cfg), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // who has been let in is served before it knows
	if change != nil {
		change(DistributedRules{&d.Rules, &g.Rules})
	}
	return impl.NewStack(g, ordering.NewUnordered(cfg), level, d, u, transport.NewChannel(cfg), membership.NewDetector(cfg, membership.FixedPatience))
}

// ReliableDistributedStack is the stack that the mutants differ from.
func ReliableDistributedStack(cfg impl.Config) impl.Layer {
	return DistributedStack(cfg, reliability.NewReliable(cfg), nil)
}

func distributedMutant(name, title string, under spec.FaultSet, change func(DistributedRules), breaks ...spec.ID) Mutant {
	return Mutant{Name: name, Title: title, Breaks: breaks, Cell: overDistributed, Under: under,
		New: func(cfg impl.Config) impl.Layer {
			return DistributedStack(cfg, reliability.NewReliable(cfg), change)
		}}
}

// Distributeds lists bugs of distributed membership, under the membership distributed.
func Distributeds() []Mutant {
	var none spec.FaultSet
	crash, cut := spec.SetOf(spec.CrashFault), spec.SetOf(spec.PartitionFault)
	const precise = "MEMBERSHIP-PRECISION"
	early := func(cfg impl.Config) impl.Layer { // a level that relays would hide it
		return DistributedStack(cfg, reliability.NewUnreliable(cfg), func(r DistributedRules) {
			r.Service.Awaits = func(n spec.NodeID) bool { return n == 0 }
		})
	}
	return []Mutant{
		distributedMutant("not-told-of-the-joiner", "Node 1 is told of nobody.", none,
			func(r DistributedRules) { r.Service.Tells = func(_, n spec.NodeID) bool { return n != 1 } }, precise),
		{Name: "join-returns-before-all-know", Title: "A join returns when one member knows of it.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "JOIN-COMPLETE"}, Cell: "unicast/unreliable/unordered/distributed", Under: spec.SetOf(spec.DelayFault), New: early},
		distributedMutant("leaves-without-goodbye", "Who leaves does not say so.", none,
			func(r DistributedRules) { r.Service.Goodbyes = func() bool { return false } }, "VALIDITY", "AGREEMENT", "VIEW-MONOTONICITY", precise),
		distributedMutant("delivers-after-leave", "Who has left hands on what comes late, or from those who have not heard of it.", none,
			func(r DistributedRules) { r.Gate.After = func(bool) bool { return true } }, "DESTINATION-INTEGRITY", "NO-DELIVERY-AFTER-LEAVE"),
		distributedMutant("delivers-before-join", "Who joins hands on what comes from those who have let it in, before it is a member itself.", none,
			func(r DistributedRules) { r.Gate.Before = func() bool { return true } }, "INITIAL-VIEW"),
		distributedMutant("dead-stay-on-the-list", "Who is suspected stays on the list.", crash,
			func(r DistributedRules) { r.Service.Removes = func(spec.NodeID) bool { return false } }, precise),
		distributedMutant("removed-does-not-return", "Who was wrongly removed believes it.", cut,
			func(r DistributedRules) { r.Service.Returns = func() bool { return false } }, precise),
	}
}
