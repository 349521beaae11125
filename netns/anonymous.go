package netns

import (
	"slices"

	"github.com/conform-go/conform/faults"
)

// Where members are anonymous nobody but the harness knows who listens. Those of the scenario do from the start, and the
// scenario begins when their kernels, the switches and the routers know it; who joins later listens when its kernel does,
// and what comes before the others know is lost, as it is for everybody who joins.

// comesAndGoes says whether anybody joins or leaves: then who has to have what is not known from who is a member at the
// start.
func comesAndGoes(s *faults.Scenario) bool {
	return slices.ContainsFunc(s.Steps, func(x faults.Step) bool { return x.Action.Op == faults.Join || x.Action.Op == faults.Leave })
}
