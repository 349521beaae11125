package suites

import (
	"strings"

	"github.com/conform-go/conform/spec"
)

// sheet has one part, the program. What it did wrong as an adapter is a row of its own.
func (r *Certified) sheet() sheet {
	name := strings.TrimSpace(r.Subject.Name + " " + r.Subject.Version)
	if name == "" {
		name = shell(r.Subject.Command)
	}
	s := r.Report.sheet()
	s.title = "conform certify --seed " + r.Seed + " -- " + shell(r.Subject.Command)
	part := sheetPart{name: name, verdict: r.Verdict}
	for i := range r.Cells {
		part.rows = append(part.rows, r.Cells[i].Requirements...)
	}
	if r.Error != "" {
		part.rows = append(part.rows, Row{ID: "adapter", Claimed: true, Verdict: spec.Error, Reason: r.Error})
	}
	if r.Incomplete != "" {
		part.rows = append(part.rows, Row{ID: "schedules", Claimed: true, Verdict: spec.Inconclusive, Reason: "not all were played: " + r.Incomplete})
	}
	s.parts = []sheetPart{part}
	return s
}

func (r *CheckedAdapter) sheet() sheet {
	part := sheetPart{name: shell(r.Command), verdict: r.Verdict}
	for _, x := range r.Steps {
		part.rows = append(part.rows, Row{ID: spec.ID(x.Name), Claimed: true, Verdict: x.Verdict, Reason: x.Text})
	}
	return sheet{title: "conform certify --check-adapter", verdict: r.Verdict, parts: []sheetPart{part}}
}
