package netns

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// udpOf names UDP over the version of IP of an address.
func udpOf(a netip.Addr) string {
	if a.Is6() {
		return "udp6"
	}
	return "udp4"
}

// prepare6 makes the socket one for a group of IPv6.
func (d *datagrams) prepare6(hops int) error {
	return errors.Join(
		d.option(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0), // or what other sockets of the host have joined is heard too
		d.option(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0),
		d.option(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, hops))
}

// belong6 is belong for a group of IPv6.
func belong6(raw syscall.RawConn, group netip.Addr, join bool) {
	card, err := net.InterfaceByName("lan")
	if err != nil {
		return
	}
	name := unix.IPV6_JOIN_GROUP
	if !join {
		name = unix.IPV6_LEAVE_GROUP
	}
	m := &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(card.Index)}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, name, m) })
}
