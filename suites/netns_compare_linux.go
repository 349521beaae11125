package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/netns"
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
		if err == nil {
			err = c.Indoors()
		}
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
		if o.sim.outlasts(&s, id) || o.bench.outlasts(long, id) || o.late(claims[k]) {
			continue
		}
		a, b := o.sim.judge.Check(id), o.bench.judge.Check(id)
		all = append(all, compared{id: id, inside: injected.Within(claims[k].Under), sim: a.Verdict, kernel: b.Verdict,
			said: [2]string{said(&a), said(&b)}, scenario: s.Clone()})
	}
	for k := range all {
		x := &all[k]
		switch {
		case x.sim == x.kernel:
		case x.kernel == spec.Fail:
			x.explained = o.inSimulator(&s, x.id)
		case x.sim == spec.Fail:
			if x.explained, err = o.onKernel(lan, &s, x.id); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// interleavings is how many other runs of a schedule the simulator is given to show what the kernel has shown.
const interleavings = 150

// inSimulator looks for a run in the simulator that breaks a requirement as the kernel has done: the same steps, with
// packets in another order, or as quick as they are on the kernel. What it gives says how; nothing where there is none.
func (o *outdoor) inSimulator(s *faults.Scenario, id spec.ID) string {
	t := s.Clone()
	for k := range interleavings {
		t.Seed = seedOf(s.Seed, string(id), 10, uint64(k))
		switch t.Net = s.Net; k % 3 {
		case 1: // a kernel's packet takes so long
			t.Net = faults.Net{Strategy: faults.Latency, Min: 20 * time.Microsecond, Max: 300 * time.Microsecond, MTU: s.Net.MTU}
		case 2: // … and a process that has to wait for its turn
			t.Net = faults.Net{Strategy: faults.Latency, Min: 20 * time.Microsecond, Max: 3 * time.Millisecond, MTU: s.Net.MTU}
		}
		if o.sim.fails(t, id) {
			return fmt.Sprintf("the simulator breaks it too, in run %d of the same steps: conform replay %s", k+1, t.Token())
		}
	}
	return ""
}

// onKernel plays a schedule again on the kernel, where it is another run each time.
func (o *outdoor) onKernel(lan *netns.LAN, s *faults.Scenario, id spec.ID) (string, error) {
	for k := range tries {
		long, err := o.play(lan, s)
		if err != nil {
			return "", err
		}
		if o.bench.judge.Check(id).Verdict == spec.Fail && !o.bench.outlasts(long, id) {
			return fmt.Sprintf("the kernel breaks it too, in run %d of the schedule", k+2), nil
		}
	}
	return o.neitherQuick(s, id)
}

// neitherQuick says so where the simulator does not break a requirement either with packets that are as quick as the
// kernel's: as quick or as slow as they are drawn, packets decide whether the schedule's faults strike in time. One run of
// several that breaks it leaves the kernel's without an explanation: what one interleaving shows others do not.
func (o *outdoor) neitherQuick(s *faults.Scenario, id spec.ID) (string, error) {
	const runs = interleavings / 10
	t := s.Clone()
	t.Net = faults.Net{Strategy: faults.Latency, Min: 20 * time.Microsecond, Max: 300 * time.Microsecond, MTU: s.Net.MTU}
	for k := range runs {
		t.Seed = seedOf(s.Seed, string(id), 11, uint64(k))
		if err := o.sim.play(t); err != nil {
			return "", o.sim.broke(t, err)
		}
		if o.sim.judge.Check(id).Verdict == spec.Fail {
			return "", nil
		}
	}
	return fmt.Sprintf("nor does the simulator in %d runs, where packets are as quick as the kernel's: conform replay %s", runs, t.Token()), nil
}

func said(f *spec.Finding) string {
	if f.Witness != nil {
		return f.Witness.Text
	}
	return f.Reason
}
