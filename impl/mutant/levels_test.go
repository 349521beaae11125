package mutant

import (
	"fmt"
	"slices"
	"strings"
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

// gossips says whether a smaller share has delivered than is expected.
func (p *levelPlayer) gossips() bool {
	want := reliability.ExpectedShare(8, few, few)
	return float64(p.deliveries) > .97*want*float64(8*p.sends)
}

// Every mutant is caught by something that it says it breaks, and by nothing that it does not; the correct level is
// caught by nothing of that on the same schedules.
func TestEveryLevelMutantIsCaught(t *testing.T) {
	lines := make([]string, len(levelMutants()))
	t.Run("mutants", func(t *testing.T) {
		for i, m := range levelMutants() {
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				lines[i] = levelCaught(t, &m)
			})
		}
	})
	t.Logf("schedules until each mutant was caught:\n%s", strings.Join(lines, "\n"))
}

func levelCaught(t *testing.T, m *Mutant) string {
	mutant, right := newLevelPlayer(m, m.New), newLevelPlayer(m, correct(m.Cell).node)
	b, r := broken{}, broken{}
	n := 0
	for ; n < *schedules/5 || n < limit && m.Cell != overGossip && b.first(m.Breaks) == 0; n++ {
		b.add(mutant.fails(t, *seed+uint64(n)), n+1)
		r.add(right.fails(t, *seed+uint64(n)), n+1)
	}
	if m.Cell == overGossip {
		if mutant.gossips() || !right.gossips() {
			t.Errorf("of %d sends %d deliveries, of the correct one %d", mutant.sends, mutant.deliveries, right.deliveries)
		}
		return fmt.Sprintf("%-34s %d deliveries instead of %d", m.Name, mutant.deliveries, right.deliveries)
	}
	if b.first(m.Breaks) == 0 {
		t.Errorf("%d schedules broke none of %v", n, m.Breaks)
	}
	var shown []string
	for _, id := range m.Breaks {
		if x, ok := r[id]; ok {
			t.Errorf("the correct stack breaks %s in schedule %d: %s", id, x.schedule, x.text)
		}
		shown = append(shown, fmt.Sprintf("%s %d", id, b[id].schedule))
	}
	for id, x := range b {
		if _, ok := r[id]; !ok && !slices.Contains(follows(m.Breaks), id) {
			t.Errorf("false alarm: %s in schedule %d: %s", id, x.schedule, x.text)
		}
	}
	return fmt.Sprintf("%-34s %4d of %4d  %s", m.Name, b.first(m.Breaks), n, strings.Join(shown, ", "))
}

// Names are words of their own; what a mutant breaks is in the catalogue, and in its order.
func TestLevelMutantsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		seen[m.Name] = true
	}
	for _, m := range levelMutants() {
		if _, all := Lookup(m.Name); seen[m.Name] && !all || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("%q: not a name of its own", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasSuffix(m.Title, ".") {
			t.Errorf("%s: the title is no sentence: %q", m.Name, m.Title)
		}
		last := -1
		for _, id := range m.Breaks {
			at := slices.IndexFunc(spec.Catalogue(), func(r spec.Requirement) bool { return r.ID == id })
			if at <= last {
				t.Errorf("%s: %s is not in the catalogue, or out of order", m.Name, id)
			}
			last = at
		}
	}
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
			for i := range uint64(*schedules / 5) {
				for id, text := range p.fails(t, *seed+i) {
					if slices.Contains(c.ids, id) {
						t.Fatalf("schedule %d breaks %s: %s", *seed+i, id, text)
					}
				}
			}
		})
	}
}
