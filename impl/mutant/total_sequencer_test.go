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

// orderPlayer plays schedules in which the first member, which numbers, stays up.
type orderPlayer struct{ player }

func newOrderPlayer(params faults.Params, node func(impl.Config) impl.Layer) *orderPlayer {
	return &orderPlayer{player{params: params, world: sim.New(sim.Config{New: node})}}
}

// fails plays the schedule of a seed; one in which the first member crashes is left out.
func (p *orderPlayer) fails(t *testing.T, seed uint64) map[spec.ID]string {
	faults.DrawInto(&p.s, seed, p.params)
	if firstCrashes(&p.s) {
		return nil
	}
	return p.player.fails(t, seed)
}

func firstCrashes(s *faults.Scenario) bool {
	return slices.ContainsFunc(s.Steps, func(x faults.Step) bool {
		return (x.Action.Op == faults.Crash || x.Action.Op == faults.CrashLossy) && x.Action.Node == s.Groups[0].Members[0]
	})
}

// Every mutant is caught by something that it says it breaks, and by nothing that it does not; the correct order is
// caught by nothing of that on the same schedules.
func TestEverySequencerMutantIsCaught(t *testing.T) {
	lines := make([]string, len(sequencerMutants()))
	t.Run("mutants", func(t *testing.T) {
		for i, m := range sequencerMutants() {
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				lines[i] = orderCaught(t, &m)
			})
		}
	})
	t.Logf("schedules until each mutant was caught:\n%s", strings.Join(lines, "\n"))
}

func orderCaught(t *testing.T, m *Mutant) string {
	mutant, right := newOrderPlayer(m.params(), m.New), newOrderPlayer(m.params(), correct(m.Cell).node)
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
