package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type fuzzCommand struct {
	Target    string        `placeholder:"CELL" help:"A stack, transport/reliability/ordering, or mutant:NAME; without: all of static membership, in turn."`
	Duration  time.Duration `placeholder:"D" help:"How long to search; without, and without --schedules: 10s."`
	Schedules int           `placeholder:"K" help:"How many schedules to play."`
	Corpus    string        `placeholder:"DIR" help:"Scenarios in here are played first, and what is found is put here: as a scenario, and as a file for Go's native fuzzer."`
	Seed      uint64        `default:"1" help:"Same seed and --schedules, same result."`
	Parallel  int           `default:"0" help:"Workers; 0: one for each core."`
	output
}

func (fuzzCommand) Help() string {
	return example("conform fuzz --target mutant:no-relay --duration 10s")
}

// Run searches for a scenario that breaks a claim.
func (c *fuzzCommand) Run(s *session) error {
	switch {
	case c.Schedules < 0 || c.Duration < 0:
		return usage(fmt.Errorf("--schedules %d, --duration %v: want more than 0", c.Schedules, c.Duration))
	case c.Schedules == 0 && c.Duration == 0:
		c.Duration = 10 * time.Second
	}
	plan := suites.SearchPlan{Target: c.Target, Schedules: c.Schedules, Seed: c.Seed, Parallel: workers(c.Parallel)}
	if err := plan.Validate(); err != nil {
		return usage(err)
	}
	known, err := c.corpus()
	if err != nil {
		return usage(err)
	}
	ctx := s.ctx
	if c.Duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.Duration)
		defer stop()
	}
	show, end := progress(s, "searching")
	plan.Known, plan.Progress = known, show
	r, err := plan.Run(ctx)
	end()
	if err != nil {
		return err
	}
	s.verdict(r.Verdict)
	return errors.Join(c.keep(s, r), c.emit(s, r, func(w io.Writer) { r.WriteText(w) }))
}

// corpus reads the scenarios of the directory, in the order of their names.
func (c *fuzzCommand) corpus() ([]*faults.Scenario, error) {
	if c.Corpus == "" {
		return nil, nil
	}
	if err := os.MkdirAll(c.Corpus, 0o777); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(c.Corpus, "*.scenario"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var out []*faults.Scenario
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := faults.Parse(string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// keep puts what was found into the corpus.
func (c *fuzzCommand) keep(s *session, r *suites.Search) error {
	if c.Corpus == "" || r.Verdict != spec.Fail {
		return nil
	}
	name := filepath.Join(c.Corpus, strings.ToLower(string(r.Found.ID)))
	fmt.Fprintf(s.stderr, "kept as %s.scenario\n", name)
	err := os.WriteFile(name+".scenario", []byte(r.Scenario().String()), 0o666)
	if b := r.FuzzFile(); b != nil {
		err = errors.Join(err, os.WriteFile(name+".fuzz", b, 0o666))
	}
	return err
}
