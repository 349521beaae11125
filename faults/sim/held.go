package sim

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Held is how much the nodes of a run held back: messages that a node has received, and not delivered, after the step
// in which they came. Those of several runs add up, in whatever order: see [Held.Add].
type Held struct {
	Messages int                // how many times one was held back
	Most     int                // at one node at a time
	Depth    int64              // ns that messages waited, added up over all
	Time     int64              // ns that there were, added up over the nodes: Depth/Time is the mean at a node
	Over     [HeldBuckets]int32 // the most at one node in each stretch of time since the scenario began; see [HeldUntil]
}

// HeldBuckets is how many stretches of time are told apart.
const HeldBuckets = 32

// HeldUntil gives the end of a stretch: 1 ms, 1.5 ms, 2 ms, 3 ms, 4 ms, 6 ms, … The last has none, and is given as 0.
func HeldUntil(bucket int) time.Duration {
	if bucket >= HeldBuckets-1 {
		return 0
	}
	return time.Duration(2+bucket&1) * time.Millisecond << (bucket / 2) / 2
}

// heldBucket gives the stretch that a time is in.
func heldBucket(t int64) (k int) {
	for k < HeldBuckets-1 && t >= int64(HeldUntil(k)) {
		k++
	}
	return k
}

// Add adds what was held back in other runs.
func (h *Held) Add(x *Held) {
	h.Messages += x.Messages
	h.Most = max(h.Most, x.Most)
	h.Depth += x.Depth
	h.Time += x.Time
	for k := range h.Over {
		h.Over[k] = max(h.Over[k], x.Over[k])
	}
}

// stay counts that so many were held back at one node from one time to another.
func (h *Held) stay(depth int, from, to int64) {
	if depth == 0 {
		return
	}
	h.Depth += int64(depth) * (to - from)
	for k, last := heldBucket(from), heldBucket(to); k <= last; k++ {
		h.Over[k] = max(h.Over[k], int32(depth))
	}
}

// holding is what is held back at a node now.
type holding struct {
	of    impl.Holder // nil: nothing ever is
	depth int
	since int64
}

// look asks how much a node holds back after a step. Who holds nothing back is asked only when it has said that it does,
// or has read its log: that nobody does so without a word is tested where all are asked after every step.
func (w *World) look(id spec.NodeID, n *node) {
	if n.holding.of != nil {
		w.holds(id, n, n.holding.of.Held())
	}
}

// holds takes down how much a node holds back.
func (w *World) holds(id spec.NodeID, n *node, depth int) {
	h := &n.holding
	if depth == h.depth {
		return
	}
	now := max(0, w.now-w.epoch)
	w.held.stay(h.depth, h.since, now)
	if depth > h.depth {
		w.held.Messages += depth - h.depth
		w.held.Most = max(w.held.Most, depth)
	}
	h.depth, h.since, w.heldAt = depth, now, now
	if (w.cfg.Evidence || w.bounded) && w.now >= w.epoch {
		w.h.AddExtra(spec.Event{T: spec.Time(now), Kind: spec.Note, Node: id, Has: spec.HasNode},
			spec.Extra{Op: spec.OpHeld, Depth: int64(depth)})
	}
}

// Held gives how much the nodes of the last run held back, until the last thing happened in it that its history or a
// hold-back queue shows: what is still held back then waits for what never came.
func (w *World) Held() Held {
	h, end := w.held, max(w.heldAt, w.latest)
	for i := range w.nodes[:w.procs] {
		x := &w.nodes[i].holding
		h.stay(x.depth, x.since, end)
	}
	h.Time = end * int64(w.procs)
	return h
}
