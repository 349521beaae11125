package suites

import (
	"errors"
	"fmt"
	"time"
)

// Outdoors is how many schedules a cell gets on the kernel where the plan does not say; more, where they are too few to
// test every claim.
const Outdoors = 3

// notThisMachine begins the reason of what was not judged because the machine was too late for it.
const notThisMachine = "not judged on this machine"

// ErrNotOutdoors says that none of the cells of a plan can be run on the kernel.
var ErrNotOutdoors = errors.New("there is nothing to run on the kernel")

// The times of what keeps to deadlines.
const (
	// slowMotion is how many times slower what rests on deadlines runs: Δ of 100 ms lasts 400. In 6,000 deliveries on two
	// cores with three busy programs beside, the latest came after 20 ms (half of them after 0.4, 99 of 100 after 2); with
	// seven such programs after 0.25 to 5.7 s, and then guests had noticed that they were 0.2 to 0.8 s late themselves.
	slowMotion = 4

	// firesBy is by how much later than it was set a timer may fire, which the layers are not told: three times what that
	// machine showed.
	firesBy = 60 * time.Millisecond
)

// kernelNote says of a part of a stack what is different on the kernel's network; empty where nothing is.
func kernelNote(name string) string {
	switch name {
	case "real-time":
		return fmt.Sprintf("in slow motion: the layers' clock goes %d times slower, so that Δ of 100 ms lasts %d and ε of 5 lasts %d; timers may fire %v late besides, "+
			"and where the machine was later than that nothing is judged that a late packet breaks", slowMotion, 100*slowMotion, 5*slowMotion, firesBy)
	case "static":
		return "with a detector some schedules last longer than what happens in them, and DETECTOR-ACCURACY is judged by these; where the machine was too late for heartbeats it fails nobody"
	case "tcp":
		return "the kernel's streams; heartbeats and votes go beside them, in datagrams"
	}
	return ""
}
