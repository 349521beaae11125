package ipmulticast

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The types of MLD messages, which are ICMPv6 messages (RFC 3810 section 5).
const (
	mldQuery   = 130
	mldReport1 = 131
	mldDone    = 132
	mldReport2 = 143

	icmp6Len = 8  // type, code, checksum and four bytes that depend on the type
	mldLen   = 24 // of all messages but the queries and reports of version 2
	mld2Len  = 28 // of a query of version 2 without sources
)

// AppendMLD appends the message as an ICMPv6 message with its checksum, which covers the addresses.
func AppendMLD(b []byte, src, dst netip.Addr, m *Listen) []byte {
	start := len(b)
	switch {
	case m.Kind == Report && m.Version == 2:
		b = append(b, mldReport2, 0, 0, 0)
		b = m.appendRecords(b, true)
	case m.Kind == Query:
		b = append(b, mldQuery, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, m.mldResponse())
		b = append(b, 0, 0)
		b = appendAddr(b, m.Group, true)
		if m.Version == 2 {
			b = m.appendQueryTail(b, true)
		}
	default:
		typ := byte(mldReport1)
		if m.Kind == Leave {
			typ = mldDone
		}
		b = append(b, typ, 0, 0, 0, 0, 0, 0, 0)
		b = appendAddr(b, m.Group, true)
	}
	c := checksum(sum(pseudoHeader(src, dst, ProtoICMPv6, len(b)-start), b[start:]))
	binary.BigEndian.PutUint16(b[start+2:], c)
	return b
}

// mldResponse gives the response code of a query: milliseconds, in version 2 as a floating-point code.
func (m *Listen) mldResponse() uint16 {
	if m.Version == 1 {
		return uint16(min(max(m.MaxResponse/time.Millisecond, 0), 0xffff))
	}
	return floatCode(m.MaxResponse, time.Millisecond, code16)
}

// ParseMLD reads the ICMPv6 message of a packet; false where it is malformed, its checksum is wrong, it is none of MLD,
// or it does not come from this link as it must: from a link-local address (a host that has none yet: from ::), with a
// hop limit of 1 and the router alert (RFC 3810 sections 5, 6.2 and 7.4). The memory of m's slices is reused.
func ParseMLD(h *IP, m *Listen) bool {
	m.reset()
	b := h.Payload
	if h.Protocol != ProtoICMPv6 || h.Src.Is4() || len(b) < icmp6Len || !ofThisLink(h) ||
		checksum(sum(pseudoHeader(h.Src, h.Dst, ProtoICMPv6, len(b)), b)) != 0 {
		return false
	}
	if b[0] == mldReport2 {
		m.Kind, m.Version = Report, 2
		return m.parseRecords(b[4:], true)
	}
	if len(b) < mldLen {
		return false
	}
	group := netip.AddrFrom16([16]byte(b[8:]))
	switch b[0] {
	case mldQuery:
		return m.parseMLDQuery(b, group)
	case mldReport1:
		m.Kind = Report
	case mldDone:
		m.Kind = Leave
	default:
		return false
	}
	m.Version, m.Group = 1, group
	return IsGroup(group)
}

func ofThisLink(h *IP) bool {
	return h.TTL == 1 && h.RouterAlert && (h.Src.IsLinkLocalUnicast() || h.Src.IsUnspecified())
}

// parseMLDQuery tells the versions apart by the length, as RFC 3810 section 8.1 says.
func (m *Listen) parseMLDQuery(b []byte, group netip.Addr) bool {
	m.Kind = Query
	code := binary.BigEndian.Uint16(b[4:])
	switch {
	case len(b) == mldLen:
		m.Version = 1
		m.MaxResponse = time.Duration(code) * time.Millisecond
		return m.queriedGroup(group)
	case len(b) < mld2Len:
		return false
	}
	m.Version = 2
	m.MaxResponse = floatTime(code, time.Millisecond, code16)
	return m.queriedGroup(group) && m.parseQueryTail(b[24:], true)
}
