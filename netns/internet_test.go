package netns

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const routedGroup = "239.130.1.1"

var routedAddr = netip.MustParseAddr(routedGroup)

func internet(t testing.TB, subnets, hosts int) *Internet {
	t.Helper()
	n, err := NewInternet(subnets, hosts)
	if err != nil {
		if Missing(err) && os.Getenv(RequiredVariable) == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// socket opens a UDP socket on a host of a subnet; ttl is that of what it sends.
func (n *Internet) socket(t testing.TB, subnet, host, port, ttl int) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	if err := n.thread.in(n.hosts[subnet][host], func() (err error) {
		if c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port}); err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err == nil {
			err = control(raw, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, ttl)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// member opens a socket that listens to the group.
func (n *Internet) member(t testing.TB, subnet, host int) ear {
	t.Helper()
	c := n.socket(t, subnet, host, 5000, 1)
	membership(t, c, n.Address(subnet, host), unix.IP_ADD_MEMBERSHIP)
	return ear{nil, c}
}

func membership(t testing.TB, c *net.UDPConn, at netip.Addr, what int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		if e := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, what, &unix.IPMreq{Multiaddr: routedAddr.As4(), Interface: at.As4()})
		}); e != nil {
			err = e
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flows sends until a packet comes that was sent since, and says how long that took; false where none does in time.
func flows(t testing.TB, s *net.UDPConn, e ear, longest time.Duration) (time.Duration, bool) {
	t.Helper()
	start := time.Now()
	mark := fmt.Sprint("mark ", start.UnixNano())
	buf := make([]byte, 100)
	for time.Since(start) < longest {
		if _, err := s.WriteToUDPAddrPort([]byte(mark), netip.AddrPortFrom(routedAddr, 5000)); err != nil {
			t.Fatal(err)
		}
		_ = e.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
		for {
			k, _, err := e.ReadFromUDPAddrPort(buf)
			if err != nil {
				break
			}
			if string(buf[:k]) == mark {
				return time.Since(start), true
			}
		}
	}
	return 0, false
}

// until waits for something, and says how long that took.
func until(t testing.TB, what string, longest time.Duration, is func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !is() {
		if time.Since(start) > longest {
			t.Fatalf("%s: not within %v", what, longest)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(start)
}

// A group crosses two routers to who has joined it, and only there; it no longer does soon after a leave, and after the
// membership interval where nobody says that he leaves.
func TestRoutersForward(t *testing.T) {
	t.Parallel()
	n := internet(t, 3, 2)
	s := n.socket(t, 0, 0, 0, 8)
	start := time.Now()
	e := n.member(t, 2, 0)
	if _, ok := flows(t, s, e, 5*time.Second); !ok {
		t.Fatal("nothing comes across two routers")
	}
	t.Logf("joined after %v", time.Since(start))
	near := n.socket(t, 0, 1, 0, 1)
	if _, ok := flows(t, near, e, 100*time.Millisecond); ok {
		t.Error("a packet with a TTL of 1 crosses a router")
	}
	membership(t, e.UDPConn, n.Address(2, 0), unix.IP_DROP_MEMBERSHIP)
	told := until(t, "leave", 2*time.Second, func() bool { return !n.Router(1).Listened(routedAddr) })
	until(t, "leave upstream", 2*time.Second, func() bool { return !n.Router(0).Listened(routedAddr) })
	before, _ := n.Router(1).Counts(n.Address(0, 0), routedAddr)
	_, _ = s.WriteToUDPAddrPort([]byte("late"), netip.AddrPortFrom(routedAddr, 5000))
	time.Sleep(20 * time.Millisecond)
	if after, _ := n.Router(1).Counts(n.Address(0, 0), routedAddr); after != before {
		t.Errorf("%d packets reach a router below which nobody listens", after-before)
	}
	membership(t, e.UDPConn, n.Address(2, 0), unix.IP_ADD_MEMBERSHIP)
	until(t, "join", 2*time.Second, func() bool { return n.Router(1).Listened(routedAddr) })
	if err := n.Unplug(2, 0, true); err != nil {
		t.Fatal(err)
	}
	aged := until(t, "ageing", 4*time.Second, func() bool { return !n.Router(1).Listened(routedAddr) })
	t.Logf("forgotten %v after a leave, %v after a silence", told, aged)
	if told > routerMembership/2 || aged < routerMembership/3 {
		t.Error("want the one soon, and the other after the membership interval")
	}
}

// A packet that did not come by the interface that its source is reached by is not forwarded, and the kernel counts it.
func TestReversePath(t *testing.T) {
	t.Parallel()
	n := internet(t, 2, 1)
	s := n.socket(t, 0, 0, 0, 8)
	e := n.member(t, 1, 0)
	if _, ok := flows(t, s, e, 5*time.Second); !ok {
		t.Fatal("nothing comes across")
	}
	listener := n.socket(t, 0, 0, 5000, 8)
	membership(t, listener, n.Address(0, 0), unix.IP_ADD_MEMBERSHIP)
	_, wrong := n.Router(0).Counts(n.Address(0, 0), routedAddr)
	// The host below says that it is the one above.
	if err := n.thread.in(n.hosts[1][0], func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		p := []byte{0x45, 0, 0, 32, 0, 0, 0, 0, 8, 17, 0, 0, 10, 130, 0, 1, 239, 130, 1, 1, 0x13, 0x89, 0x13, 0x88, 0, 12, 0, 0, 'f', 'a', 'k', 'e'}
		if err := unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, n.Address(1, 0).As4()); err != nil {
			return err
		}
		for range 5 {
			if err := unix.Sendto(fd, p, 0, &unix.SockaddrInet4{Addr: routedAddr.As4()}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	until(t, "wrong interface", 2*time.Second, func() bool {
		_, now := n.Router(0).Counts(n.Address(0, 0), routedAddr)
		return now == wrong+5
	})
	_ = listener.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	buf := make([]byte, 100)
	for {
		k, _, err := listener.ReadFromUDPAddrPort(buf)
		if err != nil {
			break
		}
		if string(buf[:k]) == "fake" {
			t.Error("a packet that came by the wrong interface is forwarded")
		}
	}
}

// Of hosts on one segment that listen to one group one reports in answer to a query (RFC 2236 section 3).
func TestReportsAreSuppressed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("several query intervals")
	}
	const hosts, rounds = 8, 4
	n := internet(t, 2, hosts)
	for h := range hosts {
		n.member(t, 1, h)
	}
	until(t, "joins", 2*time.Second, func() bool { return n.Router(0).Listened(routedAddr) })
	time.Sleep(2 * routerAsks)
	before := n.Router(0).Heard()
	time.Sleep(rounds * routerAsks)
	got := n.Router(0).Heard() - before
	t.Logf("%d reports of %d hosts in %d rounds", got, hosts, rounds)
	if got < rounds-1 || got >= hosts*rounds*3/4 {
		t.Errorf("%d reports of %d hosts in %d rounds: want about one a round", got, hosts, rounds)
	}
}

// A router that fails takes the group with it, and brings it back when it has asked who listens.
func TestRouterDown(t *testing.T) {
	t.Parallel()
	n := internet(t, 3, 1)
	s := n.socket(t, 0, 0, 0, 8)
	e := n.member(t, 2, 0)
	if _, ok := flows(t, s, e, 5*time.Second); !ok {
		t.Fatal("nothing comes across two routers")
	}
	if err := n.Down(1); err != nil {
		t.Fatal(err)
	}
	if _, ok := flows(t, s, e, 200*time.Millisecond); ok {
		t.Error("packets cross a router that is down")
	}
	if err := n.Up(1); err != nil {
		t.Fatal(err)
	}
	back, ok := flows(t, s, e, 5*time.Second)
	if !ok {
		t.Fatal("nothing comes across a router that is up again")
	}
	t.Logf("back after %v", back)
}
