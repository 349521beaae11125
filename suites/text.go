package suites

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/conform-go/conform/spec"
)

// table writes rows of cells in columns.
func table(w io.Writer, rows ...[]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	_ = t.Flush() // of a buffer: the writer below reports its own errors
}

// Detail says how much of a run is told.
type Detail struct {
	Cells     bool // a line for each stack, also where there are many
	Witnesses bool // the story of every separation in full
}

// WriteText tells a run to a person: the matrix, the claims that failed with their stories, and what the cells do not
// promise with the schedule that shows it.
func (r *Report) WriteText(w io.Writer, d Detail) {
	many := r.applicable() > gridFrom && !d.Cells
	if many {
		r.grid(w)
	} else {
		var all []*CellReport
		for i := range r.Cells {
			if r.Cells[i].Applicable {
				all = append(all, &r.Cells[i])
			}
		}
		lines(w, all)
	}
	r.tellHeld(w)
	r.tellInapplicable(w)
	r.tellUntested(w)
	for i := range r.Cells {
		r.Cells[i].tellClaims(w, many)
	}
	if many && !d.Witnesses {
		r.refuted(w)
	} else {
		r.tellSeparations(w, d.Witnesses)
	}
	fmt.Fprintf(w, "\nseed %s: %s\n", r.Seed, r.Verdict)
}

// lines writes a table of stacks. Where all have the same membership it has no column.
func lines(w io.Writer, cells []*CellReport) {
	if len(cells) == 0 {
		return
	}
	head := []string{"TRANSPORT", "RELIABILITY", "ORDERING", "MEMBERSHIP", "SCHEDULES", "CLAIMS", "REFUTED", "PACKETS/SEND", "ACKS/SEND", "VERDICT"}
	rows := [][]string{head}
	same := true
	for _, c := range cells {
		rows = append(rows, c.line())
		same = same && c.Membership == cells[0].Membership
	}
	if same {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 3, 4)
		}
	}
	table(w, rows...)
}

// tellInapplicable says which stacks make no sense, once for each reason: reasons that differ only in the name of a part
// are one.
func (r *Report) tellInapplicable(w io.Writer) {
	type cause struct {
		reason, named string // the reason with the name left out, and with the first one in it
		names         []string
		stacks        int
	}
	var causes []*cause
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Applicable {
			continue
		}
		reason, name := c.Reason, ""
		for _, part := range []string{c.Ordering, c.Reliability, c.Transport} {
			if short := strings.Replace(" "+c.Reason, " "+part+" ", " … ", 1); short[1:] != c.Reason {
				reason, name = short[1:], part
				break
			}
		}
		k := slices.IndexFunc(causes, func(x *cause) bool { return x.reason == reason })
		if k < 0 {
			k = len(causes)
			causes = append(causes, &cause{reason: reason, named: c.Reason})
		}
		if causes[k].stacks++; name != "" && !slices.Contains(causes[k].names, name) {
			causes[k].names = append(causes[k].names, name)
		}
	}
	if len(causes) > 0 {
		fmt.Fprintln(w, "\nNot applicable:")
	}
	for _, x := range causes {
		word := "stacks"
		if x.stacks == 1 {
			word = "stack"
		}
		if len(x.names) < 2 {
			fmt.Fprintf(w, "  %d %s: %s\n", x.stacks, word, x.named)
			continue
		}
		fmt.Fprintf(w, "  %d %s: %s, where … is\n", x.stacks, word, x.reason)
		fmt.Fprintf(w, "      %s\n", wrap(strings.Join(x.names, " "), wide-6, "      "))
	}
}

// tellUntested says what is claimed and was beside the scale in this run, once for each reason.
func (r *Report) tellUntested(w io.Writer) {
	type gap struct {
		reason, ids string
		first       *CellReport
		stacks      int
	}
	var gaps []*gap
	for i := range r.Cells {
		c := &r.Cells[i]
		var of []*gap // in this stack
		for k := range c.Requirements {
			row := &c.Requirements[k]
			if !row.Claimed || !row.Skipped {
				continue
			}
			if i := slices.IndexFunc(of, func(x *gap) bool { return x.reason == row.Reason }); i >= 0 {
				of[i].ids += ", " + string(row.ID)
			} else {
				of = append(of, &gap{row.Reason, string(row.ID), c, 1})
			}
		}
		for _, x := range of {
			if k := slices.IndexFunc(gaps, func(y *gap) bool { return y.reason == x.reason && y.ids == x.ids }); k >= 0 {
				gaps[k].stacks++
			} else {
				gaps = append(gaps, x)
			}
		}
	}
	if len(gaps) > 0 {
		fmt.Fprintln(w, "\nClaimed, and not tested:")
	}
	for _, x := range gaps {
		whose := x.first.Name()
		if x.stacks > 1 {
			whose = fmt.Sprint(x.stacks, " stacks")
		}
		fmt.Fprintf(w, "  %s\n", wrap(x.ids+" of "+whose+": "+x.reason, wide-2, "      "))
	}
}

func (c *CellReport) line() []string {
	var held, claims, found, wanted int
	for i := range c.Requirements {
		switch row := &c.Requirements[i]; {
		case row.Skipped:
		case row.Claimed:
			claims++
			if row.Verdict == spec.Pass {
				held++
			}
		default:
			wanted++
			if row.Verdict == spec.Fail {
				found++
			}
		}
	}
	per := func(n int) string { return fmt.Sprintf("%.1f", float64(n)/float64(max(1, c.Sends))) }
	return []string{c.Transport, c.Reliability, c.Ordering, c.Membership, fmt.Sprint(c.Schedules), fmt.Sprintf("%d/%d", held, claims),
		fmt.Sprintf("%d/%d", found, wanted), per(c.Packets), per(c.Acks), c.verdict().String()}
}

// tellClaims tells of the claims that did not pass; in brief, those that were not shown have one line.
func (c *CellReport) tellClaims(w io.Writer, brief bool) {
	var unshown []spec.ID
	defer func() {
		if len(unshown) > 0 {
			fmt.Fprintf(w, "\n%s claims %s: inconclusive\n", c.Name(), joinIDs(unshown))
		}
	}()
	for i := range c.Requirements {
		row := &c.Requirements[i]
		switch {
		case row.Skipped && row.Claimed: // told once for all stacks
		case row.Claimed && row.Verdict == spec.Fail:
			if row.Witness == nil { // a statistic
				fmt.Fprintf(w, "\n%s claims %s: %s\n", c.Name(), row.ID, row.Reason)
				break
			}
			fmt.Fprintf(w, "\n%s claims %s under %s, and broke it in %d of %d schedules.\n", c.Name(), row.ID, row.Under, row.Failed, row.Judged)
			row.Witness.write(w)
		case brief && row.Claimed && row.Verdict == spec.Inconclusive:
			unshown = append(unshown, row.ID)
		case row.Claimed && row.Verdict != spec.Pass:
			fmt.Fprintf(w, "\n%s claims %s: %s in %d schedules: %s\n", c.Name(), row.ID, row.Verdict, row.Judged, row.Reason)
		case !row.Claimed && row.Verdict != spec.Fail:
			fmt.Fprintf(w, "\n%s does not promise %s, but %s\n", c.Name(), row.ID, row.Reason)
		}
	}
}

// write tells the story of a violation, with the command that shows it again.
func (s *Story) write(w io.Writer) {
	if s.Replay == "" { // a statistic: no single schedule shows it
		fmt.Fprintln(w, s.Text)
		return
	}
	fmt.Fprint(w, s.Explain())
	fmt.Fprintf(w, "again:\n  %s\n", s.Replay)
}

// shownAs is under what a separation is told once: the requirement, the part that does not give it, and with which faults.
type shownAs struct {
	id         spec.ID
	part, with string
}

func showAs(id spec.ID, level, ordering, with string) shownAs {
	if q, ok := spec.Lookup(id); ok && q.Family == spec.Order {
		level = ordering
	}
	return shownAs{id, level, with}
}

// tellSeparations tells once for each requirement and each part that does not give it how that shows.
func (r *Report) tellSeparations(w io.Writer, stories bool) {
	seen := map[shownAs]bool{}
	rows := [][]string{}
	for i := range r.Cells {
		c := &r.Cells[i]
		for k := range c.Requirements {
			row := &c.Requirements[k]
			if row.Claimed || row.Verdict != spec.Fail || row.Witness == nil {
				continue
			}
			x := showAs(row.ID, c.Reliability, c.Ordering, row.With)
			known := seen[x]
			seen[x] = true
			if stories || !known && r.asked(row.With) {
				fmt.Fprintf(w, "\n%s does not promise %s %s:\n", c.Name(), row.ID, withFaults(row.With))
				row.Witness.write(w)
				continue
			}
			if !known {
				rows = append(rows, []string{"  " + x.part, string(row.ID), withFaults(row.With), steps(row.Witness.Steps), shorten(row.Witness.Text, 100)})
			}
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, "\nWhat is not promised, and a schedule that shows it (one for each level or ordering; --witnesses tells all of them):")
		for _, x := range rows {
			fmt.Fprintf(w, "%-17s %-18s %-16s %s\n      %s\n", x[0], x[1], x[2], x[3], x[4])
		}
	}
}

// asked says whether somebody wanted to see what these faults do: who names faults does.
func (r *Report) asked(with string) bool {
	return with != spec.NoFaults.String() && r.Faults != "all" && r.Faults != spec.NoFaults.String()
}

func withFaults(set string) string {
	if set == spec.NoFaults.String() {
		return "without faults"
	}
	return "with " + set
}

func steps(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

// shorten cuts a sentence at a word.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := strings.LastIndexByte(s[:n], ' ')
	return s[:max(cut, 1)] + " …"
}

// is says a verdict that is no fail, for the middle of a sentence.
func is(v spec.Verdict) string {
	if v == spec.Pass {
		return "holds"
	}
	return "is " + v.String() + ":"
}

// holds is the word of a verdict on a property that need not be claimed.
func holds(v spec.Verdict) string {
	switch v {
	case spec.Pass:
		return "holds"
	case spec.Fail:
		return "BROKEN"
	}
	return v.String()
}

func joinIDs(ids []spec.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}
