package netns

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Two groups of one host have sockets at one port, and each hears its group alone: only because it is told to. Without
// that it hears what any other socket of the host has joined.
func TestGroupsAtOnePort(t *testing.T) {
	t.Parallel()
	l := lan(t, 2)
	groups := []netip.Addr{netip.MustParseAddr("239.129.7.1"), netip.MustParseAddr("239.130.7.1")}
	var sockets [2]*net.UDPConn
	err := l.thread.in(l.hosts[0], func() (err error) {
		for i := range sockets {
			if sockets[i], err = listenGroup(groups[i]); err != nil {
				return err
			}
			t.Cleanup(func() { _ = sockets[i].Close() })
			raw, err := sockets[i].SyscallConn()
			if err != nil {
				return err
			}
			m := &unix.IPMreq{Multiaddr: groups[i].As4(), Interface: HostAddr(0).As4()}
			if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, m) }); e != nil || err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if err := l.Await(g, []int{0}, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	var c *net.UDPConn
	if err := l.thread.in(l.hosts[1], func() (err error) { c, err = net.ListenUDP("udp4", nil); return err }); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := func() (n [2]int) {
		for _, g := range groups {
			if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(g, groupPort)); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range sockets {
			_ = s.SetReadDeadline(time.Now().Add(60 * time.Millisecond))
			var b [8]byte
			for {
				if _, err := s.Read(b[:]); err != nil {
					break
				}
				n[i]++
			}
		}
		return n
	}
	if n := heard(); n != [2]int{1, 1} {
		t.Errorf("heard %v, want one each", n)
	}
	raw, err := sockets[1].SyscallConn()
	if err == nil {
		err = control(raw, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := heard(); n != [2]int{1, 2} {
		t.Errorf("heard %v of sockets of which the second is not told to hear its group alone, want 1 and 2", n)
	}
}
