package netns

import (
	"golang.org/x/sys/unix"

	"github.com/conform-go/conform/spec"
)

// Now is the time on the clock that all processes of this machine share: nanoseconds of CLOCK_MONOTONIC. It is read
// anew each time: an offset to the clock of the runtime would be wrong by as long as the process may stand still
// between the reading of one and the other, and then what is told would seem to be older than what it comes from.
func Now() spec.Time {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("netns: no monotonic clock: " + err.Error())
	}
	return spec.Time(t.Nano())
}
