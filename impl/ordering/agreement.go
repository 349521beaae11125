package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Agreement is O7, total order by an agreement of all members on the number of each message (the ABCAST protocol of
// ISIS: Birman & Joseph, Reliable Communication in the Presence of Failures, 1987; Coulouris et al., Distributed
// Systems, figure "The ISIS algorithm for total ordering"): all members deliver the same messages in the same order.
//
//	to multicast m at s:             multicast ⟨m, i⟩, where i is new
//	on receiving ⟨m, i⟩ of s:         P := max(A, P)+1; hold m back under the number P; propose P to s
//	having the proposals of all:     multicast ⟨i, a⟩, where a is the largest
//	on receiving ⟨i, a⟩ of s:         A := max(A, a); the number of m is a, and no longer a proposal
//	whenever the smallest number is agreed: deliver its message
//
// Equal numbers are told apart by the process that proposed them: one process never proposes a number twice. No number
// that is still open can become smaller than it is, because the agreed one is the largest of all proposals, one's own
// among them; and no message that is yet to come gets a number below one that was agreed here. So what is delivered is
// a prefix of one sequence, at crashed members too, over whatever level: a level that loses makes it stall. It does
// not keep the order of one sender, but a message has a larger number than all that its sender had delivered.
//
// Messages and agreed numbers are multicasts of the level below, so that who gets them is the level's affair; a proposal
// goes to the sender alone. The sender need not be a member: it proposes nothing and delivers nothing.
//
// It is live while nobody crashes, and then agreement is the level's. A member that is dead proposes nothing, and a
// sender that dies before its number is out leaves a message that no larger number can pass: both block the group, the
// second one member sooner than another, for each has proposed a number of its own. After TL the sender suspects whom it
// waits for, and goes on asking. To skip a dead proposer is no choice with a static membership: if it lives after all it
// has perhaps delivered a number above the one that is agreed without it; and what becomes of a dead sender's message,
// the survivors must decide together, because one of them may have its number. Both need a view change.
//
// It acknowledges when the level has acknowledged the message: the number is yet to come then, and is lost if the sender
// crashes.
//
// A member that comes back without its log is no member any more: its sends are refused, and it proposes nothing. One
// that is handed its log again, [Agreement.Replayed], goes on where it was: what it has proposed and delivered follows
// from the messages and numbers that it received, and their order. Then members may crash and come back: who waits for
// a proposal that died with a crash asks for it, a sender that has forgotten that it waits among them. (A sender that
// is no member receives no copy to remind it, and what it left without a number stays in everybody's way.)
type Agreement struct {
	Rules AgreementRules

	// Replayed says that the level below hands up again, after a recovery, everything that it ever handed up, in the
	// same order: not only what the application lacks.
	Replayed bool

	cfg         impl.Config
	incarnation uint32
	agreed      uint64 // A: the largest agreed number
	proposed    uint64 // P: the largest number proposed here
	queue       []tentative
	seen        impl.Lives[impl.Window]

	sent    uint64
	ballots impl.Lives[ballots] // of this node
	lives   []*ballots          // those in which it has sent something
	alarm   spec.Time           // when the timer fires; 0: it is not set
	late    impl.NodeSet        // members that this layer suspects
	silent  impl.NodeSet        // members that the level below suspects
	views   agreementViews
}

// Priority is a number, agreed or proposed, and the process that proposed it.
type Priority struct {
	N  uint64
	By spec.NodeID
}

// AgreementRules are the rules of the algorithm.
type AgreementRules struct {
	Propose   func(agreed, proposed uint64) uint64   // from A and P
	Largest   func(best, proposal Priority) Priority // of the proposals that have come
	Decides   func(missing, members int) bool        // whether enough have proposed
	Agreed    func(agreed, number uint64) uint64     // A, when a number has been agreed
	Before    func(x, y Priority) bool               // the order of delivery
	Owner     func(from, origin spec.NodeID) bool    // whether a number that one multicasts can be that of a message of the other
	Overtakes func() bool                            // whether what is agreed passes by a smaller number that is still open
	Ends      func() bool                            // whether what is open is settled when a view ends
}

// NewAgreement makes the layer of one node.
func NewAgreement(cfg impl.Config) *Agreement {
	return &Agreement{cfg: cfg, Rules: AgreementRules{
		Propose: func(agreed, proposed uint64) uint64 { return max(agreed, proposed) + 1 },
		Largest: func(best, proposal Priority) Priority {
			if best.Before(proposal) {
				return proposal
			}
			return best
		},
		Decides:   func(missing, _ int) bool { return missing == 0 },
		Agreed:    func(agreed, number uint64) uint64 { return max(agreed, number) },
		Before:    Priority.Before,
		Owner:     func(from, origin spec.NodeID) bool { return from == origin },
		Overtakes: func() bool { return false },
		Ends:      func() bool { return true },
	}}
}

// Before orders by number, and equal numbers by process.
func (x Priority) Before(y Priority) bool { return x.N < y.N || x.N == y.N && x.By < y.By }

// agreementID names a message, together with its sender: in which of its lives, and as which of its messages.
type agreementID struct {
	n           uint64
	incarnation uint32
}

// The kinds of packets. Those up to agreementNumber go to the group.
const (
	agreementMessage  = 1 // a body
	agreementNumber   = 2 // what has been agreed
	agreementProposal = 3 // what I propose
	agreementAsk      = 4 // what do you propose?
	agreementLetter   = 5 // to one node, of the layer above
)

// The header, behind the body: the priority, where the packet tells one; number, incarnation, kind.
const (
	priorityLen     = 8 + 2
	agreementHeader = 8 + 4 + 1
)

// seal makes a packet that names a message.
func (id agreementID) seal(kind byte, body []byte, out *impl.Effects) []byte {
	b := out.Extend(body, agreementHeader)
	h := b[len(body):]
	binary.LittleEndian.PutUint64(h, id.n)
	binary.LittleEndian.PutUint32(h[8:], id.incarnation)
	h[12] = kind
	return b
}

// tell makes a packet that tells the priority of a message.
func (id agreementID) tell(kind byte, p Priority, out *impl.Effects) []byte {
	b := out.Alloc(priorityLen)
	binary.LittleEndian.PutUint64(b, p.N)
	binary.LittleEndian.PutUint16(b[8:], uint16(p.By))
	return id.seal(kind, b, out)
}

// parse reads what seal and tell have written.
func (a *Agreement) parse(in impl.Input) (kind byte, id agreementID, p Priority, body []byte, ok bool) {
	if in.From < 0 || int(in.From) >= a.cfg.Nodes || len(in.Body) == 0 {
		return kind, id, p, nil, false
	}
	kind = in.Body[len(in.Body)-1]
	if (in.To == impl.Everyone) != (kind <= agreementNumber) {
		return kind, id, p, nil, false
	}
	if kind == agreementLetter {
		body, _, ok = impl.Cut(in.Body, 1)
		return kind, id, p, body, ok
	}
	body, h, ok := impl.Cut(in.Body, agreementHeader)
	if !ok || kind == 0 || kind > agreementAsk {
		return kind, id, p, nil, false
	}
	id = agreementID{binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint32(h[8:])}
	switch kind {
	case agreementNumber, agreementProposal:
		if len(body) != priorityLen {
			return kind, id, p, nil, false
		}
		p = Priority{binary.LittleEndian.Uint64(body), spec.NodeID(binary.LittleEndian.Uint16(body[8:]))}
	case agreementAsk:
		ok = len(body) == 0
	}
	return kind, id, p, body, ok && id.n > 0
}

// member says whether this node proposes and delivers.
func (a *Agreement) member() bool {
	return a.cfg.Index(a.cfg.Self) >= 0 && (a.incarnation == 0 || a.Replayed || a.views.admitted)
}

// Step implements [impl.Layer].
func (a *Agreement) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		cfg, views := a.afresh()
		*a = Agreement{Rules: a.Rules, Replayed: a.Replayed, cfg: cfg, incarnation: uint32(in.Num), queue: a.queue[:0], views: views}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		a.send(in, out)
	case in.Kind == impl.Send:
		b := out.Extend(in.Body, 1)
		b[len(in.Body)] = agreementLetter
		out.Down(in.To, b, in.Ref)
	case in.Kind == impl.Packet:
		a.receive(in, out)
	case in.Kind == impl.Blocked || in.Kind == impl.Unblocked:
		a.block(in, out)
		out.Pass(in)
	case renews(in):
		a.change(in.View, out)
		out.Pass(in)
	case in.Kind == impl.TimerFired && a.views.blocked:
		a.alarm = 0
		a.arm(in.Now+spec.Time(a.cfg.TS), out)
	case in.Kind == impl.GapFound && len(in.Body) > 0: // it has no place in the order, and never will
		out.Note(impl.Stale, uint64(in.From), in.Num)
	case in.Kind == impl.Resumed:
		a.resumed(in, out)
	case in.Kind == impl.TimerFired:
		a.fire(in.Now, out)
	case in.Kind == impl.Refused:
		a.withdraw(in.Ref)
		out.Pass(in)
	case in.Kind == impl.Suspected:
		// Each time that it is asked in vain the level below suspects it again.
		if a.silent.Add(in.From) && !a.late.Remove(in.From) {
			out.Pass(in)
		}
	case in.Kind == impl.Trusted:
		a.silent.Remove(in.From)
		a.late.Remove(in.From)
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

func (a *Agreement) receive(in impl.Input, out *impl.Effects) {
	kind, id, p, body, ok := a.parse(in)
	switch {
	case !ok:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	case kind == agreementLetter:
		out.Add(impl.Effect{Kind: impl.Up, From: in.From, To: in.To, Body: body, Flag: in.Flag, Ref: in.Ref})
	case kind == agreementProposal:
		a.collect(in, id, p, out)
	case !a.member():
		out.Note(impl.NotMember, uint64(in.From), id.n)
	case kind == agreementMessage:
		a.propose(in, id, body, out)
	case kind == agreementNumber:
		a.settle(in, id, p, out)
	default:
		a.answer(in, id, out)
	}
}
