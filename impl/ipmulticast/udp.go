package ipmulticast

import (
	"encoding/binary"
	"net/netip"
)

// UDPLen is the length of a UDP header.
const UDPLen = 8

// UDP is a datagram, taken apart.
type UDP struct {
	SrcPort, DstPort uint16
	Payload          []byte
}

// PutUDP writes the UDP header into the first UDPLen bytes of datagram, the rest of which is the payload, with the
// checksum over the pseudo-header (RFC 768, RFC 8200 section 8.1).
func PutUDP(datagram []byte, src, dst netip.Addr, srcPort, dstPort uint16) {
	binary.BigEndian.PutUint16(datagram[0:], srcPort)
	binary.BigEndian.PutUint16(datagram[2:], dstPort)
	binary.BigEndian.PutUint16(datagram[4:], uint16(len(datagram)))
	binary.BigEndian.PutUint16(datagram[6:], 0)
	c := checksum(sum(pseudoHeader(src, dst, ProtoUDP, len(datagram)), datagram))
	if c == 0 {
		c = 0xffff // 0 would say that there is no checksum
	}
	binary.BigEndian.PutUint16(datagram[6:], c)
}

// ParseUDP takes the payload of an IP packet apart; false where it is malformed or its checksum is wrong. Only over
// IPv4 may a datagram have no checksum.
func ParseUDP(h *IP) (UDP, bool) {
	b := h.Payload
	if h.Protocol != ProtoUDP || len(b) < UDPLen {
		return UDP{}, false
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < UDPLen || n > len(b) {
		return UDP{}, false
	}
	b = b[:n:n]
	if none := b[6] == 0 && b[7] == 0; none && !h.Src.Is4() ||
		!none && checksum(sum(pseudoHeader(h.Src, h.Dst, ProtoUDP, n), b)) != 0 {
		return UDP{}, false
	}
	return UDP{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[UDPLen:]}, true
}
