package mutant

import (
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// orderPlayer plays the schedules of one ordering, in some with barriers.
type orderPlayer struct {
	player
	cell  string
	bites map[spec.ID]int // schedules in which a requirement was tried
}

func newOrderPlayer(cell string, under spec.FaultSet, node func(impl.Config) impl.Layer) *orderPlayer {
	p := &orderPlayer{cell: cell, bites: map[spec.ID]int{}}
	p.params = faults.Params{Faults: under, MaxSends: 6, Syncs: readings[cell] > 0 || cell == syncOfSender || cell == fifoSync}
	p.world = sim.New(sim.Config{New: node, Declare: func(_ *faults.Scenario, h *spec.Header) {
		h.Epsilon = 0
		switch cell {
		case realTimeOverReliable, realTimeAtTheBound:
			h.Epsilon = 1 // what they show each other after waiting for ε, they show in order
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
	return p.playDrawn(t, seed, func(f *spec.Finding) {
		if f.Verdict == spec.Pass {
			p.bites[f.ID]++
		}
	})
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
		{realTimeOverReliable, set(spec.JumpFault), append(slices.Clone(stamped), "CAUSAL-ORDER"), []spec.ID{"VALIDITY", "REALTIME-ORDER"}},
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
			p := newOrderPlayer(c.cell, c.under, correct(c.cell).node)
			untried := func(id spec.ID) bool { return p.bites[id] == 0 && id != "CLOSED-GROUP" && id != "NO-SILENT-GAP" }
			b, _ := until(t, p.fails, share(4), func(b broken) bool {
				return slices.ContainsFunc(c.breaks, b.lacks) || slices.ContainsFunc(c.ids, untried)
			})
			for _, id := range c.ids {
				if x, ok := b[id]; ok {
					t.Errorf("schedule %d breaks %s: %s", x.schedule, id, x.text)
				}
				if untried(id) {
					t.Errorf("no schedule tried %s", id)
				}
			}
			for _, id := range c.breaks {
				if b.lacks(id) {
					t.Errorf("no schedule broke %s", id)
				}
			}
		})
	}
}

// When the sequencer crashes, what it has given to some the others never get.
func TestTotalKaashoekStopsWithItsSequencer(t *testing.T) {
	p := newOrderPlayer(overKaashoek, spec.SetOf(spec.CrashFault), correct(overKaashoek).node)
	p.cell = "" // the sequencer too
	stops := []spec.ID{"VALIDITY", "AGREEMENT", "SELF-DELIVERY"}
	b, _ := until(t, p.fails, share(2), func(b broken) bool { return slices.ContainsFunc(stops, b.lacks) })
	for _, id := range stops {
		if b.lacks(id) {
			t.Errorf("no schedule broke %s", id)
		}
	}
	for _, id := range []spec.ID{"TOTAL-ORDER", "TOTAL-GAPFREE", "CAUSAL-GAPFREE", "NO-DUPLICATION"} {
		if x, ok := b[id]; ok {
			t.Errorf("schedule %d breaks %s: %s", x.schedule, id, x.text)
		}
	}
}
