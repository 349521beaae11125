package ipmulticast

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// AppendPIM appends the message with its checksum, which for a register covers the first 8 bytes only (RFC 7761
// section 4.9), and for IPv6 the addresses too. All addresses in the message are of the family of src.
func AppendPIM(b []byte, src, dst netip.Addr, m *PIM) []byte {
	start := len(b)
	w := pimWriter{append(b, pimVersion<<4|byte(m.Type)&0xf, 0, 0, 0), !src.Is4()}
	switch m.Type {
	case PIMHello:
		w.hello(m)
	case PIMRegister:
		w.register(m)
	case PIMRegisterStop:
		w.group(m.Group)
		w.unicast(m.Source)
	case PIMJoinPrune, PIMGraft, PIMGraftAck:
		w.joinPrune(m)
	case PIMBootstrap:
		w.bootstrap(m)
	case PIMAssert:
		w.assert(m)
	case PIMCandidateRP:
		w.candidateRP(m)
	case PIMStateRefresh:
		w.stateRefresh(m)
	}
	b = w.b
	binary.BigEndian.PutUint16(b[start+2:], pimChecksum(src, dst, covered(b[start:])))
	return b
}

// pimWriter appends the parts of PIM messages.
type pimWriter struct {
	b  []byte
	v6 bool
}

func (w *pimWriter) u8(x ...byte) { w.b = append(w.b, x...) }
func (w *pimWriter) u16(x uint16) { w.b = binary.BigEndian.AppendUint16(w.b, x) }
func (w *pimWriter) u32(x uint32) { w.b = binary.BigEndian.AppendUint32(w.b, x) }

// seconds gives a time as whole seconds, up to a limit. What is above 0 must not become 0, which takes back what the
// message says.
func seconds(d time.Duration, limit uint16) uint16 {
	return uint16(min((max(0, d)+time.Second-1)/time.Second, time.Duration(limit)))
}

// family appends the address family and the encoding type: native.
func (w *pimWriter) family() {
	if w.v6 {
		w.u8(familyIPv6, 0)
	} else {
		w.u8(familyIPv4, 0)
	}
}

// unicast appends an encoded-unicast address.
func (w *pimWriter) unicast(a netip.Addr) {
	w.family()
	w.b = appendAddr(w.b, a, w.v6)
}

// prefix appends an encoded-group address for a range of groups: neither bidirectional nor a zone.
func (w *pimWriter) prefix(p netip.Prefix) {
	w.family()
	w.u8(0, byte(max(0, p.Bits())))
	w.b = appendAddr(w.b, p.Addr(), w.v6)
}

// group appends an encoded-group address for one group.
func (w *pimWriter) group(a netip.Addr) { w.prefix(netip.PrefixFrom(a, 8*addrLen(w.v6))) }

// source appends an encoded-source address.
func (w *pimWriter) source(s *PIMSource) {
	var flags byte
	if s.Sparse {
		flags |= sourceSparse
	}
	if s.WC {
		flags |= sourceWC
	}
	if s.RPT {
		flags |= sourceRPT
	}
	w.family()
	w.u8(flags, byte(8*addrLen(w.v6)))
	w.b = appendAddr(w.b, s.Addr, w.v6)
}

func (w *pimWriter) hello(m *PIM) {
	w.u16(helloHoldTime)
	w.u16(2)
	w.u16(seconds(m.HoldTime, 0xffff))
	if d := m.LANDelay; d != nil {
		delay := uint16(min(max(d.Propagation/time.Millisecond, 0), lanDelayTracks-1))
		if d.Tracks {
			delay |= lanDelayTracks
		}
		w.u16(helloLANDelay)
		w.u16(4)
		w.u16(delay)
		w.u16(uint16(min(max(d.Override/time.Millisecond, 0), 0xffff)))
	}
	w.u16(helloDRPriority)
	w.u16(4)
	w.u32(m.DRPriority)
	w.u16(helloGenerationID)
	w.u16(4)
	w.u32(m.GenerationID)
	if m.Refresh {
		w.u16(helloStateRefresh)
		w.u16(4)
		w.u8(1, byte(seconds(m.Interval, 0xff)), 0, 0) // version, interval, reserved
	}
}

func (w *pimWriter) register(m *PIM) {
	var flags uint32
	if m.Border {
		flags |= registerBorder
	}
	if m.Null {
		flags |= registerNull
	}
	w.u32(flags)
	w.u8(m.Packet...)
}

// joinPrune appends the body of a join/prune, and of a graft and its acknowledgement, whose hold time is not used
// (RFC 3973 section 4.7.6).
func (w *pimWriter) joinPrune(m *PIM) {
	w.unicast(m.Upstream)
	w.u8(0, byte(len(m.Joins)))
	if m.Type == PIMJoinPrune {
		w.u16(seconds(m.HoldTime, 0xffff))
	} else {
		w.u16(0)
	}
	for i := range m.Joins {
		g := &m.Joins[i]
		w.group(g.Group)
		w.u16(uint16(len(g.Joins)))
		w.u16(uint16(len(g.Prunes)))
		for k := range g.Joins {
			w.source(&g.Joins[k])
		}
		for k := range g.Prunes {
			w.source(&g.Prunes[k])
		}
	}
}

func (w *pimWriter) assert(m *PIM) {
	w.group(m.Group)
	w.unicast(m.Source)
	preference := m.Preference &^ assertRPT
	if m.RPT {
		preference |= assertRPT
	}
	w.u32(preference)
	w.u32(m.Metric)
}

// bootstrap appends the body of a bootstrap message (RFC 5059 section 4.1). RPs of the same range that follow each other
// are said together; none is left for another fragment.
func (w *pimWriter) bootstrap(m *PIM) {
	w.u16(m.FragmentTag)
	w.u8(m.HashMaskLen, m.Priority)
	w.unicast(m.BSR)
	for rest := m.RPs; len(rest) > 0; {
		n := 1
		for n < len(rest) && n < 0xff && rest[n].Groups == rest[0].Groups {
			n++
		}
		w.prefix(rest[0].Groups)
		w.u8(byte(n), byte(n), 0, 0) // RP count, of them in this fragment, reserved
		for i := range rest[:n] {
			w.unicast(rest[i].RP)
			w.u16(seconds(rest[i].HoldTime, 0xffff))
			w.u8(rest[i].Priority, 0)
		}
		rest = rest[n:]
	}
}

// candidateRP appends the body of a candidate-RP-advertisement (RFC 5059 section 4.2).
func (w *pimWriter) candidateRP(m *PIM) {
	w.u8(byte(len(m.Prefixes)), m.Priority)
	w.u16(seconds(m.HoldTime, 0xffff))
	w.unicast(m.RP)
	for _, p := range m.Prefixes {
		w.prefix(p)
	}
}

// stateRefresh appends the body of a state refresh (RFC 3973 section 4.7.10).
func (w *pimWriter) stateRefresh(m *PIM) {
	w.group(m.Group)
	w.unicast(m.Source)
	w.unicast(m.Originator)
	w.u32(m.Preference &^ assertRPT) // dense mode knows no shared tree
	w.u32(m.Metric)
	var flags byte
	if m.PruneIndicator {
		flags |= refreshPruneIndicator
	}
	if m.PruneNow {
		flags |= refreshPruneNow
	}
	if m.AssertOverride {
		flags |= refreshAssertOverride
	}
	w.u8(m.MaskLen, m.TTL, flags, byte(seconds(m.Interval, 0xff)))
}
