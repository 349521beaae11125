package ipmulticast

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
)

// sparseLine is r0 – r1 – r2 – r3, each with a LAN and a host; the source is host0, the RP r1.
func sparseLine(t *testing.T, sourceTree bool) *site {
	s := newSparseSite(t, InternetConfig{Hosts: 4, Subnets: 4, Shape: Line}, nil, sourceTree, 1)
	s.pass(greeted)
	return s
}

// The figure of every text on sparse mode: a receiver joins toward the RP; the source's router registers; the RP joins
// the source's tree, and stops the registers when packets come on that.
func TestRegister(t *testing.T) {
	s := sparseLine(t, false)
	s.join(3)
	s.pass(time.Second)
	s.tells(0, "r3 joins (*,G) at r2", "r2 joins (*,G) at r1")
	since := s.now
	first, _ := s.stream(0, 1)
	s.once(first, first, 3)
	s.tells(since, "r0 registers", "r1 joins (host0,G) at r0")
	since = s.now
	first, _ = s.stream(0, 1)
	s.once(first, first, 3)
	s.tells(since, "r0 registers", "r1 stops the registers of host0")
	since = s.now
	first, last := s.stream(0, 10)
	s.once(first, last, 3)
	s.tells(since)
	s.leave(3)
	s.pass(5 * time.Second)
	s.tells(since, "r3 prunes (*,G) at r2", "r2 prunes (*,G) at r1", "r1 prunes (host0,G) at r0")
	since = s.now
	first, last = s.stream(0, 5)
	s.once(first, last)
	for _, cable := range []string{"wan0", "wan1", "wan2"} {
		if s.copies(cable, last) > 0 {
			t.Errorf("%s still carries what nobody wants", cable)
		}
	}
	s.tells(since)
}

// Where nobody listens, the RP stops the registers at once, and again whenever the source's router asks. It remembers
// the source, and joins it as soon as somebody listens: so that no packet is lost to the suppression.
func TestNullRegister(t *testing.T) {
	s := sparseLine(t, false)
	s.stream(0, 2)
	s.tells(0, "r0 registers", "r1 stops the registers of host0")
	since := s.now
	s.stream(0, int(RFC.RegisterSuppress*3/2/time.Second))
	for i, line := range s.story(since) {
		if want := [2]string{"r0 sends a null-register", "r1 stops the registers of host0"}[i%2]; line != want {
			t.Errorf("the routers said %q, want %q", line, want)
		}
	}
	if n := s.count(PIMRegisterStop, since); n == 0 {
		t.Error("the source's router has not asked")
	}
	since = s.now
	s.join(2)
	s.pass(time.Second)
	s.tells(since, "r2 joins (*,G) at r1", "r1 joins (host0,G) at r0")
	first, last := s.stream(0, 10)
	s.once(first, last, 2)
}

// The last router switches to the source's tree at the first packet. Where that comes the same way as the shared tree,
// nothing else changes; where it does not, the source is pruned off the shared tree, and the RP, that has no other
// listeners, leaves the source's tree.
func TestSourceTree(t *testing.T) {
	s := newSparseSite(t, InternetConfig{Hosts: 4, Subnets: 4, Shape: Ring}, nil, true, 1)
	s.pass(greeted)
	s.join(2)
	s.pass(time.Second)
	s.tells(0, "r2 joins (*,G) at r1")
	since := s.now
	first, last := s.stream(0, 1)
	s.once(first, last, 2)
	s.tells(since, "r4 registers", "r1 joins (host0,G) at r0", "r2 joins (host0,G) at r1")
	s.stream(0, 1)

	s = newSparseSite(t, InternetConfig{Hosts: 4, Subnets: 4, Shape: Ring}, nil, true, 2)
	s.pass(greeted)
	s.join(1)
	s.pass(time.Second)
	s.tells(0, "r1 joins (*,G) at r2")
	since = s.now
	first, last = s.stream(0, 1)
	s.once(first, last, 1)
	s.tells(since, "r4 registers", "r2 joins (host0,G) at r1", "r1 joins (host0,G) at r0")
	since = s.now
	first, last = s.stream(0, 3)
	s.once(first, last, 1)
	s.tells(since, "r4 registers", "r1 prunes (host0,G,rpt) at r2", "r2 prunes (host0,G) at r1",
		"r2 stops the registers of host0")
}

// Without register-stops the registers go on, and without the switch packets stay on the shared tree.
func TestNoRegisterStop(t *testing.T) {
	plan := NewInternet(InternetConfig{Hosts: 4, Subnets: 4, Shape: Line})
	s := newSite(t, InternetConfig{}, plan, Sparse, func(_ int, c *RouterConfig) {
		c.RPs = rps(plan, 1)
		c.Rules.Stops = func() bool { return false }
	})
	s.join(3)
	s.pass(greeted)
	first, last := s.stream(0, 10)
	s.once(first, last, 3)
	if n := s.count(PIMRegister, 0); n != 10 {
		t.Errorf("%d registers of 10", n)
	}
}

// A router that keeps an RP that has failed cuts its members off.
func TestKeepsRP(t *testing.T) {
	plan := NewInternet(InternetConfig{Hosts: 4, Subnets: 4, Shape: Ring})
	s := newSite(t, InternetConfig{}, plan, Sparse, func(_ int, c *RouterConfig) {
		c.RPs = rps(plan, 1, 2)
		c.Rules.KeepsRP = func() bool { return true }
	})
	s.join(3)
	s.pass(greeted)
	first, last := s.stream(0, 3)
	s.once(first, last, 3)
	s.crash(s.router(1))
	s.reroute()
	s.pass(RFC.KeepAlive * 2)
	first, last = s.stream(0, 3)
	s.once(first, last)
}

// The designated router of the last LAN is gone: the other one there takes its place when it knows.
func TestDesignatedFails(t *testing.T) {
	for _, source := range []int{0, 3} {
		s := newSparseSite(t, InternetConfig{Hosts: 8, Subnets: 4, Shape: Ring}, nil, false, 1)
		members := []int{2, 7}
		s.join(members...)
		s.pass(greeted)
		s.stream(source, 3)
		first, last := s.stream(source, 5)
		s.once(first, last, members...)
		s.crash(s.router(4))
		s.reroute()
		s.pass(RFC.HelloHold + time.Second)
		s.stream(source, 3)
		first, last = s.stream(source, 5)
		s.once(first, last, members...)
		s.begin(s.router(4))
		s.reroute()
		s.pass(greeted)
		s.stream(source, 3)
		first, last = s.stream(source, 5)
		s.once(first, last, members...)
	}
}

// The faults inside of a router: it forgets all, its table is full, it becomes a boundary.
func TestSparseFaults(t *testing.T) {
	s := sparseLine(t, false)
	s.join(1, 2, 3)
	s.pass(time.Second)
	s.stream(0, 5)
	for r := range 4 {
		s.command(r, ControlForget)
		s.pass(10 * time.Second) // a hello tells the others
		if r == 1 {
			s.pass(RFC.RegisterSuppress * 3 / 2) // the RP hears of the source by the next null-register
		}
		s.stream(0, 3)
		first, last := s.stream(0, 3)
		s.once(first, last, 1, 2, 3)
	}
	s.command(2, ControlBlock)
	first, last := s.stream(0, 3)
	s.once(first, last, 1)
	s.command(2, ControlUnblock)
	first, last = s.stream(0, 3)
	s.once(first, last, 1, 2, 3)

	s.command(3, ControlFull)
	first, last = s.stream(0, 3)
	s.once(first, last, 1, 2, 3)
	s.leave(3)
	s.pass(10 * time.Second)
	s.join(3)
	first, last = s.stream(0, 3)
	s.once(first, last, 1, 2)
	s.command(3, ControlNotFull)
	s.pass(RFC.JoinPeriod)
	first, last = s.stream(0, 3)
	s.once(first, last, 1, 2, 3)
}

// Packets of a stream need no memory but that of the frames.
func TestSparseAllocations(t *testing.T) {
	s := sparseLine(t, true)
	s.join(1, 2, 3)
	s.pass(time.Second)
	s.stream(0, 5)
	r := s.machines[s.router(2)].(*Router)
	wan := -1
	for i, l := range s.net.Routers[2].Links {
		if s.net.Links[l].Name == "wan1" {
			wan = i
		}
	}
	frame := Datagram(&s.net.Hosts[0].Port, s.group, 16, 5000, 5000, make([]byte, 100))
	arena := impl.Arena{}
	out := impl.NewEffects(&arena)
	n := testing.AllocsPerRun(1000, func() {
		arena.Reset()
		out.Reset()
		r.Step(impl.Input{Kind: impl.Packet, Now: s.now, Num: uint64(wan), Body: frame}, out)
		if len(out.List) != 2 {
			t.Fatalf("%d copies of a packet", len(out.List))
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// The choice among candidate RPs of the same priority: values of Value(G,M,C) computed by hand (section 4.7.2).
func TestRPHash(t *testing.T) {
	for _, c := range []struct {
		group string
		mask  uint8
		rp    string
		want  uint32
	}{
		{"239.1.2.3", 30, "10.0.0.1", 917740049},
		{"239.1.2.0", 30, "10.0.0.1", 917740049},
		{"239.1.2.4", 30, "10.0.0.1", 1161692085},
		{"ff15::1:2", 126, "fd00::1", 944359441},
	} {
		if got := rpHash(netip.MustParseAddr(c.group), c.mask, netip.MustParseAddr(c.rp)); got != c.want {
			t.Errorf("%s/%d, %s: %d, want %d", c.group, c.mask, c.rp, got, c.want)
		}
	}
}
