package suites

import (
	"slices"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/spec"
)

// CheckReport is the judgement of one recorded history (conform.check/1).
type CheckReport struct {
	Schema       string       `json:"schema"`
	File         string       `json:"file,omitempty"`
	Events       int          `json:"events"`
	Settled      bool         `json:"settled"`
	Truncated    bool         `json:"truncated,omitempty"` // the last line was cut off
	Requirements []Row        `json:"requirements"`
	Verdict      spec.Verdict `json:"verdict"`
}

// CheckHistory judges a history. With claims, these are judged, and the verdict is the worst of theirs. Without, all
// that has a judge is reported; then the level "reliable" counts as claimed, since no group communication is worth the
// name without it, and the verdict is the worst of its findings, those aside that did not bite.
func CheckHistory(h *spec.History, claims []spec.ID) *CheckReport {
	r := &CheckReport{Schema: "conform.check/1", Events: len(h.Events), Settled: h.Settled, Truncated: h.Truncated}
	ids, claimed := claims, claims
	if len(claims) == 0 {
		ids = checkers.Judged()
		claimed, _ = spec.Level("reliable")
	}
	var j checkers.Judge
	j.Load(h)
	bites := false
	worst := spec.Pass
	for _, id := range ids {
		f := j.Check(id)
		row := Row{ID: id, Claimed: slices.Contains(claimed, id), Verdict: f.Verdict, Judged: 1,
			Antecedents: f.Antecedents, Reason: f.Reason}
		switch f.Verdict {
		case spec.Pass:
			row.Bites = 1
		case spec.Fail:
			row.Failed = 1
			row.Witness = &Story{Text: f.Witness.Text, Events: eventLines(h, f.Witness.Events),
				Diagram: Diagram(excerpt(h, f.Witness.Events), nil, nil)}
		}
		r.Requirements = append(r.Requirements, row)
		if row.Claimed && (len(claims) > 0 || f.Verdict != spec.Inconclusive) {
			bites = true
			worst = worst.Merge(f.Verdict)
		}
	}
	if r.Verdict = worst; !bites {
		r.Verdict = spec.Inconclusive
	}
	return r
}

// excerpt is the history of some events only.
func excerpt(h *spec.History, events []int) *spec.History {
	part := *h
	part.Events = nil
	for _, i := range events {
		part.Events = append(part.Events, h.Events[i])
	}
	return &part
}
