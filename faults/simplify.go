package faults

import (
	"cmp"
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// simplifyDecisions drops decisions: all, half of them, then leaves runs of them to the seed.
func (z *shrinker) simplifyDecisions() {
	for keep := 0; keep < len(z.best.Decisions); keep = (keep + len(z.best.Decisions) + 1) / 2 {
		if z.try(func(s *Scenario) bool {
			s.Decisions = s.Decisions[:keep]
			return true
		}) {
			break
		}
	}
	for size := len(z.best.Decisions); size > 0; size /= 2 {
		for from := 0; from < len(z.best.Decisions); from += size {
			z.try(func(s *Scenario) bool {
				clear(s.Decisions[from:min(from+size, len(s.Decisions))])
				return true
			})
		}
	}
	z.try(func(s *Scenario) bool { // 0 at the end says nothing
		n := len(s.Decisions)
		for n > 0 && s.Decisions[n-1] == 0 {
			n--
		}
		s.Decisions = s.Decisions[:n]
		return true
	})
}

// simplifyNet: every packet takes a millisecond; or else the usual network; or else a simpler one of its kind.
func (z *shrinker) simplifyNet() {
	fixed := Net{Min: time.Millisecond, Max: time.Millisecond}
	net := z.best.Net
	for _, change := range []Net{
		{Min: fixed.Min, Max: fixed.Max},
		{Min: fixed.Min, Max: fixed.Max, MTU: net.MTU},
		DefaultNet,
		{Min: DefaultNet.Min, Max: DefaultNet.Max, MTU: net.MTU},
		{Strategy: net.Strategy, Min: fixed.Min, Max: fixed.Max, Depth: net.Depth, MTU: net.MTU},
		{Strategy: net.Strategy, Min: net.Min, Max: net.Max, Depth: net.Depth},
		{Strategy: net.Strategy, Min: net.Min, Max: net.Max, Depth: net.Depth - 1, MTU: net.MTU},
	} {
		if change == net {
			return // what follows is no simpler
		}
		if z.try(func(s *Scenario) bool {
			s.Net = change
			return true
		}) {
			return
		}
	}
}

// simplifySeed tries a few small ones.
func (z *shrinker) simplifySeed() {
	for seed := range min(z.best.Seed, 4) {
		if z.try(func(s *Scenario) bool {
			s.Seed = seed
			return true
		}) {
			return
		}
	}
}

// simplifyAll tries for all steps at once what simplifySteps tries for one after the other.
func (z *shrinker) simplifyAll() {
	each := func(change func(*Step)) {
		z.try(func(s *Scenario) bool {
			for i := range s.Steps {
				change(&s.Steps[i])
			}
			return true
		})
	}
	each(func(step *Step) {
		if step.Action.Op == Send {
			step.Action.Size, step.Action.Content = 0, 0
		}
	})
	each(func(step *Step) { step.When.At = 0 })
	each(func(step *Step) { step.When.At -= step.When.At % spec.Time(10*time.Millisecond) })
}

// simplifySteps tries, step by step, the changes that make it simpler, the boldest of a kind first. After a success it
// goes on with the next kind; the next round comes back.
func (z *shrinker) simplifySteps() {
	for i := range z.best.Steps {
		for _, kind := range simpler {
			for _, change := range kind {
				if z.try(func(s *Scenario) bool {
					if i >= len(s.Steps) {
						return false
					}
					return change(&s.Steps[i])
				}) {
					break
				}
			}
		}
		z.thinParts(i)
	}
}

type change = func(*Step) bool

// simpler lists the changes of a step by kind. A change that gives false does not apply.
var simpler = [][]change{
	{func(s *Step) bool { return becomes(s, CrashLossy, Crash) }},
	{becomeIsolate, becomePartition},
	{
		func(s *Step) bool { return to(&s.When.At, 0) },
		func(s *Step) bool { return to(&s.When.At, spec.Time(time.Millisecond)) },
		func(s *Step) bool { return round(&s.When.At, spec.Time(10*time.Millisecond)) },
		func(s *Step) bool { return s.When.At > spec.Time(time.Millisecond) && to(&s.When.At, s.When.At/2) },
		func(s *Step) bool { return round(&s.When.At, spec.Time(time.Millisecond)) },
	},
	{
		func(s *Step) bool { return s.When.On != AtTime && to(&s.When.K, 1) },
		func(s *Step) bool { return s.When.On != AtTime && to(&s.When.K, s.When.K/2) },
		func(s *Step) bool { return s.When.On != AtTime && to(&s.When.K, s.When.K-1) },
	},
	{
		func(s *Step) bool { return s.Action.Op == Send && to(&s.Action.Size, 0) },
		func(s *Step) bool { return s.Action.Op == Send && to(&s.Action.Size, 1) },
		func(s *Step) bool { return s.Action.Op == Send && to(&s.Action.Size, s.Action.Size/2) },
	},
	{func(s *Step) bool { return to(&s.Action.Content, 0) }, func(s *Step) bool { return to(&s.Action.Content, 1) }},
	{becomeTotal},
	{withoutLie(spec.Replay)}, {withoutLie(spec.Mute)}, {withoutLie(spec.Forge)}, {withoutLie(spec.Equivocate)},
	{func(s *Step) bool { return to(&s.Action.Router, 0) }},
	{func(s *Step) bool { return s.Action.Op.hasPeer() && s.Action.Peer >= 0 && set(&s.Action.Peer, -1) }},
	shorter(func(s *Step) *time.Duration {
		if s.Action.Op == Flood { // a shorter one is a heavier flood
			return new(time.Duration)
		}
		return &s.Action.By
	}),
	shorter(func(s *Step) *time.Duration { return &s.Action.For }),
}

// shorter rounds a duration and halves it; never to 0, which as a `for` would be longer than any other.
func shorter(field func(*Step) *time.Duration) []change {
	down := func(unit time.Duration) change {
		return func(s *Step) bool { return *field(s) > unit && round(field(s), unit) }
	}
	return []change{
		func(s *Step) bool { return to(field(s), 10*time.Millisecond) },
		func(s *Step) bool {
			d := field(s)
			return *d > 2*time.Millisecond && to(d, (*d/2).Round(time.Millisecond))
		},
		down(10 * time.Millisecond), down(time.Millisecond),
		func(s *Step) bool { return to(field(s), time.Millisecond) },
	}
}

// to sets a value to a smaller one; false where it is not smaller.
func to[T int | time.Duration | spec.Time](value *T, smaller T) bool {
	return smaller < *value && set(value, smaller)
}

// round rounds down.
func round[T time.Duration | spec.Time](value *T, unit T) bool { return to(value, *value-*value%unit) }

func set[T comparable](value *T, other T) bool {
	*value = other
	return true
}

func becomes(s *Step, from, into Op) bool { return s.Action.Op == from && set(&s.Action.Op, into) }

// becomeTotal lets a fault strike every packet: nothing is left to chance.
func becomeTotal(s *Step) bool {
	a := &s.Action
	return a.Op.uses(percentField) && a.Percent < 100 && set(&a.Percent, 100)
}

// withoutLie lets a liar do without one of its ways, unless that is all it does.
func withoutLie(l spec.Lie) change {
	return func(s *Step) bool {
		return s.Action.Lie&l != 0 && s.Action.Lie != l && set(&s.Action.Lie, s.Action.Lie&^l)
	}
}

// becomePartition makes a plain partition of a bridge, a flapping or a one-way one.
func becomePartition(s *Step) bool {
	a := &s.Action
	if !a.Op.hasParts() || a.Op == Partition {
		return false
	}
	*a = Action{Op: Partition, Parts: a.Parts, For: a.For}
	return true
}

// becomeIsolate isolates the node that is alone in a part.
func becomeIsolate(s *Step) bool {
	a := &s.Action
	for _, part := range a.Parts {
		if len(part) == 1 {
			*a = Action{Op: Isolate, Node: part[0], For: a.For}
			return true
		}
	}
	return false
}

// thinParts leaves single nodes out of the parts of step i, and with its last node a part.
func (z *shrinker) thinParts(i int) {
	if i >= len(z.best.Steps) || !z.best.Steps[i].Action.Op.hasParts() {
		return
	}
	for n := z.best.Nodes - 1; n >= 0; n-- {
		z.try(func(s *Scenario) bool {
			a := &s.Steps[i].Action
			has := false
			for j, part := range a.Parts {
				if k := slices.Index(part, spec.NodeID(n)); k >= 0 {
					a.Parts[j], has = slices.Delete(part, k, k+1), true
				}
			}
			a.Parts = slices.DeleteFunc(a.Parts, func(part []spec.NodeID) bool { return len(part) == 0 })
			return has
		})
	}
}

// renumber gives the nodes new numbers, in the order in which the steps name them.
func (z *shrinker) renumber() {
	z.try(func(s *Scenario) bool {
		number := make([]spec.NodeID, 0, s.Nodes) // number[new] = old
		name := func(n spec.NodeID) {
			if !slices.Contains(number, n) {
				number = append(number, n)
			}
		}
		for i := range s.Steps {
			s.Steps[i].eachNode(func(n *spec.NodeID) { name(*n) })
			for _, part := range s.Steps[i].Action.Parts {
				for _, n := range part {
					name(n)
				}
			}
		}
		for n := range s.Nodes {
			name(spec.NodeID(n))
		}
		s.rename(number)
		return true
	})
}

// rename gives node number[i] the number i.
func (s *Scenario) rename(number []spec.NodeID) {
	change := func(n *spec.NodeID) { *n = spec.NodeID(slices.Index(number, *n)) }
	for i := range s.Groups {
		for j := range s.Groups[i].Members {
			change(&s.Groups[i].Members[j])
		}
		slices.Sort(s.Groups[i].Members)
	}
	for i := range s.Steps {
		s.Steps[i].eachNode(change)
		for _, part := range s.Steps[i].Action.Parts {
			for j := range part {
				change(&part[j])
			}
			slices.Sort(part)
		}
	}
}

// sortSteps puts the steps that have a time in their order, before the triggers: it changes nothing of the run.
func (z *shrinker) sortSteps() {
	moment := func(step *Step) spec.Time {
		if step.When.On != AtTime {
			return spec.Time(MaxTime) + 1
		}
		return step.When.At
	}
	z.try(func(s *Scenario) bool {
		slices.SortStableFunc(s.Steps, func(a, b Step) int { return cmp.Compare(moment(&a), moment(&b)) })
		return true
	})
}
