package ipmulticast

import (
	"encoding/binary"
	"net/netip"
)

// RP(G) is the first of the configured RPs that there is a way to; without a configuration, the one that the candidates
// announced by the bootstrap router give. In both, a candidate without a way is passed over: RFC 7761 leaves an RP that
// cannot be reached to the hold times of the bootstrap mechanism alone.

// rpOf gives the RP of a group; not valid where there is none.
func (s *sparse) rpOf(group netip.Addr) netip.Addr {
	if len(s.cfg.RPs) == 0 {
		return s.boot.rpOf(group)
	}
	for _, rp := range s.cfg.RPs {
		if rp.Is4() == group.Is4() && s.reachable(rp) {
			return rp
		}
	}
	return netip.Addr{}
}

func (s *sparse) reachable(a netip.Addr) bool { return s.local(a) || s.cfg.Routes.To(s.cfg.Self, a).OK }

// chooseRP computes the RP of a group anew. A new one is told of the sources at once; the joins follow by the review.
func (s *sparse) chooseRP(g *sparseGroup) {
	old := g.shared.root
	if old.IsValid() && s.cfg.Rules.KeepsRP() {
		return
	}
	if rp := s.rpOf(g.addr); rp != old {
		g.shared.root = rp
		s.registerAnew(g)
	}
}

// defaultHashMask is how many bits of a group's address count for the choice among the candidates (RFC 5059 section 5):
// of neighboring groups four, by that, have the same RP.
func defaultHashMask(family netip.Addr) uint8 { return uint8(family.BitLen() - 2) }

// rpHash is Value(G,M,C) of section 4.7.2: it spreads the groups over the candidates.
func rpHash(group netip.Addr, mask uint8, rp netip.Addr) uint32 {
	p, err := group.Prefix(min(int(mask), group.BitLen()))
	if err != nil {
		return 0
	}
	const a, c, m = 1103515245, 12345, 1<<31 - 1
	return (a*((a*digest(p.Addr())+c)^digest(rp)) + c) & m
}

// digest gives the 32 bits of an address that the hash works on: in IPv6 its four words, combined by exclusive or.
func digest(a netip.Addr) uint32 {
	if a.Is4() {
		b := a.As4()
		return binary.BigEndian.Uint32(b[:])
	}
	b := a.As16()
	var d uint32
	for i := 0; i < len(b); i += 4 {
		d ^= binary.BigEndian.Uint32(b[i:])
	}
	return d
}
