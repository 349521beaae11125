package membership_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/mutant"
)

var groupCalls = impltest.Handles(impl.Join, impl.Leave, impl.Query, impl.Create, impl.Destroy)

func TestServerContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewServer(cfg, 0) }, groupCalls); err != nil {
		t.Error(err)
	}
}

func TestFlushContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewFlush(cfg) },
		impltest.Handles(impl.Blocked, impl.Unblocked)); err != nil {
		t.Error(err)
	}
}

func TestInViewContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewInView(cfg) }); err != nil {
		t.Error(err)
	}
}

func TestServerStackContract(t *testing.T) {
	if err := impltest.TestLayer(mutant.ReliableServerStack, groupCalls); err != nil {
		t.Error(err)
	}
}
