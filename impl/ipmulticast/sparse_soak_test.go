package ipmulticast

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// Members come and go, routers crash and return, forget what they knew, and a part of all frames is lost. When all that
// has ended and the timers have run, every datagram goes to its members, once, and to nobody else.
func TestSparseSettles(t *testing.T) {
	for seed := range uint64(16) {
		if !sparseSettles(t, seed) {
			t.Fatalf("seed %d", seed)
		}
	}
}

func sparseSettles(t *testing.T, seed uint64) bool {
	const subnets = 7
	r := spec.NewRand(seed, 2)
	cfg := InternetConfig{Hosts: 2 * subnets, Subnets: subnets, Shape: [...]Shape{Ring, Random, Tree}[r.IntN(3)], Seed: seed, IPv6: r.Chance(0.5)}
	plan := NewInternet(cfg)
	list := rps(plan, r.IntN(subnets-1), r.IntN(subnets-1))
	tree, find := r.Chance(0.5), r.Chance(0.3)
	s := newSite(t, cfg, plan, Sparse, func(i int, c *RouterConfig) {
		c.SourceTree = tree && i%3 != 0
		if !find {
			c.RPs = list
		} else if i%3 == 1 {
			c.Candidate = uint8(i)
		}
	})
	lossy := true
	s.drop = func(spec.Time, string, End, End, []byte) bool { return lossy && r.Chance(0.1) }
	member := map[int]bool{}
	for range 40 {
		h, x := r.IntN(2*subnets), r.IntN(subnets)
		switch k := r.IntN(6); {
		case k < 2:
			if member[h] = !member[h]; member[h] {
				s.join(h)
			} else {
				s.leave(h)
			}
		case k == 2 && !s.down[s.router(x)]:
			s.crash(s.router(x))
			s.reroute()
		case k == 3 && s.down[s.router(x)]:
			s.begin(s.router(x))
			s.reroute()
		case k == 4:
			s.command(x, ControlForget)
		}
		s.stream(r.IntN(2*subnets), 3)
		s.pass(time.Duration(r.IntN(60)) * time.Second)
	}
	lossy = false
	for i := range plan.Routers {
		if s.down[s.router(i)] {
			s.begin(s.router(i))
		}
	}
	s.reroute()
	s.pass(8 * time.Minute)
	for _, from := range []int{0, subnets - 1, 3} {
		s.stream(from, 5)
		first, last := s.stream(from, 3)
		var want []int
		for m := range 2 * subnets {
			if member[m] && m != from {
				want = append(want, m)
			}
		}
		s.once(first, last, want...)
		s.contained(first, last, from, want...)
	}
	return !t.Failed()
}
