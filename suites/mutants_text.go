package suites

import (
	"fmt"
	"io"
)

// WriteText tells the kill table to a person.
func (t *KillTable) WriteText(w io.Writer) {
	rows := [][]string{{"MUTANT", "OF", "KILLED BY", "SCHEDULES"}}
	for i := range t.Mutants {
		k := &t.Mutants[i]
		by := joinIDs(k.By[:min(2, len(k.By))])
		if n := len(k.By) - 2; n > 0 {
			by += fmt.Sprintf(" +%d", n)
		}
		if !k.Killed {
			by = "SURVIVED"
		}
		rows = append(rows, []string{k.Name, k.Cell, by, fmt.Sprint(k.Schedules)})
	}
	table(w, rows...)
	for i := range t.Mutants {
		k := &t.Mutants[i]
		if !k.Killed {
			fmt.Fprintf(w, "\n%s survived %d schedules with %s: %s It is said to break %s.\n", k.Name, k.Schedules, k.Under, k.Title, joinIDs(k.Breaks))
		}
		if len(k.FalseAlarms) > 0 {
			fmt.Fprintf(w, "\nfalse alarm: %s failed %s, which it neither breaks nor breaks by implication\n", k.Name, joinIDs(k.FalseAlarms))
		}
		if len(t.Mutants) == 1 && k.Witness != nil {
			fmt.Fprintf(w, "\n%s\n\n", k.Title)
			k.Witness.write(w)
		}
	}
	fmt.Fprintf(w, "\n%d of %d killed, %d false alarms\n", t.Killed, t.Total, t.FalseAlarms)
}
