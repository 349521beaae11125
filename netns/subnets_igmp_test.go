package netns

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

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

func catchAll(t *testing.T, l *LAN) *catch {
	t.Helper()
	c := &catch{}
	stop, err := l.wide.watch(&sightings{nodes: len(l.hosts), s: &faults.Scenario{Groups: make([]faults.Group, 1)}, groups: []netip.Addr{routedAddr}, epoch: Now(),
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
