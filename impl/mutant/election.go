package mutant

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// Schedules of these must let nodes come back, and cut some off for longer than a member waits for its leader.
func electionMutants() []Mutant {
	two := []spec.ID{"ELECTION-SAFETY"}
	restarts := spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.RecoverFault, spec.PauseFault, spec.LossFault,
		spec.PartitionFault, spec.DelayFault)
	return []Mutant{
		{
			Name:   "votes-twice-in-a-term",
			Title:  "A member grants its vote to everyone who asks for it, so that two have a majority in one term.",
			Breaks: two, Cell: electedByQuorum, Under: restarts,
			New: electionWith(func(r *membership.ElectionRules) {
				r.Grants = func(_, _ spec.NodeID) bool { return true }
			}),
		},
		{
			Name:   "vote-only-in-memory",
			Title:  "A vote is told and not written down: who comes back has forgotten it, and votes again in the same term.",
			Breaks: two, Cell: electedByQuorum, Under: restarts,
			New: electionWith(func(r *membership.ElectionRules) {
				r.Writes = func() bool { return false }
			}),
		},
		{
			Name:   "half-is-a-majority",
			Title:  "Half of the votes, rounded down, are enough to lead: two halves have nobody in common.",
			Breaks: two, Cell: electedByQuorum, Under: restarts,
			New: electionWith(func(r *membership.ElectionRules) {
				r.Quorum = func(votes, members int) bool { return votes >= members/2 }
			}),
		},
		{
			Name:   "leader-of-an-old-term-goes-on",
			Title:  "A leader that hears of a later term goes on to lead in that one, in which others have voted.",
			Breaks: two, Cell: electedByQuorum, Under: restarts,
			New: electionWith(func(r *membership.ElectionRules) {
				r.Deposed = func(role membership.Role) membership.Role { return role }
			}),
		},
	}
}

func electionWith(change func(*membership.ElectionRules)) func(impl.Config) impl.Layer {
	return member(func(cfg impl.Config) impl.Layer {
		e := membership.NewElection(cfg)
		change(&e.Rules)
		return e
	})
}
