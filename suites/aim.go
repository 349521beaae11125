package suites

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

const purposeAim = 0xa13

// aim replaces the steps of a schedule by few ones that bring about what the faults do at their worst: where a schedule
// that breaks something is wanted, luck alone takes long. A message is sent, and another one by somebody who has
// delivered it, and the faults strike in the time that both take.
func (c Cell) aim(s *faults.Scenario, seed uint64, with spec.FaultSet) {
	members := s.Groups[0].Members
	if len(s.Groups) > 1 || len(members) < 2 || c.Membership.Name == "anonymous" || c.Transport.Name == "anycast" {
		return
	}
	r := spec.NewRand(seed, purposeAim)
	first := r.IntN(len(members))
	a, b := members[first], members[(first+1)%len(members)]
	ms := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Millisecond }
	at := func(t time.Duration, x faults.Action) faults.Step {
		return faults.Step{When: faults.When{At: spec.Time(t)}, Action: x}
	}
	steps := []faults.Step{send(a, 0), {When: faults.When{On: faults.OnDeliver, Node: b, K: 1}, Action: send(b, 0).Action}}
	if r.Chance(.5) { // nothing but the faults makes a difference
		s.Net.Strategy, s.Net.Min, s.Net.Max = faults.Latency, time.Millisecond, time.Millisecond
	}
	to := send(a, 0)
	to.Action.To = b
	switch with {
	case spec.NoFaults:
		steps = append(steps, send(members[r.IntN(len(members))], 0))
	case spec.SetOf(spec.LossFault):
		steps = append(steps, to, at(ms(0, 16), faults.Action{Op: faults.Loss, Percent: 50, For: ms(1, 10)}))
	case spec.SetOf(spec.CorruptFault):
		steps = append(steps, to, at(0, faults.Action{Op: faults.Corrupt, Percent: 50, For: ms(2, 20)}))
	case spec.SetOf(spec.CrashFault), spec.SetOf(spec.CrashLossyFault):
		crash := faults.Action{Op: faults.Crash, Node: members[r.IntN(len(members))]}
		if with.Has(spec.CrashLossyFault) {
			crash.Op = faults.CrashLossy
		}
		if r.Chance(.5) {
			steps = append(steps[:1+r.IntN(2)], at(ms(1, 30), crash))
		} else {
			steps = append(steps, faults.Step{When: faults.When{On: faults.OnAction, Node: crash.Node, K: 1 + r.IntN(24)}, Action: crash})
		}
	case spec.SetOf(spec.CrashFault, spec.LossFault):
		if c.Ordering.Name == "total-seqserver" && first > 0 && r.Chance(.5) { // the first message is lost, the second is not, and their sender dies
			s.Net.Strategy, s.Net.Min, s.Net.Max = faults.Latency, time.Millisecond, time.Millisecond
			steps = []faults.Step{send(a, 0), at(1500*time.Microsecond, faults.Action{Op: faults.Loss, Percent: 100, For: time.Millisecond}),
				send(a, 10*time.Millisecond), at(ms(15, 30), faults.Action{Op: faults.Crash, Node: a})}
			break
		}
		over := ms(5, 45)
		steps = append(steps, at(0, faults.Action{Op: faults.Loss, Percent: 50 + 40*r.IntN(2), For: over}),
			at(over, faults.Action{Op: faults.Crash, Node: a}))
	case spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.LostSyncFault):
		over := ms(2, 40)
		for _, m := range members {
			if r.Chance(.75) {
				steps = append(steps, at(0, faults.Action{Op: faults.LostSync, Node: m}))
			}
			if r.Chance(.75) {
				steps = append(steps, at(over, faults.Action{Op: faults.Crash, Node: m}), at(over+100*time.Millisecond, faults.Action{Op: faults.Recover, Node: m}))
			}
		}
	default:
		return
	}
	slices.SortStableFunc(steps, func(x, y faults.Step) int { return order(x) - order(y) }) // a fault from the start strikes the first packets
	s.Steps = steps
	c.aimCrashes(s, with)
}

// order lets faults come before what is sent at the same time.
func order(x faults.Step) int {
	if x.Action.Op == faults.Send {
		return 1
	}
	return 0
}
