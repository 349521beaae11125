package suites

import (
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// bench is a world with a judge, for one goroutine.
type bench struct {
	cfg   sim.Config
	world *sim.World
	judge checkers.Judge
	h     spec.History
}

func newBench(cfg sim.Config) *bench { return &bench{cfg: cfg, world: sim.New(cfg)} }

// play plays a scenario and loads its history into the judge.
func (b *bench) play(s *faults.Scenario) error {
	if err := b.world.Play(s, &b.h); err != nil {
		return err
	}
	b.judge.Load(&b.h)
	return nil
}

// fails says whether a scenario breaks a requirement.
func (b *bench) fails(s *faults.Scenario, id spec.ID) bool {
	return b.play(s) == nil && b.judge.Check(id).Verdict == spec.Fail
}

// outlasts says whether a link may have been silent for TL, so that liveness is not promised in this run.
func (b *bench) outlasts(s *faults.Scenario, id spec.ID) bool {
	r, ok := spec.Lookup(id)
	tl := b.cfg.TL
	if tl == 0 {
		tl = sim.DefaultTL
	}
	return ok && r.Is(spec.Liveness) && s.Silence() > tl-100*time.Millisecond
}
