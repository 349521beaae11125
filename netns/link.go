package netns

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// frameLen is the length of what stands behind a packet in its datagram: the group and the node that sent it, which of
// its packets this is, and a mark.
const frameLen = 4 + 4 + copyLen + 4

// frameMark tells our datagrams from what else may come to a port.
const frameMark = 0x636f6e66

// groupMark is what a link adds to the mark of a packet that goes to the group: its receivers are told so.
const groupMark = 2

// maxPacket is the longest packet that a UDP datagram can carry over IPv4.
const maxPacket = 65535 - 20 - 8 - frameLen

// Link carries the packets of a node. Only Receive and Close may be called from other goroutines than the node's.
type Link interface {
	// Send hands a packet for others to the kernel, which may lose it.
	Send(e *impl.Effect)
	// Call joins or leaves a group, and gives the answer, if one is wanted.
	Call(e *impl.Effect) (answer impl.Input, wanted bool)
	// Receive hands packets to take, until the link is closed or take wants no more.
	Receive(take func(impl.Input) bool)
	Close() error
}

// links are the one-to-one links of a node to all others: datagrams on one socket.
type links struct {
	socket *net.UDPConn
	self   spec.NodeID
	group  spec.GroupID
	groups int // how many there are, where packets name theirs; 0: there is one
	peers  []netip.AddrPort
	buf    []byte
	copies copies
	spy    *spy // nil: nobody wants to know what sockets get

	sent, lost int          // packets that were handed to the kernel, and that it did not take
	strange    atomic.Int64 // datagrams that were no packets of a peer
}

func newLinks(socket *net.UDPConn, cfg *impl.Config, peers []netip.AddrPort) *links {
	_ = socket.SetReadBuffer(4 << 20) // as much as may be had
	return &links{socket: socket, self: cfg.Self, group: cfg.Group, peers: peers, buf: make([]byte, 0, maxPacket+frameLen), copies: newCopies()}
}

// Send implements [Link]. Like any network it may lose the packet.
func (l *links) Send(e *impl.Effect) { l.send(e.To, l.of(e), e.Body, markOf(e.Code)) }

// of gives the group of a packet.
func (l *links) of(e *impl.Effect) spec.GroupID {
	if l.groups > 0 {
		return e.Group
	}
	return l.group
}

// Call implements [Link]: there are no groups.
func (l *links) Call(*impl.Effect) (in impl.Input, wanted bool) { return in, false }

// Close implements [Link].
func (l *links) Close() error { return l.socket.Close() }

func (l *links) send(to spec.NodeID, g spec.GroupID, body []byte, mark uint32) {
	if to < 0 || int(to) >= len(l.peers) {
		return
	}
	if len(body) > maxPacket {
		l.lost++
		return
	}
	if _, err := l.socket.WriteToUDPAddrPort(l.frame(g, body, mark), l.peers[to]); err != nil {
		l.lost++
		return
	}
	l.sent++
}

// frame puts behind a packet whose it is, and what it is.
func (l *links) frame(g spec.GroupID, body []byte, mark uint32) []byte {
	b := append(l.buf[:0], body...)
	b = binary.LittleEndian.AppendUint32(b, uint32(g))
	b = binary.LittleEndian.AppendUint32(b, uint32(l.self))
	b = l.copies.number(b)
	return binary.LittleEndian.AppendUint32(b, frameMark+mark)
}

// Receive implements [Link].
func (l *links) Receive(take func(impl.Input) bool) { l.receive(l.socket, -1, take) }

// receive takes what comes to a socket; only what is of a group, unless that is -1.
func (l *links) receive(socket *net.UDPConn, only spec.GroupID, take func(impl.Input) bool) {
	if l.spy != nil && l.spy.prepare(socket) {
		l.overlook(socket, only, take)
		return
	}
	buf := make([]byte, 1<<16)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP message about something sent before
		}
		in, ok := l.open(buf[:n], from)
		if !ok || only >= 0 && in.Group != only {
			l.strange.Add(1)
			continue
		}
		if !take(in) {
			return
		}
	}
}

// open takes a datagram apart. What does not come from the address of the node that it names is a stranger's.
func (l *links) open(b []byte, from netip.AddrPort) (in impl.Input, ok bool) {
	body, x, ok := impl.Cut(b, frameLen)
	if !ok || binary.LittleEndian.Uint32(x[8+copyLen:])-frameMark > ackMark|groupMark {
		return in, false
	}
	to := l.self
	if (binary.LittleEndian.Uint32(x[8+copyLen:])-frameMark)&groupMark != 0 {
		to = impl.Everyone
	}
	g := spec.GroupID(binary.LittleEndian.Uint32(x))
	if l.groups == 0 && g != l.group || l.groups > 0 && (g < 0 || int(g) >= l.groups) {
		return in, false
	}
	sender := binary.LittleEndian.Uint32(x[4:])
	if uint64(sender) >= uint64(len(l.peers)) || spec.NodeID(sender) == l.self ||
		l.peers[sender] != netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) {
		return in, false
	}
	return impl.Input{Kind: impl.Packet, Body: append([]byte(nil), body...), From: spec.NodeID(sender), To: to,
		Group: g}, true
}
