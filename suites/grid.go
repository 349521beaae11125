package suites

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/conform-go/conform/spec"
)

// gridFrom is how many stacks are too many for a line each.
const gridFrom = 60

// wide is how many columns a terminal has.
const wide = 80

// grid tells of many stacks by pairs of parts: how many stacks with both pass, or of how many. What does not pass has a
// line of its own.
func (r *Report) grid(w io.Writer) {
	r.pairs(w, "RELIABILITY", func(c *CellReport) string { return c.Reliability })
	fmt.Fprintln(w)
	r.pairs(w, "ORDERING", func(c *CellReport) string { return c.Ordering })
	n := r.applicable()
	var bad []*CellReport
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Applicable && c.verdict() != spec.Pass {
			bad = append(bad, c)
		}
	}
	fmt.Fprintf(w, "\n%d of %d stacks pass; --cells shows a line for each\n", n-len(bad), n)
	if len(bad) > 0 {
		fmt.Fprintln(w)
		lines(w, bad)
	}
}

// applicable counts the stacks that make sense.
func (r *Report) applicable() (n int) {
	for i := range r.Cells {
		if r.Cells[i].Applicable {
			n++
		}
	}
	return n
}

// pairs writes a grid of one part against the transports.
func (r *Report) pairs(w io.Writer, title string, part func(*CellReport) string) {
	type pair struct{ row, column string }
	var rows, columns []string
	pass, all := map[pair]int{}, map[pair]int{}
	for i := range r.Cells {
		c := &r.Cells[i]
		if !c.Applicable {
			continue
		}
		x := pair{part(c), c.Transport}
		if !slices.Contains(rows, x.row) {
			rows = append(rows, x.row)
		}
		if !slices.Contains(columns, x.column) {
			columns = append(columns, x.column)
		}
		all[x]++
		if c.verdict() == spec.Pass {
			pass[x]++
		}
	}
	text := func(x pair) string {
		switch n := all[x]; {
		case n == 0:
			return "-"
		case pass[x] < n:
			return fmt.Sprintf("%d/%d", pass[x], n)
		default:
			return fmt.Sprint(n)
		}
	}
	left := len(title)
	for _, row := range rows {
		left = max(left, len(row))
	}
	fmt.Fprintf(w, "%-*s", left, title)
	widths := make([]int, len(columns))
	for k, column := range columns {
		widths[k] = len(column)
		for _, row := range rows {
			widths[k] = max(widths[k], len(text(pair{row, column})))
		}
		fmt.Fprintf(w, " %*s", widths[k], column)
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		fmt.Fprintf(w, "%-*s", left, row)
		for k, column := range columns {
			fmt.Fprintf(w, " %*s", widths[k], text(pair{row, column}))
		}
		fmt.Fprintln(w)
	}
}

// refuted tells in brief what each level and each ordering does not promise and was broken.
func (r *Report) refuted(w io.Writer) {
	var parts []string
	ids := map[string][]string{}
	for i := range r.Cells {
		c := &r.Cells[i]
		for k := range c.Requirements {
			row := &c.Requirements[k]
			if row.Claimed || row.Verdict != spec.Fail {
				continue
			}
			part := showAs(row.ID, c.Reliability, c.Ordering, row.With).part
			if ids[part] == nil {
				parts = append(parts, part)
			}
			if !slices.Contains(ids[part], string(row.ID)) {
				ids[part] = append(ids[part], string(row.ID))
			}
		}
	}
	if len(parts) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat is not promised, and was broken (--witnesses shows how, and so does a run of fewer stacks):")
	for _, part := range parts {
		fmt.Fprintf(w, "  %-15s %s\n", part, wrap(strings.Join(ids[part], " "), wide-18, "                  "))
	}
}
