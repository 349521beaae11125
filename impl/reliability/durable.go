package reliability

import (
	"fmt"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Durable is R7: reliable multicast by relay (Hadzilacos & Toueg, 1994; the "eager" algorithm of Cachin, Guerraoui,
// Rodrigues, 2011) with logging as in their logged broadcast, so that no acknowledged message is ever lost through
// crash and restart of any node, or of all.
//
//	to multicast m:           append m to the log, sync; send m to the group, itself included
//	on receiving m, new here: append m to the log, sync
//	                          accept the hop; if I am not its sender, send m to the group and confirm to its sender
//	                          deliver m
//	on recovery:              hand up what the log has, as far as the application has not kept it
//	                          tell each peer what I have, and be told: each sends what the other lacks
//	a peer that is suspected, or trusted again: the same, until it answers
//
// It lies over an accepting channel: a hop is acknowledged when the message is on the receiver's disk, and not before.
// A node delivers in the order in which its log has the deliveries. What was handed up again after a recovery is marked
// as such, unless the application says how much it has kept.
//
// A copy is kept for the others until every member has confirmed; then the sender tells the group, and the message may
// leave memory and log. The log keeps Rules.History bytes of such messages, so that an application or an ordering that
// has to be told again everything since the start needs a history that has all of it.
//
// A write that fails breaks the node until it is started again: it takes in nothing, accepts no hop, is silent, and
// refuses what its application sends.
//
// It acknowledges when as many disks have the message as Quorum says, the sender's own among them: one, a majority of
// the members, or all. What is acknowledged survives the loss of one disk less than that, for good.
//
// One-to-one messages are the channel's: they are not logged, and what a node has accepted and not delivered when it
// crashes is lost.
type Durable struct {
	Rules DurableRules

	cfg         impl.Config
	quorum      Quorum
	incarnation uint32
	ready       bool
	early       []impl.Input // sends that came before the node was ready

	book    logbook
	journal impl.Journal // what the disk kept, until the node is ready
	due     impl.Ring[logging]
	streams streams[copied]
	places  places

	self      *stream[copied] // what this node sends
	sent      uint64
	begun     bool // the log says under which incarnation this node counts
	own       impl.Ring[unconfirmed]
	answers   []impl.Effect // what goes up at the end of the step
	suspected impl.NodeSet
	told      uint64 // the last number that the others know to be settled
	armed     bool
}

// Quorum says how many disks must have a message before its sender is told that it is safe.
type Quorum uint8

// The quorums.
const (
	One      Quorum = iota // the sender's
	Majority               // of the members
	All                    // of the members

	quorums
)

var quorumNames = [quorums]string{"1", "majority", "all"}

func (q Quorum) String() string {
	if q < quorums {
		return quorumNames[q]
	}
	return fmt.Sprintf("quorum(%d)", uint8(q))
}

// ParseQuorum is the inverse of [Quorum.String].
func ParseQuorum(s string) (Quorum, error) {
	for q, name := range quorumNames {
		if name == s {
			return Quorum(q), nil
		}
	}
	return 0, fmt.Errorf("unknown quorum %q: want 1, majority or all", s)
}

// of gives the number of members that must have it.
func (q Quorum) of(members int) int {
	switch q {
	case One:
		return 0 // the sender need not be a member
	case Majority:
		return members/2 + 1
	}
	return members
}

// DurableRules are what durability rests on.
type DurableRules struct {
	Read      func(log []byte) impl.Journal
	Remembers func(n uint64) bool // whether a message in the log is known again when it comes
	History   int                 // bytes of settled messages that the log keeps
}

// copied is a message, while some member may lack it.
type copied struct {
	body   []byte
	refs   []impl.Ref // hops to accept when it is on disk
	record uint64     // of its body, in the log
	place  uint64     // of its delivery, in the log
	fate   fate
}

// fate is how far a message has come at one node.
type fate uint8

const (
	unknown fate = iota
	sending      // own: its record is on the way to the disk
	sent         // own: on disk, and one's own copy has not come yet
	placing      // the record of its delivery is on the way to the disk
	placed       // on disk, and delivered
)

// unconfirmed is an own message that some member has not confirmed.
type unconfirmed struct {
	ref      impl.Ref
	has      impl.NodeSet // members whose disks have it
	logged   bool
	answered bool
}

// logging is a record on its way to the disk.
type logging struct {
	record uint64
	s      *stream[copied]
	n      uint64
	body   []byte
	own    bool // the record of an own message, and not of a delivery
}

// defaultHistory is what the log keeps besides what it must.
const defaultHistory = 1 << 20

// NewDurable makes the layer of one node.
func NewDurable(cfg impl.Config, acks Quorum) *Durable {
	return &Durable{cfg: cfg, quorum: acks, Rules: DurableRules{
		Read:      impl.ReadJournal,
		Remembers: func(uint64) bool { return true },
		History:   defaultHistory,
	}}
}

// The kinds of packets.
const (
	durableData    = 1
	durableConfirm = 2 // my disk has this message
	durableAsk     = 3 // the body tells what I have: send what I lack, and tell what you have
	durableAnswer  = 4 // the body tells what I have: send what I lack
	durableSettled = 5 // the header tells what all have
)

// The kinds of records.
const (
	recordBegun   = 1 // an identity: the incarnation under which this node counts, and its last number
	recordSent    = 2 // a message of this node
	recordOwn     = 3 // one's own copy came: the place of its delivery
	recordGot     = 4 // a message of another, with the place of its delivery
	recordSettled = 5 // an identity: all have what it numbers, and what came before
)

// Step implements [impl.Layer].
func (d *Durable) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		*d = Durable{Rules: d.Rules, cfg: d.cfg, quorum: d.quorum, incarnation: uint32(in.Num)}
		d.self = d.streams.of(d.me(0), d.cfg.Nodes)
	case impl.Recovered:
		d.recover(in.Body)
	case impl.Ready:
		d.begin(in, out)
	case impl.Send:
		d.send(in, out)
	case impl.Packet:
		d.receive(in, out)
	case impl.TimerFired:
		d.fire(in, out)
	case impl.Persisted:
		d.persisted(in, out)
	case impl.StorageFailed:
		d.book.broken = true
		out.Note(impl.StorageBroken, uint64(in.Ref), 0)
	case impl.Suspected:
		d.suspected.Add(in.From)
		out.SetTimer(probe+uint64(in.From), in.Now+spec.Time(d.cfg.TL))
		out.Pass(in)
	case impl.Trusted: // what was dropped while it was suspected is made good
		d.suspected.Remove(in.From)
		d.ask(in.From, durableAsk, out)
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

// me names an own message.
func (d *Durable) me(n uint64) identity {
	id := identity{n: n, incarnation: d.incarnation, origin: d.cfg.Self}
	if d.self != nil {
		id.incarnation = d.self.incarnation
	}
	return id
}

func (d *Durable) send(in impl.Input, out *impl.Effects) {
	switch {
	case in.To != impl.Everyone:
		sendLetter(in, out)
		return
	case !d.ready:
		d.early = append(d.early, in)
		return
	case d.book.broken:
		out.Refuse(in.Ref, impl.StorageBroken)
		return
	case d.own.Len() >= maxOpen:
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	d.write(in, out)
	d.book.sync(out)
}

// maxOpen is how many of its messages a node may have that some member lacks: no more than receivers have room for.
const maxOpen = 1 << 15

// write logs an own message.
func (d *Durable) write(in impl.Input, out *impl.Effects) {
	if !d.begun {
		d.begun = true
		d.book.remark(out, recordBegun, putIdentity(out, d.me(d.sent)))
	}
	d.sent++
	n, x := d.own.Push()
	has := x.has
	has.Clear()
	*x = unconfirmed{ref: in.Ref, has: has}
	m := d.self.slots.Reach(n)
	m.body, m.fate = in.Body, sending
	m.record = d.book.add(out, recordSent, putIdentity(out, d.me(n)), in.Body)
	d.later(logging{m.record, d.self, n, in.Body, true})
}

// later remembers what to do when a record is on disk.
func (d *Durable) later(x logging) {
	_, slot := d.due.Push()
	*slot = x
}

// sendCopy sends a message of the log.
func (d *Durable) sendCopy(to spec.NodeID, s *stream[copied], n uint64, out *impl.Effects) {
	h := header{identity{n, s.incarnation, s.origin}, s.frontier(), durableData}
	if s == d.self && to == impl.Everyone {
		d.told = s.frontier()
	}
	out.Down(to, h.behind(s.slots.At(n).body, out), 0)
}

func (d *Durable) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := cutHeader(in)
	if refused := d.refuses(); refused != impl.NoCode { // the hop is not accepted
		out.Note(refused, uint64(in.From), uint64(len(in.Body)))
		return
	}
	if !ok || in.From < 0 || int(in.From) >= d.cfg.Nodes {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	if h.kind == durableData {
		d.data(in, h, body, out)
		d.book.sync(out)
		return
	}
	out.Accept(in.Ref) // nothing that can't be asked for again
	switch h.kind {
	case letter:
		out.Up(in.From, in.To, body)
	case durableConfirm:
		d.confirmed(in, h.identity, out)
	case durableAsk, durableAnswer:
		d.compare(in, h.kind, body, out)
	case durableSettled:
		if s := d.streams.of(h.identity, d.cfg.Nodes); s != nil && s != d.self {
			d.settle(s, h.settled, out)
		}
	default:
		out.Note(impl.Malformed, uint64(in.From), h.n)
	}
}

// refuses says why nothing can be taken in now.
func (d *Durable) refuses() impl.Code {
	switch {
	case !d.ready:
		return impl.Stale
	case d.book.broken:
		return impl.StorageBroken
	}
	return impl.NoCode
}

// data takes a copy in: logs it if it is new, else accepts the hop as soon as the disk has it.
func (d *Durable) data(in impl.Input, h header, body []byte, out *impl.Effects) {
	s := d.streams.of(h.identity, d.cfg.Nodes)
	if s == d.self && h.n > d.sent {
		d.renumber()
	}
	if s == nil || h.n == 0 || s == d.self && h.n > d.sent {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), h.n)
		return
	}
	if s != d.self {
		d.settle(s, h.settled, out)
	}
	m := s.slots.Reach(h.n)
	switch {
	case m == nil && h.n > s.frontier(): // too far ahead: the hop is not accepted
		out.Note(impl.Overflow, uint64(h.origin), h.n)
	case m == nil || m.fate == placed:
		out.Accept(in.Ref)
		if in.From == h.origin && in.From != d.cfg.Self {
			d.confirm(h.identity, out)
		}
		out.Note(impl.Duplicate, uint64(h.origin), h.n)
	case m.fate == placing:
		m.refs = append(m.refs, in.Ref)
		out.Note(impl.Duplicate, uint64(h.origin), h.n)
	case s == d.self && m.fate != sent:
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), h.n)
	default:
		d.place(in, s, h.n, m, body, out)
	}
}

// place logs a message that is new here, at its place among the deliveries.
func (d *Durable) place(in impl.Input, s *stream[copied], n uint64, m *copied, body []byte, out *impl.Effects) {
	out.Note(impl.PointReceived, uint64(s.origin), n)
	at := putPlace(out, identity{n, s.incarnation, s.origin}, d.places.next())
	if m.fate == sent {
		m.place = d.book.add(out, recordOwn, at)
	} else {
		m.body = body
		m.place = d.book.add(out, recordGot, at, body)
	}
	m.fate = placing
	out.Note(impl.HeldBack, uint64(s.origin), n)
	m.refs = append(m.refs[:0], in.Ref)
	d.later(logging{m.place, s, n, m.body, false})
}
