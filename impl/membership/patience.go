package membership

import (
	"math"
	"time"
)

// Arrivals is how the last heartbeats of a node have come: the times between each and the next. Its zero value has
// none.
type Arrivals struct {
	gaps         [arrivalWindow]int64 // microseconds
	n, next      int
	sum, squares int64
}

// arrivalWindow is how many times are remembered: two seconds of heartbeats where TS is 30 ms. A longer memory is
// surer of itself and slower to notice that the network has changed.
const arrivalWindow = 64

func (a *Arrivals) add(gap time.Duration) {
	x := gap.Microseconds()
	if old := a.gaps[a.next]; a.n == arrivalWindow {
		a.sum -= old
		a.squares -= old * old
	} else {
		a.n++
	}
	a.gaps[a.next] = x
	a.next = (a.next + 1) % arrivalWindow
	a.sum += x
	a.squares += x * x
}

// Len counts the times that are remembered.
func (a *Arrivals) Len() int { return a.n }

// Mean gives the mean of the times; 0 where there are none.
func (a *Arrivals) Mean() time.Duration {
	if a.n == 0 {
		return 0
	}
	return time.Duration(a.sum/int64(a.n)) * time.Microsecond
}

// Deviation gives their standard deviation; 0 where there are none.
func (a *Arrivals) Deviation() time.Duration {
	if a.n == 0 {
		return 0
	}
	n := float64(a.n)
	mean := float64(a.sum) / n
	return time.Duration(math.Sqrt(max(0, float64(a.squares)/n-mean*mean))) * time.Microsecond
}

// FixedPatience waits for TL, however the heartbeats come.
func FixedPatience(_ *Arrivals, _, tl time.Duration) time.Duration { return tl }

// The accrual detector.
const (
	phiDeviations = 5.612 // the normal distribution leaves 10⁻⁸ above so many standard deviations: φ = 8
	phiSamples    = 8     // with fewer, nothing is known
)

// PhiAccrual waits until φ is 8 (Hayashibara, Défago, Yared, Katayama, The φ Accrual Failure Detector, SRDS 2004): so
// long that a heartbeat comes later than that once in 10⁸, if the times between heartbeats are spread normally with the
// mean and the deviation of the last ones. The detector of Chen, Toueg and Aguilera (On the Quality of Service of Failure
// Detectors, 2002) estimates as well when the next heartbeat is due, but the margin that it adds is a constant that
// somebody has to know; here it grows by itself with jitter and with loss.
//
// The deviation counts as half of TS at the least: where no heartbeat is lost for a while the measured one is next to
// nothing, and the first loss would be a suspicion. So about three heartbeats must be missing, and silence for TL is
// enough whatever was measured.
func PhiAccrual(a *Arrivals, ts, tl time.Duration) time.Duration {
	if a.n < phiSamples {
		return tl
	}
	margin := time.Duration(phiDeviations * float64(max(a.Deviation(), ts/2)))
	return min(a.Mean()+margin, tl)
}

// ParsePatience finds a patience by the name that an option gives it: fixed or adaptive.
func ParsePatience(name string) (Patience, bool) {
	switch name {
	case "fixed":
		return FixedPatience, true
	case "adaptive":
		return PhiAccrual, true
	}
	return nil, false
}
