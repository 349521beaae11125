package suites

import (
	"context"
	"errors"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Compare plays the same schedules in the simulator and on the kernel, and compares what the judges say of each
// requirement that the cells claim or are known to break. A run on the kernel is another run each time, so that what few
// interleavings show is passed in one world and has nothing to bite on in the other; but where a claim is broken in one
// of them only, one of them is wrong, or the stack is.
func Compare(ctx context.Context, p Plan, schedules int) (*Comparison, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p.Faults &= outdoorsOf(p.Cells)
	pool := &lans{hosts: p.Nodes}
	defer pool.close()
	var work []*outdoor
	var reasons []error
	for _, asked := range p.Cells {
		c, wire, err := asked.outdoors()
		if reasons = append(reasons, err); err == nil {
			work = append(work, &outdoor{plan: &p, cell: c, wire: wire, stack: c.String(), lans: pool})
		}
	}
	if len(work) == 0 {
		return nil, errors.Join(ErrNotOutdoors, errors.Join(reasons[:1]...))
	}
	r := &Comparison{Schema: "conform.compare/1", rows: map[spec.ID]*Compared{}}
	type result struct {
		o    *outdoor
		same []compared
		err  error
	}
	results := make([]result, schedules)
	err := spread(ctx, p.Parallel, schedules, p.Progress, func(i int) {
		o := *work[i%len(work)]
		same, err := o.compare(ctx, i)
		results[i] = result{&o, same, err}
	})
	if err != nil {
		return nil, err
	}
	for _, x := range results {
		if x.err != nil {
			return nil, x.err
		}
		if len(x.same) > 0 && x.same[0].scenario.Faults() != 0 {
			r.Faulty++
		}
		for _, f := range x.same {
			r.add(x.o.cell.String(), f)
		}
		r.Schedules++
	}
	r.finish()
	return r, nil
}

// compare plays schedule i of a cell in both worlds.
func (o *outdoor) compare(ctx context.Context, i int) (all []compared, err error) {
	o.prepare(o.cell.newBench(o.cell.world(o.cell.Member, nil), o.cell.mtu()))
	lan, back, err := o.borrow(o.plan.Nodes)
	if err != nil {
		return nil, err
	}
	defer back()
	claims := o.cell.Claims()
	models := modelsOf(claims, o.plan.Faults)
	var s faults.Scenario
	for k := i; ctx.Err() == nil; k += 1001 { // the first of these that fits the LAN and has a fault, if it may have one
		o.plan.draw(&s, seedOf(o.plan.Seed, o.cell.String(), 9, uint64(k)), o.cell, models[(i+k/1001)%len(models)], k)
		if lan.Fits(&s) == nil && (s.Faults() != 0 || o.plan.Faults == 0 || k > 20_000) {
			break
		}
	}
	if err := o.sim.play(&s); err != nil {
		return nil, o.sim.broke(&s, err)
	}
	long, err := o.play(lan, &s)
	if err != nil {
		return nil, err
	}
	injected := o.cell.injects(&s)
	for _, id := range Judged() {
		k := slices.IndexFunc(claims, func(c spec.Claim) bool { return c.ID == id })
		if k < 0 || o.cell.unseen(id) != "" {
			continue
		}
		if o.sim.outlasts(&s, id) || o.bench.outlasts(long, id) {
			continue
		}
		a, b := o.sim.judge.Check(id), o.bench.judge.Check(id)
		all = append(all, compared{id: id, inside: injected.Within(claims[k].Under), sim: a.Verdict, kernel: b.Verdict,
			said: [2]string{said(&a), said(&b)}, scenario: s.Clone()})
	}
	return all, nil
}

func said(f *spec.Finding) string {
	if f.Witness != nil {
		return f.Witness.Text
	}
	return f.Reason
}
