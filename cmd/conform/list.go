package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/suites"
)

type listCommand struct {
	What string `arg:"" name:"WHAT" help:"requirements, transports, reliability, orderings, memberships, detectors, faults, mutants, levels, profiles, or schemas: those of the lines of an adapter."`
	output
}

func (listCommand) Help() string { return example("conform list requirements") }

// Run lists what has a name.
func (c *listCommand) Run(s *session) error {
	if c.What == "schemas" {
		b, err := json.MarshalIndent(adapter.Schemas(), "", " ")
		if err != nil {
			return err
		}
		return c.emit(s, json.RawMessage(b), func(w io.Writer) { fmt.Fprintf(w, "%s\n", b) })
	}
	l, err := suites.List(c.What)
	if err != nil {
		return usage(err)
	}
	return c.emit(s, l, l.WriteText)
}

type explainCommand struct {
	Name string `arg:"" name:"NAME" help:"What to explain."`
	output
}

func (explainCommand) Help() string { return example("conform explain UNIFORM-AGREEMENT") }

// Run explains a name.
func (c *explainCommand) Run(s *session) error {
	es, err := suites.Explain(c.Name)
	if err != nil {
		return usage(err)
	}
	return c.emit(s, es, func(w io.Writer) {
		for i, e := range es {
			if i > 0 {
				fmt.Fprintln(w)
			}
			e.WriteText(w)
		}
	})
}
