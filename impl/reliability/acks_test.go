package reliability_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

var ackWays = []reliability.Acks{reliability.Pipelined, reliability.StopAndWait, reliability.Cumulative, reliability.Piggyback}

func bestEffortAck(ways reliability.Acks) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return reliability.NewBestEffortAck(cfg, ways) }
}

func TestAcksKeepTheContract(t *testing.T) {
	for _, ways := range ackWays {
		if err := impltest.TestLayer(bestEffortAck(ways), impltest.Checksummed()); err != nil {
			t.Errorf("%v: %v", ways, err)
		}
	}
}

func TestAcksParse(t *testing.T) {
	for _, ways := range ackWays {
		if got, err := reliability.ParseAcks(ways.String()); got != ways || err != nil {
			t.Errorf("%v: %v, %v", ways, got, err)
		}
	}
	if _, err := reliability.ParseAcks("selective"); err == nil || !strings.Contains(err.Error(), "cumulative") {
		t.Errorf("an unknown way: %v", err)
	}
	if s := reliability.Acks(9).String(); s != "acks(9)" {
		t.Error(s)
	}
}

// The next message leaves when all have acknowledged the one before.
func TestStopAndWait(t *testing.T) {
	f := impltest.NewFigure(3, bestEffortAck(reliability.StopAndWait))
	f.Send(0, impl.Everyone, "m", 7)
	f.Send(0, impl.Everyone, "n", 8)
	f.Say("n waits; a message to one node does not wait for those to the group")
	f.Send(0, 2, "to 2", 9)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Lose(0, 2)
	f.Take(0, 2)
	f.Take(0, 0)
	f.Take(1, 0)
	f.Take(2, 0)
	f.Say("TS later 2 gets m again, and acknowledges it: n leaves")
	f.Wait(f.TS)
	f.Take(0, 2)
	f.Take(2, 0)
	f.Drain()
	delivered(t, f, 1, "m", "n")
	delivered(t, f, 2, "to 2", "m", "n")
	golden(t, f, "acks-stop-and-wait")
}

// Who is removed is not waited for: the queue moves on.
func TestStopAndWaitMovesOnAfterTL(t *testing.T) {
	f := impltest.NewFigure(3, bestEffortAck(reliability.StopAndWait))
	f.Crash(2)
	for ref, body := range []string{"a", "b", "c"} {
		f.Send(0, impl.Everyone, body, impl.Ref(ref+1))
		f.Send(0, 2, body, impl.Ref(ref+11))
	}
	f.Drain()
	delivered(t, f, 1, "a")
	f.Wait(f.TL + f.TS)
	f.Drain()
	delivered(t, f, 1, "a", "b", "c")
	f.Wait(4 * (f.TL + f.TS))
	f.Drain()
	text := f.String()
	for ref := 1; ref <= 3; ref++ {
		if n := strings.Count(text, fmt.Sprintf("acknowledge ref %d\n", ref)); n != 1 {
			t.Errorf("send %d was acknowledged %d times", ref, n)
		}
		if strings.Contains(text, fmt.Sprintf("acknowledge ref 1%d\n", ref)) {
			t.Errorf("send 1%d, to the dead one alone, was acknowledged", ref)
		}
	}
	if n := strings.Count(text, "suspect 2"); n != 1 {
		t.Errorf("suspected %d times: once is enough, and what follows to it alone is sent once", n)
	}
}

// A burst costs one acknowledgement of each receiver, and one that covers it makes up for those lost before.
func TestCumulative(t *testing.T) {
	f := impltest.NewFigure(2, bestEffortAck(reliability.Cumulative))
	for ref, body := range []string{"a", "b", "c"} {
		f.Send(0, impl.Everyone, body, impl.Ref(ref+1))
		f.Take(0, 0)
	}
	f.Take(0, 1)
	f.Lose(0, 1)
	f.Take(0, 1)
	f.Say("1 delivers a and c, and acknowledges what came without a gap")
	f.Wait(f.TS / 4)
	f.Take(0, 0)
	f.Take(1, 0)
	f.Say("what is not covered is sent again; the acknowledgement of it all covers what comes late")
	f.Wait(f.TS - f.TS/4)
	f.Take(0, 1)
	f.Wait(f.TS / 4)
	f.Lose(1, 0)
	f.Take(0, 1)
	f.Wait(f.TS / 4)
	f.Take(1, 0)
	f.Wait(2 * f.TL)
	delivered(t, f, 1, "a", "c", "b")
	golden(t, f, "acks-cumulative")
}

// Who was removed and comes back is told what will not come, or its acknowledgements would stand still.
func TestCumulativeSkipsWhatWasGivenUp(t *testing.T) {
	f := impltest.NewFigure(2, bestEffortAck(reliability.Cumulative))
	f.Send(0, impl.Everyone, "a", 1)
	f.Drain()
	f.Wait(f.TS / 4)
	f.Drain()
	f.Send(0, impl.Everyone, "lost", 2)
	for f.Has(0, 1) || f.Has(0, 0) || !strings.Contains(f.String(), "suspect 1") {
		for f.Has(0, 1) {
			f.Lose(0, 1)
		}
		for f.Has(0, 0) {
			f.Take(0, 0)
		}
		f.Wait(f.TS / 4)
	}
	f.Say("1 is removed, and heard again")
	f.Send(1, 0, "back", 3)
	f.Drain()
	f.Send(0, impl.Everyone, "b", 4)
	for range 12 {
		f.Wait(f.TS / 4)
		f.Drain()
	}
	delivered(t, f, 1, "a", "b")
	if s := f.String(); strings.Count(s, "acknowledge ref 4\n") != 1 || !strings.Contains(s, "trust 1") {
		t.Errorf("not acknowledged:\n%s", s)
	}
}

// Acknowledgements ride on what the receiver sends; who is silent for TS/4 acknowledges all the same.
func TestPiggyback(t *testing.T) {
	f := impltest.NewFigure(3, bestEffortAck(reliability.Piggyback))
	f.Send(0, impl.Everyone, "question", 7)
	f.Take(0, 1)
	f.Take(0, 2)
	f.Take(0, 0)
	f.Say("1 answers: its acknowledgement of the question rides on the answer")
	f.Send(1, impl.Everyone, "answer", 8)
	f.Take(1, 0)
	f.Take(1, 1)
	f.Take(1, 2)
	f.Say("0 sends 1 a letter: its acknowledgement of the answer rides on it, and that of the question, to itself, does not")
	f.Send(0, 1, "thanks", 9)
	f.Take(0, 1)
	f.Say("TS/4 later what has found nothing to ride on goes alone")
	f.Wait(f.TS / 4)
	f.Drain()
	delivered(t, f, 0, "question", "answer")
	delivered(t, f, 1, "question", "answer", "thanks")
	delivered(t, f, 2, "question", "answer")
	golden(t, f, "acks-piggyback")
	f.Wait(2 * f.TL)
	for _, ref := range []string{"7", "8", "9"} {
		if n := strings.Count(f.String(), "acknowledge ref "+ref+"\n"); n != 1 {
			t.Errorf("send %s was acknowledged %d times", ref, n)
		}
	}
	if strings.Contains(f.String(), "retransmitted") {
		t.Error("nothing was lost, and something was sent again")
	}
}

// A sender that is no member does not hear what goes to the group: its acknowledgements go alone.
func TestPiggybackForAStranger(t *testing.T) {
	w := newAckWorld(3, 1, bestEffortAck(reliability.Piggyback), func(cfg *impl.Config) { cfg.Members = cfg.Members[:2] })
	w.send(2, impl.Everyone, "of a stranger", true)
	w.run(10 * time.Millisecond)
	w.send(0, impl.Everyone, "m", true)
	w.send(1, impl.Everyone, "n", true)
	w.run(ackTS - 11*time.Millisecond)
	if w.sends[0].acked != 1 {
		t.Error("the stranger has to send again")
	}
}

// Acknowledgements find room in packets of no more than the MTU, or go in several.
func TestPiggybackKeepsToTheMTU(t *testing.T) {
	const mtu = 160
	longest := 0
	w := newAckWorld(2, 1, bestEffortAck(reliability.Piggyback), func(cfg *impl.Config) { cfg.MTU = mtu })
	w.sees = func(body []byte) { longest = max(longest, len(body)) }
	for i := range 100 {
		w.send(0, 1, strings.Repeat("x", i%40), true)
		w.send(1, 0, strings.Repeat("y", i%64), true)
		if i%10 == 9 {
			w.run(time.Millisecond)
		}
	}
	w.run(time.Minute)
	w.check(t, "MTU")
	if longest > mtu-18 {
		t.Errorf("a packet of %d bytes leaves no room for the layers below", longest)
	}
}

// Every acknowledgement that is nothing else says so to the layer below.
func TestBareAcksAreMarked(t *testing.T) {
	const sends = 40
	cost := map[reliability.Acks]int{}
	for _, ways := range ackWays {
		w := newAckWorld(4, 3, bestEffortAck(ways))
		for range sends / 4 {
			for n := range 4 {
				w.send(impltest.Node(n), impl.Everyone, "m", true)
			}
			w.run(time.Millisecond)
		}
		w.run(time.Minute)
		w.check(t, ways.String())
		cost[ways] = w.bare
	}
	switch want := sends * 4; {
	case cost[reliability.Pipelined] != want, cost[reliability.StopAndWait] != want:
		t.Errorf("%v, want one of each member for each message: %d", cost, want)
	case cost[reliability.Cumulative] > want/4, cost[reliability.Piggyback] > want/2:
		t.Errorf("%v of %d: a burst is to cost less", cost, want)
	}
}

// What is malformed is noted, and nothing else happens: the checksum is right, the rest is not.
func TestAcksMalformed(t *testing.T) {
	packet := func(body string, h impl.Numbered) []byte {
		return impl.AppendNumbered(impl.NewEffects(&impl.Arena{}), []byte(body), h)
	}
	for _, c := range []struct {
		ways   reliability.Acks
		packet []byte
		want   string
	}{
		{reliability.Pipelined, packet("", impl.Numbered{N: 1, Kind: 5}), "note malformed 1 1"},
		{reliability.StopAndWait, packet("", impl.Numbered{N: 1, Kind: 9}), "note malformed 1 1"},
		{reliability.Cumulative, packet("", impl.Numbered{N: 1, Kind: 2}), "note malformed 1 1"},
		{reliability.Cumulative, packet("", impl.Numbered{N: 1, Kind: 5, Incarnation: 3}), "note stale 1 1"},
		{reliability.Cumulative, packet("", impl.Numbered{N: 0, Kind: 6}), "note stale 1 0"},
		{reliability.Piggyback, packet("", impl.Numbered{N: 1, Kind: 1}), "note malformed 1 1"},
		{reliability.Piggyback, packet("m\x01", impl.Numbered{N: 1, Kind: 1}), "note malformed 1 1"},
		{reliability.Piggyback, packet("\x00", impl.Numbered{N: 1, Kind: 7}), "note malformed 1 1"},
		{reliability.Piggyback, packet("\x00\x00\x01\x03\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01",
			impl.Numbered{Kind: 9}), "note stale 1 8"},
	} {
		l, out := bestEffortAck(c.ways)(impl.Config{Self: 0, Nodes: 2, TS: 1, TL: 9}), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start}, out)
		out.Reset()
		l.Step(impl.Input{Kind: impl.Packet, From: 1, To: 0, Body: c.packet}, out)
		if got := impltest.Effects(out.List); got != c.want {
			t.Errorf("%v, %x: %s, want %s", c.ways, c.packet, got, c.want)
		}
	}
}

// Once its memory has grown to its size, a round of messages and all its acknowledgements allocate nothing.
func TestAcksAllocateNothing(t *testing.T) {
	type flight struct {
		from, to spec.NodeID
		body     []byte
	}
	for _, ways := range ackWays {
		var arena impl.Arena
		var nodes [3]impl.Layer
		var flying []flight
		out := impl.NewEffects(&arena)
		members := []spec.NodeID{0, 1, 2}
		step := func(n spec.NodeID, in impl.Input) {
			out.Reset()
			nodes[n].Step(in, out)
			for i := range out.List {
				if e := &out.List[i]; e.Kind == impl.Down {
					for at := range members {
						if e.To == impl.Everyone || e.To == members[at] {
							flying = append(flying, flight{n, members[at], e.Body})
						}
					}
				}
			}
		}
		settle := func() {
			for i := 0; i < len(flying); i++ {
				f := flying[i]
				step(f.to, impl.Input{Kind: impl.Packet, From: f.from, To: f.to, Body: f.body})
			}
			flying = flying[:0]
		}
		for n := range nodes {
			nodes[n] = bestEffortAck(ways)(impl.Config{Self: members[n], Nodes: 3, Members: members, TS: time.Second, TL: time.Minute})
			step(members[n], impl.Input{Kind: impl.Start})
		}
		round := func() {
			arena.Reset()
			for n := range nodes {
				for range 3 {
					step(members[n], impl.Input{Kind: impl.Send, To: impl.Everyone, Body: arena.Alloc(64), Ref: 1})
				}
			}
			settle()
			for n := range nodes {
				step(members[n], impl.Input{Kind: impl.TimerFired, Num: 1})
			}
			settle()
		}
		for range 200 {
			round()
		}
		if n := testing.AllocsPerRun(100, round); n > 0 {
			t.Errorf("%v: %v allocations a round", ways, n)
		}
	}
}
