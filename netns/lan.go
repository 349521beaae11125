package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// LAN is a switch and the hosts that are plugged into it, in namespaces of the kernel: a bridge that listens to who
// joins which group (IGMP snooping, RFC 4541), and asks (the querier of RFC 2236 section 3), in a namespace of its own;
// and one namespace for each host, which has one end of a veth as its network card. Faults and captures are the
// switch's: the hosts stay untouched.
//
// Hosts know each other's hardware addresses, so that no fault strikes an ARP packet; and there is no IPv6. A LAN's
// methods are for one goroutine.
type LAN struct {
	thread  *thread
	place   namespace // of the switch
	hosts   []namespace
	links   *netlink.Handle // of the switch
	bridge  int
	ports   []int // of the switch, by host: the index of its interface
	filter  filter
	slow    slow
	netem   netem
	wide    *Subnets  // over which the hosts are spread; nil: there is one switch
	blind   bool      // the switch does not snoop
	guest   *stranger // nil: nobody wants it yet
	marks   []Mark
	tape    recording
	cards   Cards
	speaks  Versions
	taps    []*os.File // by host, where that is what their cards are
	scopes  []*scopes  // of hosts that send with another time to live
	threads []func()   // of programs whose clocks are ahead
}

// The timers of the switch, in hundredths of a second. While the first queries are answered it sends everything
// everywhere, and a second is the least that it takes between two.
const (
	queryResponse   = 10
	lastMember      = 10
	queryInterval   = 100
	membershipTime  = 260
	querierInterval = 255
)

// floodTime is how long a switch floods after it has begun to ask.
const floodTime = queryResponse * 10 * time.Millisecond

// HostAddr gives the address of a host; its network has 254 of them.
func HostAddr(host int) netip.Addr { return netip.AddrFrom4([4]byte{10, 129, 0, byte(host + 1)}) }

// lanBroadcast is the address of all hosts.
var lanBroadcast = netip.AddrFrom4([4]byte{10, 129, 0, 255})

// hostMAC gives the hardware address of a host.
func hostMAC(host int) net.HardwareAddr { return net.HardwareAddr{2, 0, 10, 129, 0, byte(host + 1)} }

// NewLAN builds a switch with so many hosts, at most 128. It returns when the switch no longer floods.
func NewLAN(hosts int) (*LAN, error) { return NewLANOf(hosts, Veths) }

// NewLANOf is [NewLAN] with hosts that have other network cards.
func NewLANOf(hosts int, cards Cards) (*LAN, error) { return newLAN(hosts, cards, Versions{}) }

// NewLANOfVersions is [NewLAN] with hosts and a switch that speak other versions of IGMP than the newest.
func NewLANOfVersions(hosts int, v Versions) (*LAN, error) { return newLAN(hosts, Veths, v) }

func newLAN(hosts int, cards Cards, v Versions) (*LAN, error) {
	if hosts < 1 || hosts > 128 {
		return nil, fmt.Errorf("netns: %d hosts: want 1 to 128", hosts)
	}
	if err := v.validate(); err != nil {
		return nil, err
	}
	l := &LAN{ports: make([]int, hosts), cards: cards, speaks: v}
	return l.raise(l.build, l.furnish)
}

// raise makes the namespace of the switch, or of the segments, lets that be built in it, and then the rest. What can't be
// finished is taken down.
func (l *LAN) raise(build, rest func() error) (*LAN, error) {
	var err error
	if l.thread, err = newThread(); err != nil {
		return nil, err
	}
	if l.place, err = l.thread.make(); err == nil {
		if err = l.thread.in(l.place, build); err == nil {
			err = rest()
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// furnish plugs the hosts in, and lets the switch ask who listens to what.
func (l *LAN) furnish() error {
	hosts := len(l.ports)
	for h := range hosts {
		n, err := l.thread.make()
		if err != nil {
			return err
		}
		l.hosts = append(l.hosts, n)
		if err := l.plug(h); err != nil {
			return err
		}
	}
	for h := range hosts {
		if l.cards == Taps {
			break
		}
		if err := l.thread.in(l.hosts[h], func() error {
			if l.cards == Macvlans {
				if err := stackCard(h); err != nil {
					return err
				}
			}
			return errors.Join(l.speaks.force(h), configure(h, hosts))
		}); err != nil {
			return err
		}
	}
	if err := l.thread.in(l.place, func() error { return l.slow.begin(l.links, l.ports) }); err != nil {
		return err
	}
	if err := l.filter.divert(hosts); err != nil {
		return err
	}
	// The order matters: who asks before its timers are set floods for ten seconds.
	if err := l.set(map[int]uint64{nl.IFLA_BR_MCAST_QUERIER: 1}); err != nil {
		return err
	}
	time.Sleep(floodTime + 50*time.Millisecond)
	return nil
}

// build makes the switch.
func (l *LAN) build() error {
	if err := quieten(); err != nil {
		return err
	}
	var err error
	if l.links, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return can("speak rtnetlink", err)
	}
	snooping := true
	br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "switch", HardwareAddr: net.HardwareAddr{2, 0, 10, 129, 1, 0}},
		MulticastSnooping: &snooping}
	if err := l.links.LinkAdd(br); err != nil {
		return can("make a bridge (CONFIG_BRIDGE)", err)
	}
	link, err := l.links.LinkByName("switch")
	if err != nil {
		return err
	}
	l.bridge = link.Attrs().Index
	if err := l.set(map[int]uint64{nl.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL: queryResponse,
		nl.IFLA_BR_MCAST_LAST_MEMBER_INTVL: lastMember, nl.IFLA_BR_MCAST_QUERY_INTVL: queryInterval,
		nl.IFLA_BR_MCAST_MEMBERSHIP_INTVL: l.speaks.membership(len(l.ports)), nl.IFLA_BR_MCAST_QUERIER_INTVL: querierInterval,
		nl.IFLA_BR_MCAST_STARTUP_QUERY_INTVL: queryInterval}); err != nil {
		return err
	}
	if err := l.set(map[int]uint64{nl.IFLA_BR_MCAST_IGMP_VERSION: l.speaks.querier()}); err != nil {
		return err
	}
	if err := l.links.LinkSetUp(link); err != nil {
		return can("bring up a bridge", err)
	}
	return l.filter.begin(l.place.fd())
}

// narrow are the attributes of a bridge that are one byte.
var narrow = map[int]bool{nl.IFLA_BR_MCAST_QUERIER: true, nl.IFLA_BR_MCAST_SNOOPING: true, nl.IFLA_BR_MCAST_IGMP_VERSION: true}

// set sets attributes of the bridge, which the library does not know. The order in which the kernel takes them is its own.
func (l *LAN) set(attributes map[int]uint64) error {
	return l.thread0(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
		msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
		msg.Index = int32(l.bridge)
		req.AddData(msg)
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
		data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		for k, v := range attributes {
			if narrow[k] {
				data.AddRtAttr(k, []byte{byte(v)})
			} else {
				data.AddRtAttr(k, nl.Uint64Attr(v))
			}
		}
		req.AddData(info)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return can("set the multicast timers of a bridge", err)
	})
}

// thread0 does something in the switch's namespace; it may be called there already.
func (l *LAN) thread0(do func() error) error {
	here, err := inside(l.place)
	if err != nil {
		return err
	}
	if here {
		return do()
	}
	return l.thread.in(l.place, do)
}

// inside says whether this thread is in a namespace.
func inside(n namespace) (bool, error) {
	var a, b unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &a); err != nil {
		return false, err
	}
	if err := unix.Fstat(n.fd(), &b); err != nil {
		return false, err
	}
	return a.Ino == b.Ino, nil
}

// plug connects a host with the switch.
func (l *LAN) plug(h int) error {
	return l.thread.in(l.place, func() error {
		if l.cards == Taps {
			return l.plugTap(h)
		}
		name := fmt.Sprint("port", h)
		v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MasterIndex: l.bridge, TxQLen: 1000, MTU: lanMTU},
			PeerName: "lan", PeerHardwareAddr: hostMAC(h), PeerNamespace: netlink.NsFd(l.hosts[h].fd())}
		if l.cards == Macvlans {
			v.PeerName, v.PeerHardwareAddr = "wire", nil
		}
		if err := l.links.LinkAdd(v); err != nil {
			return can("make a veth (CONFIG_VETH)", err)
		}
		link, err := l.links.LinkByName(name)
		if err != nil {
			return err
		}
		l.ports[h] = link.Attrs().Index
		return can("bring up a port", l.links.LinkSetUp(link))
	})
}

// quieten keeps IPv6 out of the namespace of this thread: nothing is sent that nobody asked for. And it lets nothing
// but our own rules filter on a bridge there: where br_netfilter is loaded, as it is beside containers, a bridge hands
// packets to the rules of IP, and what comes back from these goes past ours, so that no fault would strike.
func quieten() error {
	for _, name := range []string{"iptables", "ip6tables", "arptables"} {
		err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-"+name, []byte("0"), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return can("keep the rules of IP off a bridge", err)
		}
	}
	for _, name := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return can("keep IPv6 out", err)
		}
	}
	return nil
}

// configure makes a host of the namespace of this thread.
func configure(h, hosts int) error {
	if err := quieten(); err != nil {
		return err
	}
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return can("speak rtnetlink", err)
	}
	defer links.Close()
	lo, err := links.LinkByName("lo")
	if err != nil {
		return err
	}
	card, err := links.LinkByName("lan")
	if err != nil {
		return err
	}
	if card.Type() != "macvlan" { // which leaves that to the end of the cable below it
		if err := sumInSoftware("lan"); err != nil {
			return err
		}
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: HostAddr(h).AsSlice(), Mask: net.CIDRMask(24, 32)}, Broadcast: lanBroadcast.AsSlice()}
	if err := errors.Join(links.LinkSetUp(lo), links.AddrAdd(card, addr), links.LinkSetUp(card)); err != nil {
		return can("give a host its address", err)
	}
	for k := range hosts {
		if k == h {
			continue
		}
		if err := links.NeighSet(&netlink.Neigh{LinkIndex: card.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: HostAddr(k).AsSlice(), HardwareAddr: hostMAC(k)}); err != nil {
			return can("tell a host of another", err)
		}
	}
	// The kernel's streams repeat after 200 ms at the earliest, unless they are told that the LAN is fast.
	route := &netlink.Route{LinkIndex: card.Attrs().Index, Scope: netlink.SCOPE_LINK, Src: HostAddr(h).AsSlice(), Protocol: unix.RTPROT_KERNEL,
		Dst: &net.IPNet{IP: net.IPv4(10, 129, 0, 0).To4(), Mask: net.CIDRMask(24, 32)}, RtoMin: 20, RtoMinLock: true}
	if err := links.RouteReplace(route); err != nil {
		return can("set the shortest time of repetition", err)
	}
	all := &netlink.Route{LinkIndex: card.Attrs().Index, Scope: netlink.SCOPE_LINK,
		Dst: &net.IPNet{IP: net.IPv4(224, 0, 0, 0).To4(), Mask: net.CIDRMask(4, 32)}}
	return can("route multicast to the LAN", links.RouteReplace(all))
}

// sumInSoftware lets a card of this thread's namespace send no packet without its checksum: between namespaces the
// kernel would leave that out, and who changes a byte on the way would not be found out.
func sumInSoftware(card string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := struct{ cmd, data uint32 }{unix.ETHTOOL_STXCSUM, 0}
	r := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(r.name[:], card)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r))); errno != 0 {
		return can("let checksums be computed", errno)
	}
	return nil
}

// Hosts is how many there are.
func (l *LAN) Hosts() int { return len(l.hosts) }

// Await waits until the switch forwards a group to these hosts, and no longer than that.
func (l *LAN) Await(group netip.Addr, hosts []int, longest time.Duration) error {
	if l.wide != nil {
		return l.wide.awaitRouters(group, hosts, longest)
	}
	for end := time.Now().Add(longest); ; time.Sleep(2 * time.Millisecond) {
		at, err := l.Listeners(group)
		if err != nil {
			return err
		}
		missing := -1
		for _, h := range hosts {
			if !at[h] {
				missing = h
			}
		}
		if missing < 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("netns: the switch does not know within %v that host %d listens to %v", longest, missing, group)
		}
	}
}

// Listeners gives the hosts to which the switch forwards a group: its entry in the table of RFC 4541.
func (l *LAN) Listeners(group netip.Addr) (map[int]bool, error) {
	at := map[int]bool{}
	err := l.thread.in(l.place, func() error {
		req := nl.NewNetlinkRequest(unix.RTM_GETMDB, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_BRIDGE))
		msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_GETMDB)
		if err != nil {
			return can("read the forwarding table of a bridge", err)
		}
		for _, m := range msgs {
			l.entries(m, group, at)
		}
		return nil
	})
	return at, err
}

// The attributes of an RTM_GETMDB answer, and where in struct br_mdb_entry is what.
const (
	mdbaMDB       = 1 // of which the entries have type 1, and in these the infos
	mdbEntryLen   = 4 + 1 + 1 + 2 + 16 + 2 + 2
	mdbEntryAddr  = 8
	mdbEntryProto = 24
)

func (l *LAN) entries(m []byte, group netip.Addr, at map[int]bool) {
	const header = 8 // struct br_port_msg
	if len(m) < header {
		return
	}
	outer, _ := nl.ParseRouteAttr(m[header:])
	for _, a := range outer {
		if a.Attr.Type&nl.NLA_TYPE_MASK != mdbaMDB {
			continue
		}
		mid, _ := nl.ParseRouteAttr(a.Value)
		for _, b := range mid {
			inner, _ := nl.ParseRouteAttr(b.Value)
			for _, c := range inner {
				if len(c.Value) < mdbEntryLen || groupIn(c.Value) != group {
					continue
				}
				for h, port := range l.ports {
					if port == int(binary.NativeEndian.Uint32(c.Value)) {
						at[h] = true
					}
				}
			}
		}
	}
}

// groupIn gives the group of an entry.
func groupIn(entry []byte) netip.Addr {
	switch binary.BigEndian.Uint16(entry[mdbEntryProto:]) {
	case unix.ETH_P_IP:
		return netip.AddrFrom4([4]byte(entry[mdbEntryAddr:]))
	case unix.ETH_P_IPV6:
		return netip.AddrFrom16([16]byte(entry[mdbEntryAddr:]))
	}
	return netip.Addr{}
}

// Close takes the LAN down, with every process in it.
func (l *LAN) Close() error {
	errs := []error{l.tape.end(), l.scope(nil), l.slow.end()}
	if l.wide != nil {
		errs = append(errs, l.wide.close())
	}
	if l.guest != nil {
		errs = append(errs, l.guest.end())
	}
	l.filter.end()
	if l.links != nil {
		l.links.Close()
	}
	for _, f := range l.taps {
		errs = append(errs, f.Close())
	}
	for _, h := range l.hosts {
		errs = append(errs, h.f.Close())
	}
	if l.place.f != nil {
		errs = append(errs, l.place.f.Close())
	}
	for _, end := range l.threads {
		end()
	}
	l.thread.end()
	return errors.Join(errs...)
}
