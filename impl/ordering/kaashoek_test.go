package ordering_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

func kaashoekPB(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, ordering.PB, 0) }
func kaashoekBB(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, ordering.BB, 0) }
func kaashoekTiny(cfg impl.Config) impl.Layer {
	return ordering.NewKaashoek(cfg, ordering.PB, 2)
}

func TestKaashoekKeepsTheContract(t *testing.T) {
	for _, newLayer := range []func(impl.Config) impl.Layer{kaashoekPB, kaashoekBB, kaashoekTiny} {
		if err := impltest.TestLayer(newLayer, impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
}
