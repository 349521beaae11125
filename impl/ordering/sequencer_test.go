package ordering_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func sequencer(form ordering.Form) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return ordering.NewTotalSequencer(cfg, form) }
}

// totals are the total orders that number in one place.
var totals = map[string]func(impl.Config) impl.Layer{
	"bb": sequencer(ordering.BB), "ub": sequencer(ordering.UB),
	"server": seqServer(ordering.FillHoles), "server that leaves holes": seqServer(ordering.BlockHoles),
}

func TestTotalOrdersKeepTheContract(t *testing.T) {
	for name, newLayer := range totals {
		if err := impltest.TestLayer(newLayer, impltest.Effort(9, 500)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		stack := func(cfg impl.Config) impl.Layer {
			return impl.NewStack(membership.NewStatic(cfg), newLayer(cfg), reliability.NewReliable(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
		}
		if err := impltest.TestLayer(stack, impltest.Checksummed()); err != nil {
			t.Errorf("%s over reliable: %v", name, err)
		}
	}
}

// Coulouris et al.: two members multicast, and the sequencer, 0, has b first. A member that has a first holds it back,
// and one that has the order first waits for the message.
func TestSequencerNumbersInTheOrderOfArrival(t *testing.T) {
	f := impltest.NewFigure(3, sequencer(ordering.BB))
	f.Send(1, impl.Everyone, "a", 0)
	f.Send(2, impl.Everyone, "b", 0)
	f.Say("the sequencer receives b, then a")
	f.Take(2, 0)
	f.Take(1, 0)
	f.Say("1 has its own message, which is not the first")
	f.Take(1, 1)
	f.Take(0, 1) // order of b
	f.Take(0, 1) // order of a
	delivered(t, f, 1)
	f.Say("b comes to 1 last of all")
	f.Take(2, 1)
	delivered(t, f, 1, "b", "a")
	f.Say("the others")
	f.Drain()
	for n := range 3 {
		delivered(t, f, impltest.Node(n), "b", "a")
	}
	golden(t, f, "sequencer-bb")
}

// What comes to the sequencer again has its number already.
func TestSequencerNumbersEachMessageOnce(t *testing.T) {
	f := impltest.NewFigure(2, sequencer(ordering.BB))
	f.Send(1, impl.Everyone, "a", 0)
	f.Again(1, 0, nil)
	f.Again(1, 0, nil)
	f.Drain()
	f.Send(1, impl.Everyone, "b", 0)
	f.Drain()
	delivered(t, f, 0, "a", "b")
	delivered(t, f, 1, "a", "b")
}

// Only the sequencer's numbers count.
func TestOrdersOfOthersAreDiscarded(t *testing.T) {
	for _, form := range []ordering.Form{ordering.BB, ordering.UB} {
		f := impltest.NewFigure(3, sequencer(form))
		f.Send(1, impl.Everyone, "a", 0)
		for f.Has(1, 0) {
			f.Take(1, 0)
		}
		body := lastDown(f.String())
		f.Give(2, impl.Input{Kind: impl.Packet, From: 1, To: impl.Everyone, Body: body})
		if !strings.Contains(f.String(), "note forged 1 1") {
			t.Errorf("form %v:\n%s", form, f)
		}
	}
}

// lastDown gives the body of the last packet that was handed down.
func lastDown(transcript string) []byte {
	at := strings.LastIndex(transcript, "    down to all")
	line, _, _ := strings.Cut(transcript[at:], "\n")
	at = strings.Index(line, `"`)
	var text string
	var rest []byte
	fmt.Sscanf(line[at:], "%q %x", &text, &rest)
	return append([]byte(text), rest...)
}

// In form ub a sender asks until its message is taken, and hears when the level below the sequencer has acknowledged
// the multicast.
func TestSequencerTakesAForwardedMessageOnce(t *testing.T) {
	f := impltest.NewFigure(3, sequencer(ordering.UB))
	f.Send(1, impl.Everyone, "m", 7)
	f.Say("what goes to the sequencer is lost, and goes again after TS, and after 2TS")
	f.Lose(1, 0)
	f.Wait(f.TS)
	f.Take(1, 0)
	f.Say("before its number comes back, 1 asks again: it is told that m is taken, and nobody else is told anything")
	f.Wait(2 * f.TS)
	f.Take(1, 0)
	f.Drain()
	for n := range 3 {
		delivered(t, f, impltest.Node(n), "m")
	}
	f.Say("the level below the sequencer has acknowledged; the first word of it is lost")
	f.Give(0, impl.Input{Kind: impl.Acknowledged, Ref: 1<<61 | 1})
	f.Lose(0, 1)
	f.Wait(f.TS)
	f.Drain()
	f.Wait(10 * f.TL)
	if n := strings.Count(f.String(), "    acknowledge ref 7"); n != 1 {
		t.Errorf("acknowledged %d times", n)
	}
	golden(t, f, "sequencer-ub")
}

// What the level below does not take of the sequencer's goes down again, or nothing behind it could be delivered.
func TestRefusedNumbersGoDownAgain(t *testing.T) {
	for name, c := range map[string]struct {
		layer func(impl.Config) impl.Layer
	}{"bb": {sequencer(ordering.BB)}, "ub": {sequencer(ordering.UB)}, "server": {seqServer(ordering.FillHoles)}} {
		f := impltest.NewFigure(2, c.layer)
		f.Send(0, impl.Everyone, "m", 7)
		if name == "bb" {
			f.Take(0, 0) // and is numbered
			f.Take(0, 1)
		}
		f.Lose(0, 0)
		f.Lose(0, 1)
		for range 3 {
			f.Give(0, impl.Input{Kind: impl.Refused, Ref: 1<<61 | 1, Code: impl.Overflow})
			delivered(t, f, 1)
			f.LoseAllBut(7, 7)
			f.Wait(f.TS)
		}
		f.Drain()
		delivered(t, f, 0, "m")
		delivered(t, f, 1, "m")
		if strings.Contains(f.String(), "    refuse") {
			t.Errorf("%s: refused\n%s", name, f)
		}
	}
}

// A sequencer or server that comes back gives no numbers: it does not know which it has given. It refuses what its own
// application sends.
func TestWhoComesBackDoesNotNumber(t *testing.T) {
	for name, newLayer := range totals {
		l, out := newLayer(impl.Config{Self: 0, Nodes: 2, Members: members(2), TS: time.Second, TL: time.Minute}), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start, Num: 1}, out)
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 4}, out)
		if got := impltest.Effects(out.List); got != "refuse not-member ref 4" {
			t.Errorf("%s: %s", name, got)
		}
		out.Reset()
		for kind, to := range map[byte]spec.NodeID{2: 0, 3: 0, 7: impl.Everyone, 10: 0} {
			b := binary.LittleEndian.AppendUint64(make([]byte, 8), 1)
			b = append(b, 0, 0, 0, 0, 1, 0, kind)
			l.Step(impl.Input{Kind: impl.Packet, From: 1, To: to, Body: b}, out)
		}
		for i := range out.List {
			if out.List[i].Kind == impl.Down {
				t.Errorf("%s: %s", name, impltest.Effect(&out.List[i]))
			}
		}
	}
}

// In whatever order packets come, and however often, messages are delivered by number, each once, with its position and
// its own mark.
func TestSequencerOfAnyArrivalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "messages")
		var arrivals []impl.Input
		var want []string
		order := rapid.Permutation(seq(n)).Draw(t, "order")
		for position, m := range order {
			again := rapid.Bool().Draw(t, "again")
			data := head("m"+fmt.Sprint(m), 0, uint64(m+1), 2, 7)
			for range rapid.IntRange(1, 2).Draw(t, "copies") {
				arrivals = append(arrivals, impl.Input{From: 2, Body: data, Flag: again},
					impl.Input{From: 0, Body: head("", uint64(position+1), uint64(m+1), 2, 8)})
			}
			mark := ""
			if again {
				mark = "*"
			}
			want = append(want, fmt.Sprintf("m%d%s", m, mark))
		}
		arrivals = rapid.Permutation(arrivals).Draw(t, "arrivals")
		l := sequencer(ordering.BB)(impl.Config{Self: 1, Nodes: 3, Members: members(3)})
		if got := ups(l, arrivals...); !slices.Equal(got, want) {
			t.Fatalf("delivered %q, want %q", got, want)
		}
	})
}

func seq(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// head gives a packet as it comes from below.
func head(body string, position, n uint64, origin byte, kind byte) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(body), position)
	b = binary.LittleEndian.AppendUint64(b, n)
	return append(b, 0, 0, 0, 0, origin, 0, kind)
}

// An empty message is a message.
func TestTotalOrdersDeliverEmptyBodies(t *testing.T) {
	for name, newLayer := range totals {
		f := impltest.NewFigure(2, newLayer)
		f.Send(1, impl.Everyone, "", 0)
		f.Send(0, impl.Everyone, "", 0)
		f.Drain()
		if got := f.Delivered(1); len(got) != 2 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFormsPrintAndParse(t *testing.T) {
	for _, f := range []ordering.Form{ordering.BB, ordering.UB} {
		if got, err := ordering.ParseForm(f.String()); got != f || err != nil {
			t.Errorf("%v: %v, %v", f, got, err)
		}
	}
	for _, h := range []ordering.Holes{ordering.FillHoles, ordering.BlockHoles} {
		if got, err := ordering.ParseHoles(h.String()); got != h || err != nil {
			t.Errorf("%v: %v, %v", h, got, err)
		}
	}
	_, form := ordering.ParseForm("uub")
	_, holes := ordering.ParseHoles("")
	if form == nil || holes == nil {
		t.Error("what does not exist is parsed")
	}
}
