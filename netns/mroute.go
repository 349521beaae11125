package netns

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// table is the multicast routing table of a kernel, of one version of IP: which packets it takes from which card and
// copies to which others. It is there as long as its socket is open.
type table struct {
	v6  bool
	fd  int
	f   *os.File
	raw syscall.RawConn

	over atomic.Bool // it is being closed
}

// What x/sys does not name (linux/mroute6.h).
const (
	mrt6Init, mrtDone, mrt6AddMIF, mrt6AddMFC = 200, 201, 202, 204
)

// The kernel's structures, in its byte order.
type mif6ctl struct {
	mif       uint16
	_         uint8 // flags
	threshold uint8
	index     uint16
	_         uint16
	_         uint32 // the rate is no longer looked at
}

type mf6cctl struct {
	source, group unix.RawSockaddrInet6
	parent        uint16
	_             uint16
	out           [8]uint32
}

// newTable begins to route between cards, in the namespace of this thread.
func newTable(v6 bool, cards []int) (t *table, err error) {
	t = &table{v6: v6}
	family, protocol, start := unix.AF_INET, unix.IPPROTO_IGMP, mrtInit
	level, text := unix.IPPROTO_IP, "route multicast (CONFIG_IP_MROUTE)"
	if v6 {
		family, protocol, start, level, text = unix.AF_INET6, unix.IPPROTO_ICMPV6, mrt6Init, unix.IPPROTO_IPV6, "route multicast of IPv6 (CONFIG_IPV6_MROUTE)"
	}
	if t.fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol); err != nil {
		return nil, can("open a raw socket (CAP_NET_RAW)", err)
	}
	t.f = os.NewFile(uintptr(t.fd), "routes")
	err = unix.SetsockoptInt(t.fd, level, start, 1)
	for i, card := range cards {
		if err != nil {
			break
		}
		if v6 {
			err = setLevel(t.fd, level, mrt6AddMIF, &mif6ctl{mif: uint16(i), threshold: 1, index: uint16(card)})
		} else {
			err = setLevel(t.fd, level, mrtAddVIF, &vifctl{vif: uint16(i), flags: vifUseIndex, threshold: 1, index: uint32(card)})
		}
	}
	if err != nil {
		return nil, errors.Join(can(text, err), t.f.Close())
	}
	if t.raw, err = t.f.SyscallConn(); err != nil {
		return nil, errors.Join(err, t.f.Close())
	}
	return t, nil
}

// answer reads what the kernel asks, and hands it on: it holds a packet of which it does not know where it goes, until it
// is told. Unread, the questions would fill the socket, and then the kernel drops the packets that it asks about.
func (t *table) answer(asked func(source, group netip.Addr)) {
	buf := make([]byte, 1<<12)
	for {
		n := -1
		err := t.raw.Read(func(fd uintptr) bool {
			var err error
			for n, _, err = unix.Recvfrom(int(fd), buf, 0); errors.Is(err, unix.EINTR); {
				n, _, err = unix.Recvfrom(int(fd), buf, 0)
			}
			return !errors.Is(err, unix.EAGAIN)
		})
		switch { // outside of Read, whose end a close waits for: who closes may have what asked waits for
		case err != nil || n < 0:
			return
		case t.v6 && n >= 40 && buf[0] == 0 && buf[1] == upcallNoCache: // struct mrt6msg
			asked(netip.AddrFrom16([16]byte(buf[8:])), netip.AddrFrom16([16]byte(buf[24:])))
		case !t.v6 && n >= 20 && buf[9] == 0 && buf[8] == upcallNoCache: // struct igmpmsg
			asked(netip.AddrFrom4([4]byte(buf[12:])), netip.AddrFrom4([4]byte(buf[16:])))
		}
	}
}

// set lets packets of a source to a group be taken from one card and go to others.
func (t *table) set(source, group netip.Addr, in int, out []int) error {
	if t.v6 {
		m := mf6cctl{source: sockaddr6(source), group: sockaddr6(group), parent: uint16(in)}
		for _, p := range out {
			m.out[p/32] |= 1 << (p % 32)
		}
		return setLevel(t.fd, unix.IPPROTO_IPV6, mrt6AddMFC, &m)
	}
	m := mfcctl{source: source.As4(), group: group.As4(), parent: uint16(in)}
	for _, p := range out {
		m.ttls[p] = 1
	}
	return setLevel(t.fd, unix.IPPROTO_IP, mrtAddMFC, &m)
}

// packets gives how many packets of a source to a group the kernel has forwarded, and how many came by the wrong card.
func (t *table) packets(source, group netip.Addr) (packets, wrong uint64) {
	if t.v6 {
		b := make([]byte, 28+28+24) // struct sioc_sg_req6
		s, g := sockaddr6(source), sockaddr6(group)
		copy(b, (*[28]byte)(unsafe.Pointer(&s))[:])
		copy(b[28:], (*[28]byte)(unsafe.Pointer(&g))[:])
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), siocGetSGCount, uintptr(unsafe.Pointer(&b[0])))
		return binary.NativeEndian.Uint64(b[56:]), binary.NativeEndian.Uint64(b[72:])
	}
	b := make([]byte, 32) // struct sioc_sg_req
	copy(b, source.AsSlice())
	copy(b[4:], group.AsSlice())
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), siocGetSGCount, uintptr(unsafe.Pointer(&b[0])))
	return binary.NativeEndian.Uint64(b[8:]), binary.NativeEndian.Uint64(b[24:])
}

// close ends it: the kernel forgets all routes. It does so at once, also where a process that is just being started
// still has the socket. It waits for what answers, which must not wait for who closes.
func (t *table) close() error {
	t.over.Store(true)
	level := unix.IPPROTO_IP
	if t.v6 {
		level = unix.IPPROTO_IPV6
	}
	return errors.Join(unix.SetsockoptInt(t.fd, level, mrtDone, 1), t.f.Close())
}

func sockaddr6(a netip.Addr) unix.RawSockaddrInet6 {
	return unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.As16()}
}

func setLevel[T any](fd, level, name int, v *T) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(v)), unsafe.Sizeof(*v), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
