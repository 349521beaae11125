package suites

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// How many message delays lie between a send and its deliveries without faults (Défago, Schiper, Urbán, 2004, compare
// algorithms so): where every packet takes one, also one to oneself, and nothing else takes any time.

// hops gives how many delays a multicast takes by the transport; 0 where the cell does not say.
func (c Cell) hops() int {
	switch {
	case c.mtu() > 0 || !c.static() || c.furnished():
		return 0
	case c.Transport.Name == "unicast":
		return 1
	case c.Transport.Name == "coordinator": // to it, and from it
		return 2
	}
	return 0
}

// multicastDelay gives how many delays a multicast takes by the level of reliability; 0 where the cell does not say: of
// levels that write to a disk, wait for a timer, or let a message ride on others.
func (c Cell) multicastDelay() int {
	h := c.hops()
	switch r := c.Reliability; r.Name {
	case "unreliable", "nack":
		return h
	case "best-effort":
		if r.Get("ack", "pipelined") == "stop-and-wait" { // one waits for the last one's acknowledgement
			return 0
		}
		return h
	case "reliable": // who has it delivers; the relay is for those that have not
		return h
	case "reliable-ip":
		if r.Get("deliver", "received") == "received" && !c.narrow() {
			return h
		}
	case "uniform": // a relay of each of a majority
		return 2 * h
	case "byzantine": // the message, echoes, and readies
		return 3 * h
	}
	return 0
}

// delays gives how many delays a message takes at most that is alone, and one that is not: 0 where the cell does not say.
// A packet to one node takes one. Each line is the pseudocode of the ordering, read for its packets.
func (c Cell) delays() (alone, together int) {
	m := c.multicastDelay()
	if m == 0 {
		return 0, 0
	}
	same := func(n int) (int, int) { return n, n }
	switch o := c.Ordering; o.Name {
	case "unordered", "fifo", "causal": // what comes before it was sent before it
		return same(m)
	case "total-sequencer":
		if o.Get("form", "bb") == "ub" { // to the sequencer, and from it with its number
			return same(1 + m)
		}
		return same(2 * m) // the message, its number
	case "total-seqserver": // asked for a number, told it, the message with it
		return same(2 + m)
	case "total-agreement":
		return agreementDelays(m)
	case "total-lamport": // the message, and what the others say behind it
		return same(2 * m)
	case "total-kaashoek":
		if o.Get("method", "pb") == "bb" {
			return 2 * m, 0
		}
		return 1 + m, 0 // behind others of the same sender a message waits for its turn
	case "fifo-total", "causal-total":
		if o.Get("order", "sequencer") == "agreement" {
			return agreementDelays(m)
		}
		return same(2 * m)
	}
	return 0, 0
}

// agreementDelays are those of the message, the proposals, and the largest of them. A message waits behind one with a
// smaller proposal that is still open, which came before the largest of its own did, and is decided so long after it was
// sent itself.
func agreementDelays(m int) (alone, together int) { return m + 1 + m, (m + 1) + (m + 1 + m) }

// declareDelay says in the header how many delays messages take, where every packet takes the same time.
func (c Cell) declareDelay(s *faults.Scenario, h *spec.Header) {
	if s.Net.Strategy != faults.Latency || s.Net.Min != s.Net.Max || s.Net.Max <= 0 {
		return
	}
	if c.Ordering.Name == "total-seqserver" && strangers(s) { // a level that refuses them leaves holes, which are filled in time
		return
	}
	alone, together := c.delays()
	most := together
	if apart(s, time.Duration(max(alone, together))*s.Net.Max) {
		most = alone
	}
	if most == 0 {
		return
	}
	if h.Costs == nil {
		h.Costs = map[string]int{}
	}
	if h.Bounds == nil {
		h.Bounds = map[string]time.Duration{}
	}
	h.Costs["COST-DELAY"], h.Bounds[spec.BoundDelay] = most, s.Net.Max
}

// strangers says whether nodes outside the group send to it.
func strangers(s *faults.Scenario) bool {
	return slices.ContainsFunc(s.Steps, func(x faults.Step) bool {
		return x.Action.Op == faults.Send && !slices.Contains(s.Groups[0].Members, x.Action.Node)
	})
}

// apart says whether a scenario sends one message after another, each when the one before it has long been delivered.
func apart(s *faults.Scenario, d time.Duration) bool {
	last := spec.Time(-1)
	for i := range s.Steps {
		x := &s.Steps[i]
		if x.Action.Op != faults.Send {
			continue
		}
		if x.When.On != faults.AtTime || last >= 0 && x.When.At <= last+spec.Time(d) {
			return false
		}
		last = x.When.At
	}
	return true
}

// even makes every other schedule without faults one in which all packets take the same time, and half of those one in
// which messages are sent one at a time.
func (c Cell) even(s *faults.Scenario, model spec.FaultSet, i int) {
	if alone, _ := c.delays(); alone == 0 || model != spec.NoFaults || len(s.Groups) > 1 || i%4 != 1 && i%4 != 2 {
		return
	}
	s.Net.Strategy, s.Net.Depth, s.Net.Min = faults.Latency, 0, s.Net.Max
	if i%4 == 1 {
		return
	}
	sends := s.Steps[:0]
	for _, x := range s.Steps {
		if x.Action.Op == faults.Send && x.Action.To == impl.Everyone {
			x.When = faults.When{At: spec.Time(len(sends)) * spec.Time(200*time.Millisecond)}
			sends = append(sends, x)
		}
	}
	s.Steps = sends
}
