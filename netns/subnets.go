package netns

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// SubnetsConfig says how the hosts of a LAN are spread over subnets, and what stands between these.
type SubnetsConfig struct {
	Plan    *ipmulticast.Internet           // links, hosts and routers, with their addresses
	Router  func(i int) *ipmulticast.Router // decides for router i of the plan
	IGMP    func(host int) int              // the version that a host speaks: 1 to 3; of MLD one less. Nil: 3
	Reports time.Duration                   // most time between the two reports of who begins to listen, on the hosts' clocks; 0: as the kernel has it
	Speed   int                             // of the clocks of routers: times as fast as the world's; 0: 1
	Warmup  time.Duration                   // until routers know what they have to, besides each other
	Reroute time.Duration                   // how long after the loss or return of a router the unicast routes know of it
	TTL     int                             // of what nodes send to the group
	RP      func(up func(int) bool) int     // the rendezvous point in use; negative: none. It may be nil
	// Patience is how long packets have to cross all subnets where routers are FRR's, which do not say whom they know;
	// 0: 20 s.
	Patience time.Duration
	FRR      func(i int) string // FRR's configuration of router i; empty: the router is ours. Nil: all are
	Silent   bool               // routers do not speak to each other
}

// Subnets is what a LAN is made of whose hosts are on several subnets: every link of the plan is a segment of its own,
// a bridge in one namespace that has them all, and every router a namespace that is plugged into several. The kernel of
// a router forwards, unicast packets by its routes and multicast packets by its multicast routing table (MRT_*, MRT6_*),
// in which the router writes what its protocol decides. Hosts are the kernel's. Nothing here is simulated but the clocks
// of the routers, which are faster than the RFCs': what queries say of time is converted (see hurried).
type Subnets struct {
	cfg     SubnetsConfig
	lan     *LAN
	v6      bool
	routers []*siteRouter
	broken  map[defect]int // how many faults that last have it
	ends    map[int]end    // by the interface in the namespace of the segments
	slow    siteSlow
	guests  map[int]*stranger // by link
}

// defect is what a router has as long as one of the faults lasts that are this one.
type defect struct {
	router int
	op     faults.Op
}

// end is where a machine is plugged in.
type end struct {
	machine, port int // as the plan numbers them
	link          int
	cable         string
}

// NewSubnets builds subnets with hosts and routers, and gives them as the LAN that a world plays on. It returns when the
// routers know each other.
func NewSubnets(cfg SubnetsConfig) (*LAN, error) {
	hosts := len(cfg.Plan.Hosts)
	if hosts < 1 || hosts > 128 {
		return nil, fmt.Errorf("netns: %d hosts: want 1 to 128", hosts)
	}
	n := &Subnets{cfg: cfg, v6: !cfg.Plan.Hosts[0].Port.Addr.Is4(), ends: map[int]end{}, broken: map[defect]int{}, guests: map[int]*stranger{}}
	n.lan = &LAN{ports: make([]int, hosts), wide: n}
	return n.lan.raise(n.segments, func() error {
		if err := n.populate(); err != nil {
			return err
		}
		if err := n.lan.filter.begin(n.lan.place.fd()); err != nil {
			return err
		}
		n.prepare()
		return n.begin(0)
	})
}

// Subnets gives what the LAN is made of, or nil where it is one switch.
func (l *LAN) Subnets() *Subnets { return l.wide }

// segments makes a bridge for each link, in the namespace of this thread.
func (n *Subnets) segments() (err error) {
	if err := quieten(); err != nil {
		return err
	}
	if n.lan.links, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return can("speak rtnetlink", err)
	}
	for i := range n.cfg.Plan.Links {
		link := &n.cfg.Plan.Links[i]
		snooping := len(link.Cables) > 1 // a switch, where every machine has a cable of its own
		br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: link.Name, MTU: lanMTU}, MulticastSnooping: &snooping}
		if err := n.lan.links.LinkAdd(br); err != nil {
			return can("make a bridge (CONFIG_BRIDGE)", err)
		}
		if err := n.lan.links.LinkSetUp(br); err != nil {
			return can("bring up a bridge", err)
		}
	}
	return nil
}

// populate makes the hosts and the routers, and plugs them in.
func (n *Subnets) populate() error {
	plan := n.cfg.Plan
	for h := range plan.Hosts {
		x, err := n.lan.thread.make()
		if err != nil {
			return err
		}
		n.lan.hosts = append(n.lan.hosts, x)
		if n.lan.ports[h], err = n.plug(x, "lan", fmt.Sprint("h", h), end{h, 0, plan.Hosts[h].Link, ""}, &plan.Hosts[h].Port); err != nil {
			return err
		}
		if err := n.lan.thread.in(x, func() error { return n.settle(h) }); err != nil {
			return err
		}
	}
	for i := range plan.Routers {
		x, err := n.lan.thread.make()
		if err != nil {
			return err
		}
		r := &siteRouter{site: n, number: i, place: x, plan: &plan.Routers[i]}
		n.routers = append(n.routers, r)
		for p := range r.plan.Ports {
			e := end{len(plan.Hosts) + i, p, r.plan.Links[p], ""}
			if _, err := n.plug(x, cardName(p), fmt.Sprintf("r%dp%d", i, p), e, &r.plan.Ports[p]); err != nil {
				return err
			}
		}
		if err := r.build(); err != nil {
			return err
		}
	}
	return nil
}

// plug connects a card of a namespace with a link, and gives it the hardware address of the plan.
func (n *Subnets) plug(x namespace, card, name string, e end, p *ipmulticast.Port) (index int, err error) {
	link := &n.cfg.Plan.Links[e.link]
	e.cable = n.cableOf(e.machine, e.link)
	mac := p.MAC()
	err = n.lan.thread.in(n.lan.place, func() error {
		br, err := n.lan.links.LinkByName(link.Name)
		if err != nil {
			return err
		}
		v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MasterIndex: br.Attrs().Index, TxQLen: 1000, MTU: lanMTU},
			PeerName: card, PeerMTU: lanMTU, PeerHardwareAddr: net.HardwareAddr(mac[:]), PeerNamespace: netlink.NsFd(x.fd())}
		if err := n.lan.links.LinkAdd(v); err != nil {
			return can("make a veth (CONFIG_VETH)", err)
		}
		made, err := n.lan.links.LinkByName(name)
		if err != nil {
			return err
		}
		index = made.Attrs().Index
		n.ends[index] = e
		return can("bring up a port", n.lan.links.LinkSetUp(made))
	})
	return index, err
}

// cableOf names the cable by which a machine is plugged into a link.
func (n *Subnets) cableOf(machine, link int) string {
	if n.isStranger(machine) { // which stands beside the first machine, as in the simulator
		return n.cfg.Plan.Links[link].Cables[0].Name
	}
	for _, c := range n.cfg.Plan.Links[link].Cables {
		for _, at := range c.Ends {
			if at.Machine == machine {
				return c.Name
			}
		}
	}
	return ""
}

// up says whether a router is.
func (n *Subnets) up(router int) bool { return n.broken[defect{router, faults.RouterDown}] == 0 }

// close takes the routers down.
func (n *Subnets) close() error {
	errs := []error{n.slow.end()}
	for _, s := range n.lan.strangers() {
		errs = append(errs, s.end())
	}
	for _, r := range n.routers {
		errs = append(errs, r.end())
	}
	return errors.Join(errs...)
}

// topology describes the links and machines for a history of so many nodes.
func (n *Subnets) topology(nodes int) (names []string, t *spec.Topology) {
	plan := n.cfg.Plan
	t = &spec.Topology{}
	for i := range plan.Routers {
		names = append(names, plan.Routers[i].Name)
		t.Routers = append(t.Routers, spec.NodeID(nodes+i))
	}
	for i := range plan.Switches {
		names = append(names, plan.Switches[i].Name)
		t.Switches = append(t.Switches, spec.NodeID(nodes+len(plan.Routers)+i))
	}
	names = append(names, "stranger")
	for l := range plan.Links {
		for _, c := range plan.Links[l].Cables {
			link := spec.Link{Name: c.Name, Metric: 2}
			if len(plan.Links[l].Cables) > 1 {
				link.Metric = 1 // two of them are a link
			}
			for _, e := range c.Ends {
				if id, ok := n.nodeOf(e.Machine, nodes); ok {
					link.Nodes = append(link.Nodes, id)
				}
			}
			t.Links = append(t.Links, link)
		}
	}
	return names, t
}

// nodeOf gives the node of a history that a machine of the plan is; false for a host on which there is none.
func (n *Subnets) nodeOf(machine, nodes int) (spec.NodeID, bool) {
	if n.isStranger(machine) {
		return spec.NodeID(nodes + len(n.cfg.Plan.Routers) + len(n.cfg.Plan.Switches)), true
	}
	if hosts := len(n.cfg.Plan.Hosts); machine >= hosts {
		return spec.NodeID(nodes + machine - hosts), true
	}
	return spec.NodeID(machine), machine < nodes
}
