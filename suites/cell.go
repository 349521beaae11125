package suites

import (
	"errors"
	"fmt"
	"strings"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// Cell is one stack of the matrix.
type Cell struct {
	Transport, Reliability, Ordering, Membership Variant
}

// String gives transport/reliability/ordering/membership.
func (c Cell) String() string {
	return c.Transport.String() + "/" + c.Reliability.String() + "/" + c.Ordering.String() + "/" + c.Membership.String()
}

// ParseCell is the inverse of [Cell.String]; without a membership the cell is static.
func ParseCell(text string) (Cell, error) {
	p := strings.Split(text, "/")
	if len(p) == 3 {
		p = append(p, "static")
	}
	if len(p) != 4 {
		return Cell{}, fmt.Errorf("cell %q: want transport/reliability/ordering or transport/reliability/ordering/membership", text)
	}
	var c Cell
	for i, x := range []struct {
		to    *Variant
		kind  string
		table []Part
	}{{&c.Transport, "transport", Transports()}, {&c.Reliability, "reliability", Reliabilities()},
		{&c.Ordering, "ordering", Orderings()}, {&c.Membership, "membership", Memberships()}} {
		v, err := parseVariant(p[i], x.kind, x.table)
		if err != nil {
			return Cell{}, fmt.Errorf("cell %q: %w", text, err)
		}
		*x.to = v
	}
	return c, nil
}

// Cells gives every combination of the parts listed; each list is "all" or names as the command line takes them.
func Cells(transports, reliabilities, orderings, memberships string) ([]Cell, error) {
	ts, err := parseVariants(transports, "transport", Transports())
	if err != nil {
		return nil, err
	}
	rs, err := parseVariants(reliabilities, "reliability", Reliabilities())
	if err != nil {
		return nil, err
	}
	os, err := parseVariants(orderings, "ordering", Orderings())
	if err != nil {
		return nil, err
	}
	ms, err := parseVariants(memberships, "membership", Memberships())
	if err != nil {
		return nil, err
	}
	var out []Cell
	for _, m := range ms {
		for _, t := range ts {
			for _, r := range rs {
				for _, o := range os {
					out = append(out, Cell{t, r, o, m})
				}
			}
		}
	}
	return out, nil
}

// channel says whether the reliable one-to-one channel lies at the bottom.
func (c Cell) channel() bool {
	switch c.Transport.Name {
	case "unicast", "coordinator", "hierarchy":
		return c.Transport.Get("channel", "auto") == "on" || c.overChannel() || c.accepts() || c.centralized() || c.announced()
	case "anycast":
		return c.Transport.Get("channel", "auto") == "on"
	}
	return false
}

// mtu gives the longest packet in bytes; 0 is no limit.
func (c Cell) mtu() int { return number(c.Transport, "mtu", 0) }

// Member makes the stack of one node: membership, ordering, fragmentation, reliability, transport, channel, from top to
// bottom. On a network of links, what drives the network card comes below.
func (c Cell) Member(cfg impl.Config) impl.Layer {
	if n := c.mtu(); n > 0 {
		cfg.MTU = n
	}
	if c.changes() {
		return c.changing(cfg)
	}
	layers := []impl.Layer{
		lookup(Memberships(), c.Membership.Name).New(cfg), c.order(cfg)}
	if c.mtu() > 0 {
		layers = append(layers, transport.NewFragment(cfg))
	}
	layers = append(layers, c.level(cfg))
	// Where one packet reaches many, or goes through others, it may be lost for some: what the channel is to a pair, best
	// effort is to a group.
	switch _, links := c.network(); {
	case c.logged() && !c.accepts():
		layers = append(layers, reliability.NewAcceptingBestEffort(cfg))
	case links && c.overChannel():
		layers = append(layers, reliability.NewBestEffort(cfg))
	}
	layers = append(layers, c.transport(cfg))
	switch {
	case c.accepts():
		layers = append(layers, transport.NewAcceptingChannel(cfg))
	case c.channel():
		layers = append(layers, transport.NewChannel(cfg))
	case c.Transport.Name == "tcp" && c.Transport.Get("stream", "") != "kernel":
		layers = append(layers, transport.NewStream(cfg, number(c.Transport, "mss", 256)))
	}
	return impl.NewStack(c.watching(cfg, layers)...)
}

// overChannel says whether the level of reliability stands on reliable channels between any two nodes.
func (c Cell) overChannel() bool {
	switch c.Reliability.Name {
	case "reliable", "uniform", "byzantine", "atomic-view":
		return true
	}
	return false
}

// logged says whether the level keeps a log, and is to be judged as one whose nodes come back.
func (c Cell) logged() bool {
	switch c.Reliability.Name {
	case "durable", "atomic-log", "atomic-abort":
		return true
	}
	return false
}

// accepts says whether the channel between two nodes waits with its acknowledgement until the level has logged the
// message. Where copies do not go from the sender to the members, best effort waits for that from end to end.
func (c Cell) accepts() bool { return c.logged() && c.Transport.Name == "unicast" }

func (c Cell) level(cfg impl.Config) impl.Layer {
	r := c.Reliability
	switch r.Name {
	case "durable":
		quorum, _ := reliability.ParseQuorum(r.Get("acks", "majority"))
		return reliability.NewDurable(cfg, quorum)
	case "atomic-log":
		return reliability.NewAtomicLog(cfg, number(r, "phases", 2))
	case "gossip":
		return reliability.NewGossip(cfg, number(r, "fanout", 2), number(r, "rounds", 2))
	case "byzantine":
		if cfg.Lie != 0 {
			return reliability.NewLiar(cfg, reliability.NewByzantine(cfg), cfg.Lie)
		}
	case "best-effort":
		ways, _ := reliability.ParseAcks(r.Get("ack", "pipelined"))
		return reliability.NewBestEffortAck(cfg, ways)
	case "reliable-ip":
		return reliability.NewReliableIPWindow(cfg, r.Get("deliver", "received") == "stable", c.window())
	}
	return lookup(Reliabilities(), r.Name).New(cfg)
}

func (c Cell) transport(cfg impl.Config) impl.Layer {
	t := c.Transport
	switch t.Name {
	case "hierarchy":
		return transport.NewHierarchy(cfg, number(t, "fanout", 2), number(t, "depth", 0))
	case "anycast":
		d := c.metrics(cfg.Nodes)
		return transport.NewAnycast(cfg, func(a, b spec.NodeID) int { return d[int(a)*cfg.Nodes+int(b)] })
	}
	return lookup(Transports(), t.Name).New(cfg)
}

// metrics gives the route metrics between nodes for anycast.
func (c Cell) metrics(nodes int) []int {
	shape, _ := ipmulticast.ParseShape(c.Transport.Get("shape", "ring"))
	return ipmulticast.NewInternet(ipmulticast.InternetConfig{Hosts: nodes, Routed: true, Shape: shape,
		Subnets: number(c.Transport, "subnets", 3), Seed: 1}).Distances()
}

// world says how scenarios of the cell are played on members of which the upper part is made so, and on machines that
// keep these rules; nil is the correct ones.
func (c Cell) world(upper func(impl.Config) impl.Layer, rules *ipmulticast.Rules) sim.Config {
	if c.Reliability.Name == "byzantine" { // liars know the protocol, whatever is wrong with the others
		honest := upper
		upper = func(cfg impl.Config) impl.Layer {
			if cfg.Lie != 0 {
				return c.Member(cfg)
			}
			return honest(cfg)
		}
	}
	cfg := sim.Config{New: upper, Declare: c.declare, Across: c.above()}
	if c.logged() {
		cfg.Model, cfg.Revive = spec.CrashRecovery, true
	}
	if c.changes() || c.elects() {
		cfg.Model = spec.CrashRecovery
	}
	if c.watches() {
		cfg.Enough = longEnough
	}
	if rules == nil {
		rules = &ipmulticast.Rules{}
	}
	if n, links := c.network(); links {
		cfg.Internet = n.internet(rules)
	}
	return cfg
}

// Indoors says why a cell makes no sense, or the simulator can't play it, or nil.
func (c Cell) Indoors() error {
	if err := c.Applicable(); err != nil {
		return err
	}
	if n, _ := c.network(); n.frr {
		return errors.New("routers=frr are FRR's programs, which run on the kernel only: want --world netns")
	}
	return nil
}

// Applicable says why the parts of a cell make no sense together, or nil.
func (c Cell) Applicable() error {
	n, links := c.network()
	plain := c.Reliability.Name == "unreliable" && c.Ordering.Name == "unordered"
	switch {
	case c.Transport.Name == "anycast" && c.Reliability.Name != "unreliable":
		return fmt.Errorf("anycast reaches one member, and %s promises delivery to all", c.Reliability.Name)
	case c.Transport.Name == "anycast" && !plain:
		return fmt.Errorf("over anycast no member gets the whole of what %s orders", c.Ordering.Name)
	case c.Transport.Name == "anycast" && c.changes():
		return fmt.Errorf("anycast reaches one member, and %s tells all of those that come and go", c.Membership.Name)
	case c.idle() != nil:
		return c.idle()
	case n.routed && n.subnets > 1 && n.mode == ipmulticast.NoRouting:
		return errors.New("with pim=none nobody routes multicast between the LANs: want subnets=1")
	case n.frr && (n.mode != ipmulticast.Sparse || n.v6 || n.querier < 2 || n.hosts != n.querier || n.rps != "configured"):
		return errors.New("with routers=frr want pim=sparse, version=4, igmp=2 or 3 and rp=configured: that is what FRR's pimd speaks")
	case c.mtu() > 0 && c.Reliability.Name == "reliable-ip":
		return errors.New("reliable-ip encloses acknowledgements of all members in every packet, and keeps to no MTU")
	case c.Reliability.Name == "byzantine" && (c.total() || c.together()):
		return fmt.Errorf("who lies at byzantine may say anything of the order: %s needs members that keep to it", c.Ordering.Name)
	case c.changesApplicable() != nil:
		return c.changesApplicable()
	case c.acrossApplicable() != nil:
		return c.acrossApplicable()
	case c.Reliability.Name == "reliable-ip" && c.window() <= narrowWindow && c.Ordering.Name != "unordered":
		return fmt.Errorf("what a narrow window refuses leaves a hole in the numbers of %s, behind which all wait", c.Ordering.Name)
	case c.Ordering.Get("holes", "fill") == "block" && (c.Reliability.Name == "reliable-ip" || c.Reliability.Name == "atomic-view"):
		return fmt.Errorf("what %s refuses of one who is no member leaves a hole in the numbers, behind which all wait where holes=block", c.Reliability.Name)
	case c.mtu() > 0 && c.logged():
		return fmt.Errorf("%s tells others in one packet all that it has, and keeps to no MTU", c.Reliability.Name)
	case c.Membership.Name == "anonymous" && !links:
		return fmt.Errorf("over %s who is a member has to be known: nobody can join at the transport", c.Transport.Name)
	case c.Membership.Name == "anonymous" && !plain:
		part := c.Reliability.Name
		if part == "unreliable" {
			part = c.Ordering.Name
		}
		return fmt.Errorf("%s needs to know the members, and with anonymous membership nobody does", part)
	}
	return nil
}
