package netns

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

const siteSpeed = 100

// siteTiming is that of the RFCs on clocks that are fast, with a last member query interval that hosts can keep.
func siteTiming() ipmulticast.Timing {
	t := ipmulticast.RFC
	t.Speed, t.LastMemberQuery, t.RefreshPeriod = siteSpeed, 10*time.Second, 0
	return t
}

// spread is what a test builds subnets from.
type spread struct {
	plan    ipmulticast.InternetConfig // of three subnets, unless it says another number
	mode    ipmulticast.Routing        // sparse: router 1 is the rendezvous point
	igmp    int                        // of the routers; 0: 3
	hosts   func(host int) int         // the version of each host; nil: the routers'
	ttl     int                        // 0: 16
	changed func(*ipmulticast.RouterConfig)
}

func (x spread) config() SubnetsConfig {
	x.plan.Routed = true
	if x.plan.Subnets == 0 {
		x.plan.Subnets = 3
	}
	if x.igmp == 0 {
		x.igmp = 3
	}
	if x.ttl == 0 {
		x.ttl = 16
	}
	if x.hosts == nil {
		x.hosts = func(int) int { return x.igmp }
	}
	plan := ipmulticast.NewInternet(x.plan)
	return SubnetsConfig{Plan: plan, Speed: siteSpeed, Reroute: 40 * time.Millisecond, TTL: x.ttl, IGMP: x.hosts,
		Router: func(i int) *ipmulticast.Router {
			cfg := ipmulticast.RouterConfig{Name: plan.Routers[i].Name, Ports: plan.Routers[i].Ports, Routes: plan.Routes, Self: i,
				Mode: x.mode, Timing: siteTiming(), Version: x.igmp, Seed: 1}
			if x.plan.IPv6 {
				cfg.Version = max(1, x.igmp-1)
			}
			if x.mode == ipmulticast.Sparse {
				cfg.RPs = []netip.Addr{plan.Routers[1].Ports[0].Addr}
			}
			if x.changed != nil {
				x.changed(&cfg)
			}
			return ipmulticast.NewRouter(cfg)
		}}
}

// build builds it, or skips the test with what the machine lacks.
func (x spread) build(t testing.TB) *LAN { return subnetsOf(t, x.config()) }

func subnetsOf(t testing.TB, cfg SubnetsConfig) *LAN {
	t.Helper()
	l, err := NewSubnets(cfg)
	if err != nil {
		if Missing(err) && os.Getenv(RequiredVariable) == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// siteWorld is a world on subnets, whose judges wait for routers no longer than for hellos.
func siteWorld(t testing.TB, l *LAN, routing string) *World {
	t.Helper()
	w, err := NewWorld(WorldConfig{LAN: l, Stack: "ip/unreliable", Wire: Multicast, TS: 20 * time.Millisecond, TL: 300 * time.Millisecond,
		Declare: func(_ *faults.Scenario, h *spec.Header) {
			h.Topology.Routing = routing
			if routing == "sparse" {
				h.Topology.RPs = h.Topology.Routers[1:2]
			}
			h.Bounds = map[string]time.Duration{"ROUTE-REACH": 150 * time.Millisecond, "ROUTE-CONTAIN": 150 * time.Millisecond,
				"IGMP-AGEING": 2600 * time.Millisecond, "PIM-PRUNE": 2100 * time.Millisecond, "PIM-ASSERT": 100 * time.Millisecond}
		}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// settledPlay plays a scenario, again where the machine was too busy for anything to be said of its times: the kernel has
// one lock for the routes of all namespaces, and takes namespaces down under it.
func settledPlay(t *testing.T, w *World, s *faults.Scenario, longest time.Duration) *spec.History {
	t.Helper()
	const tries = 5
	h := play1(t, w, s)
	for range tries {
		late := max(w.Late(), sentLate(s, h))
		if late < longest {
			break
		}
		t.Logf("%v late", late)
		h = play1(t, w, s)
	}
	return h
}

// sentLate is how much later than it should a node has sent; the steps of a scenario are in the order of time.
func sentLate(s *faults.Scenario, h *spec.History) (late time.Duration) {
	next := 0
	for i := range h.Events {
		if h.Events[i].Kind != spec.Send {
			continue
		}
		for next < len(s.Steps) && s.Steps[next].Action.Op != faults.Send {
			next++
		}
		if next < len(s.Steps) {
			late = max(late, time.Duration(h.Events[i].T-s.Steps[next].When.At))
			next++
		}
	}
	return late
}

// judged checks requirements, each of which has to pass with something at stake.
func judged(t *testing.T, h *spec.History, ids ...spec.ID) {
	t.Helper()
	var j checkers.Judge
	j.Load(h)
	for _, id := range ids {
		f := j.Check(id)
		if f.Verdict != spec.Pass {
			text := f.Reason
			if f.Witness != nil {
				text = f.Witness.Text
			}
			t.Errorf("%s: %v: %s", id, f.Verdict, text)
		}
	}
	if t.Failed() {
		var b strings.Builder
		_ = spec.WriteHistory(&b, h)
		for line := range strings.Lines(b.String()) {
			if !strings.Contains(line, "pim-hello") && !strings.Contains(line, "igmp-") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}

// Messages cross three subnets over the kernels of the routers, whatever they speak: every member gets each once, every
// link carries it once, and it comes to no link where nobody listens.
func TestSubnets(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		spread
		routing string
	}{
		"dense, IGMP 1":   {spread{mode: ipmulticast.Dense, igmp: 1}, "dense"},
		"dense, IGMP 2":   {spread{mode: ipmulticast.Dense, igmp: 2}, "dense"},
		"dense, MLD 2":    {spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{IPv6: true}}, "dense"},
		"sparse, IGMP 3":  {spread{mode: ipmulticast.Sparse}, "sparse"},
		"sparse, MLD 1":   {spread{mode: ipmulticast.Sparse, igmp: 2, plan: ipmulticast.InternetConfig{IPv6: true}}, "sparse"},
		"dense, switches": {spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Switched: true}}, "dense"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "sparse, MLD 1" {
				t.Skip("one of them is enough")
			}
			x.plan.Hosts = 4 // host 3 is on the first LAN, like host 0
			l := x.build(t)
			s, err := faults.Parse("conform.scenario/1\nnodes 4\ngroup g 0 1 3\nseed 1\nat 0s send 0 g 8\nat 200ms send 0 g 8\nat 400ms send 0 g 8\nat 600ms send 1 g 8\nat 800ms send 0 g 8\n")
			if err != nil {
				t.Fatal(err)
			}
			h := settledPlay(t, siteWorld(t, l, x.routing), s, 40*time.Millisecond)
			judged(t, h, "AGREEMENT", "NO-DUPLICATION", "ROUTE-REACH", "ROUTE-ONE-COPY", "ROUTE-CONTAIN")
			forwarded := uint64(0)
			for _, r := range l.Subnets().routers {
				for _, k := range r.order {
					n, _ := r.packets(k.source, k.group)
					forwarded += n
				}
			}
			if forwarded < 4 {
				t.Errorf("the kernels have forwarded %d packets", forwarded)
			}
		})
	}
}

// byNode lists what each node has delivered.
func byNode(h *spec.History) []string {
	out := make([]string, len(h.Nodes))
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == spec.Deliver {
			out[e.Node] += fmt.Sprintf(" %d/%d", e.Msg.Sender, e.Msg.Number)
		}
	}
	return out
}

// A multicast router dies: some but not all members receive, until it is there again and knows, without having been told
// anything but by queries and hellos, who listens behind it (the eighth of the worked examples). What is blocked at a
// boundary, or finds a table that is full, is lost the same way; state that is lost is found again.
func TestRoutersFail(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		fault string
		want  string // that node 2 delivers of 0/1, 0/2 and 0/3
	}{
		"router-down": {"router-down r2 for 300ms", " 0/1 0/3"},
		"boundary":    {"boundary r1 for 300ms", " 0/1 0/3"},
		"table-full":  {"table-full r2 for 300ms", " 0/1 0/2 0/3"}, // what is in the table already goes on
		"prune-lost":  {"prune-lost r1", " 0/1 0/2 0/3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "router-down" {
				t.Skip("one of them is enough")
			}
			l := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 4}}.build(t)
			s, err := faults.Parse("conform.scenario/1\nnodes 4\ngroup g 0 1 2 3\nseed 1\nat 0s send 0 g 8\nat 100ms " + x.fault +
				"\nat 250ms send 0 g 8\nat 900ms send 0 g 8\n")
			if err != nil {
				t.Fatal(err)
			}
			h := settledPlay(t, siteWorld(t, l, "dense"), s, 40*time.Millisecond)
			got := byNode(h)
			if got[2] != x.want || got[3] != " 0/1 0/2 0/3" {
				t.Errorf("delivered: %q, want %q at node 2 and everything at node 3", got, x.want)
			}
			judged(t, h, "NO-DUPLICATION", "ROUTE-ONE-COPY")
		})
	}
}

// Where two routers serve a LAN one forwards; when it goes down the other one does. Without their election both do, and
// the judge of routes sees it on the kernel's links.
func TestTwoRoutersOnALAN(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a run of seconds")
	}
	x := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 3, Shape: ipmulticast.Ring}}
	sends := ""
	for i := range 4 {
		sends += fmt.Sprintf("at %dms send 2 g 8\n", i*150)
	}
	t.Run("elected", func(t *testing.T) {
		t.Parallel()
		l := x.build(t)
		s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\n" + sends + "at 500ms router-down r3\nat 1800ms send 2 g 8\n")
		if err != nil {
			t.Fatal(err)
		}
		h := settledPlay(t, siteWorld(t, l, "dense"), s, 40*time.Millisecond)
		judged(t, h, "AGREEMENT", "ROUTE-NO-DUPLICATE", "ROUTE-ONE-COPY")
		if got := byNode(h)[0]; !strings.HasSuffix(got, " 2/5") {
			t.Errorf("after the loss of one of two routers node 0 has delivered %s", got)
		}
	})
	t.Run("not elected", func(t *testing.T) {
		t.Parallel()
		y := x
		y.changed = func(cfg *ipmulticast.RouterConfig) { cfg.Rules.Asserts = func() bool { return false } }
		l := y.build(t)
		s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\n" + sends)
		if err != nil {
			t.Fatal(err)
		}
		var j checkers.Judge
		j.Load(settledPlay(t, siteWorld(t, l, "dense"), s, 40*time.Millisecond))
		for _, id := range []spec.ID{"ROUTE-NO-DUPLICATE", "ROUTE-ONE-COPY"} {
			f := j.Check(id)
			if f.Verdict != spec.Fail {
				t.Errorf("%s: %v %s", id, f.Verdict, f.Reason)
			} else {
				t.Log(f.Witness.Text)
			}
		}
	})
}

// mouth opens a UDP socket on a host, from which datagrams go across routers.
func mouth(t *testing.T, l *LAN, host int) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	if err := l.thread.in(l.hosts[host], func() (err error) {
		if c, err = net.ListenUDP("udp4", nil); err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err == nil {
			err = control(raw, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 8)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// siteEar opens a socket on a host that listens to the group; with a source, to that source alone.
func siteEar(t *testing.T, l *LAN, host int, source netip.Addr) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	if err := l.thread.in(l.hosts[host], func() (err error) {
		if c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 5000}); err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		own := l.addr(host).As4()
		return errors2(raw.Control(func(fd uintptr) {
			if source.IsValid() {
				s := source.As4()
				g := routedAddr.As4()
				err = unix.SetsockoptString(int(fd), unix.IPPROTO_IP, unix.IP_ADD_SOURCE_MEMBERSHIP, string(g[:])+string(own[:])+string(s[:]))
			} else {
				err = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: routedAddr.As4(), Interface: own})
			}
		}), &err)
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func errors2(a error, b *error) error {
	if a != nil {
		return a
	}
	return *b
}

// catch keeps the frames that cross the segments.
type catch struct {
	mu     sync.Mutex
	frames []caught
}

type caught struct {
	from int // host; below zero: router -1-from
	b    []byte
}

func catchAll(t *testing.T, l *LAN) *catch {
	t.Helper()
	c := &catch{}
	stop, err := l.wide.watch(&sightings{nodes: len(l.hosts), s: &faults.Scenario{Groups: make([]faults.Group, 1)}, group: routedAddr, epoch: Now(),
		show: func(_ spec.Time, from int, b []byte) {
			c.mu.Lock()
			c.frames = append(c.frames, caught{from, slices.Clone(b)})
			c.mu.Unlock()
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	return c
}

// count counts the frames that are so.
func (c *catch) count(is func(from int, in *ipmulticast.IP, x ipmulticast.Inspected) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var look ipmulticast.Inspector
	var h ipmulticast.IP
	for _, f := range c.frames {
		e, ok := ipmulticast.ParseFrame(f.b)
		if ok && ipmulticast.ParseIP(e.Payload, &h) && is(f.from, &h, look.Read(f.b)) {
			n++
		}
	}
	return n
}

// A router of version 3 hears hosts of all versions, each in its own words (RFC 3376 section 7.3), and forwards to all of
// them. What it hears of leaving it believes who can say so; who can't is aged out.
func TestMixedVersions(t *testing.T) {
	t.Parallel()
	l := spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Hosts: 4, Subnets: 4}, hosts: func(h int) int { return min(3, max(1, h)) }}.build(t)
	c := catchAll(t, l)
	s := mouth(t, l, 0)
	for h := 1; h <= 3; h++ {
		e := ear{t, siteEar(t, l, h, netip.Addr{})}
		if _, ok := flows(t, s, e, 3*time.Second); !ok {
			t.Fatalf("nothing comes to a host of version %d", h)
		}
	}
	reports := func(h, version int) int {
		typ := map[int]byte{1: 0x12, 2: 0x16, 3: 0x22}[version]
		return c.count(func(from int, in *ipmulticast.IP, _ ipmulticast.Inspected) bool {
			return from == h && in.Protocol == ipmulticast.ProtoIGMP && len(in.Payload) > 0 && in.Payload[0] == typ
		})
	}
	for h := 1; h <= 3; h++ {
		until(t, "a report of a host in its own version", 2*time.Second, func() bool { return reports(h, h) > 0 })
		for version := 1; version <= 3; version++ {
			if n := reports(h, version); n > 0 && h != version {
				t.Errorf("%d reports of version %d from the host of version %d", n, version, h)
			}
		}
	}
}

// With version 3 a host asks for one source, and its link gets the packets of no other one: the router itself stops them.
func TestSourceFilter(t *testing.T) {
	t.Parallel()
	l := spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Hosts: 3}}.build(t)
	c := catchAll(t, l)
	wanted, other := mouth(t, l, 0), mouth(t, l, 1)
	e := ear{t, siteEar(t, l, 2, l.addr(0))}
	if _, ok := flows(t, wanted, e, 3*time.Second); !ok {
		t.Fatal("nothing comes from the source that was asked for")
	}
	if _, ok := flows(t, other, e, 100*time.Millisecond); ok {
		t.Error("something comes from another source")
	}
	from := func(host int) int {
		return c.count(func(sender int, in *ipmulticast.IP, x ipmulticast.Inspected) bool {
			return sender == -1-2 && x.Kind == ipmulticast.DataFrame && in.Src == l.addr(host) && in.TTL == 8-3+boolInt(host == 1)
		})
	}
	if from(0) == 0 || from(1) != 0 {
		t.Errorf("on the link of the host are %d packets of the source that it asked for, and %d of the other", from(0), from(1))
	}
}

func boolInt(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// Of two routers on a link the one with the lower address asks (RFC 2236 section 3). When it is gone the other one asks
// after the other querier present interval, 255 s on the clocks of routers, and hosts stay members all along.
func TestQuerierGoneBetweenSubnets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes the other querier present interval")
	}
	l := spread{mode: ipmulticast.Dense, igmp: 2, plan: ipmulticast.InternetConfig{Hosts: 3, Shape: ipmulticast.Ring}}.build(t)
	n := l.Subnets()
	siteEar(t, l, 0, netip.Addr{})
	asks := func(r int) bool {
		x := n.routers[r]
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.layer != nil && x.layer.Querier(0)
	}
	second := len(n.routers) - 1 // the other one on the first LAN
	until(t, "an elected querier", 2*time.Second, func() bool { return asks(0) && !asks(second) })
	until(t, "a member", 2*time.Second, func() bool { return n.routers[second].listened(0, routedAddr) })
	if err := n.routers[0].stop(); err != nil {
		t.Fatal(err)
	}
	took := until(t, "another querier", 4*time.Second, func() bool { return asks(second) })
	t.Logf("another querier after %v", took)
	if !n.routers[second].listened(0, routedAddr) {
		t.Error("the member was forgotten")
	}
}

// A packet with a time to live of one stays on its link, and those of a group that no router forwards do so always.
func TestTTL(t *testing.T) {
	t.Parallel()
	l := spread{mode: ipmulticast.Dense, ttl: 1, plan: ipmulticast.InternetConfig{Hosts: 3, Subnets: 2}}.build(t)
	s, err := faults.Parse("conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 1\nat 0s send 0 g 8\n")
	if err != nil {
		t.Fatal(err)
	}
	h := settledPlay(t, siteWorld(t, l, "dense"), s, 40*time.Millisecond)
	judged(t, h, "TTL-SCOPE")
	if got := byNode(h); got[1] != "" || got[2] != " 0/1" {
		t.Errorf("delivered: %q", got)
	}
}

// What can't be played between subnets is said by name.
func TestSubnetsCannot(t *testing.T) {
	t.Parallel()
	l := spread{mode: ipmulticast.Dense, plan: ipmulticast.InternetConfig{Hosts: 2, Subnets: 2}}.build(t)
	for _, c := range []struct{ step, want string }{
		{"at 0s delay 0 by 1ms", "no switch of our own"},
		{"at 0s router-down r2", "the number of routers is 2"},
		{"at 0s rogue 10%", "one switch of a LAN"},
	} {
		s, err := faults.Parse("conform.scenario/1\nnodes 2\ngroup g 0 1\nseed 1\n" + c.step + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Fits(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.step, err, c.want)
		}
	}
	w, err := NewWorld(WorldConfig{LAN: l})
	if err != nil || w.Can(faults.RouterDown) != nil || w.Can(faults.Corrupt) == nil {
		t.Error(err, w.Can(faults.RouterDown), w.Can(faults.Corrupt))
	}
}
