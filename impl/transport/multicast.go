package transport

import (
	"slices"

	"github.com/conform-go/conform/impl"
)

// Multicast is the transport of a network that itself carries one packet to many: T1, hardware multicast on a LAN; T2,
// hardware broadcast with software filters; T6, IP multicast (RFC 1112). Which of them it is follows from the driver
// or host that stands below and knows addresses. The sender hands down one packet, need not be a member, and need not
// know who is.
//
//	at the start:    a member joins the address of its group; later with a view, and leaves with one
//	send to all:     one packet to the address; a member's own copy comes as a loss-free packet to itself
//	send to one:     one packet to that node
//
// Nothing is acknowledged. What comes from a station that is none of the nodes is discarded: anyone can send to an
// address, and a group of processes knows its processes.
type Multicast struct {
	Rules MulticastRules

	cfg impl.Config
	in  bool // a member: listens
}

// MulticastRules say what a receiver takes.
type MulticastRules struct {
	Known func(from int) bool // whether a packet of this node counts; -1 is a strange station
}

// NewMulticast makes the transport of one node.
func NewMulticast(cfg impl.Config) *Multicast {
	return &Multicast{cfg: cfg, Rules: MulticastRules{Known: func(from int) bool { return from >= 0 }}}
}

// Step implements [impl.Layer].
func (m *Multicast) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		m.in = false
	case impl.Ready:
		if m.cfg.Index(m.cfg.Self) >= 0 {
			m.listen(impl.Join, 0, out)
		}
	case impl.Join, impl.Leave:
		m.listen(in.Kind, in.Ref, out)
	case impl.ViewChanged:
		if is := slices.Contains(in.View.Members, m.cfg.Self); is && !m.in {
			m.listen(impl.Join, 0, out)
		} else if !is && m.in {
			m.listen(impl.Leave, 0, out)
		}
		out.Pass(in)
	case impl.Send:
		m.send(in, out)
	case impl.Packet:
		m.receive(in, out)
	default:
		out.Pass(in)
	}
}

// listen begins or ends to listen to the group.
func (m *Multicast) listen(call impl.InputKind, ref impl.Ref, out *impl.Effects) {
	m.in = call == impl.Join
	out.Add(impl.Effect{Kind: impl.CallDown, Call: call, Group: m.cfg.Group, Ref: ref})
}

func (m *Multicast) send(in impl.Input, out *impl.Effects) {
	kind, group := byte(toOne), m.cfg.Group
	if in.To == impl.Everyone {
		kind = toGroup
	} else if in.To < 0 || int(in.To) >= m.cfg.Nodes {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	b := out.Extend(in.Body, 1)
	b[len(in.Body)] = kind
	out.Add(impl.Effect{Kind: impl.Down, To: in.To, Group: group, Body: b, Code: in.Code})
	if kind == toGroup && m.in {
		out.Down(m.cfg.Self, b, 0)
	}
}

func (m *Multicast) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	switch {
	case !ok || h[0] != toGroup && h[0] != toOne:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	case !m.Rules.Known(int(in.From)):
		out.Note(impl.NotMember, uint64(in.From), 0)
	case h[0] == toOne:
		out.Up(in.From, m.cfg.Self, body)
	case !m.in: // it left while the packet was on its way up
		out.Note(impl.NotMember, uint64(in.From), 0)
	default:
		out.Up(in.From, impl.Everyone, body)
	}
}
