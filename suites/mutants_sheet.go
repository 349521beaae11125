package suites

import "github.com/conform-go/conform/spec"

// sheet has one part, and in it a row for each planted bug, named after it: it passes where the bug was caught, and
// nobody else was accused.
func (t *KillTable) sheet() sheet {
	part := sheetPart{name: "planted bugs", verdict: t.Verdict()}
	for i := range t.Mutants {
		k := &t.Mutants[i]
		r := Row{ID: spec.ID(k.Name), Claimed: true, Verdict: spec.Pass, Judged: k.Schedules, Reason: "caught by " + joinIDs(k.By), Witness: k.Witness}
		switch {
		case !k.Killed:
			r.Verdict, r.Failed, r.Reason = spec.Fail, 1, "it survived: nobody saw that it breaks "+joinIDs(k.Breaks)
		case len(k.FalseAlarms) > 0:
			r.Verdict, r.Failed, r.Reason = spec.Fail, 1, "a false alarm: "+joinIDs(k.FalseAlarms)
		}
		part.rows = append(part.rows, r)
	}
	return sheet{title: "conform mutants", verdict: t.Verdict(), parts: []sheetPart{part}}
}
