package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Hosts that are in several groups. A node has a stack for each one that concerns it, side by side in an [impl.Node], as
// in the simulated world; and packets name the group whose stack they are for. What is to one node goes over one socket
// for all groups. Where groups have addresses there is a socket for each, and all of them are bound to one port: what
// keeps the groups apart is the kernel, which gives a datagram only to sockets that have joined its group.

// GuestGroup is a group as a guest knows it.
type GuestGroup struct {
	Name    string
	Members []spec.NodeID
	Closed  bool
	Addr    netip.Addr // where packets go that are to the group, on a wire that has addresses for groups
}

// groups are those of the history that a guest writes.
func (g *Guest) groups() (all []spec.Group) {
	for _, x := range g.Groups {
		all = append(all, spec.Group{Name: x.Name, Members: x.Members, Closed: x.Closed})
	}
	return all
}

// layers makes what runs at a node: its stack, or its stacks, with what orders across groups above and the driver of the
// network card below, where there are any.
func (g *Guest) layers(cfg impl.Config, stack func(impl.Config) impl.Layer, across func(impl.Config, []spec.Group) impl.Layer) impl.Layer {
	var below impl.Layer
	if g.Wire == Frames {
		below = driver(&cfg, g.Groups)
	}
	if g.Stacks == nil {
		if below == nil {
			return stack(cfg)
		}
		return impl.NewStack(stack(cfg), below)
	}
	x := impl.Node{Below: below}
	if across != nil {
		all := cfg
		all.Group, all.Members, all.Closed = impl.Shared, nil, false
		x.Above = across(all, g.groups())
	}
	for _, id := range g.Stacks {
		c := cfg
		c.Group, c.Members, c.Closed = id, g.Groups[id].Members, g.Groups[id].Closed
		if id > 0 {
			r := spec.NewRand(cfg.Seed, uint64(id))
			c.Seed = r.Uint64()
		}
		x.Stacks = append(x.Stacks, impl.GroupStack{Group: id, Layer: stack(c)})
	}
	return impl.NewNode(x)
}

// groupPort is the port of the sockets of groups, where there are several: all of them.
const groupPort = lanPort + 1

// grouped are the links of a node that is in several groups.
type grouped struct {
	*datagrams
	addrs   []netip.AddrPort // of the groups
	sockets []*net.UDPConn   // by group; nil: it has no stack for it
}

func listenGroups(cfg *impl.Config, g *Guest) (*grouped, error) {
	d, err := listenDatagrams(cfg, g)
	if err != nil {
		return nil, err
	}
	d.groups = len(g.Groups)
	l := &grouped{datagrams: d, sockets: make([]*net.UDPConn, len(g.Groups))}
	for _, x := range g.Groups {
		at := d.group // of all, on a wire that does not tell groups apart
		if g.Wire == Multicast {
			at = netip.AddrPortFrom(x.Addr, groupPort)
		}
		l.addrs = append(l.addrs, at)
	}
	if g.Wire != Multicast {
		return l, nil
	}
	for _, id := range g.Stacks {
		if l.sockets[id], err = listenGroup(g.Groups[id].Addr); err != nil {
			return nil, errors.Join(fmt.Errorf("netns: the socket of node %d for group %d: %w", cfg.Self, id, err), l.Close())
		}
	}
	return l, nil
}

// listenGroup opens a socket that will hear the group that it joins, and no other one.
func listenGroup(group netip.Addr) (*net.UDPConn, error) {
	level, all, host := unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, "0.0.0.0"
	if group.Is6() {
		level, all, host = unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, "[::]"
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return errors.Join(control(raw, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), control(raw, level, all, 0)) // they share a port
	}}
	c, err := lc.ListenPacket(context.Background(), udpOf(group), fmt.Sprintf("%s:%d", host, groupPort))
	if err != nil {
		return nil, err
	}
	u := c.(*net.UDPConn)
	_ = u.SetReadBuffer(4 << 20) // as much as may be had
	return u, nil
}

// Send implements [Link].
func (l *grouped) Send(e *impl.Effect) {
	if l.group = (netip.AddrPort{}); e.Group >= 0 && int(e.Group) < len(l.addrs) {
		l.group = l.addrs[e.Group]
	}
	l.datagrams.Send(e)
}

// Call implements [Link].
func (l *grouped) Call(e *impl.Effect) (in impl.Input, wanted bool) {
	if e.Call != impl.Join && e.Call != impl.Leave {
		return in, false
	}
	l.spy.joins(e)
	if e.Group >= 0 && int(e.Group) < len(l.sockets) && l.sockets[e.Group] != nil {
		if raw, err := l.sockets[e.Group].SyscallConn(); err == nil {
			belong(raw, l.addrs[e.Group].Addr(), l.own, e.Call == impl.Join)
		}
	}
	return impl.Input{Kind: impl.Done, Ref: e.Ref, Group: e.Group}, e.Ref != 0
}

// Receive implements [Link].
func (l *grouped) Receive(take func(impl.Input) bool) {
	var all sync.WaitGroup
	for id, c := range l.sockets {
		if c != nil {
			all.Go(func() { l.receive(c, spec.GroupID(id), take) })
		}
	}
	l.datagrams.Receive(take)
	all.Wait()
}

// Close implements [Link].
func (l *grouped) Close() error {
	err := l.datagrams.Close()
	for _, c := range l.sockets {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// streamsOfGroups are streams for each group, at a port of its own.
type streamsOfGroups []*streams

func listenStreamsOfGroups(cfg *impl.Config, g *Guest) (streamsOfGroups, error) {
	all := make(streamsOfGroups, len(g.Groups))
	for _, id := range g.Stacks {
		c := *cfg
		c.Group = id
		var peers []netip.AddrPort
		for _, p := range g.Peers {
			peers = append(peers, netip.AddrPortFrom(p.Addr(), p.Port()+uint16(id)))
		}
		var err error
		if all[id], err = listenStreams(&c, peers); err != nil {
			return nil, errors.Join(err, all.Close())
		}
	}
	return all, nil
}

// of gives the streams of a group; nil where the node has no stack for it.
func (all streamsOfGroups) of(g spec.GroupID) *streams {
	if g < 0 || int(g) >= len(all) {
		return nil
	}
	return all[g]
}

// Taken is that of the group's streams.
func (all streamsOfGroups) Taken(in *impl.Input) {
	if s := all.of(in.Group); s != nil {
		s.Taken(in)
	}
}

// Send implements [Link].
func (all streamsOfGroups) Send(e *impl.Effect) {
	if s := all.of(e.Group); s != nil {
		s.Send(e)
	}
}

// Call implements [Link]: there are no groups below.
func (all streamsOfGroups) Call(*impl.Effect) (in impl.Input, wanted bool) { return in, false }

// Receive implements [Link].
func (all streamsOfGroups) Receive(take func(impl.Input) bool) {
	var receivers sync.WaitGroup
	for _, s := range all {
		if s != nil {
			receivers.Go(func() { s.Receive(take) })
		}
	}
	receivers.Wait()
}

// Close implements [Link].
func (all streamsOfGroups) Close() error {
	var errs []error
	for _, s := range all {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
