package spec

import (
	"encoding/json"
	"fmt"
)

// Verdict is what a judge says of one requirement. The order is the order of merging: the worst wins, and an error
// never hides a fail.
type Verdict uint8

const (
	Pass         Verdict = iota // the requirement was tested and held
	Inconclusive                // something that would have tested it did not happen, or was not observed
	Error                       // the harness or the adapter broke
	Fail                        // the requirement was violated, and a witness shows it
)

var verdictNames = [...]string{Pass: "pass", Inconclusive: "inconclusive", Error: "error", Fail: "fail"}

func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// ParseVerdict is the inverse of [Verdict.String].
func ParseVerdict(s string) (Verdict, error) {
	for v, name := range verdictNames {
		if name == s {
			return Verdict(v), nil
		}
	}
	return Pass, fmt.Errorf("unknown verdict %q: want pass, inconclusive, error or fail", s)
}

// Merge gives the verdict of two requirements together: the worse of the two.
func (v Verdict) Merge(w Verdict) Verdict { return max(v, w) }

// MarshalJSON writes the verdict as a word.
func (v Verdict) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// UnmarshalJSON reads the verdict as a word.
func (v *Verdict) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	w, err := ParseVerdict(s)
	if err == nil {
		*v = w
	}
	return err
}

// Finding is the verdict on one requirement over one history.
type Finding struct {
	ID          ID
	Verdict     Verdict
	Antecedents int      // instances that were really tested; a pass has at least one
	Missing     int      // statistic: of the instances, those that did not hold
	Reason      string   // inconclusive: what is missing; error: what broke
	Witness     *Witness // fail: the proof
}

// Witness is the proof of a violation: as few events as prove it, and a sentence that names them.
type Witness struct {
	Text   string
	Events []int // indices in History.Events, ascending
}

// Tally merges the findings on one requirement over many runs. A vacuous run is neutral: one run that bites makes a
// pass, and only when none does is the whole inconclusive.
type Tally struct {
	ID          ID
	Judged      int // runs judged
	Bites       int // runs in which the antecedent occurred
	Antecedents int // instances over all runs
	Missing     int // of these, those that did not hold: a statistic
	Failed      int // runs that failed
	Broken      int // runs in which the harness broke
	Reason      string
}

// Add takes one more finding in.
func (t *Tally) Add(f Finding) {
	t.Judged++
	t.Antecedents += f.Antecedents
	t.Missing += f.Missing
	switch f.Verdict {
	case Pass:
		t.Bites++
	case Fail:
		t.Failed++
	case Error:
		if t.Broken == 0 {
			t.Reason = f.Reason
		}
		t.Broken++
	case Inconclusive:
		if t.Reason == "" {
			t.Reason = f.Reason
		}
	}
}

// Merge takes in the runs of another tally. Tallies of disjoint runs may be merged in any order, but for which
// reason is kept: the receiver's.
func (t *Tally) Merge(u Tally) {
	t.Judged += u.Judged
	t.Bites += u.Bites
	t.Antecedents += u.Antecedents
	t.Missing += u.Missing
	t.Failed += u.Failed
	if t.Reason == "" || t.Broken == 0 && u.Broken > 0 {
		t.Reason = u.Reason
	}
	t.Broken += u.Broken
}

// Verdict is that of all runs together. What is missing of a statistic may be within what was declared: then
// [Tally.Against] gives the verdict.
func (t *Tally) Verdict() Verdict {
	switch {
	case t.Failed > 0:
		return Fail
	case t.Broken > 0:
		return Error
	case t.Bites > 0 && t.Missing == 0:
		return Pass
	}
	return Inconclusive
}

// Against is the verdict on a statistic, of which the declared share of all instances has to hold: pass if the share is
// at least that with this confidence, fail if it is less with this confidence, and inconclusive while there were too
// few instances to tell. It takes the instances as independent of each other.
func (t *Tally) Against(share, confidence float64) Verdict {
	held := t.Antecedents - t.Missing
	switch {
	case t.Failed > 0 || t.Antecedents > 0 && 1-LowerBound(t.Missing, t.Antecedents, confidence) < share:
		return Fail
	case t.Broken > 0:
		return Error
	case t.Antecedents > 0 && LowerBound(held, t.Antecedents, confidence) >= share:
		return Pass
	}
	return Inconclusive
}
