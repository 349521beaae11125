package suites

import (
	"slices"
	"strings"

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
// name without it, and the verdict is the worst of its findings, those aside whose antecedent did not occur.
func CheckHistory(h *spec.History, claims []spec.ID) *CheckReport {
	r := &CheckReport{Schema: "conform.check/1", Events: len(h.Events), Settled: h.Settled, Truncated: h.Truncated}
	ids, claimed := claims, claims
	if len(claims) == 0 {
		ids = Judged()
		claimed, _ = spec.Level("reliable")
	}
	var j judging
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
			row.Witness = &Story{ID: id, Text: f.Witness.Text, Events: eventLines(h, f.Witness.Events),
				Diagram: excerpt(h, f.Witness.Events)}
		}
		r.Requirements = append(r.Requirements, row)
		if row.Claimed && (len(claims) > 0 || !strings.HasPrefix(f.Reason, vacuous)) {
			bites = true
			worst = worst.Merge(f.Verdict)
		}
	}
	if r.Verdict = worst; !bites {
		r.Verdict = spec.Inconclusive
	}
	return r
}

// vacuous begins the reason of a finding whose antecedent did not occur.
const vacuous = "vacuous"

// excerpt draws the events of a witness, and with them the crashes, recoveries, pauses and faults up to the last one.
func excerpt(h *spec.History, events []int) string {
	part := *h
	part.Events = nil
	var marked []int
	for i := range h.Events {
		switch k := h.Events[i].Kind; {
		case slices.Contains(events, i):
			marked = append(marked, len(part.Events))
		case k < spec.Crash || k > spec.Heal || len(events) > 0 && i > events[len(events)-1] && k != spec.Crash:
			continue
		}
		part.Events = append(part.Events, h.Events[i])
	}
	return Diagram(&part, nil, marked)
}

// Broken lists the requirements that the history violates and nobody claims.
func (r *CheckReport) Broken() []spec.ID {
	var out []spec.ID
	for i := range r.Requirements {
		if row := &r.Requirements[i]; !row.Claimed && row.Verdict == spec.Fail {
			out = append(out, row.ID)
		}
	}
	return out
}

// CheckReports is the judgement of several histories (conform.check/1): the verdict is the worst.
type CheckReports struct {
	Schema    string         `json:"schema"`
	Histories []*CheckReport `json:"histories"`
	Verdict   spec.Verdict   `json:"verdict"`
}
