package ipmulticast

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
)

// Port is one interface of a host or a router.
type Port struct {
	Index  int
	Addr   netip.Addr   // its address
	Local  netip.Addr   // IPv6: its link-local address, the source of MLD and PIM; IPv4: as Addr
	Prefix netip.Prefix // of the link
}

// MAC gives the hardware address of the port.
func (p *Port) MAC() MAC { return MACOf(p.Addr) }

// Emit sends an IP packet out of the port to a group, or to a neighbor on the link.
func (p *Port) Emit(out *impl.Effects, h *IP) { p.EmitTo(out, hardware(h.Dst), h) }

// EmitTo sends an IP packet out of the port in a frame to this hardware address.
func (p *Port) EmitTo(out *impl.Effects, dst MAC, h *IP) *impl.Effect {
	b := out.Alloc(EthernetLen + h.HeaderLen() + len(h.Payload))[:0]
	typ := uint16(TypeIPv4)
	if !h.Src.Is4() {
		typ = TypeIPv6
	}
	return SendFrame(out, p.Index, AppendIP(AppendEthernet(b, dst, p.MAC(), typ), h))
}

// hardware gives the address of the frame for a packet to a group or to a neighbor on the link.
func hardware(dst netip.Addr) MAC {
	if IsGroup(dst) {
		return GroupMAC(dst)
	}
	return MACOf(dst)
}

// SendFrame hands a frame to a link. The effect is for setting its Code, as that of [impl.Effects.Down].
func SendFrame(out *impl.Effects, port int, frame []byte) *impl.Effect {
	x := out.Down(impl.Everyone, frame, 0)
	x.Num = uint64(port)
	return x
}
