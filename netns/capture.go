package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// wiretap is the goroutine that hears what passes the ports of a switch.
type wiretap struct {
	f      *os.File
	over   chan bool
	missed bool // the kernel had no room for some of it
}

// listenIn shows the frames at the ports, as the switch sees them before it drops any: those that come in, and those that
// it sends, until the wiretap is closed. A port is the index of an interface.
func (l *LAN) listenIn(show func(port int, out bool, frame []byte)) (*wiretap, error) {
	return l.listenBy(func(raw syscall.RawConn) {
		eachFrame(raw, func(_ int, at *unix.SockaddrLinklayer, frame []byte) {
			if len(frame) >= etherLen {
				show(at.Ifindex, at.Pkttype == unix.PACKET_OUTGOING, frame)
			}
		})
	})
}

// listenBy is listenIn with a reader of the caller's, which ends when the socket is closed.
func (l *LAN) listenBy(read func(raw syscall.RawConn)) (*wiretap, error) {
	x := &wiretap{over: make(chan bool)}
	if err := l.thread.in(l.place, func() error {
		const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(uint16(all&0xffff)))
		if err != nil {
			return can("capture (CAP_NET_RAW)", err)
		}
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // as much as may be had
		}
		x.f = os.NewFile(uintptr(fd), "capture")
		return nil
	}); err != nil {
		return nil, err
	}
	raw, err := x.f.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("netns: capture: %w", err), x.f.Close())
	}
	go func() {
		defer close(x.over)
		read(raw)
	}()
	return x, nil
}

// eachFrame hands over what a packet socket gets, until it is closed; a card that goes down does not end it. The frame is
// valid until take returns.
func eachFrame(raw syscall.RawConn, take func(fd int, at *unix.SockaddrLinklayer, frame []byte)) {
	buf := make([]byte, 1<<17)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, from, err := unix.Recvfrom(int(fd), buf, 0)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
				continue
			}
			if err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
			if at, ok := from.(*unix.SockaddrLinklayer); ok {
				take(int(fd), at, buf[:n])
			}
		}
	})
}

// close ends the wiretap. When it returns nothing is shown any more.
func (x *wiretap) close() error {
	if raw, err := x.f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
			x.missed = err != nil || s.Drops > 0
		})
	}
	err := x.f.Close()
	<-x.over
	return err
}

// capture shows the frames that hosts send, as the switch sees them before it drops any, and as those of host -1 what it
// asks them about groups, until what it gives is called. What the history is to tell is read off the same frames, and so
// is what strangers repeat.
func (w *World) capture() (stop func(), err error) {
	if w.cfg.LAN.wide != nil {
		return w.sightings()
	}
	l, show, ears := w.cfg.LAN, w.cfg.Capture, newEvidence(w)
	if w.seen = nil; w.cfg.Frames {
		w.seen = newEvidence(w)
	}
	strange := slices.ContainsFunc(w.s.Steps, func(x faults.Step) bool { return x.Action.Op == faults.Rogue })
	w.rogue.dice = spec.NewRand(w.s.Seed, 0x5061)
	if show == nil && w.seen == nil && !strange {
		return func() {}, nil
	}
	port := -1
	if set := w.s.Faults(); set.Has(spec.RogueFault) || set.Has(spec.FloodFault) {
		s, err := l.whoever()
		if err != nil {
			return nil, err
		}
		port = s.port
	}
	epoch, seen := w.epoch, w.seen
	tap, err := l.listenIn(func(at int, out bool, frame []byte) {
		when, h := max(0, Now()-epoch), slices.Index(l.ports, at)
		switch {
		case h < 0 && at == port && seen != nil:
			seen.frame(when, seen.theStranger(), out, frame)
		case h < 0:
			return
		case h >= w.s.Nodes: // a host that is no node
		case seen != nil:
			seen.frame(when, spec.NodeID(h), out, frame)
		}
		if h < 0 {
			return
		}
		if strange && !out && ears.toGroups(frame) {
			w.rogue.hear(0, frame)
		}
		if host, ok := shown(h, out, frame); ok && show != nil {
			show(when, host, frame)
		}
	})
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() {
		if _ = tap.close(); seen != nil {
			seen.lost = seen.lost || tap.missed
		}
	}), nil
}

// shown says whether a frame belongs into a capture, and whose it is: what hosts send, and as that of host -1 what the
// switch asks, once.
func shown(host int, out bool, frame []byte) (from int, ok bool) {
	if !out {
		return host, true
	}
	return -1, host == 0 && asks(frame)
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

// mostCaptured bounds what is kept of the frames of one run of programs with sockets of their own, in bytes.
const mostCaptured = 16 << 20

// recording keeps the frames of a run.
type recording struct {
	hear func(frame []byte) // is shown what hosts send; nil: nobody
	mu   sync.Mutex
	tap  *wiretap
	b    bytes.Buffer
}

// begin forgets the run before, and records the next one.
func (r *recording) begin(l *LAN) error {
	if err := r.end(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b.Reset()
	w, err := ipmulticast.NewPcapWriter(&r.b)
	if err != nil {
		return err
	}
	epoch := Now()
	r.tap, err = l.listenIn(func(at int, out bool, frame []byte) {
		h := slices.Index(l.ports, at)
		if _, ok := shown(h, out, frame); h < 0 || !ok {
			return
		}
		if !out && r.hear != nil {
			r.hear(frame)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.b.Len() < mostCaptured {
			_ = w.Write(max(0, Now()-epoch), frame)
		}
	})
	return err
}

func (r *recording) end() error {
	if r.tap == nil {
		return nil
	}
	err := r.tap.close()
	r.tap = nil
	return err
}

func (r *recording) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.b.Bytes())
}
