package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// tentative is a message that is held back: under the number that this member has proposed, or under the one that has
// been agreed.
type tentative struct {
	Priority
	id     agreementID
	origin spec.NodeID
	body   []byte
	agreed bool
}

// propose holds a message back that is new here, and proposes a number for it.
func (a *Agreement) propose(in impl.Input, id agreementID, body []byte, out *impl.Effects) {
	w := a.seen.Of(int(in.From), a.cfg.Nodes, id.incarnation)
	switch {
	case w == nil:
		out.Note(impl.Stale, uint64(in.From), id.n)
		return
	case len(a.queue) >= maxHeld:
		out.Note(impl.Overflow, uint64(in.From), id.n)
		return
	case w.Add(id.n) == impl.Seen:
		out.Note(impl.Duplicate, uint64(in.From), id.n)
		return
	}
	a.proposed = a.Rules.Propose(a.agreed, a.proposed)
	p := Priority{a.proposed, a.cfg.Self}
	a.hold(tentative{Priority: p, id: id, origin: in.From, body: body})
	if in.From == a.cfg.Self {
		a.resume(id, in.Now, out)
	}
	out.Down(in.From, id.tell(agreementProposal, p, out), 0)
	out.Note(impl.HeldBack, uint64(in.From), id.n)
}

// hold puts a message into the queue, at its place. A new number is larger than all others, so it is looked for from
// the end.
func (a *Agreement) hold(m tentative) {
	i := len(a.queue)
	a.queue = append(a.queue, m)
	for ; i > 0 && a.Rules.Before(m.Priority, a.queue[i-1].Priority); i-- {
		a.queue[i] = a.queue[i-1]
	}
	a.queue[i] = m
}

// find gives the place of a message in the queue, or -1.
func (a *Agreement) find(from spec.NodeID, id agreementID) int {
	for i := range a.queue {
		if m := &a.queue[i]; m.id == id && a.Rules.Owner(from, m.origin) {
			return i
		}
	}
	return -1
}

// take takes a message out of the queue.
func (a *Agreement) take(i int) tentative {
	m := a.queue[i]
	last := len(a.queue) - 1
	copy(a.queue[i:], a.queue[i+1:])
	a.queue[last] = tentative{}
	a.queue = a.queue[:last]
	return m
}

// settle gives a message its number, and delivers what nothing stands before any longer. What a packet of the log sets
// off was set off by it before the crash too, so that it is a second time as well.
func (a *Agreement) settle(in impl.Input, id agreementID, p Priority, out *impl.Effects) {
	if in.From == a.cfg.Self {
		if l := a.ballots.Of(int(in.From), a.cfg.Nodes, id.incarnation); l != nil {
			l.close(id.n)
		}
	}
	i := a.find(in.From, id)
	if i < 0 || a.queue[i].agreed {
		out.Note(impl.Duplicate, uint64(in.From), id.n)
		return
	}
	a.agreed = a.Rules.Agreed(a.agreed, p.N)
	m := a.take(i)
	m.Priority, m.agreed = p, true
	a.hold(m)
	delivered := 0
	for i := a.next(); i >= 0; i = a.next() {
		m := a.take(i)
		out.Add(impl.Effect{Kind: impl.Up, From: m.origin, To: impl.Everyone, Body: m.body, Flag: in.Flag})
		delivered++
	}
	if delivered == 0 {
		out.Note(impl.HeldBack, uint64(in.From), id.n)
	}
}

// next gives the place of the message that is to be delivered next: the first, if its number is agreed; or -1.
func (a *Agreement) next() int {
	for i := range a.queue {
		if a.queue[i].agreed {
			return i
		}
		if !a.Rules.Overtakes() {
			break
		}
	}
	return -1
}

// answer proposes again what its sender has not heard. Where the number has been agreed the sender will hear it, too.
func (a *Agreement) answer(in impl.Input, id agreementID, out *impl.Effects) {
	if i := a.find(in.From, id); i >= 0 && !a.queue[i].agreed {
		out.Down(in.From, id.tell(agreementProposal, a.queue[i].Priority, out), 0)
		return
	}
	out.Note(impl.Stale, uint64(in.From), id.n)
}
