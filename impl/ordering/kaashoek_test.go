package ordering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

func kaashoek(method ordering.KaashoekMethod, history int) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return ordering.NewKaashoek(cfg, method, history) }
}

func TestKaashoekKeepsTheContract(t *testing.T) {
	for _, newLayer := range []func(impl.Config) impl.Layer{kaashoek(ordering.SequencerMulticasts, 0), kaashoek(ordering.SenderMulticasts, 0), kaashoek(ordering.SequencerMulticasts, 2)} {
		if err := impltest.TestLayer(newLayer, impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
}

// The figure of the paper: a point-to-point message to the sequencer, and a broadcast from it. Nobody acknowledges.
func TestKaashoekPB(t *testing.T) {
	f := impltest.NewFigure(3, kaashoek(ordering.SequencerMulticasts, 0))
	f.Send(1, impl.Everyone, "m", 7)
	f.Say("only the sequencer, 0, has it; it numbers it")
	f.Take(1, 0)
	f.Take(0, 0)
	f.Take(0, 2)
	delivered(t, f, 2, "m")
	f.Say("the sender sees its own message come back, and knows its place")
	f.Take(0, 1)
	delivered(t, f, 1, "m")
	f.Say("TS later those that were silent say what they have, and the history is empty again")
	f.Wait(f.TS)
	f.Drain()
	if n := strings.Count(f.String(), "note buffer-depth 0 0"); n != 1 {
		t.Errorf("the history was emptied %d times", n)
	}
	golden(t, f, "kaashoek-pb")
}

// The other method: the sender broadcasts the message, the sequencer a short accept. 2 has missed the message, and asks.
func TestKaashoekBB(t *testing.T) {
	f := impltest.NewFigure(3, kaashoek(ordering.SenderMulticasts, 0))
	f.Send(1, impl.Everyone, "long", 7)
	f.Take(1, 1)
	f.Take(1, 0)
	f.Lose(1, 2)
	f.Take(0, 1)
	delivered(t, f, 1, "long")
	f.Say("2 hears of a number without a message")
	f.Take(0, 2)
	delivered(t, f, 2)
	f.Take(2, 0)
	f.Take(0, 0)
	f.Take(0, 2)
	delivered(t, f, 2, "long")
	golden(t, f, "kaashoek-bb")
}

// A gap in the numbers shows a loss; the history has what was lost. What is held back comes behind it.
func TestKaashoekAsksForWhatIsMissing(t *testing.T) {
	f := impltest.NewFigure(3, kaashoek(ordering.SequencerMulticasts, 0))
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(1, impl.Everyone, "b", 0)
	f.Take(0, 0)
	f.Take(1, 0)
	f.Lose(0, 2)
	f.Take(0, 2)
	delivered(t, f, 2)
	f.Take(2, 0)
	f.Take(0, 0)
	f.Take(0, 2)
	f.Drain()
	delivered(t, f, 2, "a", "b")
	golden(t, f, "kaashoek-nack")
}

// A request that comes again is not numbered again: its sender gets its number once more.
func TestKaashoekRepeatedRequest(t *testing.T) {
	f := impltest.NewFigure(2, kaashoek(ordering.SequencerMulticasts, 0))
	f.Send(1, impl.Everyone, "m", 7)
	f.Again(1, 0, nil)
	f.Lose(0, 1)
	f.Say("0 has numbered it, but 1 has not heard so and asks again")
	f.Take(1, 0)
	f.Take(0, 1)
	f.Drain()
	delivered(t, f, 0, "m")
	delivered(t, f, 1, "m")
	golden(t, f, "kaashoek-repeated")
}

// A full history holds the senders up, and the first of them is refused when as many wait. Nothing is dropped.
func TestKaashoekFullHistory(t *testing.T) {
	f := impltest.NewFigure(3, kaashoek(ordering.SequencerMulticasts, 2))
	for _, m := range []string{"a", "b", "c"} {
		f.Send(1, impl.Everyone, m, impl.Ref(m[0]))
	}
	if n := strings.Count(f.String(), "refuse overflow ref 99"); n != 1 {
		t.Errorf("c was refused %d times:\n%s", n, f)
	}
	f.Send(0, impl.Everyone, "d", 0)
	f.Send(2, impl.Everyone, "e", 0)
	for range 12 {
		f.Drain()
		f.Wait(f.TS)
	}
	for n := range 3 {
		if got := f.Delivered(impltest.Node(n)); len(got) != 4 {
			t.Errorf("%d delivered %q", n, got)
		}
	}
	if !strings.Contains(f.String(), "note overflow") {
		t.Errorf("the history was never full:\n%s", f)
	}
}

// A dead member keeps everything in the history, for TL and no longer. One that was only slow hears that what it has
// missed is gone, says so, and goes on.
func TestKaashoekRemovesAfterTL(t *testing.T) {
	f := impltest.NewFigure(3, kaashoek(ordering.SequencerMulticasts, 0))
	f.Send(1, impl.Everyone, "m", 7)
	f.Take(1, 0)
	for range 8 {
		for f.Has(0, 2) {
			f.Lose(0, 2)
		}
		f.Drain()
		f.Wait(f.TS)
	}
	for _, want := range []string{"note removed 2 0\n", "    suspect 2\n", "note buffer-depth 0 0\n"} {
		if strings.Count(f.String(), want) != 1 {
			t.Errorf("not once: %q\n%s", want, f)
		}
	}
	for f.Has(0, 2) {
		f.Lose(0, 2)
	}
	f.Send(1, impl.Everyone, "n", 8)
	f.Drain()
	delivered(t, f, 2, "n")
	for _, want := range []string{"    gap 1 to 1 of 1\n", "    trust 2\n"} {
		if strings.Count(f.String(), want) != 1 {
			t.Errorf("not once: %q\n%s", want, f)
		}
	}
}

// When the sequencer is gone, whoever has something to send suspects it, once; a sequencer that came back without its
// memory numbers nothing.
func TestKaashoekSequencerDies(t *testing.T) {
	f := impltest.NewFigure(2, kaashoek(ordering.SequencerMulticasts, 0))
	f.Crash(0)
	f.Send(1, impl.Everyone, "m", 7)
	for range 10 {
		f.Drain()
		f.Wait(f.TS)
	}
	if n := strings.Count(f.String(), "suspect 0"); n != 1 {
		t.Errorf("suspected %d times", n)
	}
	f = impltest.NewFigure(2, kaashoek(ordering.SequencerMulticasts, 0))
	f.Give(0, impl.Input{Kind: impl.Start, Num: 1})
	f.Give(0, impl.Input{Kind: impl.Ready})
	f.Send(0, impl.Everyone, "m", 7)
	f.Send(1, impl.Everyone, "n", 7)
	f.Drain()
	f.Wait(2 * time.Second)
	delivered(t, f, 0)
	delivered(t, f, 1)
}
