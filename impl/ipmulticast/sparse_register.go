package ipmulticast

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// registerState is whether the DR of a source carries its packets to the RP (section 4.4.1).
type registerState uint8

const (
	notRegistering registerState = iota
	registering                  // the tunnel is there: state J
	registerProbe                // an empty register asks whether it is needed again: state JP
	registerStop                 // the RP does not need it: state P
)

// reviewRegister begins or ends: CouldRegister(S,G). The RP itself needs no registers of its own link.
func (s *sparse) reviewRegister(g *sparseGroup, src *sparseSource) {
	rp := g.shared.root
	could := src.alive && src.direct && s.isDR(src.iif) && rp.IsValid() && !s.local(rp)
	if could == (src.register != notRegistering) {
		return
	}
	src.register = notRegistering
	if could {
		src.register = registering
	}
	s.agenda.stop(key(registerStopTimer, -1, g, src))
}

// registerAnew is done when there is another RP: it has not yet said that it needs no registers.
func (s *sparse) registerAnew(g *sparseGroup) {
	for _, src := range g.sources {
		if src.register != notRegistering {
			src.register = registering
			s.agenda.stop(key(registerStopTimer, -1, g, src))
		}
	}
}

// encapsulate carries a packet to the RP. It loses one of its TTL, as by being forwarded (section 4.4.1).
func (s *sparse) encapsulate(g *sparseGroup, raw []byte, out *impl.Effects) {
	packet := out.Alloc(len(raw))
	copy(packet, raw)
	if s.cfg.Rules.DecrementsTTL() {
		DecrementTTL(packet)
	}
	s.sendRegister(g, packet, false, out)
}

func (s *sparse) sendRegister(g *sparseGroup, packet []byte, null bool, out *impl.Effects) {
	m := &s.msg
	*m = PIM{Type: PIMRegister, Null: null, Packet: packet, Joins: m.Joins[:0]}
	s.unicastPIM(g.shared.root, m, out)
}

// registerStopped takes a register-stop: no registers for a time, that is random lest all routers begin at once.
func (s *sparse) registerStopped(now spec.Time, m *PIM) {
	g := s.group(m.Group)
	if g == nil || !s.cfg.Rules.Stops() {
		return
	}
	for _, src := range g.sources {
		if m.Source.IsValid() && src.root != m.Source || src.register != registering && src.register != registerProbe {
			continue
		}
		src.register = registerStop
		t := &s.cfg.Timing
		after := t.RegisterSuppress/2 + s.within(t.RegisterSuppress) - t.RegisterProbe
		s.agenda.set(key(registerStopTimer, -1, g, src), now, max(0, after))
	}
}

// registerAgain asks the RP, before the time is over, whether it needs registers: an empty one brings another
// register-stop, or else they begin.
func (s *sparse) registerAgain(now spec.Time, g *sparseGroup, src *sparseSource, out *impl.Effects) {
	switch src.register {
	case registerStop:
		src.register = registerProbe
		s.agenda.set(key(registerStopTimer, -1, g, src), now, s.cfg.Timing.RegisterProbe)
		s.sendRegister(g, s.emptyPacket(g, src, out), true, out)
	case registerProbe:
		src.register = registering
	}
}

// emptyPacket gives what stands inside a null-register: a header with the source and the group. IPv6 has no checksum
// there, so an empty PIM header with one follows (section 4.9.3).
func (s *sparse) emptyPacket(g *sparseGroup, src *sparseSource, out *impl.Effects) []byte {
	h := IP{Src: src.root, Dst: g.addr, Protocol: ProtoPIM, TTL: unicastTTL}
	if !src.root.Is4() {
		h.Payload = out.Alloc(pimLen)
		h.Payload[0] = pimVersion << 4
		binary.BigEndian.PutUint16(h.Payload[2:], pimChecksum(h.Src, h.Dst, h.Payload))
	}
	return AppendIP(out.Alloc(h.HeaderLen() + len(h.Payload))[:0], &h)
}

// registered takes a register, as the RP: section 4.4.2. The RP always joins the source's tree when somebody listens.
func (s *sparse) registered(now spec.Time, port int, from netip.Addr, m *PIM, out *impl.Effects) {
	h := &s.inner
	if !ParseIP(m.Packet, h) || h.Dst.Is4() != from.Is4() || !IsGroup(h.Dst) || LinkLocal(h.Dst) || IsGroup(h.Src) ||
		h.Src.IsUnspecified() {
		out.Note(impl.Malformed, uint64(m.Type), uint64(port))
		return
	}
	if rp := s.rpOf(h.Dst); !rp.IsValid() || !s.local(rp) {
		s.sendRegisterStop(h, from, out)
		return
	}
	g := s.addGroup(now, h.Dst)
	if g == nil {
		return
	}
	s.chooseRP(g)
	src, fresh := s.addSource(now, g, h.Src), false
	if src != nil {
		life := s.cfg.Timing.KeepAlive
		if src.spt || !s.treeWanted(g, src) {
			s.sendRegisterStop(h, from, out)
			life = 3*s.cfg.Timing.RegisterSuppress + s.cfg.Timing.RegisterProbe // RP_Keepalive_Period
		}
		fresh = s.keepAlive(now, g, src, life)
	}
	if !m.Null && h.TTL > 1 && !(src != nil && src.spt) {
		for i := range s.ports {
			if s.onShared(g, src, h.Src, i) {
				s.forward(i, h, whole(m.Packet), out)
			}
		}
	}
	if fresh || src == nil {
		s.review(now, g, out)
	}
}

// sendRegisterStop tells the DR of a source that its registers are not needed.
func (s *sparse) sendRegisterStop(h *IP, to netip.Addr, out *impl.Effects) {
	m := &s.msg
	*m = PIM{Type: PIMRegisterStop, Group: h.Dst, Source: h.Src, Joins: m.Joins[:0]}
	s.unicastPIM(to, m, out)
}
