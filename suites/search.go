package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// SearchPlan says where a scenario is searched for that breaks a claim, and how long.
type SearchPlan struct {
	Target    string             // a cell or mutant:NAME; empty: all applicable cells of static membership, in turn
	Schedules int                // 0: until the context ends
	Seed      uint64             // same seed and number of schedules, same result, whatever the number of workers
	Parallel  int                // workers
	Known     []*faults.Scenario // played first
	Progress  func(done, total int)
}

// Search is what a search has come to (conform.fuzz/1).
type Search struct {
	Schema     string       `json:"schema"`
	Target     string       `json:"target"`
	Seed       string       `json:"seed"`
	Known      int          `json:"known"`             // scenarios that were played first
	Schedules  int          `json:"schedules"`         // up to the one that was found
	Behaviours int          `json:"behaviours"`        // different runs, times aside
	Recent     int          `json:"recent"`            // … that were new in the last thousand: what is still to be learnt
	Subject    string       `json:"subject,omitempty"` // of what was found
	Under      string       `json:"under,omitempty"`   // faults under which it claims what is broken
	Found      *Story       `json:"found,omitempty"`   // shrunk
	Fuzz       []byte       `json:"fuzz,omitempty"`    // the same as bytes for a native fuzzer; absent where bytes can't say it
	Verdict    spec.Verdict `json:"verdict"`           // fail where something was found
	scenario   *faults.Scenario
}

// Scenario gives what was found, shrunk; nil where nothing was.
func (s *Search) Scenario() *faults.Scenario { return s.scenario }

// searchChunk is how many schedules are one unit of work.
const searchChunk = 1000

// ways are the sizes of schedules among which a search chooses: nodes, and most messages. 0 is what a run has.
var ways = [...]struct{ nodes, messages int }{{0, 0}, {2, 3}, {3, 8}, {5, 4}, {5, 12}, {4, 20}}

// Validate says what can't be searched, or nil.
func (p SearchPlan) Validate() error {
	_, err := p.subjects()
	return err
}

// Run searches.
func (p SearchPlan) Run(ctx context.Context) (*Search, error) {
	subjects, err := p.subjects()
	if err != nil {
		return nil, err
	}
	r := &Search{Schema: "conform.fuzz/1", Target: p.Target, Seed: strconv.FormatUint(p.Seed, 10), Known: len(p.Known)}
	if r.Target == "" {
		r.Target = "all"
	}
	if done, err := p.again(subjects, r); done || err != nil {
		return r, err
	}
	x := &searching{plan: &p, subjects: subjects, seen: map[uint64]bool{}, done: map[int]chunkDone{}, found: -1}
	more, stop := context.WithCancel(ctx) // what has begun goes on to its end: something may be found before what was found
	defer stop()
	x.stop = stop
	total := p.Schedules
	progress := p.Progress
	if total <= 0 {
		total, progress = 1<<40, nil // there is no end to come nearer to
	}
	err = spread(more, p.Parallel, (total+searchChunk-1)/searchChunk, progress,
		func(i int) { x.chunk(ctx, i, min(searchChunk, total-i*searchChunk)) })
	switch {
	case x.err != nil:
		return nil, x.err
	case err != nil && x.found < 0 && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, err
	}
	x.tell(r)
	return r, nil
}

func (p *SearchPlan) subjects() ([]*Subject, error) {
	if p.Target != "" {
		s, err := ParseSubject(p.Target)
		if err == nil && s.cell.Indoors() != nil {
			err = fmt.Errorf("%s: %w", p.Target, s.cell.Indoors())
		}
		return []*Subject{s}, err
	}
	cells, err := Cells("all", "all", "all", "static")
	if err != nil {
		return nil, err
	}
	var out []*Subject
	for _, c := range cells {
		if c.Applicable() != nil {
			continue
		}
		s, err := ParseSubject(c.String())
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// again plays what is known already, on the first subject or on the one that it names.
func (p *SearchPlan) again(subjects []*Subject, r *Search) (done bool, err error) {
	for _, s := range p.Known {
		subject := subjects[0]
		if s.Subject != "" && p.Target == "" {
			if subject, err = ParseSubject(s.Subject); err != nil {
				return false, err
			}
		}
		b := subject.bench()
		if err := b.play(s); err != nil {
			return false, b.broke(s, err)
		}
		if c := subject.broken(b, s); c != nil {
			r.take(subject, b, s, c)
			return true, nil
		}
	}
	return false, nil
}

// searching is a search under way.
type searching struct {
	plan     *SearchPlan
	subjects []*Subject
	stop     func()

	mu     sync.Mutex
	done   map[int]chunkDone // that wait for those before them
	played []int             // schedules, by chunk
	seen   map[uint64]bool   // behaviours
	recent int               // … that were new in the last chunk
	found  int               // the first chunk that found something; -1
	result Search
	err    error
}

// chunkDone is what a chunk has come to.
type chunkDone struct {
	played int
	seen   map[uint64]bool
}

// chunk plays some schedules of one subject. Which sizes it plays more of follows from where it has seen what is new.
func (x *searching) chunk(ctx context.Context, i, n int) {
	subject := x.subjects[i%len(x.subjects)]
	b := subject.bench()
	r := spec.NewRand(x.plan.Seed, purposeSearch, uint64(i))
	seen := map[uint64]bool{}
	var gain [len(ways)]float64
	var s faults.Scenario
	var got *Search
	var err error
	k := 0
	for ; k < n && ctx.Err() == nil && got == nil; k++ {
		way := r.IntN(len(ways))
		if r.Chance(.5) { // the one that has lately shown most that is new
			for w := range gain {
				if gain[w] > gain[way] {
					way = w
				}
			}
		}
		subject.search(&s, r.Uint64(), way, k)
		if e := b.play(&s); e != nil {
			err = b.broke(&s, e)
			break
		}
		f, fresh := behaviour(&b.h), 0.
		if !seen[f] {
			seen[f], fresh = true, 1
		}
		gain[way] += (fresh - gain[way]) / 16
		if c := subject.broken(b, &s); c != nil {
			got = new(Search)
			got.take(subject, b, &s, c)
		}
	}
	x.add(i, k, seen, got, err)
}

const purposeSearch = 0x5ea4

func (x *searching) add(i, played int, seen map[uint64]bool, got *Search, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil && x.err == nil {
		x.err = err
		x.stop()
	}
	if got != nil && (x.found < 0 || i < x.found) {
		x.found, x.result = i, *got
		x.stop()
	}
	x.done[i] = chunkDone{played, seen}
	for x.found < 0 || len(x.played) <= x.found { // in the order of the chunks: what is new does not depend on who was faster
		d, ok := x.done[len(x.played)]
		if !ok {
			break
		}
		delete(x.done, len(x.played))
		fresh := 0
		for f := range d.seen {
			if !x.seen[f] {
				x.seen[f] = true
				fresh++
			}
		}
		x.played, x.recent = append(x.played, d.played), fresh
	}
}

// tell puts together what the chunks have come to, up to the one that found something.
func (x *searching) tell(r *Search) {
	if x.found >= 0 {
		r.Subject, r.Under, r.Found, r.Fuzz, r.scenario, r.Verdict = x.result.Subject, x.result.Under, x.result.Found, x.result.Fuzz, x.result.scenario, x.result.Verdict
	}
	for _, n := range x.played {
		r.Schedules += n
	}
	r.Behaviours, r.Recent = len(x.seen), x.recent
}

// search draws a schedule of a size in s. A cell's has the faults of one of its claims.
func (s *Subject) search(into *faults.Scenario, seed uint64, way, i int) {
	w := ways[way]
	if low, _ := s.cell.sizes(); low > 0 {
		w.nodes = 0
	}
	if s.isMutant() {
		p := s.Params
		if w.nodes > 0 {
			p.MinNodes, p.MaxNodes = w.nodes, w.nodes
		}
		p.MaxSends = w.messages
		mutated := *s
		mutated.Params = p
		mutated.draw(into, seed, i)
		return
	}
	models := modelsOf(s.Claims, spec.AllFaults)
	plan := Plan{Nodes: w.nodes, Messages: w.messages}
	plan.draw(into, seed, s.cell, models[i%len(models)], i/len(models))
}

// broken gives the first claim that the run played last breaks, or nil. A share is no matter of one run.
func (s *Subject) broken(b *bench, x *faults.Scenario) *spec.Claim {
	injected := s.cell.injects(x)
	for k := range s.Claims {
		c := &s.Claims[k]
		if !isStatistic(c.ID) && injected.Within(c.Under) && !b.outlasts(x, c.ID) && b.judge.Check(c.ID).Verdict == spec.Fail {
			return c
		}
	}
	return nil
}

// take tells what was found: the scenario shrunk, as long as it is within the claim.
func (r *Search) take(s *Subject, b *bench, x *faults.Scenario, c *spec.Claim) {
	within := func(t *faults.Scenario) bool { return s.cell.injects(t).Within(c.Under) }
	small, _ := faults.Shrink(x.Clone(), func(t *faults.Scenario) bool { return within(t) && b.fails(t, c.ID) }, shrinkBudget)
	small.Subject = s.Name
	r.Subject, r.Under, r.Verdict = s.Name, c.Under.String(), spec.Fail
	r.Found = b.tell(small, c.ID)
	r.scenario = small.Clone()
	r.scenario.Expect, r.scenario.Trace = c.ID, b.world.Trace()
	if bytes, exact := faults.Encode(small, s.Params); exact {
		r.Fuzz = bytes
	}
}

// behaviour is a digest of a run without its times: who did what to which message, in which order.
func behaviour(h *spec.History) uint64 {
	const prime = 1099511628211
	d := uint64(14695981039346656037)
	for i := range h.Events {
		e := &h.Events[i]
		for _, v := range [...]uint64{uint64(e.Kind), uint64(e.Node), uint64(e.Msg.Sender), e.Msg.Number} {
			d = (d ^ v) * prime
		}
	}
	return d
}

// WriteText tells a search to a person.
func (r *Search) WriteText(w io.Writer) {
	if r.Found == nil {
		fmt.Fprintf(w, "%s: no scenario of %d breaks a claim\n", r.Target, r.Schedules+r.Known)
	} else {
		fmt.Fprintf(w, "%s claims %s under %s:\n%s", r.Subject, r.Found.ID, r.Under, r.Found.Explain())
		fmt.Fprintf(w, "again:\n  %s\n", r.Found.Replay)
	}
	fmt.Fprintf(w, "%d different behaviours, %d of them new in the last thousand schedules\n", r.Behaviours, r.Recent)
}

// FuzzFile is what was found as a file for the corpus of Go's native fuzzer; nil where bytes can't say it.
func (r *Search) FuzzFile() []byte {
	if r.Fuzz == nil {
		return nil
	}
	return fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n", r.Fuzz)
}
