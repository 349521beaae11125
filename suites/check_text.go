package suites

import (
	"fmt"
	"io"

	"github.com/conform-go/conform/spec"
)

// WriteText tells a judgement to a person.
func (r *CheckReport) WriteText(w io.Writer) {
	state := "settled"
	if !r.Settled {
		state = "not settled: a missing delivery proves nothing"
	}
	fmt.Fprintf(w, "%s: %d events, %s\n\n", r.File, r.Events, state)
	rows := [][]string{{"REQUIREMENT", "CLAIMED", "VERDICT", "INSTANCES", ""}}
	for i := range r.Requirements {
		row := &r.Requirements[i]
		claimed := ""
		if row.Claimed {
			claimed = "claimed"
		}
		rows = append(rows, []string{string(row.ID), claimed, holds(row.Verdict), fmt.Sprint(row.Antecedents), row.Reason})
	}
	table(w, rows...)
	for i := range r.Requirements {
		if row := &r.Requirements[i]; row.Witness != nil {
			fmt.Fprintf(w, "\n%s is broken%s\n\n%s.\n\n%s", row.ID, statement(row.ID), wrap(row.Witness.Text, 110, ""), row.Witness.Diagram)
		}
	}
	fmt.Fprintf(w, "\n%s", r.Verdict)
	if broken := r.Broken(); len(broken) > 0 {
		fmt.Fprintf(w, "; broken, and not claimed: %s", joinIDs(broken))
	}
	fmt.Fprintln(w)
}

// statement is the requirement in words with its source, for the end of a sentence.
func statement(id spec.ID) string {
	r, ok := spec.Lookup(id)
	switch {
	case !ok:
		return "."
	case r.Source == "":
		return ":\n" + wrap(r.Statement, 110, "")
	}
	return ":\n" + wrap(r.Statement+" ("+r.Source+")", 110, "")
}
