package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// formats are the flags of the commands that judge.
type formats struct {
	output
	JUnit    string `name:"junit" placeholder:"FILE" writes:"" help:"Write the verdicts as JUnit XML."`
	HTML     string `name:"html" placeholder:"FILE" writes:"" help:"Write the verdicts as one page in HTML, with the diagrams of what was broken."`
	Markdown string `placeholder:"FILE" writes:"" help:"Write the verdicts as a page in Markdown."`
}

// emit writes a result in every format that is asked for.
func (f formats) emit(s *session, result suites.Sheet, tell func(io.Writer)) error {
	return errors.Join(f.output.emit(s, result, tell),
		s.write(f.JUnit, func(w io.Writer) error { return suites.WriteJUnit(w, result) }),
		s.write(f.HTML, func(w io.Writer) error { return suites.WriteHTML(w, result) }),
		s.write(f.Markdown, func(w io.Writer) error { return suites.WriteMarkdown(w, result) }))
}

type reportCommand struct {
	File      string `arg:"" name:"RUN.json" help:"What conform run --json wrote; - is stdin."`
	Cells     bool   `help:"A line for each stack, also where there are many."`
	Witnesses bool   `help:"Tell the story of every separation in full."`
	formats
}

func (reportCommand) Help() string {
	return example("conform run --transport unicast --reliability best-effort,reliable --json run.json",
		"conform report run.json --junit junit.xml --html run.html")
}

// Run writes a run again. The exit code is the run's.
func (c *reportCommand) Run(s *session) error {
	f := os.Stdin
	if c.File != "-" {
		var err error
		if f, err = os.Open(c.File); err != nil {
			return usage(err)
		}
		defer f.Close()
	}
	r, err := readReport(f)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", c.File, err))
	}
	s.verdict(r.Verdict)
	return c.emit(s, r, func(w io.Writer) { r.WriteText(w, suites.Detail{Cells: c.Cells, Witnesses: c.Witnesses}) })
}

// readReport reads what a run has written, all of it: a file that was cut off, or is another's, says nothing of a run.
func readReport(from io.Reader) (*suites.Report, error) {
	b, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	r := &suites.Report{}
	var there struct {
		Schema  string
		Verdict *spec.Verdict
		Cells   []json.RawMessage
	}
	if err := json.Unmarshal(b, &there); err != nil {
		return nil, fmt.Errorf("want what conform run --json writes: %w", err)
	}
	switch {
	case there.Schema != suites.RunSchema:
		return nil, fmt.Errorf("schema %q: want %q, which conform run --json writes", there.Schema, suites.RunSchema)
	case there.Verdict == nil || len(there.Cells) == 0:
		return nil, errors.New("it has no verdict or no cells: want all of what conform run --json writes")
	}
	return r, json.Unmarshal(b, r)
}
