// Package transport holds the ways in which one send reaches many nodes, and the reliable one-to-one channel that
// some of them stand on. A transport carries messages to the group and to one node, tells them apart by a kind byte,
// and hands its own member a copy of what it sends to the group as a loss-free packet to itself.
package transport

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Unicast is T3: the sender knows the members and sends each a copy of its own; n copies for n members.
//
// Where the layer below acknowledges, a send to the group is acknowledged when the copies of all members that are not
// suspected have been, and a send to one node when its only copy has; without such a layer it never is. A send to one
// node that is suspected before, or of which the copy is refused, is not acknowledged: it may not have arrived.
//
// A view that comes by changes who the members are.
type Unicast struct {
	Rules UnicastRules

	cfg       impl.Config
	copies    impl.Outbox // sends to the group of which copies are not acknowledged
	letters   impl.Outbox // sends to one node that are not acknowledged
	suspected impl.NodeSet
}

// UnicastRules say who gets a copy, and who takes it.
type UnicastRules struct {
	Recipients func(cfg *impl.Config) []spec.NodeID
	Accepts    func(cfg *impl.Config, self spec.NodeID) bool // a packet to the group
}

// NewUnicast makes the transport of one node.
func NewUnicast(cfg impl.Config) *Unicast {
	return &Unicast{cfg: cfg, Rules: UnicastRules{
		Recipients: func(cfg *impl.Config) []spec.NodeID { return cfg.Members },
		Accepts:    func(cfg *impl.Config, self spec.NodeID) bool { return cfg.Index(self) >= 0 },
	}}
}

// The header is one byte.
const (
	toGroup = 1
	toOne   = 2
)

// Step implements [impl.Layer].
func (u *Unicast) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		u.copies, u.letters, u.suspected = impl.Outbox{}, impl.Outbox{}, impl.NodeSet{}
	case impl.Send:
		u.send(in, out)
	case impl.Packet:
		u.receive(in, out)
	case impl.Acknowledged:
		box, n, m := u.copyOf(in.Ref)
		if ref, done := box.Ack(n, m); done {
			out.Acknowledge(ref)
		}
	case impl.Refused:
		u.refused(in, out)
	case impl.Suspected:
		u.suspected.Add(in.From)
		out.Suspect(in.From)
		u.letters.Remove(in.From, func(impl.Ref) {})
		u.copies.Remove(in.From, out.Acknowledge)
	case impl.ViewChanged:
		u.cfg.Members = append([]spec.NodeID(nil), in.View.Members...)
		out.Pass(in)
	case impl.Trusted:
		u.suspected.Remove(in.From)
		out.Trust(in.From)
	default:
		out.Pass(in)
	}
}

// A reference to the layer below has the number of the send, whether it is a letter, and the node.
const (
	refNodeBits = 20
	refLetter   = 1 << (refNodeBits - 1)
)

// copyOf says which copy of which send a reference means.
func (u *Unicast) copyOf(ref impl.Ref) (box *impl.Outbox, n uint64, to spec.NodeID) {
	box, n, to = &u.copies, uint64(ref)>>refNodeBits, spec.NodeID(ref&(refLetter-1))
	if ref&refLetter != 0 {
		box = &u.letters
	}
	return box, n, to
}

// refused gives up a send of which a copy was refused. Of a send to the group the other copies are on their way, so
// that nobody can say that it will never be delivered: it stays without an answer.
func (u *Unicast) refused(in impl.Input, out *impl.Effects) {
	box, n, to := u.copyOf(in.Ref)
	ref, open := box.Drop(n)
	switch {
	case in.Ref == 0 || box == &u.copies:
		out.Note(in.Code, uint64(to), n)
	case open:
		out.Refuse(ref, in.Code)
	}
}

func (u *Unicast) send(in impl.Input, out *impl.Effects) {
	if in.To != impl.Everyone {
		u.sendOne(in, out)
		return
	}
	b := u.mark(in.Body, toGroup, out)
	to := u.Rules.Recipients(&u.cfg)
	var n uint64
	if in.Ref != 0 {
		var p *impl.Pending
		n, p = u.copies.Add(nil, in.Ref, in.Now)
		for _, m := range to {
			if !u.suspected.Has(m) {
				p.Waiting.Add(m)
			}
		}
	}
	own := false
	for _, m := range to {
		if own = own || m == u.cfg.Self; m != u.cfg.Self {
			u.copyTo(m, b, n, in.Code, out)
		}
	}
	if own { // last, so that a sender that delivers has handed every copy down
		u.copyTo(u.cfg.Self, b, n, in.Code, out)
	}
	if ref, done := u.copies.Settle(n); done { // all are suspected
		out.Acknowledge(ref)
	}
}

func (u *Unicast) sendOne(in impl.Input, out *impl.Effects) {
	if in.To < 0 || int(in.To) >= u.cfg.Nodes {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	b := u.mark(in.Body, toOne, out)
	if in.Ref == 0 {
		out.Down(in.To, b, 0).Code = in.Code
		return
	}
	n, p := u.letters.Add(nil, in.Ref, in.Now)
	p.Waiting.Add(in.To)
	out.Down(in.To, b, impl.Ref(n)<<refNodeBits|refLetter|impl.Ref(in.To)).Code = in.Code
}

func (u *Unicast) copyTo(m spec.NodeID, b []byte, n uint64, code impl.Code, out *impl.Effects) {
	ref := impl.Ref(0)
	if n != 0 {
		ref = impl.Ref(n)<<refNodeBits | impl.Ref(m)
	}
	out.Down(m, b, ref).Code = code
}

func (u *Unicast) mark(body []byte, kind byte, out *impl.Effects) []byte {
	b := out.Extend(body, 1)
	b[len(body)] = kind
	return b
}

func (u *Unicast) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	up := impl.Effect{Kind: impl.Up, From: in.From, To: impl.Everyone, Body: body, Ref: in.Ref} // to be accepted above
	switch {
	case !ok || h[0] != toGroup && h[0] != toOne:
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	case h[0] == toOne:
		up.To = u.cfg.Self
		out.Add(up)
	case !u.Rules.Accepts(&u.cfg, u.cfg.Self):
		out.Accept(in.Ref)
		out.Note(impl.NotMember, uint64(in.From), 0)
	default:
		out.Add(up)
	}
}
