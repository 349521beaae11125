package ordering_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

func realTime(cfg impl.Config) impl.Layer { return ordering.NewRealTime(cfg, 0, 0) }

func TestRealTimeKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(realTime); err != nil {
		t.Error(err)
	}
}
