package mutant

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// orderMutants are those of the orderings with a history, with clocks and with barriers.
func orderMutants() []Mutant {
	return slices.Concat(kaashoekMutants(), realTimeMutants(), syncMutants())
}

// orderPlayer plays the schedules of one ordering, in some with barriers, and judges also what [look] does.
type orderPlayer struct {
	player
	cell  string
	bites map[spec.ID]int // schedules in which a requirement was tried
}

func newOrderPlayer(cell string, under spec.FaultSet, node func(impl.Config) impl.Layer) *orderPlayer {
	p := &orderPlayer{cell: cell, bites: map[spec.ID]int{}}
	p.params = faults.Params{Faults: under, MaxSends: 6, Syncs: readings[cell] > 0 || cell == syncOfSender || cell == fifoSync}
	p.world = sim.New(sim.Config{New: node, Declare: func(_ *faults.Scenario, h *spec.Header) {
		switch cell {
		case overKaashoek, overKaashoekBB:
			h.Costs = map[string]int{"STABILITY-TRIM": 128}
		case overTinyHistory:
			h.Costs = map[string]int{"STABILITY-TRIM": tiny}
		}
	}})
	return p
}

// fails plays the schedule of a seed. A sequencer does not crash: that is another story. Nor is anybody silent for TL.
func (p *orderPlayer) fails(t *testing.T, seed uint64) map[spec.ID]string {
	faults.DrawInto(&p.s, seed, p.params)
	if strings.Contains(p.cell, "kaashoek") {
		p.s.Steps = slices.DeleteFunc(p.s.Steps, func(s faults.Step) bool {
			return s.Action.Node == 0 && (s.Action.Op == faults.Crash || s.Action.Op == faults.CrashLossy)
		})
	}
	if p.s.Silence() >= sim.DefaultTL*3/4 {
		return nil
	}
	if err := p.world.Play(&p.s, &p.h); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	out := map[spec.ID]string{}
	p.judge.Load(&p.h)
	for _, id := range judgedHere {
		f := p.judge.Check(id)
		if f.Verdict == spec.Fail {
			out[id] = f.Witness.Text
		}
		if f.Verdict == spec.Pass {
			p.bites[id]++
		}
	}
	l := look(&p.h)
	for id, text := range l.out {
		out[id] = text
	}
	for id, n := range l.bites {
		p.bites[id] += min(n, 1)
	}
	return out
}

// judgedHere are the requirements that concern these orderings and the levels below them, but for those of [look].
var judgedHere = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY",
	"DESTINATION-INTEGRITY", "CLOSED-GROUP", "SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT",
	"NO-SILENT-GAP", "ACKED-DELIVERED", "NO-RESURRECTION", "STABILITY-TRIM", "BOUNDED-OVERFLOW", "FIFO-ORDER",
	"FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE"}

// Every mutant is caught by something that it says it breaks, and by nothing that it does not; the correct ordering is
// caught by nothing of that on the same schedules.
func TestEveryOrderMutantIsCaught(t *testing.T) {
	lines := make([]string, len(orderMutants()))
	t.Run("mutants", func(t *testing.T) {
		for i, m := range orderMutants() {
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				lines[i] = orderCaught(t, &m)
			})
		}
	})
	t.Logf("schedules until each mutant was caught:\n%s", strings.Join(lines, "\n"))
}

func orderCaught(t *testing.T, m *Mutant) string {
	mutant, right := newOrderPlayer(m.Cell, m.Under, m.New), newOrderPlayer(m.Cell, m.Under, correct(m.Cell).node)
	b, r := broken{}, broken{}
	n := 0
	for ; n < *schedules/2 || n < limit && b.first(m.Breaks) == 0; n++ {
		b.add(mutant.fails(t, *seed+uint64(n)), n+1)
		r.add(right.fails(t, *seed+uint64(n)), n+1)
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

// What the orderings promise holds on random schedules of the faults under which they promise it, and is tried there;
// outside, a witness is found.
func TestOrdersKeepTheirPromises(t *testing.T) {
	set := spec.SetOf
	end := spec.EndToEndFaults.Without(spec.RecoverFault)
	sound := []spec.ID{"NO-CREATION", "NO-DUPLICATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY", "CLOSED-GROUP"}
	live := []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "ACKED-DELIVERED"}
	total := []spec.ID{"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE"}
	causal := []spec.ID{"NO-SILENT-GAP", "FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE"}
	kaashoek := slices.Concat(sound, live, total, causal, []spec.ID{"UNIFORM-AGREEMENT", "STABILITY-TRIM"})
	stamped := []spec.ID{"TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "FIFO-ORDER", "NO-SILENT-GAP"}
	lossless := end.Without(spec.CrashFault, spec.CrashLossyFault)
	for _, c := range []struct {
		cell   string
		under  spec.FaultSet
		ids    []spec.ID
		breaks []spec.ID
	}{
		{overKaashoek, end | spec.ClockFaults, kaashoek, nil},
		{overKaashoekBB, end | spec.ClockFaults, kaashoek, nil},
		{overTinyHistory, end | spec.ClockFaults, kaashoek, nil},
		{overKaashoek, end | set(spec.RecoverFault), slices.Concat(sound, total[:2], causal[:2]), nil},

		{realTimeOverReliable, set(spec.CrashFault, spec.PauseFault, spec.DuplicateFault, spec.SkewFault),
			slices.Concat(sound, live, total, causal, []spec.ID{"REALTIME-ORDER"}), nil},
		{realTimeOverReliable, end | set(spec.SkewFault), slices.Concat(sound, stamped, []spec.ID{"REALTIME-ORDER"}), nil},
		{realTimeOverReliable, set(spec.DelayFault), stamped, []spec.ID{"VALIDITY", "TOTAL-GAPFREE"}},
		{realTimeOverReliable, set(spec.JumpFault), stamped, []spec.ID{"VALIDITY", "REALTIME-ORDER"}},
		{realTimeOverReliable, set(spec.DriftFault), stamped, []spec.ID{"REALTIME-ORDER"}},

		{syncOfSender, end, slices.Concat(sound, []spec.ID{"SYNC-BARRIER"}), []spec.ID{"SYNC-CUT", "SYNC-CAUSAL", "SYNC-BLOCKING"}},
		{syncOfSender, lossless, live, nil},
		{syncCausal, end, slices.Concat(sound, []spec.ID{"SYNC-BARRIER", "SYNC-CAUSAL"}), []spec.ID{"SYNC-CUT", "SYNC-BLOCKING"}},
		{syncCausal, lossless, live, nil},
		{syncCut, end, slices.Concat(sound, []spec.ID{"SYNC-BARRIER", "SYNC-CAUSAL", "SYNC-CUT"}), []spec.ID{"SYNC-BLOCKING"}},
		{syncCut, lossless, live, nil},
		{syncCut, set(spec.CrashFault), nil, []spec.ID{"VALIDITY"}},
		{syncBlocking, end, slices.Concat(sound, []spec.ID{"SYNC-CAUSAL", "SYNC-BLOCKING"}), []spec.ID{"SYNC-BARRIER", "SYNC-CUT"}},
		{syncBlocking, lossless, live, nil},
		{fifoSync, end, slices.Concat(sound, []spec.ID{"SYNC-BARRIER", "FIFO-ORDER"}), nil},
		{fifoSync, lossless, slices.Concat(live, []spec.ID{"FIFO-GAPFREE"}), nil},
		{fifoCut, lossless, slices.Concat(live, []spec.ID{"FIFO-GAPFREE", "SYNC-CUT"}), nil},
		{fifoCausal, lossless, slices.Concat(live, []spec.ID{"FIFO-GAPFREE", "SYNC-CAUSAL"}), nil},
		{fifoBlocking, lossless, slices.Concat(live, []spec.ID{"FIFO-GAPFREE", "SYNC-BARRIER", "SYNC-BLOCKING"}), nil},
	} {
		t.Run(c.cell+" under "+c.under.String(), func(t *testing.T) {
			t.Parallel()
			p, b := newOrderPlayer(c.cell, c.under, correct(c.cell).node), broken{}
			missing := func(id spec.ID) bool { _, ok := b[id]; return !ok }
			for n := 0; n < *schedules/4 || n < limit && slices.ContainsFunc(c.breaks, missing); n++ {
				b.add(p.fails(t, *seed+uint64(n)), n+1)
			}
			for _, id := range c.ids {
				if x, ok := b[id]; ok {
					t.Errorf("schedule %d breaks %s: %s", x.schedule, id, x.text)
				}
				if p.bites[id] == 0 && id != "CLOSED-GROUP" && id != "NO-SILENT-GAP" {
					t.Errorf("no schedule tried %s", id)
				}
			}
			for _, id := range c.breaks {
				if missing(id) {
					t.Errorf("no schedule broke %s", id)
				}
			}
		})
	}
}

// When the sequencer crashes, what it has given to some the others never get.
func TestTotalKaashoekStopsWithItsSequencer(t *testing.T) {
	p, b := newOrderPlayer(overKaashoek, spec.SetOf(spec.CrashFault), correct(overKaashoek).node), broken{}
	p.cell = "" // the sequencer too
	for n := range *schedules / 2 {
		b.add(p.fails(t, *seed+uint64(n)), n+1)
	}
	for _, id := range []spec.ID{"VALIDITY", "AGREEMENT", "SELF-DELIVERY"} {
		if _, ok := b[id]; !ok {
			t.Errorf("no schedule broke %s", id)
		}
	}
	for _, id := range []spec.ID{"TOTAL-ORDER", "TOTAL-GAPFREE", "CAUSAL-GAPFREE", "NO-DUPLICATION"} {
		if x, ok := b[id]; ok {
			t.Errorf("schedule %d breaks %s: %s", x.schedule, id, x.text)
		}
	}
}

// Names are words of their own; what a mutant breaks is in the catalogue, and in its order.
func TestOrderMutantsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		seen[m.Name] = true
	}
	for _, m := range orderMutants() {
		if _, all := Lookup(m.Name); seen[m.Name] && !all || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("%q: not a name of its own", m.Name)
		}
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
