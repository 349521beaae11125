package mutant

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// Every mutant of the total orders without a sequencer is caught by something that it says it breaks, and by nothing
// that it does not; the correct one by nothing on the same schedules.
func TestEveryAgreedMutantIsCaught(t *testing.T) {
	lines := make([]string, len(agreedMutants()))
	t.Run("mutants", func(t *testing.T) {
		for i, m := range agreedMutants() {
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				lines[i] = agreedCaught(t, &m)
			})
		}
	})
	t.Logf("schedules until each mutant was caught:\n%s", strings.Join(lines, "\n"))
}

func agreedCaught(t *testing.T, m *Mutant) string {
	least := *schedules / 5
	if testing.Short() {
		least = 0
	}
	mutant, n := play(t, &player{params: m.params(), world: sim.New(sim.Config{New: m.New})}, least, m.Breaks)
	right, _ := play(t, &player{params: m.params(), world: sim.New(sim.Config{New: correct(m.Cell).node})}, n, nil)
	if mutant.first(m.Breaks) == 0 {
		t.Errorf("%d schedules broke none of %v", n, m.Breaks)
	}
	var shown []string
	for _, id := range m.Breaks {
		if x, ok := right[id]; ok {
			t.Errorf("the correct stack breaks %s in schedule %d: %s", id, x.schedule, x.text)
		}
		shown = append(shown, fmt.Sprintf("%s %d", id, mutant[id].schedule))
	}
	for id, x := range mutant {
		if _, ok := right[id]; !ok && !slices.Contains(follows(m.Breaks), id) {
			t.Errorf("false alarm: %s in schedule %d: %s", id, x.schedule, x.text)
		}
	}
	return fmt.Sprintf("%-34s %4d of %4d  %s", m.Name, mutant.first(m.Breaks), n, strings.Join(shown, ", "))
}

func TestAgreedMutantsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		seen[m.Name] = true
	}
	for _, m := range agreedMutants() {
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

// What makes a mutant harmless is worth a test of its own: FIFO order above an agreement is causal, because who sends
// has delivered, and what has been delivered has its number.
func TestFifoAboveAnAgreementIsCausal(t *testing.T) {
	node := with(causalTotalOverReliable, func(s *stack) { s.ordering = fifoTotal })
	p := &player{params: (&Mutant{Under: spec.EndToEndFaults, NonMember: true}).params(), world: sim.New(sim.Config{New: node})}
	for i := range uint64(*schedules / 5) {
		for id, text := range p.fails(t, *seed+i) {
			if slices.Contains([]spec.ID{"FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "TOTAL-ORDER"}, id) {
				t.Fatalf("schedule %d breaks %s: %s", *seed+i, id, text)
			}
		}
	}
}
