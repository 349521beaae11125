package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/netns"
)

// framed says whether the history of a run has to tell of frames: where groups have addresses, and where costs are
// declared, which they are of runs without faults.
func (o *outdoor) framed(s *faults.Scenario) bool {
	return o.wire == netns.Multicast || o.wire == netns.Broadcast || o.wire == netns.Frames || s.Faults() == 0
}

// forgive takes back what was declared of costs where a node was so late that it may have sent something again which had
// been acknowledged in time: that is the machine's cost.
func (o *outdoor) forgive(tardy time.Duration) {
	if tardy < slower*sim.DefaultTS/3 || o.cell.Reliability.Name == "unreliable" {
		return
	}
	delete(o.bench.h.Costs, "COST-PACKETS")
	delete(o.bench.h.Costs, "COST-ACKS")
}
