package reliability_test

import (
	"fmt"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// storm is a random run: losses, duplicates, a cut, and crashes of any and all, at times or after effects. At its end
// all that may come back do, and nothing is lost any more.
type storm struct {
	*world
	r     spec.Rand
	nodes int
	sends int
}

const calm = 3 * time.Second // from when on nothing breaks

func newStorm(seed uint64, level func(impl.Config) impl.Layer) *storm {
	s := &storm{r: spec.NewRand(seed, 12)}
	s.nodes = 2 + s.r.IntN(3)
	s.world = newWorld(s.nodes, seed, level)
	s.told, s.torn, s.lossy = s.r.Chance(.5), s.r.Chance(.7), s.r.Chance(.5)
	s.loss, s.double = []float64{0, .1, .3}[s.r.IntN(3)], []float64{0, .2}[s.r.IntN(2)]
	return s
}

// someone draws a node.
func (s *storm) someone() *worldNode { return s.world.nodes[s.r.IntN(s.nodes)] }

// sendsSome lets nodes send within the first seconds.
func (s *storm) sendsSome(n int) {
	s.sends = n
	for i := range n {
		from := s.someone()
		s.at(time.Duration(s.r.IntN(int(2*time.Second))), func() { s.send(from, fmt.Sprintf("m%d", i)) })
	}
}

// crashes lets nodes crash and come back after at most so long; some all at once.
func (s *storm) crashes(back time.Duration) {
	for range s.r.IntN(8) {
		n, at := s.someone(), time.Duration(s.r.IntN(int(2500*time.Millisecond)))
		stay := time.Duration(1 + s.r.IntN(int(back)))
		switch s.r.IntN(3) {
		case 0:
			s.at(at, func() {
				n.back = stay
				s.crash(n)
			})
		case 1: // after some effect from then on
			k := 1 + s.r.IntN(60)
			s.at(at, func() {
				n.back = stay
				n.crashAt = append(n.crashAt, n.effects+k)
			})
		case 2:
			s.at(at, func() {
				for _, n := range s.world.nodes {
					n.back = stay
					s.crash(n)
				}
			})
		}
	}
}

// cuts parts one node from the others for a while.
func (s *storm) cuts(longest time.Duration) {
	alone, from := s.someone().id, spec.Time(s.r.IntN(int(2*time.Second)))
	to := from + spec.Time(s.r.IntN(int(longest)))
	s.cut = func(a, b spec.NodeID, now spec.Time) bool {
		return (a == alone || b == alone) && now >= from && now < to
	}
}

// end lets all come back that may, and gives the verdict.
func (s *storm) end(answers bool) error {
	return s.caught(func() {
		s.run(calm)
		s.loss, s.double = 0, 0
		s.cut = func(spec.NodeID, spec.NodeID, spec.Time) bool { return false }
		for _, n := range s.world.nodes {
			n.crashAt = nil
			if n.back > 0 {
				s.restart(n)
			}
		}
		s.run(calm + 10*time.Second)
		if err := s.verdict(answers); err != nil {
			panic(err.Error())
		}
	})
}
