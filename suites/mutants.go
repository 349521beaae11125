package suites

import (
	"context"
	"fmt"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// KillPlan says which planted bugs are to be caught, and without which judges.
type KillPlan struct {
	Names    []string  // empty: all
	Without  []spec.ID // requirements that are not judged
	Seed     uint64
	Parallel int
	Progress func(done, total int)
}

// KillTable is every planted bug and who caught it (conform.mutants/1).
type KillTable struct {
	Schema      string `json:"schema"`
	Mutants     []Kill `json:"mutants"`
	Killed      int    `json:"killed"`
	Total       int    `json:"total"`
	FalseAlarms int    `json:"false_alarms"`
}

// Kill is one planted bug. It is killed by a requirement that it is said to break. A failure of one that it neither
// breaks nor breaks by implication is a false alarm: the judge is wrong, or the mutant says too little of itself.
type Kill struct {
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Cell        string    `json:"cell"`
	Under       string    `json:"under"` // the faults of its schedules
	Breaks      []spec.ID `json:"breaks"`
	Killed      bool      `json:"killed"`
	By          []spec.ID `json:"by"`                     // of Breaks
	Also        []spec.ID `json:"also,omitempty"`         // broken by implication
	FalseAlarms []spec.ID `json:"false_alarms,omitempty"` // neither
	Schedules   int       `json:"schedules"`              // until it was killed; all that were tried where it was not
	Witness     *Story    `json:"witness,omitempty"`
}

const (
	killBudget = 20000 // schedules a mutant gets
	killAlarms = 300   // schedules in which false alarms are looked for, at least
	killViews  = 60    // … where members come and go, which takes longer to play
)

// Verdict is fail where a mutant survived or a judge gave a false alarm.
func (t *KillTable) Verdict() spec.Verdict {
	if t.Killed < t.Total || t.FalseAlarms > 0 {
		return spec.Fail
	}
	return spec.Pass
}

// Mutants runs every planted bug against the judges.
func Mutants(ctx context.Context, p KillPlan) (*KillTable, error) {
	var chosen []mutant.Mutant
	all := mutant.All()
	for _, name := range p.Names {
		if _, ok := mutant.Lookup(name); !ok {
			_, err := ParseSubject(mutantPrefix + name)
			return nil, err
		}
	}
	for _, m := range all {
		if len(p.Names) == 0 || slices.Contains(p.Names, m.Name) {
			chosen = append(chosen, m)
		}
	}
	kills := make([]Kill, len(chosen))
	errs := make([]error, len(chosen))
	err := spread(ctx, p.Parallel, len(chosen), p.Progress, func(i int) { kills[i], errs[i] = p.hunt(ctx, &chosen[i]) })
	if err != nil {
		return nil, err
	}
	t := &KillTable{Schema: "conform.mutants/1", Mutants: kills, Total: len(kills)}
	for i := range kills {
		if errs[i] != nil {
			return nil, fmt.Errorf("mutant %s: %w", chosen[i].Name, errs[i])
		}
		if kills[i].Killed {
			t.Killed++
		}
		t.FalseAlarms += len(kills[i].FalseAlarms)
	}
	return t, nil
}

// hunting is the search for one mutant.
type hunting struct {
	plan    *KillPlan
	mutant  *mutant.Mutant
	subject *Subject
	bench   *bench
	kill    Kill
	failed  map[spec.ID]bool
	shares  map[spec.ID]*spec.Tally // of the statistics
}

// hunt plays schedules of one mutant until it is killed, and some more to look for false alarms.
func (p *KillPlan) hunt(ctx context.Context, m *mutant.Mutant) (Kill, error) {
	h := hunting{plan: p, mutant: m, failed: map[spec.ID]bool{}, shares: map[spec.ID]*spec.Tally{},
		kill: Kill{Name: m.Name, Title: m.Title, Cell: m.Cell, Under: m.Under.String(), Breaks: m.Breaks, By: []spec.ID{}}}
	subject, err := mutantSubject(m)
	if err != nil {
		return h.kill, err
	}
	h.subject, h.bench = subject, subject.bench()
	var s faults.Scenario
	alarms := killAlarms
	if subject.cell.changes() {
		alarms = killViews
	}
	for i := 0; i < killBudget && !(h.kill.Killed && i >= alarms) && ctx.Err() == nil; i++ {
		subject.draw(&s, seedOf(p.Seed, subject.Name, 3, uint64(i)), i)
		if err := h.bench.play(&s); err != nil {
			return h.kill, err
		}
		if !h.kill.Killed {
			h.kill.Schedules = i + 1
		}
		for _, c := range subject.Claims {
			if err := h.judge(&s, c, i+1); err != nil {
				return h.kill, err
			}
		}
	}
	h.accuse()
	return h.kill, nil
}

// judge judges the run of a schedule by one claim, after so many of them.
func (h *hunting) judge(s *faults.Scenario, c spec.Claim, played int) error {
	cell := &h.subject.cell
	if slices.Contains(h.plan.Without, c.ID) || !cell.injects(s).Within(c.Under) || h.bench.outlasts(s, c.ID) {
		return nil
	}
	f := h.bench.judge.Check(c.ID)
	if isStatistic(c.ID) {
		if text := h.subject.shortOf(h.shareOf(c.ID), f); text != "" && played >= killAlarms {
			h.failed[c.ID] = true
			if slices.Contains(h.mutant.Breaks, c.ID) && !h.kill.Killed {
				h.kill.Killed, h.kill.Witness = true, &Story{ID: c.ID, Text: text}
			}
		}
		return nil
	}
	if f.Verdict != spec.Fail {
		return nil
	}
	h.failed[c.ID] = true
	if h.kill.Killed || !slices.Contains(h.mutant.Breaks, c.ID) {
		return nil
	}
	h.kill.Killed = true
	h.kill.Witness = h.bench.story(s.Clone(), c.ID, func(t *faults.Scenario) bool { return cell.injects(t).Within(c.Under) })
	return h.bench.play(s) // shrinking has loaded other histories
}

// shareOf gives what all runs together show of a statistic.
func (h *hunting) shareOf(id spec.ID) *spec.Tally {
	if h.shares[id] == nil {
		h.shares[id] = &spec.Tally{}
	}
	return h.shares[id]
}

// accuse sorts what has failed: what the mutant is said to break, what follows from that, and false alarms.
func (h *hunting) accuse() {
	k, implied := &h.kill, entailing(h.mutant.Breaks)
	for _, c := range h.subject.Claims {
		switch {
		case !h.failed[c.ID]:
		case slices.Contains(h.mutant.Breaks, c.ID):
			k.By = append(k.By, c.ID)
		case slices.Contains(implied, c.ID):
			k.Also = append(k.Also, c.ID)
		default:
			k.FalseAlarms = append(k.FalseAlarms, c.ID)
		}
	}
}

// shortOf adds a finding on a statistic, and says what all of them together show if that is too little.
func (s *Subject) shortOf(t *spec.Tally, f spec.Finding) string {
	d, _ := s.cell.statistic(f.ID, s.cell.members(0))
	t.Add(f)
	if v, text := d.weigh(t); v == spec.Fail {
		return text
	}
	return ""
}

// entailing lists the requirements that can't hold where one of these does not.
func entailing(ids []spec.ID) []spec.ID {
	var out []spec.ID
	for _, id := range ids {
		out = append(out, spec.ImpliedBy(id)...)
	}
	return out
}
