package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

type runCommand struct {
	Transport   string `default:"all" placeholder:"L" help:"Transports: name,name,… or all; a variant is name:option=value."`
	Reliability string `default:"all" placeholder:"L" help:"Levels of reliability."`
	Ordering    string `default:"all" placeholder:"L" help:"Orderings."`
	Membership  string `default:"static,anonymous" placeholder:"L" help:"Memberships; all: also those whose members change."`
	Faults      string `default:"all" placeholder:"L" help:"Faults that schedules may have: names, all, or none."`
	Nodes       int    `default:"0" help:"Nodes of a schedule; 0: three or four."`
	Messages    int    `default:"0" help:"Most messages of a schedule; 0: four."`
	Schedules   int    `default:"-1" placeholder:"N" help:"Schedules for each stack; 100, or 3 on the kernel."`
	Seed        uint64 `default:"1" help:"Same seed, same bytes."`
	World       string `default:"sim" help:"Where scenarios are played: sim, the embedded simulator; netns, the kernel's network, in namespaces."`
	Capture     string `placeholder:"DIR" help:"On the kernel: write the frames of runs that break something to this folder (pcap)."`
	Compare     bool   `help:"On the kernel: play 50 schedules, or --schedules, in the simulator as well, and compare what is said of them."`
	Parallel    int    `default:"0" help:"Workers; 0: one for each core."`
	Cells       bool   `help:"A line for each stack, also where there are many."`
	Witnesses   bool   `help:"Tell the story of every separation in full."`
	formats
}

func (runCommand) Help() string {
	return example("conform run --transport unicast --reliability best-effort,reliable --ordering causal --faults crash,loss --schedules 1000")
}

// validate refuses flags that don't go together.
func (c *runCommand) validate(s *session) error {
	if c.World != "sim" && c.World != "netns" {
		return usage(fmt.Errorf("unknown world %q: want sim or netns", c.World))
	}
	if c.Capture != "" && c.World != "netns" {
		return usage(fmt.Errorf("--capture: only --world netns has frames to capture; conform replay has, too"))
	}
	if c.Compare && c.World != "netns" {
		return usage(fmt.Errorf("--compare: want --world netns, which is compared with the simulator"))
	}
	if c.Compare {
		if err := s.idle("--compare has a table of its own, and keeps no frames", "cells", "witnesses", "capture"); err != nil {
			return err
		}
	}
	if c.Schedules < 1 && s.flags["schedules"] {
		return usage(fmt.Errorf("--schedules %d: want at least 1", c.Schedules))
	}
	return nil
}

// Run judges the stacks.
func (c *runCommand) Run(s *session) error {
	if err := c.validate(s); err != nil {
		return err
	}
	cells, err := suites.Cells(c.Transport, c.Reliability, c.Ordering, c.Membership)
	if err != nil {
		return usage(err)
	}
	applicable := suites.Cell.Applicable
	if c.World == "sim" || c.Compare {
		applicable = suites.Cell.Indoors
	}
	if !slices.ContainsFunc(cells, func(x suites.Cell) bool { return applicable(x) == nil }) {
		return usage(fmt.Errorf("there is nothing to run: no stack is applicable; the first, %s: %w", cells[0], applicable(cells[0])))
	}
	allowed, err := spec.ParseFaultSet(c.Faults)
	if err != nil {
		return usage(err)
	}
	if c.World == "netns" {
		if code, done, err := suites.Elevate(); done || err != nil {
			s.code = code
			return err
		}
	}
	show, end := progress(s, "judging")
	plan := suites.Plan{Cells: cells, Faults: allowed, Nodes: c.Nodes, Messages: c.Messages, Schedules: c.Schedules,
		Seed: c.Seed, Parallel: workers(c.Parallel), Progress: show, Clock: time.Now}
	if err := plan.Validate(); err != nil {
		return usage(err)
	}
	run := suites.Run
	if c.World == "netns" {
		if plan.Parallel = c.Parallel; c.Parallel <= 0 {
			plan.Parallel = suites.OutdoorWorkers()
		}
		run = func(ctx context.Context, p suites.Plan) (*suites.Report, error) {
			return suites.RunOutdoors(ctx, p, c.Capture)
		}
	}
	if c.Compare {
		return c.compare(s, plan, end)
	}
	report, err := run(s.ctx, plan)
	end()
	if errors.Is(err, suites.ErrNotOutdoors) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	s.verdict(report.Verdict)
	n, stacks := 0, 0
	for i := range report.Cells {
		if x := &report.Cells[i]; x.Applicable {
			n, stacks = n+x.Schedules, stacks+1
		}
	}
	word := "stacks"
	if stacks == 1 {
		word = "stack"
	}
	if report.Cut {
		fmt.Fprintln(s.stderr, "conform: interrupted: of the stacks that were played to the end")
	}
	fmt.Fprintf(s.stderr, "%d %s, %d schedules in %.1f s\n", stacks, word, n, float64(report.ElapsedMS)/1000)
	return c.emit(s, report, func(w io.Writer) { report.WriteText(w, suites.Detail{Cells: c.Cells, Witnesses: c.Witnesses}) })
}

// compare plays the same schedules in both worlds.
func (c *runCommand) compare(s *session, plan suites.Plan, end func()) error {
	schedules := c.Schedules
	if schedules < 1 {
		schedules = 50
	}
	r, err := suites.Compare(s.ctx, plan, schedules)
	end()
	if errors.Is(err, suites.ErrNotOutdoors) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	s.verdict(r.Verdict)
	return c.emit(s, r, r.WriteText)
}

func workers(n int) int {
	if n > 0 {
		return n
	}
	return runtime.NumCPU()
}
