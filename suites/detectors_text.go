package suites

import (
	"fmt"
	"io"
	"strconv"
)

// WriteText tells a person what was measured, in at most 100 columns.
func (r *DetectorsReport) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d nodes watch each other, with a heartbeat every %s ms; fixed suspects after %s ms of silence,\n"+
		"adaptive by the accrual detector, and then at the latest. %d runs of %s s a row; then one crashes.\n",
		r.Nodes, millis(r.TS), millis(r.TL), r.Runs, strconv.FormatFloat(float64(r.Length)/1e9, 'f', -1, 64))
	about := map[string]string{"delay": "Every packet takes so many ms", "jitter": "A packet takes 1 ms and up to so many more",
		"loss": "So many percent of the packets are lost", "pause": "A node stands still for so many ms, every " + millis(int64(pauseEvery)) + " ms"}
	const format = "%8s  %-10s%12s%10s%8s%14s%14s%12s\n"
	trouble := ""
	for i := range r.Rows {
		q := &r.Rows[i]
		if q.Trouble != trouble {
			trouble = q.Trouble
			fmt.Fprintf(w, "\n%s.\n", about[trouble])
			fmt.Fprintf(w, format, "", "DETECTOR", "DETECTS ms", "LATEST", "MISSED", "MISTAKES/min", "LASTING ms", "ACCURACY")
		}
		fmt.Fprintf(w, format, strconv.Itoa(q.Level), q.Detector, millis(q.Detection), millis(q.Latest), strconv.Itoa(q.Missed),
			strconv.FormatFloat(q.Rate, 'f', 2, 64), millis(q.Duration), strconv.FormatFloat(q.Accuracy, 'f', 5, 64))
	}
	fmt.Fprint(w, "\nDETECTS: from a crash to a suspicion that stays. MISTAKES: wrong suspicions of one node by another.\n"+
		"ACCURACY: the share of the time in which one that lives is trusted.\n")
	fmt.Fprintf(w, "seed %s\n", r.Seed)
}
