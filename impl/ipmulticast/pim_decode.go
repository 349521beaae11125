package ipmulticast

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// ParsePIM reads the PIM message of a packet; false where it is malformed or its checksum is wrong. The memory of m's
// slices is reused. The checksum of a register may cover the whole message too, as some routers have it (RFC 7761
// section 4.9).
func ParsePIM(h *IP, m *PIM) bool {
	m.reset()
	b := h.Payload
	if h.Protocol != ProtoPIM || len(b) < pimLen || b[0]>>4 != pimVersion ||
		pimChecksum(h.Src, h.Dst, covered(b)) != 0 && pimChecksum(h.Src, h.Dst, b) != 0 {
		return false
	}
	m.Type = PIMType(b[0] & 0xf)
	r := pimReader{b: b[pimLen:], v6: !h.Src.Is4()}
	switch m.Type {
	case PIMHello:
		r.hello(m)
	case PIMRegister:
		r.register(m)
	case PIMRegisterStop:
		m.Group, m.Source = r.group(), r.origin()
	case PIMJoinPrune, PIMGraft, PIMGraftAck:
		r.joinPrune(m)
	case PIMBootstrap:
		r.bootstrap(m)
	case PIMAssert:
		r.assert(m)
	case PIMCandidateRP:
		r.candidateRP(m)
	case PIMStateRefresh:
		r.stateRefresh(m)
	default:
		return false
	}
	return !r.bad
}

// pimReader reads the parts of PIM messages. Behind the end, or behind what makes no sense, it is bad and reads zeros.
type pimReader struct {
	b   []byte
	v6  bool
	bad bool
}

// none is what a bad reader reads: no part is longer than an IPv6 address.
var none [16]byte

// take gives the next n bytes.
func (r *pimReader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return none[:n]
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *pimReader) u8() byte    { return r.take(1)[0] }
func (r *pimReader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *pimReader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// seconds reads a time of whole seconds in two bytes.
func (r *pimReader) seconds() time.Duration { return time.Duration(r.u16()) * time.Second }

// family reads the address family, which must be that of the packet, and the encoding type, of which only one is known.
func (r *pimReader) family() {
	b := r.take(2)
	want := byte(familyIPv4)
	if r.v6 {
		want = familyIPv6
	}
	r.bad = r.bad || b[0] != want || b[1] != 0
}

func (r *pimReader) addr() netip.Addr { return addrOf(r.take(addrLen(r.v6)), r.v6) }

// unicast reads an encoded-unicast address.
func (r *pimReader) unicast() netip.Addr {
	r.family()
	return r.addr()
}

// origin reads an encoded-unicast address that may be left open: unspecified.
func (r *pimReader) origin() netip.Addr {
	a := r.unicast()
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// prefix reads an encoded-group address. Its flags (bidirectional, zone) are not used here.
func (r *pimReader) prefix() netip.Prefix {
	r.family()
	n := int(r.take(2)[1])
	p := netip.PrefixFrom(r.addr(), n)
	r.bad = r.bad || !p.IsValid() || !IsGroup(p.Addr())
	return p
}

// group reads an encoded-group address of one group.
func (r *pimReader) group() netip.Addr {
	p := r.prefix()
	r.bad = r.bad || !p.IsSingleIP()
	return p.Addr()
}

// source reads an encoded-source address, whose mask must have full length (RFC 7761 section 4.9.1).
func (r *pimReader) source() PIMSource {
	r.family()
	b := r.take(2)
	flags := b[0]
	r.bad = r.bad || int(b[1]) != 8*addrLen(r.v6)
	return PIMSource{r.addr(), flags&sourceSparse != 0, flags&sourceWC != 0, flags&sourceRPT != 0}
}

// hello reads the options. Unknown ones are skipped.
func (r *pimReader) hello(m *PIM) {
	m.HoldTime, m.DRPriority = defaultHelloHold, defaultDRPriority
	for len(r.b) > 0 && !r.bad {
		option, n := r.u16(), int(r.u16())
		if n > len(r.b) {
			r.bad = true
			return
		}
		o := pimReader{b: r.b[:n]}
		r.b = r.b[n:]
		switch option {
		case helloHoldTime:
			m.HoldTime = o.seconds()
		case helloLANDelay:
			delay, override := o.u16(), o.u16()
			m.LANDelay = &PIMLANDelay{delay&lanDelayTracks != 0, time.Duration(delay&^lanDelayTracks) * time.Millisecond,
				time.Duration(override) * time.Millisecond}
		case helloDRPriority:
			m.DRPriority = o.u32()
		case helloGenerationID:
			m.GenerationID = o.u32()
		case helloStateRefresh:
			version, interval := o.u8(), o.u8()
			o.take(2) // reserved
			if version == 1 {
				m.Refresh, m.Interval = true, time.Duration(interval)*time.Second
			}
		default:
			continue
		}
		r.bad = r.bad || o.bad || len(o.b) > 0
	}
}

func (r *pimReader) register(m *PIM) {
	flags := r.u32()
	m.Border, m.Null = flags&registerBorder != 0, flags&registerNull != 0
	m.Packet = r.b
}

func (r *pimReader) joinPrune(m *PIM) {
	m.Upstream = r.unicast()
	r.u8()
	groups := r.u8()
	if hold := r.seconds(); m.Type == PIMJoinPrune {
		m.HoldTime = hold
	}
	for ; groups > 0 && !r.bad; groups-- {
		g := m.join()
		g.Group = r.group()
		joins, prunes := r.u16(), r.u16()
		for ; joins > 0 && !r.bad; joins-- {
			g.Joins = append(g.Joins, r.source())
		}
		for ; prunes > 0 && !r.bad; prunes-- {
			g.Prunes = append(g.Prunes, r.source())
		}
	}
}

func (r *pimReader) assert(m *PIM) {
	m.Group, m.Source = r.group(), r.origin()
	preference := r.u32()
	m.RPT, m.Preference = preference&assertRPT != 0, preference&^assertRPT
	m.Metric = r.u32()
}

// bootstrap reads the ranges and their RPs. A range with none of its RPs in this fragment adds nothing.
func (r *pimReader) bootstrap(m *PIM) {
	m.FragmentTag = r.u16()
	m.HashMaskLen, m.Priority = r.u8(), r.u8()
	m.BSR = r.unicast()
	for len(r.b) > 0 && !r.bad {
		groups := r.prefix()
		here := r.take(4)[1]
		for ; here > 0 && !r.bad; here-- {
			rp := PIMRP{Groups: groups, RP: r.unicast(), HoldTime: r.seconds(), Priority: r.u8()}
			r.u8()
			m.RPs = append(m.RPs, rp)
		}
	}
}

func (r *pimReader) candidateRP(m *PIM) {
	prefixes := r.u8()
	m.Priority = r.u8()
	m.HoldTime = r.seconds()
	m.RP = r.unicast()
	for ; prefixes > 0 && !r.bad; prefixes-- {
		m.Prefixes = append(m.Prefixes, r.prefix())
	}
}

func (r *pimReader) stateRefresh(m *PIM) {
	m.Group, m.Source, m.Originator = r.group(), r.unicast(), r.unicast()
	m.Preference = r.u32() &^ assertRPT
	m.Metric = r.u32()
	m.MaskLen, m.TTL = r.u8(), r.u8()
	flags := r.u8()
	m.PruneIndicator = flags&refreshPruneIndicator != 0
	m.PruneNow = flags&refreshPruneNow != 0
	m.AssertOverride = flags&refreshAssertOverride != 0
	m.Interval = time.Duration(r.u8()) * time.Second
}
