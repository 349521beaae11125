package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// site is a small internet: multicast over IP, and routers between the LANs. Clocks run 200 times as fast.
type site struct {
	subnets  int // 0: one LAN without IP
	shape    ipmulticast.Shape
	mode     ipmulticast.Routing
	v6       bool
	switched bool
	nic      ipmulticast.NICModel
	slots    int  // of an exact card; 0: 4
	all      bool // without IP: broadcast
	upper    func(impl.Config) impl.Layer
	rules    ipmulticast.HostRules
}

const (
	siteSpeed = 200
	sitePort  = 5000
	siteTTL   = 16
)

// threeLANs has r0 on lan0, r1 on lan1 and r2 on lan2, all linked to each other (wan0: r0 r1, wan1: r1 r2, wan2: r0
// r2), and r3 on lan0, linked to r2 by wan3. Nodes 0 and 3 are on lan0, 1 on lan1, 2 on lan2.
var threeLANs = site{subnets: 3, shape: ipmulticast.Ring, mode: ipmulticast.Dense}

func siteTiming() ipmulticast.Timing {
	t := ipmulticast.RFC
	t.Speed, t.RefreshPeriod = siteSpeed, 0
	return t
}

func (n site) plan(hosts int) *ipmulticast.Internet {
	return ipmulticast.NewInternet(ipmulticast.InternetConfig{Hosts: hosts, Subnets: max(1, n.subnets), Routed: n.subnets > 0,
		Shape: n.shape, IPv6: n.v6, Switched: n.switched, Seed: 1})
}

// config gives the world of the site.
func (n site) config() Config {
	x := &Internet{Plan: n.plan, Host: n.host, Group: GroupAddress, Warmup: 120 * time.Millisecond, Reroute: 20 * time.Millisecond}
	if n.v6 {
		x.Group = func(i int) string { return fmt.Sprintf("ff05::%x", 0x101+i) }
	}
	x.Router = func(net *ipmulticast.Internet, i int, seed uint64) impl.Layer {
		p := &net.Routers[i]
		cfg := ipmulticast.RouterConfig{Name: p.Name, Ports: p.Ports, Routes: net.Routes, Self: i, Mode: n.mode,
			Timing: siteTiming(), Version: 2, Seed: seed}
		for _, r := range candidates {
			if r < len(net.Routers) {
				cfg.RPs = append(cfg.RPs, net.Routers[r].Ports[0].Addr)
			}
		}
		return ipmulticast.NewRouter(cfg)
	}
	x.Switch = func(net *ipmulticast.Internet, i int, seed uint64) impl.Layer {
		return ipmulticast.NewSwitch(ipmulticast.SwitchConfig{Ports: net.Switches[i].Ports, Snooping: true, Timing: siteTiming(), Seed: seed})
	}
	x.RP = func(_ *ipmulticast.Internet, up func(int) bool) int {
		for _, r := range candidates {
			if n.mode == ipmulticast.Sparse && up(r) {
				return r
			}
		}
		return -1
	}
	x.Noise = func(p *ipmulticast.Port, group netip.Addr) []byte {
		if n.subnets > 0 {
			return ipmulticast.Datagram(p, group, siteTTL, sitePort, sitePort, make([]byte, 32))
		}
		dst := ipmulticast.GroupMAC(group)
		if n.all {
			dst = ipmulticast.Broadcast
		}
		f := ipmulticast.AppendEthernet(nil, dst, p.MAC(), ipmulticast.TypeGroup)
		return ipmulticast.Seal(append(f, make([]byte, 32)...))
	}
	return Config{New: n.stack, Internet: x}
}

// candidates are the rendezvous points, the preferred one first.
var candidates = []int{1, 0}

func (n site) stack(cfg impl.Config) impl.Layer {
	if n.upper != nil {
		return n.upper(cfg)
	}
	return transport.NewMulticast(cfg)
}

func (n site) host(cfg impl.Config, at Place) []impl.Layer {
	port := at.Net.Hosts[at.Host].Port
	card := ipmulticast.NewNIC(port.MAC(), n.nic, cmp.Or(n.slots, 4))
	if n.subnets == 0 {
		return []impl.Layer{n.driver(cfg, at, port), card}
	}
	return []impl.Layer{ipmulticast.NewHost(ipmulticast.HostConfig{Self: cfg.Self, Port: port, Gateway: at.Gateway,
		AddrOf: func(id spec.NodeID) netip.Addr { return at.Net.Hosts[id].Port.Addr }, NodeAt: at.HostAt,
		GroupAddr: func(g spec.GroupID) netip.Addr { return at.Groups[g] }, Groups: len(at.Groups),
		UDPPort: sitePort, TTL: siteTTL, Version: 2, Timing: siteTiming(), Seed: cfg.Seed, Rules: n.rules}), card}
}

func (n site) driver(cfg impl.Config, at Place, port ipmulticast.Port) impl.Layer {
	return ipmulticast.NewDriver(ipmulticast.DriverConfig{Self: cfg.Self, Own: port.MAC(), Broadcast: n.all,
		MACOf:  func(id spec.NodeID) (ipmulticast.MAC, bool) { return at.Net.Hosts[id].Port.MAC(), true },
		NodeAt: func(m ipmulticast.MAC) (spec.NodeID, bool) { return at.HostAt(ipmulticast.AddrOf(m)) },
		Group:  func(g spec.GroupID) ipmulticast.MAC { return ipmulticast.GroupMAC(at.Groups[g]) }})
}

// play plays steps on a site: first other groups than the usual one of all four nodes, then what happens.
func (n site) play(t testing.TB, steps ...string) (*spec.History, *World) {
	t.Helper()
	return n.playScenario(t, siteScenario(t, steps...))
}

// siteScenario reads steps, and in place of the group of all four nodes the groups that stand before them.
func siteScenario(t testing.TB, steps ...string) *faults.Scenario {
	t.Helper()
	if len(steps) == 0 || !strings.HasPrefix(steps[0], "group ") {
		return scenario(t, steps...)
	}
	s, err := faults.Parse("conform.scenario/1\nnodes 4\nseed 11\nnet latency 1ms..5ms\n" + strings.Join(steps, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n site) playScenario(t testing.TB, s *faults.Scenario) (*spec.History, *World) {
	t.Helper()
	w, h := New(n.config()), &spec.History{}
	if err := w.Play(s, h); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return h, w
}

// sends gives steps by which a node sends to g again and again, from one time to another.
func sends(node, from, to, every int) (steps []string) {
	for at := from; at <= to; at += every {
		steps = append(steps, fmt.Sprintf("at %dms send %d g 8", at, node))
	}
	return steps
}

func with(steps []string, more ...string) []string { return append(slices.Clone(more), steps...) }

// frames describes the frames in a history that have all of these words: "1.000 lan0 0: data 1 ttl 16".
func frames(h *spec.History, words ...string) (list []string) {
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != spec.Frame {
			continue
		}
		x := h.ExtraOf(e)
		s := fmt.Sprintf("%.3f %s %s: %s %d", float64(e.T)/1e6, x.Link, h.NodeName(e.Node), x.Op, x.ID)
		if x.Via != "" {
			s += " via " + x.Via
		}
		if x.TTL > 0 {
			s += fmt.Sprint(" ttl ", x.TTL)
		}
		if x.Reason != "" {
			s += " " + x.Reason
		}
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(s+" ", w) }) {
			list = append(list, s)
		}
	}
	return list
}

// path gives where the datagram of a send went, without the times: "lan0 0 16, lan1 r1 14 via wan0".
func path(h *spec.History, id uint64) string {
	var list []string
	for i := range h.Events {
		e := &h.Events[i]
		if x := h.ExtraOf(e); e.Kind == spec.Frame && x.ID == id {
			s := fmt.Sprintf("%s %s %d", x.Link, h.NodeName(e.Node), x.TTL)
			if x.Via != "" {
				s += " via " + x.Via
			}
			list = append(list, s)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// datagrams gives the numbers of the datagrams to the group that nodes put on the network, in order.
func datagrams(h *spec.History, node spec.NodeID) (ids []uint64) {
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Frame && e.Node == node && h.ExtraOf(e).Op == "data" && h.ExtraOf(e).Via == "" {
			ids = append(ids, h.ExtraOf(e).ID)
		}
	}
	return ids
}

// reached gives for each message of a node which nodes delivered it: "0123 02 -".
func reached(h *spec.History, sender spec.NodeID) string {
	var by []string
	for _, e := range events(h, spec.Send) {
		if e.Node != sender {
			continue
		}
		got := map[spec.NodeID]bool{}
		for _, d := range events(h, spec.Deliver) {
			got[d.Node] = got[d.Node] || d.Msg == e.Msg
		}
		s := ""
		for n := range spec.NodeID(len(h.Nodes)) {
			if got[n] {
				s += fmt.Sprint(n)
			}
		}
		by = append(by, cmp.Or(s, "-"))
	}
	return strings.Join(by, " ")
}

// text gives a history as it is written down.
func text(t testing.TB, h *spec.History) string {
	t.Helper()
	var b bytes.Buffer
	if err := spec.WriteHistory(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
