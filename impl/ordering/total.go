package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What the total orders with a sequencer or a number server have in common: the header of their packets, what is said
// again until it is answered, and the refs of what they send on their own account.

// totalHeader stands behind the body of every packet but the application's to one node: those end in the kind alone.
type totalHeader struct {
	position    uint64      // in the order of all, from 1
	n           uint64      // of the message among those of its sender's life, from 1
	incarnation uint32      // of the sender
	origin      spec.NodeID // who sent the message
	kind        byte
}

const totalHeaderLen = 8 + 8 + 4 + 2 + 1

// The kinds of packets to one node, and to the group.
const (
	totalLetter = 1 // of the application

	seqRequest  = 2 // ub: give this message a number
	seqUrgent   = 3 // … and tell when the level below has acknowledged it
	seqTaken    = 4 // it has one
	seqDone     = 5 // the level has acknowledged it; position is the errand's
	seqHeard    = 6 // … I have been told
	seqData     = 7 // bb: a message
	seqOrder    = 8 // bb: its position
	seqNumbered = 9 // ub: a message and its position

	numRequest = 10 // give me a number
	numAnswer  = 11
	numVoid    = 12 // what was asked has had its answer, and it is worth nothing any more
	numAsk     = 13 // has anybody the message of this position? The body is the round
	numHave    = 14 // … n is the round
	numLack    = 15
	numData    = 16
	numNoop    = 17 // no message has this position; n is the round
	numFree    = 18 // somebody has it: it will come; n is the round
)

func (h totalHeader) behind(body []byte, out *impl.Effects) []byte {
	b := out.Extend(body, totalHeaderLen)
	x := b[len(body):]
	binary.LittleEndian.PutUint64(x, h.position)
	binary.LittleEndian.PutUint64(x[8:], h.n)
	binary.LittleEndian.PutUint32(x[16:], h.incarnation)
	binary.LittleEndian.PutUint16(x[20:], uint16(h.origin))
	x[22] = h.kind
	return b
}

// parseTotal is the inverse of behind.
func parseTotal(x []byte) totalHeader {
	return totalHeader{position: binary.LittleEndian.Uint64(x), n: binary.LittleEndian.Uint64(x[8:]),
		incarnation: binary.LittleEndian.Uint32(x[16:]), origin: spec.NodeID(binary.LittleEndian.Uint16(x[20:])), kind: x[22]}
}

// openTotal takes the header off a packet. One that makes no sense is noted, and a letter of the application is handed
// up: both are no business of the ordering, and ok is false.
func openTotal(in impl.Input, nodes int, out *impl.Effects) (body []byte, h totalHeader, ok bool) {
	if k := len(in.Body) - 1; k >= 0 && in.To != impl.Everyone && in.Body[k] == totalLetter {
		out.Add(impl.Effect{Kind: impl.Up, From: in.From, To: in.To, Body: in.Body[:k:k], Ref: in.Ref, Flag: in.Flag})
		return nil, h, false
	}
	out.Accept(in.Ref)
	body, x, ok := impl.Cut(in.Body, totalHeaderLen)
	if ok {
		h = parseTotal(x)
	}
	if !ok || int(h.origin) >= nodes || in.From < 0 || int(in.From) >= nodes {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return nil, h, false
	}
	return body, h, true
}

// sendTotalLetter passes on what the application sends to one node.
func sendTotalLetter(in impl.Input, out *impl.Effects) {
	b := out.Extend(in.Body, 1)
	b[len(in.Body)] = totalLetter
	out.Down(in.To, b, in.Ref)
}

// ownRef marks the refs of what an ordering sends on its own account. All others are those of the layer above.
const ownRef impl.Ref = 1 << 61

// totalReach is how many positions, or messages of one sender, may be under way at a time: half of what a ring reaches,
// so that nobody who is late finds no room.
const totalReach = 1 << 15

// privy says whether the level tells of one packet, that it is withdrawn, or under way from an earlier life. A layer that sees
// to its packets itself does not hand that on: the layer above knows nothing of its headers, and each attempt would be told.
func privy(in impl.Input) bool {
	return len(in.Body) > 0 && (in.Kind == impl.GapFound || in.Kind == impl.Resumed)
}

// first gives the node that numbers: the first member; -1 where there is none.
func first(cfg *impl.Config) spec.NodeID {
	if len(cfg.Members) == 0 {
		return -1
	}
	return cfg.Members[0]
}

// errands are packets that are sent again until somebody has answered: not every level makes what goes to one node
// reliable. Each waits for TS, and then twice as long as before, up to TL; to one that the level below suspects, up to
// 64 TL, since every packet to the dead may make the level suspect it anew. They are numbered from 1.
type errands struct {
	ring      impl.Ring[errand]
	due       spec.Time // when the timer fires; 0: it is not set
	suspected impl.NodeSet
}

type errand struct {
	body  []byte
	ref   impl.Ref
	next  spec.Time
	wait  spec.Time
	until spec.Time // when it is given up; 0: never
	to    spec.NodeID
	once  bool // it needs no answer
	open  bool
}

// errandTimer is the number of the timer.
const errandTimer = 0

// number gives the number of the next errand.
func (e *errands) number() uint64 { return e.ring.Last() + 1 }

// add takes an errand on that has been sent just now, or is to be sent first after TS.
func (e *errands) add(x errand, now spec.Time, cfg *impl.Config, out *impl.Effects) uint64 {
	x.open, x.wait = true, spec.Time(cfg.TS)
	x.next = now + x.wait
	n, slot := e.ring.Push()
	*slot = x
	e.arm(x.next, out)
	return n
}

func (e *errands) arm(at spec.Time, out *impl.Effects) {
	if e.due == 0 || at < e.due {
		e.due = at
		out.SetTimer(errandTimer, at)
	}
}

// end lets go of an errand, if it is one to that node.
func (e *errands) end(n uint64, to spec.NodeID) {
	if x := e.ring.At(n); x != nil && x.open && x.to == to {
		*x = errand{}
	}
	for e.ring.Len() > 0 && !e.ring.At(e.ring.First()).open {
		e.ring.Drop()
	}
}

// suspect hears that the level below takes a node for failed, or does so no longer: then what is for it goes at once.
func (e *errands) suspect(in impl.Input, cfg *impl.Config, out *impl.Effects) {
	if in.From < 0 || int(in.From) >= cfg.Nodes {
		return
	}
	if in.Kind == impl.Suspected {
		e.suspected.Add(in.From)
		return
	}
	if !e.suspected.Remove(in.From) {
		return
	}
	any := false
	for n := e.ring.First(); n <= e.ring.Last(); n++ {
		if x := e.ring.At(n); x != nil && x.open && x.to == in.From {
			x.next, x.wait, any = in.Now, spec.Time(cfg.TS)/2, true
		}
	}
	if any {
		e.fire(in.Now, cfg, out)
	}
}

// fire sends again what is due.
func (e *errands) fire(now spec.Time, cfg *impl.Config, out *impl.Effects) {
	e.due = 0
	next := spec.Time(0)
	for n := e.ring.First(); n <= e.ring.Last(); n++ {
		x := e.ring.At(n)
		if x == nil || !x.open {
			continue
		}
		if x.next <= now {
			if x.until > 0 && now >= x.until {
				*x = errand{}
				continue
			}
			out.Note(impl.Retransmitted, uint64(x.to), n)
			out.Down(x.to, x.body, x.ref)
			if x.once {
				*x = errand{}
				continue
			}
			most := spec.Time(cfg.TL)
			if x.to >= 0 && e.suspected.Has(x.to) {
				most *= 64
			}
			x.wait = min(2*x.wait, most)
			x.next = now + x.wait
		}
		if next == 0 || x.next < next {
			next = x.next
		}
	}
	e.end(0, 0)
	if next > 0 {
		e.arm(next, out)
	}
}
