package mutant

import (
	"testing"

	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// numberPlayer plays the schedules of a number server, and judges also what its callers are told.
type numberPlayer struct {
	player
	bites int // schedules in which somebody was told a number
}

func newNumberPlayer(under spec.FaultSet, cfg sim.Config) *numberPlayer {
	return &numberPlayer{player: player{params: faults.Params{Faults: under, MaxSends: 6, Revive: cfg.Revive}, world: sim.New(cfg)}}
}

// fails plays the schedule of a seed. What takes a first member that stays up is left out where it crashes.
func (p *numberPlayer) fails(t *testing.T, seed uint64) map[spec.ID]string {
	out := p.player.fails(t, seed)
	if firstCrashes(&p.s) {
		out = nil
	}
	f := linear.Check(&p.h, linear.Sequence, linear.Options{})
	switch f.Verdict {
	case spec.Fail:
		if out == nil {
			out = map[spec.ID]string{}
		}
		out[f.ID] = f.Witness.Text
	case spec.Pass:
		p.bites++
	}
	return out
}

// The number server is a counter over every level, whatever strikes the nodes: also where it crashes, and where the
// order that is built on its numbers has lost agreement.
func TestTheNumberServerCounts(t *testing.T) {
	all := spec.EndToEndFaults
	for _, c := range []struct {
		level  string
		under  spec.FaultSet
		revive bool
	}{
		{bare, all.Without(spec.CorruptFault), false}, {overBestEffort, all, false}, {overNack, all.Without(spec.CorruptFault), false},
		{overReliable, all, false}, {overReliableIP, all, false}, {overUniform, all, false},
		{overDurable, all, true}, {overAtomicLog, all, true}, {overAtomicAbort, all, true},
	} {
		for _, holes := range []ordering.Holes{ordering.FillHoles, ordering.BlockHoles} {
			t.Run(c.level+"/"+holes.String(), func(t *testing.T) {
				s := correct(c.level)
				s.ordering = seqServer(holes)
				cfg := sim.Config{New: func(cfg impl.Config) impl.Layer { return s.node(cfg) }}
				if c.revive {
					cfg.Revive, cfg.Model = true, spec.CrashRecovery
				}
				p := newNumberPlayer(c.under, cfg)
				p.params.Hold = 3 * sim.DefaultTL // some are silent for so long that they are removed
				n := uint64(*schedules / 4)
				if testing.Short() {
					n /= 3
				}
				for i := range n {
					if text, ok := p.fails(t, *seed+i)[linear.Sequence]; ok {
						t.Fatalf("schedule %d: %s\n%s", *seed+i, text, p.s.String())
					}
				}
				if p.bites < int(n)/3 {
					t.Errorf("only in %d of %d schedules was anybody told a number", p.bites, n)
				}
			})
		}
	}
}
