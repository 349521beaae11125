package transport_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func fragment(cfg impl.Config) impl.Layer { return transport.NewFragment(cfg) }

func mtu(n int) impltest.FigureOption { return func(cfg *impl.Config) { cfg.MTU = n } }

// Three pieces arrive in any order, one twice: the message is delivered once, when it is whole.
func TestFragmentPutsPiecesTogether(t *testing.T) {
	f := impltest.NewFigure(2, fragment, mtu(128)) // 32 bytes a piece
	body := strings.Repeat("a", 32) + strings.Repeat("b", 32) + "c"
	f.Send(0, 1, body, 0)
	f.Again(0, 1, nil)
	f.Again(0, 1, nil)
	delivered(t, f, 1)
	f.Drain()
	delivered(t, f, 1, body)
	golden(t, f, "fragment")
}

// Pieces of different messages are not mixed, and a lost piece loses its own message only.
func TestFragmentKeepsMessagesApart(t *testing.T) {
	f := impltest.NewFigure(2, fragment, mtu(128))
	for _, c := range []string{"x", "y", "z"} {
		f.Send(0, 1, strings.Repeat(c, 40), 0)
	}
	first := true
	for f.Has(0, 1) {
		if first {
			f.Lose(0, 1)
			first = false
			continue
		}
		f.Take(0, 1)
	}
	delivered(t, f, 1, strings.Repeat("y", 40), strings.Repeat("z", 40))
}

// 64 KiB over packets of 1,400 bytes, a fifth of which are lost and some come twice: it arrives whole at all.
func TestFragmentOverALossyNetwork(t *testing.T) {
	s, err := faults.Parse(`conform.scenario/1
nodes 3
group g 0 1 2
seed 3
net latency 1ms..10ms mtu 1400
at 0s loss 20% for 150ms
at 0s duplicate 20% for 150ms
at 0s reorder 20% by 5ms for 150ms
at 1ms send 0 g 65536
at 2ms send 1 g 65537
at 3ms send 2 to 0 65536
`)
	if err != nil {
		t.Fatal(err)
	}
	w := sim.New(sim.Config{New: func(cfg impl.Config) impl.Layer {
		return impl.NewStack(transport.NewFragment(cfg), reliability.NewReliable(cfg),
			transport.NewUnicast(cfg), transport.NewChannel(cfg))
	}, TL: 10 * time.Second})
	h := &spec.History{}
	if err := w.Play(s, h); err != nil {
		t.Fatal(err)
	}
	sums, got, acks := map[spec.MsgID]spec.Digest{}, 0, 0
	for _, e := range h.Events {
		switch e.Kind {
		case spec.Send:
			sums[e.Msg] = e.Sum
		case spec.Deliver:
			if got++; sums[e.Msg] != e.Sum {
				t.Errorf("%d delivered another body of %v", e.Node, e.Msg)
			}
		case spec.Ack:
			acks++
		}
	}
	if got != 7 || acks != 3 || !h.Settled {
		t.Errorf("%d deliveries, want 7; %d acknowledgements, want 3; settled %v", got, acks, h.Settled)
	}
	if w.Counts().Packets < 47*6*2 {
		t.Errorf("only %d packets", w.Counts().Packets)
	}
}

// Forged headers that promise many pieces cost little, and block nothing.
func TestFragmentBearsForgedPieces(t *testing.T) {
	l, out := fragment(impl.Config{Self: 1, Nodes: 2, MTU: 1400}), impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start}, out)
	piece := func(message byte, index, count uint16) impl.Input {
		b := make([]byte, 16)
		b[0], b[12], b[13], b[14], b[15] = message, byte(index), byte(index>>8), byte(count), byte(count>>8)
		return impl.Input{Kind: impl.Packet, From: 0, To: 1, Body: b}
	}
	for _, in := range []impl.Input{piece(1, 0, 0xffff), piece(1, 5, 5), piece(1, 0, 0)} {
		out.Reset()
		if l.Step(in, out); !strings.HasPrefix(impltest.Effects(out.List), "note malformed") {
			t.Errorf("%x: %s", in.Body, impltest.Effects(out.List))
		}
	}
	for n := range 250 {
		l.Step(piece(byte(n+2), 1, 700), out)
	}
	out.Reset()
	if l.Step(piece(255, 0, 1), out); impltest.Effects(out.List) != `up from 0 to 1 ""` {
		t.Errorf("a whole message among the forged: %s", impltest.Effects(out.List))
	}
}
