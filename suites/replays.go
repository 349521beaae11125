package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// replays says whether the cell's ordering goes on through a crash and a restart: the level below keeps a log, hands up
// again what it has, and tells what is still under way; and nothing that the ordering has to know went any other way. What
// goes to one node is not logged: a sequencer in form ub, a number server and Kaashoek & Tanenbaum's sequencer are asked
// so, and their members tell them so what they lack. A barrier is no message, and who is in one when it crashes forgets it.
func (c Cell) replays() bool {
	if !c.logged() {
		return false
	}
	switch o := c.Ordering; o.Name {
	case "unordered", "fifo", "causal", "total-agreement", "total-lamport", "fifo-total", "causal-total":
		return true
	case "total-sequencer":
		return o.Get("form", "bb") == "bb"
	}
	return false
}

// returns says whether what takes everyone is promised through crashes, to those who are there when all have come back.
// Over the level durable a sequencer promises more as it is, of those that go on without some other member. And a sender
// outside the group that agrees on numbers gets no copy of its own message to remind it that this still lacks one.
func (c Cell) returns() bool {
	o := c.Ordering
	agreed := o.Name == "total-agreement" || o.Get("order", "sequencer") == "agreement"
	return c.replays() && c.total() && !agreed && !(c.sequenced() && c.Reliability.Name == "durable")
}

// awaitsAll lists what is promised only where everyone comes back, of orderings that let one message wait for another:
// an acknowledged one may be held back behind one that is in the log of a dead sender alone.
func (c Cell) awaitsAll() []spec.ID {
	switch {
	case !c.replays() || c.Ordering.Name == "unordered":
		return nil
	case c.Reliability.Name == "atomic-log", c.returns():
		return []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING",
			"TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY"}
	}
	return []spec.ID{"UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED", "DURABILITY"}
}

// alone lets nothing but a late crash happen in some schedules of an order that everyone has to take part in: what the
// dead have delivered there, others have too, and with other faults that is seldom more than one message. It gives the time
// of the crash.
func (c Cell) alone(s *faults.Scenario, i int) spec.Time {
	members := s.Groups[0].Members
	if !c.total() || c.sequenced() && !c.replays() || c.Ordering.Name == "real-time" || len(members) == 0 {
		return lateCrash
	}
	s.Steps = s.Steps[:0]
	for k := range 4 {
		s.Steps = append(s.Steps, send(members[(i+k)%len(members)], time.Duration(k)*time.Millisecond))
	}
	if c.logged() { // each of the rounds of packets waits for disks
		return 4 * lateCrash
	}
	return lateCrash
}
