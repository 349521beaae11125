package suites

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// Plan is what a run is to do.
type Plan struct {
	Cells     []Cell
	Faults    spec.FaultSet // no schedule has others
	Nodes     int           // 0: 3 or 4, drawn
	Messages  int           // most sends of a schedule, sentinels aside; 0: 4
	Schedules int           // for each cell, and shareFactor times as many where a statistic is claimed; 0: DefaultSchedules
	Seed      uint64
	Parallel  int                   // workers; 0: one
	Witnesses bool                  // shrink every separation's schedule, and not only the first of each kind, which the text shows
	Progress  func(done, total int) // called from one goroutine at a time; may be nil
	Clock     func() time.Time      // for elapsed_ms; nil: 0
}

// DefaultSchedules is how many schedules a cell gets.
const DefaultSchedules = 100

// searchBudget is how many schedules are tried for a separation witness before it counts as not found.
const searchBudget = 5000

// A witness of up to simpleSteps steps is simple enough; a longer one is shown when simplerTries have been found.
const (
	simpleSteps  = 2
	simplerTries = 2
)

// shareFactor is how many times as many schedules a cell gets of which a statistic is claimed.
const shareFactor = 4

// chunk is how many schedules are one unit of work.
const chunk = 250

// Validate says what is out of bounds, or nil.
func (p *Plan) Validate() error {
	if p.Nodes < 0 || p.Nodes > 64 {
		return fmt.Errorf("nodes %d: want 1 to 64, or 0 for 3 or 4", p.Nodes)
	}
	if p.Messages < 0 || p.Messages > 24 {
		return fmt.Errorf("messages %d: want 1 to 24, or 0 for up to 4", p.Messages)
	}
	return nil
}

// Run judges every cell. The error is for what could not be run at all; what the cells do wrong stands in the report.
func Run(ctx context.Context, p Plan) (*Report, error) {
	if p.Schedules <= 0 {
		p.Schedules = DefaultSchedules
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var started time.Time
	if p.Clock != nil {
		started = p.Clock()
	}
	units := p.units()
	cut := p.work(ctx, units)
	if cut != nil && !interrupted(ctx, cut, units) {
		return nil, cut
	}
	r := &Report{Schema: RunSchema, Version: Version, Seed: strconv.FormatUint(p.Seed, 10), World: "sim",
		Faults: faultsText(p.Faults)}
	for _, c := range p.Cells {
		var mine []*unit
		for _, u := range units {
			if u.cell.String() == c.String() {
				mine = append(mine, u)
			}
		}
		cr := merge(c, c.members(p.Nodes), mine)
		if err := c.Indoors(); cr.Applicable && err != nil {
			cr = CellReport{Transport: cr.Transport, Reliability: cr.Reliability, Ordering: cr.Ordering, Membership: cr.Membership, Reason: err.Error()}
		}
		r.add(&cr, &p, mine)
	}
	if p.Clock != nil {
		r.ElapsedMS = p.Clock().Sub(started).Milliseconds()
	}
	return r, nil
}

// unit is one piece of work: some schedules of a cell judged for its claims, or its separations searched for.
type unit struct {
	plan       *Plan
	cell       Cell
	first, n   int
	separating bool
	shown      []bool // by separation of the cell: whether the text shows its witness

	counts sim.Counts
	held   sim.Held
	tried  int
	late   int // runs on the kernel in which the machine was so late that who lives is suspected for it
	rows   []Row
	over   bool // nobody has interrupted it
	err    error
}

func (p *Plan) units() []*unit {
	var out []*unit
	seen := map[shownAs]bool{}
	for _, c := range p.Cells {
		if c.Indoors() != nil {
			continue
		}
		n := p.Schedules
		if slices.ContainsFunc(c.Claims(), func(x spec.Claim) bool { return isStatistic(x.ID) }) { // a share shows in many messages only
			n *= shareFactor
		}
		for i := 0; i < n; i += chunk {
			out = append(out, &unit{plan: p, cell: c, first: i, n: min(chunk, n-i)})
		}
		u := &unit{plan: p, cell: c, separating: true}
		for _, sep := range c.Separations() {
			x := showAs(sep.ID, c.Reliability.String(), c.Ordering.String(), sep.With.String())
			u.shown = append(u.shown, p.Witnesses || !seen[x])
			seen[x] = true
		}
		out = append(out, u)
	}
	return out
}

// work does the units on the plan's workers.
func (p *Plan) work(ctx context.Context, units []*unit) error {
	if err := spread(ctx, p.Parallel, len(units), p.Progress, func(i int) { units[i].do(ctx) }); err != nil {
		return err
	}
	for _, u := range units {
		if u.err != nil {
			return fmt.Errorf("%s: %w", u.cell, u.err)
		}
	}
	return nil
}

func (u *unit) do(ctx context.Context) {
	defer func() { u.over = ctx.Err() == nil }()
	b := u.cell.newBench(u.cell.world(u.cell.Member, nil), u.cell.mtu())
	if u.separating {
		u.separate(ctx, b)
		return
	}
	u.claims(ctx, b)
}

// seedOf gives the seed of one schedule of a cell.
func seedOf(seed uint64, cell string, purpose, i uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(cell))
	r := spec.NewRand(seed, h.Sum64(), purpose, i)
	return r.Uint64()
}

// claims plays the unit's schedules and judges each claim in those whose faults it tolerates.
func (u *unit) claims(ctx context.Context, b *bench) {
	claims := u.cell.Claims()
	models := modelsOf(claims, u.plan.Faults)
	tallies := make([]spec.Tally, len(claims))
	first := make([]*faults.Scenario, len(claims))
	var s faults.Scenario
	for i := u.first; i < u.first+u.n && ctx.Err() == nil; i++ {
		seed := seedOf(u.plan.Seed, u.cell.String(), 1, uint64(i))
		u.plan.draw(&s, seed, u.cell, models[i%len(models)], i/len(models))
		if err := b.play(&s); err != nil {
			u.err = b.broke(&s, err)
			return
		}
		u.tried++
		u.count(b)
		injected := u.cell.injects(&s)
		for k, c := range claims {
			if !injected.Within(c.Under) || b.outlasts(&s, c.ID) {
				continue
			}
			f := b.judge.Check(c.ID)
			tallies[k].Add(f)
			if f.Verdict == spec.Fail && first[k] == nil {
				first[k] = s.Clone()
			}
		}
	}
	if u.err = u.insist(ctx, b, claims, tallies, first); u.err != nil {
		return
	}
	for k, c := range claims {
		t := &tallies[k]
		row := Row{ID: c.ID, Claimed: true, Under: c.Under.String(), Verdict: t.Verdict(), Judged: t.Judged,
			Bites: t.Bites, Antecedents: t.Antecedents, Missing: t.Missing, Failed: t.Failed}
		if row.Verdict != spec.Pass {
			row.Reason = t.Reason
		}
		if first[k] != nil {
			row.Witness = b.story(first[k], c.ID, func(t *faults.Scenario) bool { return u.cell.injects(t).Within(c.Under) })
		}
		u.rows = append(u.rows, row)
	}
}

func (u *unit) count(b *bench) {
	c := b.world.Counts()
	u.counts.Sends += c.Sends
	u.counts.Deliveries += c.Deliveries
	u.counts.Packets += c.Packets
	u.counts.Acks += c.Acks
	u.counts.AckPackets += c.AckPackets
	u.counts.Frames += c.Frames
	u.counts.ByNIC += c.ByNIC
	u.counts.ByDriver += c.ByDriver
	for code, n := range c.Discards {
		u.counts.Discards[code] += n
	}
	held := b.world.Held()
	u.held.Add(&held)
}

// faultsText names a set of faults.
func faultsText(s spec.FaultSet) string {
	if s == spec.AllFaults {
		return "all"
	}
	return s.String()
}

// modelsOf lists the different fault models of some claims, cut to the faults allowed, the fullest first.
func modelsOf(claims spec.Claims, allowed spec.FaultSet) []spec.FaultSet {
	var out []spec.FaultSet
	seen := map[spec.FaultSet]bool{}
	for _, c := range claims {
		if m := c.Under & allowed; !seen[m] {
			seen[m] = true
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		out = append(out, spec.NoFaults)
	}
	return out
}

// separate looks for schedules that break what the cell does not promise. What shows with the same faults is looked for
// in the same schedules.
func (u *unit) separate(ctx context.Context, b *bench) {
	seps := u.cell.Separations()
	rows := make([]*Row, len(seps))
	for k, sep := range seps {
		if sep.With.Within(u.plan.Faults) && (u.plan.Nodes == 0 || u.plan.Nodes >= sep.Nodes) { // the run may leave these faults out, or have too few nodes
			rows[k] = &Row{ID: sep.ID, With: sep.With.String(), Verdict: spec.Inconclusive}
		}
	}
	done := make([]bool, len(seps))
	for k, sep := range seps {
		if rows[k] == nil || done[k] {
			continue
		}
		var open []int
		for i := k; i < len(seps); i++ {
			if rows[i] != nil && seps[i].With == sep.With {
				open, done[i] = append(open, i), true
			}
		}
		if u.err = u.search(ctx, b, sep.With, open, rows); u.err != nil {
			return
		}
	}
	for _, row := range rows {
		if row == nil {
			continue
		}
		if row.Verdict != spec.Fail {
			row.Reason = fmt.Sprintf("no schedule of %d broke it, though it is not promised", row.Judged)
		}
		u.rows = append(u.rows, *row)
	}
}

// search looks for schedules with some faults that break the rows that are open.
func (u *unit) search(ctx context.Context, b *bench, with spec.FaultSet, open []int, rows []*Row) error {
	first := open[0]
	ends := make([]int, len(rows)) // by row: where a simpler witness than the one it has is not looked for any more
	var s faults.Scenario
	var broken []int
	for i := 0; i < searchBudget && len(open) > 0 && ctx.Err() == nil; i++ {
		seed := seedOf(u.plan.Seed, u.cell.String(), 2, uint64(first)<<32|uint64(i))
		if u.plan.draw(&s, seed, u.cell, with, i); i%2 == 1 {
			u.cell.aim(&s, seed, with)
		}
		if err := b.play(&s); err != nil {
			return b.broke(&s, err)
		}
		broken = broken[:0]
		for _, k := range open {
			f := b.judge.Check(rows[k].ID)
			rows[k].Judged++
			rows[k].Antecedents += f.Antecedents
			switch f.Verdict {
			case spec.Pass:
				rows[k].Bites++
			case spec.Fail:
				broken = append(broken, k)
			}
		}
		for _, k := range broken {
			row := rows[k]
			w := u.witness(b, &s, row.ID, u.shown[k])
			if row.Failed++; row.Failed == 1 {
				row.Verdict, row.Witness, ends[k] = spec.Fail, w, i+searchBudget/10
			} else if w.Steps < row.Witness.Steps {
				row.Witness = w
			}
		}
		open = slices.DeleteFunc(open, func(k int) bool {
			row := rows[k]
			return row.Failed > 0 && (!u.shown[k] || row.Witness.Steps <= simpleSteps || row.Failed == simplerTries || i >= ends[k])
		})
	}
	return nil
}

// witness tells the story of a schedule that breaks what is not promised: shrunk, to one with the same faults, where it
// is shown.
func (u *unit) witness(b *bench, s *faults.Scenario, id spec.ID, shown bool) *Story {
	if !shown {
		return b.tell(s, id)
	}
	injected := u.cell.injects(s)
	return b.story(s, id, func(t *faults.Scenario) bool {
		i := u.cell.injects(t)
		return i.Within(injected) && (i != 0 || injected == 0)
	})
}
