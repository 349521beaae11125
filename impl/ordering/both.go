package ordering

import "github.com/conform-go/conform/impl"

// O10, two orders at once (Hadzilacos & Toueg, 1994, FIFO atomic and causal atomic broadcast, which they build the same
// way: a hold-back above an atomic broadcast). The order of senders, or of causes, is restored above a total order.
//
// Why the total order survives. Let the layer below hand up, at every member, a prefix of one sequence σ: a total order
// without gaps. Let the layer above be a function of what it is handed up: what it delivers, and when, depends on the
// packets that have come and on their order, and on nothing else: not on the clock, nor on what this node is or has
// sent. Then it has delivered, after a prefix of σ, the same at every member: what the function gives for that prefix.
// The function only ever adds to the end of what it has delivered, so that this is a prefix of one sequence again. [Fifo]
// keeps numbers and a hold-back queue for each sender, [Causal] a vector and one queue that is gone through from its
// oldest: both are such functions, for what they hold back. (What they count of their own sends goes into stamps and
// not into deliveries.) And each keeps its own promise over whatever lies below.
//
// It does not hold for a layer above that lets a node's own messages pass, looks at the time, or goes through its queue
// in an order of the node's own.
//
// What this takes for granted: every member is handed σ from its start. One that joins or comes back in the middle is
// handed the rest of σ, and what it holds back, or waits for, is not what the others do. It needs the state of the layer
// above, as of the same place in σ; with views, all begin anew at the view, which stands at one place in σ. Where the
// layer below announces a gap and goes on, a sender's later messages are stuck here, and the others deliver them: what is
// delivered here is then no prefix, but still in the order of the others.
//
// Across views the total order must deliver what is sent in a view in that view, as do [Agreement], [Lamport] and
// [TotalSequencer] in form bb. Form ub, [TotalSeqServer] and [Kaashoek] may take a message along into the next view, where
// the numbers and vectors of the layer above have begun anew: what was numbered in one view comes to nothing in another.
//
// The other way round, a total order above [Fifo] or [Causal], depends on the total order. [Agreement] keeps what lies
// below: if every member receives m before m′, each of them proposes less for m, and so the largest proposal for m is
// less. [Lamport] is causal over anything.
//
// And where a message is given its place after it has been sent, and delivered only then, as by [Agreement] or a
// sequencer, an effect never comes before its cause if FIFO order is kept: who sends m′ has delivered m, and with it
// all that was sent before it by the same node, so that all of them have places before that of m′. There FIFO and
// total order together are causal.
//
// Through restarts, over a level with a log, all this holds if the total order hands up the same again, and tells, of what
// this node sent in earlier lives, what the level has under way and what it holds back itself: [TotalSequencer] in form bb,
// [Lamport] and [Agreement] do where they are handed their logs. What the level withdraws the first two announce at a place
// in σ, so that it is no hole for the layer above. In the third it has none: nothing is announced, and what its sender sent
// behind it waits.

// NewFifoTotal makes the layers of one node that keep both the order of each sender and a total order without gaps,
// which is the layer below. In systems whose total order says "if a process sends m before m′ …", this is meant.
func NewFifoTotal(cfg impl.Config, total impl.Layer) *impl.Stack {
	return impl.NewStack(NewFifo(cfg), total)
}

// NewCausalTotal makes the layers of one node that keep both causal order and a total order without gaps, which is the
// layer below. Closed group, as that of [Causal].
func NewCausalTotal(cfg impl.Config, total impl.Layer) *impl.Stack {
	return impl.NewStack(NewCausal(cfg), total)
}
