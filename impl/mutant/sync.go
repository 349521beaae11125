package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// syncMutants are bugs of barriers. Their schedules need syncs.
func syncMutants() []Mutant {
	return []Mutant{
		{
			Name:   "barrier-counts-one-too-few",
			Title:  "A barrier does not count the last message before it, which may come after it.",
			Breaks: []spec.ID{"SYNC-BARRIER"},
			Cell:   syncOfSender, Under: spec.NoFaults,
			New: syncWith(syncOfSender, func(r *ordering.SyncRules) {
				r.Counts = func(sent uint64) uint64 { return max(sent, 1) - 1 }
			}),
		},
		{
			Name:   "barrier-lets-one-sender-through",
			Title:  "What one member sends is not held back by any barrier.",
			Breaks: []spec.ID{"SYNC-CUT"},
			Cell:   syncCut, Under: spec.NoFaults,
			New: syncWith(syncCut, func(r *ordering.SyncRules) {
				r.Holds = func(sender spec.NodeID) bool { return sender != 1 }
			}),
		},
		{
			Name:   "sends-go-on-during-the-flush",
			Title:  "A member goes on sending when it has said how many messages it has sent before the cut.",
			Breaks: []spec.ID{"SYNC-BARRIER", "SYNC-CUT"},
			Cell:   syncCut, Under: spec.NoFaults,
			New: syncWith(syncCut, func(r *ordering.SyncRules) {
				r.Stops = func() bool { return false }
			}),
		},
		{
			Name:   "barrier-waits-for-nothing",
			Title:  "A barrier takes effect when it comes, whatever of its past has not.",
			Breaks: []spec.ID{"SYNC-BARRIER", "SYNC-CAUSAL"},
			Cell:   syncCausal, Under: spec.NoFaults,
			New: syncWith(syncCausal, func(r *ordering.SyncRules) {
				r.Complete = func(uint64, uint64) bool { return true }
			}),
		},
		{
			Name:   "sync-returns-with-the-first",
			Title:  "The sync returns when the first member has delivered what was in flight, instead of the last.",
			Breaks: []spec.ID{"SYNC-BLOCKING"},
			Cell:   syncBlocking, Under: spec.NoFaults,
			New: syncWith(syncBlocking, func(r *ordering.SyncRules) {
				r.Everyone = func(_, done int) bool { return done > 0 }
			}),
		},
	}
}

// syncWith gives the constructor of a cell's stack in which rules of its barrier have been changed.
func syncWith(cell string, change func(*ordering.SyncRules)) func(impl.Config) impl.Layer {
	return with(cell, func(s *stack) {
		s.ordering = func(cfg impl.Config) impl.Layer {
			b := ordering.NewSync(cfg, readings[cell])
			change(&b.Rules)
			return impl.NewStack(b, barrierOver[cell](cfg))
		}
	})
}

var readings = map[string]ordering.Reading{syncOfSender: ordering.OfSender, syncCut: ordering.Cut,
	syncCausal: ordering.CausalBarrier, syncBlocking: ordering.Blocking, fifoSync: ordering.OfSender,
	fifoCut: ordering.Cut, fifoCausal: ordering.CausalBarrier, fifoBlocking: ordering.Blocking}

var barrierOver = map[string]maker{syncOfSender: unordered, syncCut: unordered, syncCausal: unordered,
	syncBlocking: unordered, fifoSync: fifo, fifoCut: fifo, fifoCausal: fifo, fifoBlocking: fifo}
