package suites

import (
	"fmt"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// merge puts the units of a cell together, in their order.
func merge(c Cell, members int, units []*unit) CellReport {
	r := CellReport{Transport: c.Transport.String(), Reliability: c.Reliability.String(), Ordering: c.Ordering.String(),
		Membership: c.Membership.String(), Applicable: true}
	if err := c.Applicable(); err != nil {
		r.Applicable, r.Reason = false, err.Error()
		return r
	}
	tallies := map[spec.ID]*spec.Tally{}
	var separations []Row
	var held sim.Held
	for _, u := range units {
		if u.separating {
			separations = u.rows
			continue
		}
		r.Schedules += u.tried
		r.Sends += u.counts.Sends
		r.Deliveries += u.counts.Deliveries
		r.Packets += u.counts.Packets
		r.Acks += u.counts.Acks
		r.AckPackets += u.counts.AckPackets
		r.Frames += u.counts.Frames
		r.ByNIC += u.counts.ByNIC
		r.ByDriver += u.counts.ByDriver
		r.discards(&u.counts)
		held.Add(&u.held)
		for i := range u.rows {
			row := u.rows[i]
			if tallies[row.ID] == nil {
				tallies[row.ID] = &spec.Tally{ID: row.ID}
				r.Requirements = append(r.Requirements, row)
			}
			tallies[row.ID].Merge(spec.Tally{Judged: row.Judged, Bites: row.Bites, Antecedents: row.Antecedents,
				Missing: row.Missing, Failed: row.Failed, Reason: row.Reason})
			for k := range r.Requirements {
				if x := &r.Requirements[k]; x.ID == row.ID && x.Witness == nil {
					x.Witness = row.Witness
				}
			}
		}
	}
	for k := range r.Requirements {
		x, t := &r.Requirements[k], tallies[r.Requirements[k].ID]
		x.Verdict, x.Judged, x.Bites, x.Antecedents, x.Failed = t.Verdict(), t.Judged, t.Bites, t.Antecedents, t.Failed
		if x.Reason = t.Reason; x.Verdict == spec.Pass {
			x.Reason = ""
		}
		if d, ok := c.statistic(x.ID, members); ok {
			x.Missing, x.Share = t.Missing, d.share
			x.Verdict, x.Reason = d.weigh(t)
		}
	}
	r.Requirements = append(r.Requirements, separations...)
	r.Held = holdBackOf(&held)
	return r
}

// confidence is that of verdicts on a statistic.
const confidence = .99

// weigh gives the verdict on a statistic, and why it is not a pass.
func (d statistic) weigh(t *spec.Tally) (spec.Verdict, string) {
	trials := *t
	trials.Antecedents, trials.Missing = t.Antecedents/d.each, (t.Missing+d.each-1)/d.each
	v := trials.Against(d.share, confidence)
	if v == spec.Pass {
		return v, ""
	}
	return v, fmt.Sprintf(d.text+", and a share of %.3f was declared (confidence %v)", t.Missing, t.Antecedents, d.share, confidence)
}

// skip puts beside the scale what could not be tested because the run was told to leave out faults of its model, or has
// too few nodes.
func (c *CellReport) skip(p *Plan) {
	for i := range c.Requirements {
		r := &c.Requirements[i]
		if !r.Claimed || r.Verdict != spec.Inconclusive || r.Bites > 0 {
			continue
		}
		if takes := bitesBy[r.ID]; takes != 0 && takes&p.Faults == 0 {
			r.Skipped, r.Reason = true, "not tested without "+takes.String()
		} else if p.Nodes == 2 {
			r.Skipped, r.Reason = true, "not tested with two nodes"
		}
	}
}

// bitesBy are the faults of which one must have occurred for a requirement to be tested; without an entry none must.
var bitesBy = map[spec.ID]spec.FaultSet{
	"UNIFORM-AGREEMENT":      spec.SetOf(spec.CrashFault, spec.CrashLossyFault),
	"IGMP-AGEING":            spec.SetOf(spec.CrashFault, spec.CrashLossyFault),
	"NO-DUPLICATION/restart": spec.SetOf(spec.RecoverFault),
	"DURABILITY":             spec.SetOf(spec.RecoverFault),
	"LOG-PREFIX":             spec.SetOf(spec.RecoverFault),
	"BYZ-CONSISTENCY":        spec.SetOf(spec.ByzantineFault),
	"BYZ-TOTALITY":           spec.SetOf(spec.ByzantineFault),
	"BYZ-VALIDITY":           spec.SetOf(spec.ByzantineFault),
	"NIC-FILTER":             spec.SetOf(spec.NICFault),
	"SOCKET-FILTER":          spec.SetOf(spec.NICFault),
	"TTL-SCOPE":              spec.SetOf(spec.TTLFault),
	"PIM-RP":                 spec.SetOf(spec.RPFault),
}
