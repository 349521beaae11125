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

// frameLen is the length of what stands behind a packet in its datagram: the group and the node that sent it, and a mark.
const frameLen = 4 + 4 + 4

// frameMark tells our datagrams from what else may come to a port.
const frameMark = 0x636f6e66

// maxPacket is the longest packet that a UDP datagram can carry over IPv4.
const maxPacket = 65535 - 20 - 8 - frameLen

// links are the one-to-one links of a node to all others: datagrams on one socket.
type links struct {
	socket *net.UDPConn
	self   spec.NodeID
	group  spec.GroupID
	peers  []netip.AddrPort
	buf    []byte

	sent, lost int          // packets that were handed to the kernel, and that it did not take
	strange    atomic.Int64 // datagrams that were no packets of a peer
}

func newLinks(socket *net.UDPConn, cfg *impl.Config, peers []netip.AddrPort) *links {
	_ = socket.SetReadBuffer(4 << 20) // as much as may be had
	return &links{socket: socket, self: cfg.Self, group: cfg.Group, peers: peers, buf: make([]byte, 0, maxPacket+frameLen)}
}

// send hands a packet to the kernel. Like any network it may lose it.
func (l *links) send(to spec.NodeID, body []byte) {
	if to < 0 || int(to) >= len(l.peers) {
		return
	}
	if len(body) > maxPacket {
		l.lost++
		return
	}
	b := append(l.buf[:0], body...)
	b = binary.LittleEndian.AppendUint32(b, uint32(l.group))
	b = binary.LittleEndian.AppendUint32(b, uint32(l.self))
	b = binary.LittleEndian.AppendUint32(b, frameMark)
	if _, err := l.socket.WriteToUDPAddrPort(b, l.peers[to]); err != nil {
		l.lost++
		return
	}
	l.sent++
}

// receive hands packets to take, until the socket is closed or take wants no more.
func (l *links) receive(take func(impl.Input) bool) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := l.socket.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP message about something sent before
		}
		in, ok := l.open(buf[:n], from)
		if !ok {
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
	if !ok || binary.LittleEndian.Uint32(x[8:]) != frameMark || binary.LittleEndian.Uint32(x) != uint32(l.group) {
		return in, false
	}
	sender := binary.LittleEndian.Uint32(x[4:])
	if uint64(sender) >= uint64(len(l.peers)) || spec.NodeID(sender) == l.self ||
		l.peers[sender] != netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) {
		return in, false
	}
	return impl.Input{Kind: impl.Packet, Body: append([]byte(nil), body...), From: spec.NodeID(sender), To: l.self,
		Group: l.group}, true
}
