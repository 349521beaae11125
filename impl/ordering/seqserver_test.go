package ordering_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

func seqServer(holes ordering.Holes) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return ordering.NewTotalSeqServer(cfg, holes) }
}

// A number is fetched, and the message multicast with it. A request that is repeated gets the number that it had.
func TestSeqServerAnswersARequestOnce(t *testing.T) {
	f := impltest.NewFigure(3, seqServer(ordering.FillHoles))
	f.Send(1, impl.Everyone, "a", 7)
	f.Say("the answer is lost; the request goes again after TS, and gets the same number")
	f.Take(1, 0)
	f.Lose(0, 1)
	f.Send(2, impl.Everyone, "b", 0)
	f.Take(2, 0)
	f.Wait(f.TS)
	f.Take(1, 0)
	f.Say("b has number 2 and comes first: it is held back")
	f.Take(0, 2)
	f.Take(2, 1)
	delivered(t, f, 1)
	f.Take(0, 1)
	f.Drain()
	for n := range 3 {
		delivered(t, f, impltest.Node(n), "a", "b")
	}
	f.Say("the level below has acknowledged")
	f.Give(1, impl.Input{Kind: impl.Acknowledged, Ref: 1<<61 | 1})
	if !strings.Contains(f.String(), "    acknowledge ref 7") {
		t.Error("nobody told the application")
	}
	golden(t, f, "seqserver")
}

// 2 fetches a number and crashes before it has multicast its message. When it is overdue all are asked, and when nobody
// has it and who is silent has been so for TL, it is filled.
func TestSeqServerFillsAHole(t *testing.T) {
	f := impltest.NewFigure(3, seqServer(ordering.FillHoles))
	f.Send(2, impl.Everyone, "never", 0)
	f.Take(2, 0)
	f.Crash(2)
	f.Send(1, impl.Everyone, "m", 0)
	f.Drain()
	delivered(t, f, 1)
	f.Say("TL after number 1 was given the server asks for its message")
	f.Wait(f.TL)
	f.Take(0, 1)
	f.Take(1, 0)
	f.Say("1 lacks it; 2 says nothing for TL")
	for range 4 {
		f.Wait(f.TS)
		for f.Has(0, 2) {
			f.Lose(0, 2)
		}
	}
	f.Drain()
	delivered(t, f, 0, "m")
	delivered(t, f, 1, "m")
	golden(t, f, "seqserver-hole")
}

// Without the rule all wait for ever.
func TestAHoleThatIsLeftBlocks(t *testing.T) {
	f := impltest.NewFigure(3, seqServer(ordering.BlockHoles))
	f.Send(2, impl.Everyone, "never", 0)
	f.Take(2, 0)
	f.Crash(2)
	f.Send(1, impl.Everyone, "m", 0)
	f.Drain()
	f.Wait(100 * f.TL)
	f.Drain()
	delivered(t, f, 0)
	delivered(t, f, 1)
}

// 2 crashes half way: its message is on its way to 1 alone when 1 is asked, and says no. It comes to 1 before the
// decision: 1 must not deliver it, though it is next, or 0 and 1 would part.
func TestALateMessageWaitsForTheDecision(t *testing.T) {
	for _, has := range []bool{false, true} {
		f := impltest.NewFigure(3, seqServer(ordering.FillHoles))
		f.Send(2, impl.Everyone, "late", 0)
		f.Take(2, 0)
		f.Take(0, 2)
		f.Crash(2)
		f.Lose(2, 0)
		if has {
			f.Take(2, 1)
			delivered(t, f, 1, "late")
		}
		f.Wait(f.TL)
		f.Take(0, 1)
		f.Take(1, 0)
		if has {
			f.Say("1 has it: the server waits for the level below to bring it")
			f.Drain()
			f.Wait(f.TL / 2)
			delivered(t, f, 0)
			continue
		}
		f.Say("1 has said no; now it comes")
		f.Take(2, 1)
		delivered(t, f, 1)
		f.Send(1, impl.Everyone, "m", 0)
		for range 8 {
			f.Wait(f.TS)
			f.Drain()
		}
		delivered(t, f, 0, "m")
		delivered(t, f, 1, "m")
		golden(t, f, "seqserver-late")
	}
}

// A sender that is alive and has not heard its number gets another one when its own is looked for, and its message is
// not lost.
func TestASenderThatMissedItsNumberGetsAnother(t *testing.T) {
	f := impltest.NewFigure(2, seqServer(ordering.FillHoles))
	f.Send(1, impl.Everyone, "m", 0)
	f.Take(1, 0)
	f.Lose(0, 1)
	for range 3 { // every repeated request, or its answer, is lost too
		f.Wait(f.TS)
		for f.Has(1, 0) {
			f.Lose(1, 0)
		}
	}
	f.Wait(f.TL - 3*f.TS)
	f.Drain()
	f.Wait(f.TL)
	f.Drain()
	delivered(t, f, 0, "m")
	delivered(t, f, 1, "m")
	if !strings.Contains(f.String(), "at position 2") {
		t.Errorf("no second number\n%s", f)
	}
}

// The server is linearizable: whatever requests come, in whatever order and however often, each has one number, each
// number one request, and they are 1, 2, 3 and so on by first arrival.
func TestSeqServerIsASequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := seqServer(ordering.BlockHoles)(impl.Config{Self: 0, Nodes: 4, Members: members(4)})
		out := impl.NewEffects(&impl.Arena{Forget: true})
		l.Step(impl.Input{Kind: impl.Start}, out)
		given := map[string]uint64{}
		for range rapid.IntRange(1, 30).Draw(t, "requests") {
			from, r := rapid.IntRange(1, 3).Draw(t, "from"), rapid.Uint64Range(1, 5).Draw(t, "request")
			out.Reset()
			l.Step(impl.Input{Kind: impl.Packet, From: impltest.Node(from), To: 0, Body: head("", 0, r, byte(from), 10)}, out)
			if len(out.List) != 1 || out.List[0].Kind != impl.Down || out.List[0].To != impltest.Node(from) {
				t.Fatalf("%s", impltest.Effects(out.List))
			}
			id, number := fmt.Sprint(from, "/", r), uint64(out.List[0].Body[0])
			if had, known := given[id]; known && number != had || !known && number != uint64(len(given)+1) {
				t.Fatalf("request %s was answered %d; before: %v", id, number, given)
			}
			given[id] = number
		}
	})
}

// In whatever order messages come, they are delivered by number.
func TestSeqServerOfAnyArrivalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "messages")
		var want []string
		var arrivals []impl.Input
		for m := range n {
			want = append(want, fmt.Sprintf("m%d", m))
			in := impl.Input{From: 2, Body: head(want[m], uint64(m+1), uint64(m+1), 2, 16)}
			arrivals = append(arrivals, slices.Repeat([]impl.Input{in}, rapid.IntRange(1, 2).Draw(t, "copies"))...)
		}
		l := seqServer(ordering.FillHoles)(impl.Config{Self: 1, Nodes: 3, Members: members(3)})
		if got := ups(l, rapid.Permutation(arrivals).Draw(t, "arrivals")...); !slices.Equal(got, want) {
			t.Fatalf("delivered %q, want %q", got, want)
		}
	})
}
