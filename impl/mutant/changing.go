package mutant

import "slices"

// changingMutants lists the bugs of groups whose members change.
func changingMutants() []Mutant {
	return slices.Concat(Views(), PartitionableViews(), OrderViews(), LoggedViews(), uniformViewMutants())
}
