package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// orderMutant is a mutant of an ordering in a stack whose members change.
func orderMutant(name, title, order string, under spec.FaultSet, build func(impl.Config) impl.Layer, breaks ...spec.ID) Mutant {
	return Mutant{Name: name, Title: title, Breaks: breaks, Cell: "unicast/atomic-view/" + order + "/view-synchronous", Under: under,
		New: func(cfg impl.Config) impl.Layer { return OrderedViewStack(cfg, build(cfg), nil) }}
}

func sequencerAcross(form ordering.Form, change func(*ordering.SequencerRules)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		t := ordering.NewTotalSequencer(cfg, form)
		change(&t.Rules)
		return t
	}
}

func lamportAcross(change func(*ordering.LamportRules)) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		l := ordering.NewLamport(cfg, 0)
		change(&l.Rules)
		return l
	}
}

// OrderViews lists bugs of orderings across views, under the membership view-synchronous.
func OrderViews() []Mutant {
	crash := spec.SetOf(spec.CrashFault)
	back := spec.SetOf(spec.CrashFault, spec.RecoverFault)
	return slices.Concat(sequencerViewMutants(crash, back), lamportViewMutants(crash, spec.SetOf(spec.CrashFault, spec.PartitionFault)), []Mutant{
		orderMutant("dead-proposer-waited-for", "What is open when a view ends goes on waiting for the proposals of the dead.", "total-agreement", crash,
			func(cfg impl.Config) impl.Layer {
				a := ordering.NewAgreement(cfg)
				a.Rules.Ends = func() bool { return false }
				return a
			}, "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER",
			"TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION", "SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "FLUSH-BLOCK"),
		orderMutant("place-among-members-kept", "A member goes on counting its sends in the place of a vector that was its own before others left: they come to nothing.",
			"causal", crash, func(cfg impl.Config) impl.Layer {
				c := ordering.NewCausal(cfg)
				c.Rules.Place = func(before, now, members int) int {
					if before < 0 {
						return now
					}
					return min(before, members-1)
				}
				return c
			}, "SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "JOIN-COMPLETE", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-GAPFREE"),
		orderMutant("sync-returns-with-the-view", "A blocking sync returns where a view ends, before it has ended for all.", "sync:reading=blocking", crash,
			func(cfg impl.Config) impl.Layer {
				s := ordering.NewSync(cfg, ordering.Blocking)
				s.Rules.Again = func(ordering.Reading) bool { return false }
				return s
			}, "SYNC-BLOCKING"),
	})
}

func sequencerViewMutants(crash, back spec.FaultSet) []Mutant {
	return []Mutant{
		orderMutant("successor-starts-from-its-own-maximum", "The sequencer of a view goes on behind the last number that it has itself, and it may have just come in.",
			"total-sequencer", back, sequencerAcross(ordering.BB, func(r *ordering.SequencerRules) {
				r.Base = func(_, own uint64) uint64 { return own }
			}), "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER",
			"FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "TOTAL-ORDER",
			"TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION", "POSITION-AGREEMENT", "VIRTUAL-SYNCHRONY"),
		orderMutant("old-sequencer-still-numbers", "Numbers go on from view to view, and are given also while one ends: the old ones come in the next.",
			"total-sequencer", crash, sequencerAcross(ordering.BB, func(r *ordering.SequencerRules) {
				r.Base = func(_, own uint64) uint64 { return own }
				r.Stops = func(bool) bool { return false }
			}), "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER",
			"FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "TOTAL-ORDER",
			"TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION", "POSITION-AGREEMENT", "VIRTUAL-SYNCHRONY"),
		orderMutant("numberless-lost-with-the-view", "What has no number when a view ends is discarded.",
			"total-sequencer", crash, sequencerAcross(ordering.BB, func(r *ordering.SequencerRules) {
				r.Rest = func() bool { return false }
			}), "SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "JOIN-COMPLETE", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-GAPFREE"),
		orderMutant("successor-not-asked", "What the old sequencer gave no number nobody asks the new one for.",
			"total-sequencer:form=ub", crash, sequencerAcross(ordering.UB, func(r *ordering.SequencerRules) {
				r.Renews = func() bool { return false }
			}), "SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "JOIN-COMPLETE"),
		orderMutant("request-of-an-old-view-numbered", "A request that comes late, when its message has its number from the sequencer before, gets another.",
			"total-sequencer:form=ub", crash, sequencerAcross(ordering.UB, func(r *ordering.SequencerRules) {
				r.Presents = func(_, _ uint64) bool { return true }
			}), "NO-DUPLICATION", "POSITION-AGREEMENT", "SAME-VIEW-DELIVERY"),
	}
}

func lamportViewMutants(crash, cut spec.FaultSet) []Mutant {
	return []Mutant{
		orderMutant("departed-kept-for-ever", "Who has left a view is still waited for in the next.", "total-lamport", crash,
			lamportAcross(func(r *ordering.LamportRules) {
				r.Awaits = func(before, now []spec.NodeID) []spec.NodeID {
					all := slices.Concat(before, now)
					slices.Sort(all)
					return slices.Compact(all)
				}
			}), "SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "JOIN-COMPLETE"),
		orderMutant("departed-dropped-early", "Who is suspected is not waited for while the view still lasts: what comes of it is delivered behind what it precedes.",
			"total-lamport", cut, lamportAcross(func(r *ordering.LamportRules) {
				r.Ignores = func(suspected bool) bool { return suspected }
			}), "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION"),
		orderMutant("acknowledges-while-a-view-ends", "An empty message is sent when the view can take no more: it comes in the next, with a number of the old.",
			"total-lamport", crash, lamportAcross(func(r *ordering.LamportRules) {
				r.Silent = func(bool) bool { return false }
			}), "SELF-DELIVERY", "VALIDITY", "ACKED-DELIVERED", "JOIN-COMPLETE", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-GAPFREE"),
	}
}
