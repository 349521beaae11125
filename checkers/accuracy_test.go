package checkers

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// One mistake, and a crash that is noticed: suspicions of the dead, and of those that stand still, are none.
func TestDetectorAccuracy(t *testing.T) {
	h := parse("nodes=2 P0 p0 @10 S1.0 @14 T1.0 @20 c0 @26 S1.0")
	f := Check(h, DetectorAccuracy)[0]
	if f.Verdict != spec.Inconclusive || f.Missing != 1 || f.Antecedents < 1 {
		t.Errorf("%+v", f)
	}
	var j Judge
	j.Load(h)
	g, told := j.DetectorFigures()
	if !told || g.Mistakes != 1 || g.MeanMistake() != 4*time.Millisecond || g.Detections != 1 || g.MeanDetection() != 6*time.Millisecond {
		t.Errorf("%+v", g)
	}
	for _, text := range []string{"nodes=2 P0 S1.0 @5 p0", "c2 @5 S0.2 S1.2"} {
		if f := Check(parse(text), DetectorAccuracy)[0]; f.Verdict != spec.Pass || f.Missing != 0 {
			t.Errorf("%s: %+v", text, f)
		}
	}
}

// A suspicion that had a reason is a mistake when that is over for longer than the bound, and once more for each whole
// bound that it lasts; one that is taken back in time is none.
func TestSuspicionsAreToBeTakenBack(t *testing.T) {
	for _, c := range []struct {
		text             string
		missing, figures int
		lasting          time.Duration // of mistakes
	}{
		{"nodes=2 P0 S1.0 @100 p0 @105 T1.0 @140", 0, 0, 0},
		{"nodes=2 P0 S1.0 @100 p0 @112 T1.0 @140", 1, 1, 2 * time.Millisecond},
		{"nodes=2 P0 S1.0 @100 p0 @135 s1.1", 3, 1, 25 * time.Millisecond},
		{"nodes=2 P0 S1.0 @100 p0 @106 P0 @112 p0 @118 T1.0 @140", 0, 0, 0}, // no ten milliseconds at a time
		{"nodes=2 @5 S1.0 @30 T1.0 @40 s1.1", 3, 1, 25 * time.Millisecond},  // which begins in one, and lasts two
	} {
		h := parse(c.text)
		h.Bounds = map[string]time.Duration{string(DetectorAccuracy): 10 * time.Millisecond}
		f := Check(h, DetectorAccuracy)[0]
		var j Judge
		j.Load(h)
		g, _ := j.DetectorFigures()
		if f.Missing != c.missing || g.Mistakes != c.figures || g.Mistaken != c.lasting {
			t.Errorf("%s: %d times with a mistake, %d mistakes for %v; want %d, %d, %v", c.text, f.Missing, g.Mistakes, g.Mistaken, c.missing, c.figures, c.lasting)
		}
	}
}

// A group with views costs no allocation either.
func TestViewsCostNoAllocation(t *testing.T) {
	h := parse(start + "B0 s0.1 W0.2.0.1.2 U0 t1.0.1.2 W1.2.0.1.2 W2.2.0.1.2 d0.0.1S d1.0.1S d2.0.1S L2 l2 s0.2 d0.0.2 d1.0.2 W0.3.0.1 W1.3.0.1")
	var j Judge
	if got := testing.AllocsPerRun(50, func() {
		j.Load(h)
		for _, c := range viewCases {
			if c.id == MembershipPrecision {
				continue // it prepares its sentences, once a member at the end
			}
			if f := j.Check(c.id); f.Verdict == spec.Fail {
				t.Fatal(c.id, f, f.Witness)
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
