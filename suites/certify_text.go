package suites

import (
	"fmt"
	"io"
	"strings"

	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// WriteText tells a certification to a person.
func (r *Certified) WriteText(w io.Writer) {
	s := &r.Subject
	cell := &r.Cells[0]
	fmt.Fprintf(w, "%s: %s\n", strings.TrimSpace(s.Name+" "+s.Version), shell(s.Command))
	fmt.Fprintf(w, "%d schedules on the network of %s, under %s\n", cell.Schedules, s.whose(), cell.under(r.Faults))
	if r.NotPlayed != "" {
		fmt.Fprintf(w, "it tolerates, or is asked to, what this world can't inject: %s\n", r.NotPlayed)
		for _, why := range r.NotPlayedWhy {
			fmt.Fprintln(w, wrap(why, wide, "  "))
		}
	}
	if len(cell.Requirements) > 0 && cell.Schedules > 0 {
		fmt.Fprintln(w)
		r.table(w)
	}
	for i := range cell.Requirements {
		if row := &cell.Requirements[i]; row.Claimed && row.Witness != nil {
			fmt.Fprintf(w, "\nclaimed under %s, and broken in %d of %d schedules.\n", row.Under, row.Failed, row.Judged)
			row.Witness.write(w)
		}
	}
	if cell.Schedules > 0 {
		r.tellLevels(w)
	}
	for i := range r.Outside {
		row := &r.Outside[i]
		fmt.Fprintf(w, "\noutside the declared model, with %s: %s broke in %d of %d schedules.\n%s\n", row.With, row.ID, row.Failed, row.Judged,
			wrap(row.Witness.Text, wide, ""))
		fmt.Fprintf(w, "again:\n  %s\n", row.Witness.Replay)
	}
	if r.OutsideError != "" {
		fmt.Fprintf(w, "\noutside the declared model the adapter broke: %s\n", r.OutsideError)
	}
	r.tellRuns(w)
	if r.Error != "" {
		fmt.Fprintf(w, "\nthe adapter broke: %s\n", r.Error)
	}
	if r.Incomplete != "" {
		fmt.Fprintf(w, "\nnot all schedules were played: %s\n", r.Incomplete)
	}
	fmt.Fprintf(w, "\nseed %s: %s\n", r.Seed, r.Verdict)
}

func whose(network string) string {
	if network == "own" {
		return "the program"
	}
	return "the harness (lock-step)"
}

func (c *CellReport) under(faults string) string {
	if faults == "" || faults == spec.NoFaults.String() {
		return "no faults"
	}
	return faults
}

// table is claimed or not by holds or broken.
func (r *Certified) table(w io.Writer) {
	rows := [][]string{{"REQUIREMENT", "CLAIMED", "VERDICT", "TESTED IN", "INSTANCES", ""}}
	for i := range r.Cells[0].Requirements {
		row := &r.Cells[0].Requirements[i]
		claimed, reason := "", row.Reason
		if row.Claimed {
			claimed = "claimed"
		}
		if row.Verdict == spec.Fail {
			reason = fmt.Sprintf("broken in %d", row.Failed)
		}
		rows = append(rows, []string{string(row.ID), claimed, holds(row.Verdict), fmt.Sprint(row.Bites + row.Failed), fmt.Sprint(row.Antecedents), shorten(reason, 60)})
	}
	table(w, rows...)
}

// tellLevels says how far the program came on each scale, and what the weakest level that it does not reach lacks.
func (r *Certified) tellLevels(w io.Writer) {
	fmt.Fprintln(w)
	for _, order := range []bool{false, true} {
		if order && r.Subject.Protocol == adapter.Maelstrom {
			fmt.Fprintln(w, "order: not judged: what a Maelstrom read shows is a set")
			continue
		}
		var held []string
		var refuted, unshown *Reached
		for i := range r.Levels {
			x := &r.Levels[i]
			switch {
			case x.Order != order:
			case x.Verdict == spec.Pass:
				held = append(held, x.Level)
			case x.Verdict == spec.Fail && refuted == nil:
				refuted = x
			case x.Verdict != spec.Fail && unshown == nil:
				unshown = x
			}
		}
		scale := "reliability"
		if order {
			scale = "order"
		}
		text, again := scale+": holds "+strings.Join(held, ", "), ""
		if len(held) == 0 {
			text = scale + ": no level holds"
		}
		if refuted != nil {
			sentence, replay := r.witnessOf(refuted.Broken[0])
			text += fmt.Sprintf("; %s is refuted: %s (%s)", refuted.Level, sentence, refuted.Broken[0])
			again = replay
		}
		if unshown != nil {
			text += fmt.Sprintf("; %s is not shown: %s", unshown.Level, joinIDs(unshown.Unshown))
		}
		fmt.Fprintln(w, wrap(text, wide, "  "))
		if again != "" {
			fmt.Fprintf(w, "  again:\n    %s\n", again)
		}
	}
}

// witnessOf gives the sentence that refutes a requirement, and the command that shows it.
func (r *Certified) witnessOf(id spec.ID) (sentence, replay string) {
	for i := range r.Cells[0].Requirements {
		if row := &r.Cells[0].Requirements[i]; row.ID == id && row.Witness != nil {
			return row.Witness.Text, row.Witness.Replay
		}
	}
	return "", ""
}

// tellRuns says how sure replays are.
func (r *Certified) tellRuns(w io.Writer) {
	if r.Subject.Network == "harness" && !r.Subject.Deterministic {
		fmt.Fprintln(w, "\nthe program does not answer the same lines the same way: the same schedule gave two different runs, and a replay may not show what was found")
	}
	for _, x := range r.Reproduced {
		if x.Shown < x.Runs || r.Subject.Network == "own" {
			fmt.Fprintf(w, "\nplayed again, %s broke in %d of %d runs\n", x.ID, x.Shown, x.Runs)
		}
	}
}
