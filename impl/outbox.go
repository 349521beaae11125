package impl

import (
	"time"

	"github.com/conform-go/conform/spec"
)

// Outbox keeps what has been sent until everyone it is for has acknowledged it: the sender's half of every protocol
// that retransmits. Numbers count from 1.
type Outbox struct {
	ring Ring[Pending]
	open int
}

// Pending is a message that somebody has not acknowledged.
type Pending struct {
	Body    []byte
	Ref     Ref
	Sent    spec.Time // first sent
	Again   spec.Time // last sent
	Code    Code      // what it was handed down with; Add leaves none
	Waiting NodeSet   // who has not acknowledged
	open    bool
}

// Add keeps a body and gives its number and its slot, whose Waiting set the caller fills.
func (o *Outbox) Add(body []byte, ref Ref, now spec.Time) (uint64, *Pending) {
	n, p := o.ring.Push()
	p.Body, p.Ref, p.Sent, p.Again, p.Code, p.open = body, ref, now, now, NoCode, true
	p.Waiting.Clear()
	o.open++
	return n, p
}

// Next gives the number that the next Add will give.
func (o *Outbox) Next() uint64 { return o.ring.Last() + 1 }

// Full says that too much waits to send more: the receiver's window would slide over what has not arrived.
func (o *Outbox) Full() bool { return o.ring.Len() >= reach/2 }

// Ack notes that a node has the message, and says whether it was the last to do so.
func (o *Outbox) Ack(n uint64, from spec.NodeID) (ref Ref, done bool) {
	p := o.ring.At(n)
	if p == nil || !p.open || !p.Waiting.Remove(from) || p.Waiting.Len() > 0 {
		return 0, false
	}
	return o.close(p), true
}

// Close lets go of a message nobody waits for.
func (o *Outbox) close(p *Pending) Ref {
	ref := p.Ref
	p.open, p.Body = false, nil
	o.open--
	for o.ring.Len() > 0 && !o.ring.At(o.ring.First()).open {
		o.ring.Drop()
	}
	return ref
}

// Drop lets go of a message, whoever has not acknowledged it.
func (o *Outbox) Drop(n uint64) (ref Ref, open bool) {
	if p := o.ring.At(n); p != nil && p.open {
		return o.close(p), true
	}
	return 0, false
}

// Settle closes the message if nobody is waited for any more.
func (o *Outbox) Settle(n uint64) (ref Ref, done bool) {
	if p := o.ring.At(n); p != nil && p.open && p.Waiting.Len() == 0 {
		return o.close(p), true
	}
	return 0, false
}

// Remove takes a node off everybody's list and calls done for each message that waited for it alone.
func (o *Outbox) Remove(node spec.NodeID, done func(Ref)) {
	for n := o.ring.First(); n <= o.ring.Last(); n++ {
		if p := o.ring.At(n); p != nil && p.open && p.Waiting.Remove(node) && p.Waiting.Len() == 0 {
			done(o.close(p))
		}
	}
}

// Open counts the messages that somebody has not acknowledged.
func (o *Outbox) Open() int { return o.open }

// Overdue calls again for each message last sent TS ago or earlier, oldest first, and notes that it is sent now.
func (o *Outbox) Overdue(now spec.Time, ts time.Duration, again func(n uint64, p *Pending)) {
	for n := o.ring.First(); n <= o.ring.Last(); n++ {
		if p := o.ring.At(n); p != nil && p.open && now-p.Again >= spec.Time(ts) {
			p.Again = now
			again(n, p)
		}
	}
}

// Waits says since when a node has owed an acknowledgement; false where it owes none.
func (o *Outbox) Waits(node spec.NodeID) (since spec.Time, any bool) {
	for n := o.ring.First(); n <= o.ring.Last(); n++ {
		if p := o.ring.At(n); p != nil && p.open && p.Waiting.Has(node) {
			return p.Sent, true
		}
	}
	return 0, false
}

// Owed gives the first number that a node has not acknowledged; false where it owes none.
func (o *Outbox) Owed(node spec.NodeID) (n uint64, any bool) {
	for n := o.ring.First(); n <= o.ring.Last(); n++ {
		if p := o.ring.At(n); p != nil && p.open && p.Waiting.Has(node) {
			return n, true
		}
	}
	return 0, false
}
