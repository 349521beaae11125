package suites

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// finish puts the rows and the verdict together.
func (t *trial) finish() {
	r := t.r
	cell := CellReport{Transport: AdapterSubject, Reliability: "unreliable", Ordering: "unordered", Membership: "static", Applicable: true}
	for _, u := range t.units {
		if !u.outside {
			cell.Schedules += u.tried
			cell.Sends, cell.Deliveries = cell.Sends+u.counts.Sends, cell.Deliveries+u.counts.Deliveries
			cell.Packets, cell.Acks = cell.Packets+u.counts.Packets, cell.Acks+u.counts.Acks
			r.runs = append(r.runs, u.runs...)
		}
	}
	cell.Requirements, r.Outside = t.rows(false), t.rows(true)
	t.reach(&cell)
	for i := range cell.Requirements {
		if row := &cell.Requirements[i]; row.Claimed {
			r.Verdict = r.Verdict.Merge(row.Verdict)
		}
	}
	if r.Error != "" {
		r.Verdict = r.Verdict.Merge(spec.Error)
	}
	if !r.Subject.Deterministic {
		r.runs = nil
	}
	if r.Incomplete != "" || cell.Schedules == 0 {
		r.Verdict = r.Verdict.Merge(spec.Inconclusive)
	}
	r.Cells = []CellReport{cell}
	if t.plan.Clock != nil {
		r.ElapsedMS = t.plan.Clock().Sub(t.start).Milliseconds()
	}
}

// reach says which levels hold, and names the cell after the strongest that are claimed.
func (t *trial) reach(cell *CellReport) {
	for _, l := range ladder {
		ids, _ := spec.Level(l.name)
		x := Reached{Level: l.name, Order: l.order, Claimed: true}
		tried := !l.order || !t.plan.speaksMaelstrom()
		for _, id := range ids {
			i := slices.IndexFunc(cell.Requirements, func(r Row) bool { return r.ID == id })
			if i < 0 {
				tried = false
				break
			}
			row := &cell.Requirements[i]
			x.Claimed = x.Claimed && row.Claimed
			x.Verdict = x.Verdict.Merge(row.Verdict)
			switch row.Verdict {
			case spec.Fail:
				x.Broken = append(x.Broken, id)
			case spec.Inconclusive:
				x.Unshown = append(x.Unshown, id)
			}
		}
		if !tried {
			continue
		}
		if x.Claimed && l.order {
			cell.Ordering = l.name
		} else if x.Claimed {
			cell.Reliability = l.name
		}
		t.r.Levels = append(t.r.Levels, x)
	}
}
