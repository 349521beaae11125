package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// Between subnets, too, the kernel drops a packet or it does not. Where packets are to be late, overtaken, doubled or
// changed, the kernel hands over what it is about to put on the cable of a host, and a switch of our own puts it there.
// That is behind all that routers and switches do: they take, forward and say what they would, and what they hear is
// what was sent. A packet is told by its source, and a pair of hosts on different links means the receiver's cable.
//
// What goes out carries a mark, by which the kernel knows its host on the way to our switch, and our switch's own on
// the way back.

// siteSlow is the switch of our own between subnets.
type siteSlow struct {
	slow
	chains []*nftables.Chain  // where packets go out to hosts, by host
	hosts  map[netip.Addr]int // by address
	lacks  error              // why there is none, or nil
}

// The marks of what our switch has sent, and of what is for the first host.
const (
	sentMark = 0x510
	hostMark = 0x1000
)

// prepare lays the way to our switch. A kernel that can't is no error before somebody wants it.
func (n *Subnets) prepare() {
	s := &n.slow
	if s.lacks = n.lan.thread.in(n.lan.place, func() error { return s.begin(n) }); s.lacks != nil {
		return
	}
	f := &n.lan.filter
	f.ports = f.conn.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "ports"})
	accept := nftables.ChainPolicyAccept
	for h := range n.lan.ports {
		name := fmt.Sprint("h", h) // as the port is called
		s.chains = append(s.chains, f.conn.AddChain(&nftables.Chain{Table: f.ports, Name: name, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookEgress, Device: name, Priority: nftables.ChainPriorityFilter, Policy: &accept}))
	}
	if s.lacks = can("filter where packets go out (CONFIG_NETFILTER_EGRESS)", f.conn.Flush()); s.lacks != nil {
		s.chains = nil
	}
}

func (s *siteSlow) begin(n *Subnets) error {
	s.hosts = map[netip.Addr]int{}
	for h := range n.cfg.Plan.Hosts {
		s.hosts[n.cfg.Plan.Hosts[h].Port.Addr] = h
	}
	if err := s.slow.begin(n.lan.links, n.lan.ports); err != nil {
		return err
	}
	return errors.Join(control(s.raw, unix.SOL_SOCKET, unix.SO_MARK, sentMark), control(s.raw, unix.SOL_SOCKET, unix.SO_RCVMARK, 1))
}

// alter makes the rules of what our switch is to do from now on, in the transaction that is under way. What a host that
// is unplugged has sent and nobody has yet got is lost.
func (n *Subnets) alter(drops []Drop, alters []Alter) {
	s, f := &n.slow, &n.lan.filter
	for _, c := range s.chains {
		f.conn.FlushChain(c)
	}
	s.set(drops, alters)
	if len(alters) == 0 {
		return
	}
	mark := &expr.Meta{Key: expr.MetaKeyMARK, Register: 1}
	for h, c := range s.chains {
		f.conn.AddRule(&nftables.Rule{Table: f.ports, Chain: c, Exprs: []expr.Any{mark,
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: word(sentMark)}, &expr.Verdict{Kind: expr.VerdictAccept}}})
		f.conn.AddRule(&nftables.Rule{Table: f.ports, Chain: c, Exprs: append(n.datagramOf(-1),
			&expr.Immediate{Register: 1, Data: word(hostMark + h)},
			&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1},
			&expr.Immediate{Register: 1, Data: word(s.way)},
			&expr.Dup{RegDev: 1, IsRegDevSet: true},
			&expr.Verdict{Kind: expr.VerdictDrop})})
	}
}

// set is that of [slow], but for drops, which are the kernel's here.
func (s *siteSlow) set(drops []Drop, alters []Alter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alter(drops, alters, s.read)
}

// read takes in what is for hosts.
func (s *siteSlow) read() {
	defer s.over.Done()
	buf, oob := make([]byte, 1<<17), make([]byte, 64)
	_ = s.raw.Read(func(fd uintptr) bool {
		for {
			n, k, _, from, err := unix.Recvmsg(int(fd), buf, oob, 0)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
				continue
			}
			if err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
			if at, ok := from.(*unix.SockaddrLinklayer); ok && at.Pkttype != unix.PACKET_OUTGOING {
				s.take(int(fd), markOn(oob[:k])-hostMark, buf[:n])
			}
		}
	})
}

// markOn gives the mark of a frame, or 0.
func markOn(oob []byte) int {
	all, err := unix.ParseSocketControlMessage(oob)
	for _, m := range all {
		if err == nil && m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_MARK && len(m.Data) >= 4 {
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return 0
}

// take lets what is broken act on a packet for a host. To those of strangers and routers nothing happens.
func (s *siteSlow) take(fd, to int, frame []byte) {
	if to < 0 || to >= len(s.ports) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if from, ok := s.hosts[sourceOf(frame)]; ok {
		s.cross(fd, from, to, frame)
	} else {
		s.send(fd, to, frame)
	}
}

// sourceOf gives the address that a frame of IP is from.
func sourceOf(frame []byte) netip.Addr {
	const ip = etherLen
	switch {
	case len(frame) >= ip+40 && frame[12] == 0x86 && frame[13] == 0xdd:
		return netip.AddrFrom16([16]byte(frame[ip+8:]))
	case len(frame) >= ip+20 && frame[12] == 8 && frame[13] == 0:
		return netip.AddrFrom4([4]byte(frame[ip+12:]))
	}
	return netip.Addr{}
}

// doubled says whether a datagram goes out by a cable more often than it has come to the link: only our switch does that.
func (x *sightings) doubled(e end, out bool, number uint64, t *trace) bool {
	if !out || x.traces[number] == nil {
		return false
	}
	came, gone := 0, 0
	for _, from := range t.ends {
		if from.link == e.link && from.machine != e.machine {
			came++
		}
	}
	t.to = append(t.to, e)
	for _, to := range t.to {
		if to == e {
			gone++
		}
	}
	return gone > came
}

// putBy gives the machine that has put a datagram on the link where it goes out.
func (x *sightings) putBy(e end, t *trace) spec.NodeID {
	for _, from := range t.ends {
		if who, known := x.site.nodeOf(from.machine, x.nodes); known && from.link == e.link && from.machine != e.machine {
			return who
		}
	}
	return t.origin
}
