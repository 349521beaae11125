package mutant

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ordered is what a total order that goes on through restarts promises where all nodes come back.
var ordered = slices.Concat(promised, []spec.ID{"LOCAL-ORDER", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE",
	"UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "POSITION-AGREEMENT"})

// comeBackAndSend plays a drawn schedule in which all nodes come back in the end, also the one that numbers, and send once
// more. It lists what of that is broken, and counts what was delivered again.
func comeBackAndSend(t *testing.T, p *player, seed uint64) (out map[spec.ID]string, again int) {
	faults.DrawInto(&p.s, seed, p.params)
	for n := range p.s.Nodes {
		at := func(t time.Duration, a faults.Action) {
			a.Node = spec.NodeID(n)
			p.s.Steps = append(p.s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: a})
		}
		at(time.Second, faults.Action{Op: faults.Recover})
		at(1500*time.Millisecond, faults.Action{Op: faults.Send, To: impl.Everyone, Size: 8})
		at(2500*time.Millisecond, faults.Action{Op: faults.Recover})
		at(3500*time.Millisecond, faults.Action{Op: faults.Recover})
	}
	if err := p.world.Play(&p.s, &p.h); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	p.judge.Load(&p.h)
	out = map[spec.ID]string{}
	for _, id := range ordered {
		if f := p.judge.Check(id); f.Verdict == spec.Fail {
			out[id] = f.Witness.Text
		}
	}
	for i := range p.h.Events {
		if e := &p.h.Events[i]; e.Kind == spec.Deliver && e.Is(spec.IsRedelivered) {
			again++
		}
	}
	return out, again
}

// Every mutant of the orders that go on through restarts is caught where all nodes come back, and nothing is broken on the
// same schedules by the correct ones, which deliver again what they had.
func TestRestartMutantsAreCaught(t *testing.T) {
	for _, m := range restartMutants() {
		t.Run(m.Name, func(t *testing.T) {
			params := m.params()
			params.Faults = params.Faults.With(spec.CrashFault) // of the first member, too
			wrong := &player{params: params, world: sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery})}
			right := &player{params: params, world: sim.New(sim.Config{New: correct(m.Cell).node, Model: spec.CrashRecovery})}
			caught, again, n := 0, 0, 0
			for n < share(8) || n < 5*limit && (caught == 0 || again == 0) {
				n++
				broken, _ := comeBackAndSend(t, wrong, *seed+uint64(n)-1)
				for id, text := range broken {
					switch {
					case caught == 0 && slices.Contains(m.Breaks, id):
						caught = n
						t.Logf("%s in schedule %d: %s", id, n, text)
					case !slices.Contains(follows(m.Breaks), id):
						t.Errorf("false alarm in schedule %d: %s: %s", n, id, text)
					}
				}
				broken, k := comeBackAndSend(t, right, *seed+uint64(n)-1)
				again += k
				for id, text := range broken {
					t.Fatalf("the correct order breaks %s in schedule %d: %s\n%s", id, n, text, right.s.String())
				}
			}
			if caught == 0 || again == 0 {
				t.Errorf("%d schedules broke none of %v; the correct order delivered %d again", n, m.Breaks, again)
			}
		})
	}
}
