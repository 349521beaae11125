package checkers

import (
	"time"

	"github.com/conform-go/conform/spec"
)

// DetectorFigures are the quality of service of a failure detector, summed over the pairs of a history (Chen, Toueg,
// Aguilera, On the Quality of Service of Failure Detectors, IEEE Transactions on Computers 51(5), 2002).
type DetectorFigures struct {
	Pairs      int           // ordered pairs of nodes, of which the first watches the second
	Detections int           // crashes that a watcher suspects, from then until the end
	Detection  time.Duration // sum of their times, T_D: from the crash to the suspicion that stays
	Slowest    time.Duration // the longest of these
	Mistakes   int           // suspicions of a node that was up and connected, or that were not taken back within the declared bound when it was again
	Mistaken   time.Duration // sum of their durations, T_M: until the node is trusted again, or one of the two fails
	Watched    time.Duration // sum over pairs: the time in which both were up and connected
}

// Add takes in the figures of another run.
func (f *DetectorFigures) Add(g DetectorFigures) {
	f.Pairs += g.Pairs
	f.Detections += g.Detections
	f.Detection += g.Detection
	f.Slowest = max(f.Slowest, g.Slowest)
	f.Mistakes += g.Mistakes
	f.Mistaken += g.Mistaken
	f.Watched += g.Watched
}

// MeanDetection is the mean detection time; 0 without any.
func (f *DetectorFigures) MeanDetection() time.Duration { return ratio(f.Detection, f.Detections) }

// MeanMistake is the mean duration of a mistake; 0 without any.
func (f *DetectorFigures) MeanMistake() time.Duration { return ratio(f.Mistaken, f.Mistakes) }

// MistakesAMinute is the rate of mistakes of one pair, λ_M.
func (f *DetectorFigures) MistakesAMinute() float64 {
	if f.Watched <= 0 {
		return 0
	}
	return float64(f.Mistakes) / f.Watched.Minutes()
}

// Accuracy is the share of time in which the one watched is rightly trusted, P_A.
func (f *DetectorFigures) Accuracy() float64 {
	if f.Watched <= 0 {
		return 0
	}
	return 1 - float64(f.Mistaken)/float64(f.Watched)
}

func ratio(sum time.Duration, n int) time.Duration {
	if n == 0 {
		return 0
	}
	return sum / time.Duration(n)
}

// watch is what one node thinks of another, over all groups.
type watch struct {
	suspects  bool
	mistaken  bool
	since     spec.Time // when it began to suspect it
	connected spec.Time // when both began to be up and connected; -1 while they are not
	windows   int       // whole windows of the declared length in which they were
	wrong     int       // of these, with a suspicion that began in them, or lasted throughout
}

// detectorAccuracy counts for DETECTOR-ACCURACY the mistakes of failure detectors: suspicions of a process that is up and
// connected, by one that is (CGR11, accuracy; Chen, Toueg, Aguilera 2002). An instance is a time of the declared bound in
// which a pair of processes is so; without a bound, or if it is shorter than that once, the whole time is one. It is
// mistaken where a suspicion begins in it, or lasts throughout: what began while the two were apart has to be taken back
// when they no longer are. One run proves nothing but that there were none; [spec.Tally.Against] judges many.
func (j *Judge) detectorAccuracy() spec.Finding {
	if tooLarge(len(j.h.Nodes), len(j.h.Nodes)) {
		return broken()
	}
	if _, told := j.watchAll(); !told {
		return inconclusive(0, "not observed: suspect")
	}
	n, missing := 0, 0
	for k := range j.watches {
		w := &j.watches[k]
		n += max(w.windows, w.wrong)
		missing += w.wrong
	}
	f := held(n, "vacuous: no two processes were up and connected")
	if missing > 0 {
		f = inconclusive(n, "there are mistakes, which one run can't judge")
		f.Missing = missing
	}
	return f
}

// DetectorFigures measures the failure detectors of the loaded history; told says whether any suspicion was recorded.
func (j *Judge) DetectorFigures() (f DetectorFigures, told bool) {
	if j.h == nil || tooLarge(len(j.h.Nodes), len(j.h.Nodes)) {
		return f, false
	}
	return j.watchAll()
}

// watchAll walks the history and looks at every pair of nodes when something changes.
func (j *Judge) watchAll() (f DetectorFigures, told bool) {
	nodes := len(j.h.Nodes)
	window := spec.Time(j.h.Bounds["DETECTOR-ACCURACY"])
	j.watches = zeroed(j.watches, nodes*nodes)
	j.plights = zeroed(j.plights, nodes)
	crashed := zeroed(j.row, nodes) // node: its crash + 1, while it is down
	j.row = crashed
	f.Pairs = nodes * max(nodes-1, 0)
	end := spec.Time(0)
	if len(j.h.Events) > 0 {
		end = j.h.Events[len(j.h.Events)-1].T
	}
	for i, s := range j.steps {
		if o := s.op(); o != opCrash && o != opRecover && o != opRare {
			continue
		}
		e := &j.h.Events[i]
		switch e.Kind {
		case spec.Suspect, spec.Trust:
			told = j.takeOpinion(&f, e, window) || told
			continue
		case spec.Crash:
			crashed[e.Node] = uint32(i) + 1
		case spec.Recover:
			crashed[e.Node] = 0
		}
		if turned, _ := j.turnPlight(i); turned {
			j.reviewPairs(&f, e, window)
		}
	}
	j.endWatches(&f, crashed, end, window)
	return f, told
}

// takeOpinion takes in that a node suspects another, or trusts it again; false where it names nobody.
func (j *Judge) takeOpinion(f *DetectorFigures, e *spec.Event, window spec.Time) bool {
	nodes := len(j.h.Nodes)
	if !e.Is(spec.HasTo) || e.To < 0 || int(e.To) >= nodes || e.To == e.Node {
		return false
	}
	w := &j.watches[int(e.Node)*nodes+int(e.To)]
	if e.Kind == spec.Trust {
		w.endMistake(f, e.T, window)
		w.suspects = false
	} else if !w.suspects {
		w.suspects, w.since = true, e.T
		if w.connected >= 0 && !j.plights[e.Node].now() && !j.plights[e.To].now() {
			w.mistaken = true
			w.wrong++
			f.Mistakes++
		}
	}
	return true
}

// endWatches ends all watches with the history, and counts who has found out whose crash.
func (j *Judge) endWatches(f *DetectorFigures, crashed []uint32, end, window spec.Time) {
	nodes := len(j.h.Nodes)
	for q := range nodes {
		for p := range nodes {
			w := &j.watches[q*nodes+p]
			if q == p {
				continue
			}
			if w.connected >= 0 {
				w.disconnect(f, end, window)
			}
			if c := crashed[p]; c != 0 && w.suspects && crashed[q] == 0 {
				took := time.Duration(max(w.since-j.h.Events[c-1].T, 0))
				f.Detections++
				f.Detection += took
				f.Slowest = max(f.Slowest, took)
			}
		}
	}
}

// reviewPairs looks at all pairs after an event that may have connected or parted them.
func (j *Judge) reviewPairs(f *DetectorFigures, e *spec.Event, window spec.Time) {
	nodes := len(j.h.Nodes)
	for q := range nodes {
		for p := range nodes {
			w := &j.watches[q*nodes+p]
			fine := q != p && !j.plights[q].now() && !j.plights[p].now()
			switch {
			case w.connected >= 0 && !fine && q != p:
				w.disconnect(f, e.T, window)
			case w.connected < 0 && fine:
				w.connected = e.T
			}
		}
		if e.Kind == spec.Crash && spec.NodeID(q) == e.Node { // it forgets whom it suspected
			for p := range nodes {
				j.watches[q*nodes+p].suspects = false
			}
		}
	}
}

// endMistake takes in the end of a suspicion of one that is up and connected, or of the time in which it was.
func (w *watch) endMistake(f *DetectorFigures, t, window spec.Time) {
	if !w.suspects || w.connected < 0 {
		return
	}
	lasted := t - max(w.since, w.connected)
	switch {
	case w.mistaken:
		f.Mistaken += time.Duration(lasted)
	case window > 0 && lasted >= window: // it had a reason, which is long over
		f.Mistakes++
		f.Mistaken += time.Duration(lasted - window)
	}
	if window > 0 {
		w.wrong += int(lasted / window)
	}
	w.mistaken = false
}

// disconnect ends the time in which the two were up and connected.
func (w *watch) disconnect(f *DetectorFigures, t, window spec.Time) {
	w.endMistake(f, t, window)
	f.Watched += time.Duration(t - w.connected)
	if t > w.connected {
		n := 1
		if window > 0 {
			n = max(int((t-w.connected)/window), 1)
		}
		w.windows += n
	}
	w.connected = -1
}
