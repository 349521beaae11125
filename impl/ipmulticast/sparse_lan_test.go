package ipmulticast

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// sparseTransit is a site with four routers on one link, r0 that of the sender and the RP.
func sparseTransit(t *testing.T, v6 bool) *site {
	cfg := InternetConfig{IPv6: v6, Seed: 5}
	s := newSparseSite(t, cfg, transit(cfg, 3), false, 0)
	s.join(1, 2, 3)
	s.pass(greeted)
	s.stream(0, 3)
	return s
}

// One router's prune does not cut off the others; when the last one has pruned, nothing is sent any more.
func TestSparseOverride(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		s := sparseTransit(t, v6)
		since := s.now
		s.leave(1)
		s.pass(2500 * time.Millisecond) // for the querier
		first, last := s.stream(0, 8)
		s.once(first, last, 2, 3)
		if story := s.story(since); story[0] != "r1 prunes (*,G) at r0" || !slices.Contains(story[1:], "r2 joins (*,G) at r0") &&
			!slices.Contains(story[1:], "r3 joins (*,G) at r0") {
			t.Errorf("nobody has objected: %q", story)
		}
		s.leave(2)
		s.leave(3)
		s.pass(2500*time.Millisecond + 2*RFC.OverrideInterval + 2*RFC.PropagationDelay)
		first, last = s.stream(0, 3)
		s.once(first, last)
		if n := s.copies("wan0", last); n != 0 {
			t.Errorf("wan0 still carries what nobody wants")
		}
	}
}

// The objection is lost: the router upstream says once more whom it obeyed.
func TestSparsePruneEcho(t *testing.T) {
	s := sparseTransit(t, false)
	from := s.now
	s.drop = func(at spec.Time, cable string, _, _ End, frame []byte) bool {
		var x Inspector
		return cable == "wan0" && at < from+spec.Time(6*time.Second)/siteSpeed && x.Read(frame).Kind == JoinFrame
	}
	s.leave(1)
	s.pass(12 * time.Second)
	if !slices.Contains(s.story(from), "r0 prunes (*,G) at r0") {
		t.Errorf("no echo: %q", s.story(from))
	}
	first, last := s.stream(0, 3)
	s.once(first, last, 2, 3)
}

// twoWays is a plan on which the way of r4 and r5 to the RP, r1, leads over r2, and that to the source, on lan0, over r3:
// both are on wan0. The LANs of the routers have one host each.
//
//	r0 ─ r1
//	│    │
//	r3   r2
//	├─wan0─┤
//	r4   r5
func twoWays(cfg InternetConfig) *Internet {
	cfg.Subnets, cfg.Hosts = 6, 6
	plan := &Internet{Routes: &Routes{}}
	for i := range cfg.Subnets {
		plan.link("lan", i, cfg.lan(i))
		plan.Hosts = append(plan.Hosts, HostPlan{Link: i, Port: cfg.port(0, plan.Links[i].Prefix, [4]byte{10, byte(i), 1, 1})})
		plan.router(&cfg, i, 1)
	}
	wan := plan.link("wan", 0, cfg.wan(0))
	for i := 2; i < 6; i++ {
		r := &plan.Routers[i]
		r.Ports = append(r.Ports, cfg.port(1, plan.Links[wan].Prefix, [4]byte{172, 16, 0, byte(1 + i)}))
		r.Links = append(r.Links, wan)
		plan.at[wan] = append(plan.at[wan], i)
	}
	plan.wire(&cfg, 0, 1)
	plan.wire(&cfg, 1, 2)
	plan.wire(&cfg, 0, 3)
	plan.cable(&cfg)
	plan.route()
	return plan
}

// r4 joins the source's tree, through r3, and r5 stays on the shared tree, through r2: an assert decides who of r2 and r3
// forwards to the link.
func TestSparseAssert(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		cfg := InternetConfig{IPv6: v6, Seed: 3}
		plan := twoWays(cfg)
		s := newSite(t, cfg, plan, Sparse, func(r int, c *RouterConfig) {
			c.RPs, c.SourceTree = rps(plan, 1), r == 4
		})
		s.join(4, 5)
		s.pass(greeted)
		since := s.now
		s.stream(0, 2)
		first, last := s.stream(0, 200)
		s.once(first, last, 4, 5)
		story := s.story(since)
		for _, line := range []string{"r4 joins (host0,G) at r3", "r3 asserts (host0,G) with 2 on wan0", "r2 prunes (host0,G,rpt) at r1"} {
			if !slices.Contains(story, line) {
				t.Errorf("the routers did not say %q but %q", line, story)
			}
		}
		// r4 needs nothing any more, so the winner gives up, and the shared tree serves r5 again.
		since = s.now
		s.leave(4)
		s.pass(12 * time.Second)
		first, last = s.stream(0, 100)
		s.once(first, last, 5)
		if !slices.Contains(s.story(since), "r3 takes its assert of (host0,G) back") {
			t.Errorf("the winner has not given up: %q", s.story(since))
		}
		if t.Failed() {
			t.Log(s.story(since))
		}
	}
}

// announced makes a site whose routers find the RP by themselves.
func announced(t *testing.T, cfg InternetConfig, candidates map[int]uint8) *site {
	s := newSite(t, cfg, nil, Sparse, func(r int, c *RouterConfig) { c.Candidate = candidates[r] })
	s.pass(time.Minute)
	return s
}

func (s *site) sparse(r int) *sparse { return s.machines[s.router(r)].(*Router).routing.(*sparse) }

// agree checks that all routers that are up follow the same bootstrap router and have the same RP.
func (s *site) agree(bsr, rp string) {
	s.t.Helper()
	for r := range s.net.Routers {
		if s.down[s.router(r)] {
			continue
		}
		x := s.sparse(r)
		if got := s.nameOf(x.boot.bsr); got != bsr {
			s.t.Errorf("r%d follows %s, want %s", r, got, bsr)
		}
		if got := s.nameOf(x.rpOf(s.group)); got != rp {
			s.t.Errorf("the RP of r%d is %s, want %s", r, got, rp)
		}
	}
}

func TestBootstrap(t *testing.T) {
	for _, shape := range []Shape{Line, Tree, Ring, Random} {
		for seed := range uint64(4) {
			cfg := InternetConfig{Hosts: 6, Subnets: 6, Shape: shape, IPv6: seed%2 == 1, Seed: seed}
			s := announced(t, cfg, map[int]uint8{1: 20, 3: 10, 4: 30})
			s.agree("r4", "r3")
			s.join(2, 5)
			s.pass(5 * time.Second)
			s.stream(0, 5)
			first, last := s.stream(0, 5)
			s.once(first, last, 2, 5)
			// A router that starts later learns it from its neighbors.
			s.crash(s.router(5))
			s.pass(time.Minute)
			s.begin(s.router(5))
			s.pass(greeted)
			s.agree("r4", "r3")
			if t.Failed() {
				t.Fatalf("%v, seed %d: %q", shape, seed, s.story(0))
			}
		}
	}
}

// The announced RP, on the edge, fails, and no routes change: it is dropped after its hold time, and another one takes
// over. When the bootstrap router fails, another one is elected; the RP-set outlives it.
func TestBootstrapFails(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		cfg := InternetConfig{Hosts: 5, Subnets: 5, Shape: Tree, IPv6: v6}
		s := announced(t, cfg, map[int]uint8{2: 10, 1: 20, 3: 30})
		s.agree("r3", "r2")
		s.join(0, 4)
		s.pass(5 * time.Second)
		s.stream(1, 5)
		s.crash(s.router(2))
		s.pass(RFC.RPHold + RFC.BootstrapPeriod)
		s.agree("r3", "r1")
		s.stream(1, 5)
		first, last := s.stream(1, 5)
		s.once(first, last, 0, 4)
		s.crash(s.router(3))
		for range 40 {
			s.pass(10 * time.Second)
			for _, r := range []int{0, 1, 4} {
				if got := s.nameOf(s.sparse(r).rpOf(s.group)); got != "r1" {
					t.Fatalf("r%d has lost its RP: %s", r, got)
				}
			}
		}
		s.agree("r1", "r1")
		s.begin(s.router(2))
		s.begin(s.router(3))
		s.pass(2 * time.Minute)
		s.agree("r3", "r2")
		s.stream(1, 5)
		first, last = s.stream(1, 5)
		s.once(first, last, 0, 4)
		s.crash(s.router(2))
		s.reroute() // a way to the RP less: nobody waits for its hold time
		s.pass(5 * time.Second)
		first, last = s.stream(1, 5)
		s.once(first, last, 0, 4)
	}
}

// Candidates of the same priority share the groups.
func TestBootstrapHash(t *testing.T) {
	s := announced(t, InternetConfig{Hosts: 4, Subnets: 4, Shape: Tree}, map[int]uint8{1: 7, 2: 7})
	serves := map[netip.Addr]int{}
	for i := range 200 {
		group := netip.AddrFrom4([4]byte{239, 1, byte(i), 0})
		rp := s.sparse(0).rpOf(group)
		serves[rp]++
		for r := range s.net.Routers {
			if got := s.sparse(r).rpOf(group); got != rp {
				t.Fatalf("r%d has %v for %v, r0 %v", r, got, group, rp)
			}
		}
	}
	for rp, n := range serves {
		if n < 60 {
			t.Errorf("%v serves %d groups of 200", rp, n)
		}
	}
	if len(serves) != 2 {
		t.Errorf("%d RPs", len(serves))
	}
}
