package suites

import (
	"context"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// candidate is a schedule, and the claims that it puts to the test in the simulator.
type candidate struct {
	s      *faults.Scenario
	bites  map[int]bool
	played int
	long   bool // it is played for the sake of those that watch, and lasts longer than its steps
}

// draw gives schedules that the LAN can play, with the claims that each puts to the test.
func (o *outdoor) draw(ctx context.Context, lan *netns.LAN, claims spec.Claims) (all []candidate, err error) {
	models := modelsOf(claims, o.plan.Faults)
	var s faults.Scenario
	for i := 0; i < candidates && ctx.Err() == nil; i++ {
		seed := seedOf(o.plan.Seed, o.cell.String(), 6, uint64(i))
		o.plan.draw(&s, seed, o.cell, models[i%len(models)], i/len(models))
		if lan.Fits(&s) != nil {
			continue
		}
		if err := o.sim.play(&s); err != nil {
			return nil, o.sim.broke(&s, err)
		}
		x := candidate{s: s.Clone(), bites: map[int]bool{}}
		injected := o.cell.injects(&s)
		for k, c := range claims {
			if injected.Within(c.Under) && !o.sim.outlasts(&s, c.ID) && o.sim.judge.Check(c.ID).Verdict == spec.Pass {
				x.bites[k] = true
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// choose gives the schedule that puts most claims to the test which the kernel has not tested yet, and of these one that
// was played least; -1 where none does any, unless there is to be one in any case.
func choose(all []candidate, tested []bool, anyhow bool) int {
	best, most := -1, 0
	for i, x := range all {
		fresh := 0
		for k := range tested {
			if x.bites[k] && !tested[k] {
				fresh++
			}
		}
		if x.played < again && (best < 0 && (fresh > 0 || anyhow && x.played == 0) || best >= 0 && (fresh > most || fresh == most && x.played < all[best].played)) {
			best, most = i, fresh
		}
	}
	return best
}
