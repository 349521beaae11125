package main

import (
	"fmt"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type mutantsCommand struct {
	Name     []string `placeholder:"L" help:"Mutants; without: all."`
	Without  []string `placeholder:"ID" help:"Take these judges away: what only they catch survives."`
	Seed     uint64   `default:"1" help:"Same seed, same bytes."`
	Parallel int      `default:"0" help:"Workers; 0: one for each core."`
	formats
}

func (mutantsCommand) Help() string {
	return example("conform mutants --name no-relay --without AGREEMENT")
}

// Run plays every planted bug.
func (c *mutantsCommand) Run(s *session) error {
	without, err := spec.ParseClaims(named(c.Without))
	if err != nil {
		return usage(fmt.Errorf("--without: %w", err))
	}
	for _, name := range named(c.Name) {
		if _, err := suites.ParseSubject("mutant:" + name); err != nil {
			return usage(err)
		}
	}
	show, end := progress(s, "hunting")
	table, err := suites.Mutants(s.ctx, suites.KillPlan{Names: named(c.Name), Without: without, Seed: c.Seed,
		Parallel: workers(c.Parallel), Progress: show})
	end()
	if err != nil {
		return err
	}
	s.verdict(table.Verdict())
	return c.emit(s, table, table.WriteText)
}
