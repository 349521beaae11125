package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
)

// Wire says how a node's packets get to other hosts of a LAN.
type Wire string

// The wires. A packet to one node is a datagram to its host on all but Streams and Frames; a packet to the group is one
// to the group's address (Multicast), one to every host of the LAN (Broadcast), or does not occur. Frames are below IP.
const (
	Unicast   Wire = "unicast"
	Multicast Wire = "multicast"
	Broadcast Wire = "broadcast"
	Streams   Wire = "streams"
	Frames    Wire = "frames"
)

// lanPort is the port of all nodes, UDP and TCP.
const lanPort = 5000

// datagrams are the links of a node on a LAN: one socket, with the kernel's IP below it.
type datagrams struct {
	*links
	wire  Wire
	group netip.AddrPort // to whom packets to the group go
	raw   syscall.RawConn
	own   netip.Addr
}

// listenDatagrams opens the socket of a node in the namespace of its process.
func listenDatagrams(cfg *impl.Config, g *Guest) (*datagrams, error) {
	// A socket that is bound to an address of its own would not hear the group.
	c, err := net.ListenUDP(udpOf(g.Peers[cfg.Self].Addr()), &net.UDPAddr{Port: lanPort})
	if err != nil {
		return nil, fmt.Errorf("netns: the socket of node %d: %w", cfg.Self, err)
	}
	d := &datagrams{links: newLinks(c, cfg, g.Peers), wire: g.Wire, own: g.Peers[cfg.Self].Addr()}
	d.spy = newSpy(g)
	if d.raw, err = c.SyscallConn(); err == nil {
		err = d.prepare(g.Groups[0].Addr, max(1, g.TTL))
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return d, nil
}

func (d *datagrams) prepare(group netip.Addr, ttl int) error {
	switch d.wire {
	case Broadcast:
		d.group = netip.AddrPortFrom(lanBroadcast, lanPort)
		return d.option(unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	case Multicast:
		d.group = netip.AddrPortFrom(group, lanPort)
		if group.Is6() {
			return d.prepare6(ttl)
		}
		return errors.Join(
			d.option(unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0), // or what other sockets of the host have joined is heard too
			d.option(unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0),
			d.option(unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT), // or the kernel does not number what it sends
			d.option(unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, ttl))
	}
	return nil
}

func (d *datagrams) option(level, name, value int) error {
	var err error
	if e := d.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, value) }); e != nil {
		return e
	}
	return err
}

// Send implements [Link].
func (d *datagrams) Send(e *impl.Effect) {
	if e.To != impl.Everyone {
		d.send(e.To, d.of(e), e.Body, markOf(e.Code))
		return
	}
	if len(e.Body) > maxPacket || !d.group.IsValid() {
		d.lost++
		return
	}
	if _, err := d.socket.WriteToUDPAddrPort(d.frame(d.of(e), e.Body, markOf(e.Code)|groupMark), d.group); err != nil {
		d.lost++
		return
	}
	d.sent++
}

// Call implements [Link]: the kernel tells the switch.
func (d *datagrams) Call(e *impl.Effect) (in impl.Input, wanted bool) {
	if e.Call != impl.Join && e.Call != impl.Leave {
		return in, false
	}
	d.spy.joins(e)
	if d.wire == Multicast {
		belong(d.raw, d.group.Addr(), d.own, e.Call == impl.Join)
	}
	return impl.Input{Kind: impl.Done, Ref: e.Ref, Group: e.Group}, e.Ref != 0
}

// belong joins or leaves a group, by the card of the host. Joining again changes nothing, and who has not joined
// can't leave: neither is an error of the protocol.
func belong(raw syscall.RawConn, group, own netip.Addr, join bool) {
	if group.Is6() {
		belong6(raw, group, join)
		return
	}
	name := unix.IP_ADD_MEMBERSHIP
	if !join {
		name = unix.IP_DROP_MEMBERSHIP
	}
	m := &unix.IPMreq{Multiaddr: group.As4(), Interface: own.As4()}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, name, m) })
}
