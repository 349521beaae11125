package membership_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
)

func TestViewSyncContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewViewSync(cfg) },
		impltest.Handles(impl.Join, impl.Leave, impl.Query)); err != nil {
		t.Error(err)
	}
}

func TestGateContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewGate(cfg, nil) },
		impltest.Handles(impl.Blocked, impl.Unblocked)); err != nil {
		t.Error(err)
	}
}

func TestViewSynchronousStackContract(t *testing.T) {
	if err := impltest.TestLayer(newViews, impltest.Handles(impl.Join, impl.Leave, impl.Query)); err != nil {
		t.Error(err)
	}
}
