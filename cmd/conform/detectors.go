package main

import (
	"fmt"
	"io"
	"time"

	"github.com/conform-go/conform/suites"
	"github.com/conform-go/conform/suites/picture"
)

type detectorsCommand struct {
	Nodes    int           `default:"4" help:"Nodes that watch each other."`
	Runs     int           `default:"5" help:"Runs of each row; each ends in a crash."`
	Length   time.Duration `default:"1m" help:"Of a run, until the crash."`
	Seed     uint64        `default:"1" help:"Same seed, same bytes."`
	Parallel int           `default:"0" help:"Workers; 0: one for each core."`
	SVG      string        `name:"svg" placeholder:"FILE" writes:"" help:"Draw the table."`
	output
}

func (detectorsCommand) Help() string { return example("conform detectors --runs 1 --length 5s") }

// Run measures the quality of failure detectors. Nothing is judged.
func (c *detectorsCommand) Run(s *session) error {
	if c.Nodes == 0 || c.Runs == 0 || c.Length == 0 {
		return usage(fmt.Errorf("--nodes, --runs and --length: want more than 0"))
	}
	show, end := progress(s, "measuring")
	plan := suites.DetectorsPlan{Nodes: c.Nodes, Runs: c.Runs, Length: c.Length, Seed: c.Seed, Parallel: workers(c.Parallel), Progress: show}
	if err := plan.Complete(); err != nil {
		return usage(err)
	}
	report, err := suites.MeasureDetectors(s.ctx, plan)
	end()
	if err != nil {
		return err
	}
	if err := draw(s, c.SVG, func(w io.Writer) error { return picture.Detectors(w, report) }); err != nil {
		fmt.Fprintf(s.stderr, "%s: %v\n", c.SVG, err) // and what can't be drawn changes nothing else
	}
	return c.emit(s, report, report.WriteText)
}
