package suites

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// framed says whether the history of a run has to tell of frames: where groups have addresses, and where costs are
// declared, which they are of runs without faults.
func (o *outdoor) framed(s *faults.Scenario) bool {
	return o.wire == netns.Multicast || o.wire == netns.Broadcast || o.wire == netns.Frames || s.Faults() == 0
}

// forgive takes back what was declared of costs where nodes were so late that one may have sent something again which
// the others, and itself, would have acknowledged in time: that is the machine's cost. It says what the run would have
// judged otherwise.
func (o *outdoor) forgive(tardy time.Duration) (taken []spec.ID) {
	h := &o.bench.h
	if 3*tardy < o.bench.cfg.TS || o.cell.Reliability.Name == "unreliable" || len(h.Costs) == 0 {
		return nil
	}
	o.bench.judge.Load(h)
	for _, id := range [...]spec.ID{checkers.CostPackets, checkers.CostAcks} {
		if o.bench.judge.Check(id).Verdict != spec.Inconclusive {
			taken = append(taken, id)
		}
		delete(h.Costs, string(id))
	}
	return taken
}

// giveUp counts what was taken back after a run, and lets no more schedules be chosen for the sake of what the machine
// was too late for each time.
func (o *outdoor) giveUp(taken []spec.ID, all []candidate, claims spec.Claims) {
	for _, id := range taken {
		if o.forgiven == nil {
			o.forgiven = map[spec.ID]int{}
		}
		if o.forgiven[id]++; o.forgiven[id] < again {
			continue
		}
		k := slices.IndexFunc(claims, func(c spec.Claim) bool { return c.ID == id })
		for i := range all {
			delete(all[i].bites, k)
		}
	}
}

// excuse says in a row of the report that the machine was too late to judge it: if on a quicker one a run would have.
func (o *outdoor) excuse(row *Row) {
	if n := o.overdue[row.ID]; n > 0 && row.Verdict == spec.Inconclusive {
		row.Skipped = true
		row.Reason = fmt.Sprintf(notThisMachine+", which was too late for deadlines in %d runs", n)
	}
	if row.Verdict == spec.Inconclusive && o.forgiven[row.ID] > 0 {
		row.Skipped = true
		row.Reason = notThisMachine + ": its processes were so late that packets are repeated for it"
	}
}
