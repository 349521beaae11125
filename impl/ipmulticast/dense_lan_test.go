package ipmulticast

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// transit is a plan of n+1 LANs, a host and a router on each, and one link, wan0, that all routers are on.
func transit(cfg InternetConfig, n int) *Internet {
	cfg.Subnets, cfg.Hosts = n+1, n+1
	plan := &Internet{Routes: &Routes{}}
	for i := range cfg.Subnets {
		plan.link("lan", i, cfg.lan(i))
		plan.Hosts = append(plan.Hosts, HostPlan{Link: i,
			Port: cfg.port(0, plan.Links[i].Prefix, [4]byte{10, byte(i), 1, 1})})
		plan.router(&cfg, i, 1)
	}
	wan := plan.link("wan", 0, cfg.wan(0))
	for i := range plan.Routers {
		r := &plan.Routers[i]
		r.Ports = append(r.Ports, cfg.port(1, plan.Links[wan].Prefix, [4]byte{172, 16, 0, byte(1 + i)}))
		r.Links = append(r.Links, wan)
		plan.at[wan] = append(plan.at[wan], i)
	}
	plan.cable(&cfg)
	plan.route()
	return plan
}

// route computes the routes of a plan for the first time.
func (n *Internet) route() {
	n.Routes.table = make([][]Route, len(n.Routers))
	for i := range n.Routers {
		n.Routes.table[i] = make([]Route, len(n.Links))
	}
	for i := range n.Links {
		n.Routes.dests = append(n.Routes.dests, n.Links[i].Prefix)
	}
	n.Reroute(func(int) bool { return true })
}

// shared is a site with four routers on one link, r0 that of the sender.
func shared(t *testing.T, v6 bool, tweak func(r int, c *RouterConfig)) *site {
	cfg := InternetConfig{IPv6: v6, Seed: 5}
	s := newSite(t, cfg, transit(cfg, 3), Dense, tweak)
	s.join(1, 2, 3)
	s.pass(greeted)
	s.stream(0, 3)
	return s
}

// One router's prune does not cut off the others.
func TestOverride(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		s := shared(t, v6, nil)
		s.leave(2)
		since := s.now
		s.pass(2500 * time.Millisecond)
		first, last := s.stream(0, 205)
		s.once(first, last, 1, 3)
		if n := s.count(PIMJoinPrune, since); n < 2 || n > 3 {
			t.Errorf("%d join/prune messages for one prune and a join that the other router should have heard", n)
		}
		// The last two leave too: now the link is pruned, after the time to override and an echo.
		s.leave(1)
		s.leave(3)
		s.pass(8 * time.Second)
		since = s.now
		first, last = s.stream(0, 20)
		s.once(first, last)
		for n := first; n <= last; n++ {
			if s.copies("wan0", n) != 0 {
				t.Errorf("wan0 has carried datagram %d", n)
			}
		}
		if n := s.count(PIMJoinPrune, since); n != 0 {
			t.Errorf("%d join/prune messages on a pruned link", n)
		}
		s.join(2)
		s.pass(time.Second)
		first, last = s.stream(0, 20)
		s.once(first, last, 2)
	}
}

func TestNoOverride(t *testing.T) {
	s := shared(t, false, func(_ int, c *RouterConfig) { c.Rules.Overrides = func() bool { return false } })
	s.leave(2)
	s.pass(8 * time.Second)
	first, _ := s.stream(0, 1)
	s.once(first, first)
}

// Where the joins that override a prune are lost, the echo of the prune asks again.
func TestPruneEcho(t *testing.T) {
	s := shared(t, false, nil)
	lost := 0
	s.drop = func(_ spec.Time, _ string, _, to End, frame []byte) bool {
		f, _ := ParseFrame(frame)
		var h IP
		var m PIM
		if ParseIP(f.Payload, &h) && h.Protocol == ProtoPIM && ParsePIM(&h, &m) && m.Type == PIMJoinPrune &&
			len(m.Joins[0].Joins) > 0 && lost < 6 && to.Machine == s.router(0) {
			lost++
			return lost < 2
		}
		return false
	}
	s.leave(2)
	s.pass(2100*time.Millisecond + RFC.PropagationDelay + 2*RFC.OverrideInterval)
	first, last := s.stream(0, 50)
	s.once(first, last, 1, 3)
	if lost == 0 {
		t.Error("nothing was lost")
	}
}

// The upstream router of a link crashes and comes back: it learns anew who wants what.
func TestUpstreamRestarts(t *testing.T) {
	for _, refresh := range []bool{false, true} {
		s := shared(t, false, func(_ int, c *RouterConfig) { c.Refresh = refresh })
		s.leave(2)
		s.leave(3)
		s.pass(10 * time.Second)
		s.crash(s.router(0))
		s.pass(time.Second)
		s.begin(s.router(0))
		s.pass(greeted)
		s.stream(0, 4)
		first, last := s.stream(0, 20)
		s.once(first, last, 1)
		// And one that is downstream, of a link that was pruned.
		s.leave(1)
		s.pass(10 * time.Second)
		s.stream(0, 1)
		s.crash(s.router(3))
		s.pass(time.Second)
		s.begin(s.router(3))
		s.join(3)
		s.pass(greeted)
		s.stream(0, 1)
		first, last = s.stream(0, 20)
		s.once(first, last, 3)
	}
}

// A router that is told to forget catches up, though its neighbors still know what it asked for.
func TestForget(t *testing.T) {
	s := tree(t, nil)
	s.stream(0, 10)
	s.command(2, ControlForget)
	s.join(6)
	s.pass(greeted)
	s.stream(0, 2)
	first, last := s.stream(0, 20)
	s.once(first, last, 3, 6)
}

func TestFull(t *testing.T) {
	s := tree(t, nil)
	s.stream(0, 5)
	s.command(1, ControlFull)
	first, last := s.stream(0, 5)
	s.once(first, last, 3) // its entry was there before
	s.stream(2, 5)
	first, last = s.stream(2, 5)
	s.once(first, last)
	s.command(1, ControlNotFull)
	s.stream(2, 5)
	first, last = s.stream(2, 5)
	s.once(first, last, 3)
}

func TestBoundary(t *testing.T) {
	s := tree(t, nil)
	s.stream(0, 5)
	s.command(1, ControlBlock)
	first, last := s.stream(0, 5)
	s.once(first, last)
	s.join(1)
	s.pass(time.Second)
	s.command(1, ControlUnblock)
	s.pass(time.Second)
	first, last = s.stream(0, 5)
	s.once(first, last, 1, 3)
}

// The state of a source that is silent goes away, but not while a prune of it may stand upstream.
func TestSourceLife(t *testing.T) {
	s := tree(t, nil)
	s.stream(0, 5)
	if n := len(s.dense(3).order); n != 1 {
		t.Fatalf("r3 has %d entries", n)
	}
	s.pass(RFC.SourceLife - 10*time.Second)
	s.leave(3)
	s.pass(20 * time.Second)
	s.join(3)
	s.pass(time.Second)
	first, last := s.stream(0, 3)
	s.once(first, last, 3)
	s.pass(3 * RFC.SourceLife)
	for r := range s.net.Routers {
		if n := len(s.dense(r).order) + len(s.dense(r).entries); n != 0 {
			t.Errorf("r%d keeps entries", r)
		}
	}
}

func (s *site) dense(r int) *dense { return s.machines[s.router(r)].(*Router).routing.(*dense) }
