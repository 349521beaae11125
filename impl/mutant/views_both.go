package mutant

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// PartitionableStack is [ViewStack] for groups whose parts all go on. Change may be nil.
func PartitionableStack(cfg impl.Config, order impl.Layer, change func(*membership.PartitionRules)) impl.Layer {
	s, u := membership.NewPartitionable(cfg), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
	if change != nil {
		change(&s.Rules)
	}
	return impl.NewStack(membership.NewGate(cfg, nil), order, reliability.NewAtomicView(cfg), s, u, transport.NewChannel(cfg))
}

// PartitionableViews lists bugs of view synchrony in groups whose parts all go on: the membership view-synchronous with
// partition=both.
func PartitionableViews() []Mutant {
	cut := spec.SetOf(spec.PartitionFault)
	back := spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.PartitionFault)
	bug := func(name, title string, under spec.FaultSet, change func(*membership.PartitionRules), breaks ...spec.ID) Mutant {
		return Mutant{Name: name, Title: title, Breaks: breaks, Cell: overViews + ":partition=both", Under: under, New: func(cfg impl.Config) impl.Layer {
			return PartitionableStack(cfg, ordering.NewUnordered(cfg), change)
		}}
	}
	return []Mutant{
		bug("never-merges", "Views that have parted stay apart when the network is whole again.", cut,
			func(r *membership.PartitionRules) { r.Merges = func(_, _ spec.ViewID) bool { return false } }, "MEMBERSHIP-PRECISION"),
		bug("never-trusts-again", "A suspicion is never taken back: parts that hear of each other again do not merge.", cut,
			func(r *membership.PartitionRules) { r.Forgives = func(spec.NodeID) bool { return false } }, "MEMBERSHIP-PRECISION"),
		bug("merge-keeps-ghosts", "A view is told with the members of the one before, who are cut off.", cut,
			func(r *membership.PartitionRules) {
				r.Members = func(_ *impl.Config, members, before []spec.NodeID) []spec.NodeID {
					all := slices.Concat(members, before)
					slices.Sort(all)
					return slices.Compact(all)
				}
			}, "VIEW-AGREEMENT", "VIEW-OVERLAP", "MEMBERSHIP-PRECISION"),
		bug("ids-used-again", "A new life forgets which ids of views have been used.", back,
			func(r *membership.PartitionRules) { r.Saves = func() bool { return false } }, "VIEW-MONOTONICITY", "VIEW-AGREEMENT", "VIEW-OVERLAP", "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT"),
		bug("id-of-a-counter-only", "The id of a view is a counter, without the node that began it: parts count on beside each other, and have views of one id.", cut,
			func(r *membership.PartitionRules) {
				r.ID = func(id spec.ViewID) spec.ViewID { return spec.ViewID{Epoch: id.Epoch} }
			}, "VIEW-AGREEMENT", "VIRTUAL-SYNCHRONY", "TRANSITIONAL-SET"),
		bug("all-came-along", "The transitional set has all members of a view, wherever they come from.", cut,
			func(r *membership.PartitionRules) {
				r.Came = func(members, came []spec.NodeID) []spec.NodeID {
					if len(came) > 0 {
						return members
					}
					return came
				}
			}, "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT", "MEMBERSHIP-PRECISION"),
		bug("comes-along-alone", "The transitional set lacks the last that comes along.", cut,
			func(r *membership.PartitionRules) {
				r.Came = func(_, came []spec.NodeID) []spec.NodeID {
					if len(came) > 1 {
						return came[:len(came)-1]
					}
					return came
				}
			}, "VIEW-OVERLAP", "VIRTUAL-SYNCHRONY", "TRANSITIONAL-SET"),
		bug("goes-elsewhere-though-bound", "Who is ready for a view, and has heard no more of it, goes into another one.", cut,
			func(r *membership.PartitionRules) { r.Binds = func() bool { return false } }, "VIEW-OVERLAP"),
	}
}
