package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// probeGroup is a group of nobody else, and probePort a port: between fork and exec a process that somebody starts has a
// copy of the socket, so that its port may still be taken when a node begins.
var probeGroup = netip.MustParseAddr("239.129.255.254")

const probePort = lanPort - 1

// probe waits until packets to a group cross the subnets from each to every other one: so it becomes known that routers
// which do not say whom they know have found each other. What does not cross until then never will, which is for the
// judges; but routers that are no longer there, or do not take what they were told to do, are no routers.
func (n *Subnets) probe(longest time.Duration) (err error) {
	if n.v6 {
		return errors.New("netns: FRR's pimd routes IPv4")
	}
	var sockets []*net.UDPConn
	defer func() {
		for _, c := range sockets {
			err = errors.Join(err, c.Close())
		}
	}()
	seen := map[int]bool{}
	for h := range n.lan.hosts {
		if l := n.cfg.Plan.Hosts[h].Link; !seen[l] { // one host on each
			seen[l] = true
			c, err := n.probeSocket(h)
			if err != nil {
				return err
			}
			sockets = append(sockets, c)
		}
	}
	from := map[string]map[netip.Addr]bool{} // by who has heard
	to := netip.AddrPortFrom(probeGroup, probePort)
	buf := make([]byte, 16)
	for end := time.Now().Add(longest); time.Now().Before(end); {
		complete := true
		for _, c := range sockets {
			if _, err := c.WriteToUDPAddrPort([]byte("probe"), to); err != nil {
				return fmt.Errorf("netns: probe: %w", err)
			}
		}
		for i, c := range sockets {
			heard := from[fmt.Sprint(i)]
			if heard == nil {
				heard = map[netip.Addr]bool{}
				from[fmt.Sprint(i)] = heard
			}
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			for {
				_, a, err := c.ReadFromUDPAddrPort(buf)
				if err != nil {
					break
				}
				heard[a.Addr().Unmap()] = true
			}
			complete = complete && len(heard) >= len(sockets)-1
		}
		if complete {
			break
		}
	}
	for _, r := range n.routers {
		if r.others != nil {
			err = errors.Join(err, r.others.ended(), r.others.refuses())
		}
	}
	return err
}

func (n *Subnets) probeSocket(h int) (c *net.UDPConn, err error) {
	err = n.lan.thread.in(n.lan.hosts[h], func() error {
		if c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: probePort}); err != nil {
			return err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		var errs []error
		err = raw.Control(func(fd uintptr) {
			errs = append(errs, unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 32),
				unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0),
				unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: probeGroup.As4(), Interface: n.lan.addr(h).As4()}))
		})
		return errors.Join(append(errs, err)...)
	})
	return c, err
}

// foreign says whether any router is not ours.
func (n *Subnets) foreign() bool {
	return slices.ContainsFunc(n.routers, func(r *siteRouter) bool { return r.others != nil })
}
