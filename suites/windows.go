package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// narrowWindow is up to how many places a window counts as one that schedules fill.
const narrowWindow = 8

// window gives how many messages of a sender may be unstable in reliable-ip.
func (c Cell) window() int { return number(c.Reliability, "window", reliability.ReliableIPWindow) }

// narrow says whether a sender of the cell may have so few messages under way that a burst fills its window.
func (c Cell) narrow() bool {
	return c.Reliability.Name == "reliable-ip" && c.window() <= narrowWindow ||
		c.Ordering.Name == "total-kaashoek" && number(c.Ordering, "history", ordering.KaashoekHistory) <= narrowWindow ||
		(c.centralized() || c.announced()) && c.gateWindow() <= narrowWindow
}

// claimOverflow says that a full window refuses, and costs nothing of what was acknowledged: which holds where what is
// acknowledged is delivered.
func (c Cell) claimOverflow(m map[spec.ID]spec.FaultSet) {
	if under, ok := m["ACKED-DELIVERED"]; ok && c.narrow() {
		m["BOUNDED-OVERFLOW"] = under
	}
}

// tail gives how long after the last fault, and the last send, everybody must have it. What is delivered when it is
// stable waits for a member that crashed until it is removed: TL after it was last heard, which may be what a
// fault had held up for less than TL/4, and when its silence is next looked at.
func (c Cell) tail(s *faults.Scenario) time.Duration {
	if c.Reliability.Get("deliver", "received") == "stable" {
		return sim.DefaultTL + sim.DefaultTL/4 + sim.DefaultTS + 2*s.Net.Max
	}
	return sim.DefaultTL
}
