package faults

import (
	"testing"

	"github.com/conform-go/conform/spec"
)

// count is how many of the scenarios of many seeds have something.
func count(t *testing.T, p Params, has func(*Scenario) bool) (share float64) {
	t.Helper()
	const seeds = 4000
	var s Scenario
	n := 0
	for seed := range uint64(seeds) {
		if DrawInto(&s, seed, p); has(&s) {
			n++
		}
	}
	return float64(n) / seeds
}

// sentinel says whether a step is one of those that come after all faults.
func sentinel(p Params, step *Step) bool {
	p = p.withDefaults()
	return step.When.At == p.sentinelTime()
}

func TestDrawHasEveryOpAndMoment(t *testing.T) {
	seenOps, seenMoments, seenStrategies := map[Op]int{}, map[Moment]int{}, map[Strategy]int{}
	count(t, everything, func(s *Scenario) bool {
		seenStrategies[s.Net.Strategy]++
		for i := range s.Steps {
			seenOps[s.Steps[i].Action.Op]++
			seenMoments[s.Steps[i].When.On]++
		}
		return true
	})
	for _, o := range Ops() {
		if seenOps[o] < 20 {
			t.Errorf("%v occurs %d times", o, seenOps[o])
		}
	}
	for m := range moments {
		if seenMoments[m] < 20 {
			t.Errorf("%v occurs %d times", m, seenMoments[m])
		}
	}
	for s := range strategies {
		if seenStrategies[s] < 400 {
			t.Errorf("%v occurs %d times", s, seenStrategies[s])
		}
	}
}

func TestDrawInjectsOnlyWhatIsAllowed(t *testing.T) {
	for k := range spec.FaultKinds {
		set := spec.SetOf(k)
		p := Params{Faults: set, Routers: 3}
		share := count(t, p, func(s *Scenario) bool {
			if !s.Faults().Within(set) {
				t.Fatalf("allowed %v, injected %v\n%s", set, s.Faults(), s)
			}
			return s.Faults() != 0
		})
		switch {
		case k == spec.CoordinatorFault: // a crash of who coordinates: the suites choose the node
		case afterCrash.Has(k):
			if share != 0 {
				t.Errorf("%.2f of the scenarios have the fault %v, though no node crashes", share, k)
			}
			p.Faults = spec.SetOf(k, spec.CrashFault)
			if share := count(t, p, func(s *Scenario) bool { return s.Faults().Has(k) }); share < .25 {
				t.Errorf("only %.2f of the scenarios have the faults %v", share, p.Faults)
			}
		case share < .5:
			t.Errorf("only %.2f of the scenarios have the fault %v", share, k)
		}
	}
}

// crashes is what most scenarios are about: few sends, and a crash.
var crashes = Params{Faults: spec.SetOf(spec.CrashFault, spec.RecoverFault), MaxSends: 8}

// sends counts the sends but sentinels.
func sends(s *Scenario) (n int) {
	for i := range s.Steps {
		if s.Steps[i].Action.Op == Send && !sentinel(crashes, &s.Steps[i]) {
			n++
		}
	}
	return n
}

// The bias is what finds bugs; the numbers here are wide around what was measured to find them fast.
var biases = []struct {
	what      string
	low, high float64
	has       func(*Scenario) bool
}{
	{"at most 3 sends", .5, .9, func(s *Scenario) bool { return sends(s) <= 3 }},
	{"a send", 1, 1, func(s *Scenario) bool { return sends(s) >= 1 }},
	{"a sentinel", .3, .5, func(s *Scenario) bool {
		return len(s.Steps) > 0 && sentinel(crashes, &s.Steps[len(s.Steps)-1])
	}},
	{"a causal chain", .25, .8, func(s *Scenario) bool {
		return has(s, func(x *Step) bool { return x.Action.Op == Send && x.When.On == OnDeliver })
	}},
	{"a crash at the k-th thing", .4, .9, func(s *Scenario) bool {
		return has(s, func(x *Step) bool { return x.Action.Op == Crash && x.When.On != AtTime })
	}},
	{"a sender that crashes in the middle of its sends", .2, .7, func(s *Scenario) bool {
		return has(s, func(x *Step) bool {
			return x.Action.Op == Crash && x.When.On == OnSend && has(s, func(y *Step) bool {
				return y.Action.Op == Send && y.Action.Node == x.When.Node && !sentinel(crashes, y)
			})
		})
	}},
	{"a recovery", .2, .8, func(s *Scenario) bool { return s.Faults().Has(spec.RecoverFault) }},
	{"a crash without a recovery", 0, 0, func(s *Scenario) bool {
		return has(s, func(x *Step) bool { return x.Action.Op == Crash && !comesBack(s, x.Action.Node) })
	}},
	{"two nodes that never crash", .9, .97, // a cascade leaves one of three
		func(s *Scenario) bool {
			crashed := map[spec.NodeID]bool{}
			for i := range s.Steps {
				if s.Steps[i].Action.Op == Crash {
					crashed[s.Steps[i].Action.Node] = true
				}
			}
			return s.Nodes-len(crashed) >= 2
		}},
	{"a burst", .2, .7, func(s *Scenario) bool {
		return has(s, func(x *Step) bool {
			return x.Action.Op == Send && !sentinel(crashes, x) && has(s, func(y *Step) bool {
				return y.Action.Op == Send && y.When == x.When && y.When.On == AtTime && y.Action.Node != x.Action.Node
			})
		})
	}},
	{"equal contents", .05, .4, func(s *Scenario) bool {
		return has(s, func(x *Step) bool { return x.Action.Content > 0 })
	}},
	{"a long message", .02, .3, func(s *Scenario) bool {
		return has(s, func(x *Step) bool { return x.Action.Size > 64 })
	}},
}

func TestDrawIsBiased(t *testing.T) {
	for _, test := range biases {
		share := count(t, crashes, test.has)
		t.Logf("%.2f have %s", share, test.what)
		if share < test.low || share > test.high {
			t.Errorf("%.2f have %s: want %.2f to %.2f", share, test.what, test.low, test.high)
		}
	}
}

func has(s *Scenario, is func(*Step) bool) bool {
	for i := range s.Steps {
		if is(&s.Steps[i]) {
			return true
		}
	}
	return false
}

func TestCutsEndWithinHold(t *testing.T) {
	p := everything.withDefaults()
	count(t, everything, func(s *Scenario) bool {
		for i := range s.Steps {
			a := &s.Steps[i].Action
			if a.For > p.Hold || a.By > p.Hold || a.Op.uses(durationField) && a.For == 0 {
				t.Fatalf("%s: want it to end within %v", s.StepText(i), p.Hold)
			}
		}
		return true
	})
}
