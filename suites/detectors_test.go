package suites

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl/membership"
)

// What is measured follows from the protocol where nothing is drawn, every crash is noticed, and both detectors are right
// where the network is good; the same seed gives the same bytes.
func TestDetectorsAreMeasured(t *testing.T) {
	var texts [2]string
	for i := range texts {
		r, err := MeasureDetectors(context.Background(), DetectorsPlan{Runs: 2, Length: 8 * time.Second, Seed: 3, Parallel: 1 + i})
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]*DetectorQuality{}
		for k := range r.Rows {
			q := &r.Rows[k]
			rows[q.Detector+" "+q.Trouble+" "+millis(int64(q.Level)*1e6)] = q
			if limit := r.TL + 3*r.TS + int64(400*time.Millisecond); q.Latest > limit || q.Missed > 0 {
				t.Errorf("%+v: noticed later than %v", *q, time.Duration(limit))
			}
			if q.Accuracy < 0 || q.Accuracy > 1 || (q.Mistakes == 0) != (q.Duration == 0) || (q.Mistakes == 0) != (q.Accuracy == 1) {
				t.Errorf("%+v", *q)
			}
		}
		fixed, adaptive := rows["fixed loss 0"], rows["adaptive loss 0"]
		if fixed.Mistakes+adaptive.Mistakes > 0 || fixed.Detection < r.TL-r.TS || adaptive.Detection > r.TL/4 {
			t.Errorf("without losses: %+v, %+v", *fixed, *adaptive)
		}
		if q := rows["fixed pause 800"]; q.Mistakes != 2*3 { // one pause a run, for 800 ms: the three others suspect it
			t.Errorf("%+v", *q)
		}
		if q := rows["adaptive loss 70"]; q.Mistakes == 0 {
			t.Errorf("%+v", *q)
		}
		var b bytes.Buffer
		r.WriteText(&b)
		texts[i] = b.String()
	}
	if texts[0] != texts[1] {
		t.Error("two runs of one seed differ")
	}
	for line := range strings.Lines(texts[0]) {
		if len(strings.TrimRight(line, "\n")) > 100 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	for _, p := range []DetectorsPlan{{Nodes: 1}, {Runs: -1}, {Length: time.Millisecond}} {
		if err := p.Complete(); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}

// Every membership with a failure detector takes each one by its name, and has one then.
func TestDetectorsHaveOneName(t *testing.T) {
	n := 0
	for _, p := range Memberships() {
		o := p.option("detector")
		if o == nil {
			continue
		}
		n++
		for _, name := range Detectors() {
			if err := o.Check(name); err != nil {
				t.Errorf("%s: detector=%s: %v", p.Name, name, err)
			}
			if _, ok := membership.ParsePatience(name); !ok {
				t.Errorf("%s has no patience of its own", name)
			}
		}
		if o.Check("phi") == nil {
			t.Errorf("%s: detector=phi is taken, and makes none", p.Name)
		}
	}
	if n < 2 {
		t.Errorf("%d memberships with a detector", n)
	}
}
