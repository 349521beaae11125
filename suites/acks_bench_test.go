package suites

import (
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// counted counts the steps of the stack that it stands for.
type counted struct {
	impl.Layer
	steps *int
}

func (c counted) Step(in impl.Input, out *impl.Effects) {
	*c.steps++
	c.Layer.Step(in, out)
}

// BenchmarkLevel gives how many steps a second the stack of each level of reliability makes over unicast, four members in
// turn sending on a network where nothing is lost, the simulated world's work included; and what a step allocates, the
// making of the stacks included.
func BenchmarkLevel(b *testing.B) {
	var p AcksPlan
	if err := p.Complete(); err != nil {
		b.Fatal(err)
	}
	for _, level := range p.levels(true) {
		c := p.cell(level)
		b.Run(level.String(), func(b *testing.B) {
			s := p.ackScenario(c, 4, 6, 0)
			for k := range 1000 {
				s.Steps = append(s.Steps, send(spec.NodeID(k%4), time.Duration(k)*time.Millisecond))
			}
			steps := 0
			world := sim.New(sim.Config{New: func(x impl.Config) impl.Layer { return counted{c.Member(x), &steps} }})
			var h spec.History
			play := func(s *faults.Scenario) {
				if err := world.Play(s, &h); err != nil {
					b.Fatal(err)
				}
			}
			play(s) // the world's memory is used again
			steps = 0
			b.ReportAllocs()
			for b.Loop() {
				play(s)
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
		})
	}
}
