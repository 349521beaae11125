package suites

import (
	"context"
	"errors"
	"slices"

	"github.com/conform-go/conform/spec"
)

// A run that is interrupted tells of the stacks that were played to the end, if there are any: on the kernel many stacks
// take an hour. Of a stack that was under way nothing is told: what its other schedules would have shown nobody knows.

// interrupted says whether an error is only that the run was interrupted, and some stack was played to the end.
func interrupted(ctx context.Context, err error, units []*unit) bool {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return false
	}
	missing := map[string]bool{}
	for _, u := range units {
		name := u.cell.String()
		missing[name] = missing[name] || !u.over
	}
	return slices.ContainsFunc(units, func(u *unit) bool { return !missing[u.cell.String()] })
}

// add adds what the units of a stack have shown.
func (r *Report) add(c *CellReport, p *Plan, units []*unit) {
	if slices.ContainsFunc(units, func(u *unit) bool { return !u.over }) {
		*c = CellReport{Transport: c.Transport, Reliability: c.Reliability, Ordering: c.Ordering, Membership: c.Membership,
			Reason: "interrupted before it was played to the end"}
		r.Cut, r.Verdict = true, r.Verdict.Merge(spec.Inconclusive)
	}
	c.skip(p)
	r.Verdict = r.Verdict.Merge(c.verdict())
	r.Cells = append(r.Cells, *c)
}
