package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// LoggedViewStack is [OrderedViewStack] for groups that come back from their logs. Change may be nil.
func LoggedViewStack(cfg impl.Config, order impl.Layer, change func(ViewRules)) impl.Layer {
	g, a, s, u := membership.NewLoggedGate(cfg, nil), reliability.NewAtomicView(cfg), membership.NewLoggedViewSync(cfg), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
	if change != nil {
		change(ViewRules{&s.Rules, &g.Rules, &a.Rules})
	}
	return impl.NewStack(g, order, a, s, u, transport.NewChannel(cfg))
}

// LoggedViews lists bugs of groups that come back from their logs: the membership view-synchronous with restart=log.
func LoggedViews() []Mutant {
	back := spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.DiskSlowFault)
	bug := func(name, title string, change func(ViewRules), breaks ...spec.ID) Mutant {
		return Mutant{Name: name, Title: title, Breaks: breaks, Cell: overViews + ":restart=log", Under: back, New: func(cfg impl.Config) impl.Layer {
			return LoggedViewStack(cfg, ordering.NewUnordered(cfg), change)
		}}
	}
	return []Mutant{
		bug("acknowledged-before-on-disk", "A member tells that it has a message on disk when it has delivered it: what was acknowledged is lost when all die.",
			func(r ViewRules) { r.Gate.Kept = func(_, delivered int) int { return delivered } }, "GROUP-RESTART"),
		bug("one-log-is-taken", "A group that comes back takes what is in the log of its first member, who may have been out of the last view.",
			func(r ViewRules) {
				r.Gate.Gathers = func(cfg *impl.Config, member spec.NodeID) bool { return member == cfg.Self }
			}, "GROUP-RESTART"),
		bug("begins-again-with-the-state-alone", "A group that comes back begins with the state at the beginning of its last view, without what was delivered since.",
			func(r ViewRules) { r.Gate.Replays = func() bool { return false } }, "GROUP-RESTART"),
		bug("log-told-once-more", "Who comes back is told what an earlier life has written down, before it is given the state that has it.",
			func(r ViewRules) { r.Gate.Retells = func() bool { return true } }, "NO-DUPLICATION/restart", "DESTINATION-INTEGRITY", "INITIAL-VIEW",
			"SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "NO-DELIVERY-AFTER-LEAVE"),
	}
}
