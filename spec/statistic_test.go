package spec

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Where the bound has a closed form, and figures that are easy to check by hand.
func TestLowerBoundKnownValues(t *testing.T) {
	for _, c := range []struct {
		hits, trials int
		confidence   float64
		want         float64
	}{
		{0, 0, 0.95, 0}, {0, 10, 0.95, 0}, {-1, 10, 0.95, 0}, {3, 0, 0.95, 0},
		{10, 10, 0.95, math.Pow(0.05, 0.1)},                // all hits: p^n = 1 - confidence
		{1, 10, 0.95, 1 - math.Pow(0.95, 0.1)},             // one: (1-p)^n = confidence
		{12, 10, 0.95, math.Pow(0.05, 0.1)},                // more hits than trials are as many
		{1_000_000, 1_000_000, 0.99, math.Pow(0.01, 1e-6)}, // large
		{1, 1, 0.5, 0.5},                                   //
		{9, 10, 0.95, 0.6058366},                           // 10p^9 - 9p^10 = 0.05
		{2, 3, 0.5, 0.5},                                   // 3p^2 - 2p^3 = 0.5
	} {
		if got := LowerBound(c.hits, c.trials, c.confidence); math.Abs(got-c.want) > 1e-7 {
			t.Errorf("%d of %d with confidence %v: %.9f, want %.9f", c.hits, c.trials, c.confidence, got, c.want)
		}
	}
}

// binomial is the probability of k hits or more, summed up.
func binomial(k, n int, p float64) float64 {
	sum, choose := 0.0, 1.0
	for i := 0; i <= n; i++ {
		if i >= k {
			sum += choose * math.Pow(p, float64(i)) * math.Pow(1-p, float64(n-i))
		}
		choose *= float64(n-i) / float64(i+1)
	}
	return sum
}

// The bound is the share at which so many hits have just the probability that confidence leaves; it grows with hits,
// and shrinks with trials and with confidence.
func TestLowerBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "trials")
		k := rapid.IntRange(1, n).Draw(t, "hits")
		confidence := rapid.Float64Range(0.01, 0.999).Draw(t, "confidence")
		p := LowerBound(k, n, confidence)
		if p < 0 || p > 1 || math.Abs(binomial(k, n, p)-(1-confidence)) > 1e-9 {
			t.Fatalf("%d of %d with confidence %v: %v, of which that has the probability %v", k, n, confidence, p, binomial(k, n, p))
		}
		if p < LowerBound(k-1, n, confidence) || p < LowerBound(k, n+1, confidence) || p < LowerBound(k, n, confidence/2+0.5) {
			t.Fatalf("%d of %d with confidence %v: %v is not monotone", k, n, confidence, p)
		}
	})
}

// Many trials, where the normal approximation is good.
func TestLowerBoundOfMany(t *testing.T) {
	for _, n := range []int{10_000, 1_000_000, 100_000_000} {
		p := 0.99
		got := LowerBound(int(p*float64(n)), n, 0.975)
		want := p - 1.959964*math.Sqrt(p*(1-p)/float64(n))
		if math.Abs(got-want) > 5/float64(n) {
			t.Errorf("of %d: %.9f, want about %.9f", n, got, want)
		}
	}
}

func TestTallyAgainst(t *testing.T) {
	for _, c := range []struct {
		owed, missing, failed, broken int
		share                         float64
		want                          Verdict
	}{
		{0, 0, 0, 0, 0.9, Inconclusive},
		{10, 0, 0, 0, 0.9, Inconclusive}, // too few to tell
		{100, 0, 0, 0, 0.9, Pass},
		{1000, 50, 0, 0, 0.9, Pass},
		{1000, 95, 0, 0, 0.9, Inconclusive},
		{1000, 150, 0, 0, 0.9, Fail},
		{10, 10, 0, 0, 0.9, Fail},
		{1000, 50, 1, 0, 0.9, Fail},
		{1000, 50, 0, 1, 0.9, Error},
	} {
		tally := Tally{Antecedents: c.owed, Missing: c.missing, Failed: c.failed, Broken: c.broken}
		if got := tally.Against(c.share, 0.99); got != c.want {
			t.Errorf("%+v against %v: %s, want %s", tally, c.share, got, c.want)
		}
	}
}
