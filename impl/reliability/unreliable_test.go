package reliability_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
)

// Send and hope: nothing is added, nothing is acknowledged, nothing comes again.
func TestUnreliable(t *testing.T) {
	f := impltest.NewFigure(3, func(cfg impl.Config) impl.Layer { return reliability.NewUnreliable(cfg) })
	f.Send(0, impl.Everyone, "m", 7)
	f.Lose(0, 1)
	f.Again(0, 2, nil)
	f.Drain()
	f.Wait(10 * f.TL)
	delivered(t, f, 1)
	delivered(t, f, 2, "m", "m")
	golden(t, f, "unreliable")
}
