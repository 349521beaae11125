package impl_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
)

// shelf holds back as many messages as it is told.
type shelf int

func (*shelf) Step(in impl.Input, out *impl.Effects) { out.Pass(in) }
func (s *shelf) Held() int                           { return int(*s) }

// plain holds nothing back, and is not asked.
type plain struct{}

func (plain) Step(in impl.Input, out *impl.Effects) { out.Pass(in) }

// A stack holds back what its layers do, also those of a stack in it; a node what its stacks do, and what stands across.
func TestAStackHoldsWhatItsLayersHold(t *testing.T) {
	a, b, c := shelf(1), shelf(2), shelf(0)
	inner := impl.NewStack(&b, plain{})
	outer := impl.NewStack(&a, inner, &c)
	if got := outer.Held(); got != 3 {
		t.Errorf("%d held back, want 3", got)
	}
	if c = 4; outer.Held() != 7 || inner.Held() != 2 || impl.NewStack(plain{}).Held() != 0 {
		t.Errorf("%d in all and %d inside, want 7 and 2", outer.Held(), inner.Held())
	}
	node := impl.NewNode(impl.Node{Above: &c, Stacks: []impl.GroupStack{{Group: 0, Layer: &a}, {Group: 1, Layer: &b}}})
	if got := node.Held(); got != 7 {
		t.Errorf("a node holds back %d, want 7", got)
	}
}

func TestRingCountsAndLivesSum(t *testing.T) {
	var lives impl.Lives[impl.Ring[int]]
	odd := func(x *int) bool { return *x%2 == 1 }
	for node := range 3 {
		r := lives.Of(node, 3, uint32(node))
		for range 10 * node {
			n, slot := r.Push()
			*slot = int(n)
		}
		for range 3 {
			r.Drop()
		}
	}
	if got := lives.Of(2, 3, 2).Count(odd); got != 8 { // of 4 to 20
		t.Errorf("%d odd numbers, want 8", got)
	}
	if got := lives.Sum(func(r *impl.Ring[int]) int { return r.Count(odd) }); got != 8+3 {
		t.Errorf("%d odd numbers in all, want 11", got)
	}
}

// To ask costs no memory, and next to no time.
func BenchmarkHeld(b *testing.B) {
	x, y := shelf(1), shelf(2)
	s := impl.NewStack(&x, plain{}, &y)
	b.ReportAllocs()
	for b.Loop() {
		if s.Held() != 3 {
			b.Fatal("lost count")
		}
	}
}
