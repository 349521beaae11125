package ipmulticast

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The types of IGMP messages (RFC 3376 section 4).
const (
	igmpQuery   = 0x11
	igmpReport1 = 0x12
	igmpReport2 = 0x16
	igmpLeave   = 0x17
	igmpReport3 = 0x22

	igmpLen  = 8  // of all messages but the queries and reports of version 3
	igmp3Len = 12 // of a query of version 3 without sources

	tenth = 100 * time.Millisecond // the unit of IGMP's response times
)

// AppendIGMP appends the message as the payload of an IPv4 packet of protocol 2, with its checksum.
func AppendIGMP(b []byte, m *Listen) []byte {
	start := len(b)
	switch {
	case m.Kind == Report && m.Version == 3:
		b = append(b, igmpReport3, 0, 0, 0)
		b = m.appendRecords(b, false)
	case m.Kind == Query:
		b = append(b, igmpQuery, m.igmpResponse(), 0, 0)
		b = appendAddr(b, m.Group, false)
		if m.Version == 3 {
			b = m.appendQueryTail(b, false)
		}
	default:
		typ := byte(igmpReport2)
		if m.Kind == Leave {
			typ = igmpLeave
		} else if m.Version == 1 {
			typ = igmpReport1
		}
		b = append(b, typ, 0, 0, 0)
		b = appendAddr(b, m.Group, false)
	}
	binary.BigEndian.PutUint16(b[start+2:], checksum(sum(0, b[start:])))
	return b
}

// igmpResponse gives the second byte of a query. It is 0 in version 1, and must not be 0 in version 2, whose layout is
// the same (RFC 2236 section 4).
func (m *Listen) igmpResponse() byte {
	switch m.Version {
	case 1:
		return 0
	case 2:
		return byte(min(max(m.MaxResponse/tenth, 1), 255))
	}
	return byte(floatCode(m.MaxResponse, tenth, code8))
}

// ParseIGMP reads a message; false where it is malformed or its checksum is wrong. The memory of m's slices is reused.
func ParseIGMP(b []byte, m *Listen) bool {
	m.reset()
	if len(b) < igmpLen || checksum(sum(0, b)) != 0 {
		return false
	}
	switch b[0] {
	case igmpQuery:
		return m.parseIGMPQuery(b)
	case igmpReport3:
		m.Kind, m.Version = Report, 3
		return m.parseRecords(b[4:], false)
	case igmpReport1:
		m.Kind, m.Version = Report, 1
	case igmpReport2:
		m.Kind, m.Version = Report, 2
	case igmpLeave:
		m.Kind, m.Version = Leave, 2
	default:
		return false
	}
	m.Group = netip.AddrFrom4([4]byte(b[4:]))
	return IsGroup(m.Group)
}

// parseIGMPQuery tells the versions apart as RFC 3376 section 7.1 says: by the length, and 1 from 2 by the response
// time. A length between those of version 2 and version 3 is none of them.
func (m *Listen) parseIGMPQuery(b []byte) bool {
	m.Kind = Query
	group := netip.AddrFrom4([4]byte(b[4:]))
	switch {
	case len(b) == igmpLen && b[1] == 0: // the group is ignored (RFC 1112 appendix I)
		m.Version = 1
		return true
	case len(b) == igmpLen:
		m.Version = 2
		m.MaxResponse = time.Duration(b[1]) * tenth
		return m.queriedGroup(group)
	case len(b) < igmp3Len:
		return false
	}
	m.Version = 3
	m.MaxResponse = floatTime(uint16(b[1]), tenth, code8)
	return m.queriedGroup(group) && m.parseQueryTail(b[8:], false)
}
