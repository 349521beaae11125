package ipmulticast

import (
	"net/netip"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// HostConfig is what a host is made of.
type HostConfig struct {
	Self      spec.NodeID
	Port      Port                                 // its only one: Index 0
	Gateway   func() netip.Addr                    // the router on the link that is up; not valid: there is none; nil: never one
	AddrOf    func(spec.NodeID) netip.Addr         // not valid: unknown
	NodeAt    func(netip.Addr) (spec.NodeID, bool) // the inverse
	GroupAddr func(spec.GroupID) netip.Addr        // not valid: unknown
	UDPPort   uint16                               // of datagrams to groups; to one node, plus the number of the group
	Groups    int                                  // that have a port: 0 to Groups-1; 0: one
	TTL       uint8                                // of packets to groups; those to one node have 64
	Version   int                                  // of IGMP (1 to 3), or of MLD (1 or 2) where the port has an IPv6 address
	Timing    Timing
	Seed      uint64
	Rules     HostRules
}

// HostRules are the rules that mutants break. What is left out is as it should be.
type HostRules struct {
	// GroupMAC gives the hardware address of a group.
	GroupMAC func(group netip.Addr) MAC
	// Takes is the driver's check of what the card let through: asked are the addresses the card was asked for.
	Takes func(dst MAC, asked func(MAC) bool, own MAC) bool
	// Wants is the filter of the IP layer: 32 groups share a hardware address, so the driver's check is not enough.
	Wants func(dst netip.Addr, joined func(netip.Addr) bool) bool
	// Gets says whether a local process that joined a group gets a datagram to dst.
	Gets func(dst, group netip.Addr) bool
	// Suppresses says whether the report of another host, for the group heard, makes a pending one needless.
	Suppresses func(pending, heard netip.Addr) bool
	// Repeats is how often a host says that it has joined; 0: the robustness variable.
	Repeats int
	// LastLeaves says whether a leave ends the membership of the host, left being the processes that are still in.
	LastLeaves func(left int) bool
	// FallsBack says whether a host speaks the version of a querier that knows no newer one.
	FallsBack func(querier int) bool
}

func (r *HostRules) complete(t *Timing) {
	if r.GroupMAC == nil {
		r.GroupMAC = GroupMAC
	}
	if r.Takes == nil {
		r.Takes = func(dst MAC, asked func(MAC) bool, own MAC) bool { return dst == own || dst == Broadcast || asked(dst) }
	}
	if r.Wants == nil {
		r.Wants = func(dst netip.Addr, joined func(netip.Addr) bool) bool { return joined(dst) }
	}
	if r.Gets == nil {
		r.Gets = func(dst, group netip.Addr) bool { return dst == group }
	}
	if r.Suppresses == nil {
		r.Suppresses = func(pending, heard netip.Addr) bool { return pending == heard }
	}
	if r.Repeats == 0 {
		r.Repeats = t.Robustness
	}
	if r.LastLeaves == nil {
		r.LastLeaves = func(left int) bool { return left == 0 }
	}
	if r.FallsBack == nil {
		r.FallsBack = func(int) bool { return true }
	}
}

// Host is the IP stack of a host with one port: the extensions for multicasting of RFC 1112, level 2, with UDP sockets
// above and a network card below. Sends to a group go out once; a copy of the sender's own comes from a send to itself,
// never from here. Sends are never acknowledged.
//
// Join and Leave name a group and, as Num, a process of the host. The host joins when its first process does, and
// leaves when the last one has left. Every process of a group gets a copy of its own of each datagram: an Up effect
// with the process as Num.
//
// Several groups of a node share a host: what it says upward names the group. Datagrams to groups all have the same
// port, so that only the address tells the groups apart; a datagram to one node has the port of its group.
type Host struct {
	cfg     HostConfig
	agenda  agenda
	member  member
	sockets []socket    // ascending by group and process
	asked   map[MAC]int // for which the card was asked, and how often

	ip    IP     // of the packet being looked at
	heard Listen // of the message being looked at
	buf   []byte // for the datagram being made

	isAsked  func(MAC) bool
	isJoined func(netip.Addr) bool
}

// socket is a local process in a group.
type socket struct {
	group   spec.GroupID
	process uint64
	addr    netip.Addr
}

// maxDatagram is the longest payload of a datagram over IPv4; what fits there fits over IPv6.
const maxDatagram = 0xffff - ipv4Len - UDPLen

// hostSeed tells a host's random numbers from others drawn from the same seed.
const hostSeed = 0x405

// NewHost makes a host.
func NewHost(cfg HostConfig) *Host {
	cfg.Rules.complete(&cfg.Timing)
	cfg.Groups = max(1, cfg.Groups)
	h := &Host{cfg: cfg}
	h.isAsked = func(m MAC) bool { return h.asked[m] > 0 }
	h.isJoined = h.member.joined
	h.reset(0)
	return h
}

// Step implements [impl.Layer].
func (h *Host) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		h.reset(in.Num)
		h.ask(impl.Join, h.member.everyone(), out)
	case impl.TimerFired:
		h.agenda.fired()
		for k, ok := h.agenda.due(in.Now); ok; k, ok = h.agenda.due(in.Now) {
			h.member.fire(in.Now, k, out)
		}
		h.agenda.arm(out)
	case impl.Send:
		h.send(in, out)
	case impl.Join, impl.Leave:
		h.membership(in, out)
	case impl.Packet:
		switch in.Num {
		case uint64(h.cfg.Port.Index):
			h.receive(in, out)
		case impl.LoopPort:
			upward(out, h.cfg.Self, h.cfg.Self, in.Group, in.Body)
		}
	default:
		out.Pass(in)
	}
}

// reset begins a life: no process is in any group.
func (h *Host) reset(incarnation uint64) {
	h.agenda.reset(&h.cfg.Timing)
	h.sockets, h.asked = h.sockets[:0], map[MAC]int{}
	h.member.start(&h.cfg, &h.agenda, spec.NewRand(h.cfg.Seed, hostSeed, uint64(h.cfg.Self), incarnation))
}

// ask tells the card to let the hardware address of a group through, or not any more.
func (h *Host) ask(call impl.InputKind, group netip.Addr, out *impl.Effects) {
	mac := h.cfg.Rules.GroupMAC(group)
	if call == impl.Join {
		h.asked[mac]++
	} else if h.asked[mac]--; h.asked[mac] == 0 {
		delete(h.asked, mac)
	}
	b := out.Alloc(len(mac))
	copy(b, mac[:])
	out.Add(impl.Effect{Kind: impl.CallDown, Call: call, Body: b})
}

// groupAddr gives the address of a group; false where it has none that this host could use.
func (h *Host) groupAddr(g spec.GroupID) (netip.Addr, bool) {
	a := h.cfg.GroupAddr(g)
	return a, IsGroup(a) && a.Is4() == h.cfg.Port.Addr.Is4()
}

// membership lets a local process join or leave.
func (h *Host) membership(in impl.Input, out *impl.Effects) {
	addr, ok := h.groupAddr(in.Group)
	if !ok {
		refuse(&in, impl.NotMember, out)
		return
	}
	s := socket{in.Group, in.Num, addr}
	at, bound := slices.BinarySearchFunc(h.sockets, s, socket.compare)
	switch {
	case in.Kind == impl.Join && !bound:
		h.sockets = slices.Insert(h.sockets, at, s)
		if !h.member.has(addr) {
			h.ask(impl.Join, addr, out)
			h.member.join(in.Now, addr, out)
		}
	case in.Kind == impl.Leave && bound:
		h.sockets = slices.Delete(h.sockets, at, at+1)
		if h.cfg.Rules.LastLeaves(h.bound(addr)) && h.member.has(addr) {
			h.member.leave(in.Now, addr, out)
			h.ask(impl.Leave, addr, out)
		}
	}
	h.agenda.arm(out)
	finish(&in, out)
}

func (s socket) compare(t socket) int {
	switch {
	case s.group != t.group:
		return int(s.group) - int(t.group)
	case s.process < t.process:
		return -1
	case s.process > t.process:
		return 1
	}
	return 0
}

// bound counts the processes in a group.
func (h *Host) bound(addr netip.Addr) (n int) {
	for i := range h.sockets {
		if h.sockets[i].addr == addr {
			n++
		}
	}
	return n
}

func (h *Host) send(in impl.Input, out *impl.Effects) {
	if in.To == h.cfg.Self {
		out.Add(impl.Effect{Kind: impl.Down, Num: impl.LoopPort, To: h.cfg.Self, Group: in.Group, Body: in.Body})
		return
	}
	dst, mac, ttl, ok := h.route(&in)
	switch {
	case !ok:
		refuse(&in, impl.NotMember, out)
	case len(in.Body) > maxDatagram:
		refuse(&in, impl.TooLong, out)
	case ttl > 0: // else it stays on the host
		p := &h.cfg.Port
		h.buf = append(append(h.buf[:0], make([]byte, UDPLen)...), in.Body...)
		port := h.cfg.UDPPort
		if in.To != impl.Everyone {
			port += uint16(in.Group)
		}
		PutUDP(h.buf, p.Addr, dst, h.cfg.UDPPort, port)
		p.EmitTo(out, mac, &IP{Src: p.Addr, Dst: dst, Protocol: ProtoUDP, TTL: ttl, Payload: h.buf}).Code = in.Code
	}
}

// route gives where a send goes: to the hardware address of the group, of the node on the link, or of the gateway.
func (h *Host) route(in *impl.Input) (dst netip.Addr, mac MAC, ttl uint8, ok bool) {
	if in.To == impl.Everyone {
		dst, ok = h.groupAddr(in.Group)
		return dst, h.cfg.Rules.GroupMAC(dst), h.cfg.TTL, ok
	}
	p := &h.cfg.Port
	dst = h.cfg.AddrOf(in.To)
	hop := dst
	if dst.IsValid() && !p.Prefix.Contains(dst) && !dst.IsLinkLocalUnicast() {
		hop = netip.Addr{}
		if h.cfg.Gateway != nil {
			hop = h.cfg.Gateway()
		}
	}
	switch {
	case !dst.IsValid() || dst.Is4() != p.Addr.Is4() || in.Group < 0 || int(in.Group) >= h.cfg.Groups:
		return dst, MAC{}, 0, false
	case !hop.IsValid():
		return dst, MAC{}, 0, true // nobody forwards it now: it is lost, as any datagram may be
	}
	return dst, MACOf(hop), unicastTTL, true
}

// receive takes a frame that the card let through. Hosts never forward: what is for others is dropped.
func (h *Host) receive(in impl.Input, out *impl.Effects) {
	p := &h.cfg.Port
	f, ok := ParseFrame(in.Body)
	switch {
	case !ok:
		out.Note(impl.Malformed, uint64(len(in.Body)), in.Num)
		return
	case !h.cfg.Rules.Takes(f.Dst, h.isAsked, p.MAC()):
		h.filtered(&f, out)
		return
	case f.Type != frameType(p.Addr):
		return
	case !ParseIP(f.Payload, &h.ip) || h.ip.Src.Is4() != p.Addr.Is4():
		out.Note(impl.Malformed, uint64(len(in.Body)), in.Num)
		return
	}
	group := IsGroup(h.ip.Dst)
	switch {
	case group && !h.cfg.Rules.Wants(h.ip.Dst, h.isJoined), !group && h.ip.Dst != p.Addr && h.ip.Dst != p.Local:
		h.filtered(&f, out)
	case h.ip.Protocol == ProtoUDP:
		h.datagram(group, out)
	case h.ip.Protocol == ProtoIGMP && ParseIGMP(h.ip.Payload, &h.heard), h.ip.Protocol == ProtoICMPv6 && ParseMLD(&h.ip, &h.heard):
		h.member.message(in.Now, &h.ip, &h.heard, out)
		h.agenda.arm(out)
	case h.ip.Protocol == ProtoIGMP:
		out.Note(impl.Malformed, uint64(len(in.Body)), in.Num)
	}
}

// filtered notes a frame that the host does not want, with the hardware address it was for.
func (h *Host) filtered(f *Frame, out *impl.Effects) {
	var dst uint64
	for _, b := range f.Dst {
		dst = dst<<8 | uint64(b)
	}
	out.Note(impl.FilteredByDriver, dst, uint64(len(f.Payload)))
}

// frameType gives the type of frames that carry packets with addresses of this family.
func frameType(a netip.Addr) uint16 {
	if a.Is4() {
		return TypeIPv4
	}
	return TypeIPv6
}

// datagram hands a copy to every process that is in the group, or a packet for this host to the only one.
func (h *Host) datagram(group bool, out *impl.Effects) {
	u, ok := ParseUDP(&h.ip)
	if !ok {
		out.Note(impl.Malformed, uint64(len(h.ip.Payload)), uint64(h.cfg.Port.Index))
		return
	}
	g := int(u.DstPort) - int(h.cfg.UDPPort) // whose port it is, unless it is to a group
	if g < 0 || g >= h.cfg.Groups || group && g > 0 {
		return
	}
	from, ok := h.cfg.NodeAt(h.ip.Src)
	if !ok {
		from = -1
	}
	if !group {
		upward(out, from, h.cfg.Self, spec.GroupID(g), u.Payload)
		return
	}
	for i := range h.sockets {
		if s := &h.sockets[i]; h.cfg.Rules.Gets(h.ip.Dst, s.addr) {
			out.Note(impl.Taken, s.process, uint64(s.group))
		}
	}
	for i := range h.sockets {
		if s := &h.sockets[i]; h.cfg.Rules.Gets(h.ip.Dst, s.addr) {
			out.Add(impl.Effect{Kind: impl.Up, From: from, To: impl.Everyone, Group: s.group, Num: s.process, Body: u.Payload})
		}
	}
}
