package mutant

import "slices"

// rare are the bugs of groups whose members change that need more than schedules drawn at random: a coordinator that fails
// at one moment of a view change, a group that is gone and comes back in pieces, or a message that is under way when a
// view ends. The tests of memberships play what brings them out.
var rare = []string{"agreed-discarded", "does-not-wait-for-members", "takes-over-without-asking", "ids-forgotten",
	"send-through-the-block", "begins-again-too-early", "unlisted-delivered",
	"never-trusts-again", "ids-used-again", "goes-elsewhere-though-bound",
	"request-of-an-old-view-numbered", "departed-dropped-early", "sync-returns-with-the-view"}

// changingMutants lists the bugs of groups whose members change that schedules drawn at random bring out.
func changingMutants() []Mutant {
	return slices.DeleteFunc(slices.Concat(Views(), PartitionableViews(), OrderViews(), uniformViewMutants()),
		func(m Mutant) bool { return slices.Contains(rare, m.Name) })
}
