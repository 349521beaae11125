package netns

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the kernel's network costs: go test -run '^$' -bench LAN -benchtime 1x ./netns
func BenchmarkLAN(b *testing.B) {
	for _, hosts := range []int{8, 32, 128} {
		b.Run(fmt.Sprintf("up/hosts=%d", hosts), func(b *testing.B) {
			for range b.N {
				l := benchLAN(b, hosts)
				b.StopTimer()
				_ = l.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/LAN")
		})
	}
	for _, switched := range []string{"kernel", "own"} {
		for _, load := range []string{"moderate", "flood"} {
			b.Run(fmt.Sprintf("deliveries/hosts=8/switch=%s/load=%s", switched, load), func(b *testing.B) {
				flood(b, 8, switched == "own", load == "moderate")
			})
		}
	}
	b.Run("join", func(b *testing.B) { joins(b, false) })
	b.Run("leave", func(b *testing.B) { joins(b, true) })
}

func benchLAN(b *testing.B, hosts int) *LAN {
	b.Helper()
	l, err := NewLAN(hosts)
	if err != nil {
		b.Skip(err)
	}
	return l
}

// flood lets host 0 send to a group of all others for a while: as fast as it can, or ten packets a millisecond at most.
func flood(b *testing.B, hosts int, altered, moderate bool) {
	const group, while = "239.129.8.8", 300 * time.Millisecond
	l := benchLAN(b, hosts)
	defer l.Close()
	if altered {
		if err := l.Break(nil, []Alter{{From: 1, To: 2, Percent: 100, Twice: true}}); err != nil {
			b.Fatal(err)
		}
	}
	var conns []*net.UDPConn
	var all []int
	for h := range hosts {
		var c *net.UDPConn
		if err := l.thread.in(l.hosts[h], func() (err error) {
			if c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 5000}); err != nil {
				return err
			}
			raw, err := c.SyscallConn()
			if err != nil {
				return err
			}
			_ = control(raw, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
			var e error
			err = raw.Control(func(fd uintptr) {
				e = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
					&unix.IPMreq{Multiaddr: netip.MustParseAddr(group).As4(), Interface: HostAddr(h).As4()})
			})
			if err == nil {
				err = e
			}
			return err
		}); err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if conns = append(conns, c); h > 0 {
			all = append(all, h)
		}
	}
	if err := l.Await(netip.MustParseAddr(group), all, 5*time.Second); err != nil {
		b.Fatal(err)
	}
	to, body := netip.AddrPortFrom(netip.MustParseAddr(group), 5000), make([]byte, 64)
	sent, got := 0, 0
	var took time.Duration
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		for time.Since(start) < while {
			if _, err := conns[0].WriteToUDPAddrPort(body, to); err == nil {
				sent++
			}
			if moderate && sent%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		took += time.Since(start)
		time.Sleep(50 * time.Millisecond)
		buf := make([]byte, 100)
		for _, c := range conns[1:] {
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			for {
				if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
					break
				}
				got++
			}
		}
	}
	b.ReportMetric(float64(sent)/took.Seconds(), "sends/s")
	b.ReportMetric(float64(got)/took.Seconds(), "deliveries/s")
	b.ReportMetric(100-100*float64(got)/float64(sent*(hosts-1)), "%lost")
}

// joins measures how long it is from a join to the first packet across two routers, or from a leave to the time when the
// router on the link forwards none.
func joins(b *testing.B, leave bool) {
	n, err := NewInternet(3, 1)
	if err != nil {
		b.Skip(err)
	}
	defer n.Close()
	s := n.socket(b, 0, 0, 0, 8)
	e := ear{nil, n.socket(b, 2, 0, 5000, 1)}
	var took time.Duration
	for range b.N {
		membership(b, e.UDPConn, n.Address(2, 0), unix.IP_ADD_MEMBERSHIP)
		d, ok := flows(b, s, e, 5*time.Second)
		if !ok {
			b.Fatal("nothing comes across")
		}
		if !leave {
			took += d
		}
		start := time.Now()
		membership(b, e.UDPConn, n.Address(2, 0), unix.IP_DROP_MEMBERSHIP)
		for n.Router(1).Listened(routedAddr) {
			time.Sleep(time.Millisecond)
		}
		if leave {
			took += time.Since(start)
		}
		for n.Router(0).Listened(routedAddr) {
			time.Sleep(time.Millisecond)
		}
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms/op")
}
