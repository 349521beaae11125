package suites

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/conform-go/conform/spec"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// openParts is up to how many parts a page shows the requirements of each unasked.
const openParts = 4

// page is what the template of a page is filled with.
type page struct {
	Title           string
	Verdict         spec.Verdict
	Present, Absent int
	Parts           []pagePart
	Broken          []pageStory // claims
	Others          []pageStory // what nobody claims, or bugs that were planted: Beside says which
	Beside          string
	stories         int
	Away            []pageAway
	Words           []pageWord
}

type pagePart struct {
	Anchor, Name                  string
	Held, Claims, Refuted, Others int
	Verdict                       spec.Verdict
	Open                          bool
	Rows                          []pageRow
}

type pageRow struct {
	ID                  spec.ID
	Word, Story         string // anchors; empty: there is none
	Claim, State, Why   string
	Judged, Antecedents int
}

type pageStory struct {
	Anchor, Part, State string
	*Story
}

// pageAway are parts that make no sense, for one reason.
type pageAway struct {
	Reason string
	Names  []string
}

type pageWord struct {
	Anchor string
	*spec.Requirement
}

// WriteHTML writes what was found as one page that needs nothing else: the verdict, a line for each stack or history,
// the stories of what is broken with their diagrams, the requirements of each part with their verdicts, and what these
// requirements say. What is not promised is told once for each level or ordering, as a run tells it. The same findings
// give the same bytes: how long it took is left out.
func WriteHTML(w io.Writer, from Sheet) error {
	s := from.sheet()
	p := page{Title: s.title, Verdict: s.verdict, Beside: "Not promised, and broken"}
	told := map[shownAs]string{}
	for i := range s.parts {
		part := &s.parts[i]
		if part.absent != "" {
			p.leaveOut(part)
			continue
		}
		p.Present++
		x := pagePart{Anchor: "p" + strconv.Itoa(i), Name: part.name, Verdict: part.verdict}
		x.Held, x.Claims, x.Refuted, x.Others = part.count()
		for k := range part.rows {
			x.Rows = append(x.Rows, p.row(part, &part.rows[k], told))
		}
		p.Parts = append(p.Parts, x)
	}
	for i := range p.Parts {
		p.Parts[i].Open = p.Present <= openParts || p.Parts[i].Verdict != spec.Pass
	}
	slices.SortFunc(p.Words, func(a, b pageWord) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return pageTemplate.Execute(w, p)
}

func (p *page) leaveOut(part *sheetPart) {
	p.Absent++
	i := slices.IndexFunc(p.Away, func(x pageAway) bool { return x.Reason == part.absent })
	if i < 0 {
		i = len(p.Away)
		p.Away = append(p.Away, pageAway{Reason: part.absent})
	}
	p.Away[i].Names = append(p.Away[i].Names, part.name)
}

// row makes the line of a requirement, and tells its story where nobody has told it.
func (p *page) row(part *sheetPart, r *Row, told map[shownAs]string) pageRow {
	x := pageRow{ID: r.ID, Word: p.word(r.ID), Claim: "no", State: holds(r.Verdict), Why: r.why(), Judged: r.Judged, Antecedents: r.Antecedents}
	state := part.name + " does not promise it " + withFaults(r.With) + "."
	switch {
	case r.Skipped:
		x.State = "not tested"
	case !r.Claimed && r.Verdict == spec.Fail && part.level != "":
		x.State, x.Why = "refuted", shorten(x.Why, 100)
	}
	if r.With != "" {
		x.Claim = "no, " + withFaults(r.With)
	}
	if r.Claimed {
		x.Claim, state = "yes", part.name+" claims it."
		if r.Under != "" {
			x.Claim, state = "under "+r.Under, part.name+" claims it under "+r.Under+"."
		}
	} else if r.With == "" {
		state = part.name + " does not claim it."
	}
	if r.Witness == nil {
		return x
	}
	if r.Reason != "" {
		x.Why = r.Reason
	}
	key := showAs(r.ID, part.level, part.ordering, r.With)
	if part.level != "" && !r.Claimed {
		x.Story = told[key]
	}
	if x.Story == "" {
		x.Story = "s" + strconv.Itoa(p.stories)
		told[key] = x.Story
		p.stories++
		p.word(r.Witness.ID)
		switch of := (pageStory{x.Story, part.name, state, r.Witness}); {
		case x.Word == "":
			of.Part, of.State = string(r.ID), r.Reason+"."
			p.Others, p.Beside = append(p.Others, of), "How planted bugs were caught"
		case r.Claimed:
			p.Broken = append(p.Broken, of)
		default:
			p.Others = append(p.Others, of)
		}
	}
	return x
}

// word puts a requirement among those that are explained, and gives its anchor.
func (p *page) word(id spec.ID) string {
	r, ok := spec.Lookup(id)
	if !ok {
		return ""
	}
	anchor := "r-" + strings.ReplaceAll(string(id), "/", ".")
	if !slices.ContainsFunc(p.Words, func(w pageWord) bool { return w.Anchor == anchor }) {
		p.Words = append(p.Words, pageWord{anchor, r})
	}
	return anchor
}
