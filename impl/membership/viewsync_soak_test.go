package membership_test

import (
	"flag"
	"testing"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

var viewRuns = flag.Int("views", 1, "how many times as many schedules of views are played")

var soaks = map[string]viewKinds{
	"quiet":      {},
	"moves":      {moves: true},
	"crashes":    {crashes: true},
	"cuts":       {cuts: true},
	"mixed":      {crashes: true, cuts: true, moves: true},
	"recoveries": {crashes: true, recoveries: true, moves: true},
	"everything": {crashes: true, recoveries: true, cuts: true, moves: true},
}

// viewSafety is what is judged besides, in every run.
var viewSafety = []spec.ID{"SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "VIEW-AGREEMENT",
	"SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "FLUSH-BLOCK", "NO-DELIVERY-AFTER-LEAVE",
	"NO-DUPLICATION", "SAFE-DELIVERY", "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT"}

// judge gives what the judges find wrong, and counts the runs in which a requirement was tested.
func judge(j *checkers.Judge, h *spec.History, ids []spec.ID, bites map[spec.ID]int) (wrong []string) {
	j.Load(h)
	for _, id := range ids {
		switch f := j.Check(id); f.Verdict {
		case spec.Fail:
			wrong = append(wrong, "judge: "+string(id)+": "+f.Witness.Text)
		case spec.Pass:
			bites[id]++
		}
	}
	return wrong
}

// Whatever fails, joins and leaves: all properties of views hold.
func TestViewSyncSoak(t *testing.T) {
	for name, k := range soaks {
		t.Run(name, func(t *testing.T) {
			runs := 100 * *viewRuns
			if testing.Short() {
				runs = 15
			}
			model := spec.CrashStop
			safety := viewSafety
			if k.recoveries {
				model = spec.CrashRecovery
			} else { // a group of which all are gone, without a memory, begins again with others
				safety = append([]spec.ID{"PRIMARY-COMPONENT"}, safety...)
			}
			w, h := sim.New(sim.Config{New: newViews, Model: model}), &spec.History{}
			var sum looked
			settled, broken, died, bites := 0, 0, 0, map[spec.ID]int{}
			var j checkers.Judge
			for seed := range uint64(runs) {
				s := drawViews(seed, k)
				o := play(t, w, s, h)
				if h.Settled {
					settled++
				} else {
					t.Errorf("seed %d does not settle\n%s", seed, s)
				}
				o.wrong = append(o.wrong, judge(&j, h, safety, bites)...)
				if o.died {
					died++
				}
				if len(o.wrong) > 0 {
					broken++
					t.Errorf("seed %d: %d wrong: %v\n%s", seed, len(o.wrong), o.wrong[:min(3, len(o.wrong))], s)
					if broken > 2 {
						break
					}
				}
				sum.views, sum.pairs, sum.restores, sum.left = sum.views+o.views, sum.pairs+o.pairs, sum.restores+o.restores, sum.left+o.left
			}
			if died*20 > runs {
				t.Errorf("in %d of %d runs nobody is left of the last view: too little is judged", died, runs)
			}
			t.Logf("judged: %v", bites)
			t.Logf("%d runs, %d settled, %d died out: %d views, %d pairs, %d states, %d leaves", runs, settled, died, sum.views, sum.pairs, sum.restores, sum.left)
		})
	}
}

// The coordinator dies at every moment of a view change: who takes over finishes what it may have decided.
func TestTakeover(t *testing.T) {
	w, h := sim.New(sim.Config{New: newViews}), &spec.History{}
	for k := 600; k <= 1000; k++ {
		if testing.Short() && k%10 != 0 {
			continue
		}
		s := takeover(k)
		if o := play(t, w, s, h); len(o.wrong) > 0 || !h.Settled {
			t.Fatalf("the coordinator fails in scenario %d: settled %t, %v\n%s", k, h.Settled, o.wrong, s)
		}
	}
}

// ordersOverViews are orderings that stand over views, and what each of them promises besides.
var ordersOverViews = map[string]struct {
	order func(impl.Config) impl.Layer
	judge []spec.ID
}{
	"fifo":            {func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) }, []spec.ID{"FIFO-ORDER"}},
	"causal":          {func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }, []spec.ID{"CAUSAL-ORDER"}},
	"total-sequencer": {func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, ordering.BB) }, []spec.ID{"TOTAL-ORDER"}},
}

// Orderings over views that change keep all that the views promise, and their order.
func TestOrderingsOverViews(t *testing.T) {
	runs := 150 * *viewRuns
	if testing.Short() {
		runs = 15
	}
	for name, x := range ordersOverViews {
		t.Run(name, func(t *testing.T) {
			var j checkers.Judge
			w, h := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
				return mutant.OrderedViewStack(cfg, x.order(cfg), nil)
			}, Model: spec.CrashRecovery}), &spec.History{}
			for seed := range uint64(runs) {
				s := drawViews(seed, soaks["everything"])
				if o := play(t, w, s, h); len(o.wrong) > 0 || !h.Settled {
					t.Fatalf("seed %d: settled %t, %v\n%s", seed, h.Settled, o.wrong[:min(3, len(o.wrong))], s)
				}
				j.Load(h)
				for _, id := range x.judge {
					if f := j.Check(id); f.Verdict == spec.Fail {
						t.Fatalf("seed %d: %s: %s\n%s", seed, id, f.Witness.Text, s)
					}
				}
			}
		})
	}
}
