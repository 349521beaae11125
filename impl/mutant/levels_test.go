package mutant

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// levelPlayer plays the schedules of one level, and counts what share delivers.
type levelPlayer struct {
	player
	cell string

	sends, deliveries int
}

// newLevelPlayer lets members run a stack; in the cell of byzantine, a third of the nodes less one lie.
func newLevelPlayer(m *Mutant, honest func(impl.Config) impl.Layer) *levelPlayer {
	p := &levelPlayer{cell: m.Cell}
	p.params = m.params()
	cfg := sim.Config{New: honest, Declare: declares(m.Cell)}
	switch m.Cell {
	case overByzantine:
		p.params.MinNodes, p.params.MaxNodes, p.params.MaxSends = 4, 7, 8
		cfg.New = func(cfg impl.Config) impl.Layer {
			if slices.Contains(liarsOf(cfg.Nodes), cfg.Self) {
				return with(m.Cell, func(s *stack) { s.reliability = lying })(cfg)
			}
			return honest(cfg)
		}
		cfg.Declare = func(s *faults.Scenario, h *spec.Header) { h.Byzantine = liarsOf(s.Nodes) }
	case overUniform:
		p.params.MaxNodes = 5
	case overGossip:
		p.params.MinNodes, p.params.MaxNodes = 8, 8
	}
	p.world = sim.New(cfg)
	return p
}

func liarsOf(nodes int) (liars []spec.NodeID) {
	for n := nodes - (nodes-1)/3; n < nodes; n++ {
		liars = append(liars, spec.NodeID(n))
	}
	return liars
}

func lying(cfg impl.Config) impl.Layer {
	return reliability.NewLiar(cfg, reliability.NewByzantine(cfg), spec.EveryLie)
}

// fails plays the schedule of a seed. One in which too many crash for the level is left out.
func (p *levelPlayer) fails(t *testing.T, seed uint64) map[spec.ID]string {
	faults.DrawInto(&p.s, seed, p.params)
	crashed := map[spec.NodeID]bool{}
	for i := range p.s.Steps {
		if a := &p.s.Steps[i].Action; a.Op == faults.Crash || a.Op == faults.CrashLossy {
			crashed[a.Node] = true
		}
	}
	if p.cell == overUniform && 2*len(crashed) >= len(p.s.Groups[0].Members) {
		return nil
	}
	out := p.player.fails(t, seed)
	if out == nil {
		out = map[spec.ID]string{}
	}
	for i := range p.h.Events {
		switch p.h.Events[i].Kind {
		case spec.Send:
			p.sends++
		case spec.Deliver:
			p.deliveries++
		}
	}
	return out
}

// What the levels promise, on random schedules of the faults under which they promise it.
func TestLevelsKeepTheirPromises(t *testing.T) {
	end := spec.EndToEndFaults.Without(spec.RecoverFault)
	always := []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
		"CHANNEL-INTEGRITY", "CLOSED-GROUP", "NO-RESURRECTION"}
	live := append(slices.Clone(always), "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "CHANNEL-VALIDITY")
	for _, c := range []struct {
		cell  string
		under spec.FaultSet
		ids   []spec.ID
	}{
		{overReliableIP, end, append(slices.Clone(live), "STABILITY-TRIM", "FIFO-ORDER", "FIFO-GAPFREE", "DETECTOR-COMPLETENESS")},
		{overReliableIP, spec.EndToEndFaults, append(slices.Clone(always), "FIFO-ORDER", "FIFO-GAPFREE")},
		{overStableIP, end, append(slices.Clone(live), "STABILITY-TRIM", "FIFO-ORDER", "FIFO-GAPFREE", "UNIFORM-AGREEMENT", "DETECTOR-COMPLETENESS")},
		{overUniform, end, append(slices.Clone(live), "UNIFORM-AGREEMENT")},
		{overUniform, spec.EndToEndFaults, always},
		{overAtomicView, end.Without(spec.CrashFault, spec.CrashLossyFault),
			append(slices.Clone(live), "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "FIFO-ORDER", "FIFO-GAPFREE")},
		{overAtomicView, spec.SetOf(spec.CrashFault, spec.PauseFault, spec.DelayFault, spec.ReorderFault, spec.DuplicateFault),
			append(slices.Clone(always), "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED")},
		{overAtomicView, spec.EndToEndFaults, append(slices.Clone(always), "AGREEMENT", "ALL-OR-NOTHING", "FIFO-ORDER", "FIFO-GAPFREE")},
		{overGossip, spec.EndToEndFaults, always},
		{overByzantine, end.Without(spec.CrashFault, spec.CrashLossyFault),
			append(slices.Clone(live), "BYZ-CONSISTENCY", "BYZ-TOTALITY", "BYZ-VALIDITY")},
	} {
		t.Run(c.cell, func(t *testing.T) {
			t.Parallel()
			p := newLevelPlayer(&Mutant{Cell: c.cell, Under: c.under, OneToOne: true, NonMember: c.cell != overByzantine}, correct(c.cell).node)
			for i := range uint64(share(5)) {
				for id, text := range p.fails(t, *seed+i) {
					if slices.Contains(c.ids, id) {
						t.Fatalf("schedule %d breaks %s: %s", *seed+i, id, text)
					}
				}
			}
		})
	}
}
