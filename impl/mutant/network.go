package mutant

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// The cells on links. Of their stacks only the upper part is made here.
const (
	onHardware  = "hardware/unreliable/unordered"
	onBroadcast = "broadcast/unreliable/unordered"
	onIP        = "ip/unreliable/unordered"
	onDense     = "ip/unreliable/unordered/anonymous"
	onSparse    = "ip:pim=sparse/unreliable/unordered/anonymous"
	onTree      = "ip:shape=line/unreliable/unordered/anonymous"
	onOneLAN    = "ip:subnets=1/unreliable/unordered/anonymous"
	onMixed     = "ip:igmp=mixed/unreliable/unordered/anonymous"
	onOutdated  = "ip:igmp=mixed,querier=2/unreliable/unordered/anonymous"
	toNearest   = "anycast/unreliable/unordered"
)

var (
	yes = func() bool { return true }
	no  = func() bool { return false }
)

func lanMutants() []Mutant {
	return []Mutant{
		{
			Name:   "driver-trusts-card",
			Title:  "The driver takes what the network card let through for what was asked for, though other groups share the bin of its filter.",
			Breaks: []spec.ID{"NO-CREATION", "NIC-FILTER", "SOCKET-FILTER"},
			Cell:   onHardware, Under: spec.SetOf(spec.NICFault),
			Network: &ipmulticast.Rules{Driver: ipmulticast.DriverRules{Takes: func(bool) bool { return true }}},
		},
		{
			Name:   "broadcast-without-group",
			Title:  "A host delivers every broadcast frame of the protocol and does not look at the group's number inside.",
			Breaks: []spec.ID{"NO-CREATION", "NIC-FILTER", "SOCKET-FILTER"},
			Cell:   onBroadcast, Under: spec.SetOf(spec.NICFault),
			Network: &ipmulticast.Rules{Driver: ipmulticast.DriverRules{Takes: func(bool) bool { return true }}},
		},
		{
			Name:   "stranger-believed",
			Title:  "A receiver takes what any station sends to the group's address, and delivers a stranger's echo of a message.",
			Breaks: []spec.ID{"NO-DUPLICATION", "SENDER-INTEGRITY"},
			Cell:   onHardware, Under: spec.SetOf(spec.RogueFault),
			New: upper(func(m *transport.Multicast) { m.Rules.Known = func(int) bool { return true } }),
		},
		{
			Name:   "multicast-by-copies",
			Title:  "What should be one frame to the group is one to each member: it works, and costs as much as unicast.",
			Breaks: []spec.ID{"COST-PACKETS"},
			Cell:   onHardware, Under: spec.NoFaults,
			New: byCopies,
		},
		{
			Name:   "anycast-to-two",
			Title:  "To be on the safe side the sender sends to the next member too, and two deliver.",
			Breaks: []spec.ID{"ANYCAST-ONE", "ANYCAST-NEAREST", "COST-PACKETS"},
			Cell:   toNearest, Under: spec.NoFaults,
			New: anycasting(func(cfg impl.Config, a *transport.Anycast) {
				a.Rules.Copies = func(to spec.NodeID) []spec.NodeID {
					for _, m := range cfg.Members {
						if m != to {
							return []spec.NodeID{m}
						}
					}
					return nil
				}
			}),
		},
		{
			Name:   "anycast-to-first",
			Title:  "The sender sends to the first member of its list, however far away it is.",
			Breaks: []spec.ID{"ANYCAST-NEAREST"},
			Cell:   toNearest, Under: spec.NoFaults,
			New: anycasting(func(_ impl.Config, a *transport.Anycast) {
				a.Rules.Metric = func(_, to spec.NodeID) int { return int(to) }
			}),
		},
	}
}

func hostMutants() []Mutant {
	host := func(r ipmulticast.HostRules) *ipmulticast.Rules { return &ipmulticast.Rules{Host: r} }
	return []Mutant{
		{
			Name:   "ip-filter-missing",
			Title:  "The IP layer takes every packet whose frame the driver took, though 32 groups share a hardware address.",
			Breaks: []spec.ID{"NO-CREATION", "NIC-FILTER", "ROUTE-NO-DUPLICATE", "SOCKET-FILTER"},
			Cell:   onIP, Under: spec.SetOf(spec.NICFault),
			Network: host(ipmulticast.HostRules{
				Wants: func(netip.Addr, func(netip.Addr) bool) bool { return true },
				Gets:  func(_, _ netip.Addr) bool { return true },
			}),
		},
		{
			Name:   "twenty-four-bits-mapped",
			Title:  "Hosts map 24 bits of the group address instead of 23, and do not hear what a router sends to the right address.",
			Breaks: []spec.ID{"VALIDITY", "AGREEMENT", "ROUTE-REACH"},
			Cell:   onIP, Under: spec.NoFaults,
			Network: host(ipmulticast.HostRules{GroupMAC: func(g netip.Addr) ipmulticast.MAC {
				m, a := ipmulticast.GroupMAC(g), g.As4()
				m[3] = a[1]
				return m
			}}),
		},
		{
			Name:   "suppression-across-groups",
			Title:  "A host that hears another's report for any group drops its own, and the router forgets its group.",
			Breaks: []spec.ID{"IGMP-JOIN", "IGMP-LEAVE", "IGMP-SUPPRESSION"},
			Cell:   onOneLAN, Under: spec.NoFaults,
			Network: host(ipmulticast.HostRules{Suppresses: func(_, _ netip.Addr) bool { return true }}),
		},
		{
			Name:   "report-not-repeated",
			Title:  "A host reports a new membership once, and when that report is lost nobody knows of it until the next query.",
			Breaks: []spec.ID{"IGMP-JOIN"},
			Cell:   onOneLAN, Under: spec.NoFaults,
			Network: host(ipmulticast.HostRules{Repeats: 1}),
		},
		{
			Name:   "older-querier-ignored",
			Title:  "A host goes on to report in version 3 though its router asks in version 2, and the router understands nothing.",
			Breaks: []spec.ID{"ROUTE-REACH", "IGMP-SUPPRESSION"},
			Cell:   onOutdated, Under: spec.NoFaults,
			Network: host(ipmulticast.HostRules{FallsBack: func(int) bool { return false }}),
		},
	}
}

func routerMutants() []Mutant {
	router := func(r ipmulticast.RouterRules) *ipmulticast.Rules { return &ipmulticast.Rules{Router: r} }
	return []Mutant{
		{
			Name:   "no-group-specific-query",
			Title:  "A querier that hears of a leave ends the membership of the link without asking who still listens.",
			Breaks: []spec.ID{"ROUTE-REACH", "IGMP-LEAVE"},
			Cell:   onDense, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{Querier: ipmulticast.QuerierRules{SpecificQueries: no}}),
		},
		{
			Name:   "membership-never-ages",
			Title:  "A router forwards to a link for ever whose only listener has crashed.",
			Breaks: []spec.ID{"ROUTE-CONTAIN", "IGMP-AGEING"},
			Cell:   onTree, Under: spec.SetOf(spec.CrashFault),
			Network: router(ipmulticast.RouterRules{Querier: ipmulticast.QuerierRules{Ages: no}}),
		},
		{
			Name:   "old-listener-overruled",
			Title:  "A router asks who else listens when a host has left, though a host of version 1 is there, which does not know such queries, and is cut off.",
			Breaks: []spec.ID{"ROUTE-REACH"},
			Cell:   onMixed, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{Querier: ipmulticast.QuerierRules{Compatible: func(int) int { return 3 }}}),
		},
		{
			Name:   "rpf-check-missing",
			Title:  "A router forwards what comes in on any port, and packets go round in circles until their TTL ends.",
			Breaks: []spec.ID{"ROUTE-NO-DUPLICATE", "ROUTE-RPF", "ROUTE-ONE-COPY"},
			Cell:   onIP, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{RPF: func(int, int) bool { return true }}),
		},
		{
			Name:   "forwards-back",
			Title:  "A router sends a packet out of the port on which it came in, too.",
			Breaks: []spec.ID{"ROUTE-NO-DUPLICATE", "ROUTE-ONE-COPY", "IGMP-AGEING", "PIM-PRUNE"},
			Cell:   onDense, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{Back: func(int, int) bool { return true }}),
		},
		{
			Name:   "ttl-kept",
			Title:  "A router forwards packets with the TTL that they came with.",
			Breaks: []spec.ID{"TTL-SCOPE"},
			Cell:   onDense, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{DecrementsTTL: no}),
		},
		{
			Name:   "prune-never-expires",
			Title:  "A branch that was pruned is never flooded again.",
			Breaks: []spec.ID{"ROUTE-REACH", "PIM-PRUNE", "PIM-GRAFT"},
			Cell:   onDense, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{Expires: no}),
		},
		{
			Name:   "graft-forgotten",
			Title:  "A router with a new listener on a pruned branch waits for the next flood instead of sending a graft.",
			Breaks: []spec.ID{"ROUTE-REACH", "PIM-GRAFT"},
			Cell:   onDense, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{Grafts: no}),
		},
		{
			Name:   "no-assert",
			Title:  "Two routers on a LAN never agree who forwards, and both do.",
			Breaks: []spec.ID{"ROUTE-NO-DUPLICATE", "ROUTE-ONE-COPY", "PIM-ASSERT"},
			Cell:   onDense, Under: spec.NoFaults,
			Network: router(ipmulticast.RouterRules{Asserts: no}),
		},
		{
			Name:   "rp-kept-after-failure",
			Title:  "Routers hold on to a rendezvous point that cannot be reached any more.",
			Breaks: []spec.ID{"ROUTE-REACH", "PIM-RP"},
			Cell:   onSparse, Under: spec.SetOf(spec.RPFault),
			Network: router(ipmulticast.RouterRules{KeepsRP: yes}),
		},
	}
}

// upper makes the upper part of a stack on links with a changed transport.
func upper(change func(*transport.Multicast)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		m := transport.NewMulticast(cfg)
		change(m)
		return impl.NewStack(membership.NewStatic(cfg), unordered(cfg), unreliable(cfg), m)
	}
}

// byCopies hands down a copy for each member in place of one packet for all.
func byCopies(cfg impl.Config) impl.Layer {
	copies := func(in impl.Input, list []impl.Effect) []impl.Effect {
		var out []impl.Effect
		for _, e := range list {
			if e.Kind != impl.Down || e.To != impl.Everyone {
				out = append(out, e)
				continue
			}
			for _, m := range cfg.Members {
				if e.To = m; m != cfg.Self {
					out = append(out, e)
				}
			}
		}
		return out
	}
	return impl.NewStack(membership.NewStatic(cfg), unordered(cfg), unreliable(cfg),
		&wrapped{layer: transport.NewMulticast(cfg), effects: copies})
}

// anycasting makes the stack of the cell over anycast with a changed transport.
func anycasting(change func(impl.Config, *transport.Anycast)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		net := ipmulticast.NewInternet(ipmulticast.InternetConfig{Hosts: cfg.Nodes, Routed: true, Shape: ipmulticast.Ring, Subnets: 3})
		d := net.Distances()
		a := transport.NewAnycast(cfg, func(from, to spec.NodeID) int { return d[int(from)*cfg.Nodes+int(to)] })
		change(cfg, a)
		return impl.NewStack(membership.NewStatic(cfg), unordered(cfg), unreliable(cfg), a)
	}
}
