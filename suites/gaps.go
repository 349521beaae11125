package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// announces says whether the ordering goes on behind what has not come for TL.
func (c Cell) announces() bool { return c.Ordering.Get("gap", "stall") == "announce" }

// patience lists what such an ordering promises only as long as nobody is silent for TL.
func (c Cell) patience() []spec.ID {
	if c.announces() {
		return []spec.ID{"FIFO-GAPFREE"}
	}
	return nil
}

// claimGaps says what is left of FIFO order without gaps, and what comes instead. What the level repairs is there before
// TL; where it repairs nothing, what is lost is announced.
func (c Cell) claimGaps(m map[spec.ID]spec.FaultSet, p *premises, intact spec.FaultSet) {
	m["FIFO-GAPFREE"] = intact & harmless
	if p.gossip { // which reaches some, and others not
		delete(m, "FIFO-GAPFREE")
	}
	if !p.repairs && !p.channel {
		m["NO-SILENT-GAP"] = intact & lasting
	}
	if p.logged { // what waits for somebody to come back is overdue when it comes
		for _, id := range []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "ALL-OR-NOTHING", "FIFO-GAPFREE"} {
			if under, ok := m[id]; ok {
				m[id] = under &^ crashes
			}
		}
		delete(m, "DURABILITY") // which takes a crash
	}
}

// separateGaps shows that a gap is one.
func (c Cell) separateGaps(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	switch {
	case !c.announces():
	case p.gossip:
		add(spec.NoFaults, "FIFO-GAPFREE")
	case !p.repairs && !p.channel:
		add(spec.SetOf(spec.LossFault), "FIFO-GAPFREE")
	}
}

// bursts says whether what the cell promises shows where one sends many messages at once: a queue that fills, or one that
// is missing among them.
func (c Cell) bursts() bool { return c.announces() || c.narrow() }

// burstLen is how many messages a burst has: more than a narrow window has room for.
const burstLen = 2 * narrowWindow

// burst adds one to every other schedule, from a sender that a seed chooses.
func (c Cell) burst(s *faults.Scenario, seed uint64, i int) {
	members := s.Groups[0].Members
	if !c.bursts() || i%2 == 0 || len(members) == 0 {
		return
	}
	for k := range burstLen {
		s.Steps = append(s.Steps, send(members[seed%uint64(len(members))], time.Duration(k/4)*time.Millisecond))
	}
}
