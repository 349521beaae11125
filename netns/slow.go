package netns

import (
	"container/heap"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// The kernel's bridge drops a packet or it does not. Where packets are to be late, overtaken, doubled or changed, and as
// long as that lasts, a switch of our own takes its place: at every port the kernel hands it all frames and forwards
// none itself, which begins and ends in one transaction. What hosts say of groups (IGMP) still goes to the kernel's.
// Our switch does not snoop: frames to a group go to all, and the cards of the hosts let through what they asked for.
//
// (What netem can do exactly it does, where the kernel has it: see netem.go. This is everywhere, and its dice are ours.)

// Alter is what the switch does to packets beside dropping them.
type Alter struct {
	From, To int           // hosts; -1: any
	Percent  int           // of the packets; 100: all
	Late     time.Duration // they take so much longer
	Upto     time.Duration // or anything up to this, so that others overtake them
	Twice    bool          // they arrive twice
	Flip     bool          // one byte behind the Ethernet header is changed
}

// slow is the switch of our own.
type slow struct {
	way     int // the interface by which the kernel hands frames over
	f       *os.File
	raw     syscall.RawConn
	ports   []int
	reading bool
	wake    chan bool
	over    sync.WaitGroup

	mu      sync.Mutex
	seed    uint64
	drops   []Drop
	alters  []Alter
	dice    map[[2]int]*spec.Rand
	waiting flights
	seq     uint64
}

// flight is a frame on its way to a port.
type flight struct {
	at    time.Time
	seq   uint64
	from  int
	to    int
	frame []byte
}

// flights are ordered by time; of equal ones, the earlier first.
type flights []flight

func (x flights) Len() int { return len(x) }
func (x flights) Less(i, k int) bool {
	return x[i].at.Before(x[k].at) || x[i].at.Equal(x[k].at) && x[i].seq < x[k].seq
}
func (x flights) Swap(i, k int) { x[i], x[k] = x[k], x[i] }
func (x *flights) Push(v any)   { *x = append(*x, v.(flight)) }
func (x *flights) Pop() any {
	last := len(*x) - 1
	v := (*x)[last]
	*x = (*x)[:last]
	return v
}

// begin lays the way to our switch, in the namespace of this thread.
func (s *slow) begin(links *netlink.Handle, ports []int) error {
	s.ports, s.wake, s.dice = ports, make(chan bool, 1), map[[2]int]*spec.Rand{}
	v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "slow", TxQLen: 10_000, MTU: lanMTU}, PeerName: "slowed", PeerMTU: lanMTU}
	if err := links.LinkAdd(v); err != nil {
		return can("make a veth (CONFIG_VETH)", err)
	}
	var ends [2]int
	for i, name := range []string{"slow", "slowed"} {
		link, err := links.LinkByName(name)
		if err == nil {
			err = links.LinkSetUp(link)
		}
		if err != nil {
			return can("bring up a veth", err)
		}
		ends[i] = link.Attrs().Index
	}
	s.way = ends[0]
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return can("forward frames (CAP_NET_RAW)", err)
	}
	s.f = os.NewFile(uintptr(fd), "slow")
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ends[1]}); err != nil {
		return can("listen to an interface", err)
	}
	s.raw, err = s.f.SyscallConn()
	return err
}

// set lets our switch do this from now on. What a host that is unplugged has sent and nobody has yet got is lost.
func (s *slow) set(drops []Drop, alters []Alter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops = slices.Clone(drops)
	s.alter(drops, alters, s.read)
}

// alter begins what is done to packets beside dropping them; read takes in what the kernel hands over.
func (s *slow) alter(drops []Drop, alters []Alter, read func()) {
	s.alters = slices.Clone(alters)
	for _, d := range drops {
		if d.Cable {
			s.waiting = slices.DeleteFunc(s.waiting, func(x flight) bool { return x.from == d.From })
		}
	}
	heap.Init(&s.waiting)
	if len(alters) > 0 && !s.reading {
		s.reading = true
		s.over.Add(2)
		go read()
		go s.deliver()
	}
}

// clear forgets what is on its way; the dice of a run begin with its seed.
func (s *slow) clear(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting, s.seed, s.dice = nil, seed, map[[2]int]*spec.Rand{}
}

// end waits until nothing is forwarded any more.
func (s *slow) end() error {
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	close(s.wake)
	s.over.Wait()
	return err
}

// read takes in what hosts send.
func (s *slow) read() {
	defer s.over.Done()
	eachFrame(s.raw, func(fd int, at *unix.SockaddrLinklayer, frame []byte) {
		if at.Pkttype != unix.PACKET_OUTGOING {
			s.forward(fd, frame)
		}
	})
}

const etherLen = 14

// hostOf gives the host that has a hardware address, or -1.
func (s *slow) hostOf(mac net.HardwareAddr) int {
	for h := range s.ports {
		if slices.Equal(mac, hostMAC(h)) {
			return h
		}
	}
	return -1
}

// forward sends a frame to whom it is for, as it is or as what is broken leaves it.
func (s *slow) forward(fd int, frame []byte) {
	if len(frame) < etherLen {
		return
	}
	to, from := s.hostOf(frame[:6]), s.hostOf(frame[6:12])
	everyone := frame[0]&1 == 1
	if from < 0 || to < 0 && !everyone {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.ports {
		if h != from && (everyone || h == to) {
			s.cross(fd, from, h, frame)
		}
	}
}

// cross lets what is broken act on a frame between two hosts.
func (s *slow) cross(fd, from, to int, frame []byte) {
	dice := s.dice[[2]int{from, to}]
	if dice == nil {
		r := spec.NewRand(s.seed, 0x510, uint64(from), uint64(to))
		dice = &r
		s.dice[[2]int{from, to}] = dice
	}
	strikes := func(f, t, percent int) bool {
		return (f < 0 || f == from) && (t < 0 || t == to) && (percent >= 100 || dice.IntN(100) < percent)
	}
	for _, d := range s.drops {
		if strikes(d.From, d.To, d.Percent) {
			return
		}
	}
	late, copies, changed := time.Duration(0), 1, false
	for _, a := range s.alters {
		if !strikes(a.From, a.To, a.Percent) {
			continue
		}
		late += a.Late
		if a.Upto > 0 {
			late += time.Duration(dice.Float64() * float64(a.Upto))
		}
		if a.Twice {
			copies++
		}
		if a.Flip && len(frame) > etherLen {
			if !changed {
				frame, changed = slices.Clone(frame), true // others get the original
			}
			frame[etherLen+dice.IntN(len(frame)-etherLen)] ^= byte(1 + dice.IntN(255))
		}
	}
	if late == 0 {
		for range copies {
			s.send(fd, to, frame)
		}
		return
	}
	if !changed {
		frame = slices.Clone(frame)
	}
	for range copies {
		s.seq++
		heap.Push(&s.waiting, flight{time.Now().Add(late), s.seq, from, to, frame})
	}
	select {
	case s.wake <- true:
	default:
	}
}

// send puts a frame on the cable of a host.
func (s *slow) send(fd, to int, frame []byte) {
	_ = unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: s.ports[to]})
}

// deliver sends what was late when its time has come.
func (s *slow) deliver() {
	defer s.over.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case _, more := <-s.wake:
			if !more {
				return
			}
		case <-timer.C:
		}
		next := time.Hour
		_ = s.raw.Control(func(fd uintptr) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for len(s.waiting) > 0 {
				if next = time.Until(s.waiting[0].at); next > 0 {
					return
				}
				x := heap.Pop(&s.waiting).(flight)
				s.send(int(fd), x.to, x.frame)
				next = time.Hour
			}
		})
		timer.Reset(next)
	}
}
