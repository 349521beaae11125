package netns

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl/ipmulticast"
)

// Router is a multicast router: the kernel forwards, and this tells it where to (the MRT_* sockets of ipmr). It speaks
// IGMP only, and needs no routing protocol, because its internet is a tree: "The proxy device performs the router
// portion of the IGMP or MLD protocol on its downstream interfaces, and the host portion on its upstream interface"
// (Fenner, He, Haberman, Sandick 2006, RFC 4605 section 4). A packet is taken from the interface that its source is
// reached by, and from no other (reverse path forwarding); it goes to the upstream interface, and to those below on which
// somebody listens.
type Router struct {
	mu      sync.Mutex
	links   []routerLink // 0: upstream
	behind  func(src netip.Addr) int
	igmp    *os.File
	raw     syscall.RawConn
	host    int // the socket of the host portion
	members map[netip.Addr]*routed
	routes  map[[2]netip.Addr]bool // source and group: what the kernel has been told
	over    chan struct{}
	ended   sync.WaitGroup
	wrong   int // packets that came by the wrong interface, of which the kernel told
	reports int // that were heard
}

// routerLink is an interface of a router.
type routerLink struct {
	index  int
	addr   netip.Addr
	subnet netip.Prefix
}

// routed is a group of which somebody below listens.
type routed struct {
	until time.Time
	asked bool // the last listener may have left
}

// The timers of a router (RFC 2236 section 8): faster than anybody would have them, and in the same proportions.
const (
	routerAsks       = 500 * time.Millisecond // query interval
	routerResponse   = 100 * time.Millisecond // query response interval
	routerLast       = 100 * time.Millisecond // last member query interval, of which there are two
	routerRobustness = 2
	routerMembership = routerRobustness*routerAsks + routerResponse // group membership interval
)

// What x/sys does not name (linux/mroute.h).
const (
	mrtInit, mrtAddVIF, mrtAddMFC, mrtDelMFC, mrtAssert = 200, 202, 204, 205, 207

	vifUseIndex    = 8
	upcallNoCache  = 1
	upcallWrongVIF = 2
	siocGetSGCount = 0x89e1
)

// vifctl and mfcctl are the kernel's, in its byte order.
type vifctl struct {
	vif              uint16
	flags, threshold uint8
	_, index         uint32  // the rate is no longer looked at
	_                [4]byte // the other end of a tunnel
}

type mfcctl struct {
	source, group [4]byte
	parent        uint16
	ttls          [32]uint8
	_             uint16
	_             [4]uint32 // counts
}

func setStruct[T any](fd, name int, v *T) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, uintptr(name),
		uintptr(unsafe.Pointer(v)), unsafe.Sizeof(*v), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// start begins to route, in the namespace of this thread.
func (r *Router) start() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_IGMP)
	if err != nil {
		return can("speak IGMP (CAP_NET_RAW)", err)
	}
	r.igmp = os.NewFile(uintptr(fd), "igmp")
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, mrtInit, 1); err != nil {
		return errors.Join(can("route multicast (CONFIG_IP_MROUTE)", err), r.igmp.Close())
	}
	if r.host, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return errors.Join(err, r.igmp.Close())
	}
	errs := []error{unix.SetsockoptInt(fd, unix.IPPROTO_IP, mrtAssert, 1), unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0),
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 1),
		unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, "\x94\x04\x00\x00")} // router alert
	for i, l := range r.links {
		errs = append(errs, setStruct(fd, mrtAddVIF, &vifctl{vif: uint16(i), flags: vifUseIndex, threshold: 1, index: uint32(l.index)}))
		for _, g := range [][4]byte{{224, 0, 0, 2}, {224, 0, 0, 22}} { // where leaves and reports of version 3 go
			errs = append(errs, unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: g, Ifindex: int32(l.index)}))
		}
	}
	if r.raw, err = r.igmp.SyscallConn(); errors.Join(append(errs, err)...) != nil {
		return errors.Join(can("route multicast", errors.Join(append(errs, err)...)), r.igmp.Close(), unix.Close(r.host))
	}
	r.members, r.routes, r.over = map[netip.Addr]*routed{}, map[[2]netip.Addr]bool{}, make(chan struct{})
	r.ended.Add(2)
	go r.hear()
	go r.keep(r.over)
	return nil
}

// stop ends it: the kernel forgets all routes.
func (r *Router) stop() error {
	if r.igmp == nil {
		return nil
	}
	close(r.over)
	err := r.igmp.Close()
	r.ended.Wait()
	r.igmp = nil
	return errors.Join(err, unix.Close(r.host))
}

// keep asks who listens, at its interval, and forgets who has not said so for too long.
func (r *Router) keep(over chan struct{}) {
	defer r.ended.Done()
	next := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		r.mu.Lock()
		if now := time.Now(); !now.Before(next) {
			next = now.Add(routerAsks)
			r.ask(netip.Addr{})
		}
		for g, m := range r.members {
			if time.Now().After(m.until) {
				delete(r.members, g)
				_ = unix.SetsockoptIPMreqn(r.host, unix.IPPROTO_IP, unix.IP_DROP_MEMBERSHIP, &unix.IPMreqn{Multiaddr: g.As4(), Ifindex: int32(r.links[0].index)})
				r.again(g)
			}
		}
		r.mu.Unlock()
		select {
		case <-over:
			return
		case <-tick.C:
		}
	}
}

// ask sends a query downstream: a general one, or one about a group.
func (r *Router) ask(group netip.Addr) {
	m := ipmulticast.Listen{Kind: ipmulticast.Query, Version: 2, Group: group, MaxResponse: routerResponse}
	to := [4]byte{224, 0, 0, 1}
	if group.IsValid() {
		to = group.As4()
	}
	b := ipmulticast.AppendIGMP(nil, &m)
	_ = r.raw.Control(func(fd uintptr) {
		for _, l := range r.links[1:] {
			_ = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(l.index)})
			_ = unix.Sendto(int(fd), b, 0, &unix.SockaddrInet4{Addr: to})
		}
	})
}

// hear takes in what hosts say of groups, and what the kernel does not know where to forward.
func (r *Router) hear() {
	defer r.ended.Done()
	buf := make([]byte, 1<<12)
	_ = r.raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := unix.Recvfrom(int(fd), buf, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
			r.mu.Lock()
			r.take(int(fd), buf[:n])
			r.mu.Unlock()
		}
	})
}

func (r *Router) take(fd int, b []byte) {
	const upcallLen = 20
	if len(b) < upcallLen {
		return
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	if b[9] == 0 { // not a packet: the kernel asks
		switch b[8] {
		case upcallNoCache:
			r.routes[[2]netip.Addr{src, dst}] = true
			r.tell(fd, src, dst)
		case upcallWrongVIF:
			r.wrong++
		}
		return
	}
	head := int(b[0]&15) * 4
	var m ipmulticast.Listen
	if len(b) < head || slices.IndexFunc(r.links[1:], func(l routerLink) bool { return l.subnet.Contains(src) && l.addr != src }) < 0 ||
		!ipmulticast.ParseIGMP(b[head:], &m) {
		return
	}
	switch m.Kind {
	case ipmulticast.Report:
		r.reports++
		if m.Version < 3 {
			r.listens(m.Group)
		}
		for _, x := range m.Records {
			if x.Type == ipmulticast.IsEx || x.Type == ipmulticast.ToEx || len(x.Sources) > 0 && x.Type != ipmulticast.BlockRT {
				r.listens(x.Group)
			} else if x.Type == ipmulticast.ToIn {
				r.left(x.Group)
			}
		}
	case ipmulticast.Leave:
		r.left(m.Group)
	}
}

// listens notes that somebody below listens to a group; groups of the link itself are not forwarded.
func (r *Router) listens(g netip.Addr) {
	if g.As4()[0] == 224 && g.As4()[1] == 0 && g.As4()[2] == 0 {
		return
	}
	if m := r.members[g]; m != nil {
		m.until, m.asked = time.Now().Add(routerMembership), false
		return
	}
	r.members[g] = &routed{until: time.Now().Add(routerMembership)}
	_ = unix.SetsockoptIPMreqn(r.host, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: g.As4(), Ifindex: int32(r.links[0].index)})
	r.again(g)
}

// left asks whether somebody still listens; who does says so in time.
func (r *Router) left(g netip.Addr) {
	if m := r.members[g]; m != nil && !m.asked {
		m.until, m.asked = time.Now().Add(routerRobustness*routerLast), true
		r.ask(g)
	}
}

// again tells the kernel anew where a group goes.
func (r *Router) again(g netip.Addr) {
	_ = r.raw.Control(func(fd uintptr) {
		for k := range r.routes {
			if k[1] == g {
				r.tell(int(fd), k[0], g)
			}
		}
	})
}

// tell tells the kernel where a group goes, from this source.
func (r *Router) tell(fd int, src, group netip.Addr) {
	m := mfcctl{source: src.As4(), group: group.As4(), parent: uint16(r.behind(src))}
	for i := range r.links {
		if i != int(m.parent) && (i == 0 || r.members[group] != nil) {
			m.ttls[i] = 1
		}
	}
	_ = setStruct(fd, mrtAddMFC, &m)
}

// Counts gives how many packets of a source to a group the kernel has forwarded, and how many came by the wrong interface.
func (r *Router) Counts(src, group netip.Addr) (packets, wrong uint64) {
	b := make([]byte, 32) // struct sioc_sg_req
	copy(b, src.AsSlice())
	copy(b[4:], group.AsSlice())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.igmp == nil {
		return 0, 0
	}
	_ = r.raw.Control(func(fd uintptr) {
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, fd, siocGetSGCount, uintptr(unsafe.Pointer(&b[0])))
	})
	return binary.NativeEndian.Uint64(b[8:]), binary.NativeEndian.Uint64(b[24:])
}

// Heard gives how many reports the router has heard.
func (r *Router) Heard() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reports
}

// Listened says whether somebody below listens to a group.
func (r *Router) Listened(g netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[g] != nil
}
