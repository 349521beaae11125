package faults

import (
	"github.com/conform-go/conform/spec"
	"pgregory.net/rapid"
)

// Generator draws scenarios under rapid. It draws little, a number of nodes and a seed, and lets [Draw] expand them:
// that is faster than drawing every action, and not biased to small values. In half of the scenarios it keeps only
// some of the steps, so that rapid can shrink a failure by leaving steps out; [Shrink] does more.
func Generator(p Params) *rapid.Generator[*Scenario] {
	p = p.withDefaults()
	nodes := rapid.IntRange(p.MinNodes, p.MaxNodes)
	return rapid.Custom(func(t *rapid.T) *Scenario {
		q := p
		q.MinNodes = nodes.Draw(t, "nodes")
		q.MaxNodes = q.MinNodes
		s := Draw(uniform(t, "seed"), q)
		if rapid.Bool().Draw(t, "all steps") {
			return s
		}
		kept := s.Steps[:0]
		for i := range s.Steps {
			if rapid.Bool().Draw(t, "keep") {
				kept = append(kept, s.Steps[i])
			}
		}
		s.Steps = kept
		return s
	})
}

// uniform draws a seed. rapid's own numbers are mostly small, so that few seeds would be drawn again and again: two of
// them are mixed. All-zero draws, where shrinking ends, give seed 0.
func uniform(t *rapid.T, label string) uint64 {
	a, b := rapid.Uint64().Draw(t, label), rapid.Uint64().Draw(t, label)
	if a == 0 && b == 0 {
		return 0
	}
	r := spec.NewRand(a, b)
	return r.Uint64()
}
