package ipmulticast

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func allUp(int) bool { return true }

// plans gives internets of every shape and size.
func plans(t *testing.T, see func(t *testing.T, cfg InternetConfig, n *Internet)) {
	for shape := range shapes {
		for _, v6 := range []bool{false, true} {
			for _, subnets := range []int{1, 2, 3, 4, 7, 12, 30} {
				cfg := InternetConfig{Hosts: subnets + 3, Subnets: subnets, Routed: true, Shape: shape, IPv6: v6,
					Switched: subnets%2 == 0, Seed: uint64(subnets)}
				t.Run(name(shape, v6, subnets), func(t *testing.T) { see(t, cfg, NewInternet(cfg)) })
			}
		}
	}
}

// Every address and every hardware address is that of one port, and lies on the port's link.
func TestAddressesOfAnInternet(t *testing.T) {
	plans(t, func(t *testing.T, cfg InternetConfig, n *Internet) {
		seen := map[string]string{}
		claim := func(what, of string) {
			if other, ok := seen[what]; ok {
				t.Errorf("%s is %s's and %s's", what, other, of)
			}
			seen[what] = of
		}
		check := func(of string, p *Port, link int) {
			claim(p.Addr.String(), of)
			claim(fmt.Sprint(p.MAC()), of)
			if MACOf(p.Local) != p.MAC() {
				t.Errorf("%s: its local address %v belongs to another card than %v", of, p.Local, p.Addr)
			}
			if p.Prefix != n.Links[link].Prefix || !p.Prefix.Contains(p.Addr) || p.Addr.Is4() == cfg.IPv6 {
				t.Errorf("%s: %v is not on %v", of, p.Addr, n.Links[link].Prefix)
			}
			if !cfg.IPv6 && p.Local != p.Addr || cfg.IPv6 && !p.Local.IsLinkLocalUnicast() {
				t.Errorf("%s: local address %v", of, p.Local)
			}
		}
		for h := range n.Hosts {
			if n.Hosts[h].Link != h%cfg.Subnets {
				t.Errorf("host %d is on link %d", h, n.Hosts[h].Link)
			}
			check(fmt.Sprint("host ", h), &n.Hosts[h].Port, n.Hosts[h].Link)
		}
		for r := range n.Routers {
			for p := range n.Routers[r].Ports {
				if n.Routers[r].Ports[p].Index != p {
					t.Errorf("%s: port %d has the index %d", n.Routers[r].Name, p, n.Routers[r].Ports[p].Index)
				}
				check(n.Routers[r].Name, &n.Routers[r].Ports[p], n.Routers[r].Links[p])
			}
		}
		for l := range cfg.Subnets {
			s := n.Stranger(l)
			check(fmt.Sprint("stranger ", l), &s, l)
		}
		for i, l := range n.Links {
			for j := range i {
				if n.Links[j].Prefix.Overlaps(l.Prefix) || n.Links[j].Name == l.Name {
					t.Errorf("%s and %s: %v and %v", l.Name, n.Links[j].Name, l.Prefix, n.Links[j].Prefix)
				}
			}
		}
	})
}

// Every port of every machine is the end of one cable. A segment has one cable, a switched one a cable to each machine.
func TestCablesOfAnInternet(t *testing.T) {
	plans(t, func(t *testing.T, cfg InternetConfig, n *Internet) {
		ports := map[End]int{}
		names := map[string]bool{}
		for l, link := range n.Links {
			if switched := cfg.Switched && l < cfg.Subnets; !switched && len(link.Cables) != 1 {
				t.Errorf("%s: %d cables", link.Name, len(link.Cables))
			}
			for _, c := range link.Cables {
				if names[c.Name] {
					t.Errorf("two cables are %s", c.Name)
				}
				names[c.Name] = true
				for i, e := range c.Ends {
					ports[e]++
					if i > 0 && c.Ends[i-1].Machine >= e.Machine {
						t.Errorf("%s: ends %v", c.Name, c.Ends)
					}
				}
			}
		}
		want := len(n.Hosts)
		for i := range n.Routers {
			want += len(n.Routers[i].Ports)
			if n.Routers[i].Name != fmt.Sprint("r", i) {
				t.Errorf("router %d is %s", i, n.Routers[i].Name)
			}
		}
		for i := range n.Switches {
			want += n.Switches[i].Ports
			if n.Switches[i].Link != i {
				t.Errorf("switch %d is on link %d", i, n.Switches[i].Link)
			}
		}
		for e, times := range ports {
			if times != 1 {
				t.Errorf("%v: %d cables", e, times)
			}
		}
		if len(ports) != want || cfg.Switched && len(n.Switches) != cfg.Subnets || !cfg.Switched && len(n.Switches) != 0 {
			t.Errorf("%d ports on cables, want %d; %d switches", len(ports), want, len(n.Switches))
		}
	})
}

// follow gives the routers on the way from a host to an address; nil where the routes lead nowhere, or in a circle.
func follow(n *Internet, host int, dst netip.Addr, up func(int) bool) []int {
	hop := n.Gateway(host, up)
	for way := []int{}; len(way) <= len(n.Routers); {
		at := slices.IndexFunc(n.Routers, func(r RouterPlan) bool {
			return slices.ContainsFunc(r.Ports, func(p Port) bool { return p.Addr == hop })
		})
		if at < 0 || !up(at) {
			return nil
		}
		way = append(way, at)
		route := n.Routes.To(at, dst)
		switch {
		case !route.OK:
			return nil
		case !route.Next.IsValid() && n.Routers[at].Ports[route.Port].Prefix.Contains(dst):
			return way
		}
		hop = route.Next
	}
	return nil
}

// Routes lead from every host to every host, and each hop is nearer; the way back is as long.
func TestRoutesOfAnInternet(t *testing.T) {
	plans(t, func(t *testing.T, cfg InternetConfig, n *Internet) {
		d := n.Distances()
		hosts := len(n.Hosts)
		for a := range hosts {
			for b := range hosts {
				switch got := d[a*hosts+b]; {
				case got != d[b*hosts+a]:
					t.Errorf("from %d to %d it is %d, and back %d", a, b, got, d[b*hosts+a])
				case (got == 0) != (a == b), (got == 1) != (a != b && n.Hosts[a].Link == n.Hosts[b].Link):
					t.Errorf("from %d to %d it is %d", a, b, got)
				}
				if n.Hosts[a].Link == n.Hosts[b].Link {
					continue
				}
				way := follow(n, a, n.Hosts[b].Port.Addr, allUp)
				if way == nil {
					t.Errorf("no way from %d to %d", a, b)
					continue
				}
				last := ^uint32(0)
				for _, r := range way {
					if m := n.Routes.To(r, n.Hosts[b].Port.Addr).Metric; m >= last {
						t.Errorf("from %d to %d by %v: r%d is no nearer", a, b, way, r)
					} else {
						last = m
					}
				}
			}
		}
		if r := n.Routes.To(0, netip.MustParseAddr("192.0.2.1")); r.OK {
			t.Errorf("a way to nowhere: %+v", r)
		}
	})
}

// With a ring or a random graph, the first LAN has a second router, which stands in where the first is down.
func TestRerouting(t *testing.T) {
	plans(t, func(t *testing.T, cfg InternetConfig, n *Internet) {
		var on0 []int
		for r := range n.Routers {
			if slices.Contains(n.Routers[r].Links, 0) {
				on0 = append(on0, r)
			}
		}
		want := []int{0}
		if loops := cfg.Shape >= Ring && cfg.Subnets > 1; loops {
			want = append(want, cfg.Subnets)
		}
		if !slices.Equal(on0, want) {
			t.Fatalf("routers on lan0: %v, want %v", on0, want)
		}
		before := fmt.Sprint(n.Routes.table)
		for _, down := range []int{0, cfg.Subnets / 2, len(n.Routers) - 1} {
			up := func(r int) bool { return r != down }
			n.Reroute(up)
			for h := range cfg.Subnets {
				for to := range cfg.Subnets {
					way := follow(n, h, n.Hosts[to].Port.Addr, up)
					if slices.Contains(way, down) {
						t.Errorf("r%d is down, and on the way from %d to %d", down, h, to)
					}
					// Around a ring every LAN but that of a router that stands alone can be reached.
					around := cfg.Shape == Ring && cfg.Subnets > 1
					alone := func(link int) bool { return link == down && len(n.at[link]) == 1 }
					if around && way == nil && n.Hosts[h].Link != n.Hosts[to].Link && !alone(n.Hosts[h].Link) && !alone(n.Hosts[to].Link) {
						t.Errorf("r%d is down: no way from %d to %d", down, h, to)
					}
				}
			}
			for d := range n.Links {
				if n.Routes.table[down][d].OK {
					t.Errorf("r%d is down, and has a way to %s", down, n.Links[d].Name)
				}
			}
		}
		n.Reroute(allUp)
		if fmt.Sprint(n.Routes.table) != before {
			t.Error("other routes when all routers are up again")
		}
		n.Reroute(func(int) bool { return false })
		for h := range n.Hosts {
			if g := n.Gateway(h, func(int) bool { return false }); g.IsValid() {
				t.Errorf("host %d has the gateway %v, and all routers are down", h, g)
			}
		}
	})
}

// The same configuration gives the same plan; another seed another random one.
func TestPlansAreFixed(t *testing.T) {
	text := func(cfg InternetConfig) string {
		n := NewInternet(cfg)
		return fmt.Sprint(n.Links, n.Hosts, n.Routers, n.Switches, n.Routes)
	}
	plans(t, func(t *testing.T, cfg InternetConfig, _ *Internet) {
		if once, again := text(cfg), text(cfg); once != again {
			t.Error("two plans of one configuration")
		}
		other := cfg
		other.Seed++
		random, same := cfg.Shape == Random, text(cfg) == text(other)
		if !random && !same || random && same && cfg.Subnets > 4 { // of small graphs there are few
			t.Errorf("with another seed the plan is the same: %v", same)
		}
	})
}

// What does not fit is made to fit.
func TestSizesOfAnInternet(t *testing.T) {
	for _, c := range []struct {
		cfg  InternetConfig
		want string // links, routers, switches
	}{
		{InternetConfig{Hosts: 3}, "1 0 0"},
		{InternetConfig{Hosts: 3, Subnets: -4}, "1 0 0"},
		{InternetConfig{Hosts: 3, Subnets: 1, Routed: true, Shape: Ring}, "1 1 0"},
		{InternetConfig{Hosts: 3, Subnets: 2}, "3 2 0"}, // without routers there would be no way
		{InternetConfig{Hosts: 3, Subnets: 2, Shape: Ring}, "4 3 0"},
		{InternetConfig{Hosts: 3, Subnets: 3, Shape: Ring, Switched: true}, "7 4 3"},
		{InternetConfig{Hosts: 0, Subnets: 3, Shape: Tree}, "5 3 0"},
		{InternetConfig{Hosts: 1000, Subnets: 500}, "199 100 0"},
	} {
		n := NewInternet(c.cfg)
		if got := fmt.Sprint(len(n.Links), len(n.Routers), len(n.Switches)); got != c.want || len(n.Hosts) != c.cfg.Hosts {
			t.Errorf("%+v: %s, want %s", c.cfg, got, c.want)
		}
	}
	many := NewInternet(InternetConfig{Hosts: 1000, Subnets: 1})
	if a := many.Hosts[999].Port.Addr; a != netip.MustParseAddr("10.0.4.250") {
		t.Errorf("the last of 1000 hosts on a LAN: %v", a)
	}
}

// A tree is a binary tree, a ring a ring.
func TestShapes(t *testing.T) {
	for shape, want := range map[Shape]string{
		Line: "wan0 0-1, wan1 1-2, wan2 2-3, wan3 3-4",
		Tree: "wan0 0-1, wan1 0-2, wan2 1-3, wan3 1-4",
		Ring: "wan0 0-1, wan1 1-2, wan2 2-3, wan3 3-4, wan4 0-4, wan5 4-5",
	} {
		n := NewInternet(InternetConfig{Hosts: 1, Subnets: 5, Shape: shape})
		var links []string
		for l := 5; l < len(n.Links); l++ {
			links = append(links, fmt.Sprintf("%s %d-%d", n.Links[l].Name, n.at[l][0], n.at[l][1]))
		}
		if got := strings.Join(links, ", "); got != want {
			t.Errorf("%v: %s, want %s", shape, got, want)
		}
	}
	for s := range shapes {
		if back, err := ParseShape(s.String()); err != nil || back != s {
			t.Errorf("%v reads as %v, %v", s, back, err)
		}
	}
	if _, err := ParseShape("star"); err == nil || !strings.Contains(err.Error(), `"star"`) {
		t.Errorf("star: %v", err)
	}
}
