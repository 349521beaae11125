package suites

import (
	"fmt"
	"io"
	"strings"

	"github.com/conform-go/conform/spec"
)

// under gives the faults under which all that has to hold was tested, if they are the same.
func (c *Certificate) under() (under string) {
	for i := range c.Requirements {
		switch x := &c.Requirements[i]; {
		case !x.Must:
		case under != "" && under != x.Under:
			return ""
		default:
			under = x.Under
		}
	}
	if under == spec.NoFaults.String() {
		return "no faults"
	}
	return under
}

// WriteText tells a certificate to a person.
func (c *Certificate) WriteText(w io.Writer) {
	fmt.Fprint(w, strings.TrimSpace(c.Subject.Name+" "+c.Subject.Version))
	if c.Profile != "" {
		fmt.Fprintf(w, " conforms to the profile %s", c.Profile)
	} else {
		fmt.Fprint(w, " does what it claims")
	}
	if under := c.under(); under != "" {
		fmt.Fprintf(w, ", under %s", under)
	}
	fmt.Fprintf(w, "\n%d schedules, seed %s, catalogue %s\n\n", c.Executed, c.Seed, c.Catalogue.Version)
	rows := [][]string{{"REQUIREMENT", "", "VERDICT", "TESTED IN", "INSTANCES", "UNDER"}}
	for _, x := range c.Requirements {
		must := "should"
		if x.Must {
			must = "must"
		}
		rows = append(rows, []string{string(x.ID), must, x.Verdict.String(), fmt.Sprintf("%d of %d", x.Bites, x.Judged), fmt.Sprint(x.Antecedents), x.Under})
	}
	table(w, rows...)
	fmt.Fprintln(w, "\nWhat it does not show:")
	for _, l := range c.Limits {
		fmt.Fprintf(w, "  %s\n", wrap(l, 110, "  "))
	}
	fmt.Fprintf(w, "\nsigned with %s\n", digest(c.Key))
}
