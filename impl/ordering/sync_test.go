package ordering_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

func syncOf(reading ordering.Reading) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return ordering.NewSync(cfg, reading) }
}

func TestSyncKeepsTheContract(t *testing.T) {
	for _, r := range []ordering.Reading{ordering.OfSender, ordering.Cut, ordering.CausalBarrier, ordering.Blocking} {
		if err := impltest.TestLayer(syncOf(r), impltest.Handles(impl.Barrier)); err != nil {
			t.Error(r, err)
		}
	}
}
