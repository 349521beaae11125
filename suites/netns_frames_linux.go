package suites

import (
	"strings"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// framed says whether the history of a run has to tell of frames: where groups have addresses, and where costs are
// declared, which they are of runs without faults.
func (o *outdoor) framed(s *faults.Scenario) bool {
	return o.wire == netns.Multicast || o.wire == netns.Broadcast || o.wire == netns.Frames || s.Faults() == 0
}

// forgive takes back what was declared of costs where nodes were so late that one may have sent something again which
// the others, and itself, would have acknowledged in time: that is the machine's cost.
func (o *outdoor) forgive(tardy time.Duration) bool {
	h := &o.bench.h
	if 3*tardy < slower*sim.DefaultTS || o.cell.Reliability.Name == "unreliable" || len(h.Costs) == 0 {
		return false
	}
	delete(h.Costs, "COST-PACKETS")
	delete(h.Costs, "COST-ACKS")
	return true
}

// costs says whether a requirement is one that a late machine breaks.
func costs(id spec.ID) bool { return strings.HasPrefix(string(id), "COST-") }

// giveUp lets no more schedules be chosen for the sake of costs on a machine that is late each time.
func (o *outdoor) giveUp(all []candidate, claims spec.Claims) {
	if o.forgiven < again {
		return
	}
	for k, c := range claims {
		if costs(c.ID) {
			for i := range all {
				delete(all[i].bites, k)
			}
		}
	}
}

// excuse says in a row of the report that the machine was too late to judge it.
func (o *outdoor) excuse(row *Row) {
	if row.Verdict == spec.Inconclusive && o.forgiven > 0 && costs(row.ID) {
		row.Skipped = true
		row.Reason = "not judged on this machine: its processes were so late that packets are repeated for it"
	}
}
