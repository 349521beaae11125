package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// blockingBarriers return when all that was in flight is delivered everywhere. Several can be under way, and nobody stops
// sending for one: if two callers did, each would wait for what the other keeps back.
type blockingBarriers struct {
	*Sync
	rounds []blockingRound
	next   int // of these, the one that can take effect
}

// blockingRound is a barrier under way.
type blockingRound struct {
	origin spec.NodeID
	n      uint64
	counts map[spec.NodeID]uint64 // what each member had sent when it heard of it
	here   bool                   // it has taken effect here
	done   impl.NodeSet           // … and there
}

func (b *blockingBarriers) delivered(*syncPacket)        {}
func (b *blockingBarriers) mark(*syncPacket)             {}
func (b *blockingBarriers) busy() bool                   { return false }
func (b *blockingBarriers) deliverable(*syncPacket) bool { return true }

// find gives the round of a barrier, a new one where there is none; nil where it is over.
func (b *blockingBarriers) find(origin spec.NodeID, n uint64) *blockingRound {
	for i := range b.rounds {
		if r := &b.rounds[i]; r.origin == origin && r.n == n {
			return r
		}
	}
	if n <= b.stream(origin, b.lifeOf(origin)).passed || len(b.rounds) >= maxHeld {
		return nil
	}
	b.rounds = append(b.rounds, blockingRound{origin: origin, n: n, counts: map[spec.NodeID]uint64{}})
	return &b.rounds[len(b.rounds)-1]
}

func (b *blockingBarriers) take(p *syncPacket, out *impl.Effects) impl.Code {
	origin, base := spec.NodeID(int32(uint32(p.b))), p.b>>32
	if p.kind == syncBarrier {
		origin, base = p.from, p.b
	}
	if p.kind == syncFlush || b.cfg.Index(origin) < 0 {
		return impl.Malformed
	}
	r := b.find(origin, p.n)
	switch {
	case r == nil:
		return impl.Duplicate
	case p.kind == syncBarrier:
		b.stream(origin, b.lifeOf(origin)).base = base
		b.tell(syncPacket{kind: syncCount, n: p.n, a: b.Rules.Counts(b.sent), b: behind(uint64(uint32(origin)), base)}, out)
	case p.kind == syncCount:
		if c, ok := r.counts[p.from]; !ok || p.a > c {
			r.counts[p.from] = p.a
		}
	default:
		r.done.Add(p.from)
		b.finish(r)
	}
	return impl.NoCode
}

// ready finds a barrier, its caller's next, before which everything has been delivered here.
func (b *blockingBarriers) ready() bool {
	b.next = slices.IndexFunc(b.rounds, func(r blockingRound) bool {
		if r.n != b.stream(r.origin, b.lifeOf(r.origin)).passed+1 || len(r.counts) < len(b.cfg.Members) {
			return false
		}
		for i, m := range b.cfg.Members {
			if !b.Rules.Complete(b.of(i).upTo(), r.counts[m]) {
				return false
			}
		}
		return true
	})
	return b.next >= 0
}

// pass tells the caller, and all, that everything before a barrier has been delivered here.
func (b *blockingBarriers) pass(out *impl.Effects) {
	r := &b.rounds[b.next]
	r.here = true
	x := b.stream(r.origin, b.lifeOf(r.origin))
	b.passed(r.origin, b.lifeOf(r.origin), r.n, out)
	b.tell(syncPacket{kind: syncDone, n: r.n, b: behind(uint64(uint32(r.origin)), x.base)}, out)
	b.finish(r)
}

// finish lets the sync return when everyone has said so, and forgets it when it is over.
func (b *blockingBarriers) finish(r *blockingRound) {
	mine := r.origin == b.cfg.Self
	if !r.here || mine && !b.Rules.Everyone(len(b.cfg.Members), r.done.Len()) {
		return
	}
	if mine {
		b.returns(r.n)
	}
	b.rounds = slices.DeleteFunc(b.rounds, func(x blockingRound) bool { return x.origin == r.origin && x.n == r.n })
}
