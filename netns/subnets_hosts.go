package netns

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl/ipmulticast"
)

// settle makes a host of the namespace of this thread.
func (n *Subnets) settle(h int) error {
	return errors.Join(n.dwell(&n.cfg.Plan.Hosts[h].Port, n.version(h)), n.leave(h))
}

// version is that of IGMP which a host speaks.
func (n *Subnets) version(h int) int {
	if n.cfg.IGMP == nil {
		return 3
	}
	return n.cfg.IGMP(h)
}

// dwell makes a machine of the namespace of this thread, which has this port and knows no other link.
func (n *Subnets) dwell(p *ipmulticast.Port, version int) error {
	force := sysctl("net/ipv4/conf/all/force_igmp_version", fmt.Sprint(version))
	if n.v6 {
		mld := 0 // who is forced to speak the newest version does not fall back
		if version < 3 {
			mld = 1
		}
		force = sysctl("net/ipv6/conf/all/force_mld_version", fmt.Sprint(mld))
	}
	if err := errors.Join(n.family("lan"), force, sumInSoftware("lan"), n.assign("lan", p)); err != nil {
		return err
	}
	all := netip.MustParsePrefix("224.0.0.0/4")
	if n.v6 {
		all = netip.MustParsePrefix("ff00::/8")
	}
	return errors.Join(n.via("lan", all, netip.Addr{}), n.repeats())
}

// family lets the namespace of this thread, with these cards, speak one version of IP, and say nothing that nobody
// asked for.
func (n *Subnets) family(cards ...string) error {
	if !n.v6 {
		return quieten()
	}
	var errs []error
	for _, name := range append([]string{"all", "default"}, cards...) {
		for _, x := range [][2]string{{"disable_ipv6", "0"}, {"accept_dad", "0"}, {"accept_ra", "0"}, {"router_solicitations", "0"}, {"addr_gen_mode", "1"}} {
			if err := sysctl("net/ipv6/conf/"+name+"/"+x[0], x[1]); err != nil && name != "all" {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// assign gives a card its addresses and brings it up, and lo as well.
func (n *Subnets) assign(card string, p *ipmulticast.Port) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(card)
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.LinkSetUp(lo), netlink.LinkSetUp(link)); err != nil {
		return can("bring up a card", err)
	}
	addrs := []netip.Prefix{netip.PrefixFrom(p.Addr, p.Prefix.Bits())}
	if p.Local != p.Addr {
		addrs = append(addrs, netip.PrefixFrom(p.Local, 64))
	}
	for _, a := range addrs {
		x := &netlink.Addr{IPNet: &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen())}}
		if n.v6 {
			x.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrReplace(link, x); err != nil {
			return can("give a machine its address", err)
		}
	}
	return nil
}

// via routes by a card, to a router if there is one.
func (n *Subnets) via(card string, to netip.Prefix, gate netip.Addr) error {
	link, err := netlink.LinkByName(card)
	if err != nil {
		return err
	}
	return n.viaIndex(link.Attrs().Index, to, gate)
}

func (n *Subnets) viaIndex(index int, to netip.Prefix, gate netip.Addr) error {
	r := &netlink.Route{LinkIndex: index, Dst: &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), to.Addr().BitLen())}}
	if !n.v6 {
		r.Scope = netlink.SCOPE_LINK
	}
	if gate.IsValid() {
		r.Scope, r.Gw = netlink.SCOPE_UNIVERSE, gate.AsSlice()
	}
	if to.Addr().IsMulticast() && n.v6 { // the kernel looks for these in the table of its own addresses
		r.Table, r.Type = unix.RT_TABLE_LOCAL, unix.RTN_MULTICAST
	}
	return can("route", netlink.RouteReplace(r))
}

// leave tells a host, in whose namespace this thread is, by which router the other subnets are reached.
func (n *Subnets) leave(h int) error {
	plan := n.cfg.Plan
	gate := plan.Gateway(h, n.up)
	if !gate.IsValid() {
		return nil // its router is down, and what goes there is lost
	}
	for i := range plan.Links {
		if i == plan.Hosts[h].Link {
			continue
		}
		if err := n.via("lan", plan.Links[i].Prefix, gate); err != nil {
			return err
		}
	}
	return nil
}

// addr gives the address of a host.
func (l *LAN) addr(host int) netip.Addr {
	if l.wide == nil {
		return HostAddr(host)
	}
	return l.wide.cfg.Plan.Hosts[host].Port.Addr
}

// awaitRouters waits until the hosts listen, and the routers on their links know that somebody there does: one report a
// link may be all that they hear.
func (n *Subnets) awaitRouters(group netip.Addr, hosts []int, longest time.Duration) error {
	for end := time.Now().Add(longest); ; time.Sleep(2 * time.Millisecond) {
		missing := ""
		for _, h := range hosts {
			if in, err := n.joined(h, group); err != nil {
				return err
			} else if !in {
				missing = fmt.Sprintf("host %d has not joined %v within %v", h, group, longest)
			}
			for _, r := range n.routers {
				if p := r.portOn(n.cfg.Plan.Hosts[h].Link); p >= 0 && r.others == nil && n.up(r.number) && !r.listened(p, group) {
					missing = fmt.Sprintf("%s does not know within %v that host %d listens to %v", r.plan.Name, longest, h, group)
				}
			}
		}
		if n.snoops() && missing == "" {
			at, err := n.lan.Listeners(group)
			if err != nil {
				return err
			}
			for _, h := range hosts {
				if !at[h] {
					missing = fmt.Sprintf("a switch does not know within %v that host %d listens to %v", longest, h, group)
				}
			}
		}
		if missing == "" {
			if n.foreign() { // which do not say what they have heard
				time.Sleep(300 * time.Millisecond)
			}
			return nil
		}
		if time.Now().After(end) {
			return errors.New("netns: " + missing)
		}
	}
}

// joined says whether the kernel of a host listens to a group.
func (n *Subnets) joined(h int, group netip.Addr) (in bool, err error) {
	name, word := "igmp6", hex.EncodeToString(group.AsSlice())
	if !n.v6 {
		a := group.As4()
		name, word = "igmp", fmt.Sprintf("%08X", binary.NativeEndian.Uint32(a[:]))
	}
	err = n.lan.thread.in(n.lan.hosts[h], func() error {
		b, err := os.ReadFile("/proc/thread-self/net/" + name)
		in = strings.Contains(string(b), word)
		return can("read who listens", err)
	})
	return in, err
}

// snoops says whether the links of hosts are switches.
func (n *Subnets) snoops() bool { return len(n.cfg.Plan.Switches) > 0 }
