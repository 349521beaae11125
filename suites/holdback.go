package suites

import (
	"fmt"
	"io"
	"time"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
)

// HoldBack is how much the nodes of a cell held back, between the step in which a message came and the one in which it
// was delivered or discarded, in the schedules that were judged for the cell's claims. Those of two runs are put
// together by adding what is a sum, and taking the larger of what is a maximum.
type HoldBack struct {
	Messages  int            `json:"messages"`   // how many times a message was held back
	Most      int            `json:"most"`       // at one node at a time
	Mean      float64        `json:"mean"`       // at one node: depth_ns / node_ns
	DepthNS   int64          `json:"depth_ns"`   // how long messages waited, added up over all
	NodeNS    int64          `json:"node_ns"`    // how long schedules took, added up over their nodes
	DepthOver []DepthStretch `json:"depth_over"` // in order; those behind the last in which anything was held back are left out
}

// DepthStretch is the depth in a stretch of time: from the end of the one before it, or the start of the schedule, on.
type DepthStretch struct {
	Until time.Duration `json:"until_ns,omitempty"` // its end; none in the last of all
	Most  int           `json:"most"`               // messages held back at one node at a time
}

// holdBackOf tells what was held back; nil where nothing was.
func holdBackOf(h *sim.Held) *HoldBack {
	if h.Messages == 0 {
		return nil
	}
	out := &HoldBack{Messages: h.Messages, Most: h.Most, DepthNS: h.Depth, NodeNS: h.Time,
		Mean: float64(h.Depth) / float64(max(1, h.Time))}
	last := len(h.Over) - 1
	for last > 0 && h.Over[last] == 0 {
		last--
	}
	for k, most := range h.Over[:last+1] {
		out.DepthOver = append(out.DepthOver, DepthStretch{sim.HeldUntil(k), int(most)})
	}
	return out
}

// discards adds what was thrown away.
func (c *CellReport) discards(counts *sim.Counts) {
	for code, n := range counts.Discards {
		if n == 0 {
			continue
		}
		if c.Discarded == nil {
			c.Discarded = map[string]int{}
		}
		c.Discarded[impl.Code(code).String()] += n
	}
}

// tellHeld says where most was held back.
func (r *Report) tellHeld(w io.Writer) {
	var most *CellReport
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Held != nil && (most == nil || c.Held.Most > most.Held.Most) {
			most = c
		}
	}
	if most != nil {
		fmt.Fprintf(w, "\nheld back at one node: at most %d messages at a time (%s)\n", most.Held.Most, most.Name())
	}
}
