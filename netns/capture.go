package netns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// capture shows the frames that hosts send, as the switch sees them before it drops any, and as those of host -1 what it
// asks them about groups, until what it gives is called.
func (w *World) capture() (stop func(), err error) {
	if w.cfg.LAN.wide != nil {
		return w.sightings()
	}
	show := w.cfg.Capture
	if show == nil {
		return func() {}, nil
	}
	l := w.cfg.LAN
	var tap *os.File
	if err := l.thread.in(l.place, func() error {
		const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(uint16(all&0xffff)))
		if err != nil {
			return can("capture (CAP_NET_RAW)", err)
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
		tap = os.NewFile(uintptr(fd), "capture")
		return nil
	}); err != nil {
		return nil, err
	}
	raw, err := tap.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("netns: capture: %w", err), tap.Close())
	}
	over := make(chan bool)
	epoch := w.epoch
	go func() {
		defer close(over)
		buf := make([]byte, 1<<17)
		_ = raw.Read(func(fd uintptr) bool {
			for {
				n, from, err := unix.Recvfrom(int(fd), buf, 0)
				if errors.Is(err, unix.EINTR) {
					continue
				}
				if err != nil {
					return !errors.Is(err, unix.EAGAIN)
				}
				at, ok := from.(*unix.SockaddrLinklayer)
				if !ok || at.Pkttype == unix.PACKET_OUTGOING && (at.Ifindex != l.ports[0] || !asks(buf[:n])) {
					continue // once is enough: when it comes in
				}
				if at.Pkttype == unix.PACKET_OUTGOING {
					show(max(0, Now()-epoch), -1, buf[:n])
					continue
				}
				for h, port := range l.ports {
					if port == at.Ifindex {
						show(max(0, Now()-epoch), h, buf[:n])
					}
				}
			}
		})
	}()
	return func() { _ = tap.Close(); <-over }, nil
}

// asks says whether a frame is a query of IGMP. Hosts send none.
func asks(frame []byte) bool {
	const ip = etherLen
	if len(frame) < ip+20 || frame[12] != 8 || frame[13] != 0 || frame[ip+9] != unix.IPPROTO_IGMP {
		return false
	}
	head := ip + int(frame[ip]&15)*4
	return len(frame) > head && frame[head] == 0x11
}
