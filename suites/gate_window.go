package suites

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// windowOption bounds what who comes in holds back until it has the state of the group.
var windowOption = Option{Key: "window", Default: "65536", Text: "how many messages a member sends while another one waits for the state of the group; then it refuses, with overflow, until that one has it", Check: within(1, membership.GateWindow)}

func (c Cell) gateWindow() int { return number(c.Membership, windowOption.Key, membership.GateWindow) }

// fillGates lets members send in bursts when somebody joins, for whom the state is late.
func (c Cell) fillGates(s *faults.Scenario, seed uint64) {
	r := spec.NewRand(seed, purposeGates)
	for _, x := range slices.Clone(s.Steps) {
		if x.Action.Op != faults.Join {
			continue
		}
		t := time.Duration(x.When.At)
		n := spec.NodeID(r.IntN(s.Nodes))
		for i := range 40 {
			s.Steps = append(s.Steps, send(n, t+time.Duration(i)*time.Millisecond+time.Duration(r.IntN(900))*time.Microsecond))
		}
	}
}

const purposeGates = 0x5e81
