package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func accepting(cfg impl.Config) impl.Layer { return transport.NewAcceptingChannel(cfg) }

func TestAcceptingChannelKeepsTheContract(t *testing.T) {
	opts := []impltest.Option{impltest.WithoutGroup(), impltest.Checksummed(), impltest.Handles(impl.Accept)}
	if err := impltest.TestLayer(accepting, opts...); err != nil {
		t.Error(err)
	}
	under := func(cfg impl.Config) impl.Layer {
		return impl.NewStack(transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
	}
	if err := impltest.TestLayer(under, impltest.Checksummed(), impltest.Handles(impl.Accept)); err != nil {
		t.Error(err)
	}
}

// A packet is handed up once, and acknowledged when it has been accepted: what comes again before is not.
func TestAcceptingChannel(t *testing.T) {
	f := impltest.NewFigure(2, accepting)
	f.Send(0, 1, "m", 7)
	f.Say("it is handed up, and a duplicate is not; neither is acknowledged")
	f.Again(0, 1, nil)
	f.Take(0, 1)
	delivered(t, f, 1, "m")
	f.Wait(f.TS)
	f.Say("the layer above accepts it, and says so twice")
	f.Give(1, impl.Input{Kind: impl.Accept, Ref: 1})
	f.Give(1, impl.Input{Kind: impl.Accept, Ref: 1})
	f.Say("the acknowledgement is lost: what comes again is acknowledged")
	f.Lose(1, 0)
	f.Take(0, 1)
	f.Take(1, 0)
	delivered(t, f, 1, "m")
	golden(t, f, "channel-accepting")
}

// What a peer's former life has not accepted comes again in its next.
func TestAcceptingChannelAfterARestart(t *testing.T) {
	f := impltest.NewFigure(2, accepting)
	f.Send(0, 1, "accepted", 7)
	f.Send(0, 1, "not accepted", 8)
	f.Take(0, 1)
	f.Take(0, 1)
	f.Give(1, impl.Input{Kind: impl.Accept, Ref: 1})
	f.Take(1, 0)
	f.Give(1, impl.Input{Kind: impl.Start, Num: 1})
	f.Give(1, impl.Input{Kind: impl.Ready})
	f.Give(1, impl.Input{Kind: impl.Accept, Ref: 2}) // of the former life: it means nothing
	if f.Has(1, 0) {
		t.Error("acknowledged for a former life")
	}
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "accepted", "not accepted", "not accepted")
	if s := f.String(); !strings.Contains(s, "acknowledge ref 7\n") || strings.Contains(s, "acknowledge ref 8\n") {
		t.Errorf("acknowledgements:\n%s", s)
	}
}

// The reference of a packet comes up through unicast, and the acceptance goes down; what unicast drops it accepts, or
// it would come again for ever.
func TestUnicastCarriesReferences(t *testing.T) {
	cfg := impl.Config{Self: 0, Nodes: 3, Members: []spec.NodeID{0, 1}}
	l, out := unicast(cfg), impl.NewEffects(&impl.Arena{})
	give := func(in impl.Input) string {
		out.Reset()
		l.Step(in, out)
		return impltest.Effects(out.List)
	}
	packet := func(kind byte) impl.Input {
		return impl.Input{Kind: impl.Packet, From: 1, To: 0, Ref: 9, Body: []byte{'m', kind}}
	}
	for _, c := range []struct {
		in   impl.Input
		want string
	}{
		{packet(1), `up from 1 to all ref 9 "m"`},
		{packet(2), `up from 1 to 0 ref 9 "m"`},
		{packet(3), `call-down accept ref 9; note malformed 1 2`},
		{impl.Input{Kind: impl.Accept, Ref: 9}, `call-down accept ref 9`},
	} {
		if got := give(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", impltest.Input(c.in), got, c.want)
		}
	}
	cfg.Self = 2
	l = unicast(cfg)
	if got, want := give(packet(1)), "call-down accept ref 9; note not-member 1 0"; got != want {
		t.Errorf("a node that is no member: %q, want %q", got, want)
	}
}
