//go:build !linux

package suites

import (
	"context"
	"errors"
)

// Guest does nothing: only Linux has network namespaces.
func Guest() {}

// RunOutdoors needs Linux.
func RunOutdoors(context.Context, Plan, string) (*Report, error) {
	return nil, errors.New("only Linux has network namespaces")
}

// OutdoorWorkers is how many schedules are played at a time where nobody says.
func OutdoorWorkers() int { return 1 }

// Elevate does nothing.
func Elevate() (code int, done bool, err error) { return 0, false, nil }
