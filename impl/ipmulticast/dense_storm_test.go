package ipmulticast

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// After any faults, once these are over and all state has had the time to end, each datagram goes to each member once.
func TestDenseHeals(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		r := spec.NewRand(seed, 2)
		subnets := 2 + r.IntN(7)
		cfg := InternetConfig{Hosts: subnets, Subnets: subnets, Shape: Shape(r.IntN(int(shapes))), Seed: seed, IPv6: r.Chance(0.5)}
		refresh := r.Chance(0.5)
		s := newSite(t, cfg, nil, Dense, func(_ int, c *RouterConfig) { c.Refresh = refresh })
		storm(s, &r)
		s.pass(RFC.HelloHold + RFC.PruneHold)
		for _, from := range []int{0, subnets - 1} {
			s.stream(from, 10)
			first, last := s.stream(from, 5)
			var want []int
			for h := range subnets {
				if h != from {
					want = append(want, h)
				}
			}
			for n := first; n <= last; n++ {
				s.expect(n, want...)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d: %v of %d, refresh %v", seed, cfg.Shape, subnets, refresh)
		}
	}
}

// storm loses frames, crashes routers, lets members come and go, and ends with all up and all members.
func storm(s *site, r *spec.Rand) {
	chance := r.Float64() / 2
	s.drop = func(spec.Time, string, End, End, []byte) bool { return r.Chance(chance) }
	hosts, routers := len(s.net.Hosts), len(s.net.Routers)
	for range 60 {
		switch m := s.router(r.IntN(routers)); {
		case r.Chance(0.3) && !s.lab.down[m]:
			s.crash(m)
			s.reroute()
		case r.Chance(0.5) && s.lab.down[m]:
			s.begin(m)
			s.reroute()
		case r.Chance(0.3):
			s.join(r.IntN(hosts))
		case r.Chance(0.3):
			s.leave(r.IntN(hosts))
		case r.Chance(0.1):
			s.command(m-hosts, ControlForget)
		}
		s.stream(r.IntN(hosts), r.IntN(4))
		s.pass(time.Duration(r.IntN(int(40 * time.Second))))
	}
	s.drop = nil
	for m := range routers {
		if s.lab.down[s.router(m)] {
			s.begin(s.router(m))
		}
	}
	s.reroute()
	for h := range hosts {
		s.join(h)
	}
}
