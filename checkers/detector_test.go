package checkers

import (
	"strconv"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// generateDeaths is a group of eight in which two die early, and the others suspect and trust all the time, also them,
// and install views of all that they do not suspect; in the end they have noticed.
func generateDeaths(events int) *spec.History {
	h := &spec.History{}
	h.Settled = true
	h.Bounds = map[string]time.Duration{string(DetectorCompleteness): time.Hour}
	h.Groups = []spec.Group{{Name: "g"}}
	for n := range spec.NodeID(8) {
		h.Nodes = append(h.Nodes, strconv.Itoa(int(n)))
		h.Groups[0].Members = append(h.Groups[0].Members, n)
	}
	r := spec.NewRand(1, 2)
	for n := range spec.NodeID(2) {
		h.Add(spec.Event{Kind: spec.Crash, Node: n, Has: spec.HasNode})
	}
	notice := func(q, of spec.NodeID, kind spec.Kind) {
		e := spec.Event{T: spec.Time(len(h.Events)), Kind: kind, Node: q, Has: spec.HasNode | spec.HasGroup}
		if kind == spec.ViewChange {
			h.AddExtra(e, spec.Extra{Members: h.Groups[0].Members[2:]})
			return
		}
		e.To, e.Has = of, e.Has|spec.HasTo
		h.Add(e)
	}
	for len(h.Events) < events {
		kinds := []spec.Kind{spec.Suspect, spec.Trust, spec.Suspect, spec.Trust, spec.ViewChange}
		notice(spec.NodeID(2+r.IntN(6)), spec.NodeID(r.IntN(8)), kinds[r.IntN(len(kinds))])
	}
	for q := range spec.NodeID(6) {
		for of := range spec.NodeID(2) {
			notice(2+q, of, spec.Suspect)
		}
	}
	return h
}

// BenchmarkDetector judges a loaded history of 200,000 suspicions and views.
func BenchmarkDetector(b *testing.B) {
	h := generateDeaths(200_000)
	var j Judge
	j.Load(h)
	b.ReportAllocs()
	for b.Loop() {
		if f := j.Check(DetectorCompleteness); f.Verdict != spec.Pass {
			b.Fatal(f)
		}
	}
	report(b, h, &j)
}

func TestDetectorCostsNoAllocation(t *testing.T) {
	h := generateDeaths(500)
	var j Judge
	if got := testing.AllocsPerRun(20, func() {
		j.Load(h)
		if f := j.Check(DetectorCompleteness); f.Verdict != spec.Pass || f.Antecedents != 12 {
			t.Fatal(f, f.Witness)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// What a witness says.
func TestSentencesOfDeaths(t *testing.T) {
	for text, want := range map[string]string{
		"c2 S0.2":                        "process 1, a correct member, never suspected process 2, which crashed at 0.5 ms and did not come back",
		"c2 S0.2 S1.2 T1.2":              "process 1 trusted process 2 again at 2 ms, and did not suspect it any more: process 2, which crashed at 0.5 ms and did not come back",
		"c2 S0.2 V1.0.1 V1.0.1.2":        "process 1 took process 2 into its view again at 2 ms, and never out: process 2, which crashed at 0.5 ms and did not come back",
		"notice=10 c2 S0.2 @20 S1.2":     "process 1 suspected process 2 only at 20 ms, though it crashed at 0.5 ms; it was due at 10.5 ms",
		"notice=10 c2 S0.2 @20 V1.0.1":   "process 1 had process 2 in its view until 20 ms, though it crashed at 0.5 ms; it was due at 10.5 ms",
		"unsettled notice=9 c2 @20 S0.1": "process 0, a correct member, never suspected process 2, which crashed at 0.5 ms and did not come back, until 20 ms",
	} {
		if f := Check(parse(text), DetectorCompleteness)[0]; f.Witness == nil || f.Witness.Text != want {
			t.Errorf("%s: %+v %+v", text, f, f.Witness)
		}
	}
}
