package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
)

func channel(cfg impl.Config) impl.Layer { return transport.NewChannel(cfg) }

// A packet is lost, then its acknowledgement; a duplicate and a changed byte change nothing.
func TestChannel(t *testing.T) {
	f := impltest.NewFigure(2, channel)
	f.Send(0, 1, "m", 7)
	f.Say("the packet is lost: it is sent again after TS")
	f.Lose(0, 1)
	f.Wait(f.TS)
	f.Say("a byte of it changes on the way: it is discarded, and not acknowledged")
	f.Again(0, 1, func(b []byte) { b[0] ^= 1 })
	f.Say("it arrives, and a duplicate: delivered once, acknowledged twice")
	f.Again(0, 1, nil)
	f.Take(0, 1)
	delivered(t, f, 1, "m")
	f.Say("the acknowledgements are lost: sent again, discarded, acknowledged")
	f.Lose(1, 0)
	f.Lose(1, 0)
	f.Wait(f.TS)
	f.Take(0, 1)
	f.Take(1, 0)
	f.Say("nothing is left to do")
	f.Wait(2 * f.TL)
	delivered(t, f, 1, "m")
	golden(t, f, "channel")
}

// A peer that is silent for TL is given up; when it is heard again, what is sent from then on is kept again.
func TestChannelGivesUpAndTrustsAgain(t *testing.T) {
	f := impltest.NewFigure(2, channel)
	f.Send(0, 1, "lost", 7)
	f.Lose(0, 1)
	for range 5 {
		f.Wait(f.TS)
		for f.Has(0, 1) {
			f.Lose(0, 1)
		}
	}
	f.Say("while 1 is suspected, packets are sent once and not kept")
	f.Send(0, 1, "hope", 8)
	f.Take(0, 1)
	f.Say("its acknowledgement is heard: it is trusted")
	f.Take(1, 0)
	f.Send(0, 1, "kept", 9)
	f.Lose(0, 1)
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "hope", "kept")
	if s := f.String(); strings.Contains(s, "ref 7\n    ") || strings.Contains(s, "acknowledge ref 8") || !strings.Contains(s, "acknowledge ref 9") {
		t.Errorf("acknowledgements:\n%s", s)
	}
	golden(t, f, "channel-gives-up")
}

// It does not order.
func TestChannelDoesNotOrder(t *testing.T) {
	f := impltest.NewFigure(2, channel)
	f.Send(0, 1, "a", 0)
	f.Send(0, 1, "b", 0)
	f.Lose(0, 1)
	f.Take(0, 1)
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "b", "a")
}

// An acknowledgement of a former life counts for nothing.
func TestChannelIgnoresAcksOfAFormerLife(t *testing.T) {
	l, out := channel(impl.Config{Self: 0, Nodes: 2, Members: nil, TS: 1}), impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start, Num: 4}, out)
	l.Step(impl.Input{Kind: impl.Send, To: 1, Ref: 1, Body: []byte("m")}, out)
	out.Reset()
	old := impl.AppendNumbered(out, nil, impl.Numbered{N: 1, Incarnation: 3, Kind: 2})
	l.Step(impl.Input{Kind: impl.Packet, From: 1, To: 0, Body: old}, out)
	if got := impltest.Effects(out.List); got != "note stale 1 1" {
		t.Error(got)
	}
}
