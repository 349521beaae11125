package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// frames are the links of a node to a LAN without IP: whole Ethernet frames of one type, through a packet socket. The
// driver above addresses them and checks each one that comes; the kernel tells the card which group addresses it asks
// for, and lets through whatever the card does. Behind each frame stands a tail: which one it is (copies), and what it is
// (markOf).
type frames struct {
	f    *os.File
	raw  syscall.RawConn
	card int // the index of the interface
	buf  []byte
	tail copies
}

// tailLen is the length of what stands behind a frame.
const tailLen = copyLen + 1

// frameMTU is the longest packet above the driver; the LAN carries jumbo frames.
const (
	lanMTU   = 9000
	frameMTU = lanMTU - 8 - tailLen
)

func listenFrames() (*frames, error) {
	card, err := net.InterfaceByName("lan")
	if err != nil {
		return nil, fmt.Errorf("netns: the card of a host: %w", err)
	}
	const kind = ipmulticast.TypeGroup<<8&0xff00 | ipmulticast.TypeGroup>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, kind)
	if err != nil {
		return nil, can("send frames (CAP_NET_RAW)", err)
	}
	x := &frames{f: os.NewFile(uintptr(fd), "card"), card: card.Index, tail: newCopies()}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	if err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: kind, Ifindex: card.Index}); err == nil {
		x.raw, err = x.f.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("netns: the card of a host: %w", err), x.f.Close())
	}
	return x, nil
}

// Send implements [Link].
func (x *frames) Send(e *impl.Effect) {
	x.buf = x.tail.seal(x.buf[:0], e)
	_ = x.raw.Write(func(fd uintptr) bool {
		_, err := unix.Write(int(fd), x.buf)
		return !errors.Is(err, unix.EAGAIN)
	})
}

// Call implements [Link]: the card is asked for the frames of a group, or no longer.
func (x *frames) Call(e *impl.Effect) (in impl.Input, wanted bool) {
	if len(e.Body) != 6 || e.Call != impl.Join && e.Call != impl.Leave {
		return in, false
	}
	m := unix.PacketMreq{Ifindex: int32(x.card), Type: unix.PACKET_MR_MULTICAST, Alen: 6}
	copy(m.Address[:], e.Body)
	name := unix.PACKET_ADD_MEMBERSHIP
	if e.Call == impl.Leave {
		name = unix.PACKET_DROP_MEMBERSHIP
	}
	_ = x.raw.Control(func(fd uintptr) { _ = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, name, &m) })
	return in, false
}

// Receive implements [Link].
func (x *frames) Receive(take func(impl.Input) bool) {
	buf := make([]byte, 1<<16)
	_ = x.raw.Read(func(fd uintptr) bool {
		for {
			n, from, err := unix.Recvfrom(int(fd), buf, 0)
			if errors.Is(err, unix.EAGAIN) {
				return false
			}
			if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENETDOWN) {
				return true
			}
			if at, ok := from.(*unix.SockaddrLinklayer); err != nil || !ok || at.Pkttype == unix.PACKET_OUTGOING || n < tailLen {
				continue
			}
			if !take(impl.Input{Kind: impl.Packet, Body: append([]byte(nil), buf[:n-tailLen]...), From: -1, To: impl.Everyone}) {
				return true
			}
		}
	})
}

// Close implements [Link].
func (x *frames) Close() error { return x.f.Close() }

// driverRules are those of the drivers of this process. The correct ones, but for a test that plants a bug.
var driverRules ipmulticast.DriverRules

// driver makes the driver of a LAN without IP.
func driver(cfg *impl.Config, groups []GuestGroup) impl.Layer {
	mac := func(n spec.NodeID) (m ipmulticast.MAC) { copy(m[:], hostMAC(int(n))); return m }
	return ipmulticast.NewDriver(ipmulticast.DriverConfig{Self: cfg.Self, Own: mac(cfg.Self), Rules: driverRules,
		MACOf: func(n spec.NodeID) (ipmulticast.MAC, bool) { return mac(n), n >= 0 && int(n) < cfg.Nodes },
		NodeAt: func(m ipmulticast.MAC) (spec.NodeID, bool) {
			for n := range spec.NodeID(cfg.Nodes) {
				if mac(n) == m {
					return n, true
				}
			}
			return -1, false
		},
		Group: func(g spec.GroupID) ipmulticast.MAC {
			return ipmulticast.GroupMAC(groups[max(0, min(int(g), len(groups)-1))].Addr)
		},
	})
}
