package netns

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// Cards are the network cards of the hosts of a LAN.
type Cards string

// The cards. What comes to the end of a veth is let through, whatever group it is for. A macvlan has a hash filter for
// groups, of 256 bins, below the kernel's IP (drivers/net/macvlan.c: mc_filter); which groups fall into one bin depends
// on a secret of the namespace. A TAP is a cable whose far end is in the hands of a program, with a filter in front of it
// (drivers/net/tun.c: run_filter): eight addresses exactly, and of groups beyond them the upper 6 bits of the CRC-32, so
// that it is known which groups collide. Only frames of one's own can be sent there: there is no IP behind it.
const (
	Veths    Cards = ""
	Macvlans Cards = "macvlan"
	Taps     Cards = "tap"
)

// guestCard is the descriptor of the card that a guest inherits, where it is a TAP.
const guestCard = 5

// plugTap makes the cable of a host, of which its guests inherit the far end. In the switch's namespace.
func (l *LAN) plugTap(h int) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return can("open a TAP (CONFIG_TUN)", err)
	}
	name := fmt.Sprint("port", h)
	l.taps = append(l.taps, os.NewFile(uintptr(fd), name))
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, r); err != nil {
		return can("make a TAP (CONFIG_TUN, CAP_NET_ADMIN)", err)
	}
	link, err := l.links.LinkByName(name)
	if err != nil {
		return err
	}
	l.ports[h] = link.Attrs().Index
	return can("plug in a TAP", errors.Join(l.links.LinkSetMTU(link, lanMTU), l.links.LinkSetTxQLen(link, 1000),
		l.links.LinkSetMasterByIndex(link, l.bridge), l.links.LinkSetUp(link)))
}

// stack puts a macvlan on the end of a host's cable, as its card. In the host's namespace.
func stackCard(h int) error {
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return can("speak rtnetlink", err)
	}
	defer links.Close()
	wire, err := links.LinkByName("wire")
	if err != nil {
		return err
	}
	if err := sumInSoftware("wire"); err != nil {
		return err
	}
	card := &netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "lan", ParentIndex: wire.Attrs().Index, HardwareAddr: hostMAC(h), MTU: lanMTU},
		Mode: netlink.MACVLAN_MODE_PRIVATE}
	if err := links.LinkSetUp(wire); err != nil {
		return can("bring up a veth", err)
	}
	return can("make a macvlan (CONFIG_MACVLAN)", links.LinkAdd(card))
}

// tapCard is a network card of a TAP: what a guest sends and takes are whole frames, as on a packet socket (frames). It
// does what a driver does that has been asked for groups: it writes them into the filter.
type tapCard struct {
	f     *os.File
	raw   syscall.RawConn
	own   ipmulticast.MAC
	model ipmulticast.NICModel
	slots int
	buf   []byte
	tail  copies

	mu    sync.Mutex
	asked []ipmulticast.MAC
	other int // groups of other programs
}

// mostExact is how many addresses the filter of a TAP has exactly (FLT_EXACT_COUNT). The card's own and that of all are
// among them.
const mostExact = 8

// listenTap takes over the card. What has come to it before is for nobody: a host that begins has asked for nothing.
func listenTap(cfg *impl.Config, g *Guest) (*tapCard, error) {
	x := &tapCard{f: os.NewFile(guestCard, "card"), model: g.Model, slots: min(max(1, g.Slots), mostExact-2), tail: newCopies()}
	copy(x.own[:], hostMAC(int(cfg.Self)))
	var err error
	if x.raw, err = x.f.SyscallConn(); err != nil {
		return nil, fmt.Errorf("netns: the card of a host: %w", err)
	}
	if err := x.filter(); err != nil {
		return nil, err
	}
	buf := make([]byte, 1<<16)
	return x, x.raw.Read(func(fd uintptr) bool {
		for err = nil; err == nil || errors.Is(err, unix.EINTR); {
			_, err = unix.Read(int(fd), buf)
		}
		return true
	})
}

// filter writes down what is asked for (TUNSETTXFILTER).
func (x *tapCard) filter() error {
	const allGroups = 1 // TUN_FLT_ALLMULTI
	groups := x.groups()
	var flags uint16
	all := []ipmulticast.MAC{x.own, ipmulticast.Broadcast}
	switch {
	case x.model == ipmulticast.Promiscuous:
		all = nil
	case x.model == ipmulticast.Exact && len(groups) > x.slots:
		flags = allGroups
	case x.model == ipmulticast.Exact:
		all = append(all, groups...)
	default: // places that are filled up let the groups fall into the bins
		for i := byte(0); len(all) < mostExact; i++ {
			all = append(all, ipmulticast.MAC{2, 0, 10, 129, 255, i})
		}
		all = append(all, groups...)
	}
	// struct tun_filter: flags, count, and the addresses.
	b := make([]byte, 4, 4+6*len(all))
	*(*uint16)(unsafe.Pointer(&b[0])), *(*uint16)(unsafe.Pointer(&b[2])) = flags, uint16(len(all))
	for _, m := range all {
		b = append(b, m[:]...)
	}
	var errno syscall.Errno
	err := x.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, unix.TUNSETTXFILTER, uintptr(unsafe.Pointer(&b[0])))
	})
	if errno != 0 {
		return can("filter what comes to a TAP", errno)
	}
	return err
}

// groups are those that the host has asked for, and other programs on it.
func (x *tapCard) groups() []ipmulticast.MAC {
	all := slices.Clone(x.asked)
	for i := 1; i <= x.other; i++ {
		all = append(all, ipmulticast.MAC{0x01, 0x00, 0x5e, 0x6f, byte(i >> 8), byte(i)})
	}
	return all
}

// Overflow lets other programs ask the card for so many more groups.
func (x *tapCard) Overflow(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.other += n
	_ = x.filter()
}

// Send implements [Link].
func (x *tapCard) Send(e *impl.Effect) {
	x.buf = x.tail.seal(x.buf[:0], e)
	_ = x.raw.Write(func(fd uintptr) bool {
		_, err := unix.Write(int(fd), x.buf)
		return !errors.Is(err, unix.EAGAIN)
	})
}

// Call implements [Link]: the card is asked for the frames of a group, or no longer.
func (x *tapCard) Call(e *impl.Effect) (in impl.Input, wanted bool) {
	if len(e.Body) != 6 || e.Call != impl.Join && e.Call != impl.Leave {
		return in, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	m := ipmulticast.MAC(e.Body)
	if i := slices.Index(x.asked, m); e.Call == impl.Join {
		x.asked = append(x.asked, m)
	} else if i >= 0 {
		x.asked = slices.Delete(x.asked, i, i+1)
	}
	_ = x.filter()
	return in, false
}

// Receive implements [Link]. What is of another protocol is for a kernel that is not there.
func (x *tapCard) Receive(take func(impl.Input) bool) {
	buf := make([]byte, 1<<16)
	_ = x.raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.Read(int(fd), buf)
			if errors.Is(err, unix.EAGAIN) {
				return false
			}
			if err != nil && !errors.Is(err, unix.EINTR) {
				return true
			}
			if n < etherLen+tailLen || int(buf[12])<<8|int(buf[13]) != ipmulticast.TypeGroup {
				continue
			}
			if !take(impl.Input{Kind: impl.Packet, Body: append([]byte(nil), buf[:n-tailLen]...), From: -1, To: impl.Everyone}) {
				return true
			}
		}
	})
}

// Close implements [Link].
func (x *tapCard) Close() error { return x.f.Close() }

// overflow lets a node's card be asked for more groups, where it is the node's.
func (n *Node) overflow(groups int) {
	if l, ok := n.links.(interface{ Overflow(int) }); ok {
		l.Overflow(groups)
	}
}

// discarded tells of a frame that the card let through and that nobody here wants.
func (n *Node) discarded(code impl.Code) {
	if n.cfg.Observe == nil || n.sights.Add(1) > mostFrames {
		return
	}
	n.cfg.Observe(spec.Event{T: n.now(), Kind: spec.Discard, Node: n.cfg.Self, Has: spec.HasNode}, &spec.Extra{Reason: code.String()})
}
