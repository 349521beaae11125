package netns

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// What the kernel does by itself, and the traps in it, one test each. They are why the package is as it is.

// ear is a UDP socket on a host.
type ear struct {
	t *testing.T
	*net.UDPConn
}

// listen opens a socket on a host.
func listen(t *testing.T, l *LAN, host, port int, options ...[2]int) ear {
	t.Helper()
	var c *net.UDPConn
	err := l.thread.in(l.hosts[host], func() (err error) {
		// A process that another test is just starting has copies of all sockets until it is its own program: also of
		// one that has been closed.
		for end := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
			if c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port}); !errors.Is(err, unix.EADDRINUSE) || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		for _, o := range options {
			if err := control(raw, unix.IPPROTO_IP, o[0], o[1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return ear{t, c}
}

func (e ear) join(host int, group string) ear {
	e.t.Helper()
	raw, err := e.SyscallConn()
	if err == nil {
		if e := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
				&unix.IPMreq{Multiaddr: netip.MustParseAddr(group).As4(), Interface: HostAddr(host).As4()})
		}); e != nil {
			err = e
		}
	}
	if err != nil {
		e.t.Fatal(err)
	}
	return e
}

func (e ear) send(group string, port int, text string) {
	e.t.Helper()
	if _, err := e.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(netip.MustParseAddr(group), uint16(port))); err != nil {
		e.t.Fatal(err)
	}
}

// heard gives what has come until "end" has, which is sent last, or until a time has passed.
func (e ear) heard(longest time.Duration) (texts []string) {
	e.t.Helper()
	_ = e.SetReadDeadline(time.Now().Add(longest))
	buf := make([]byte, 100)
	for {
		n, _, err := e.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) == "end" {
			return texts
		}
		texts = append(texts, string(buf[:n]))
	}
}

// known waits until the switch forwards a group to these hosts.
func known(t *testing.T, l *LAN, group string, hosts ...int) {
	t.Helper()
	if err := l.Await(netip.MustParseAddr(group), hosts, 5*time.Second); err != nil {
		t.Fatal(err)
	}
}

// A socket that does not forbid it hears what other sockets of its host have joined (IP_MULTICAST_ALL).
func TestForeignGroupsAreHeardUnlessForbidden(t *testing.T) {
	t.Parallel()
	l := lan(t, 2)
	for all, want := range [][]string{{"mine"}, {"foreign", "mine"}} {
		e := listen(t, l, 1, 5000, [2]int{unix.IP_MULTICAST_ALL, all}).join(1, "239.129.9.1")
		other := listen(t, l, 1, 6000).join(1, "239.129.9.2")
		known(t, l, "239.129.9.1", 1)
		known(t, l, "239.129.9.2", 1)
		s := listen(t, l, 0, 0)
		s.send("239.129.9.2", 5000, "foreign")
		s.send("239.129.9.1", 5000, "mine")
		s.send("239.129.9.1", 5000, "end")
		if got := e.heard(5 * time.Second); !slices.Equal(got, want) {
			t.Errorf("with %d: %q, want %q", all, got, want)
		}
		_, _ = e.Close(), other.Close()
	}
}

// 32 groups have the same hardware address (RFC 1112 section 6.4): what a network card can't tell apart, IP does.
func TestGroupsWithOneHardwareAddress(t *testing.T) {
	t.Parallel()
	l := lan(t, 2)
	if err := l.set(map[int]uint64{nl.IFLA_BR_MCAST_SNOOPING: 0}); err != nil { // the switch floods, so that all of it comes to the card
		t.Fatal(err)
	}
	e := listen(t, l, 1, 5000).join(1, "239.129.1.1") // of which not even IP_MULTICAST_ALL lets anything through
	wire := tap(t, l, 1)
	s := listen(t, l, 0, 0)
	for _, g := range []string{"224.1.1.1", "225.1.1.1", "239.1.1.1", "224.129.1.1"} {
		s.send(g, 5000, "alias")
	}
	s.send("239.129.1.1", 5000, "mine")
	s.send("239.129.1.1", 5000, "end")
	if got := e.heard(5 * time.Second); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("%q", got)
	}
	to := net.HardwareAddr{1, 0, 0x5e, 1, 1, 1}
	if n := wire.count(func(f []byte) bool { return string(f[:6]) == string(to) }); n != 6 {
		t.Errorf("%d frames with that address, want 6", n)
	}
}

// wire counts the frames that come to a host's card.
type wire struct {
	t  *testing.T
	fd int
}

func tap(t *testing.T, l *LAN, host int) wire {
	t.Helper()
	w := wire{t: t}
	if err := l.thread.in(l.hosts[host], func() (err error) {
		w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0x0300)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(w.fd) })
	return w
}

// count gives how many of the frames that have come are of a kind. What a host sends itself does not count.
func (w wire) count(of func(frame []byte) bool) (n int) {
	buf := make([]byte, 1<<16)
	for {
		k, from, err := unix.Recvfrom(w.fd, buf, 0)
		if err != nil {
			return n
		}
		if at, ok := from.(*unix.SockaddrLinklayer); ok && at.Pkttype != unix.PACKET_OUTGOING && k > 34 && of(buf[:k]) {
			n++
		}
	}
}

// toGroup says whether a frame carries a packet to a group.
func toGroup(group string) func([]byte) bool {
	a := netip.MustParseAddr(group).As4()
	return func(f []byte) bool { return f[12] == 8 && string(f[30:34]) == string(a[:]) }
}

// A switch that snoops sends a group to those who listen, and to nobody else (RFC 4541); but what is for the link,
// 224.0.0.0/24, to everybody, and it keeps no entry of who listens to that.
func TestOnlyLinkLocalGroupsAreFlooded(t *testing.T) {
	t.Parallel()
	l := lan(t, 3)
	e := listen(t, l, 1, 5000).join(1, "239.129.9.1").join(1, "224.0.0.77")
	known(t, l, "239.129.9.1", 1)
	wire := tap(t, l, 2)
	s := listen(t, l, 0, 0)
	for range 5 {
		s.send("239.129.9.1", 5000, "x")
		s.send("224.0.0.77", 5000, "x")
	}
	s.send("224.0.0.77", 5000, "end")
	if got := e.heard(5 * time.Second); len(got) != 10 {
		t.Errorf("%d packets", len(got))
	}
	seen := map[string]int{}
	wire.count(func(f []byte) bool {
		for _, g := range []string{"239.129.9.1", "224.0.0.77"} {
			if toGroup(g)(f) {
				seen[g]++
			}
		}
		return false
	})
	if seen["239.129.9.1"] != 0 || seen["224.0.0.77"] != 6 {
		t.Errorf("at a host that does not listen: %v", seen)
	}
	at, err := l.Listeners(netip.MustParseAddr("224.0.0.77"))
	if err != nil || len(at) != 0 {
		t.Error(at, err)
	}
}

// A TTL of 0 keeps a packet on its host, 1 on the link (RFC 1112 section 6.1).
func TestScopeOfTTL(t *testing.T) {
	t.Parallel()
	l := lan(t, 2)
	e := listen(t, l, 1, 5000).join(1, "239.129.9.1")
	here := listen(t, l, 0, 5000).join(0, "239.129.9.1")
	known(t, l, "239.129.9.1", 0, 1)
	for ttl, want := range []int{0, 1} {
		s := listen(t, l, 0, 0, [2]int{unix.IP_MULTICAST_TTL, ttl}, [2]int{unix.IP_MULTICAST_LOOP, 1})
		s.send("239.129.9.1", 5000, "x")
		if got := here.heard(200 * time.Millisecond); len(got) != 1 {
			t.Errorf("TTL %d: %d on the host itself", ttl, len(got))
		}
		if got := e.heard(200 * time.Millisecond); len(got) != want {
			t.Errorf("TTL %d: %d on the link, want %d", ttl, len(got), want)
		}
	}
}

// A process that is killed leaves its groups, because the kernel says so for it. A host whose cable is unplugged first
// says nothing: the switch goes on sending to it until its entry is too old.
func TestKilledAndSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("the switch takes seconds to forget")
	}
	t.Parallel()
	l := lan(t, 3)
	w := earth(t, l, "ip/unreliable")
	w.s, w.epoch, w.plays = scenario(t, ""), Now(), 1
	w.moments, w.fired = make(chan moment, 1), map[int]bool{}
	defer func() {
		if err := w.clear(); err != nil {
			t.Error(err)
		}
	}()
	if err := w.raise(); err != nil {
		t.Fatal(err)
	}
	gone := func(n spec.NodeID, lossy bool) time.Duration {
		start := time.Now()
		if err := w.crash(n, lossy); err != nil {
			t.Fatal(err)
		}
		for ; ; time.Sleep(5 * time.Millisecond) {
			at, err := l.Listeners(w.groupAddr(0))
			if err != nil {
				t.Fatal(err)
			}
			if !at[int(n)] || time.Since(start) > 20*time.Second {
				return time.Since(start)
			}
		}
	}
	told := gone(1, false)
	aged := gone(2, true)
	t.Logf("gone after %v when the kernel says so, after %v when nobody does", told, aged)
	if told > time.Second || aged < time.Second || aged > 10*time.Second {
		t.Error("want less than a second, and more")
	}
}
