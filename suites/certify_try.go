package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// certBench is a bench whose nodes are processes.
type certBench struct {
	*bench
	pool *adapter.Pool
}

// bench makes a world for the processes of a pool.
func (t *trial) bench(pool *adapter.Pool) *certBench {
	cfg := sim.Config{New: pool.Member, MaxSteps: certEvents, TL: max(sim.DefaultTL, time.Duration(t.hello.Settle)/2),
		Enough: func(spec.Time, *spec.History) bool { return pool.Err() != nil }}
	if t.model.Has(spec.RecoverFault) {
		cfg.Model, cfg.Revive = spec.CrashRecovery, true
	}
	if t.views() {
		cfg.Model = spec.CrashRecovery
	}
	b := newBench(cfg, 0)
	b.views = t.views()
	b.most = slices.Contains(t.claims, "UNIFORM-AGREEMENT") || slices.Contains(t.claims, "UNIFORM-TOTAL-ORDER")
	b.after = func() error { pool.Played(&b.h); return nil }
	return &certBench{b, pool}
}

// certEvents is how many events a run may have: what goes on for longer, as with a timer that is always due, never ends.
const certEvents = 200_000

// play plays a scenario; the error is that of the program, as an adapter, if it has one.
func (b *certBench) play(s *faults.Scenario) error {
	b.pool.Name(s.Groups[0].Name)
	if err := b.bench.play(s); err != nil {
		return err
	}
	if err := b.pool.Err(); err != nil {
		return fmt.Errorf("%w\nscenario:\n%s", err, indent(s.String()))
	}
	return nil
}

// certUnit is some schedules.
type certUnit struct {
	outside  bool
	first, n int

	tried   int
	counts  sim.Counts
	tally   []spec.Tally       // by requirement: the claims, then the others
	broken  []*faults.Scenario // the first that breaks it
	runs    []string           // within the model, in lock-step: see [Certificate]
	stories map[spec.ID]*Story // of runs in real time, which may not come again
	err     error
}

// certChunk is how many schedules are one unit.
const certChunk = 20

// try plays the schedules: first a quiet one, then those of the model, then those with more.
func (t *trial) try(ctx context.Context) {
	if t.hello.Network == "own" {
		t.tryOwn(ctx)
		return
	}
	if err := t.smoke(); err != nil {
		t.broke(err)
		return
	}
	for _, outside := range []bool{false, true} {
		if outside && (t.more == 0 || len(t.claims) == 0) {
			break
		}
		chunk := t.chunk()
		for i, all := 0, t.schedules(); i < all; i += chunk {
			t.units = append(t.units, &certUnit{outside: outside, first: i, n: min(chunk, all-i)})
		}
	}
	var stop atomic.Bool
	err := spread(ctx, t.workers(), len(t.units), t.plan.Progress, func(i int) {
		if u := t.units[i]; !stop.Load() {
			if u.err = t.do(ctx, u); u.err != nil {
				stop.Store(true)
			}
		}
	})
	t.over(ctx, err)
}

// over notes how the playing ended: interrupted, or broken by the harness or by the program.
func (t *trial) over(ctx context.Context, err error) {
	switch {
	case err != nil && ctx.Err() != nil:
		t.r.Incomplete = err.Error()
	case err != nil:
		t.broke(err)
	}
	for _, u := range t.units {
		if errors.Is(u.err, adapter.ErrTimers) {
			t.broke(u.err)
			t.units = nil
			return
		}
		switch {
		case u.err != nil && u.outside && t.r.OutsideError == "": // nobody promised that it lives through this
			t.r.OutsideError = u.err.Error()
		case u.err != nil && !u.outside:
			t.broke(u.err)
		}
	}
}

// take gives an idle bench, or starts more processes for one.
func (t *trial) take() (*certBench, error) {
	select {
	case b := <-t.benches:
		return b, nil
	default:
	}
	pool, err := adapter.Open(t.plan.Adapter)
	if err != nil {
		return nil, err
	}
	return t.bench(pool), nil
}

// put gives a bench back; one whose program broke is closed.
func (t *trial) put(b *certBench) {
	if b.pool.Err() == nil {
		select {
		case t.benches <- b:
			return
		default:
		}
	}
	b.pool.Close()
}

func (t *trial) close() {
	t.outside.close()
	for {
		select {
		case b := <-t.benches:
			b.pool.Close()
		default:
			return
		}
	}
}

// smoke sees in two nodes and one send whether there is anything to certify: that an op which does not exist is answered,
// and that the same happens twice.
func (t *trial) smoke() error {
	b, err := t.take()
	if err != nil {
		return err
	}
	defer t.put(b)
	if err := b.pool.Probe(); err != nil {
		return err
	}
	var heard [2]uint64
	b.pool.Listen(true)
	for i := range heard {
		if err := b.play(t.smallest()); err != nil {
			return err
		}
		heard[i] = b.pool.Listen(i == 0)
	}
	t.r.Subject.Deterministic = heard[0] == heard[1]
	return nil
}

// smallest is a scenario of two nodes and one send.
func (t *trial) smallest() *faults.Scenario {
	return &faults.Scenario{Subject: t.plan.subject(), Nodes: 2, Seed: t.plan.Seed, Net: faults.DefaultNet,
		Groups: []faults.Group{{Name: "g", Members: []spec.NodeID{0, 1}}},
		Steps:  []faults.Step{{Action: faults.Action{Op: faults.Send, Node: 0, To: -1, Size: 8}}}}
}

// quiet plays the smallest scenario, and gives what was seen.
func (t *trial) quiet() (*spec.History, error) {
	if t.r.Error != "" {
		return nil, errors.New(t.r.Error)
	}
	if t.hello.Network == "own" {
		b, done, err := t.ownBench()
		if err != nil {
			return nil, err
		}
		defer done()
		return &b.h, b.play(t.smallest())
	}
	b, err := t.take()
	if err != nil {
		return nil, err
	}
	defer t.put(b)
	return &b.h, b.play(t.smallest())
}

// do plays the schedules of a unit.
func (t *trial) do(ctx context.Context, u *certUnit) error {
	b, err := t.take()
	if err != nil {
		return err
	}
	defer t.put(b)
	ids := slices.Concat(t.claims, t.extra)
	u.tally, u.broken = make([]spec.Tally, len(ids)), make([]*faults.Scenario, len(ids))
	var s faults.Scenario
	for i := u.first; i < u.first+u.n && ctx.Err() == nil; i++ {
		t.draw(&s, u.outside, i)
		if err := b.play(&s); err != nil {
			return err
		}
		u.tried++
		c := b.world.Counts()
		u.counts.Sends, u.counts.Deliveries = u.counts.Sends+c.Sends, u.counts.Deliveries+c.Deliveries
		u.counts.Packets, u.counts.Acks = u.counts.Packets+c.Packets, u.counts.Acks+c.Acks
		if u.outside && s.Faults()&t.more == 0 {
			continue
		}
		u.judge(b.bench, &s, ids, len(t.claims))
		if !u.outside {
			u.runs = append(u.runs, b.digest())
		}
	}
	return nil
}

// digest stands for the run that was played last.
func (b *certBench) digest() string { return fmt.Sprintf("%016x", b.world.Trace().Digest) }

// judge takes the findings on the run that was played last; outside the model only claims are judged.
func (u *certUnit) judge(b *bench, s *faults.Scenario, ids []spec.ID, claims int) {
	for k, id := range ids {
		if u.outside && k >= claims || b.outlasts(s, id) {
			continue
		}
		f := b.judge.Check(id)
		u.tally[k].Add(f)
		if f.Verdict == spec.Fail && u.broken[k] == nil {
			u.broken[k] = s.Clone()
		}
	}
}

// draw makes schedule i of a phase.
func (t *trial) draw(s *faults.Scenario, outside bool, i int) {
	under, purpose := t.model, uint64(6)
	if outside {
		under, purpose = t.model|t.more, 7
		if i%2 == 0 && (t.more&^spec.DiskFaults).Without(spec.RecoverFault) == t.more { // which need a crash to be anything
			under = t.more
		}
	}
	seed := seedOf(t.plan.Seed, AdapterSubject, purpose, uint64(i))
	if faults.DrawInto(s, seed, t.params(under)); t.views() {
		Cell{}.move(s, seed, i)
	}
	if t.hello.Network == "own" {
		t.suit(s, seed, i)
	}
}

// rows merges the units of a phase, and tells the stories of what was broken.
func (t *trial) rows(outside bool) []Row {
	var out []Row
	var known []*faults.Scenario // shrunk
	for k, id := range slices.Concat(t.claims, t.extra) {
		var tally spec.Tally
		var broken *faults.Scenario
		for _, u := range t.units {
			if u.outside == outside && u.tally != nil {
				if tally.Merge(u.tally[k]); broken == nil {
					broken = u.broken[k]
				}
			}
		}
		claimed := k < len(t.claims)
		if outside && (!claimed || tally.Failed == 0) {
			continue
		}
		row := Row{ID: id, Claimed: claimed && !outside, Verdict: tally.Verdict(), Judged: tally.Judged, Bites: tally.Bites,
			Antecedents: tally.Antecedents, Failed: tally.Failed}
		switch {
		case outside:
			row.With, row.Reason = (t.model | t.more).String(), "outside the declared model"
		case claimed:
			row.Under = t.model.String()
		default:
			row.With = t.model.String()
		}
		if row.Verdict == spec.Inconclusive {
			if row.Reason = tally.Reason; tally.Judged == 0 {
				row.Reason = "no schedule was judged"
			}
		}
		if broken != nil {
			row.Witness, known = t.story(broken, id, known)
			if s, err := faults.Parse(row.Witness.Scenario); err == nil && outside {
				row.With = s.Faults().String()
			}
		}
		out = append(out, row)
	}
	return out
}

// story shrinks a scenario that breaks a requirement and tells it, and says how often it shows again. What was shrunk
// for another requirement is tried first.
func (t *trial) story(s *faults.Scenario, id spec.ID, known []*faults.Scenario) (*Story, []*faults.Scenario) {
	if t.hello.Network == "own" {
		return t.storyOwn(s, id), known
	}
	small, err := t.shrink(s, id, known)
	if err == nil && !slices.Contains(known, small) {
		known = append(known, small)
	}
	var b *certBench
	if err == nil {
		b, err = t.take()
	}
	if err != nil {
		t.broke(err)
		return &Story{ID: id, Text: "it was broken, and then the program could not play it again", Scenario: s.String()}, known
	}
	defer t.put(b)
	story, rate := b.tell(small, id), Rate{ID: id, Runs: max(1, t.plan.Runs)}
	for range rate.Runs {
		if b.fails(small, id) && b.pool.Err() == nil {
			rate.Shown++
		}
	}
	t.r.Reproduced = append(t.r.Reproduced, rate)
	if story == nil {
		t.r.Subject.Deterministic = false
		return &Story{ID: id, Text: "it was broken once, and not when the same schedule was played again", Scenario: s.String()}, known
	}
	story.Replay += " -- " + shell(t.plan.Adapter.Command)
	return story, known
}

// shrink looks for a simpler scenario that breaks a requirement, without other faults: one that is known, or a new one.
func (t *trial) shrink(s *faults.Scenario, id spec.ID, known []*faults.Scenario) (*faults.Scenario, error) {
	b, err := t.take()
	if err != nil {
		return nil, err
	}
	defer t.put(b)
	injected := s.Faults()
	breaks := func(x *faults.Scenario) bool {
		return x.Faults().Within(injected) && b.pool.Err() == nil && b.fails(x, id) && b.pool.Err() == nil
	}
	if t.waits() && !slices.Contains(t.claims, id) {
		return s, nil // which takes more time than it is worth
	}
	if i := slices.IndexFunc(known, breaks); i >= 0 {
		return known[i], nil
	}
	if t.plan.Whole {
		return s, nil
	}
	budget := shrinkBudget
	if !slices.Contains(t.claims, id) {
		budget /= 3
	}
	switch {
	case t.waits():
		budget /= 50
	case !t.hello.Reset || t.views(): // a process for each life; runs of many seconds
		budget /= 10
	}
	small, _ := faults.Shrink(s.Clone(), breaks, budget)
	return small, nil
}

// shell writes a command so that a shell takes it as it is.
func shell(command []string) string {
	words := make([]string, len(command))
	for i, w := range command {
		if words[i] = w; w == "" || strings.ContainsAny(w, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
