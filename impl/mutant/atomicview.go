package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// atomicViewMutants are bugs of atomic-view that show in a static view.
func atomicViewMutants() []Mutant {
	crash := spec.SetOf(spec.CrashFault)
	return []Mutant{
		{
			Name:   "delivers-before-stable",
			Title:  "A message is delivered when it comes, though a member lacks it and may never get it: half of a multicast is delivered.",
			Breaks: []spec.ID{"AGREEMENT", "ALL-OR-NOTHING"},
			Cell:   overAtomicView, Under: crash,
			New: atomicViewWith(func(r *reliability.AtomicViewRules) {
				r.Deliver = func(r, _ uint64) uint64 { return r }
			}),
		},
		{
			Name:   "counts-itself-for-another",
			Title:  "A member takes its own copy for that of the member behind it too, and does not wait for that one.",
			Breaks: []spec.ID{"AGREEMENT", "ALL-OR-NOTHING"},
			Cell:   overAtomicView, Under: crash,
			New: atomicViewWith(func(r *reliability.AtomicViewRules) {
				all := r.Stable
				r.Stable = func(me int, has []uint64) uint64 {
					mine := append([]uint64(nil), has...)
					mine[(me+1)%len(mine)] = max(mine[me], mine[(me+1)%len(mine)])
					return all(me, mine)
				}
			}),
		},
		{
			Name:   "safe-after-majority",
			Title:  "A message is taken for stable when more than half of the members have it, and delivered while one is cut off.",
			Breaks: []spec.ID{"AGREEMENT", "ALL-OR-NOTHING"},
			Cell:   overAtomicView, Under: crash,
			New: atomicViewWith(func(r *reliability.AtomicViewRules) {
				r.Stable = func(_ int, has []uint64) (most uint64) {
					for _, n := range has {
						above := 0
						for _, x := range has {
							if x >= n {
								above++
							}
						}
						if 2*above > len(has) {
							most = max(most, n)
						}
					}
					return most
				}
			}),
		},
		{
			Name:   "stability-kept-to-itself",
			Title:  "Who knows that all have a message delivers it and tells nobody: when one that had told it alone crashes, the others wait for ever.",
			Breaks: []spec.ID{"AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED"},
			Cell:   overAtomicView, Under: crash,
			New: atomicViewWith(func(r *reliability.AtomicViewRules) {
				r.Tells = func(stable bool) bool { return !stable }
			}),
		},
		{
			Name:   "one-more-than-there-is",
			Title:  "A member tells that it has one message more than it has: others deliver before it has come, and its sender, who knows better, never does.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ALL-OR-NOTHING", "TAIL-RECOVERY"},
			Cell:   overAtomicView, Under: spec.NoFaults,
			New: atomicViewWith(func(r *reliability.AtomicViewRules) {
				r.Claims = func(n uint64) uint64 { return n + 1 }
			}),
		},
		{
			Name:   "nobody-tells-what-is-here",
			Title:  "Members tell each other that they have nothing: no message is ever stable, and nobody delivers any.",
			Breaks: []spec.ID{"SELF-DELIVERY", "VALIDITY", "TAIL-RECOVERY"},
			Cell:   overAtomicView, Under: spec.NoFaults,
			New: atomicViewWith(func(r *reliability.AtomicViewRules) {
				r.Claims = func(uint64) uint64 { return 0 }
			}),
		},
	}
}

func atomicViewWith(change func(*reliability.AtomicViewRules)) func(impl.Config) impl.Layer {
	return with(overAtomicView, func(s *stack) {
		s.reliability = func(cfg impl.Config) impl.Layer {
			l := reliability.NewAtomicView(cfg)
			change(&l.Rules)
			return l
		}
	})
}
