package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Causal is O4, causal order with vectors of one number a member (Birman, Schiper, Stephenson, 1991, the CBCAST
// protocol for one group): if the multicast of m happened before that of m′, every member delivers m before m′, and
// delivers nothing whose past it has not delivered. Closed group; one-to-one messages do not count.
//
//	to multicast m at i:      V[i] of the stamp := number of my sends, with this one; V[k] := what I delivered of k
//	on receiving ⟨m, V⟩ of j:  hold m back until V[j] = mine[j]+1 and V[k] ≤ mine[k] for every k ≠ j
//	on delivering m of j:     mine[j] := mine[j]+1
//
// The vector is joined on delivery, never on receipt. A member that comes back without its log is no member any more:
// its sends are refused, until a view admits it.
//
// One that is handed its log again, [Causal.Replayed], goes on where it was. What it has delivered follows from the
// messages that it received and their order, so that it delivers the same again, and its vector is what it was. Its own
// entry is the largest number of its sends that the log has: of those handed again, and of those that the level says are
// still under way; whatever it had sent beyond them was never transmitted, so that no number is used twice and none is
// skipped. What the level withdraws counts as delivered in its turn.
type Causal struct {
	Rules CausalRules

	// Replayed says that the level below hands up again, after a recovery, everything that it ever handed up, in the
	// same order, and then tells what of this node's is still under way.
	Replayed bool

	cfg         impl.Config
	first       []spec.NodeID // the members of the configuration
	incarnation uint32
	admitted    bool // by a view, in this life
	self        int  // position among the members, -1 for a node that is none
	sent        uint32
	mine        []uint32 // by position: how many messages of each have been delivered here
	held        []heldMessage
}

// CausalRules are the rules of the algorithm.
type CausalRules struct {
	Deliverable func(stamp Stamp, mine []uint32, sender int) bool
	Received    func(stamp Stamp, mine []uint32, sender int) // nothing, by the paper
	Delivered   func(stamp Stamp, mine []uint32, sender int)
	Own         func(sent uint32) uint32                        // the sender's own entry of a stamp
	Again       func(stamp Stamp, self int, sent uint32) uint32 // how much a member that is back has sent, when it is told of one that is under way
	Place       func(before, now, members int) int              // this node's among so many members, when a view begins
}

// Stamp is the vector of a message, as it stands in its header.
type Stamp []byte

// At gives the entry of a position.
func (s Stamp) At(k int) uint32 { return binary.LittleEndian.Uint32(s[4*k:]) }

// Set writes an entry.
func (s Stamp) Set(k int, v uint32) { binary.LittleEndian.PutUint32(s[4*k:], v) }

// Len gives the number of entries.
func (s Stamp) Len() int { return len(s) / 4 }

type heldMessage struct {
	body   []byte
	stamp  Stamp
	sender int
	from   spec.NodeID
	again  bool // delivered again after a recovery
	void   bool // the level has withdrawn it
}

// NewCausal makes the layer of one node.
func NewCausal(cfg impl.Config) *Causal {
	return &Causal{cfg: cfg, first: cfg.Members, Rules: CausalRules{
		Deliverable: BSS,
		Received:    func(Stamp, []uint32, int) {},
		Delivered:   func(_ Stamp, mine []uint32, sender int) { mine[sender]++ },
		Own:         func(sent uint32) uint32 { return sent },
		Again:       func(stamp Stamp, self int, sent uint32) uint32 { return max(sent, stamp.At(self)) },
		Place:       func(_, now, _ int) int { return now },
	}}
}

// BSS is the delivery condition of the paper: the message is the sender's next, and all that its sender had delivered
// has been delivered here.
func BSS(stamp Stamp, mine []uint32, sender int) bool {
	for k := range mine {
		if v := stamp.At(k); k == sender && v != mine[k]+1 || k != sender && v > mine[k] {
			return false
		}
	}
	return true
}

// The header, behind the body: the vector, the incarnation of the sender.
func (c *Causal) header() int { return 4*len(c.cfg.Members) + 4 }

// Step implements [impl.Layer].
func (c *Causal) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		c.cfg.Members = c.first
		c.incarnation, c.sent, c.self, c.admitted = uint32(in.Num), 0, c.cfg.Index(c.cfg.Self), false
		c.mine, c.held = make([]uint32, len(c.cfg.Members)), c.held[:0]
	case in.Kind == impl.Send && in.To == impl.Everyone:
		c.send(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone, in.Kind == impl.GapFound && len(in.Body) > 0:
		c.receive(in, out)
	case renews(in):
		c.change(in.View, out)
		out.Pass(in)
	case in.Kind == impl.Resumed:
		c.resume(in, out)
	default:
		out.Pass(in)
	}
}

// stranger says whether a life of a node is no member any more.
func (c *Causal) stranger(incarnation uint32) bool {
	return incarnation != 0 && !c.Replayed && !c.admitted
}

// resume counts an own message that is still under way from an earlier life.
func (c *Causal) resume(in impl.Input, out *impl.Effects) {
	if _, h, ok := impl.Cut(in.Body, c.header()); ok && !in.Flag && c.self >= 0 {
		c.sent = c.Rules.Again(Stamp(h[:len(h)-4]), c.self, c.sent)
	}
	resumed(in, c.header(), out)
}

func (c *Causal) send(in impl.Input, out *impl.Effects) {
	if c.self < 0 || c.stranger(c.incarnation) {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	c.sent++
	b := out.Extend(in.Body, c.header())
	stamp := Stamp(b[len(in.Body) : len(b)-4])
	for k, v := range c.mine {
		stamp.Set(k, v)
	}
	stamp.Set(c.self, c.Rules.Own(c.sent))
	binary.LittleEndian.PutUint32(b[len(b)-4:], c.incarnation)
	out.Down(impl.Everyone, b, in.Ref).Code = in.Code
}

func (c *Causal) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, c.header())
	sender := c.cfg.Index(in.From)
	if !ok || sender < 0 {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	stamp := Stamp(h[:len(h)-4])
	if c.stranger(binary.LittleEndian.Uint32(h[len(h)-4:])) || c.stranger(c.incarnation) {
		out.Note(impl.Stale, uint64(in.From), uint64(stamp.At(sender)))
		return
	}
	if c.Replayed && sender == c.self { // of an earlier life, if it has not sent so much
		c.sent = max(c.sent, stamp.At(sender))
	}
	c.Rules.Received(stamp, c.mine, sender)
	if c.has(stamp, sender) {
		out.Note(impl.Duplicate, uint64(in.From), uint64(stamp.At(sender)))
		return
	}
	if len(c.held) >= maxHeld {
		out.Note(impl.Overflow, uint64(in.From), uint64(stamp.At(sender)))
		return
	}
	c.held = append(c.held, heldMessage{body, stamp, sender, in.From, in.Flag, in.Kind == impl.GapFound})
	before := len(c.held)
	c.drain(out)
	if len(c.held) == before {
		out.Note(impl.HeldBack, uint64(in.From), uint64(stamp.At(sender)))
	}
}

// maxHeld bounds the hold-back queue. A correct sender never gets there: it would have sent so much that this member
// has not heard of.
const maxHeld = 1 << 16

// has says whether a message has been delivered, or is held back.
func (c *Causal) has(stamp Stamp, sender int) bool {
	n := stamp.At(sender)
	if n <= c.mine[sender] {
		return true
	}
	for i := range c.held {
		if c.held[i].sender == sender && c.held[i].stamp.At(sender) == n {
			return true
		}
	}
	return false
}

// drain delivers what can be delivered, oldest first, until nothing more can.
func (c *Causal) drain(out *impl.Effects) {
	for i := 0; i < len(c.held); {
		m := c.held[i]
		if !c.Rules.Deliverable(m.stamp, c.mine, m.sender) {
			i++
			continue
		}
		c.held = append(c.held[:i], c.held[i+1:]...)
		c.Rules.Delivered(m.stamp, c.mine, m.sender)
		handUp(m.from, m.body, m.again, m.void, out)
		i = 0
	}
}
