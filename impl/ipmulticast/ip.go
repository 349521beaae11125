package ipmulticast

import (
	"encoding/binary"
	"net/netip"
)

// IP protocol numbers.
const (
	ProtoIGMP   = 2
	ProtoUDP    = 17
	ProtoICMPv6 = 58
	ProtoPIM    = 103
)

// IP is an IPv4 or IPv6 packet, by the family of Src. RouterAlert is the option of RFC 2113, or that of RFC 2711 in a
// hop-by-hop header.
type IP struct {
	Src, Dst    netip.Addr
	Protocol    uint8
	TTL         uint8 // IPv6: hop limit
	RouterAlert bool
	Payload     []byte // of the packet's own bytes, after ParseIP
}

const (
	ipv4Len   = 20
	ipv6Len   = 40
	hopByHop  = 0  // the extension header of RFC 8200 section 4.3
	fragment6 = 44 // that of section 4.5

	// RFC 3376 section 4: IGMP travels with the precedence "internetwork control".
	internetControl = 0xc0
)

var (
	// alert4 is the router alert option of RFC 2113: copied, class 0, number 20; length 4; value 0.
	alert4 = []byte{0x94, 4, 0, 0}
	// alert6 is the router alert option of RFC 2711 for MLD (value 0), padded to the 8 bytes of a hop-by-hop header,
	// whose first two are before it.
	alert6 = []byte{5, 2, 0, 0, 1, 0}
)

// HeaderLen gives how many bytes AppendIP writes before the payload.
func (h *IP) HeaderLen() int {
	switch {
	case h.Src.Is4() && h.RouterAlert:
		return ipv4Len + len(alert4)
	case h.Src.Is4():
		return ipv4Len
	case h.RouterAlert:
		return ipv6Len + 2 + len(alert6)
	}
	return ipv6Len
}

// AppendIP appends the header and the payload, with the header's checksum (IPv4). The payload must not be in the room
// behind b. A packet never is a fragment, and the whole must fit the 16 bits of its length.
func AppendIP(b []byte, h *IP) []byte {
	if h.Src.Is4() {
		b = appendIPv4(b, h)
	} else {
		b = appendIPv6(b, h)
	}
	return append(b, h.Payload...)
}

// appendIPv4 appends an IPv4 header (RFC 791 section 3.1).
func appendIPv4(b []byte, h *IP) []byte {
	start, n := len(b), h.HeaderLen()
	var tos byte
	if h.Protocol == ProtoIGMP {
		tos = internetControl
	}
	b = append(b, 0x40|byte(n/4), tos)
	b = binary.BigEndian.AppendUint16(b, uint16(n+len(h.Payload)))
	b = append(b, 0, 0, 0, 0, h.TTL, h.Protocol, 0, 0) // identification, flags and offset; TTL, protocol, checksum
	src, dst := h.Src.As4(), low32(h.Dst)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	if h.RouterAlert {
		b = append(b, alert4...)
	}
	binary.BigEndian.PutUint16(b[start+10:], checksum(sum(0, b[start:])))
	return b
}

// appendIPv6 appends an IPv6 header (RFC 8200 section 3).
func appendIPv6(b []byte, h *IP) []byte {
	next := h.Protocol
	if h.RouterAlert {
		next = hopByHop
	}
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(h.HeaderLen()-ipv6Len+len(h.Payload)))
	b = append(b, next, h.TTL)
	src, dst := h.Src.As16(), h.Dst.As16()
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	if h.RouterAlert {
		b = append(b, h.Protocol, 0)
		b = append(b, alert6...)
	}
	return b
}

// ParseIP takes a packet apart; false where it is malformed, is a fragment, or has a wrong checksum. What follows the
// packet's stated length is padding and left out.
func ParseIP(b []byte, h *IP) bool {
	*h = IP{}
	switch {
	case len(b) == 0:
		return false
	case b[0]>>4 == 4:
		return parseIPv4(b, h)
	case b[0]>>4 == 6:
		return parseIPv6(b, h)
	}
	return false
}

func parseIPv4(b []byte, h *IP) bool {
	if len(b) < ipv4Len {
		return false
	}
	n, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	const moreOrOffset = 0x3fff
	if n < ipv4Len || total < n || total > len(b) || binary.BigEndian.Uint16(b[6:])&moreOrOffset != 0 ||
		checksum(sum(0, b[:n])) != 0 {
		return false
	}
	h.TTL, h.Protocol = b[8], b[9]
	h.Src, h.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	h.Payload = b[n:total:total]
	for o := b[ipv4Len:n]; len(o) > 0; {
		switch {
		case o[0] == 0: // the end of the options
			return true
		case o[0] == 1: // no operation
			o = o[1:]
			continue
		case len(o) < 2 || o[1] < 2 || int(o[1]) > len(o):
			return false
		case o[0] == alert4[0] && o[1] == alert4[1]:
			h.RouterAlert = true
		}
		o = o[o[1]:]
	}
	return true
}

func parseIPv6(b []byte, h *IP) bool {
	if len(b) < ipv6Len {
		return false
	}
	end := ipv6Len + int(binary.BigEndian.Uint16(b[4:]))
	if end > len(b) {
		return false
	}
	h.Protocol, h.TTL = b[6], b[7]
	h.Src, h.Dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	h.Payload = b[ipv6Len:end:end]
	if h.Protocol == hopByHop && !h.cutHopByHop() {
		return false
	}
	return h.Protocol != fragment6 && h.Protocol != hopByHop
}

// cutHopByHop reads the hop-by-hop header at the beginning of the payload and takes it away.
func (h *IP) cutHopByHop() bool {
	b := h.Payload
	if len(b) < 8 || len(b) < 8+8*int(b[1]) {
		return false
	}
	n := 8 + 8*int(b[1])
	h.Protocol, h.Payload = b[0], b[n:]
	for o := b[2:n]; len(o) > 0; {
		if o[0] == 0 { // Pad1
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return false
		}
		switch {
		case o[0] == alert6[0] && o[1] == alert6[1]:
			h.RouterAlert = true
		case o[0]>>6 != 0: // unknown, and its upper bits say: discard the packet (RFC 8200 section 4.2)
			return false
		}
		o = o[2+int(o[1]):]
	}
	return true
}

// DecrementTTL takes one off the TTL of a packet, in place, and corrects the checksum (RFC 1624). A packet whose TTL is
// 0 must not come here.
func DecrementTTL(packet []byte) {
	if packet[0]>>4 == 4 {
		SetTTL(packet, packet[8]-1)
	} else {
		SetTTL(packet, packet[7]-1)
	}
}

// SetTTL changes the TTL of a packet, in place, and corrects the checksum.
func SetTTL(packet []byte, ttl uint8) {
	if packet[0]>>4 != 4 {
		packet[7] = ttl
		return
	}
	// RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), where m is the word of TTL and protocol.
	old := binary.BigEndian.Uint16(packet[8:])
	packet[8] = ttl
	s := uint64(^binary.BigEndian.Uint16(packet[10:])) + uint64(^old) + uint64(binary.BigEndian.Uint16(packet[8:]))
	binary.BigEndian.PutUint16(packet[10:], checksum(s))
}

// sum adds the 16-bit words of b to s (RFC 1071); an odd byte at the end counts as if a zero followed. Sums of 32-bit
// words fold to the same.
func sum(s uint64, b []byte) uint64 {
	for len(b) >= 4 {
		s += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

// checksum folds a sum to 16 bits and gives its complement. Over bytes that contain their checksum it is 0.
func checksum(s uint64) uint16 {
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// pseudoHeader sums what the checksums of upper layers cover besides their own bytes (RFC 768, RFC 8200 section 8.1).
func pseudoHeader(src, dst netip.Addr, protocol uint8, length int) uint64 {
	s := uint64(protocol) + uint64(length)
	if src.Is4() {
		x, y := src.As4(), low32(dst)
		return sum(sum(s, x[:]), y[:])
	}
	x, y := src.As16(), dst.As16()
	return sum(sum(s, x[:]), y[:])
}
