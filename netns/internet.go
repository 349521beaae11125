package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Internet is a line of subnets, with hosts on each and a multicast router between any two: router i stands between
// subnet i, which is upstream of it, and subnet i+1. Every subnet is one shared segment, without a switch that snoops: a
// host hears what the others report. Hosts are the kernel's, of IGMP version 2. Its methods are for one goroutine.
type Internet struct {
	thread  *thread
	core    namespace // of the segments
	links   *netlink.Handle
	hosts   [][]namespace
	gates   []namespace
	routers []*Router
	subnets int
}

// Address gives the address of a host of a subnet.
func (n *Internet) Address(subnet, host int) netip.Addr { return site(subnet, host+1) }

func site(subnet, last int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 130, byte(subnet), byte(last)})
}

// The last bytes of the addresses of routers: of the one below a subnet, for which it is upstream, and of the one above.
const (
	gateBelow = 254
	gateAbove = 253
)

// NewInternet builds so many subnets, each with so many hosts.
func NewInternet(subnets, hosts int) (n *Internet, err error) {
	if subnets < 1 || subnets > 16 || hosts < 1 || hosts > 100 {
		return nil, fmt.Errorf("netns: %d subnets of %d hosts: want 1 to 16, of 1 to 100", subnets, hosts)
	}
	n = &Internet{subnets: subnets, hosts: make([][]namespace, subnets)}
	if n.thread, err = newThread(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	if n.core, err = n.thread.make(); err != nil {
		return n, err
	}
	if err = n.thread.in(n.core, n.segments); err != nil {
		return n, err
	}
	for s := range subnets {
		for h := range hosts {
			x, err := n.thread.make()
			if err != nil {
				return n, err
			}
			n.hosts[s] = append(n.hosts[s], x)
			if err := n.plug(x, fmt.Sprintf("h%d-%d", s, h), "lan", s); err != nil {
				return n, err
			}
			if err := n.thread.in(x, func() error { return n.settle(s, h) }); err != nil {
				return n, err
			}
		}
	}
	for i := range subnets - 1 {
		if err := n.route(i); err != nil {
			return n, err
		}
	}
	return n, nil
}

// segments makes the segments, in the namespace of this thread.
func (n *Internet) segments() (err error) {
	if err := quieten(); err != nil {
		return err
	}
	if n.links, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return can("speak rtnetlink", err)
	}
	for s := range n.subnets {
		snooping := false
		br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprint("lan", s)}, MulticastSnooping: &snooping}
		if err := n.links.LinkAdd(br); err != nil {
			return can("make a bridge (CONFIG_BRIDGE)", err)
		}
		if err := n.links.LinkSetUp(br); err != nil {
			return can("bring up a bridge", err)
		}
	}
	return nil
}

// plug connects a namespace with a segment.
func (n *Internet) plug(x namespace, port, card string, subnet int) error {
	return n.thread.in(n.core, func() error {
		br, err := n.links.LinkByName(fmt.Sprint("lan", subnet))
		if err != nil {
			return err
		}
		v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: port, MasterIndex: br.Attrs().Index}, PeerName: card, PeerNamespace: netlink.NsFd(x.fd())}
		if err := n.links.LinkAdd(v); err != nil {
			return can("make a veth (CONFIG_VETH)", err)
		}
		return can("bring up a port", n.links.LinkSetUp(v))
	})
}

// settle makes a host of the namespace of this thread.
func (n *Internet) settle(s, h int) error {
	if err := errors.Join(quieten(), sysctl("net/ipv4/conf/all/force_igmp_version", "2")); err != nil {
		return err
	}
	if err := assign("lan", n.Address(s, h)); err != nil {
		return err
	}
	if err := via("lan", netip.MustParsePrefix("224.0.0.0/4"), netip.Addr{}); err != nil {
		return err
	}
	return n.reach(s, "lan", "lan")
}

// reach tells a machine on a subnet how to get to all others: by the router above, or by the one below.
func (n *Internet) reach(s int, above, below string) error {
	for k := range n.subnets {
		to := netip.PrefixFrom(site(k, 0), 24)
		var err error
		switch {
		case k < s && above != "":
			err = via(above, to, site(s, gateAbove))
		case k > s && below != "":
			err = via(below, to, site(s, gateBelow))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// route builds router i.
func (n *Internet) route(i int) error {
	x, err := n.thread.make()
	if err != nil {
		return err
	}
	n.gates = append(n.gates, x)
	if err := errors.Join(n.plug(x, fmt.Sprint("up", i), "up", i), n.plug(x, fmt.Sprint("down", i), "down", i+1)); err != nil {
		return err
	}
	r := &Router{behind: func(src netip.Addr) int {
		if int(src.As4()[2]) <= i {
			return 0
		}
		return 1
	}}
	n.routers = append(n.routers, r)
	if err := n.thread.in(x, func() error {
		return errors.Join(quieten(), sysctl("net/ipv4/ip_forward", "1"), sysctl("net/ipv4/conf/all/rp_filter", "0"), sysctl("net/ipv4/conf/default/rp_filter", "0"))
	}); err != nil {
		return err
	}
	return n.Up(i)
}

// Router gives router i.
func (n *Internet) Router(i int) *Router { return n.routers[i] }

// Up lets router i begin, knowing nothing.
func (n *Internet) Up(i int) error {
	return n.thread.in(n.gates[i], func() error {
		r := n.routers[i]
		r.links = nil
		for _, l := range []struct {
			card string
			addr netip.Addr
		}{{"up", site(i, gateBelow)}, {"down", site(i+1, gateAbove)}} {
			if err := assign(l.card, l.addr); err != nil {
				return err
			}
			card, err := net.InterfaceByName(l.card)
			if err != nil {
				return err
			}
			r.links = append(r.links, routerLink{card.Index, l.addr, netip.PrefixFrom(l.addr, 24).Masked()})
		}
		if err := errors.Join(n.reach(i, "up", ""), n.reach(i+1, "", "down")); err != nil {
			return err
		}
		return r.start()
	})
}

// Down lets router i fail: it is silent, and has forgotten everything when it comes back.
func (n *Internet) Down(i int) error {
	err := n.routers[i].stop()
	return errors.Join(err, n.thread.in(n.gates[i], func() error {
		for _, card := range []string{"up", "down"} {
			link, err := netlink.LinkByName(card)
			if err == nil {
				err = netlink.LinkSetDown(link)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// Unplug takes the cable of a host out, or puts it back: it says nothing and hears nothing.
func (n *Internet) Unplug(subnet, host int, out bool) error {
	return n.thread.in(n.core, func() error {
		link, err := n.links.LinkByName(fmt.Sprintf("h%d-%d", subnet, host))
		if err != nil {
			return err
		}
		if out {
			return n.links.LinkSetDown(link)
		}
		return n.links.LinkSetUp(link)
	})
}

// Close takes it down.
func (n *Internet) Close() error {
	var errs []error
	for _, r := range n.routers {
		errs = append(errs, r.stop())
	}
	if n.links != nil {
		n.links.Close()
	}
	all := append([]namespace{n.core}, n.gates...)
	for _, hosts := range n.hosts {
		all = append(all, hosts...)
	}
	for _, x := range all {
		if x.f != nil {
			errs = append(errs, x.f.Close())
		}
	}
	n.thread.end()
	return errors.Join(errs...)
}

// sysctl sets a variable of the kernel in the namespace of this thread.
func sysctl(name, value string) error {
	return can("set "+name, os.WriteFile("/proc/sys/"+name, []byte(value), 0))
}

// assign gives a card its address and brings it up, and lo as well.
func assign(card string, addr netip.Addr) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(card)
	if err != nil {
		return err
	}
	err = netlink.AddrReplace(link, &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(24, 32)}})
	return can("give a machine its address", errors.Join(err, netlink.LinkSetUp(lo), netlink.LinkSetUp(link)))
}

// via routes by a card, to a router if there is one.
func via(card string, to netip.Prefix, gate netip.Addr) error {
	link, err := netlink.LinkByName(card)
	if err != nil {
		return err
	}
	r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), 32)}}
	if r.Scope = netlink.SCOPE_LINK; gate.IsValid() {
		r.Scope, r.Gw = netlink.SCOPE_UNIVERSE, gate.AsSlice()
	}
	return can("route", netlink.RouteReplace(r))
}
