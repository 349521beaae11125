package netns

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// capture shows the frames that hosts send, as the switch sees them before it drops any, and as those of host -1 what it
// asks them about groups, until what it gives is called.
func (w *World) capture() (stop func(), err error) {
	if w.cfg.LAN.wide != nil {
		return w.sightings()
	}
	show := w.cfg.Capture
	if w.seen = nil; w.cfg.Frames {
		w.seen = newEvidence(w)
	}
	strange := slices.ContainsFunc(w.s.Steps, func(x faults.Step) bool { return x.Action.Op == faults.Rogue })
	w.rogue.dice = spec.NewRand(w.s.Seed, 0x5061)
	if show == nil && w.seen == nil && !strange {
		return func() {}, nil
	}
	if show == nil {
		show = func(spec.Time, int, []byte) {}
	}
	l, seen, ears := w.cfg.LAN, w.seen, newEvidence(w)
	port := -1
	if w.s.Faults().Has(spec.RogueFault) || w.s.Faults().Has(spec.FloodFault) {
		s, err := l.whoever()
		if err != nil {
			return nil, err
		}
		port = s.port
	}
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
	over, missed := make(chan bool), false
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
				h := -1
				if ok {
					h = slices.Index(l.ports, at.Ifindex)
				}
				when, out := max(0, Now()-epoch), ok && at.Pkttype == unix.PACKET_OUTGOING
				if ok && at.Ifindex == port && seen != nil {
					seen.frame(when, seen.theStranger(), out, buf[:n])
				}
				if h < 0 || n < etherLen {
					continue
				}
				if strange && !out && ears.toGroups(buf[:n]) {
					w.rogue.hear(buf[:n])
				}
				if seen != nil {
					seen.frame(when, spec.NodeID(h), out, buf[:n])
				}
				switch {
				case !out:
					show(when, h, buf[:n])
				case h == 0 && asks(buf[:n]): // once is enough
					show(when, -1, buf[:n])
				}
			}
		})
	}()
	return sync.OnceFunc(func() {
		if seen != nil {
			_ = raw.Control(func(fd uintptr) {
				s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
				missed = err != nil || s.Drops > 0
			})
		}
		_ = tap.Close()
		<-over
		if seen != nil {
			seen.lost = seen.lost || missed
		}
	}), nil
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
