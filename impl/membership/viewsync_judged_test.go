package membership_test

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// What a stack of the service and the atomic level promises through everything that may happen, whatever its ordering.
var promisedOverViews = []spec.ID{
	checkers.NoCreation, checkers.NoDuplication, checkers.NoDuplicationRestart, checkers.ContentIntegrity, checkers.SenderIntegrity,
	checkers.DestinationIntegrity, checkers.ClosedGroup, checkers.SelfDelivery, checkers.Validity, checkers.Agreement,
	checkers.UniformAgreement, checkers.AllOrNothing, checkers.AckedDelivered, checkers.NoResurrection, checkers.ProbabilisticValidity,
	checkers.NoSilentGap, checkers.JoinComplete, checkers.JoinTransfer, checkers.FIFOOrder, checkers.FIFOGapFree,
	checkers.SelfInclusion, checkers.ViewMonotonicity, checkers.InitialView, checkers.ViewAgreement, checkers.PrimaryComponent,
	checkers.SameViewDelivery, checkers.SendingViewDelivery, checkers.FlushBlock, checkers.MembershipPrecision, checkers.NoDeliveryAfterLeave,
}

// ordered is an ordering over views, and what it adds.
type ordered struct {
	name     string
	order    func(impl.Config) impl.Layer
	promises []spec.ID
	uncut    []spec.ID // promised as long as nobody is cut off
}

var causalIDs = []spec.ID{checkers.LocalOrder, checkers.CausalOrder, checkers.CausalGapFree}

var orderedOverViews = []ordered{
	{"unordered", func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) }, []spec.ID{checkers.VirtualSynchrony}, nil},
	{"fifo", func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) }, []spec.ID{checkers.VirtualSynchrony}, nil},
	{"causal", func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }, append([]spec.ID{checkers.VirtualSynchrony}, causalIDs...), nil},
	// Who is left behind orders by itself what it still holds when it is admitted again: what is said of any process holds as
	// long as nobody is cut off.
	{"total-sequencer", func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.BB) },
		append([]spec.ID{checkers.TotalOrder, checkers.TotalOrderPairwise, checkers.TotalGapFree, checkers.PositionAgreement}, causalIDs...),
		[]spec.ID{checkers.UniformTotalOrder, checkers.UniformTotalGapFree, checkers.TotalOrderPrefix, checkers.NoContamination,
			checkers.VirtualSynchrony}},
}

// All that is promised holds, as the judges of histories see it, as long as there is a quorum in the end, and somebody who
// has installed the last view.
func TestViewsAreJudged(t *testing.T) {
	runs := 12 * *viewRuns
	if testing.Short() {
		runs = 4
	}
	for _, o := range orderedOverViews {
		t.Run(o.name, func(t *testing.T) { o.judge(t, runs) })
	}
}

func (o *ordered) judge(t *testing.T, runs int) {
	bites := map[spec.ID]int{}
	for name, k := range soaks {
		ids := append(slices.Clone(promisedOverViews), o.promises...)
		if !k.cuts {
			ids = append(ids, o.uncut...)
		}
		o.judgeKind(t, name, k, ids, runs, bites)
	}
	for _, id := range slices.Concat(promisedOverViews, o.promises, o.uncut) {
		if t.Logf("%-24s %d", id, bites[id]); bites[id] == 0 && !testing.Short() && id != checkers.NoSilentGap {
			t.Errorf("%s never passed", id)
		}
	}
}

func (o *ordered) judgeKind(t *testing.T, name string, k viewKinds, ids []spec.ID, runs int, bites map[spec.ID]int) {
	model := spec.CrashStop
	if k.recoveries {
		model = spec.CrashRecovery
	}
	w, h := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
		return mutant.OrderedViewStack(cfg, o.order(cfg), nil)
	}, Model: model}), &spec.History{}
	var j checkers.Judge
	live, found := 0, map[spec.ID]int{}
	for seed := range uint64(runs) {
		s := drawViews(seed, k)
		if err := w.Play(s, h); err != nil {
			t.Fatal(err)
		}
		goes := goesOn(s, h)
		if goes {
			live++
		}
		j.Load(h)
		for _, id := range ids {
			if !goes && !isSafety(id) {
				continue
			}
			f := j.Check(id)
			if f.Verdict == spec.Pass {
				bites[id]++
			}
			if f.Verdict == spec.Error || f.Verdict == spec.Fail || f.Missing > 0 {
				if found[id]++; found[id] == 1 {
					t.Errorf("%s, seed %d: %s: %+v %+v\n%s", name, seed, id, f, f.Witness, s)
				}
			}
		}
	}
	t.Logf("%s: %d schedules, %d with a quorum in the end, failed: %v", name, runs, live, found)
}

// isSafety says whether a requirement is judged whatever is up in the end.
func isSafety(id spec.ID) bool {
	r, ok := spec.Lookup(id)
	return ok && !r.Is(spec.Liveness) && !r.Is(spec.Statistic)
}

// goesOn says whether the group can go on in the end: a quorum is up, and so is one that has installed the last view.
func goesOn(s *faults.Scenario, h *spec.History) bool {
	up, at, last := make([]bool, s.Nodes), make([]spec.ViewID, s.Nodes), spec.ViewID{}
	for n := range up {
		up[n] = true
	}
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Crash:
			up[e.Node], at[e.Node] = false, spec.ViewID{}
		case spec.Recover:
			up[e.Node] = true
		case spec.Left:
			at[e.Node] = spec.ViewID{}
		case spec.ViewChange:
			at[e.Node] = h.ExtraOf(e).View
			if at[e.Node].Compare(last) > 0 {
				last = at[e.Node]
			}
		}
	}
	return hasQuorum(s, up) && anyAt(up, at, last)
}
