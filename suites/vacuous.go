package suites

import (
	"context"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// vacuousBudget is how many schedules more a cell gets, at the most, for those of its claims of which its own schedules
// tested nothing: luck must not decide whether a run says anything of a claim.
const vacuousBudget = 400

// untested lists the claims of which nothing has been tested, and could be with the faults and nodes of the run.
func (u *unit) untested(claims spec.Claims, tallies []spec.Tally) (out []int) {
	p := u.plan
	for k, c := range claims {
		takes := bitesBy[c.ID]
		if tallies[k].Bites == 0 && tallies[k].Failed == 0 && p.Nodes != 2 && (takes == 0 || takes&p.Faults != 0) {
			out = append(out, k)
		}
	}
	return out
}

// insist plays more schedules for the claims of which the cell's own tested nothing, with the faults of one of them
// after the other, and every third aimed at what these faults do at their worst. It ends when all have been tested. It
// is the affair of the first unit of a cell alone, so that a run says the same whatever the number of workers.
func (u *unit) insist(ctx context.Context, b *bench, claims spec.Claims, tallies []spec.Tally, first []*faults.Scenario) error {
	if u.first > 0 {
		return nil
	}
	var s faults.Scenario
	open := u.untested(claims, tallies)
	for i := 0; i < vacuousBudget && len(open) > 0 && ctx.Err() == nil; i++ {
		model := claims[open[i%len(open)]].Under & u.plan.Faults
		seed := seedOf(u.plan.Seed, u.cell.String(), 4, uint64(i))
		u.plan.draw(&s, seed, u.cell, model, i)
		if i%3 == 2 {
			aims := aimsOf(model)
			u.cell.aim(&s, seed, aims[i/3%len(aims)])
		}
		if err := b.play(&s); err != nil {
			return b.broke(&s, err)
		}
		injected := u.cell.injects(&s)
		for _, k := range open {
			if !injected.Within(claims[k].Under) || b.outlasts(&s, claims[k].ID) {
				continue
			}
			f := b.judge.Check(claims[k].ID)
			tallies[k].Add(f)
			if f.Verdict == spec.Fail && first[k] == nil {
				first[k] = s.Clone()
			}
		}
		open = u.untested(claims, tallies)
	}
	return nil
}

// aimsOf lists the sets of faults that a schedule can be aimed with, of a model.
func aimsOf(model spec.FaultSet) (out []spec.FaultSet) {
	for _, with := range []spec.FaultSet{spec.SetOf(spec.CrashFault), spec.SetOf(spec.CrashLossyFault),
		spec.SetOf(spec.CrashFault, spec.LossFault), spec.SetOf(spec.LossFault), spec.NoFaults} {
		if with.Within(model) {
			out = append(out, with)
		}
	}
	return out
}
