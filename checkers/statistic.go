package checkers

import "github.com/conform-go/conform/spec"

// probabilisticValidity counts for PROBABILISTIC-VALIDITY what VALIDITY asks for: the deliveries that correct members owe
// of messages of correct processes, and those that are missing (CGR11, probabilistic broadcast, probabilistic
// validity). One run proves nothing but that nothing is missing; [spec.Tally.Against] judges many.
func (j *Judge) probabilisticValidity() spec.Finding {
	if !j.h.Settled {
		return inconclusive(0, notSettled)
	}
	n, missing, _ := j.dues((*Judge).owes)
	f := held(n, "vacuous: no correct process sent to a group with a correct member")
	if missing > 0 {
		f = inconclusive(n, "a share is missing, which one run can't judge")
		f.Missing = missing
	}
	return f
}
