package spec

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestVerdictOrder(t *testing.T) {
	order := []Verdict{Pass, Inconclusive, Error, Fail}
	for i, v := range order {
		for j, w := range order {
			if got, want := v.Merge(w), order[max(i, j)]; got != want {
				t.Errorf("%s with %s is %s, want %s", v, w, got, want)
			}
		}
		b, err := json.Marshal(v)
		var back Verdict
		if err != nil || json.Unmarshal(b, &back) != nil || back != v {
			t.Errorf("%s goes through JSON as %s, %v", v, b, err)
		}
	}
}

func anyFinding() *rapid.Generator[Finding] {
	return rapid.Custom(func(t *rapid.T) Finding {
		f := Finding{ID: "AGREEMENT", Verdict: Verdict(rapid.IntRange(0, int(Fail)).Draw(t, "verdict"))}
		if f.Verdict == Pass {
			f.Antecedents = rapid.IntRange(1, 9).Draw(t, "antecedents")
		}
		f.Missing = rapid.IntRange(0, f.Antecedents).Draw(t, "missing")
		if f.Verdict == Inconclusive || f.Verdict == Error {
			f.Reason = rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "reason")
		}
		return f
	})
}

func tallyOf(fs []Finding) Tally {
	t := Tally{ID: "AGREEMENT"}
	for _, f := range fs {
		t.Add(f)
	}
	return t
}

// Runs may be judged in parts and in any order; only which reason is kept may differ.
func TestTallyMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := rapid.SliceOf(anyFinding()).Draw(t, "findings")
		cut := rapid.IntRange(0, len(fs)).Draw(t, "cut")
		whole, a, b := tallyOf(fs), tallyOf(fs[:cut]), tallyOf(fs[cut:])
		ab, ba := a, b
		ab.Merge(b)
		ba.Merge(a)
		if (whole.Reason == "") != (ab.Reason == "") || (ab.Reason == "") != (ba.Reason == "") {
			t.Fatalf("reasons %q, %q, %q", whole.Reason, ab.Reason, ba.Reason)
		}
		whole.Reason, ab.Reason, ba.Reason = "", "", ""
		if whole != ab || whole != ba {
			t.Fatalf("whole %+v, in parts %+v and %+v", whole, ab, ba)
		}
	})
}

// A vacuous run is neutral, and an error never hides a fail.
func TestTallyVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := rapid.SliceOf(anyFinding()).Draw(t, "findings")
		want := Inconclusive
		for i, f := range fs {
			fs[i].Missing = 0
			if f.Verdict != Inconclusive && (want == Inconclusive || f.Verdict > want) {
				want = f.Verdict
			}
		}
		tally := tallyOf(fs)
		if got := tally.Verdict(); got != want {
			t.Fatalf("%+v is %s, want %s", tally, got, want)
		}
		before := tally.Verdict()
		tally.Add(Finding{Verdict: Inconclusive, Reason: "vacuous"})
		if tally.Verdict() != before {
			t.Fatalf("a vacuous run makes %s of %s", tally.Verdict(), before)
		}
	})
}
