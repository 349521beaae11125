package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// overSubgroups is the correct stack of the mutants of hierarchical groups of several levels.
const overSubgroups = "unicast/reliable/fifo/server:groups=hierarchical,levels=2"

// SubgroupStack makes a stack whose group has so many levels of coordinators: fifo over reliable, and node at is the root.
// Change may be nil.
func SubgroupStack(cfg impl.Config, at spec.NodeID, levels int, adopts bool, change func(*membership.LevelRules)) impl.Layer {
	s, u := membership.NewServerOfLevels(cfg, at, levels, adopts), transport.NewUnicast(cfg)
	u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true } // packets of a view may come before it
	if change != nil {
		change(s.Levels())
	}
	return impl.NewStack(membership.NewGate(cfg, nil), membership.NewFlush(cfg), ordering.NewFifo(cfg), membership.NewInView(cfg),
		reliability.NewReliable(cfg), s, u, transport.NewChannel(cfg), membership.NewDetector(cfg, membership.FixedPatience))
}

func subgroupMutant(name, title string, under spec.FaultSet, change func(*membership.LevelRules), breaks ...spec.ID) Mutant {
	return Mutant{Name: name, Title: title, Breaks: breaks, Cell: overSubgroups, Under: under,
		New: func(cfg impl.Config) impl.Layer { return SubgroupStack(cfg, 0, 2, true, change) }}
}

// Subgroups lists bugs of hierarchical groups of several levels.
func Subgroups() []Mutant {
	var none spec.FaultSet
	crash := spec.SetOf(spec.CrashFault)
	const linear, precise = "MEMBERSHIP-LINEARIZABLE", "MEMBERSHIP-PRECISION"
	unflushed := []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "PRIMARY-COMPONENT", "VIRTUAL-SYNCHRONY", precise}
	return []Mutant{
		subgroupMutant("coordinator-answers-before-the-root", "The coordinator of a subgroup answers a leave before the root has decided.", none,
			func(r *membership.LevelRules) { r.Answers = func(bool) bool { return true } }, linear, precise),
		subgroupMutant("speaks-too-early-for-the-subgroup", "A coordinator says that its subgroup is ready as soon as it is asked.", none,
			func(r *membership.LevelRules) { r.Speaks = func(bool) bool { return true } }, unflushed...),
		subgroupMutant("leave-not-handed-down", "A coordinator hands down to its subgroup no decision that somebody leaves.", none,
			func(r *membership.LevelRules) {
				r.Passes = func(n spec.NodeID, leave bool) bool { return n == 0 || !leave }
			}, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", linear, precise),
		subgroupMutant("adopted-counts-twice", "Who says twice that it is ready, as one does that is adopted meanwhile, counts for another one too.", crash,
			func(r *membership.LevelRules) { r.Strikes = func(bool) bool { return true } }, unflushed...),
		subgroupMutant("orphans-go-on-waiting", "Who has lost its coordinator goes on speaking to it.", crash,
			func(r *membership.LevelRules) { r.Adopts = func(spec.NodeID) bool { return false } }, "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", precise),
	}
}
