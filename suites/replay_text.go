package suites

import (
	"fmt"
	"io"
	"strings"

	"github.com/conform-go/conform/spec"
)

// WriteText tells a replay to a person.
func (r *Replayed) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n", r.Subject, r.Diagram)
	for i := range r.Requirements {
		row := &r.Requirements[i]
		if row.Witness != nil {
			fmt.Fprintf(w, "%s is broken%s\n\n%s.\n\n", row.ID, statement(row.ID), wrap(row.Witness.Text, 110, ""))
		} else if row.ID == r.Expect {
			fmt.Fprintf(w, "%s was expected to be broken, and is not: it %s\n\n", row.ID, strings.TrimSpace(is(row.Verdict)+" "+row.Reason))
		}
	}
	tellChanges(w, r.Changes)
	r.tellOthers(w)
	fmt.Fprintf(w, "scenario:\n%s\n", indent(r.Scenario))
	switch {
	case r.SameTrace:
		fmt.Fprintln(w, "the run is the recorded one, event for event")
	case r.Recorded:
		fmt.Fprintln(w, r.Departs)
	}
	if !r.Settled {
		fmt.Fprintln(w, "the run did not settle: a missing delivery proves nothing")
	}
	for _, step := range r.Unplayed {
		fmt.Fprintf(w, "this step's moment never came: %s\n", step)
	}
	if r.Frames != "" {
		fmt.Fprintf(w, "frames: tcpdump -r %s\n", r.Frames)
	}
	fmt.Fprintln(w, r.Verdict)
}

// tellOthers lists what was judged besides.
func (r *Replayed) tellOthers(w io.Writer) {
	var held []spec.ID
	for i := range r.Requirements {
		if row := &r.Requirements[i]; row.Claimed && row.Verdict == spec.Pass {
			held = append(held, row.ID)
		}
	}
	if len(held) > 0 {
		fmt.Fprintf(w, "promised under these faults, and held: %s\n", wrap(joinIDs(held), 100, "  "))
	}
	if len(r.NotJudged) > 0 {
		fmt.Fprintf(w, "not judged, because faults may outlast TL, packets did not fit, or one that crashed has not come back: %s\n", wrap(joinIDs(r.NotJudged), 100, "  "))
	}
	if len(r.Beyond) > 0 {
		fmt.Fprintf(w, "not promised under these faults, and broken: %s\n", wrap(joinIDs(r.Beyond), 100, "  "))
	}
	fmt.Fprintln(w)
}
