package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// BestEffort is R2, best-effort multicast with acknowledgements (validity, no duplication and no creation of Cachin,
// Guerraoui, Rodrigues, 2011, over links that lose): if the sender does not crash, every correct member that was not
// removed delivers, once, and nothing that was not sent.
//
//	to multicast m: number it, send it to the group, keep it
//	on receiving m: acknowledge; if it is new, deliver it
//	every TS:       send m again to each member that has not acknowledged it
//	a member that owes an acknowledgement and has been silent for TL is removed: it gets the first copy of each
//	                message and no other, until it is heard again
//
// Nothing is relayed: when the sender crashes half way, some members have the message and others never get it.
// One-to-one messages are treated likewise, each peer in a number space of its own.
//
// It acknowledges when every member that is not removed has acknowledged.
type BestEffort struct {
	Rules BestEffortRules

	cfg         impl.Config
	incarnation uint32
	spaces      []impl.Outbox // one a peer, and the group's last
	heard       []spec.Time
	removed     impl.NodeSet
	armed       bool
	seen        [2]impl.Lives[impl.Window] // what came to this node alone, and to the group
	fired       int                        // times the timer fired since it was first set

	again func(n uint64, p *impl.Pending) // bound once
	out   *impl.Effects
}

// BestEffortRules are the rules that validity and integrity rest on.
type BestEffortRules struct {
	Fresh   func(w *impl.Window, n uint64) impl.Fate
	Waits   func(cfg *impl.Config, set *impl.NodeSet, removed *impl.NodeSet) // whose acknowledgements a multicast needs
	Again   func(fired int) bool                                             // whether the timer is set again
	Patient func(silent, tl spec.Time) bool                                  // whether a silent member is kept
}

// NewBestEffort makes the layer of one node.
func NewBestEffort(cfg impl.Config) *BestEffort {
	b := &BestEffort{cfg: cfg, Rules: BestEffortRules{
		Fresh: (*impl.Window).Add,
		Waits: func(cfg *impl.Config, set, removed *impl.NodeSet) {
			for _, m := range cfg.Members {
				if !removed.Has(m) {
					set.Add(m)
				}
			}
		},
		Again:   func(int) bool { return true },
		Patient: func(silent, tl spec.Time) bool { return silent < tl },
	}}
	b.again = b.sendAgain
	return b
}

// The kinds of packets.
const (
	groupData = 1
	groupAck  = 2
	peerData  = 3
	peerAck   = 4
)

// Step implements [impl.Layer].
func (b *BestEffort) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		b.incarnation, b.armed, b.removed = uint32(in.Num), false, impl.NodeSet{}
		b.spaces = make([]impl.Outbox, b.cfg.Nodes+1)
		b.seen = [2]impl.Lives[impl.Window]{}
		b.heard = make([]spec.Time, b.cfg.Nodes)
	case impl.Send:
		b.send(in, out)
	case impl.Packet:
		b.receive(in, out)
	case impl.TimerFired:
		b.fire(in, out)
	default:
		out.Pass(in)
	}
}

func (b *BestEffort) send(in impl.Input, out *impl.Effects) {
	k, kind := b.cfg.Nodes, byte(groupData)
	if in.To != impl.Everyone {
		if in.To < 0 || int(in.To) >= b.cfg.Nodes {
			out.Refuse(in.Ref, impl.NotMember)
			return
		}
		k, kind = int(in.To), peerData
	}
	o := &b.spaces[k]
	if o.Full() {
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	packet := impl.AppendNumbered(out, in.Body, impl.Numbered{N: o.Next(), Incarnation: b.incarnation, Kind: kind})
	n, p := o.Add(packet, in.Ref, in.Now)
	if kind == peerData {
		p.Waiting.Add(in.To)
	} else {
		b.Rules.Waits(&b.cfg, &p.Waiting, &b.removed)
	}
	out.Down(in.To, packet, 0)
	out.Note(impl.PointAllSent, n, 0)
	if !b.armed {
		b.armed, b.fired = true, 0
		out.SetTimer(0, in.Now+spec.Time(b.cfg.TS))
	}
	if ref, done := o.Settle(n); done {
		out.Acknowledge(ref)
	}
}

func (b *BestEffort) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.OpenNumbered(in, b.cfg.Nodes, out)
	if !ok {
		return
	}
	b.heard[in.From] = in.Now
	switch h.Kind {
	case groupData, peerData:
		b.data(in, h, body, out)
	case groupAck:
		b.ack(in, b.cfg.Nodes, h, out)
	case peerAck:
		b.ack(in, int(in.From), h, out)
	default:
		out.Note(impl.Malformed, uint64(in.From), h.N)
	}
}

// data takes a message in: to the group, or to this node alone.
func (b *BestEffort) data(in impl.Input, h impl.Numbered, body []byte, out *impl.Effects) {
	seen, to, ack := &b.seen[1], impl.Everyone, byte(groupAck)
	if h.Kind == peerData {
		seen, to, ack = &b.seen[0], b.cfg.Self, peerAck
	}
	w := seen.Of(int(in.From), b.cfg.Nodes, h.Incarnation)
	if w == nil {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	fate := b.Rules.Fresh(w, h.N)
	h.Kind = ack
	out.Down(in.From, impl.AppendNumbered(out, nil, h), 0)
	if fate == impl.Seen {
		out.Note(impl.Duplicate, uint64(in.From), h.N)
	}
	b.trust(in.From, out)
	if fate == impl.New {
		out.Up(in.From, to, body)
	}
}

func (b *BestEffort) ack(in impl.Input, k int, h impl.Numbered, out *impl.Effects) {
	if h.Incarnation != b.incarnation {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	ref, done := b.spaces[k].Ack(h.N, in.From)
	if !done && k == b.cfg.Nodes {
		out.Note(impl.PointSomeAcked, h.N, 0)
	}
	b.trust(in.From, out)
	if done {
		out.Acknowledge(ref)
	}
}

func (b *BestEffort) trust(n spec.NodeID, out *impl.Effects) {
	if b.removed.Remove(n) {
		out.Trust(n)
	}
}

// fire removes the members that have been silent for TL, and sends again what the others have not acknowledged.
func (b *BestEffort) fire(in impl.Input, out *impl.Effects) {
	b.armed = false
	gone := len(out.List)
	for n := range b.heard {
		b.judge(spec.NodeID(n), in.Now, out)
	}
	removed := append([]impl.Effect(nil), out.List[gone:]...) // upward effects come last
	out.List = out.List[:gone]
	b.out = out
	open := 0
	for k := range b.spaces {
		b.spaces[k].Overdue(in.Now, b.cfg.TS, b.again)
		open += b.spaces[k].Open()
	}
	b.out = nil
	b.fired++
	if open > 0 && b.Rules.Again(b.fired) {
		b.armed = true
		out.SetTimer(0, in.Now+spec.Time(b.cfg.TS))
	}
	out.List = append(out.List, removed...)
}

// judge removes a member that owes an acknowledgement and has been silent for too long.
func (b *BestEffort) judge(n spec.NodeID, now spec.Time, out *impl.Effects) {
	since, waits := b.spaces[n].Waits(n)
	if t, also := b.spaces[b.cfg.Nodes].Waits(n); also && (!waits || t < since) {
		since, waits = t, true
	}
	if !waits || b.Rules.Patient(now-max(since, b.heard[n]), spec.Time(b.cfg.TL)) {
		return
	}
	b.removed.Add(n)
	out.Suspect(n)
	b.spaces[n].Remove(n, func(impl.Ref) {}) // it may not have arrived: no acknowledgement
	b.spaces[b.cfg.Nodes].Remove(n, out.Acknowledge)
}

func (b *BestEffort) sendAgain(n uint64, p *impl.Pending) {
	for m := p.Waiting.Next(0); m >= 0; m = p.Waiting.Next(m + 1) {
		b.out.Note(impl.Retransmitted, uint64(m), n)
		b.out.Down(m, p.Body, 0)
	}
}
