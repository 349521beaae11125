package transport

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Channel is L, the reliable one-to-one channel: what is in the outgoing buffer arrives (validity), identical and
// once (integrity), as Coulouris et al., Distributed Systems, ask of reliable communication. A checksum finds changed
// bytes, numbers find duplicates, and a packet that is not acknowledged within TS is sent again. It does not order.
//
// A peer that has been silent for TL while an acknowledgement is owed is taken for failed: what waits for it is
// dropped, and the layers above are told by Suspect. If it is heard again they are told by Trust, and what is sent
// from then on is kept again; what was dropped is lost. So the promise holds through cuts and pauses shorter than TL.
// Who is trusted by a detector below, or is in a view, is served again too (channel_views.go).
//
// It acknowledges a send when the peer has acknowledged the packet.
//
// An accepting channel acknowledges a packet not when it has it, but when the layer above has accepted it, which a layer
// that keeps a log does when its record is on disk: or what a peer has acknowledged would be lost with its memory. What
// was handed up and not accepted in one life of the receiver comes again in its next.
type Channel struct {
	Rules ChannelRules

	accepting   bool
	below       bool           // there is a detector
	hops        impl.Ring[hop] // handed up, from the first that has not been accepted
	cfg         impl.Config
	incarnation uint32
	peers       []channelPeer
	expired     func(n uint64, p *impl.Pending) // bound once: a closure a step would cost an allocation
	out         *impl.Effects                   // only while a timer fires
	to          spec.NodeID
}

// ChannelRules say which numbers are new.
type ChannelRules struct {
	Fresh func(w *impl.Window, n uint64) impl.Fate
}

type channelPeer struct {
	out      impl.Outbox
	heard    spec.Time // last time anything valid came from it
	armed    bool      // its timer runs
	gone     bool      // given up: what is sent to it is not kept
	told     bool      // the layers above have heard that it is suspected
	lives    impl.Lives[impl.Window]
	accepted impl.Lives[impl.Window] // of an accepting channel

	backlog []waitingSend // while the window is full; backlog[next:] in order
	next    int
}

type waitingSend struct {
	body []byte
	ref  impl.Ref
	code impl.Code
}

// hop is a packet that the layer above has to accept.
type hop struct {
	impl.Numbered
	from spec.NodeID
	over bool
}

// NewChannel makes the channel of one node.
func NewChannel(cfg impl.Config) *Channel {
	c := &Channel{cfg: cfg, Rules: ChannelRules{Fresh: (*impl.Window).Add}}
	c.expired = c.sendAgain
	return c
}

// NewAcceptingChannel makes the channel of one node whose layer above accepts every packet that has a Ref.
func NewAcceptingChannel(cfg impl.Config) *Channel {
	c := NewChannel(cfg)
	c.accepting = true
	return c
}

// The kinds of packets.
const (
	channelData = 1
	channelAck  = 2
	channelOwn  = 3 // to oneself: needs no acknowledgement
)

// Step implements [impl.Layer].
func (c *Channel) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		c.incarnation = uint32(in.Num)
		c.peers = make([]channelPeer, c.cfg.Nodes)
		c.hops, c.below = impl.Ring[hop]{}, false
	case impl.Send:
		c.send(in, out)
	case impl.Packet:
		c.receive(in, out)
	case impl.TimerFired:
		c.fire(in, out)
	case impl.Suspected, impl.Trusted:
		c.doubted(in, out)
	case impl.ViewChanged:
		c.admit(in.View, in.Now)
		out.Pass(in)
	case impl.Accept:
		if !c.accepting {
			out.Pass(in)
			return
		}
		c.accept(in.Ref, out)
	default:
		out.Pass(in)
	}
}

func (c *Channel) send(in impl.Input, out *impl.Effects) {
	if in.To < 0 || int(in.To) >= len(c.peers) {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	if in.To == c.cfg.Self {
		out.Down(in.To, impl.AppendNumbered(out, in.Body, impl.Numbered{Incarnation: c.incarnation, Kind: channelOwn}), 0)
		out.Acknowledge(in.Ref)
		return
	}
	p := &c.peers[in.To]
	if p.out.Full() || p.next < len(p.backlog) { // the window is full: it goes when the ones before it have arrived
		p.backlog = append(p.backlog, waitingSend{in.Body, in.Ref, in.Code})
		return
	}
	c.transmit(in, out)
}

// transmit sends a body to a peer for the first time.
func (c *Channel) transmit(in impl.Input, out *impl.Effects) {
	p := &c.peers[in.To]
	b := impl.AppendNumbered(out, in.Body, impl.Numbered{N: p.out.Next(), Incarnation: c.incarnation, Kind: channelData})
	out.Down(in.To, b, 0).Code = in.Code
	_, kept := p.out.Add(b, in.Ref, in.Now)
	kept.Code = in.Code
	if p.gone {
		kept.Waiting.Clear()
		p.out.Settle(p.out.Next() - 1)
		return
	}
	kept.Waiting.Add(in.To)
	if !p.armed {
		p.armed = true
		out.SetTimer(uint64(in.To), in.Now+spec.Time(c.cfg.TS))
	}
}

func (c *Channel) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.OpenNumbered(in, c.cfg.Nodes, out)
	if !ok {
		return
	}
	p := &c.peers[in.From]
	p.heard = in.Now
	switch h.Kind {
	case channelOwn:
		out.Up(in.From, in.To, body)
	case channelData:
		c.data(in, h, body, out)
	case channelAck:
		if h.Incarnation != c.incarnation {
			out.Note(impl.Stale, uint64(in.From), h.N)
			c.trust(in.From, out)
			return
		}
		ref, done := p.out.Ack(h.N, in.From)
		c.release(in, out)
		c.trust(in.From, out)
		if done {
			out.Acknowledge(ref)
		}
	default:
		out.Note(impl.Malformed, uint64(in.From), h.N)
	}
}

func (c *Channel) data(in impl.Input, h impl.Numbered, body []byte, out *impl.Effects) {
	w := c.peers[in.From].lives.Of(int(in.From), c.cfg.Nodes, h.Incarnation)
	if w == nil {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	fate := c.Rules.Fresh(w, h.N)
	if c.accepting {
		c.handUp(in, h, body, fate, out)
		return
	}
	h.Kind = channelAck
	acknowledge(in.From, h, out)
	if fate == impl.Seen {
		out.Note(impl.Duplicate, uint64(in.From), h.N)
	}
	c.trust(in.From, out)
	if fate == impl.New {
		out.Up(in.From, in.To, body)
	}
}

// acknowledge tells a peer that a packet of it has come.
func acknowledge(to spec.NodeID, h impl.Numbered, out *impl.Effects) {
	out.Down(to, impl.AppendNumbered(out, nil, h), 0).Code = impl.BareAck
}

// handUp is data for a layer that accepts: what comes again is acknowledged only if it was accepted.
func (c *Channel) handUp(in impl.Input, h impl.Numbered, body []byte, fate impl.Fate, out *impl.Effects) {
	h.Kind = channelAck
	accepted := c.peers[in.From].accepted.Of(int(in.From), c.cfg.Nodes, h.Incarnation)
	if fate == impl.Seen {
		if accepted.Has(h.N) {
			acknowledge(in.From, h, out)
		}
		out.Note(impl.Duplicate, uint64(in.From), h.N)
	}
	c.trust(in.From, out)
	if fate == impl.New {
		n, p := c.hops.Push()
		*p = hop{Numbered: h, from: in.From}
		out.Add(impl.Effect{Kind: impl.Up, From: in.From, To: in.To, Body: body, Ref: impl.Ref(n)})
	}
}

// accept acknowledges a packet that the layer above has taken in for good.
func (c *Channel) accept(ref impl.Ref, out *impl.Effects) {
	p := c.hops.At(uint64(ref))
	if p == nil || p.over {
		return
	}
	p.over = true
	c.peers[p.from].accepted.Of(int(p.from), c.cfg.Nodes, p.Incarnation).Add(p.N)
	acknowledge(p.from, p.Numbered, out)
	for c.hops.Len() > 0 && c.hops.At(c.hops.First()).over {
		c.hops.Drop()
	}
}

// release sends what waited for the window of a peer to have room.
func (c *Channel) release(in impl.Input, out *impl.Effects) {
	p := &c.peers[in.From]
	for ; p.next < len(p.backlog) && !p.out.Full(); p.next++ {
		w := p.backlog[p.next]
		c.transmit(impl.Input{Now: in.Now, To: in.From, Body: w.body, Ref: w.ref, Code: w.code}, out)
	}
	if p.next == len(p.backlog) {
		p.backlog, p.next = p.backlog[:0], 0
	}
}

func (c *Channel) trust(n spec.NodeID, out *impl.Effects) {
	p := &c.peers[n]
	p.gone = false
	if p.told {
		p.told = false
		out.Trust(n)
	}
}

// fire sends again to one peer what it has not acknowledged, or gives it up.
func (c *Channel) fire(in impl.Input, out *impl.Effects) {
	if in.Num >= uint64(len(c.peers)) {
		return
	}
	to := spec.NodeID(in.Num)
	p := &c.peers[to]
	p.armed = false
	since, waits := p.out.Waits(to)
	if !waits {
		return
	}
	if in.Now-max(since, p.heard) >= spec.Time(c.cfg.TL) {
		p.gone = true
		p.out.Remove(to, func(impl.Ref) {}) // never acknowledged: it may not have arrived
		p.backlog, p.next = p.backlog[:0], 0
		out.Note(impl.Removed, uint64(to), 0)
		if !p.told {
			p.told = true
			out.Suspect(to)
		}
		return
	}
	c.out, c.to = out, to
	p.out.Overdue(in.Now, c.cfg.TS, c.expired)
	c.out = nil
	p.armed = true
	out.SetTimer(in.Num, in.Now+spec.Time(c.cfg.TS))
}

func (c *Channel) sendAgain(n uint64, p *impl.Pending) {
	c.out.Note(impl.Retransmitted, uint64(c.to), n)
	c.out.Down(c.to, p.Body, 0).Code = p.Code
}
