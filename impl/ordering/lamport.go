package ordering

import (
	"encoding/binary"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Lamport is O8, total and causal order by the stamps of logical clocks (Lamport, Time, Clocks, and the Ordering of
// Events in a Distributed System, 1978, the algorithm for mutual exclusion with its acknowledgements): all members
// deliver the same messages in the same order, and what happened before comes before.
//
//	to multicast m at i:       C := C+1; multicast ⟨m, C⟩
//	on receiving ⟨m, T⟩ of j:   C := max(C, T); queue m
//	                          if nothing that I have sent is later than T: C := C+1; multicast an empty message ⟨C⟩
//	the message with the smallest stamp is delivered when something later has been received of every other member
//
// Equal stamps are told apart by the position of their senders. All this needs that the messages of one sender are
// received in the order sent, or something smaller could still be on its way. So each member numbers all that it sends,
// its empty messages too, and a message is received in the sense of the algorithm when all before it have been. The
// numbers are this layer's own, and not those of [Fifo] below: it stands on any level, what it holds back and what it
// orders is one queue for each sender, and its clock hears of a message that still waits for another.
//
// What is delivered is a prefix of one sequence, at crashed members too, over whatever level: over one that loses it
// stalls. Closed group: who is no member can't send, for it is not waited for. One-to-one messages do not count.
//
// Each message costs up to as many empty messages as there are other members; a member that sends itself, or that has
// more to acknowledge within the delay, saves some. Without a delay a message is delivered two message delays after it
// was sent.
//
// It is live while nobody crashes: a member that is dead is never heard again, and nothing is delivered any more.
//
// It acknowledges when the level has acknowledged the message. One that the level refuses leaves a hole in the numbers,
// as with [Fifo], and here everybody waits behind it; unless the level withdraws it, and tells what it was. A member that
// comes back has forgotten its clock and is no member any more: its sends are refused, and it is silent; unless it is
// handed its log again, see [Lamport.Replayed].
type Lamport struct {
	Rules LamportRules

	// Replayed says that the level below hands up again, after a recovery, everything that it ever handed up, in the
	// same order, and then tells what of this node's is still under way.
	Replayed bool

	cfg         impl.Config
	delay       time.Duration
	incarnation uint32
	self        int    // position among the members, -1 for a node that is none
	clock       uint64 // C
	said        uint64 // the stamp of the last message of this node, also an empty one
	sent        uint64
	arrivals    uint64
	streams     []lamportStream // by position
	heard       []uint64        // by position: the stamp of the last message received
	owed        Stamped         // the last in the order that may need an empty message of mine
	armed       bool
	configured  []spec.NodeID
	admitted    bool // by a view, in this life
	blocked     bool // a view ends
	comesBack   bool // as long as what an earlier life received is handed up again
}

// Stamped is a message's place in the total order.
type Stamped struct {
	Stamp   uint64
	Sender  int    // position among the members
	Arrival uint64 // the how many-th packet here it was; nothing may depend on it
}

// LamportRules are the rules of the algorithm.
type LamportRules struct {
	Received func(clock, stamp uint64) uint64          // the clock, when a message has come
	Before   func(x, y Stamped) bool                   // the total order
	Heard    func(m Stamped, heard []uint64) bool      // whether everyone has been heard from later
	Waits    func(empty bool) bool                     // whether a message waits for those that its sender sent before it
	Answers  func(m Stamped, said uint64, by int) bool // whether a message needs an empty one, by one that has said that last

	Awaits  func(before, now []spec.NodeID) []spec.NodeID // who is waited for in a view, of its members and those of the last
	Silent  func(ends bool) bool                          // whether nothing is acknowledged
	Ignores func(suspected bool) bool                     // whether a member is not waited for
	Again   func(x, own uint64) uint64                    // what one that is back has sent, or said, last, when it finds one of its own
}

// lamportStream is what has come of one member.
type lamportStream struct {
	ring impl.Ring[stampedBody] // from the first that is not done with; a slot of no kind is a hole
	got  uint64                 // all up to this number have come
}

type stampedBody struct {
	body    []byte
	stamp   uint64
	arrival uint64
	kind    byte
	void    bool // the level has withdrawn it
}

// NewLamport makes the layer of one node, which acknowledges what it receives after a delay; 0 is at once.
func NewLamport(cfg impl.Config, delay time.Duration) *Lamport {
	return &Lamport{cfg: cfg, configured: cfg.Members, delay: delay, Rules: LamportRules{
		Received: func(clock, stamp uint64) uint64 { return max(clock, stamp) },
		Before:   Stamped.Before,
		Heard:    heardLater,
		Waits:    func(bool) bool { return true },
		Answers:  func(m Stamped, said uint64, by int) bool { return Stamped{Stamp: said, Sender: by}.Before(m) },
		Awaits:   func(_, now []spec.NodeID) []spec.NodeID { return now },
		Ignores:  func(bool) bool { return false },
		Silent:   func(ends bool) bool { return ends },
		Again:    func(x, own uint64) uint64 { return max(x, own) },
	}}
}

// Before orders by stamp, and equal stamps by the position of their senders.
func (m Stamped) Before(x Stamped) bool {
	return m.Stamp < x.Stamp || m.Stamp == x.Stamp && m.Sender < x.Sender
}

// heardLater says whether nothing that is before m can come any more: of its own sender because stamps grow.
func heardLater(m Stamped, heard []uint64) bool {
	for k, stamp := range heard {
		if (Stamped{Stamp: stamp, Sender: k}).Before(m) {
			return false
		}
	}
	return true
}

// The kinds of messages.
const (
	lamportMessage = 1
	lamportEmpty   = 2
)

// The header, behind the body: number, stamp, incarnation, kind.
const lamportHeader = 8 + 8 + 4 + 1

// Step implements [impl.Layer].
func (l *Lamport) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		n := len(l.configured)
		l.cfg.Members = l.configured
		*l = Lamport{Rules: l.Rules, Replayed: l.Replayed, comesBack: l.Replayed && in.Num > 0, cfg: l.cfg, configured: l.configured, delay: l.delay,
			incarnation: uint32(in.Num), self: l.cfg.Index(l.cfg.Self), streams: make([]lamportStream, n), heard: make([]uint64, n)}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		if l.self < 0 || l.stranger(l.incarnation) {
			out.Refuse(in.Ref, impl.NotMember)
			return
		}
		if l.blocked {
			out.Refuse(in.Ref, impl.ViewChanging)
			return
		}
		l.multicast(lamportMessage, in.Body, in.Ref, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone, in.Kind == impl.GapFound && len(in.Body) > 0:
		l.receive(in, out)
	case in.Kind == impl.Resumed:
		l.resume(in, out)
	case in.Kind == impl.TimerFired:
		l.armed = false
		if !l.Rules.Silent(l.blocked) && l.self >= 0 && l.Rules.Answers(l.owed, l.said, l.self) {
			l.multicast(lamportEmpty, nil, 0, out)
		}
	case in.Kind == impl.Blocked || in.Kind == impl.Unblocked:
		l.block(in, out)
		out.Pass(in)
	case in.Kind == impl.Suspected:
		l.suspect(in.From, out)
		out.Pass(in)
	case renews(in):
		l.change(in.View, out)
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

// multicast sends a message, or an empty one, with the next stamp and the next number.
func (l *Lamport) multicast(kind byte, body []byte, ref impl.Ref, out *impl.Effects) {
	l.clock++
	l.sent++
	l.said = l.clock
	b := out.Extend(body, lamportHeader)
	h := b[len(body):]
	binary.LittleEndian.PutUint64(h, l.sent)
	binary.LittleEndian.PutUint64(h[8:], l.clock)
	binary.LittleEndian.PutUint32(h[16:], l.incarnation)
	h[20] = kind
	out.Down(impl.Everyone, b, ref)
}

func (l *Lamport) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, lamportHeader)
	sender := l.cfg.Index(in.From)
	if !ok || h[20] != lamportMessage && h[20] != lamportEmpty {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	n, stamp, kind := binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:]), h[20]
	switch {
	case sender < 0 || l.self < 0:
		out.Note(impl.NotMember, uint64(in.From), n)
		return
	case l.stranger(binary.LittleEndian.Uint32(h[16:])) || l.stranger(l.incarnation):
		out.Note(impl.Stale, uint64(in.From), n)
		return
	}
	s := &l.streams[sender]
	if n < s.ring.First() {
		out.Note(impl.Duplicate, uint64(in.From), n)
		return
	}
	slot := s.ring.Reach(n)
	switch {
	case slot == nil:
		out.Note(impl.Overflow, uint64(in.From), n)
		return
	case slot.kind != 0:
		out.Note(impl.Duplicate, uint64(in.From), n)
		return
	}
	l.arrivals++
	*slot = stampedBody{body: body, stamp: stamp, arrival: l.arrivals, kind: kind, void: in.Kind == impl.GapFound}
	if l.comesBack && sender == l.self {
		l.remember(n, stamp)
	}
	l.clock = l.Rules.Received(l.clock, stamp)
	l.goOn(sender, slot)
	if kind == lamportMessage {
		l.acknowledge(Stamped{Stamp: stamp, Sender: sender}, in.Now, out)
	}
	if l.deliver(in.Flag || l.comesBack, out) == 0 && kind == lamportMessage {
		out.Note(impl.HeldBack, uint64(in.From), n)
	}
}

// goOn receives what has come of a member without a gap.
func (l *Lamport) goOn(sender int, last *stampedBody) {
	s := &l.streams[sender]
	if !l.Rules.Waits(last.kind == lamportEmpty) {
		l.heard[sender] = max(l.heard[sender], last.stamp)
	}
	for m := s.ring.At(s.got + 1); m != nil && m.kind != 0; m = s.ring.At(s.got + 1) {
		s.got++
		l.heard[sender] = max(l.heard[sender], m.stamp)
	}
	s.trim()
}

// trim lets go of empty messages that nothing stands before.
func (s *lamportStream) trim() {
	for s.ring.First() <= s.got && s.ring.At(s.ring.First()).kind == lamportEmpty {
		s.drop()
	}
}

func (s *lamportStream) drop() {
	*s.ring.At(s.ring.First()) = stampedBody{}
	s.ring.Drop()
}

// acknowledge tells the others that what I send from now on is later than m, at once or after the delay.
func (l *Lamport) acknowledge(m Stamped, now spec.Time, out *impl.Effects) {
	if l.owed.Before(m) {
		l.owed = m
	}
	switch {
	case !l.Rules.Answers(m, l.said, l.self) || l.armed || l.comesBack || l.Rules.Silent(l.blocked):
	case l.delay == 0:
		l.multicast(lamportEmpty, nil, 0, out)
	default:
		l.armed = true
		out.SetTimer(0, now+spec.Time(l.delay))
	}
}

// deliver delivers, smallest stamp first, what everyone has been heard from after, and counts it.
func (l *Lamport) deliver(again bool, out *impl.Effects) (delivered int) {
	for ; ; delivered++ {
		m, any := l.first()
		if !any || !l.Rules.Heard(m, l.heard) {
			return delivered
		}
		s := &l.streams[m.Sender]
		x := *s.ring.At(s.ring.First())
		s.drop()
		s.trim()
		handUp(l.cfg.Members[m.Sender], x.body, again, x.void, out)
	}
}

// first gives the smallest of all messages received. Stamps of one sender grow, so it is the first of one of them.
func (l *Lamport) first() (m Stamped, any bool) {
	for k := range l.streams {
		s := &l.streams[k]
		if s.ring.First() > s.got {
			continue
		}
		x := s.ring.At(s.ring.First())
		if at := (Stamped{Stamp: x.stamp, Sender: k, Arrival: x.arrival}); !any || l.Rules.Before(at, m) {
			m, any = at, true
		}
	}
	return m, any
}
