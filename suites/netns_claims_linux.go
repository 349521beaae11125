package suites

import (
	"context"
	"errors"
	"sync"

	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// desk is where the schedules of a cell are handed out to those who play them, and what they show is written down.
type desk struct {
	o      *outdoor
	claims spec.Claims

	mu      sync.Mutex
	back    sync.Cond // somebody has come back from a run
	all     []candidate
	long    []candidate // which are played first, as they were drawn
	out     []int       // by claim: how many are under way that put it to the test in the simulator
	away    int         // how many are under way
	tallies []spec.Tally
	witness []*Story
	err     error
}

// claims plays the schedules that are chosen, several at a time, and judges each claim in those whose faults it tolerates.
func (o *outdoor) claims(ctx context.Context, lan *netns.LAN) error {
	d := &desk{o: o}
	d.back.L = &d.mu
	var blind []Row
	for _, c := range o.cell.Claims() {
		if why := o.cell.unseen(c.ID); why != "" {
			blind = append(blind, Row{ID: c.ID, Claimed: true, Under: c.Under.String(), Verdict: spec.Inconclusive, Skipped: true, Reason: why})
			continue
		}
		d.claims = append(d.claims, c)
	}
	n := len(d.claims)
	d.out, d.tallies, d.witness = make([]int, n), make([]spec.Tally, n), make([]*Story, n)
	if d.all, d.err = o.draw(ctx, lan, d.claims); d.err != nil {
		return d.err
	}
	d.long = o.long(d.all)
	var others sync.WaitGroup
	for range o.helpers() {
		others.Go(func() {
			lan, back, err := o.borrow(o.plan.Nodes)
			if err != nil {
				d.fail(err)
				return
			}
			defer back()
			d.work(ctx, lan)
		})
	}
	d.work(ctx, lan)
	others.Wait()
	for k, c := range d.claims {
		t := &d.tallies[k]
		row := Row{ID: c.ID, Claimed: true, Under: c.Under.String(), Verdict: t.Verdict(), Judged: t.Judged,
			Bites: t.Bites, Antecedents: t.Antecedents, Missing: t.Missing, Failed: t.Failed, Witness: d.witness[k]}
		if row.Verdict != spec.Pass {
			row.Reason = t.Reason
			o.excuse(&row)
			o.excusePace(&row)
		}
		o.unit.rows = append(o.unit.rows, row)
	}
	o.unit.rows = append(o.unit.rows, blind...)
	return d.err
}

func (d *desk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = errors.Join(d.err, err)
	d.back.Broadcast()
}

// work plays on one LAN what is handed out, until there is nothing more.
func (d *desk) work(ctx context.Context, lan *netns.LAN) {
	o := *d.o
	o.bench = o.cell.newBench(d.o.bench.cfg, o.cell.mtu()) // the runs on this LAN have a judge of their own
	for x := d.take(ctx); x != nil; x = d.take(ctx) {
		if err := d.judge(&o, lan, x); err != nil {
			d.fail(err)
			return
		}
	}
}

// take hands out the schedule that puts most claims to the test that have not been tested, and are not just now; it
// waits where what is under way may make one necessary. Nil: that was all.
func (d *desk) take(ctx context.Context) *candidate {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := &d.o.unit
	if len(d.long) > 0 && ctx.Err() == nil && d.err == nil {
		x := &d.long[0]
		d.long = d.long[1:]
		u.tried++
		d.away++
		return x
	}
	for u.tried-d.o.longs() < max(mostOutdoors, d.o.plan.Schedules) && ctx.Err() == nil && d.err == nil {
		tested := make([]bool, len(d.claims))
		for k := range tested {
			tested[k] = d.tallies[k].Bites > 0 || d.out[k] > 0
		}
		if i := choose(d.all, tested, u.tried-d.o.longs() < d.o.plan.Schedules); i >= 0 {
			x := &d.all[i]
			x.played++
			u.tried++
			d.away++
			d.book(x, 1)
			return x
		}
		if d.away == 0 {
			return nil
		}
		d.back.Wait()
	}
	return nil
}

func (d *desk) book(x *candidate, n int) {
	for k := range x.bites {
		d.out[k] += n
	}
}

// judge plays a schedule and writes down what it shows.
func (d *desk) judge(o *outdoor, lan *netns.LAN, x *candidate) error {
	o.least = 0
	if x.long {
		o.least = longest
	}
	long, err := o.play(lan, x.s)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away--
	d.book(x, -1)
	d.back.Broadcast()
	if err != nil {
		return err
	}
	d.o.giveUp(o.forgave, d.all, d.claims)
	if o.unpaced {
		d.o.sluggish++
	}
	if o.tardy > mistakenBy && d.o.cell.watches() {
		d.o.unit.late++
	}
	d.o.unit.add(&o.bench.h)
	d.o.unit.counts.Packets += o.packets
	injected := o.cell.injects(x.s)
	for k, c := range d.claims {
		if !injected.Within(c.Under) || o.bench.outlasts(long, c.ID) {
			continue
		}
		if isStatistic(c.ID) && !x.long && d.o.cell.watches() { // what is chosen for its faults says nothing of a share
			continue
		}
		if o.late(c) {
			if d.o.overdue == nil {
				d.o.overdue = map[spec.ID]int{}
			}
			d.o.overdue[c.ID]++
			continue
		}
		f := o.bench.judge.Check(c.ID)
		d.tallies[k].Add(f)
		if f.Verdict == spec.Fail && d.witness[k] == nil {
			if d.witness[k], err = o.tell(x.s, c.ID, &f); err != nil {
				return err
			}
		}
	}
	return nil
}
