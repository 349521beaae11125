package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// stranger is a machine on the switch that belongs to nobody: in a namespace of its own, with a network card and an
// address. It listens to groups with a socket, as anyone may, and sends whole frames under its own name.
type stranger struct {
	place  namespace
	at     ipmulticast.Port
	port   int // of the switch
	index  int // of its card
	card   *os.File
	raw    syscall.RawConn
	ears   *os.File // what listens to groups
	sounds syscall.RawConn
}

// strangerHost is the number that the stranger would have if it were a host, beyond all others.
const strangerHost = 249

var strangerPort = ipmulticast.Port{Addr: HostAddr(strangerHost), Local: HostAddr(strangerHost)}

// whoever gives the stranger of the LAN, who is plugged in when first wanted.
func (l *LAN) whoever() (s *stranger, err error) {
	if l.guest != nil {
		return l.guest, nil
	}
	s = &stranger{at: strangerPort}
	if s.place, err = l.thread.make(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end())
		}
	}()
	if err := l.thread.in(l.place, func() error {
		v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "stranger", MasterIndex: l.bridge, TxQLen: 1000, MTU: lanMTU},
			PeerName: "lan", PeerHardwareAddr: hostMAC(strangerHost), PeerNamespace: netlink.NsFd(s.place.fd())}
		if err := l.links.LinkAdd(v); err != nil {
			return can("make a veth (CONFIG_VETH)", err)
		}
		link, err := l.links.LinkByName("stranger")
		if err != nil {
			return err
		}
		s.port = link.Attrs().Index
		return can("bring up a port", l.links.LinkSetUp(link))
	}); err != nil {
		return nil, err
	}
	if err := l.thread.in(s.place, func() error { return s.begin(l.Hosts()) }); err != nil {
		return nil, err
	}
	l.guest = s
	return s, nil
}

// begin makes a machine of the namespace of this thread.
func (s *stranger) begin(hosts int) error {
	if err := configure(strangerHost, hosts); err != nil {
		return err
	}
	return s.open()
}

// open opens the sockets of a machine, in whose namespace this thread is.
func (s *stranger) open() error {
	card, err := net.InterfaceByName("lan")
	if err != nil {
		return fmt.Errorf("netns: the card of the stranger: %w", err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return can("send frames (CAP_NET_RAW)", err)
	}
	s.card, s.index = os.NewFile(uintptr(fd), "stranger"), card.Index
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: card.Index}); err != nil {
		return can("send frames (CAP_NET_RAW)", err)
	}
	family := unix.AF_INET
	if s.at.Addr.Is6() {
		family = unix.AF_INET6
	}
	ears, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return can("open a socket", err)
	}
	s.ears = os.NewFile(uintptr(ears), "ears")
	if s.raw, err = s.card.SyscallConn(); err == nil {
		s.sounds, err = s.ears.SyscallConn()
	}
	return err
}

// send puts a frame on the stranger's cable.
func (s *stranger) send(frame []byte) {
	_ = s.raw.Write(func(fd uintptr) bool {
		_, err := unix.Write(int(fd), frame)
		return !errors.Is(err, unix.EAGAIN)
	})
}

// listen lets the stranger's kernel join a group, or leave it, and say so.
func (s *stranger) listen(group netip.Addr, on bool) error {
	name := unix.IP_ADD_MEMBERSHIP
	if !on {
		name = unix.IP_DROP_MEMBERSHIP
	}
	var err error
	if group.Is6() {
		err = s.listen6(group.As16(), on)
	} else {
		m := &unix.IPMreq{Multiaddr: group.As4(), Interface: s.at.Addr.As4()}
		if e := s.sounds.Control(func(fd uintptr) { err = unix.SetsockoptIPMreq(int(fd), unix.IPPROTO_IP, name, m) }); e != nil {
			return e
		}
	}
	if errors.Is(err, unix.EADDRINUSE) || errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil // it does already, or no longer
	}
	return err
}

func (s *stranger) end() error {
	var errs []error
	for _, f := range []*os.File{s.card, s.ears, s.place.f} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// again is a frame of somebody as the stranger sends it; nil if it is none of a group.
func (s *stranger) again(frame []byte) []byte {
	if len(frame) < etherLen+tailLen {
		return nil
	}
	kind := uint16(frame[12])<<8 | uint16(frame[13])
	if kind != ipmulticast.TypeGroup {
		out := ipmulticast.Under(frame, &s.at)
		if out != nil {
			copy(out[:6], frame) // also where it is to all hosts
		}
		return out
	}
	body := len(frame) - tailLen
	if out := ipmulticast.Under(frame[:body], &s.at); out != nil {
		return append(out, frame[body:]...)
	}
	return nil
}

// noise makes what the stranger floods a group with: no two frames of it are the same.
func (s *stranger) noise(wire Wire, group netip.Addr, port uint16, ttl int, all *copies) []byte {
	body := append(make([]byte, 24), all.number(nil)...)
	switch wire {
	case Frames:
		b := ipmulticast.AppendEthernet(nil, ipmulticast.GroupMAC(group), s.at.MAC(), ipmulticast.TypeGroup)
		return append(ipmulticast.Seal(append(b, body...)), make([]byte, tailLen)...)
	case Broadcast:
		b := ipmulticast.Datagram(&s.at, lanBroadcast, 1, lanPort, lanPort, body)
		copy(b, ipmulticast.Broadcast[:])
		return b
	}
	return ipmulticast.Datagram(&s.at, group, uint8(min(255, ttl)), lanPort, port, body)
}

// rogue repeats what hosts send to groups, under the stranger's name. It is told of frames by the goroutine that
// captures, and what it is to do by the harness.
type rogue struct {
	mu      sync.Mutex
	by      map[int]*stranger // by link; nil: nobody is at work
	dice    spec.Rand
	percent int
}

func (r *rogue) set(by map[int]*stranger, percent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by, r.percent = by, percent
}

// hear is told of a frame that a host has sent to a group, and on which link.
func (r *rogue) hear(link int, frame []byte) {
	r.mu.Lock()
	by := r.by[link]
	hit := by != nil && (r.percent >= 100 || r.dice.IntN(100) < r.percent)
	r.mu.Unlock()
	if hit {
		if out := by.again(frame); out != nil {
			by.send(out)
		}
	}
}

// flood lets the stranger send frame after frame, until what it gives is called. More than the least pause allows is sent
// in bursts.
func (s *stranger) flood(next func() []byte, pause time.Duration) (stop func()) {
	const tick, most = time.Millisecond, 100
	burst := 1
	if pause < tick {
		burst = min(most, int(tick/max(pause, time.Microsecond)))
		pause = tick
	}
	quit, over := make(chan bool), make(chan bool)
	go func() {
		defer close(over)
		t := time.NewTicker(pause)
		defer t.Stop()
		for {
			for range burst {
				s.send(next())
			}
			select {
			case <-quit:
				return
			case <-t.C:
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-over })
}
