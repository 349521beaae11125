package ipmulticast

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"
)

// ListenKind says what a message of IGMP or MLD is.
type ListenKind uint8

// The kinds of messages.
const (
	Query  ListenKind = iota + 1 // a router asks who listens: general where Group is not valid
	Report                       // a host listens to Group; version 3 (MLD: 2): Records say to what
	Leave                        // the last listener of a host left Group (IGMP version 2, MLD version 1: Done)
)

// Listen is a message of IGMP (versions 1 to 3: RFC 1112, 2236, 3376) or MLD (1 and 2: RFC 2710, 3810), by which
// hosts and routers agree on who listens. MLD versions 1 and 2 correspond to IGMP versions 2 and 3.
type Listen struct {
	Kind        ListenKind
	Version     uint8         // IGMP 1 to 3, MLD 1 or 2
	Group       netip.Addr    // not valid: a general query, or a report of version 3
	MaxResponse time.Duration // query, not IGMP version 1
	Sources     []netip.Addr  // query of IGMP 3, MLD 2
	Suppress    bool          // query of IGMP 3, MLD 2: routers leave their timers alone
	Robustness  uint8         // query of IGMP 3, MLD 2
	Interval    time.Duration // query of IGMP 3, MLD 2: the querier's query interval
	Records     []Record      // report of IGMP 3, MLD 2
}

// RecordType says what a host's record changes (RFC 3376 section 4.2.12).
type RecordType uint8

// The types of records, with their numbers on the wire.
const (
	IsIn    RecordType = iota + 1 // current state: include these sources
	IsEx                          // current state: exclude these
	ToIn                          // changed to include these
	ToEx                          // changed to exclude these
	Allow                         // these are new
	BlockRT                       // these are not wanted any more
)

// Record is what a host says about one group.
type Record struct {
	Type    RecordType
	Group   netip.Addr
	Sources []netip.Addr
}

// reset empties a message for parsing, and keeps the memory of its slices.
func (m *Listen) reset() { *m = Listen{Sources: m.Sources[:0], Records: m.Records[:0]} }

// record gives the next record, empty, in memory that an earlier message may have left.
func (m *Listen) record() *Record {
	m.Records = regrow(m.Records)
	r := &m.Records[len(m.Records)-1]
	*r = Record{Sources: r.Sources[:0]}
	return r
}

// regrow makes a slice one longer. What the new element holds is left over from earlier use: it lends its memory.
func regrow[T any](s []T) []T {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	var zero T
	return append(s, zero)
}

// appendAddr appends an address of the family; one that is not valid, as zeros.
func appendAddr(b []byte, a netip.Addr, v6 bool) []byte {
	if v6 {
		x := a.As16()
		return append(b, x[:]...)
	}
	x := low32(a)
	return append(b, x[:]...)
}

// addrLen gives the length of an address of the family.
func addrLen(v6 bool) int {
	if v6 {
		return 16
	}
	return 4
}

// addrOf reads an address of the family from the beginning of b.
func addrOf(b []byte, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte(b))
	}
	return netip.AddrFrom4([4]byte(b))
}

// appendAddrs appends addresses, one after the other.
func appendAddrs(b []byte, list []netip.Addr, v6 bool) []byte {
	for _, a := range list {
		b = appendAddr(b, a, v6)
	}
	return b
}

// parseAddrs appends n addresses from the beginning of b to a list. b is long enough.
func parseAddrs(list []netip.Addr, b []byte, n int, v6 bool) []netip.Addr {
	for l := addrLen(v6); n > 0; n-- {
		list = append(list, addrOf(b, v6))
		b = b[l:]
	}
	return list
}

// queriedGroup puts the group of a query into the message: unspecified means a general query. It is false for an
// address of no group.
func (m *Listen) queriedGroup(a netip.Addr) bool {
	if a.IsUnspecified() {
		return true
	}
	m.Group = a
	return IsGroup(a)
}

// appendQueryTail appends what queries of IGMP version 3 and MLD version 2 have behind the group: the S flag with the
// robustness, the code of the query interval, and the sources (RFC 3376 section 4.1).
func (m *Listen) appendQueryTail(b []byte, v6 bool) []byte {
	var flags byte
	if m.Suppress {
		flags = 8
	}
	if m.Robustness <= 7 { // section 4.1.6: a greater one is sent as 0
		flags |= m.Robustness
	}
	b = append(b, flags, byte(floatCode(m.Interval, time.Second, code8)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Sources)))
	return appendAddrs(b, m.Sources, v6)
}

// parseQueryTail reads what appendQueryTail writes. A general query must not name sources.
func (m *Listen) parseQueryTail(b []byte, v6 bool) bool {
	n := int(binary.BigEndian.Uint16(b[2:]))
	if len(b) < 4+n*addrLen(v6) || n > 0 && !m.Group.IsValid() {
		return false
	}
	m.Suppress, m.Robustness = b[0]&8 != 0, b[0]&7
	m.Interval = floatTime(uint16(b[1]), time.Second, code8)
	m.Sources = parseAddrs(m.Sources, b[4:], n, v6)
	return true
}

// appendRecords appends the body of a report of IGMP version 3 or MLD version 2, from the number of records on
// (RFC 3376 section 4.2).
func (m *Listen) appendRecords(b []byte, v6 bool) []byte {
	b = append(b, 0, 0) // reserved
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Records)))
	for i := range m.Records {
		r := &m.Records[i]
		b = append(b, byte(r.Type), 0) // no auxiliary data
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.Sources)))
		b = appendAddr(b, r.Group, v6)
		b = appendAddrs(b, r.Sources, v6)
	}
	return b
}

// parseRecords reads what appendRecords writes. Records of unknown types are left out (RFC 3376 section 4.2.12).
func (m *Listen) parseRecords(b []byte, v6 bool) bool {
	l := addrLen(v6)
	n := int(binary.BigEndian.Uint16(b[2:]))
	b = b[4:]
	for ; n > 0; n-- {
		if len(b) < 4+l {
			return false
		}
		typ, sources := RecordType(b[0]), int(binary.BigEndian.Uint16(b[2:]))
		size := 4 + l + sources*l + 4*int(b[1])
		if len(b) < size {
			return false
		}
		group := addrOf(b[4:], v6)
		if typ >= IsIn && typ <= BlockRT {
			if !IsGroup(group) {
				return false
			}
			r := m.record()
			r.Type, r.Group = typ, group
			r.Sources = parseAddrs(r.Sources, b[4+l:], sources, v6)
		}
		b = b[size:]
	}
	return true
}

// The floating-point codes of times, by the bits of their mantissa: 8-bit codes (RFC 3376 sections 4.1.1 and 4.1.7) and
// the 16-bit one of MLD (RFC 3810 section 5.1.3). A code below the limit, 1<<(mantissa+3), is the number itself; from
// there on, it is 1, three bits of exponent and the mantissa.
const (
	code8  = 4
	code16 = 12
)

// floatCode gives the code of the greatest time that is not above t and can be said. What is above 0 must not become 0,
// which means something else.
func floatCode(t, unit time.Duration, mantissa int) uint16 {
	v := uint64(max(0, t) / unit)
	if t > 0 && v == 0 {
		v = 1
	}
	limit := uint64(1) << (mantissa + 3)
	if v < limit {
		return uint16(v)
	}
	exp := bits.Len64(v) - 1 - (mantissa + 3)
	if exp > 7 {
		return uint16(2*limit - 1)
	}
	return uint16(limit | uint64(exp)<<mantissa | v>>(exp+3)&(1<<mantissa-1))
}

// floatTime gives the time of a code.
func floatTime(c uint16, unit time.Duration, mantissa int) time.Duration {
	if c < 1<<(mantissa+3) {
		return time.Duration(c) * unit
	}
	m := c&(1<<mantissa-1) | 1<<mantissa
	return time.Duration(m) << (c>>mantissa&7 + 3) * unit
}
