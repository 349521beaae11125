package suites

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// speed is how many times as fast as the world's the clocks of hosts and routers run: so a run of a second sees what
// the RFCs let happen in minutes. What their messages say is unchanged.
const speed = 200

const appPort = 5000 // UDP

// network is how a transport that stands on links is wired, as its options say.
type network struct {
	lan     bool // no IP: hardware or broadcast
	subnets int
	routed  bool
	shape   ipmulticast.Shape
	mode    ipmulticast.Routing
	v6      bool
	versions
	nic     ipmulticast.NICModel
	slots   int
	snoop   bool
	refresh bool
	tree    bool
	rps     string
	all     bool // broadcast
	frr     bool // routers are FRR's
}

// network reads the options of a cell's transport; false where it does not stand on links.
func (c Cell) network() (network, bool) {
	t := c.Transport
	n := network{subnets: 1, slots: number(t, "slots", 4)}
	n.nic, _ = ipmulticast.ParseNICModel(t.Get("nic", "hash64"))
	switch t.Name {
	case "hardware":
		n.lan = true
	case "broadcast":
		n.lan, n.all = true, true
	case "ip":
		n.subnets, n.routed = number(t, "subnets", 3), true
		n.shape, _ = ipmulticast.ParseShape(t.Get("shape", "ring"))
		n.mode = map[string]ipmulticast.Routing{"dense": ipmulticast.Dense, "sparse": ipmulticast.Sparse, "none": ipmulticast.NoRouting}[t.Get("pim", "dense")]
		n.v6 = t.Get("version", "4") == "6"
		n.versions = versionsOf(t, n.v6)
		n.snoop = t.Get("snooping", "off") == "on"
		n.refresh = t.Get("refresh", "off") == "on"
		n.tree = t.Get("spt", "off") == "on"
		n.rps = t.Get("rp", "configured")
		n.frr = t.Get("routers", "ours") == "frr"
	default:
		return n, false
	}
	return n, true
}

// number reads an option that was checked when it was parsed.
func number(v Variant, key string, def int) int {
	n, err := strconv.Atoi(v.Get(key, strconv.Itoa(def)))
	if err != nil {
		return def
	}
	return n
}

// routers counts the routers of the network.
func (n *network) routers() int {
	if !n.routed {
		return 0
	}
	return len(n.plan(1).Routers)
}

func (n *network) plan(hosts int) *ipmulticast.Internet {
	return ipmulticast.NewInternet(ipmulticast.InternetConfig{Hosts: hosts, Subnets: n.subnets, Routed: n.routed,
		Shape: n.shape, IPv6: n.v6, Switched: n.snoop, Seed: 1})
}

// timing is the timing of the RFCs on fast clocks.
func timing(refresh bool) ipmulticast.Timing {
	t := ipmulticast.RFC
	t.Speed = speed
	if !refresh {
		t.RefreshPeriod = 0
	}
	return t
}

// internet makes the network below the stacks of the nodes.
func (n network) internet(rules *ipmulticast.Rules) *sim.Internet {
	x := &sim.Internet{Plan: n.plan, Group: n.group, Warmup: 120 * time.Millisecond, Reroute: 20 * time.Millisecond}
	if n.rps == "announced" {
		x.Warmup = 1500 * time.Millisecond
	}
	if n.lan {
		x.Warmup = 0
	}
	x.Host = func(cfg impl.Config, at sim.Place) []impl.Layer { return n.host(cfg, at, rules) }
	x.Router = func(net *ipmulticast.Internet, i int, seed uint64) impl.Layer { return n.router(net, i, seed, rules) }
	x.Switch = func(net *ipmulticast.Internet, i int, seed uint64) impl.Layer {
		return ipmulticast.NewSwitch(ipmulticast.SwitchConfig{Ports: net.Switches[i].Ports, Snooping: true, Timing: timing(false), Seed: seed})
	}
	x.RP = n.rendezvous
	x.Noise = n.noise
	return x
}

// rendezvous gives the rendezvous point in use; negative: there is none.
func (n *network) rendezvous(net *ipmulticast.Internet, up func(int) bool) int {
	if n.mode == ipmulticast.Sparse {
		for _, r := range n.candidates(len(net.Routers)) {
			if up(r) {
				return r
			}
		}
	}
	return -1
}

// candidates are the routers that may be rendezvous points, of so many, the preferred first.
func (n *network) candidates(routers int) []int {
	if routers == 1 {
		return []int{0}
	}
	return []int{1, 0}
}

// ttl is that of multicast packets: enough for the way, and little enough for a packet in a loop to end soon.
func (n *network) ttl() uint8 {
	if n.subnets > 8 {
		return 255
	}
	return 16
}

func (n *network) router(net *ipmulticast.Internet, i int, seed uint64, rules *ipmulticast.Rules) impl.Layer {
	return ipmulticast.NewRouter(n.routerConfig(net, i, seed, &rules.Router))
}

func (n *network) routerConfig(net *ipmulticast.Internet, i int, seed uint64, rules *ipmulticast.RouterRules) ipmulticast.RouterConfig {
	p := &net.Routers[i]
	cfg := ipmulticast.RouterConfig{Name: p.Name, Ports: p.Ports, Routes: net.Routes, Self: i, Mode: n.mode,
		Timing: timing(n.refresh), Version: n.version(n.querier), Seed: seed, SourceTree: n.tree, Refresh: n.refresh}
	if rules != nil {
		cfg.Rules = *rules
	}
	for k, r := range n.candidates(len(net.Routers)) {
		switch {
		case n.rps != "announced":
			cfg.RPs = append(cfg.RPs, net.Routers[r].Ports[0].Addr)
		case r == i:
			cfg.Candidate = uint8(100 + k) // the lower one is the preferred RP (RFC 7761 section 4.7.1)
		}
	}
	return cfg
}

// host makes what the stacks of a node share: a driver or an IP stack, and the card.
func (n *network) host(cfg impl.Config, at sim.Place, rules *ipmulticast.Rules) []impl.Layer {
	port := at.Net.Hosts[at.Host].Port
	card := ipmulticast.NewNIC(port.MAC(), n.nic, n.slots)
	if n.lan {
		return []impl.Layer{n.driver(cfg, at, port, rules), card}
	}
	r := spec.NewRand(cfg.Seed, 0x4057)
	return []impl.Layer{tenant{}, ipmulticast.NewHost(ipmulticast.HostConfig{
		Self: cfg.Self, Port: port, Gateway: at.Gateway,
		AddrOf: func(id spec.NodeID) netip.Addr {
			if id < 0 || int(id) >= len(at.Net.Hosts) {
				return netip.Addr{}
			}
			return at.Net.Hosts[id].Port.Addr
		},
		NodeAt: at.HostAt, GroupAddr: func(g spec.GroupID) netip.Addr { return n.address(at, g) }, Groups: len(at.Groups),
		UDPPort: appPort, TTL: n.ttl(), Version: n.version(n.known(at.Host)), Timing: timing(false), Seed: r.Uint64(), Rules: rules.Host,
	}), card}
}

// tenantGroup is the number of a group that every host listens to besides, and tenant the other program of the host
// that does: so hosts have more than one group to speak of.
const tenantGroup spec.GroupID = 1000

type tenant struct{}

// Step implements [impl.Layer].
func (tenant) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Ready:
		out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.Join, Group: tenantGroup, Num: 1})
	case in.Kind != impl.Packet || in.Group != tenantGroup || in.To != impl.Everyone:
		out.Pass(in)
	}
}

// address gives the address of a group.
func (n *network) address(at sim.Place, g spec.GroupID) netip.Addr {
	if g == tenantGroup {
		return netip.MustParseAddr(n.group(200))
	}
	return at.Groups[g]
}

func (n *network) driver(cfg impl.Config, at sim.Place, port ipmulticast.Port, rules *ipmulticast.Rules) impl.Layer {
	return ipmulticast.NewDriver(ipmulticast.DriverConfig{Self: cfg.Self, Own: port.MAC(), Broadcast: n.all, Rules: rules.Driver,
		MACOf: func(id spec.NodeID) (ipmulticast.MAC, bool) {
			if id < 0 || int(id) >= len(at.Net.Hosts) {
				return ipmulticast.MAC{}, false
			}
			return at.Net.Hosts[id].Port.MAC(), true
		},
		NodeAt: func(m ipmulticast.MAC) (spec.NodeID, bool) { return at.HostAt(ipmulticast.AddrOf(m)) },
		Group:  func(g spec.GroupID) ipmulticast.MAC { return ipmulticast.GroupMAC(at.Groups[g]) },
	})
}

// group gives the address of group i where the scenario gives none.
func (n network) group(i int) string {
	if n.v6 {
		return "ff05::" + strconv.FormatInt(int64(0x101+i), 16)
	}
	return sim.GroupAddress(i)
}

// noise is what a stranger floods a group with.
func (n network) noise(p *ipmulticast.Port, group netip.Addr) []byte {
	body := make([]byte, 32)
	if !n.lan {
		return ipmulticast.Datagram(p, group, n.ttl(), appPort, appPort, body)
	}
	dst := ipmulticast.GroupMAC(group)
	if n.all {
		dst = ipmulticast.Broadcast
	}
	return ipmulticast.Seal(append(ipmulticast.AppendEthernet(nil, dst, p.MAC(), ipmulticast.TypeGroup), body...))
}

// collision gives the i-th address that network cards, or the mapping to hardware addresses, can't tell from the first
// group's.
func (n *network) collision(i int) string {
	g := netip.MustParseAddr(n.group(0))
	switch {
	case n.v6: // the low 32 bits are the same
		a := g.As16()
		a[11] = byte(1 + i%255)
		return netip.AddrFrom16(a).String()
	case n.nic == ipmulticast.Hash64 && (n.lan || i%2 == 1):
		return ipmulticast.SameBin(g, 64, i).String()
	case n.nic == ipmulticast.Hash512 && (n.lan || i%2 == 1):
		return ipmulticast.SameBin(g, 512, i).String()
	case n.lan:
		return sim.GroupAddress(1 + i%100)
	}
	return ipmulticast.CollidingIPv4(g, i%31).String()
}

// collide adds a second group that the network takes for the first one at some places, with two nodes that talk on it.
func (n *network) collide(s *faults.Scenario, i int) {
	a, b := spec.NodeID(s.Nodes), spec.NodeID(s.Nodes+1)
	s.Nodes += 2
	s.Groups = append(s.Groups[:1], faults.Group{Name: "h", Members: []spec.NodeID{a, b}, Address: n.collision(i)})
	for k, from := range [...]spec.NodeID{a, b, a} {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(k*7) * spec.Time(time.Millisecond)},
			Action: faults.Action{Op: faults.Send, Node: from, To: impl.Everyone, Group: 1, Size: 8}})
	}
}
