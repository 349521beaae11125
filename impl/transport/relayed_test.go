package transport_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
)

func coordinator(cfg impl.Config) impl.Layer { return transport.NewCoordinator(cfg) }

// hierarchy gives trees of a fan-out.
func hierarchy(fanout int) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return transport.NewHierarchy(cfg, fanout, 0) }
}

// overStream gives TCP over streams in segments of mss bytes.
func overStream(mss int) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer {
		return impl.NewStack(transport.NewTCP(cfg), transport.NewStream(cfg, mss))
	}
}

func overChannel(upper func(impl.Config) impl.Layer) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return impl.NewStack(upper(cfg), transport.NewChannel(cfg)) }
}

func TestRelayingTransportsKeepTheContract(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(impl.Config) impl.Layer
		opts []impltest.Option
	}{
		{"coordinator", coordinator, nil},
		{"coordinator over channels", overChannel(coordinator), []impltest.Option{impltest.Checksummed()}},
		{"hierarchy", hierarchy(0), nil},
		{"hierarchy, a chain", hierarchy(1), nil},
		{"hierarchy over channels", overChannel(hierarchy(2)), []impltest.Option{impltest.Checksummed()}},
		{"tcp", overStream(0), []impltest.Option{impltest.Checksummed()}},
		{"tcp in small segments", overStream(16), []impltest.Option{impltest.Checksummed()}},
		{"tcp, short packets", overStream(0), []impltest.Option{impltest.Checksummed(), impltest.MTU(60)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := impltest.TestLayer(c.make, c.opts...); err != nil {
				t.Error(err)
			}
		})
	}
}
