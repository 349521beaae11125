package mutant

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/spec"
)

// promised is what every level with a log promises where all nodes come back.
var promised = []spec.ID{"NO-CREATION", "NO-DUPLICATION", "NO-DUPLICATION/restart", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY",
	"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "DURABILITY", "NO-RESURRECTION", "LOG-PREFIX"}

// comeBack plays a drawn schedule in which all nodes come back in the end, and lists what is broken.
func comeBack(t *testing.T, p *player, seed uint64) map[spec.ID]string {
	faults.DrawInto(&p.s, seed, p.params)
	for _, when := range []time.Duration{time.Second, 2 * time.Second} { // TL is 600 ms
		for n := range p.s.Nodes {
			p.s.Steps = append(p.s.Steps, faults.Step{When: faults.When{At: spec.Time(when)},
				Action: faults.Action{Op: faults.Recover, Node: spec.NodeID(n)}})
		}
	}
	if err := p.world.Play(&p.s, &p.h); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	p.judge.Load(&p.h)
	out := map[spec.ID]string{}
	for _, id := range promised {
		if f := p.judge.Check(id); f.Verdict == spec.Fail {
			out[id] = f.Witness.Text
		}
	}
	return out
}

// Every mutant of the levels with logs is caught where all nodes come back, and the correct levels are not.
func TestDurableMutantsAreCaught(t *testing.T) {
	for _, m := range durableMutants() {
		t.Run(m.Name, func(t *testing.T) {
			wrong := &player{params: m.params(), world: sim.New(sim.Config{New: m.New, Model: spec.CrashRecovery})}
			right := &player{params: m.params(), world: sim.New(sim.Config{New: correct(m.Cell).node, Model: spec.CrashRecovery})}
			b := broken{}
			var excused []spec.ID
			n, enough := 0, share(4) // the correct stack is played too
			for ; n < enough || n < 5*limit && b.first(m.Breaks) == 0; n++ {
				b.add(comeBack(t, wrong, *seed+uint64(n)), n+1)
				if n >= enough {
					continue
				}
				for id, text := range comeBack(t, right, *seed+uint64(n)) {
					if m.Under.Has(spec.DiskErrorFault) && !slices.Contains(m.Breaks, id) {
						excused = append(excused, id) // a node whose disk fails has stopped, and is up
						continue
					}
					t.Fatalf("the correct stack breaks %s in schedule %d: %s\n%s", id, n+1, text, right.s.String())
				}
			}
			for id, x := range b {
				t.Logf("%s in schedule %d of %d: %s", id, x.schedule, n, x.text)
				if !slices.Contains(append(follows(m.Breaks), excused...), id) {
					t.Errorf("false alarm: %s", id)
				}
			}
			if b.first(m.Breaks) == 0 {
				t.Errorf("%d schedules broke none of %v", n, m.Breaks)
			}
		})
	}
}
