package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Uniform is R6, uniform reliable multicast (Cachin, Guerraoui, Rodrigues, 2011, algorithm 3.5, "Majority-Ack Uniform
// Reliable Broadcast"): validity, integrity and uniform agreement: what any member delivers, also one that crashes
// right after, all correct members deliver.
//
//	to multicast m:           send m to the group, itself included
//	on receiving m from p:    p has relayed m
//	                          if m is new here, and not mine: send m to the group
//	                          when more than half of the members have relayed m: deliver m
//
// The sender's own copies count as its relay. It stands on the channel, or on best effort where the transport carries
// one packet to many. Of a majority that has relayed m one member stays up, and its relay arrives everywhere, also
// where all that the crashed ones had in flight is lost. So more than half of the configured members must be up.
// Without them it blocks: it delivers nothing. Members that are suspected below still count as members, or two parts of
// a divided group could go separate ways. O(n²) packets a message.
//
// It acknowledges when the message is delivered here: then all correct members deliver it, whatever happens to the
// sender. Who is no member and sends to an open group is never acknowledged.
type Uniform struct {
	Rules UniformRules

	cfg         impl.Config
	incarnation uint32
	sent        uint64
	streams     impl.Lives[uniformStream]
	own         *uniformStream
	configured  []spec.NodeID
	up          []uniformDelivery
}

// UniformRules are the two rules of the algorithm.
type UniformRules struct {
	Relays func(cfg *impl.Config, origin spec.NodeID) bool    // on the first receipt of a message of somebody else
	Enough func(cfg *impl.Config, relayed *impl.NodeSet) bool // whether it is delivered
}

// NewUniform makes the layer of one node.
func NewUniform(cfg impl.Config) *Uniform {
	return &Uniform{cfg: cfg, configured: cfg.Members, Rules: UniformRules{
		Relays: func(*impl.Config, spec.NodeID) bool { return true },
		Enough: func(cfg *impl.Config, relayed *impl.NodeSet) bool { return 2*relayed.Len() > len(cfg.Members) },
	}}
}

// Step implements [impl.Layer].
func (u *Uniform) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		u.incarnation, u.sent, u.streams = uint32(in.Num), 0, impl.Lives[uniformStream]{}
		u.cfg.Members = u.configured
		u.own = u.streams.Of(int(u.cfg.Self), u.cfg.Nodes, u.incarnation)
	case in.Kind == impl.Send && in.To == impl.Everyone:
		u.send(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		u.receive(in, out)
	case in.Kind == impl.ViewChanged:
		u.change(in.View, out)
		handOn(&u.cfg, in, out)
	default:
		out.Pass(in)
	}
}

func (u *Uniform) send(in impl.Input, out *impl.Effects) {
	member := u.cfg.Index(u.cfg.Self) >= 0
	if member && u.sent-u.own.passed() >= uniformReach {
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	u.sent++
	if member {
		u.own.reach(u.sent).ref = in.Ref
	}
	out.Down(impl.Everyone, identity{u.sent, u.incarnation, u.cfg.Self}.behind(in.Body, out), 0).Code = in.Code
	out.Note(impl.PointAllSent, u.sent, 0)
}

func (u *Uniform) receive(in impl.Input, out *impl.Effects) {
	body, id, ok := cutIdentity(in.Body)
	s := (*uniformStream)(nil)
	if ok {
		s = u.streams.Of(int(id.origin), u.cfg.Nodes, id.incarnation)
	}
	mine := id.origin == u.cfg.Self && id.incarnation == u.incarnation
	if s == nil || id.n == 0 || mine && id.n > u.sent {
		out.Note(impl.Malformed, uint64(in.From), id.n)
		return
	}
	if id.n > s.passed()+uniformReach {
		out.Note(impl.Overflow, uint64(id.origin), id.n-uniformReach)
	}
	m := s.reach(id.n)
	if m == nil || m.delivered {
		out.Note(impl.Duplicate, uint64(id.origin), id.n)
		return
	}
	if !m.pending {
		m.pending, m.body = true, body
		out.Note(impl.PointReceived, uint64(id.origin), id.n)
		if !mine && u.Rules.Relays(&u.cfg, id.origin) {
			out.Down(impl.Everyone, in.Body, 0)
			out.Note(impl.PointRelayed, uint64(id.origin), id.n)
		}
	}
	if u.cfg.Index(in.From) >= 0 {
		m.relayed.Add(in.From)
	}
	if !u.enough(m) {
		out.Note(impl.HeldBack, uint64(id.origin), id.n)
		return
	}
	ref := m.ref
	m.delivered = true
	s.pass()
	out.Up(id.origin, impl.Everyone, body)
	out.Acknowledge(ref)
}

// uniformStream is what one node sends in one life: what is under way of it. All before that has been delivered.
type uniformStream struct {
	ring   impl.Ring[uniformMessage]
	offset uint64 // message n is the ring's n-offset
}

// uniformMessage is a message that is under way. A slot that is not in use is empty.
type uniformMessage struct {
	relayed   impl.NodeSet // by these members
	later     impl.NodeSet // have come in since it came here
	body      []byte
	ref       impl.Ref
	pending   bool // it has come, from whomever
	delivered bool
}

// uniformReach is how far behind the last message of a sender anything is under way. What falls behind was given up by
// its sender, and leaves a hole.
const uniformReach = 1 << 12

// passed gives the number up to which nothing is under way any more.
func (s *uniformStream) passed() uint64 { return s.offset + s.ring.First() - 1 }

// reach gives the slot of a number; nil where that has passed.
func (s *uniformStream) reach(n uint64) *uniformMessage {
	if n <= s.passed() {
		return nil
	}
	for n-s.passed() > uniformReach && s.ring.Len() > 0 {
		s.drop()
	}
	if far := n - s.passed(); far > uniformReach {
		s.offset += far - uniformReach
	}
	return s.ring.Reach(n - s.offset)
}

// pass goes on over what has been delivered.
func (s *uniformStream) pass() {
	for s.ring.Len() > 0 && s.ring.At(s.ring.First()).delivered {
		s.drop()
	}
}

func (s *uniformStream) drop() {
	m := s.ring.At(s.ring.First())
	m.relayed.Clear()
	m.later.Clear()
	m.body = nil
	m.ref, m.pending, m.delivered = 0, false, false
	s.ring.Drop()
}
