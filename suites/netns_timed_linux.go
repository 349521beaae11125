package suites

import (
	"fmt"
	"strings"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// What rests on time, on a machine that gives none for certain. Where a message has to come within Δ of clocks that agree
// within ε, milliseconds decide, and a process that has to wait for its turn is late by some. There a run on the kernel is
// in slow motion: the layers' clock goes slower, and with it Δ, ε, TS, TL, and everything in the schedule. What is
// declared is what was promised to the layers, on the clock that all share, and how late a timer may fire besides. A run
// in which the machine was measurably later than that says nothing of what a late packet breaks: it is not judged.

// tooLate is when the machine was so late that a timer of another goroutine, or one between two measurements, may have
// been later than firesBy. Nine in a row, of senders, relays and receivers, use up the Δ that cells have.
const tooLate = firesBy * 2 / 3

// noticedBy is by how much later than its detector says a death may be noticed: by two timers in a row that are late by half
// of it. Nothing hangs on it: who never notices does not by then either.
const noticedBy = slower * sim.DefaultTL / 4

// slower gives how many times as long as in the simulator everything takes on the kernel.
func (c Cell) slower() int {
	if c.timed() {
		return slowMotion
	}
	if n, _ := c.network(); n.frr {
		return frrMotion
	}
	return slower
}

// motion gives how many times slower the layers' clocks go; elsewhere TS and TL are longer, and nothing else.
func (c Cell) motion() int {
	if c.timed() {
		return slowMotion
	}
	return 1
}

// timed says whether deadlines decide what is delivered.
func (c Cell) timed() bool { return c.Ordering.Name == "real-time" }

// slowBounds lets what is declared in the header take as long as everything does on the kernel. Our routers there have
// clocks of their own, which go as fast for every cell.
func (c Cell) slowBounds(h *spec.Header) {
	n, _ := c.network()
	for id := range h.Bounds {
		if ofRouters(id) && !n.frr {
			h.Bounds[id] *= slower
		} else {
			h.Bounds[id] *= time.Duration(c.slower())
		}
	}
	if _, ok := h.Bounds["TIMELINESS"]; ok {
		h.Bounds["TIMELINESS"] += firesBy
	}
	if c.watches() { // who finds that its own timer is late waits for TS more, by another one
		h.Bounds["DETECTOR-COMPLETENESS"] += noticedBy
	}
}

// choosing lets the simulator declare of timers what is declared on the kernel, or it would choose what breaks a deadline
// by less than that.
func (c Cell) choosing(b *bench) {
	if declare := b.cfg.Declare; c.timed() && declare != nil {
		b.cfg.Declare = func(s *faults.Scenario, h *spec.Header) {
			if declare(s, h); h.Bounds["TIMELINESS"] > 0 {
				h.Bounds["TIMELINESS"] += firesBy / slowMotion
			}
		}
		b.world = sim.New(b.cfg)
	}
}

func ofRouters(id string) bool {
	for _, family := range []string{"ROUTE-", "IGMP-", "PIM-"} {
		if strings.HasPrefix(id, family) {
			return true
		}
	}
	return false
}

// hasty says whether a claim is one that a late packet breaks, and so a late machine: it is made for runs without delays.
func (c Cell) hasty(x spec.Claim) bool { return c.timed() && !x.Under.Has(spec.DelayFault) }

// late says whether the machine was too late in the run played last for a claim to be judged.
func (o *outdoor) late(x spec.Claim) bool {
	if o.cell.watches() && x.ID == "DETECTOR-COMPLETENESS" {
		return o.tardy > noticedBy/2
	}
	return o.tardy > tooLate && o.cell.hasty(x)
}

// Who watches is judged by the time that passes, whatever happens in it: how often one that lives is suspected shows in
// many times of TL only. So some schedules are played as they were drawn, and twice as many of those in which nothing is
// broken; each lasts as long as in the simulator. In these one node dies near the end: where nobody ever suspects anybody
// there may be no detector at all.

const (
	longBroken = 4                       // of nodes that do little: all are played at the same time
	longWhole  = 8                       // in which nobody is to be suspected until one dies
	longest    = slower * 3 * watchedFor // as long as in the simulator
	mistakenBy = slower * sim.DefaultTS  // so late a heartbeat is, and perhaps suspected, on a machine that is late by TS
)

// long gives the schedules that last longer than what happens in them.
func (o *outdoor) long(all []candidate) (out []candidate) {
	if o.longs() == 0 {
		return nil
	}
	broken, whole := longBroken, longWhole
	for i := range all {
		n, s := &broken, all[i].s
		if s.Faults() == 0 {
			n, s = &whole, s.Clone()
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(longest/slower - 5*sim.DefaultTL)},
				Action: faults.Action{Op: faults.Crash, Node: spec.NodeID(s.Nodes - 1)}})
		}
		if *n--; *n >= 0 {
			out = append(out, candidate{s: s, long: true})
		}
	}
	return out
}

func (o *outdoor) longs() int {
	if o.cell.watches() {
		return longBroken + longWhole
	}
	return 0
}

// helpers is how many others play the schedules of a cell.
func (o *outdoor) helpers() int { return max(o.hands, o.longs()) - 1 }

// pardon does not hold the mistakes of a late machine against those that watch. Those that were made count, or only runs
// without any would: what is well all the same has passed.
func (u *unit) pardon(r *CellReport) {
	for i := range r.Requirements {
		if x := &r.Requirements[i]; x.ID == "DETECTOR-ACCURACY" && x.Claimed && x.Verdict != spec.Pass && u.late > 0 {
			x.Verdict, x.Skipped = spec.Inconclusive, true
			x.Reason = fmt.Sprintf(notThisMachine+", which was too late for heartbeats in %d runs: %s", u.late, x.Reason)
		}
	}
}
