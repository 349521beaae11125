package suites

import "errors"

// Outdoors is how many schedules a cell gets on the kernel where the plan does not say; more, where they are too few to
// test every claim.
const Outdoors = 3

// notThisMachine begins the reason of what was not judged because the machine was too late for it.
const notThisMachine = "not judged on this machine"

// ErrNotOutdoors says that none of the cells of a plan can be run on the kernel.
var ErrNotOutdoors = errors.New("there is nothing to run on the kernel")
