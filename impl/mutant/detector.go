package mutant

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// The stacks that the mutants of memberships differ from, by the names that their parts have.
const (
	watched         = "unicast/unreliable/unordered/static:detector=fixed"
	watchedByPhi    = "unicast/unreliable/unordered/static:detector=adaptive"
	electedByQuorum = "unicast/unreliable/unordered/static:election=on"
	lockedByLamport = "unicast/reliable/total-lamport/static:mutex=on"
)

// member gives the constructor of a stack of plain multicast above one layer of a membership.
func member(bottom maker) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		return impl.NewStack(static(cfg), unreliable(cfg), unicast(cfg), bottom(cfg))
	}
}

func detectorMutants() []Mutant {
	wrong := []spec.ID{"DETECTOR-ACCURACY"}
	silence := spec.SetOf(spec.PauseFault, spec.LossFault, spec.PartitionFault, spec.DelayFault, spec.ReorderFault)
	return []Mutant{
		{
			Name:   "suspicion-never-revoked",
			Title:  "Who was suspected once is never trusted again, however often it is heard.",
			Breaks: wrong, Cell: watched, Under: silence,
			New: detectorWith(membership.FixedPatience, func(r *membership.DetectorRules) {
				r.Revokes = func() bool { return false }
			}),
		},
		{
			Name:   "one-missed-heartbeat-suspects",
			Title:  "A node is suspected when its next heartbeat is late by half of TS: one that is lost is enough.",
			Breaks: wrong, Cell: watched, Under: silence,
			New: detectorWith(membership.FixedPatience, func(r *membership.DetectorRules) {
				r.Patience = func(_ *membership.Arrivals, ts, _ time.Duration) time.Duration { return ts + ts/2 }
			}),
		},
		{
			Name:   "adaptive-margin-forgotten",
			Title:  "A node is suspected when its next heartbeat is due, by the mean of the last ones: half of them come later than that.",
			Breaks: wrong, Cell: watchedByPhi, Under: silence,
			New: detectorWith(membership.PhiAccrual, func(r *membership.DetectorRules) {
				r.Patience = func(a *membership.Arrivals, _, tl time.Duration) time.Duration {
					if a.Len() == 0 {
						return tl
					}
					return min(a.Mean(), tl)
				}
			}),
		},
		{
			Name:   "dead-not-suspected-while-others-speak",
			Title:  "There is one time-out for all, which whoever speaks sets anew: who is dead is suspected when nobody speaks any more.",
			Breaks: []spec.ID{"DETECTOR-COMPLETENESS"}, Cell: watched,
			Under: spec.SetOf(spec.CrashFault),
			New: detectorWith(membership.FixedPatience, func(r *membership.DetectorRules) {
				r.Vouches = func(_, _ spec.NodeID) bool { return true }
			}),
		},
		{
			Name:   "heartbeat-of-the-dead-incarnation-counts",
			Title:  "A heartbeat that a former life has left on the network is a sign of the present one: the dead lives on until the last is in.",
			Breaks: []spec.ID{"DETECTOR-COMPLETENESS"}, Cell: watched,
			Under: spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.DelayFault, spec.ReorderFault),
			New: detectorWith(membership.FixedPatience, func(r *membership.DetectorRules) {
				r.Signs = func(_, _ uint32) bool { return true }
			}),
		},
	}
}

func detectorWith(p membership.Patience, change func(*membership.DetectorRules)) func(impl.Config) impl.Layer {
	return member(func(cfg impl.Config) impl.Layer {
		d := membership.NewDetector(cfg, p)
		change(&d.Rules)
		return d
	})
}
