package ipmulticast

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// unicastTTL is the TTL of PIM messages that are routed like other unicast packets.
const unicastTTL = 64

// receive takes a frame from a link. A router's cards let every group pass; a frame for another machine is none of its
// business.
func (r *Router) receive(now spec.Time, port int, frame []byte, out *impl.Effects) {
	f, ok := ParseFrame(frame)
	if !ok {
		out.Note(impl.Malformed, uint64(len(frame)), uint64(port))
		return
	}
	if f.Type != TypeIPv4 && f.Type != TypeIPv6 || !f.Dst.Multicast() && f.Dst != r.ports[port].mac {
		return
	}
	h := &r.ip
	if !ParseIP(f.Payload, h) {
		out.Note(impl.Malformed, uint64(len(frame)), uint64(port))
		return
	}
	switch {
	case h.Protocol == ProtoPIM && (IsGroup(h.Dst) || r.local(h.Dst)):
		r.receivePIM(now, port, h, out)
	case LinkLocal(h.Dst) || r.forQuerier(port, h):
		r.receiveListen(now, port, h, out)
	case IsGroup(h.Dst):
		if r.deliverable(h) && !r.ports[port].blocked {
			r.routing.data(now, port, h, whole(f.Payload), out)
		}
	case f.Dst.Multicast() || r.local(h.Dst): // for me, and no program here reads it
	default:
		r.forwardUnicast(h, whole(f.Payload), out)
	}
}

// forQuerier says whether a packet to a group that is not link-local is a message of IGMP or MLD: reports of the old
// versions are addressed to the group itself.
func (r *Router) forQuerier(port int, h *IP) bool {
	if r.ports[port].Addr.Is4() {
		return h.Protocol == ProtoIGMP
	}
	return h.Protocol == ProtoICMPv6 && IsGroup(h.Dst) && h.TTL == 1
}

// receiveListen takes a message of IGMP or MLD. With another TTL than 1 it is from another link and means nothing here
// (RFC 3376 section 4, RFC 3810 section 5).
func (r *Router) receiveListen(now spec.Time, port int, h *IP, out *impl.Effects) {
	if h.Protocol != ProtoIGMP && h.Protocol != ProtoICMPv6 {
		return
	}
	ok := h.TTL == 1 && h.Src.Is4() == r.ports[port].Addr.Is4()
	if ok && h.Protocol == ProtoIGMP {
		ok = h.Src.Is4() && ParseIGMP(h.Payload, &r.listen)
	} else if ok {
		ok = !h.Src.Is4() && ParseMLD(h, &r.listen)
	}
	if !ok {
		out.Note(impl.Malformed, uint64(h.Protocol), uint64(port))
		return
	}
	r.ports[port].querier.message(now, h, &r.listen, out)
	if r.listen.Kind != Report {
		return
	}
	for i := range r.listen.Records {
		r.resourced(now, port, r.listen.Records[i].Group, out)
	}
}

// receivePIM takes a PIM message. Those that only neighbors may send are ignored where no hello came before (RFC 7761
// section 4.3.1).
func (r *Router) receivePIM(now spec.Time, port int, h *IP, out *impl.Effects) {
	if r.cfg.Mode == NoRouting {
		return
	}
	if IsGroup(h.Dst) && h.Dst != r.allPIM(port) {
		return
	}
	if !ParsePIM(h, &r.pim) {
		out.Note(impl.Malformed, uint64(h.Protocol), uint64(port))
		return
	}
	switch r.pim.Type {
	case PIMHello:
		if IsGroup(h.Dst) && !r.local(h.Src) {
			r.greetedBy(now, port, h.Src, &r.pim, out)
		}
		return
	case PIMRegister, PIMRegisterStop, PIMCandidateRP:
		if IsGroup(h.Dst) {
			return
		}
	default:
		if _, known := r.ports[port].find(h.Src); !known {
			return
		}
	}
	r.routing.message(now, port, h.Src, &r.pim, out)
}

// sendPIM sends a message on a link, to all its PIM routers or to one neighbor. A hello goes first where the neighbors
// might not know me yet, or they would ignore the message.
func (r *Router) sendPIM(port int, dst netip.Addr, m *PIM, out *impl.Effects) {
	p := &r.ports[port]
	if !p.greeted {
		r.sendHello(port, out)
	}
	r.buf = AppendPIM(r.buf[:0], p.Local, dst, m)
	p.Emit(out, &IP{Src: p.Local, Dst: dst, Protocol: ProtoPIM, TTL: 1, Payload: r.buf})
}

// unicastPIM sends a message to a router that is perhaps far away.
func (r *Router) unicastPIM(dst netip.Addr, m *PIM, out *impl.Effects) {
	way := r.cfg.Routes.To(r.cfg.Self, dst)
	if !way.OK {
		return
	}
	p := &r.ports[way.Port]
	r.buf = AppendPIM(r.buf[:0], p.Addr, dst, m)
	p.EmitTo(out, way.hop(dst), &IP{Src: p.Addr, Dst: dst, Protocol: ProtoPIM, TTL: unicastTTL, Payload: r.buf})
}

// allPIM gives the group of all PIM routers in the family of a port.
func (r *Router) allPIM(port int) netip.Addr {
	if r.ports[port].Addr.Is4() {
		return AllPIMRouters
	}
	return AllPIMRouters6
}

// forward sends a copy of a multicast packet out of a port, unless that is a boundary. raw stays as it is.
func (r *Router) forward(port int, h *IP, raw []byte, out *impl.Effects) {
	p := &r.ports[port]
	if p.blocked {
		return
	}
	r.relay(p, GroupMAC(h.Dst), raw, out)
}

// forwardUnicast sends a packet to the next router, or to its destination.
func (r *Router) forwardUnicast(h *IP, raw []byte, out *impl.Effects) {
	way := r.cfg.Routes.To(r.cfg.Self, h.Dst)
	if h.TTL <= 1 || !way.OK {
		return
	}
	r.relay(&r.ports[way.Port], way.hop(h.Dst), raw, out)
}

// relay sends a copy of a packet with one less of TTL.
func (r *Router) relay(p *routerPort, dst MAC, raw []byte, out *impl.Effects) {
	b := out.Alloc(EthernetLen + len(raw))
	typ := uint16(TypeIPv4)
	if raw[0]>>4 == 6 {
		typ = TypeIPv6
	}
	AppendEthernet(b[:0], dst, p.mac, typ)
	copy(b[EthernetLen:], raw)
	if r.cfg.Rules.DecrementsTTL() {
		DecrementTTL(b[EthernetLen:])
	}
	SendFrame(out, p.Index, b)
}

// hop gives the hardware address to which packets for dst go.
func (w Route) hop(dst netip.Addr) MAC {
	if w.Next.IsValid() {
		return MACOf(w.Next)
	}
	return MACOf(dst)
}

// deliverable says whether a multicast packet may be forwarded at all.
func (r *Router) deliverable(h *IP) bool { return h.TTL > 1 && !LinkLocal(h.Dst) }

// local says whether an address is one of mine.
func (r *Router) local(a netip.Addr) bool {
	for i := range r.ports {
		if r.ports[i].Addr == a || r.ports[i].Local == a {
			return true
		}
	}
	return false
}

// rpf gives the port toward an address, and the PIM neighbor there: not valid where the address is on the link (see
// direct), or where the next router has not greeted. ok is false where there is no way.
func (r *Router) rpf(addr netip.Addr) (port int, upstream netip.Addr, ok bool) {
	way := r.cfg.Routes.To(r.cfg.Self, addr)
	if !way.OK {
		return -1, netip.Addr{}, false
	}
	if way.Next.IsValid() {
		upstream = r.neighborAt(way.Port, way.Next)
	}
	return way.Port, upstream, true
}

// neighborAt gives the neighbor with this address as PIM knows it: in IPv6 that is its link-local address, which ends
// in the same bytes.
func (r *Router) neighborAt(port int, addr netip.Addr) netip.Addr {
	mac := MACOf(addr)
	for _, n := range r.ports[port].neighbors {
		if MACOf(n.addr) == mac {
			return n.addr
		}
	}
	return netip.Addr{}
}

// direct says whether an address is on the link of a port.
func (r *Router) direct(port int, addr netip.Addr) bool {
	return port >= 0 && r.ports[port].Prefix.Contains(addr)
}

// metric gives the length of the way to an address.
func (r *Router) metric(addr netip.Addr) uint32 {
	if way := r.cfg.Routes.To(r.cfg.Self, addr); way.OK {
		return way.Metric
	}
	return unreachable
}

// later gives when a time on the router's own clock will have passed.
func (r *Router) later(now spec.Time, d time.Duration) spec.Time {
	return now + spec.Time(d)/spec.Time(max(1, r.cfg.Timing.Speed))
}

// whole cuts off what pads the frame behind a packet that ParseIP has taken.
func whole(packet []byte) []byte {
	if packet[0]>>4 == 4 {
		return packet[:binary.BigEndian.Uint16(packet[2:])]
	}
	return packet[:40+int(binary.BigEndian.Uint16(packet[4:]))]
}
