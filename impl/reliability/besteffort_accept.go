package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// hop is a message that the layer above has to accept.
type hop struct {
	impl.Numbered
	from spec.NodeID
	over bool
}

// NewAcceptingBestEffort makes the layer of one node whose layer above accepts every message that has a Ref: it is to a
// group what the accepting channel is to a pair. A message is acknowledged when it has been accepted, which a level that
// keeps a log does when its record is on disk; what was handed up and not accepted in one life of the receiver comes
// again in its next.
func NewAcceptingBestEffort(cfg impl.Config) *BestEffort {
	b := NewBestEffort(cfg)
	b.accepting = true
	return b
}

// handUp is data for a layer that accepts: what comes again is acknowledged only if it was accepted.
func (b *BestEffort) handUp(in impl.Input, to spec.NodeID, h impl.Numbered, body []byte, fate impl.Fate, out *impl.Effects) {
	if fate == impl.Seen {
		if b.acceptedOf(in.From, h).Has(h.N) {
			b.say(in.From, h, out)
		}
		out.Note(impl.Duplicate, uint64(in.From), h.N)
	}
	b.finish(in.From, out)
	if fate == impl.New {
		n, p := b.hops.Push()
		*p = hop{Numbered: h, from: in.From}
		out.Add(impl.Effect{Kind: impl.Up, From: in.From, To: to, Body: body, Ref: impl.Ref(n)})
	}
}

// acceptedOf gives what has been accepted of a life's messages; never nil for a message that was handed up.
func (b *BestEffort) acceptedOf(from spec.NodeID, h impl.Numbered) *impl.Window {
	side := 1
	if h.Kind == peerAck {
		side = 0
	}
	return b.accepted[side].Of(int(from), b.cfg.Nodes, h.Incarnation)
}

// accept acknowledges a message that the layer above has taken in for good.
func (b *BestEffort) accept(ref impl.Ref, out *impl.Effects) {
	p := b.hops.At(uint64(ref))
	if p == nil || p.over {
		return
	}
	p.over = true
	b.acceptedOf(p.from, p.Numbered).Add(p.N)
	b.say(p.from, p.Numbered, out)
	for b.hops.Len() > 0 && b.hops.At(b.hops.First()).over {
		b.hops.Drop()
	}
}

// say acknowledges one message.
func (b *BestEffort) say(to spec.NodeID, ack impl.Numbered, out *impl.Effects) {
	out.Down(to, impl.AppendNumbered(out, nil, ack), 0).Code = impl.BareAck
}
