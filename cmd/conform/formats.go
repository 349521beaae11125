package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/conform-go/conform/suites"
)

// formats are the flags of the commands that judge.
type formats struct {
	output
	JUnit    string `name:"junit" placeholder:"FILE" help:"Write the verdicts as JUnit XML."`
	Markdown string `placeholder:"FILE" help:"Write the verdicts as a page in Markdown."`
}

// prepare says before anything is executed that a file can't be written.
func (f formats) prepare() error {
	err := f.output.prepare()
	for _, name := range []string{f.JUnit, f.Markdown} {
		if name != "" && err == nil {
			err = writable(name)
		}
	}
	return err
}

// emit writes a result in every format that is asked for.
func (f formats) emit(s *session, result suites.Sheet, tell func(io.Writer)) error {
	return errors.Join(f.output.emit(s, result, tell),
		write(f.JUnit, func(w io.Writer) error { return suites.WriteJUnit(w, result) }),
		write(f.Markdown, func(w io.Writer) error { return suites.WriteMarkdown(w, result) }))
}

// write makes a file, if it has a name.
func write(name string, with func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(with(f), f.Close())
}

type reportCommand struct {
	File      string `arg:"" name:"RUN.json" help:"What conform run --json wrote; - is stdin."`
	Cells     bool   `help:"A line for each stack, also where there are many."`
	Witnesses bool   `help:"Tell the story of every separation in full."`
	formats
}

func (reportCommand) Help() string {
	return example("conform report run.json --junit junit.xml --markdown summary.md")
}

// Run writes a run again. The exit code is the run's.
func (c *reportCommand) Run(s *session) error {
	if err := c.prepare(); err != nil {
		return err
	}
	f := os.Stdin
	if c.File != "-" {
		var err error
		if f, err = os.Open(c.File); err != nil {
			return usage(err)
		}
		defer f.Close()
	}
	var r suites.Report
	if err := json.NewDecoder(f).Decode(&r); err != nil {
		return usage(fmt.Errorf("%s: %w", c.File, err))
	}
	if r.Schema != suites.RunSchema {
		return usage(fmt.Errorf("%s: schema %q: want %q", c.File, r.Schema, suites.RunSchema))
	}
	s.verdict(r.Verdict)
	return c.emit(s, &r, func(w io.Writer) { r.WriteText(w, suites.Detail{Cells: c.Cells, Witnesses: c.Witnesses}) })
}
