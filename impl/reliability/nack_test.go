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

func nack(cfg impl.Config) impl.Layer { return reliability.NewNack(cfg) }

// promptNack asks after TS/10, so that figures have round times.
func promptNack(cfg impl.Config) impl.Layer {
	l := reliability.NewNack(cfg)
	l.Rules.Delay = func(_ *spec.Rand, ts time.Duration) time.Duration { return ts / 10 }
	return l
}

func TestNackKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(nack, impltest.Checksummed()); err != nil {
		t.Error(err)
	}
}

// S = R+1: deliver. S ≤ R: discard. S > R+1: hold back and ask for what is between.
func TestNack(t *testing.T) {
	f := impltest.NewFigure(2, promptNack)
	for _, body := range []string{"a", "b", "c", "d"} {
		f.Send(0, impl.Everyone, body, 7)
	}
	f.Again(0, 1, nil)
	f.Say("a duplicate")
	f.Take(0, 1)
	f.Say("b and c are lost: d is held back")
	f.Lose(0, 1)
	f.Lose(0, 1)
	f.Take(0, 1)
	delivered(t, f, 1, "a")
	f.Wait(f.TS / 10)
	f.Take(1, 0)
	f.Say("what comes again of b is lost too: 1 asks for it again after TS")
	f.Lose(0, 1)
	f.Take(0, 1)
	f.LoseAllBut(0, 0)
	f.Wait(f.TS)
	f.Take(1, 0)
	for f.Has(0, 1) {
		f.Take(0, 1)
	}
	delivered(t, f, 1, "a", "b", "c", "d")
	golden(t, f, "nack")
	if strings.Contains(f.String(), "acknowledge") {
		t.Error("it never acknowledges")
	}
}

// The last message of a burst is lost, and then the first heartbeat: the second one tells.
func TestNackHeartbeats(t *testing.T) {
	f := impltest.NewFigure(2, promptNack)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(0, impl.Everyone, "last", 0)
	f.Take(0, 0)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Lose(0, 1)
	f.Say("heartbeats after TS, twice TS, … TL, and then for ever after TL")
	f.Wait(f.TS)
	f.Lose(0, 1)
	f.Take(0, 0)
	f.Wait(2 * f.TS)
	f.Drain()
	f.Wait(f.TS / 10)
	f.Drain()
	delivered(t, f, 1, "a", "last")
	f.Wait(f.TL)
	f.Drain()
	f.Wait(f.TL)
	f.Drain()
	golden(t, f, "nack-heartbeats")
	before := strings.Count(f.String(), "    down to all")
	f.Wait(100 * f.TL)
	if n := strings.Count(f.String(), "    down to all") - before; n < 99 || n > 101 {
		t.Errorf("%d heartbeats in 100 TL", n)
	}
}

// Several gaps are asked for at once, one nack each.
func TestNackAsksForEveryGap(t *testing.T) {
	f := impltest.NewFigure(2, promptNack)
	for i := range 6 {
		f.Send(0, impl.Everyone, fmt.Sprint(i), 0)
	}
	for _, lost := range []bool{true, false, true, true, false, false} {
		if lost {
			f.Lose(0, 1)
		} else {
			f.Take(0, 1)
		}
	}
	f.Wait(f.TS / 10)
	f.Drain()
	delivered(t, f, 1, "0", "1", "2", "3", "4", "5")
	if n := strings.Count(f.String(), "note retransmitted 1"); n != 3 {
		t.Errorf("%d messages were sent again, 3 were lost:\n%s", n, f)
	}
	if n := strings.Count(f.String(), ": packet from 1 to 0"); n != 2 {
		t.Errorf("%d nacks, want one for each gap:\n%s", n, f)
	}
}

// Who has missed a lot asks for it piece by piece, the next as soon as the one before is there.
func TestNackAsksPieceByPiece(t *testing.T) {
	f := impltest.NewFigure(2, promptNack)
	const sends = 200
	var want []string
	for i := range sends {
		want = append(want, fmt.Sprint(i))
		f.Send(0, impl.Everyone, want[i], 0)
		if f.Take(0, 0); i < sends-1 {
			f.Lose(0, 1)
		}
	}
	f.Take(0, 1)
	for k := range 4 {
		f.Wait(f.TS / 10)
		f.Drain()
		if got := len(f.Delivered(1)); got != min((k+1)*64, sends) {
			t.Fatalf("%d delivered after %d requests", got, k+1)
		}
	}
	delivered(t, f, 1, want...)
}

// Nobody tells the sender that a receiver is dead, so nothing comes of it. One that comes back without a memory, or
// was cut off for long, hears everything.
func TestNackDoesNotNoticeTheDead(t *testing.T) {
	f := impltest.NewFigure(3, promptNack)
	f.Send(0, impl.Everyone, "a", 0)
	f.LoseAllBut(0, 0)
	f.Drain()
	for range 100 {
		f.Wait(f.TL / 2)
		for n := range 3 {
			for f.Has(0, impltest.Node(n)) {
				f.Lose(0, impltest.Node(n))
			}
		}
	}
	f.Send(0, impl.Everyone, "b", 0)
	f.Take(0, 0)
	f.Take(0, 1)
	f.LoseAllBut(0, 0)
	f.Wait(f.TS / 10)
	f.Drain()
	delivered(t, f, 0, "a", "b")
	delivered(t, f, 1, "a", "b")
	delivered(t, f, 2)
	f.Say("2 comes back: a new life of the same node")
	f.Give(2, impl.Input{Kind: impl.Start, Num: 1})
	f.Wait(f.TL)
	f.Drain()
	f.Wait(f.TS / 10)
	f.Drain()
	delivered(t, f, 2, "a", "b")
	if s := f.String(); strings.Contains(s, "suspect") || strings.Contains(s, "removed") {
		t.Error("somebody was noticed")
	}
}

// A receiver that misses something of a dead sender asks for it, and gives up after twice TL of silence. The next life
// of the sender begins with number 1.
func TestNackOfADeadSender(t *testing.T) {
	f := impltest.NewFigure(2, promptNack)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(0, impl.Everyone, "b", 0)
	f.Lose(0, 1)
	f.Take(0, 1)
	f.Wait(10 * f.TL)
	asked := strings.Count(f.String(), "    down to 0 ")
	if want := int(2 * f.TL / f.TS); asked < want || asked > want+1 {
		t.Errorf("asked %d times, want about %d", asked, want)
	}
	f.LoseAllBut(1, 1)
	f.Give(0, impl.Input{Kind: impl.Start, Num: 1})
	f.Send(0, impl.Everyone, "c", 0)
	f.Drain()
	delivered(t, f, 1, "c")
	f.Say("what was still on its way of the old life is stale")
	old := impl.AppendNumbered(impl.NewEffects(&impl.Arena{}), []byte("a"), impl.Numbered{N: 1, Kind: 1})
	f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: old})
	delivered(t, f, 1, "c")
	if !strings.HasSuffix(f.String(), "    note stale 0 1\n") {
		t.Error("not stale")
	}
}

// Rules.Room bounds what is kept, and then sends are refused; nothing is ever let go of.
func TestNackWithABound(t *testing.T) {
	f := impltest.NewFigure(2, func(cfg impl.Config) impl.Layer {
		l := reliability.NewNack(cfg)
		l.Rules.Room = func(kept int) bool { return kept < 2 }
		return l
	})
	for ref, body := range []string{"a", "b", "c"} {
		f.Send(0, impl.Everyone, body, impl.Ref(ref+1))
	}
	f.Send(0, 1, "to 1", 4)
	f.Drain()
	f.Wait(f.TL)
	f.Send(0, impl.Everyone, "d", 5)
	delivered(t, f, 1, "a", "b", "to 1")
	if s := f.String(); !strings.Contains(s, "    refuse overflow ref 3\n") || !strings.Contains(s, "    refuse overflow ref 5\n") {
		t.Errorf("not refused:\n%s", s)
	}
}

// A request that makes no sense is answered by nothing; one for more than there is, by what there is.
func TestNackRequests(t *testing.T) {
	last := func(n byte) string { return string([]byte{n, 0, 0, 0, 0, 0, 0, 0}) }
	for _, c := range []struct {
		from spec.NodeID
		h    impl.Numbered
		body string
		want string
	}{
		{1, impl.Numbered{N: 1, Kind: 2}, last(1), "note retransmitted 1 1; down to 1"},
		{1, impl.Numbered{N: 0, Kind: 2}, last(99), "note retransmitted 1 1; down to 1"},
		{1, impl.Numbered{N: 2, Kind: 2}, last(99), "nothing"},
		{1, impl.Numbered{N: 1, Kind: 5}, last(1), "nothing"}, // to 1 alone nothing was sent
		{1, impl.Numbered{N: 1, Kind: 2, Incarnation: 1}, last(1), "note stale 1 1"},
		{1, impl.Numbered{N: 1, Kind: 2}, "", "note malformed 1 1"},
		{2, impl.Numbered{N: 1, Kind: 2}, last(1), "note not-member 2 1"},
		{1, impl.Numbered{N: 1, Kind: 7}, "", "note malformed 1 1"},
	} {
		l, out := nack(impl.Config{Self: 0, Nodes: 3, Members: []spec.NodeID{0, 1}, TS: 100, TL: 900}), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start}, out)
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m")}, out)
		packet := impl.AppendNumbered(out, []byte(c.body), c.h)
		out.Reset()
		l.Step(impl.Input{Kind: impl.Packet, From: c.from, To: 0, Body: packet}, out)
		got, _, _ := strings.Cut(impltest.Effects(out.List), " \"")
		if got != c.want {
			t.Errorf("%+v %q: %s, want %s", c.h, c.body, got, c.want)
		}
	}
}

// nackCheck is what the level promises: all that never-crashed nodes sent is delivered by never-crashed nodes, once, in
// the order sent, without gaps; nothing is acknowledged, nobody suspected.
func (w *ackWorld) nackCheck(t *testing.T, name string) {
	t.Helper()
	w.inOrder(t, name)
	for i := range w.sends {
		if w.sends[i].acked > 0 {
			t.Fatalf("%s: a send was acknowledged", name)
		}
		w.sends[i].wanted = false
	}
	w.check(t, name)
	if len(w.suspected) > 0 {
		t.Fatalf("%s: %q", name, w.suspected)
	}
}

// Through losses, duplicates, changed bytes and cuts, also much longer than TL.
func TestNackSoak(t *testing.T) {
	for seed := range uint64(soaks) {
		name := fmt.Sprintf("seed %d", seed)
		w := newAckWorld(3+int(seed%3), seed, nack)
		if w.rough(seed); seed%2 == 1 {
			victim := impltest.Node(int(seed) % len(w.nodes))
			w.cut = func(from, to spec.NodeID, now spec.Time) bool {
				return now < 10*spec.Time(ackTL) && (from == victim || to == victim)
			}
		}
		w.talk(seed, 30)
		w.run(40 * ackTL)
		w.nackCheck(t, name)
	}
}

// When senders and receivers crash, and come back without a memory, the others deliver all that they send each other.
func TestNackSoakWithCrashes(t *testing.T) {
	halfWay := 0
	for seed := range uint64(soaks) {
		name := fmt.Sprintf("seed %d", seed)
		w := newAckWorld(4, seed, nack)
		w.rough(seed)
		w.talk(seed, 30)
		w.crashSome(seed)
		w.run(40 * ackTL)
		w.nackCheck(t, name)
		halfWay += w.disagreements()
	}
	if halfWay == 0 {
		t.Error("no message of a crashed sender got half way: the soak does not show what is not promised")
	}
}

// disagreements counts the messages to the group that some of the nodes that never crashed delivered and others did not.
func (w *ackWorld) disagreements() (n int) {
	for i := range w.sends {
		s, had, steady := &w.sends[i], 0, 0
		for k := range w.nodes {
			if !w.steady[k] || s.to != impl.Everyone {
				continue
			}
			steady++
			for _, d := range w.delivered[k] {
				if d == s.as(s.body) {
					had++
				}
			}
		}
		if had > 0 && had < steady {
			n++
		}
	}
	return n
}

// What a message costs: its packets, and no more while nothing is lost than the heartbeats, in which nobody has a say.
func TestNackCosts(t *testing.T) {
	w := newAckWorld(4, 1, nack)
	const sends = 20
	for range sends {
		w.send(0, impl.Everyone, "m", false)
		w.run(ackTS / 2)
	}
	if data := sends * 3; w.packets != data {
		t.Errorf("%d packets while the sender sends, want %d: no heartbeat, no nack", w.packets, data)
	}
	w.packets = 0
	w.run(100 * ackTL)
	if most := 3 * (100 + 6); w.packets > most || w.packets < 3*99 {
		t.Errorf("%d packets in 100 TL of silence", w.packets)
	}
	w.nackCheck(t, "costs")
}
