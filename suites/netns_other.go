//go:build !linux

package suites

import (
	"context"
	"errors"
	"io"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// Guest does nothing: only Linux has network namespaces.
func Guest() {}

// RunOutdoors needs Linux.
func RunOutdoors(context.Context, Plan, string) (*Report, error) {
	return nil, errors.New("only Linux has network namespaces")
}

// ReplayOutdoors needs Linux.
func ReplayOutdoors(*faults.Scenario, io.Writer) (*Replayed, error) {
	return nil, errors.New("only Linux has network namespaces")
}

// Compare needs Linux.
func Compare(context.Context, Plan, int) (*Comparison, error) {
	return nil, errors.New("only Linux has network namespaces")
}

// OutdoorWorkers is how many schedules are played at a time where nobody says.
func OutdoorWorkers() int { return 1 }

// outdoorsCan says that nothing can be brought about.
func outdoorsCan(spec.FaultKind) string { return "no: only Linux has network namespaces" }

// outsideFaults are none.
const outsideFaults = spec.NoFaults

func outsideNow() spec.FaultSet { return outsideFaults }

// outsideNets lends nothing.
type outsideNets struct{}

func (*outsideNets) borrow() (adapter.Network, func(), error) {
	return nil, nil, errors.New("only Linux has network namespaces")
}

func (*outsideNets) heard() bool { return false }

func (*outsideNets) close() {}

// outsideCan says that nothing can be brought about.
func outsideCan(spec.FaultKind) string { return "no: only Linux has network namespaces" }

// Elevate does nothing.
func Elevate() (code int, done bool, err error) { return 0, false, nil }
