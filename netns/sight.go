package netns

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// spy is what links know of the datagrams that sockets get, before anything but the kernel has looked at them. To whom
// one was sent only the kernel can tell (IP_PKTINFO).
type spy struct {
	saw    sight        // may be nil
	wide   bool         // what is to a group is to all hosts, and who has not joined takes nothing of it
	groups []netip.Addr // by number
	joined atomic.Uint64
	since  atomic.Int64 // when a group was last joined, on the clock of Now
}

// newSpy makes one for a guest on whose wire frames have addresses of groups; nil on others.
func newSpy(g *Guest) *spy {
	if !g.Wire.grouped() {
		return nil
	}
	s := &spy{wide: g.Wire == Broadcast}
	for i := range g.Groups {
		s.groups = append(s.groups, g.Groups[i].Addr)
	}
	return s
}

// See lets the node tell of every datagram to a group that a socket gets.
func (d *datagrams) See(saw sight) {
	if d.spy != nil {
		d.spy.saw = saw
	}
}

// joins notes that a group is joined or left.
func (s *spy) joins(e *impl.Effect) {
	switch bit := uint64(1) << (uint64(max(0, e.Group)) % 64); {
	case s == nil:
	case e.Call == impl.Join:
		s.joined.Or(bit)
		s.since.Store(int64(Now()))
	default:
		s.joined.And(^bit)
	}
}

// prepare lets the kernel tell, and says whether it will and somebody wants to know.
func (s *spy) prepare(c *net.UDPConn) bool {
	if s.saw == nil && !s.wide {
		return false
	}
	raw, err := c.SyscallConn()
	if err == nil {
		_ = control(raw, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}
	if err != nil {
		return false
	}
	if len(s.groups) > 0 && s.groups[0].Is6() {
		return control(raw, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1) == nil
	}
	return control(raw, unix.IPPROTO_IP, unix.IP_PKTINFO, 1) == nil
}

// overlook is receive for those who have a spy.
func (l *links) overlook(socket *net.UDPConn, only spec.GroupID, take func(impl.Input) bool) {
	buf, oob := make([]byte, 1<<16), make([]byte, 128)
	for {
		n, k, _, from, err := socket.ReadMsgUDPAddrPort(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP message about something sent before
		}
		in, ok := l.open(buf[:n], from)
		to := sentTo(oob[:k])
		ok = ok && (only < 0 || in.Group == only) && l.spy.wants(to, in.Group)
		l.spy.see(to, ok, &in, l.spy.when(oob[:k]))
		if !ok {
			l.strange.Add(1)
		} else if !take(in) {
			return
		}
	}
}

// wants says whether a datagram of a group is for this host: what is to all hosts is for members only.
func (s *spy) wants(to netip.Addr, g spec.GroupID) bool {
	return to != lanBroadcast || s.joined.Load()>>(uint64(max(0, g))%64)&1 == 1
}

// when gives how long a datagram has waited in its socket: who has left the group since then had it before. It came no
// earlier than the last group was joined.
func (s *spy) when(oob []byte) spec.Time {
	return min(age(oob), max(0, Now()-spec.Time(s.since.Load())))
}

// see tells of a datagram to one of the groups. One to all hosts counts once the link has taken it: whose it is stands
// inside of it.
func (s *spy) see(to netip.Addr, taken bool, in *impl.Input, ago spec.Time) {
	if s.saw == nil {
		return
	}
	from := spec.NodeID(-1)
	if taken {
		from = in.From
	}
	switch g := slices.Index(s.groups, to); {
	case g >= 0:
		s.saw(spec.GroupID(g), from, ago)
	case to == lanBroadcast && taken:
		s.saw(in.Group, from, ago)
	}
}

// sentTo finds in what the kernel says of a datagram the address that it was sent to.
func sentTo(oob []byte) netip.Addr {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return netip.Addr{}
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4([4]byte(m.Data[8:]))
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			return netip.AddrFrom16([16]byte(m.Data))
		}
	}
	return netip.Addr{}
}
