package ipmulticast

import (
	"fmt"
	"net/netip"

	"github.com/conform-go/conform/spec"
)

// Shape says how the routers of an internet are connected.
type Shape uint8

// The shapes. Ring and Random have loops, and there a second router serves the first LAN, so that it survives the loss
// of one and the two have to agree who forwards.
const (
	Line Shape = iota
	Tree       // binary
	Ring
	Random // a random tree with about half as many further links

	shapes
)

var shapeNames = [shapes]string{"line", "tree", "ring", "random"}

// String gives the shape as options spell it.
func (s Shape) String() string { return shapeNames[s] }

// ParseShape is the inverse of [Shape.String].
func ParseShape(text string) (Shape, error) {
	for s, name := range shapeNames {
		if name == text {
			return Shape(s), nil
		}
	}
	return 0, fmt.Errorf("unknown shape %q: want one of %v", text, shapeNames)
}

// InternetConfig is what an internet is made from.
type InternetConfig struct {
	Hosts    int
	Subnets  int // LANs, 1 to 100; host n is on LAN n mod Subnets
	Routed   bool
	Shape    Shape
	IPv6     bool
	Switched bool   // every LAN is a switch with a cable to each machine, instead of one shared segment
	Seed     uint64 // of Random
}

// Internet is a plan: links, and the machines at their ends with their addresses. Machines are numbered: hosts, then
// routers, then switches.
type Internet struct {
	Links    []Segment
	Hosts    []HostPlan
	Routers  []RouterPlan
	Switches []SwitchPlan
	Routes   *Routes

	at      [][]int // by link: the routers on it, ascending
	reach   []uint32
	settled []bool
}

// Segment is an IP link: a LAN ("lan0"), or a link between two routers ("wan0").
type Segment struct {
	Name   string
	Metric int
	Prefix netip.Prefix
	Cables []Cable // what frames travel on: one that everybody shares, or one from the switch to each machine
}

// Cable is a medium: what one end sends all others receive.
type Cable struct {
	Name string
	Ends []End
}

// End is a port of a machine.
type End struct{ Machine, Port int }

// HostPlan is where a host is.
type HostPlan struct {
	Port Port
	Link int
}

// RouterPlan is where a router is.
type RouterPlan struct {
	Name  string
	Ports []Port
	Links []int // by port
}

// SwitchPlan is a switch: its ports in the order of its cables.
type SwitchPlan struct {
	Name  string
	Link  int
	Ports int
}

// NewInternet makes the plan, with routes over all routers.
func NewInternet(cfg InternetConfig) *Internet {
	cfg.Subnets = min(max(1, cfg.Subnets), 100)
	n := &Internet{Hosts: make([]HostPlan, cfg.Hosts), Routes: &Routes{}}
	for i := range cfg.Subnets {
		n.link("lan", i, cfg.lan(i))
	}
	for h := range n.Hosts {
		l := h % cfg.Subnets
		k := h / cfg.Subnets
		n.Hosts[h] = HostPlan{Port: cfg.port(0, n.Links[l].Prefix, [4]byte{10, byte(l), byte(1 + k/250), byte(1 + k%250)}), Link: l}
	}
	if cfg.Routed || cfg.Subnets > 1 {
		n.connect(&cfg)
	}
	n.cable(&cfg)
	n.Routes.table = make([][]Route, len(n.Routers))
	for i := range n.Routers {
		n.Routes.table[i] = make([]Route, len(n.Links))
	}
	for i := range n.Links {
		n.Routes.dests = append(n.Routes.dests, n.Links[i].Prefix)
	}
	n.Reroute(func(int) bool { return true })
	return n
}

func (n *Internet) link(kind string, i int, prefix netip.Prefix) int {
	n.Links = append(n.Links, Segment{Name: fmt.Sprintf("%s%d", kind, i), Metric: 1, Prefix: prefix})
	n.at = append(n.at, nil)
	return len(n.Links) - 1
}

func (cfg *InternetConfig) lan(i int) netip.Prefix { return cfg.prefix([4]byte{10, byte(i), 0, 0}, 16) }

func (cfg *InternetConfig) wan(j int) netip.Prefix {
	return cfg.prefix([4]byte{172, byte(16 + j>>8), byte(j), 0}, 24)
}

// prefix gives the prefix of a link: in IPv6 the address of IPv4 stands in the third and fourth group too.
func (cfg *InternetConfig) prefix(a [4]byte, bits int) netip.Prefix {
	if !cfg.IPv6 {
		return netip.PrefixFrom(netip.AddrFrom4(a), bits)
	}
	return netip.PrefixFrom(cfg.addr6(a, [4]byte{}), 64)
}

func (cfg *InternetConfig) addr6(link, a [4]byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfd, 0, 0, 0, link[0], link[1], link[2], link[3], 0, 0, 0, 0, a[0], a[1], a[2], a[3]})
}

// port gives a port of a machine on a link; its addresses end in the same four bytes.
func (cfg *InternetConfig) port(i int, link netip.Prefix, a [4]byte) Port {
	p := Port{Index: i, Prefix: link, Addr: netip.AddrFrom4(a)}
	p.Local = p.Addr
	if cfg.IPv6 {
		b := link.Addr().As16()
		p.Addr = cfg.addr6([4]byte(b[4:8]), a)
		p.Local = netip.AddrFrom16([16]byte{0xfe, 0x80, 12: a[0], a[1], a[2], a[3]})
	}
	return p
}

// connect puts the routers on the LANs and links them.
func (n *Internet) connect(cfg *InternetConfig) {
	s := cfg.Subnets
	for i := range s {
		n.router(cfg, i, 1)
	}
	r := spec.NewRand(cfg.Seed, 0x1e7)
	for i := 1; i < s; i++ {
		parent := i - 1
		switch cfg.Shape {
		case Tree:
			parent = (i - 1) / 2
		case Random:
			parent = r.IntN(i)
		}
		n.wire(cfg, parent, i)
	}
	switch {
	case s < 2 || cfg.Shape < Ring:
		return
	case cfg.Shape == Ring && s > 2:
		n.wire(cfg, 0, s-1)
	case cfg.Shape == Random:
		for range s / 2 {
			if a, b := r.IntN(s), r.IntN(s); a != b {
				n.wire(cfg, min(a, b), max(a, b))
			}
		}
	}
	n.router(cfg, 0, 2)
	n.wire(cfg, s-1, s)
}

// router adds a router on a LAN.
func (n *Internet) router(cfg *InternetConfig, lan int, number byte) {
	i := len(n.Routers)
	n.Routers = append(n.Routers, RouterPlan{Name: fmt.Sprintf("r%d", i), Links: []int{lan},
		Ports: []Port{cfg.port(0, n.Links[lan].Prefix, [4]byte{10, byte(lan), 0, number})}})
	n.at[lan] = append(n.at[lan], i)
}

// wire links two routers; the first has the lower address.
func (n *Internet) wire(cfg *InternetConfig, a, b int) {
	j := len(n.Links) - cfg.Subnets
	l := n.link("wan", j, cfg.wan(j))
	for k, i := range [2]int{a, b} {
		r := &n.Routers[i]
		r.Ports = append(r.Ports, cfg.port(len(r.Ports), n.Links[l].Prefix, [4]byte{172, byte(16 + j>>8), byte(j), byte(1 + k)}))
		r.Links = append(r.Links, l)
		n.at[l] = append(n.at[l], i)
	}
}

// cable lays the cables of every link.
func (n *Internet) cable(cfg *InternetConfig) {
	for l := range n.Links {
		s := &n.Links[l]
		var ends []End
		for h := range n.Hosts {
			if n.Hosts[h].Link == l {
				ends = append(ends, End{h, 0})
			}
		}
		for i := range n.Routers {
			for p, at := range n.Routers[i].Links {
				if at == l {
					ends = append(ends, End{len(n.Hosts) + i, p})
				}
			}
		}
		if !cfg.Switched || l >= cfg.Subnets {
			s.Cables = []Cable{{Name: s.Name, Ends: ends}}
			continue
		}
		sw := len(n.Hosts) + len(n.Routers) + len(n.Switches)
		for p, e := range ends {
			s.Cables = append(s.Cables, Cable{Name: fmt.Sprintf("%s.%d", s.Name, p), Ends: []End{e, {sw, p}}})
		}
		n.Switches = append(n.Switches, SwitchPlan{Name: fmt.Sprintf("s%d", len(n.Switches)), Link: l, Ports: len(ends)})
	}
}
