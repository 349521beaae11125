package spec

import "math"

// LowerBound is the lower end of the one-sided Clopper-Pearson interval: the share of hits that a source has at least,
// with this confidence, if it gave so many hits in so many independent trials. It is exact: the smallest share for
// which so many hits or more have the probability 1 - confidence (Clopper and Pearson, The Use of Confidence or Fiducial
// Limits Illustrated in the Case of the Binomial, Biometrika 26(4), 1934). Without hits, or trials, it is 0. The
// confidence is from 0 to 1, without either.
func LowerBound(hits, trials int, confidence float64) float64 {
	if trials <= 0 || hits <= 0 {
		return 0
	}
	hits = min(hits, trials)
	a, b := float64(hits), float64(trials-hits+1)
	low, high := 0.0, a/float64(trials) // the share seen is in doubt only downwards, from one half of confidence on
	if atLeast(a, b, high) < 1-confidence {
		low, high = high, 1
	}
	for range 100 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if atLeast(a, b, middle) < 1-confidence {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// atLeast is the probability of a hits or more in a+b-1 trials when each is a hit with probability p: the regularized
// incomplete beta function I_p(a, b) (NIST, Digital Library of Mathematical Functions, 8.17.5).
func atLeast(a, b, p float64) float64 {
	switch {
	case p <= 0:
		return 0
	case p >= 1:
		return 1
	case p > (a+1)/(a+b+2): // the fraction converges quickly on the other side
		return 1 - atMost(b, a, 1-p)
	}
	return atMost(a, b, p)
}

// atMost is I_p(a, b) for p up to (a+1)/(a+b+2), by the continued fraction of DLMF 8.17.22 in Lentz's way.
func atMost(a, b, p float64) float64 {
	if p <= 0 {
		return 0
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(p) + b*math.Log1p(-p))
	const tiny = 1e-300
	nonzero := func(x float64) float64 {
		if math.Abs(x) < tiny {
			return tiny
		}
		return x
	}
	c, d := 1.0, 1/nonzero(1-(a+b)*p/(a+1))
	sum := d
	for m := 1.0; m < 1e6; m++ {
		even := m * (b - m) * p / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/nonzero(1+even*d), nonzero(1+even/c)
		sum *= d * c
		odd := -(a + m) * (a + b + m) * p / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/nonzero(1+odd*d), nonzero(1+odd/c)
		sum *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return front * sum / a
}
