package impl_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

// subject is a layer or a stack of the reference implementations.
type subject struct {
	name    string
	make    func(impl.Config) impl.Layer
	options []impltest.Option
}

// of makes a constructor of layers one of a concrete type.
func of[L impl.Layer](newLayer func(impl.Config) L) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return newLayer(cfg) }
}

// stackOf stacks layers, top first.
func stackOf(makers ...func(impl.Config) impl.Layer) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		layers := make([]impl.Layer, len(makers))
		for i := range makers {
			layers[i] = makers[i](cfg)
		}
		return impl.NewStack(layers...)
	}
}

var (
	channel    = of(transport.NewChannel)
	unicast    = of(transport.NewUnicast)
	fragment   = of(transport.NewFragment)
	unreliable = of(reliability.NewUnreliable)
	bestEffort = of(reliability.NewBestEffort)
	reliable   = of(reliability.NewReliable)
	unordered  = of(ordering.NewUnordered)
	fifo       = of(ordering.NewFifo)
	causal     = of(ordering.NewCausal)
)

var layers = []subject{
	{"channel", channel, []impltest.Option{impltest.WithoutGroup(), impltest.Checksummed()}},
	{"unicast", unicast, nil},
	{"fragment", fragment, []impltest.Option{impltest.MTU(150)}},
	{"unreliable", unreliable, nil},
	{"best-effort", bestEffort, []impltest.Option{impltest.Checksummed()}},
	{"reliable", reliable, nil},
	{"unordered", unordered, nil},
	{"fifo", fifo, nil},
	{"causal", causal, nil},
	{"static", of(membership.NewStatic), nil},
}

var stacks = []subject{
	{"unreliable over unicast", stackOf(unordered, unreliable, unicast), nil},
	{"best-effort over unicast", stackOf(fifo, bestEffort, unicast), nil},
	{"reliable over channels", stackOf(reliable, unicast, channel), []impltest.Option{impltest.Checksummed()}},
	{"causal, reliable over channels", stackOf(causal, reliable, unicast, channel),
		[]impltest.Option{impltest.Checksummed()}},
	{"causal over best-effort in pieces", stackOf(causal, fragment, bestEffort, unicast), []impltest.Option{impltest.MTU(220)}},
	{"fifo in pieces over channels", stackOf(fifo, fragment, reliable, unicast, channel),
		[]impltest.Option{impltest.MTU(180), impltest.Checksummed()}},
	{"a stack in a stack", stackOf(stackOf(causal, reliable), stackOf(unicast, channel)),
		[]impltest.Option{impltest.Checksummed()}},
}

func TestLayersKeepTheContract(t *testing.T) {
	for _, s := range append(layers, stacks...) {
		t.Run(s.name, func(t *testing.T) {
			if err := impltest.TestLayer(s.make, s.options...); err != nil {
				t.Error(err)
			}
		})
	}
}
