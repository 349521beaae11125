package suites

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// The quality of failure detectors, measured by the figures of Chen, Toueg, Aguilera, On the Quality of Service of Failure
// Detectors, 2002: nothing is judged here. In each run all nodes live for a while, in which every suspicion is a mistake;
// then one crashes.

// DetectorsPlan says what is measured. The zero values are filled in by [DetectorsPlan.Complete].
type DetectorsPlan struct {
	Nodes    int
	Runs     int           // of each row
	Length   time.Duration // of each run, until the crash
	Seed     uint64
	Parallel int
	Progress func(done, total int) // called from one goroutine at a time; may be nil
}

// Complete fills in what a plan leaves open, and says what is wrong with the rest. Its errors name the flag.
func (p *DetectorsPlan) Complete() error {
	for _, x := range []struct {
		flag             string
		at               *int
		def, least, most int
	}{{"nodes", &p.Nodes, 4, 2, 64}, {"runs", &p.Runs, 5, 1, 1000}} {
		if *x.at == 0 {
			*x.at = x.def
		}
		if *x.at < x.least || *x.at > x.most {
			return fmt.Errorf("--%s %d: want %d to %d", x.flag, *x.at, x.least, x.most)
		}
	}
	if p.Length == 0 {
		p.Length = time.Minute
	}
	if p.Length < time.Second || p.Length > time.Hour {
		return fmt.Errorf("--length %v: want %v to %v", p.Length, time.Second, time.Hour)
	}
	return nil
}

// DetectorsReport is what was measured, as `conform detectors --json` writes it (conform.detectors/1).
type DetectorsReport struct {
	Schema  string            `json:"schema"`
	Version string            `json:"version"`
	Seed    string            `json:"seed"`
	Nodes   int               `json:"nodes"`
	Runs    int               `json:"runs"`
	Length  int64             `json:"length_ns"`
	TS      int64             `json:"ts_ns"`
	TL      int64             `json:"tl_ns"`
	Rows    []DetectorQuality `json:"rows"`
}

// DetectorQuality is how well one detector does at one trouble. Mistakes are counted for each ordered pair of nodes.
type DetectorQuality struct {
	Detector  string  `json:"detector"`
	Trouble   string  `json:"trouble"`
	Level     int     `json:"level"`             // milliseconds; of loss: percent
	Detection int64   `json:"detection_ns"`      // the mean, from a crash to a suspicion that stays
	Latest    int64   `json:"latest_ns"`         // the longest
	Missed    int     `json:"missed"`            // crashes that a node had not noticed at the end
	Mistakes  int     `json:"mistakes"`          // wrong suspicions
	Rate      float64 `json:"mistakes_a_minute"` // of a pair
	Duration  int64   `json:"mistake_ns"`        // the mean, from a wrong suspicion to the end of it
	Accuracy  float64 `json:"query_accuracy"`    // the share of the time in which one that lives is trusted
}

// detectorTable has the variants that are measured, by the names that [membership.ParsePatience] knows.
var detectorTable = []struct{ name, title, source string }{
	{"fixed", "suspects a node of which no heartbeat has come for TL", "Chandra & Toueg, 1996"},
	{"adaptive", "suspects a node whose heartbeat is later than they use to be, and at the latest after TL",
		"Hayashibara, Défago, Yared, Katayama, 2004, the φ accrual failure detector"},
}

// Detectors are the variants that are measured, and Troubles what they are measured against.
func Detectors() []string {
	var out []string
	for _, d := range detectorTable {
		out = append(out, d.name)
	}
	return out
}

func detectorEntries() []Entry {
	var out []Entry
	for _, d := range detectorTable {
		out = append(out, Entry{Name: d.name, Title: d.title})
	}
	return out
}

func explainDetector(name string) *Explanation {
	for _, d := range detectorTable {
		if d.name == name {
			e := &Explanation{Name: d.name, Kind: "failure detector", Title: d.title}
			e.add("source", d.source)
			e.add("used by", "the memberships whose members change, as an option: "+viewSynchronous+":detector="+d.name)
			e.add("judged in", "static:detector="+d.name+", a group that does nothing but watch: conform run --membership static:detector="+d.name)
			e.add("measured by", "conform detectors")
			return e
		}
	}
	return nil
}

// Troubles lists what detectors are measured against, in the order of the report.
func Troubles() []string { return []string{"delay", "jitter", "loss", "pause"} }

var troubleLevels = map[string][]int{"delay": {1, 20, 50, 100, 200}, "jitter": {0, 20, 50, 100, 200, 400},
	"loss": {0, 5, 10, 20, 30, 50, 70}, "pause": {50, 100, 200, 400, 800}}

// pauseEvery is the time from one pause of a node to its next.
const pauseEvery = 5 * time.Second

// MeasureDetectors measures the quality of failure detectors. The error is for what could not be played.
func MeasureDetectors(ctx context.Context, p DetectorsPlan) (*DetectorsReport, error) {
	if err := p.Complete(); err != nil {
		return nil, err
	}
	r := &DetectorsReport{Schema: "conform.detectors/1", Version: Version, Seed: strconv.FormatUint(p.Seed, 10), Nodes: p.Nodes,
		Runs: p.Runs, Length: int64(p.Length), TS: int64(sim.DefaultTS), TL: int64(sim.DefaultTL)}
	for _, trouble := range Troubles() {
		for _, level := range troubleLevels[trouble] {
			for _, d := range Detectors() {
				r.Rows = append(r.Rows, DetectorQuality{Detector: d, Trouble: trouble, Level: level})
			}
		}
	}
	errs := make([]error, len(r.Rows))
	err := spread(ctx, p.Parallel, len(r.Rows), p.Progress, func(i int) { errs[i] = p.measure(&r.Rows[i]) })
	for i := 0; err == nil && i < len(errs); i++ {
		err = errs[i]
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// measure plays the runs of a row.
func (p *DetectorsPlan) measure(q *DetectorQuality) error {
	patience, _ := membership.ParsePatience(q.Detector)
	var sum pairSum
	for run := range p.Runs {
		s := p.scenario(q, uint64(run))
		crash := s.Steps[len(s.Steps)-1].When.At
		end := crash + spec.Time(4*sim.DefaultTL) + 2*spec.Time(s.Net.Max)
		world := sim.New(sim.Config{Even: true, Enough: func(now spec.Time, _ *spec.History) bool { return now >= end },
			New: func(cfg impl.Config) impl.Layer { return membership.NewDetector(cfg, patience) }})
		var h spec.History
		if err := world.Play(s, &h); err != nil {
			return err
		}
		sum.read(&h, crash, spec.NodeID(p.Nodes-1))
	}
	pairs := float64(p.Nodes * (p.Nodes - 1))
	time := pairs * float64(sum.lived)
	q.Missed, q.Mistakes, q.Latest = sum.missed, sum.mistakes, int64(sum.latest)
	q.Detection = int64(sum.detection) / int64(max(1, sum.detected))
	q.Duration = int64(sum.wrong) / int64(max(1, sum.mistakes))
	q.Rate = float64(sum.mistakes) / (time / 60e9)
	q.Accuracy = 1 - float64(sum.wrong)/time
	return nil
}

// scenario is one run: the trouble, and the crash as its last step, at a moment of its own between two heartbeats. Both
// detectors go through the same ones.
func (p *DetectorsPlan) scenario(q *DetectorQuality, run uint64) *faults.Scenario {
	r := spec.NewRand(p.Seed, 0xde7, run)
	s := &faults.Scenario{Nodes: p.Nodes, Seed: seedOf(p.Seed, q.Trouble, uint64(q.Level), run), Net: ackNet, Groups: []faults.Group{{Name: "g"}}}
	for n := range spec.NodeID(p.Nodes) {
		s.Groups[0].Members = append(s.Groups[0].Members, n)
	}
	level := time.Duration(q.Level) * time.Millisecond
	switch q.Trouble {
	case "delay":
		s.Net.Min, s.Net.Max = level, level
	case "jitter":
		s.Net.Min, s.Net.Max = time.Millisecond, time.Millisecond+level
	case "loss":
		if q.Level > 0 {
			s.Steps = append(s.Steps, faults.Step{Action: faults.Action{Op: faults.Loss, Percent: q.Level, For: 2 * p.Length}})
		}
	case "pause":
		for at := pauseEvery; at+pauseEvery/2 < p.Length; at += pauseEvery {
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(at)}, Action: faults.Action{Op: faults.Pause, For: level}})
		}
	}
	crash := spec.Time(p.Length) + spec.Time(r.IntN(int(sim.DefaultTS)))
	s.Steps = append(s.Steps, faults.Step{When: faults.When{At: crash}, Action: faults.Action{Op: faults.Crash, Node: spec.NodeID(p.Nodes - 1)}})
	return s
}

// pairSum adds up what the histories of runs show.
type pairSum struct {
	lived, wrong, detection, latest spec.Time
	mistakes, detected, missed      int
}

// read adds a run in which all live until one of them crashes.
func (x *pairSum) read(h *spec.History, crash spec.Time, dead spec.NodeID) {
	since := map[[2]spec.NodeID]spec.Time{}
	x.lived += crash
	for i := range h.Events {
		e := &h.Events[i]
		pair := [2]spec.NodeID{e.Node, e.To}
		switch {
		case e.Kind == spec.Suspect:
			if since[pair] = e.T; e.T < crash {
				x.mistakes++
			}
		case e.Kind == spec.Trust:
			if at := since[pair]; at < crash {
				x.wrong += min(e.T, crash) - at
			}
			delete(since, pair)
		}
	}
	for n := range dead {
		at, noticed := since[[2]spec.NodeID{n, dead}]
		if !noticed {
			x.missed++
			continue
		}
		took := max(0, at-crash)
		x.detected, x.detection, x.latest = x.detected+1, x.detection+took, max(x.latest, took)
	}
	for p := range spec.NodeID(len(h.Nodes)) {
		for q := range spec.NodeID(len(h.Nodes)) {
			if at, open := since[[2]spec.NodeID{p, q}]; open && at < crash {
				x.wrong += crash - at
			}
		}
	}
}
