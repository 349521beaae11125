package ipmulticast

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
)

// MAC is an Ethernet hardware address.
type MAC [6]byte

// Broadcast reaches every card on the link.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// EthernetLen is the length of an Ethernet header: destination, source, type.
const EthernetLen = 14

// The types of frames.
const (
	TypeIPv4  = 0x0800
	TypeIPv6  = 0x86dd
	TypeGroup = 0x88b5 // IEEE 802 local experimental 1: the frames of the transports hardware and broadcast
)

// Frame is an Ethernet frame, taken apart. Payload is a part of the frame's bytes.
type Frame struct {
	Dst, Src MAC
	Type     uint16
	Payload  []byte
}

// MACOf gives the hardware address that a machine with this IP address has: 02:00 and the low 32 bits of the address.
// The link-local IPv6 address of a port has the same low 32 bits as its other address, so that both give one MAC.
func MACOf(a netip.Addr) MAC {
	x := low32(a)
	return MAC{0x02, 0x00, x[0], x[1], x[2], x[3]}
}

// GroupMAC gives the hardware address of a group: 01:00:5e and the low 23 bits of an IPv4 address, so that 32 groups
// share one (RFC 1112 section 6.4); 33:33 and the low 32 bits of an IPv6 address (RFC 2464 section 7).
func GroupMAC(group netip.Addr) MAC {
	x := low32(group)
	if group.Is4() {
		return MAC{0x01, 0x00, 0x5e, x[1] & 0x7f, x[2], x[3]}
	}
	return MAC{0x33, 0x33, x[0], x[1], x[2], x[3]}
}

// low32 gives the low 32 bits of an address. An address that is not valid gives zeros: those who call have no way to
// report it.
func low32(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	x := a.As16()
	return [4]byte(x[12:])
}

// String gives the address as 01:00:5e:00:00:01.
func (m MAC) String() string {
	b := make([]byte, 0, 17)
	for i := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, m[i:i+1])
	}
	return string(b)
}

// Multicast says whether the address means several cards; the broadcast address does.
func (m MAC) Multicast() bool { return m[0]&1 != 0 }

// AppendEthernet appends an Ethernet header.
func AppendEthernet(b []byte, dst, src MAC, typ uint16) []byte {
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	return binary.BigEndian.AppendUint16(b, typ)
}

// ParseFrame takes a frame apart; false where it is too short.
func ParseFrame(b []byte) (Frame, bool) {
	if len(b) < EthernetLen {
		return Frame{}, false
	}
	return Frame{Dst: MAC(b[0:6]), Src: MAC(b[6:12]), Type: binary.BigEndian.Uint16(b[12:]), Payload: b[EthernetLen:]}, true
}

// AddrOf gives the IPv4 address whose machine has this hardware address; the inverse of [MACOf] for those.
func AddrOf(m MAC) netip.Addr { return netip.AddrFrom4([4]byte(m[2:])) }
