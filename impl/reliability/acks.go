package reliability

import (
	"fmt"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Acks is a way in which the receivers of [BestEffort] acknowledge, and what the sender makes of it. The promise is the
// same with all of them; they differ in what it costs, and in how long it takes.
type Acks uint8

// The ways of acknowledging, as textbooks on the data link layer and on transport name them (Tanenbaum, Computer
// Networks; RFC 9293 for cumulative acknowledgements, RFC 1122 section 4.2.3.2 for delayed ones).
const (
	// Pipelined: messages leave when they are sent, and each is acknowledged at once and on its own (selective
	// repeat). n acknowledgements a message.
	Pipelined Acks = iota

	// StopAndWait: the next message to the group, or to a peer, leaves when everybody has acknowledged the one before,
	// or was removed; until then it waits in a queue. So one sender's messages are delivered in the order in which they
	// were sent, by whoever is not removed. n acknowledgements a message, and a round trip for each.
	StopAndWait

	// Cumulative: an acknowledgement says how many of the sender's messages have come without a gap, so that one
	// makes up for those before that were lost. It is put off by TS/4 and then covers all that came meanwhile:
	// n acknowledgements a burst. A message that came behind a gap is delivered at once and acknowledged when the gap
	// is filled.
	Cumulative

	// Piggyback: acknowledgements, one for each message, ride on the receiver's own messages to the group or to that
	// peer. What finds nothing to ride on for TS/4 goes alone: whoever is silent must still acknowledge.
	Piggyback

	ackWays
)

var ackNames = [ackWays]string{"pipelined", "stop-and-wait", "cumulative", "piggyback"}

func (a Acks) String() string {
	if a < ackWays {
		return ackNames[a]
	}
	return fmt.Sprintf("acks(%d)", uint8(a))
}

// ParseAcks is the inverse of [Acks.String].
func ParseAcks(text string) (Acks, error) {
	for a, name := range ackNames {
		if name == text {
			return Acks(a), nil
		}
	}
	return 0, fmt.Errorf("unknown way of acknowledging %q: want one of %v", text, ackNames)
}

// NewBestEffortAck makes the layer of one node, with a way of acknowledging. All nodes must have the same one.
func NewBestEffortAck(cfg impl.Config, ways Acks) *BestEffort {
	b := NewBestEffort(cfg)
	b.ways = ways
	return b
}

// ackQueue holds the sends that stop-and-wait has to put off; waiting[next:] in order.
type ackQueue struct {
	waiting []ackWaiting
	next    int
}

type ackWaiting struct {
	body []byte
	ref  impl.Ref
	code impl.Code
}

// ackQueueLimit is how many sends a queue takes: as many as may be on their way where nothing is put off.
const ackQueueLimit = 1 << 15

func (q *ackQueue) len() int { return len(q.waiting) - q.next }

func (q *ackQueue) push(in impl.Input) {
	if q.next > 0 && len(q.waiting) == cap(q.waiting) { // no longer than what waits at a time
		q.waiting = q.waiting[:copy(q.waiting, q.waiting[q.next:])]
		q.next = 0
	}
	q.waiting = append(q.waiting, ackWaiting{in.Body, in.Ref, in.Code})
}

func (q *ackQueue) pop() ackWaiting {
	w := q.waiting[q.next]
	q.waiting[q.next] = ackWaiting{}
	q.next++
	return w
}

// putOff queues a send behind one that has not been acknowledged by all; false where there is none.
func (b *BestEffort) putOff(k int, in impl.Input) bool {
	if b.ways != StopAndWait || b.spaces[k].Open() == 0 && b.queues[k].len() == 0 {
		return false
	}
	b.queues[k].push(in)
	return true
}

// release sends what has been put off for the space, up to the first message that somebody has to acknowledge. The
// timer is set: there was such a message before.
func (b *BestEffort) release(k int, now spec.Time, out *impl.Effects) {
	for q := &b.queues[k]; q.len() > 0 && b.spaces[k].Open() == 0; {
		w := q.pop()
		b.transmit(k, impl.Input{Now: now, Body: w.body, Ref: w.ref, Code: w.code}, out)
	}
}
