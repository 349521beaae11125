package ipmulticast

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// rps configures the LAN addresses of routers as RPs, the preferred first.
func rps(n *Internet, routers ...int) (list []netip.Addr) {
	for _, r := range routers {
		list = append(list, n.Routers[r].Ports[0].Addr)
	}
	return list
}

// newSparseSite makes a site whose RPs are configured.
func newSparseSite(t *testing.T, cfg InternetConfig, plan *Internet, sourceTree bool, rp ...int) *site {
	t.Helper()
	if plan == nil {
		plan = NewInternet(cfg)
	}
	return newSite(t, cfg, plan, Sparse, func(_ int, c *RouterConfig) {
		c.RPs, c.SourceTree = rps(plan, rp...), sourceTree
	})
}

// reach checks that each datagram of a range has gone to each member, and to nobody else.
func (s *site) reach(first, last int, members ...int) {
	s.t.Helper()
	for n := first; n <= last; n++ {
		for h := range s.got {
			want := false
			for _, m := range members {
				want = want || m == h
			}
			if (s.got[h][n] > 0) != want {
				s.t.Errorf("host %d has got %d copies of datagram %d", h, s.got[h][n], n)
			}
		}
	}
}

func TestSparseReaches(t *testing.T) {
	for shape := range shapes {
		for _, v6 := range []bool{false, true} {
			for _, tree := range []bool{false, true} {
				for _, subnets := range []int{1, 2, 3, 5, 9} {
					t.Run(name(shape, v6, subnets), func(t *testing.T) {
						cfg := InternetConfig{Hosts: 2 * subnets, Subnets: subnets, Routed: true, Shape: shape, IPv6: v6, Seed: 7}
						s := newSparseSite(t, cfg, nil, tree, subnets/2)
						members := []int{subnets - 1, 2*subnets - 1, subnets / 2}
						if subnets == 1 {
							members = []int{1}
						} else if subnets == 2 {
							members = []int{1, 3}
						}
						s.join(members...)
						s.pass(greeted)
						first, last := s.stream(0, 5)
						s.reach(first, last, members...)
						first, last = s.stream(0, 5)
						s.once(first, last, members...)
						s.pass(3 * time.Minute)
						first, last = s.stream(0, 5)
						s.once(first, last, members...)
					})
				}
			}
		}
	}
}

// contained checks that datagrams of a range have not gone to LANs where neither members nor the source are.
func (s *site) contained(first, last, source int, members ...int) {
	s.t.Helper()
	for l := range s.net.Links {
		inside := false
		for h := range s.net.Hosts {
			if s.net.Hosts[h].Link == l {
				inside = inside || h == source || slices.Contains(members, h)
			}
		}
		if cable := s.net.Links[l].Name; !inside && strings.HasPrefix(cable, "lan") && len(s.net.at[l]) == 1 {
			for n := first; n <= last; n++ {
				if s.copies(cable, n) > 0 {
					s.t.Errorf("datagram %d has gone to %s, where nobody listens", n, cable)
				}
			}
		}
	}
}

// In a random internet with two senders, members come and go, and each datagram goes to those that are members.
func TestSparseFollowsMembers(t *testing.T) {
	for seed := range uint64(12) {
		const subnets = 8
		cfg := InternetConfig{Hosts: subnets, Subnets: subnets, Shape: Random, Seed: seed, IPv6: seed%2 == 1}
		s := newSparseSite(t, cfg, nil, seed%4 > 1, int(seed)%(subnets-1))
		s.pass(greeted)
		r := spec.NewRand(seed, 1)
		member := map[int]bool{}
		for range 12 {
			h := r.IntN(subnets)
			if member[h] = !member[h]; member[h] {
				s.join(h)
			} else {
				s.leave(h)
			}
			s.pass(10 * time.Second)
			for _, from := range []int{0, 3} {
				s.stream(from, 5)
				first, last := s.stream(from, 2)
				var want []int
				for m := range subnets {
					if member[m] && m != from {
						want = append(want, m)
					}
				}
				s.once(first, last, want...)
				s.contained(first, last, from, want...)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// The RP crashes: the next one takes over as soon as the routes show it, and gives way when the first one returns.
func TestRPFails(t *testing.T) {
	for _, shape := range []Shape{Ring, Random} {
		for seed := range uint64(6) {
			for _, tree := range []bool{false, true} {
				const subnets = 6
				cfg := InternetConfig{Hosts: subnets, Subnets: subnets, Shape: shape, Seed: seed, IPv6: seed%2 == 0}
				s := newSparseSite(t, cfg, nil, tree, 2, 4, 0)
				s.join(1, 3, 5)
				s.pass(greeted)
				s.stream(0, 10)
				s.crash(s.router(2))
				s.reroute()
				s.pass(5 * time.Second)
				s.stream(0, 5)
				first, last := s.stream(0, 5)
				var reached []int
				for _, h := range []int{1, 3, 5} {
					if s.net.Routes.To(0, s.net.Hosts[h].Port.Addr).OK {
						reached = append(reached, h)
					}
				}
				s.once(first, last, reached...)
				s.begin(s.router(2))
				s.reroute()
				s.pass(greeted)
				s.stream(0, 5)
				first, last = s.stream(0, 5)
				s.once(first, last, 1, 3, 5)
				if t.Failed() {
					t.Fatalf("%v, seed %d, source tree %v", shape, seed, tree)
				}
			}
		}
	}
}

// A router on the way crashes, and the routes lead around it.
func TestSparseCrash(t *testing.T) {
	for _, shape := range []Shape{Ring, Random} {
		for seed := range uint64(4) {
			const subnets = 6
			cfg := InternetConfig{Hosts: subnets, Subnets: subnets, Shape: shape, Seed: seed, IPv6: seed%2 == 0}
			s := newSparseSite(t, cfg, nil, seed > 1, 1, 0)
			s.join(1, 2, 3, 4, 5)
			s.pass(greeted)
			s.stream(0, 10)
			for r := 1; r < subnets; r++ {
				s.crash(s.router(r))
				s.reroute()
				s.pass(RFC.HelloHold + 10*time.Second)
				s.stream(0, 5)
				first, last := s.stream(0, 5)
				var reached []int
				for h := 1; h < subnets; h++ {
					if s.net.Routes.To(0, s.net.Hosts[h].Port.Addr).OK {
						reached = append(reached, h)
					}
				}
				s.once(first, last, reached...)
				s.begin(s.router(r))
				s.reroute()
				s.pass(greeted)
				s.stream(0, 5)
				first, last = s.stream(0, 5)
				s.once(first, last, 1, 2, 3, 4, 5)
				if t.Failed() {
					t.Fatalf("%v, seed %d, router %d", shape, seed, r)
				}
			}
		}
	}
}
