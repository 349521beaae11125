package membership_test

import (
	"flag"
	"testing"

	"github.com/conform-go/conform/faults/sim"
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

// Whatever fails, joins and leaves: all properties of views hold.
func TestViewSyncSoak(t *testing.T) {
	for name, k := range soaks {
		t.Run(name, func(t *testing.T) {
			runs := 100 * *viewRuns
			if testing.Short() {
				runs = 15
			}
			model := spec.CrashStop
			if k.recoveries {
				model = spec.CrashRecovery
			}
			w, h := sim.New(sim.Config{New: rulesOf{}.newViews, Model: model}), &spec.History{}
			var sum looked
			settled, broken := 0, 0
			for seed := range uint64(runs) {
				s := drawViews(seed, k)
				o := play(t, w, s, h)
				if h.Settled {
					settled++
				} else {
					t.Logf("unsettled %d", seed)
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
			t.Logf("%d runs, %d settled: %d views, %d pairs, %d states, %d leaves", runs, settled, sum.views, sum.pairs, sum.restores, sum.left)
		})
	}
}
