package ordering_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

// What comes is delivered when it comes, in whatever order.
func TestUnordered(t *testing.T) {
	f := impltest.NewFigure(2, func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) })
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(1, impl.Everyone, "b", 0)
	f.Take(1, 0)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Take(1, 1)
	delivered(t, f, 0, "b", "a")
	delivered(t, f, 1, "a", "b")
}
