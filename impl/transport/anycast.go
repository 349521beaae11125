package transport

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Anycast is T8: a send to the group reaches exactly one member, one of those at the smallest route metric from the
// sender (RFC 1546; RFC 4786 on how routes choose). A packet that is lost is lost: it is never sent again to another
// member, because nobody knows whether the first one has it, and then two would. So at most one member delivers,
// always, and one does where no packet is lost and no member has crashed.
//
// Of members at equal distance it is the one with the lowest number. A member that the layer below suspects is passed
// over from then on. With the reliable channel below, packets survive loss, and a send is acknowledged when the member
// that was chosen has acknowledged it.
type Anycast struct {
	Rules AnycastRules

	cfg       impl.Config
	letters   impl.Outbox
	suspected impl.NodeSet
}

// AnycastRules say how far away a member is, and to whom a message goes.
type AnycastRules struct {
	Metric func(from, to spec.NodeID) int
	Copies func(nearest spec.NodeID) []spec.NodeID // nil: to the nearest alone
}

// NewAnycast makes the transport of one node. The metric is that of the unicast routes.
func NewAnycast(cfg impl.Config, metric func(from, to spec.NodeID) int) *Anycast {
	return &Anycast{cfg: cfg, Rules: AnycastRules{Metric: metric}}
}

// Step implements [impl.Layer].
func (a *Anycast) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		a.letters, a.suspected = impl.Outbox{}, impl.NodeSet{}
	case impl.Send:
		a.send(in, out)
	case impl.Packet:
		a.receive(in, out)
	case impl.Acknowledged:
		if ref, done := a.letters.Ack(uint64(in.Ref)>>refNodeBits, spec.NodeID(in.Ref&(refLetter-1))); done {
			out.Acknowledge(ref)
		}
	case impl.Refused:
		if ref, open := a.letters.Drop(uint64(in.Ref) >> refNodeBits); open {
			out.Refuse(ref, in.Code)
		}
	case impl.Suspected:
		a.suspected.Add(in.From)
		out.Suspect(in.From)
		a.letters.Remove(in.From, func(impl.Ref) {}) // it may have arrived or not: nobody is told
	case impl.Trusted:
		a.suspected.Remove(in.From)
		out.Trust(in.From)
	default:
		out.Pass(in)
	}
}

// nearest gives the member that a send to the group goes to, or -1.
func (a *Anycast) nearest() spec.NodeID {
	best, distance := spec.NodeID(-1), 0
	for _, m := range a.cfg.Members {
		if a.suspected.Has(m) {
			continue
		}
		if d := a.Rules.Metric(a.cfg.Self, m); best < 0 || d < distance {
			best, distance = m, d
		}
	}
	return best
}

func (a *Anycast) send(in impl.Input, out *impl.Effects) {
	to, kind := in.To, byte(toOne)
	if in.To == impl.Everyone {
		to, kind = a.nearest(), toGroup
	}
	if to < 0 || int(to) >= a.cfg.Nodes {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	b := out.Extend(in.Body, 1)
	b[len(in.Body)] = kind
	var ref impl.Ref
	if in.Ref != 0 {
		n, p := a.letters.Add(nil, in.Ref, in.Now)
		p.Waiting.Add(to)
		ref = impl.Ref(n)<<refNodeBits | impl.Ref(to)
	}
	out.Down(to, b, ref).Code = in.Code
	if kind == toGroup && a.Rules.Copies != nil {
		for _, m := range a.Rules.Copies(to) {
			out.Down(m, b, 0)
		}
	}
}

func (a *Anycast) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	switch {
	case !ok || h[0] != toGroup && h[0] != toOne:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	case h[0] == toOne:
		out.Up(in.From, a.cfg.Self, body)
	case a.cfg.Index(a.cfg.Self) < 0:
		out.Note(impl.NotMember, uint64(in.From), 0)
	default:
		out.Up(in.From, impl.Everyone, body)
	}
}
