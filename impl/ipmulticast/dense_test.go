package ipmulticast

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// greeted is when hellos have been exchanged and the hosts have reported, on the machines' clocks.
const greeted = 20 * time.Second

// once checks that each datagram of a range has gone to each member once, and over no cable twice.
func (s *site) once(first, last int, members ...int) {
	s.t.Helper()
	for n := first; n <= last; n++ {
		s.expect(n, members...)
		for i := range s.net.Links {
			if cable := s.net.Links[i].Name; s.copies(cable, n) > 1 {
				s.t.Errorf("%s has carried %d copies of datagram %d", cable, s.copies(cable, n), n)
			}
		}
	}
}

func TestDenseReaches(t *testing.T) {
	for shape := range shapes {
		for _, v6 := range []bool{false, true} {
			for _, subnets := range []int{1, 2, 3, 5, 9} {
				t.Run(name(shape, v6, subnets), func(t *testing.T) {
					cfg := InternetConfig{Hosts: 2 * subnets, Subnets: subnets, Routed: true, Shape: shape, IPv6: v6, Seed: 7}
					s := newSite(t, cfg, nil, Dense, nil)
					members := []int{subnets - 1, 2*subnets - 1, subnets / 2}
					if subnets == 1 {
						members = []int{1}
					} else if subnets == 2 {
						members = []int{1, 3}
					}
					s.join(members...)
					s.pass(greeted)
					first, last := s.stream(0, 5)
					for n := first; n <= last; n++ {
						for _, m := range members {
							if s.got[m][n] == 0 {
								t.Errorf("host %d has not got datagram %d", m, n)
							}
						}
					}
					first, last = s.stream(0, 150)
					s.once(first, last, members...)
				})
			}
		}
	}
}

// In a random internet with two senders, members come and go, and each datagram goes to those that are members.
func TestDenseFollowsMembers(t *testing.T) {
	for seed := range uint64(8) {
		const subnets = 8
		s := newSite(t, InternetConfig{Hosts: subnets, Subnets: subnets, Shape: Random, Seed: seed, IPv6: seed%2 == 1}, nil, Dense, nil)
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
			s.pass(10 * time.Second) // what a leave, the prunes and an election take at most
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
			}
		}
	}
}

// tree is a binary tree of seven LANs with a host each: wan0 links r0 and r1, wan1 r0 and r2, wan2 r1 and r3, wan3 r1
// and r4, wan4 r2 and r5, wan5 r2 and r6.
func tree(t *testing.T, tweak func(r int, c *RouterConfig)) *site {
	s := newSite(t, InternetConfig{Hosts: 7, Subnets: 7, Shape: Tree}, nil, Dense, tweak)
	s.join(3)
	s.pass(greeted)
	return s
}

func TestPrune(t *testing.T) {
	for _, c := range []struct {
		name    string
		tweak   func(r int, c *RouterConfig)
		again   bool // packets are flooded again when the prunes have ended
		refresh bool
	}{
		{name: "ends after its hold time", again: true},
		{name: "is kept by state refresh", tweak: func(_ int, c *RouterConfig) { c.Refresh = true }, refresh: true},
		{name: "never expires", tweak: func(_ int, c *RouterConfig) { c.Rules.Expires = func() bool { return false } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tree(t, c.tweak)
			s.stream(0, 1)
			first, last := s.stream(0, 205)
			s.once(first, last, 3)
			for _, quiet := range []string{"wan1", "wan3", "wan4", "wan5", "lan1", "lan2"} {
				for n := first; n <= last; n++ {
					if s.copies(quiet, n) != 0 {
						t.Errorf("%s has carried datagram %d", quiet, n)
					}
				}
			}
			first, last = s.stream(0, 400)
			s.once(first, last, 3)
			flooded := 0
			for n := first; n <= last; n++ {
				flooded += s.copies("wan5", n)
			}
			if c.again && (flooded < 1 || flooded > 2) || !c.again && flooded != 0 {
				t.Errorf("wan5 has carried %d datagrams", flooded)
			}
			if got := s.count(PIMStateRefresh, 0) > 0; got != c.refresh {
				t.Errorf("state refresh sent: %v", got)
			}
		})
	}
}

func TestGraft(t *testing.T) {
	for _, refresh := range []bool{false, true} {
		s := tree(t, func(_ int, c *RouterConfig) { c.Refresh = refresh })
		s.stream(0, 100)
		s.join(6)
		s.pass(time.Second)
		first, last := s.stream(0, 300)
		s.once(first, last, 3, 6)
		if s.copies("wan4", first) != 0 {
			t.Error("the graft has opened another branch")
		}
		s.leave(6)
		s.pass(3 * time.Second) // twice the last member query interval, and a bit
		first, _ = s.stream(0, 1)
		s.once(first, first, 3)
		if s.copies("wan5", first) != 0 || s.copies("wan1", first) != 0 {
			t.Error("the branch is not pruned after the last leave")
		}
		s.join(6)
		s.pass(time.Second)
		first, last = s.stream(0, 5)
		s.once(first, last, 3, 6)
	}
}

// lose drops the first n messages of a type, on all cables.
func (s *site) lose(typ PIMType, n int) {
	s.drop = func(_ spec.Time, _ string, _, _ End, frame []byte) bool {
		f, _ := ParseFrame(frame)
		var h IP
		var m PIM
		if !ParseIP(f.Payload, &h) || h.Protocol != ProtoPIM || !ParsePIM(&h, &m) || m.Type != typ || n == 0 {
			return false
		}
		n--
		return true
	}
}

func TestLostGraft(t *testing.T) {
	for _, c := range []struct {
		name    string
		lost    PIMType
		retries bool
		grafts  bool
		after   time.Duration
		works   bool
	}{
		{"graft", PIMGraft, true, true, 4 * time.Second, true},
		{"acknowledgement", PIMGraftAck, true, true, time.Second, true},
		{"graft, not repeated", PIMGraft, false, true, 60 * time.Second, false},
		{"graft, not sent", PIMHello, true, false, 60 * time.Second, false},
		{"graft, flooded again", PIMGraft, false, true, 210 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tree(t, func(_ int, k *RouterConfig) {
				k.Rules.Retries = func() bool { return c.retries }
				k.Rules.Grafts = func() bool { return c.grafts }
			})
			s.stream(0, 10)
			s.lose(c.lost, 1)
			s.join(6)
			s.pass(c.after)
			first, _ := s.stream(0, 1)
			if c.works {
				s.once(first, first, 3, 6)
			} else {
				s.once(first, first, 3)
			}
			s.pass(20 * time.Second)
			if n := s.count(PIMGraft, s.now-spec.Time(10*time.Second/siteSpeed)); c.grafts && n > 0 {
				t.Errorf("%d grafts are still sent", n)
			}
		})
	}
}

// ring has two routers on its first LAN, lan0: r0 and r4, both two hops from r2. r4 has the higher address there.
func ring(t *testing.T, tweak func(r int, c *RouterConfig)) *site {
	s := newSite(t, InternetConfig{Hosts: 8, Subnets: 4, Shape: Ring}, nil, Dense, tweak)
	s.join(0, 4)
	s.pass(greeted)
	return s
}

func TestAssert(t *testing.T) {
	s := ring(t, nil)
	first, _ := s.stream(2, 1)
	if n := s.copies("lan0", first); n > 2 {
		t.Errorf("%d copies before the election", n)
	}
	first, last := s.stream(2, 1000)
	for n := first; n <= last; n++ {
		s.expect(n, 0, 4)
	}
	winner := netip.MustParseAddr("10.0.0.2")
	for _, m := range s.pim {
		if m.cable == "lan0" && m.m.Type == PIMJoinPrune && m.m.Upstream != winner {
			t.Errorf("%v is asked by %v", m.m.Upstream, m.from)
		}
	}
	// The winner is gone: the loser takes over when it knows.
	s.crash(s.router(4))
	s.reroute()
	s.pass(RFC.HelloHold)
	s.stream(2, 2)
	first, last = s.stream(2, 20)
	s.once(first, last, 0, 4)
	s.begin(s.router(4))
	s.reroute()
	s.pass(greeted)
	s.stream(2, 10)
	first, last = s.stream(2, 100)
	s.once(first, last, 0, 4)
}

func TestNoAssert(t *testing.T) {
	s := ring(t, func(_ int, c *RouterConfig) { c.Rules.Asserts = func() bool { return false } })
	s.stream(2, 20)
	first, _ := s.stream(2, 1)
	if n := s.copies("lan0", first); n != 2 {
		t.Errorf("%d copies on lan0 of two routers that do not agree", n)
	}
}

func TestNoRPFCheck(t *testing.T) {
	s := ring(t, func(_ int, c *RouterConfig) { c.Rules.RPF = func(int, int) bool { return true } })
	first, _ := s.stream(2, 1)
	if n := s.got[0][first]; n < 2 {
		t.Errorf("%d copies without the check", n)
	}
}

func TestForwardsBack(t *testing.T) {
	s := tree(t, func(r int, c *RouterConfig) {
		if r == 0 {
			c.Rules.Back = func(int, int) bool { return true }
		}
	})
	first, _ := s.stream(0, 1)
	if n := s.copies("lan0", first); n != 2 {
		t.Errorf("%d copies on the source's LAN", n)
	}
}

// A router on the way crashes, and the routes lead around it.
func TestDenseCrash(t *testing.T) {
	for _, shape := range []Shape{Ring, Random} {
		for seed := range uint64(4) {
			const subnets = 6
			s := newSite(t, InternetConfig{Hosts: subnets, Subnets: subnets, Shape: shape, Seed: seed, IPv6: seed%2 == 0}, nil, Dense, nil)
			s.join(1, 2, 3, 4, 5)
			s.pass(greeted)
			s.stream(0, 10)
			for r := range s.net.Routers {
				s.crash(s.router(r))
				s.reroute()
				s.pass(RFC.HelloHold + 10*time.Second)
				s.stream(0, 5)
				first, last := s.stream(0, 5)
				gate := 0 // a router on the source's LAN; the last one is the other
				if r == 0 {
					gate = len(s.net.Routers) - 1
				}
				var reached []int
				for h := 1; h < subnets; h++ {
					if s.net.Routes.To(gate, s.net.Hosts[h].Port.Addr).OK {
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
			}
		}
	}
}

// Where the routes change and no router was lost, members have to wait for no timer.
func TestDenseReroute(t *testing.T) {
	s := newSite(t, InternetConfig{Hosts: 5, Subnets: 5, Shape: Ring}, nil, Dense, nil)
	s.join(2, 3)
	s.pass(greeted)
	s.stream(0, 10)
	s.crash(s.router(1))
	s.reroute()
	s.pass(time.Second)
	s.stream(0, 1)
	first, last := s.stream(0, 10)
	s.once(first, last, 2, 3)
}
