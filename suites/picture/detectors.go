package picture

import (
	"fmt"
	"io"
	"time"

	"github.com/conform-go/conform/suites"
)

// Detectors draws the quality of failure detectors: how soon they notice a crash, and for which share of the time they
// are wrong, at each trouble.
func Detectors(w io.Writer, r *suites.DetectorsReport) error {
	p := picture{
		title: "The quality of failure detectors",
		notes: []string{fmt.Sprintf("%d nodes, a heartbeat every %v, silence for %v at the most. %d runs of %v a point. Seed %s.",
			r.Nodes, time.Duration(r.TS), time.Duration(r.TL), r.Runs, time.Duration(r.Length), r.Seed)},
	}
	for _, name := range suites.Detectors() {
		p.know(name)
	}
	units := map[string]string{"delay": "a packet takes, ms", "jitter": "a packet takes up to so much more, ms",
		"loss": "packets lost, %", "pause": "a node stands still for, ms"}
	for _, trouble := range suites.Troubles() {
		soon := panel{title: "Detection time, by " + trouble, x: units[trouble], y: "ms"}
		wrong := panel{title: "Time in which a living node is suspected, by " + trouble, x: units[trouble], y: "%"}
		for i := range r.Rows {
			q := &r.Rows[i]
			if q.Trouble != trouble {
				continue
			}
			x := float64(q.Level)
			soon.add(q.Detector, x, float64(q.Detection)/1e6)
			wrong.add(q.Detector, x, 100*(1-q.Accuracy))
			soon.tick(x)
			wrong.tick(x)
		}
		p.panels = append(p.panels, soon, wrong)
	}
	return p.draw(w)
}
