package faults

import "time"

// Silence bounds for how long some link may carry nothing, or some disk take nothing, because of the scenario's cuts,
// pauses, omissions and delays: all of them one after another. What a clock gains seems to be a silence too. Protocols
// that remove a silent member after TL promise liveness only where this is less. What lasts until it is healed is taken
// to last to the end of the last timed step and a bit.
func (s *Scenario) Silence() time.Duration {
	const settling = 200 * time.Millisecond
	var end time.Duration
	for i := range s.Steps {
		if st := &s.Steps[i]; st.When.On == AtTime {
			end = max(end, time.Duration(st.When.At)+st.Action.For)
		}
	}
	var sum time.Duration
	for i := range s.Steps {
		switch a := &s.Steps[i].Action; {
		case a.Op.Silences():
			if a.For == 0 {
				sum += end + settling
			}
			sum += a.For
		case a.Op == Delay || a.Op == Reorder || a.Op == DiskSlow || a.Op == Skew || a.Op == Jump:
			sum += a.By
		case a.Op == Drift && a.For == 0:
			sum += (end + settling) * time.Duration(a.Percent) / 100
		case a.Op == Drift:
			sum += a.For * time.Duration(a.Percent) / 100
		}
	}
	return sum
}

// Silences says whether a node may hear nothing of another one while the fault lasts.
func (o Op) Silences() bool {
	switch o {
	case Pause, OmitSend, OmitReceive, Loss, Corrupt, Partition, OneWay, Bridge, Isolate, Flap,
		RouterDown, RPDown, Boundary, TableFull, TTL, IGMPLoss, Flood, DiskError, DiskFull:
		return true
	}
	return false
}
