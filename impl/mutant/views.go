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

// ViewRules are the rules of a stack whose members change.
type ViewRules struct {
	Service *membership.ViewSyncRules
	Gate    *membership.GateRules
	Level   *reliability.AtomicViewRules
}

// ViewStack makes such a stack: gate, unordered, atomic-view, the service, unicast, channel. The service learns of silent
// nodes from the channel, which carries what the nodes tell each other of themselves. Change may be nil.
func ViewStack(cfg impl.Config, change func(ViewRules)) impl.Layer {
	return OrderedViewStack(cfg, ordering.NewUnordered(cfg), change)
}

// OrderedViewStack is [ViewStack] with another ordering.
func OrderedViewStack(cfg impl.Config, order impl.Layer, change func(ViewRules)) impl.Layer {
	g, a, s, u := membership.NewGate(cfg, nil), reliability.NewAtomicView(cfg), membership.NewViewSync(cfg), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
	if change != nil {
		change(ViewRules{&s.Rules, &g.Rules, &a.Rules})
	}
	return impl.NewStack(g, order, a, s, u, transport.NewChannel(cfg))
}

// overViews is the correct stack.
const overViews = "unicast/atomic-view/unordered/view-synchronous"

func viewMutant(name, title string, under spec.FaultSet, change func(ViewRules), breaks ...spec.ID) Mutant {
	return Mutant{Name: name, Title: title, Breaks: breaks, Cell: overViews, Under: under,
		New: func(cfg impl.Config) impl.Layer { return ViewStack(cfg, change) }}
}

// Views lists bugs of view synchrony, under the membership view-synchronous.
func Views() []Mutant {
	crash, cut := spec.SetOf(spec.CrashFault), spec.SetOf(spec.PartitionFault)
	both := spec.SetOf(spec.CrashFault, spec.PartitionFault)
	back := spec.SetOf(spec.CrashFault, spec.RecoverFault)
	return []Mutant{
		viewMutant("flush-without-one-survivor", "The end of a view does not wait for what the others had: survivors differ.", crash,
			func(r ViewRules) { r.Level.Waits = func(*impl.Config, spec.NodeID) bool { return false } }, "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "NO-SILENT-GAP", "ACKED-DELIVERED",
			"JOIN-TRANSFER", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"),
		viewMutant("nothing-sent-on", "The messages of one that leaves are not sent on by those who have them: the flush never ends.", crash,
			func(r ViewRules) { r.Level.Forwards = func(*impl.Config, spec.NodeID) bool { return false } }, "SELF-DELIVERY", "VALIDITY", "JOIN-COMPLETE", "VIRTUAL-SYNCHRONY", "MEMBERSHIP-PRECISION"),
		viewMutant("unlisted-delivered", "What no survivor has listed is delivered at the end of a view by who happens to have it.", crash,
			func(r ViewRules) { r.Level.Agreed = func(bool) bool { return true } }, "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"),
		viewMutant("agreed-discarded", "What is not stable at the end of a view is discarded, though another survivor delivered it.", crash,
			func(r ViewRules) { r.Level.Agreed = func(bool) bool { return false } }, "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT",
			"ALL-OR-NOTHING", "JOIN-COMPLETE", "FIFO-GAPFREE", "VIRTUAL-SYNCHRONY"),
		viewMutant("does-not-wait-for-members", "The coordinator decides when a quorum is ready, and not all members of the view.", both,
			func(r ViewRules) { r.Service.Awaits = func(_, _ spec.NodeID) bool { return false } }, "PRIMARY-COMPONENT", "VIRTUAL-SYNCHRONY", "MEMBERSHIP-PRECISION"),
		viewMutant("two-primaries", "Every part of a partition goes on, without a majority.", cut,
			func(r ViewRules) {
				r.Service.Quorum = func([]spec.NodeID, func(spec.NodeID) bool) bool { return true }
			}, "VALIDITY", "AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "JOIN-TRANSFER", "FIFO-GAPFREE",
			"PRIMARY-COMPONENT"),
		viewMutant("even-split-without-tie-break", "Half of the nodes are a quorum, and so is the other half.", cut,
			func(r ViewRules) {
				r.Service.Quorum = func(all []spec.NodeID, has func(spec.NodeID) bool) bool { return 2*count(all, has) >= len(all) }
			}, "PRIMARY-COMPONENT"),
		viewMutant("takes-over-without-asking", "A new coordinator does not care what an earlier one may have decided.", both,
			func(r ViewRules) { r.Service.Asks = func() bool { return false } }, "PRIMARY-COMPONENT"),
		viewMutant("ids-forgotten", "Nothing is written down: after a restart of all, the ids of views begin anew.", back,
			func(r ViewRules) { r.Service.Saves = func() bool { return false } }, "VIEW-MONOTONICITY", "VIEW-AGREEMENT",
			"TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT"),
		viewMutant("members-differ", "A node tells its layers a view without the last member.", crash,
			func(r ViewRules) {
				r.Service.Members = func(cfg *impl.Config, m []spec.NodeID) []spec.NodeID {
					if cfg.Self != m[len(m)-1] && cfg.Self%2 == 1 {
						return m[:len(m)-1]
					}
					return m
				}
			}, "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED",
			"JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "VIEW-AGREEMENT", "VIRTUAL-SYNCHRONY", "TRANSITIONAL-SET",
			"MEMBERSHIP-PRECISION"),
		viewMutant("state-without-the-last", "Who comes in is given a state that lacks the last message.", back,
			func(r ViewRules) {
				r.Gate.Snapshot = func(s []byte) []byte { return s[:max(0, len(s)-impl.EnvelopeLen)] }
			}, "JOIN-TRANSFER"),
		viewMutant("joins-without-state", "Who comes in begins with nothing.", back,
			func(r ViewRules) { r.Gate.Waits = func() bool { return false } }, "JOIN-TRANSFER"),
		viewMutant("suspected-for-ever", "A suspicion is never taken back: who was cut off is never a member again.", cut,
			func(r ViewRules) { r.Service.Forgives = func(spec.NodeID) bool { return false } }, "VALIDITY", "MEMBERSHIP-PRECISION"),
		viewMutant("ghosts-stay", "Who is suspected stays in the view.", crash,
			func(r ViewRules) { r.Service.Removes = func(spec.NodeID) bool { return false } }, "SELF-DELIVERY", "VALIDITY", "JOIN-COMPLETE", "MEMBERSHIP-PRECISION"),
		viewMutant("never-readmitted", "A new life of a member is never admitted.", back,
			func(r ViewRules) {
				r.Service.Admits = func(_ *impl.Config, _ spec.NodeID, life uint32) bool { return life == 0 }
			}, "MEMBERSHIP-PRECISION"),
		viewMutant("does-not-rejoin", "A member that comes back does not ask to be admitted.", back,
			func(r ViewRules) { r.Gate.Rejoins = func() bool { return false } }, "MEMBERSHIP-PRECISION"),
		viewMutant("new-life-taken-for-the-old", "A new life of a member passes for the old one, which had what it has forgotten.", back,
			func(r ViewRules) { r.Service.Reborn = func(bool) bool { return false } }, "SELF-DELIVERY", "VALIDITY", "JOIN-COMPLETE", "JOIN-TRANSFER", "MEMBERSHIP-PRECISION"),
		viewMutant("send-through-the-block", "A send slips through while a view ends, and goes into the next.", crash,
			func(r ViewRules) { r.Gate.Closes = func(bool) bool { return false } }, "SENDING-VIEW-DELIVERY", "FLUSH-BLOCK"),
		{
			Name: "view-overtakes-messages", Title: "A view is told at once, and not in the queue of the messages: what ends the view before it is delivered behind it.",
			Breaks: []spec.ID{"JOIN-TRANSFER", "SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "FLUSH-BLOCK"}, Cell: overViews, Under: crash, New: viewFirst,
		},
		viewMutant("begins-again-too-early", "The group begins again while one is alive who has installed the last view.", spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.PartitionFault),
			func(r ViewRules) {
				r.Service.Complete = func(*impl.Config, []spec.NodeID, impl.NodeSet) bool { return true }
			}, "PRIMARY-COMPONENT"),
	}
}

func count(all []spec.NodeID, has func(spec.NodeID) bool) (n int) {
	for _, m := range all {
		if has(m) {
			n++
		}
	}
	return n
}

// viewFirst tells the layers above of a view before it hands up what was delivered in the one before.
func viewFirst(cfg impl.Config) impl.Layer {
	s, u := membership.NewViewSync(cfg), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
	level := &wrapped{layer: reliability.NewAtomicView(cfg), effects: func(_ impl.Input, list []impl.Effect) []impl.Effect {
		view := func(e impl.Effect) bool { return e.Kind == impl.InstallView }
		if i, first := slices.IndexFunc(list, view), slices.IndexFunc(list, func(e impl.Effect) bool { return e.Kind == impl.Up }); first >= 0 && first < i {
			e := list[i]
			copy(list[first+1:i+1], list[first:i])
			list[first] = e
		}
		return list
	}}
	return impl.NewStack(membership.NewGate(cfg, nil), ordering.NewUnordered(cfg), level, s, u, transport.NewChannel(cfg))
}
