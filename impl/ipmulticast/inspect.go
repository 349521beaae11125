package ipmulticast

import (
	"encoding/binary"
	"net/netip"
)

// FrameKind says what a frame is about.
type FrameKind uint8

// The kinds of frames.
const (
	OtherFrame FrameKind = iota
	DataFrame            // to a group
	UnicastFrame
	QueryFrame // IGMP or MLD
	ReportFrame
	LeaveFrame
	HelloFrame // PIM, from here on
	JoinFrame
	PruneFrame
	GraftFrame
	GraftAckFrame
	AssertFrame
	RefreshFrame
	RegisterFrame
	RegisterStopFrame
	BootstrapFrame
	CandidateFrame

	frameKinds
)

var frameNames = [frameKinds]string{"other", "data", "unicast", "igmp-query", "igmp-report", "igmp-leave", "pim-hello",
	"pim-join", "pim-prune", "pim-graft", "pim-graft-ack", "pim-assert", "pim-state-refresh", "pim-register",
	"pim-register-stop", "pim-bootstrap", "pim-candidate-rp"}

// String gives the kind as a history spells it; MLD has the words of IGMP.
func (k FrameKind) String() string { return frameNames[k] }

// Carries says whether frames of this kind carry somebody's datagram, so that who forwards one sends the same again.
func (k FrameKind) Carries() bool { return k == DataFrame || k == UnicastFrame || k == RegisterFrame }

// Inspected is what an observer reads in a frame.
type Inspected struct {
	Kind   FrameKind
	TTL    uint8
	Number uint32     // frames of type TypeGroup: the number of the group
	Group  netip.Addr // the group that it is sent to, or speaks of
	Source netip.Addr // PIM: the source that it speaks of
	Dst    netip.Addr // unicast: to whom; PIM join, prune, graft: the upstream neighbor
	Src    netip.Addr
}

// Inspector reads frames as a protocol analyser does.
type Inspector struct {
	ip  IP
	msg Listen
	pim PIM
}

// Read says what a frame is.
func (x *Inspector) Read(frame []byte) Inspected {
	f, ok := ParseFrame(frame)
	switch {
	case !ok:
		return Inspected{}
	case f.Type == TypeGroup && len(f.Payload) >= 4:
		in := Inspected{Kind: DataFrame, Number: binary.BigEndian.Uint32(f.Payload)}
		if in.Number >= oneNode {
			in.Kind = UnicastFrame
		}
		return in
	case f.Type != TypeIPv4 && f.Type != TypeIPv6 || !ParseIP(f.Payload, &x.ip):
		return Inspected{}
	}
	h := &x.ip
	in := Inspected{TTL: h.TTL, Src: h.Src, Dst: h.Dst}
	switch h.Protocol {
	case ProtoIGMP:
		if ParseIGMP(h.Payload, &x.msg) {
			x.listen(&in)
		}
	case ProtoICMPv6:
		if ParseMLD(h, &x.msg) {
			x.listen(&in)
		}
	case ProtoPIM:
		if ParsePIM(h, &x.pim) {
			x.readPIM(&in)
		}
	case ProtoUDP:
		if in.Kind = UnicastFrame; IsGroup(h.Dst) {
			in.Kind, in.Group = DataFrame, h.Dst
		}
	}
	return in
}

func (x *Inspector) listen(in *Inspected) {
	m := &x.msg
	in.Kind, in.Group, in.Dst = [...]FrameKind{Query: QueryFrame, Report: ReportFrame, Leave: LeaveFrame}[m.Kind], m.Group, netip.Addr{}
	if m.Kind == Report && len(m.Records) == 1 { // of several groups none is named
		in.Group = m.Records[0].Group
	}
}

var pimFrames = [...]FrameKind{PIMHello: HelloFrame, PIMRegister: RegisterFrame, PIMRegisterStop: RegisterStopFrame,
	PIMJoinPrune: JoinFrame, PIMBootstrap: BootstrapFrame, PIMAssert: AssertFrame, PIMGraft: GraftFrame,
	PIMGraftAck: GraftAckFrame, PIMCandidateRP: CandidateFrame, PIMStateRefresh: RefreshFrame}

func (x *Inspector) readPIM(in *Inspected) {
	m := &x.pim
	in.Kind, in.Group, in.Source = pimFrames[m.Type], m.Group, m.Source
	switch m.Type {
	case PIMJoinPrune, PIMGraft, PIMGraftAck:
		in.Dst = m.Upstream
		if len(m.Joins) == 0 {
			return
		}
		g := &m.Joins[0]
		in.Group = g.Group
		if len(g.Joins) > 0 {
			in.Source = g.Joins[0].Addr
		} else if len(g.Prunes) > 0 {
			in.Source = g.Prunes[0].Addr
			if m.Type == PIMJoinPrune {
				in.Kind = PruneFrame
			}
		}
	case PIMRegister:
		var inner IP
		if ParseIP(m.Packet, &inner) {
			in.Group, in.Source = inner.Dst, inner.Src
		}
	}
}

// Under gives the frame as another station would send it: with its hardware and its IP address as the sender.
func Under(frame []byte, p *Port) []byte {
	f, ok := ParseFrame(frame)
	if !ok {
		return nil
	}
	var h IP
	switch {
	case f.Type == TypeGroup && len(frame) >= driverHeader+4:
		b := AppendEthernet(nil, f.Dst, p.MAC(), f.Type)
		return Seal(append(b, f.Payload[:len(f.Payload)-4]...))
	case !ParseIP(f.Payload, &h):
		return nil
	}
	u, ok := ParseUDP(&h)
	if !ok {
		return nil
	}
	return Datagram(p, h.Dst, h.TTL, u.SrcPort, u.DstPort, u.Payload)
}

// Datagram makes the frame of a UDP datagram that a station sends to a group.
func Datagram(p *Port, group netip.Addr, ttl uint8, from, to uint16, body []byte) []byte {
	udp := append(make([]byte, UDPLen), body...)
	PutUDP(udp, p.Addr, group, from, to)
	h := IP{Src: p.Addr, Dst: group, Protocol: ProtoUDP, TTL: ttl, Payload: udp}
	typ := uint16(TypeIPv4)
	if !p.Addr.Is4() {
		typ = TypeIPv6
	}
	return AppendIP(AppendEthernet(nil, GroupMAC(group), p.MAC(), typ), &h)
}

// Stranger gives the port of a machine on a LAN that is none of the plan.
func (n *Internet) Stranger(lan int) Port {
	cfg := InternetConfig{IPv6: !n.Links[lan].Prefix.Addr().Is4()}
	return cfg.port(0, n.Links[lan].Prefix, [4]byte{10, byte(lan), 255, 1})
}

// ReportBy makes the frame by which a station says that it listens to a group: IGMP version 2, or MLD version 1.
func ReportBy(p *Port, group netip.Addr) []byte {
	m := Listen{Kind: Report, Version: 2, Group: group}
	h := IP{Src: p.Local, Dst: group, TTL: 1, RouterAlert: true, Protocol: ProtoIGMP}
	typ := uint16(TypeIPv4)
	if group.Is4() {
		h.Payload = AppendIGMP(nil, &m)
	} else {
		m.Version, h.Protocol, typ = 1, ProtoICMPv6, TypeIPv6
		h.Payload = AppendMLD(nil, h.Src, h.Dst, &m)
	}
	return AppendIP(AppendEthernet(nil, GroupMAC(group), p.MAC(), typ), &h)
}
