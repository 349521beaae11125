package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
)

// [Lamport] through restarts, over a level with a log.
//
// What goes to the group is written to its sender's log before anybody is sent it, in the order in which it was sent, also
// empty messages. So a member that is back is handed again, or is told to be under way, all that any other may ever have
// heard of it:
//
//	⟨m, T⟩ of its own, number n:   sent := max(sent, n); said := max(said, T); C := max(C, T)
//	⟨m, T⟩ of another:             C := max(C, T), as ever; but nothing is sent
//	when that was all:            if nothing that it has sent is later than the last message: C := C+1; multicast ⟨C⟩
//
// Its numbers go on without a gap and without one that is used twice; its stamps go on growing, so that a member that has
// heard a stamp of it never hears a smaller one. What it has delivered follows from what it received and the order in which
// it did: it delivers the same again.
//
// A message that the level withdraws has its number and its stamp all the same, for its sender has sent others behind it. It
// counts as received, and at its place in the order all pass it over, and say so.

// stranger says whether a life of a node is no member any more.
func (l *Lamport) stranger(incarnation uint32) bool {
	return incarnation != 0 && !l.Replayed && !l.admitted
}

// remember takes in a message that this node has sent in an earlier life.
func (l *Lamport) remember(n, stamp uint64) {
	l.sent, l.said = l.Rules.Again(l.sent, n), l.Rules.Again(l.said, stamp)
	l.clock = l.Rules.Received(l.clock, stamp)
}

// resume takes in what of this node's is under way from an earlier life, and then goes on.
func (l *Lamport) resume(in impl.Input, out *impl.Effects) {
	if !in.Flag {
		body, h, ok := impl.Cut(in.Body, lamportHeader)
		if !ok {
			return
		}
		if l.comesBack {
			l.remember(binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:]))
		}
		if h[20] == lamportMessage {
			in.Body = body
			out.Pass(in)
		}
		return
	}
	if l.comesBack {
		l.comesBack = false
		if l.owed != (Stamped{}) && l.self >= 0 && l.Rules.Answers(l.owed, l.said, l.self) {
			l.multicast(lamportEmpty, nil, 0, out)
		}
	}
	if l.self >= 0 {
		ring := &l.streams[l.self].ring
		for n := ring.First(); n <= ring.Last(); n++ { // the layer above has not had them yet
			if x := ring.At(n); x.kind == lamportMessage {
				out.Add(stillUnderWay(x.body, x.void))
			}
		}
	}
	out.Pass(in)
}
