package suites

import (
	"fmt"
	"io"
	"strings"

	"github.com/conform-go/conform/spec"
)

// Sheet is what was found, in the form that all formats for other programs are made from: parts, each of which has
// requirements. A [Report], a [CheckReport] and [CheckReports] are such.
type Sheet interface{ sheet() sheet }

type sheet struct {
	title   string
	seconds float64
	verdict spec.Verdict
	parts   []sheetPart
}

// sheetPart is a stack, or a history.
type sheetPart struct {
	name            string
	verdict         spec.Verdict
	level, ordering string // of a stack: what it does not promise it shares with others of the same
	absent          string // why there is nothing: the stack makes no sense
	rows            []Row
}

func (r *Report) sheet() sheet {
	s := sheet{title: "conform run --seed " + r.Seed, seconds: float64(r.ElapsedMS) / 1000, verdict: r.Verdict}
	for i := range r.Cells {
		c := &r.Cells[i]
		part := sheetPart{name: c.Name(), verdict: c.verdict(), level: c.Reliability, ordering: c.Ordering, rows: c.Requirements}
		if !c.Applicable {
			part.absent = c.Reason
		}
		s.parts = append(s.parts, part)
	}
	return s
}

func (r *CheckReport) sheet() sheet {
	return CheckReports{Histories: []*CheckReport{r}, Verdict: r.Verdict}.sheet()
}

func (r CheckReports) sheet() sheet {
	s := sheet{title: "conform check", verdict: r.Verdict}
	for _, h := range r.Histories {
		s.parts = append(s.parts, sheetPart{name: h.File, verdict: h.Verdict, rows: h.Requirements})
	}
	return s
}

// WriteMarkdown writes a page that a forge shows: the verdict, what failed with its witness, what was not shown, and a
// line for each stack or history.
func WriteMarkdown(w io.Writer, from Sheet) error {
	s := from.sheet()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", s.title, s.verdict)
	present, absent := 0, 0
	for i := range s.parts {
		if s.parts[i].absent != "" {
			absent++
		} else {
			present++
		}
	}
	fmt.Fprintf(&b, "%d judged, %d not applicable.\n", present, absent)
	s.tell(&b, "Broken", spec.Fail)
	s.tell(&b, "Could not be judged", spec.Error)
	s.tell(&b, "Not shown", spec.Inconclusive)
	b.WriteString("\n## All\n\n| | claims held | refuted, not claimed | verdict |\n|---|---|---|---|\n")
	for i := range s.parts {
		p := &s.parts[i]
		if p.absent != "" {
			continue
		}
		held, claims, refuted, others := p.count()
		fmt.Fprintf(&b, "| %s | %d of %d | %d of %d | %s |\n", cell(p.name), held, claims, refuted, others, p.verdict)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// count says how many claims of a part held, and of how much that it does not claim a witness was found.
func (p *sheetPart) count() (held, claims, refuted, others int) {
	for i := range p.rows {
		switch r := &p.rows[i]; {
		case r.Skipped:
		case r.Claimed:
			if claims++; r.Verdict == spec.Pass {
				held++
			}
		default:
			if others++; r.Verdict == spec.Fail {
				refuted++
			}
		}
	}
	return held, claims, refuted, others
}

// tell lists the claims with a verdict.
func (s *sheet) tell(b *strings.Builder, title string, v spec.Verdict) {
	first := true
	for i := range s.parts {
		for k := range s.parts[i].rows {
			r := &s.parts[i].rows[k]
			if !r.Claimed || r.Skipped || r.Verdict != v {
				continue
			}
			if first {
				fmt.Fprintf(b, "\n## %s\n\n", title)
				first = false
			}
			fmt.Fprintf(b, "- **%s** of `%s`: %s\n", r.ID, s.parts[i].name, cell(r.why()))
			if r.Witness != nil && r.Witness.Replay != "" {
				fmt.Fprintf(b, "  `%s`\n", r.Witness.Replay)
			}
		}
	}
}

// why says in one line what stands behind a verdict.
func (r *Row) why() string {
	if r.Witness != nil {
		return r.Witness.Text
	}
	return r.Reason
}

// cell keeps a text from ending a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
