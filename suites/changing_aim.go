package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

const purposeEnds = 0xe2d5

// aimViews adds to some schedules of a view-synchronous cell what luck brings about seldom: messages while a view ends, a
// coordinator that fails when it is about to decide on one, and a group of which all die.
func (c Cell) aimViews(s *faults.Scenario, seed uint64, model spec.FaultSet, i int) {
	r := spec.NewRand(seed, purposeEnds)
	crash, back := model.Has(spec.CrashFault), model.Has(spec.RecoverFault)
	switch {
	case c.regroups() && i%4 == 2 && model.Has(spec.DiskSlowFault):
		lateDisks(s, &r)
	case i%8 == 5 && crash && s.Nodes > 3:
		takeOver(s, &r, model)
	case i%8 == 1 && crash && back && !c.regroups() && !c.parted():
		allDie(s, seed)
	case i%8 == 6 && c.Ordering.Get("form", "") == "ub":
		askedLate(s, &r)
	case i%4 == 0 || i%8 == 6:
		c.whileViewsEnd(s, &r, crash)
	}
}

// whileViewsEnd lets members send, and sync, at the moments at which views end: when somebody leaves, and when one that
// is silent has been so for TL, and the others have told each other.
func (c Cell) whileViewsEnd(s *faults.Scenario, r *spec.Rand, crash bool) {
	_, barriers := c.barrier()
	if crash {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(r.IntN(900)) * spec.Time(time.Millisecond)},
			Action: faults.Action{Op: faults.Crash, Node: spec.NodeID(r.IntN(s.Nodes))}})
	}
	for k := range s.Steps {
		end := time.Duration(s.Steps[k].When.At)
		switch a := &s.Steps[k].Action; {
		case s.Steps[k].When.On != faults.AtTime:
			continue
		case a.Op == faults.Crash, a.Op == faults.CrashLossy, a.Op == faults.Isolate, a.Op == faults.Partition, a.Op == faults.OneWay:
			end += sim.DefaultTL + 20*time.Millisecond
		case a.Op != faults.Leave:
			continue
		}
		for range 4 + r.IntN(8) {
			x := send(spec.NodeID(r.IntN(s.Nodes)), end+time.Duration(r.IntN(100_000))*time.Microsecond)
			if barriers && r.Chance(.4) {
				x.Action = faults.Action{Op: faults.Sync, Node: x.Action.Node}
			}
			s.Steps = append(s.Steps, x)
		}
	}
}

// takeOver lets a member die, and the coordinator fail while it decides on the view without it: it dies too, or nobody
// hears it any more for a while, though it hears all.
func takeOver(s *faults.Scenario, r *spec.Rand, model spec.FaultSet) {
	first, last := spec.NodeID(0), spec.NodeID(s.Nodes-1)
	s.Net, s.Groups[0].Members = faults.DefaultNet, s.Groups[0].Members[:0]
	for n := first; n <= last; n++ {
		s.Groups[0].Members = append(s.Groups[0].Members, n)
	}
	fails := faults.Action{Op: faults.Crash, Node: first}
	switch {
	case model.Has(spec.PartitionFault) && r.Chance(.8):
		fails = faults.Action{Op: faults.OneWay, For: 1900 * time.Millisecond, Parts: [][]spec.NodeID{{first}, nil}}
		for n := first + 1; n <= last; n++ {
			fails.Parts[1] = append(fails.Parts[1], n)
		}
	case model.Has(spec.CrashLossyFault) && r.Chance(.5):
		fails.Op = faults.CrashLossy
	}
	decides := sim.DefaultTL + 140*time.Millisecond + time.Duration(r.IntN(120_000))*time.Microsecond
	s.Steps = append(s.Steps[:0],
		faults.Step{When: faults.When{At: spec.Time(10 * time.Millisecond)}, Action: faults.Action{Op: faults.Crash, Node: last}},
		faults.Step{When: faults.When{At: spec.Time(decides)}, Action: fails})
	for n := first; n < last; n++ {
		s.Steps = append(s.Steps, send(n, sim.DefaultTL), send(n, viewsAreOver))
	}
}

// lateDisks makes the disks of all slow before they die, while messages are on their way to them.
func lateDisks(s *faults.Scenario, r *spec.Rand) {
	for n := range spec.NodeID(s.Nodes) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(viewWindow - 400*time.Millisecond)},
			Action: faults.Action{Op: faults.DiskSlow, Node: n, By: time.Duration(20+r.IntN(200)) * time.Millisecond, For: time.Second}})
	}
	for range 6 {
		s.Steps = append(s.Steps, send(spec.NodeID(r.IntN(s.Nodes)), viewWindow-time.Duration(r.IntN(100))*time.Millisecond))
	}
}

// askedLate lets all send before somebody leaves, over links so slow that what is sent again comes in the next view.
func askedLate(s *faults.Scenario, r *spec.Rand) {
	s.Net.Strategy, s.Net.Min, s.Net.Max = faults.Latency, time.Millisecond, sim.DefaultTS+sim.DefaultTS/2
	leave := time.Duration(200+r.IntN(400)) * time.Millisecond
	s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(leave)}, Action: faults.Action{Op: faults.Leave, Node: spec.NodeID(s.Nodes - 1)}})
	for n := range spec.NodeID(s.Nodes) {
		for range 3 {
			s.Steps = append(s.Steps, send(n, leave-time.Duration(r.IntN(200_000))*time.Microsecond))
		}
	}
}
