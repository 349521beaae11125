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
// One-to-one messages are treated likewise, each peer in a number space of its own; one to a removed peer is sent once.
//
// How receivers acknowledge is a choice, [Acks]: here each message at once and on its own.
//
// It acknowledges when every member that is not removed has acknowledged.
type BestEffort struct {
	Rules BestEffortRules

	cfg         impl.Config
	configured  []spec.NodeID
	ways        Acks
	incarnation uint32
	spaces      []impl.Outbox // one a peer, and the group's last
	heard       []spec.Time
	removed     impl.NodeSet
	armed       bool
	seen        [2]impl.Lives[impl.Window] // what came to this node alone, and to the group
	fired       int                        // times the timer fired since it was first set
	depth       depth                      // of what was sent to the group

	accepting bool // acknowledges what the layer above has accepted
	hops      impl.Ring[hop]
	accepted  [2]impl.Lives[impl.Window]

	queues []ackQueue    // stop-and-wait: by space
	owed   [][]owedAck   // cumulative, piggyback: by who sent the data
	owing  int           // … in all
	said   [2][]uint64   // cumulative: what each node acknowledged last, as seen
	done   []impl.Ref    // acknowledged by all, in this step
	judged []impl.Effect // upward effects of a step under way

	again func(n uint64, p *impl.Pending) // bound once
	out   *impl.Effects                   // only while the timer fires
	space int
}

// BestEffortRules are the rules that validity and integrity rest on.
type BestEffortRules struct {
	Fresh   func(w *impl.Window, n uint64) impl.Fate
	Waits   func(cfg *impl.Config, set *impl.NodeSet, removed *impl.NodeSet) // whose acknowledgements a multicast needs
	Credit  func(o *impl.Outbox, n uint64, from spec.NodeID) (ref impl.Ref, done bool)
	Again   func(fired int) bool            // whether the timer is set again
	Patient func(silent, tl spec.Time) bool // whether a silent member is kept
	UpTo    func(w *impl.Window) uint64     // what a cumulative acknowledgement says
	Bare    func() bool                     // whether what has nothing to ride on goes alone
}

// NewBestEffort makes the layer of one node.
func NewBestEffort(cfg impl.Config) *BestEffort {
	b := &BestEffort{cfg: cfg, configured: cfg.Members, Rules: BestEffortRules{
		Fresh: (*impl.Window).Add,
		Waits: func(cfg *impl.Config, set, removed *impl.NodeSet) {
			for _, m := range cfg.Members {
				if !removed.Has(m) {
					set.Add(m)
				}
			}
		},
		Credit:  (*impl.Outbox).Ack,
		Again:   func(int) bool { return true },
		Patient: func(silent, tl spec.Time) bool { return silent < tl },
		UpTo:    func(w *impl.Window) uint64 { return w.First() - 1 },
		Bare:    func() bool { return true },
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

	groupUpTo = 5 // cumulative: N is the last number without a gap
	groupSkip = 6 // cumulative: nothing below N will come
	peerUpTo  = 7
	peerSkip  = 8

	ridersAlone = 9 // piggyback: no message, acknowledgements only
)

// Step implements [impl.Layer].
func (b *BestEffort) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		b.incarnation, b.armed, b.removed, b.depth = uint32(in.Num), false, impl.NodeSet{}, depth{}
		b.cfg.Members = b.configured
		b.spaces = make([]impl.Outbox, b.cfg.Nodes+1)
		b.seen = [2]impl.Lives[impl.Window]{}
		b.heard = make([]spec.Time, b.cfg.Nodes)
		b.queues = make([]ackQueue, b.cfg.Nodes+1)
		b.owed, b.owing = make([][]owedAck, b.cfg.Nodes), 0
		b.hops, b.accepted = impl.Ring[hop]{}, [2]impl.Lives[impl.Window]{}
		b.said = [2][]uint64{make([]uint64, b.cfg.Nodes), make([]uint64, b.cfg.Nodes)}
	case impl.Send:
		b.send(in, out)
	case impl.Packet:
		b.receive(in, out)
	case impl.TimerFired:
		if in.Num == ackTimer {
			b.settleUp(out)
		} else {
			b.fire(in, out)
		}
	case impl.Accept:
		if !b.accepting {
			out.Pass(in)
			return
		}
		b.accept(in.Ref, out)
	case impl.ViewChanged:
		b.change(in.View, out)
		handOn(&b.cfg, in, out)
	default:
		out.Pass(in)
	}
}

func (b *BestEffort) send(in impl.Input, out *impl.Effects) {
	k := b.cfg.Nodes
	if in.To != impl.Everyone {
		if in.To < 0 || int(in.To) >= b.cfg.Nodes {
			out.Refuse(in.Ref, impl.NotMember)
			return
		}
		k = int(in.To)
	}
	if b.spaces[k].Full() || b.queues[k].len() >= ackQueueLimit {
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	if b.putOff(k, in) {
		return
	}
	b.transmit(k, in, out)
	if !b.armed {
		b.armed, b.fired = true, 0
		out.SetTimer(0, in.Now+spec.Time(b.cfg.TS))
	}
	b.acknowledge(out)
}

// transmit sends a message of a space for the first time.
func (b *BestEffort) transmit(k int, in impl.Input, out *impl.Effects) {
	to, kind, body := impl.Everyone, byte(groupData), in.Body
	if k < b.cfg.Nodes {
		to, kind = spec.NodeID(k), peerData
	}
	o := &b.spaces[k]
	if b.ways == Piggyback {
		owing := b.owing
		if body = b.load(to, body, out); owing > 0 && b.owing == 0 {
			out.StopTimer(ackTimer)
		}
	}
	packet := impl.AppendNumbered(out, body, impl.Numbered{N: o.Next(), Incarnation: b.incarnation, Kind: kind})
	n, p := o.Add(packet, in.Ref, in.Now)
	p.Code = in.Code
	if kind == peerData && b.removed.Has(to) {
		p.Ref = 0 // sent once, and nobody knows what becomes of it
	} else if kind == peerData {
		p.Waiting.Add(to)
	} else {
		b.Rules.Waits(&b.cfg, &p.Waiting, &b.removed)
	}
	out.Down(to, packet, 0).Code = in.Code
	out.Note(impl.PointAllSent, n, 0)
	if ref, done := o.Settle(n); done {
		b.done = append(b.done, ref)
	}
	b.tellDepth(out)
}

// tellDepth notes how many messages to the group somebody has not acknowledged. Nothing upward may come before it.
func (b *BestEffort) tellDepth(out *impl.Effects) { b.depth.note(b.spaces[b.cfg.Nodes].Open(), 0, out) }

// acknowledge tells the layer above what all have acknowledged.
func (b *BestEffort) acknowledge(out *impl.Effects) {
	for _, ref := range b.done {
		out.Acknowledge(ref)
	}
	b.done = b.done[:0]
}

func (b *BestEffort) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.OpenNumbered(in, b.cfg.Nodes, out)
	if !ok {
		return
	}
	if b.ways == Piggyback {
		if body, ok = b.unload(in, body, out); !ok {
			out.Note(impl.Malformed, uint64(in.From), h.N)
			return
		}
	}
	b.heard[in.From] = in.Now
	switch cumulative := b.ways == Cumulative; {
	case h.Kind == groupData || h.Kind == peerData:
		b.data(in, h, body, out)
	case h.Kind == ridersAlone && b.ways == Piggyback:
		b.finish(in.From, out)
	case h.Kind == groupUpTo && cumulative:
		b.ackUpTo(in, b.cfg.Nodes, h, out)
	case h.Kind == peerUpTo && cumulative:
		b.ackUpTo(in, int(in.From), h, out)
	case (h.Kind == groupSkip || h.Kind == peerSkip) && cumulative:
		b.skipped(in, h, out)
	case h.Kind == groupAck && !cumulative:
		b.ack(in, b.cfg.Nodes, h, out)
	case h.Kind == peerAck && !cumulative:
		b.ack(in, int(in.From), h, out)
	default:
		out.Note(impl.Malformed, uint64(in.From), h.N)
	}
}

// side tells what is to this node alone, 0, from what is to the group, 1.
func (b *BestEffort) side(space int) int {
	if space < b.cfg.Nodes {
		return 0
	}
	return 1
}

// window gives what has been seen of a life's messages to the group, or to this node alone.
func (b *BestEffort) window(from spec.NodeID, incarnation uint32, kind byte) *impl.Window {
	seen := &b.seen[1]
	if kind == peerData {
		seen = &b.seen[0]
	}
	return seen.Of(int(from), b.cfg.Nodes, incarnation)
}

// data takes a message in: to the group, or to this node alone.
func (b *BestEffort) data(in impl.Input, h impl.Numbered, body []byte, out *impl.Effects) {
	to, ack := impl.Everyone, byte(groupAck)
	if h.Kind == peerData {
		to, ack = b.cfg.Self, peerAck
	}
	w := b.window(in.From, h.Incarnation, h.Kind)
	if w == nil {
		out.Note(impl.Stale, uint64(in.From), h.N)
		b.acknowledge(out) // what rode on it
		return
	}
	fate := b.Rules.Fresh(w, h.N)
	if b.accepting {
		h.Kind = ack
		b.handUp(in, to, h, body, fate, out)
		return
	}
	if b.ways == Pipelined || b.ways == StopAndWait {
		h.Kind = ack
		b.say(in.From, h, out)
	} else {
		b.owe(in, h, out)
	}
	if fate == impl.Seen {
		out.Note(impl.Duplicate, uint64(in.From), h.N)
	}
	b.finish(in.From, out)
	if fate == impl.New {
		out.Up(in.From, to, body)
	}
}

// ack takes the acknowledgement of one message in.
func (b *BestEffort) ack(in impl.Input, k int, h impl.Numbered, out *impl.Effects) {
	if h.Incarnation != b.incarnation {
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	}
	if !b.credit(k, h.N, in.From) && k == b.cfg.Nodes {
		out.Note(impl.PointSomeAcked, h.N, 0)
	}
	b.release(k, in.Now, out)
	b.finish(in.From, out)
}

// credit notes that a node has a message, and says whether it was the last to have it.
func (b *BestEffort) credit(k int, n uint64, from spec.NodeID) (done bool) {
	ref, done := b.Rules.Credit(&b.spaces[k], n, from)
	if done {
		b.done = append(b.done, ref)
	}
	return done
}

// finish is the upward end of a step in which a node was heard.
func (b *BestEffort) finish(from spec.NodeID, out *impl.Effects) {
	b.tellDepth(out)
	if b.removed.Remove(from) {
		out.Trust(from)
	}
	b.acknowledge(out)
}
