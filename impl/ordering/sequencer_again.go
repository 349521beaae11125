package ordering

import "github.com/conform-go/conform/impl"

// [TotalSequencer] in form bb through restarts, over a level with a log.
//
// What goes to the group is written to its sender's log before anybody is sent it, in the order in which it was sent:
// also the sequencer's numbers. So whatever position anybody knows of is in the log of the sequencer. After a restart it is
// handed again what it received, in the order in which it did, and is told what of its own is still under way:
//
//	while it is handed its log:           it gives no numbers
//	⟨order, p, i, s⟩ of its own, handed
//	again or under way:                   ⟨m, i⟩ of p has the position s; S := max(S, s)
//	⟨order, p, i, s⟩ that was withdrawn:    nobody has delivered it, nor ever will: it is given again, as it was
//	when that was all:                    it numbers, in the order in which they came, the messages that have no position
//
// No position is given to two messages: S is behind all that have ever left this node. No message gets two positions, for
// the one it has is found before it is numbered. And none is skipped: positions are logged in their order, so that a crash
// takes only the last of them, which nobody knows; and what the level withdraws in between is given again.
//
// A message that the level withdraws has come in the sense of the algorithm, and gets a position; there all pass it over, and
// say so. So the layer above hears of it at the same place in the order everywhere.
//
// In form ub none of this can be had: what is sent to the sequencer alone stands in nobody's log.

// comeback is what a node that is back finds out of what it sent in earlier lives.
type comeback struct {
	numbered map[numbered]bool // what is known to have a position
	lapsed   []totalHeader     // positions that the level has withdrawn
}

// numbered names a message.
type numbered struct {
	n           uint64
	incarnation uint32
	origin      uint16
}

func nameOf(h totalHeader) numbered { return numbered{h.n, h.incarnation, uint16(h.origin)} }

// comeBack waits for what an earlier life received.
func (t *TotalSequencer) comeBack() {
	if t.Replayed && t.form == BB && t.incarnation > 0 && t.cfg.Self == first(&t.cfg) {
		t.comeback = &comeback{numbered: map[numbered]bool{}}
	}
}

// given takes in a position that this node has given in an earlier life, or that was withdrawn. It says whether that is
// all there is to it: what was withdrawn is no position of anything.
func (t *TotalSequencer) given(h totalHeader, withdrawn bool) bool {
	if c := t.comeback; c != nil {
		t.next = t.Rules.Again(t.next, h.position)
		if withdrawn {
			c.lapsed = append(c.lapsed, h)
		} else {
			c.numbered[nameOf(h)] = true
		}
	}
	return withdrawn
}

// resume takes in what of this node's is under way from an earlier life, and then goes on.
func (t *TotalSequencer) resume(in impl.Input, out *impl.Effects) {
	if in.Flag {
		t.goOn(out)
		if t.form == BB {
			t.streams.Each(func(node int, _ uint32, s *arrivals) { // the layer above has not had them yet
				for n := s.held.First(); node == int(t.cfg.Self) && n <= s.held.Last(); n++ {
					if m := s.held.At(n); m.body != nil {
						out.Add(stillUnderWay(m.body, m.void))
					}
				}
			})
		}
		out.Pass(in)
		return
	}
	body, x, ok := impl.Cut(in.Body, totalHeaderLen)
	switch {
	case !ok:
	case x[totalHeaderLen-1] == seqOrder:
		t.given(parseTotal(x), in.Code == impl.Aborted)
	default:
		in.Body = body
		out.Pass(in)
	}
}

// goOn numbers what has no position, when a sequencer that is back has heard of all that have one.
func (t *TotalSequencer) goOn(out *impl.Effects) {
	c := t.comeback
	if t.comeback = nil; c == nil {
		return
	}
	lowest := t.next
	for _, h := range c.lapsed {
		lowest = min(lowest, h.position)
	}
	t.issued.Restart(lowest - 1)
	for _, h := range c.lapsed {
		if name := nameOf(h); !c.numbered[name] && t.Rules.Lapses() {
			c.numbered[name] = true
			t.issue(h, nil, out)
		}
	}
	for _, h := range t.unnumbered {
		if !c.numbered[nameOf(h)] {
			t.number(h, nil, false, out)
		}
	}
	t.unnumbered = t.unnumbered[:0]
}

// stillUnderWay tells the layer above of a message of an earlier life of this node that is held back here.
func stillUnderWay(body []byte, void bool) impl.Effect {
	e := impl.Effect{Kind: impl.Resume, Body: body}
	if void {
		e.Code = impl.Aborted
	}
	return e
}
