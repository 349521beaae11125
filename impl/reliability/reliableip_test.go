package reliability_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

func reliableIP(cfg impl.Config) impl.Layer { return reliability.NewReliableIP(cfg, false) }
func stableIP(cfg impl.Config) impl.Layer   { return reliability.NewReliableIP(cfg, true) }

func TestReliableIPKeepsTheContract(t *testing.T) {
	for _, newLayer := range []func(impl.Config) impl.Layer{reliableIP, stableIP} {
		if err := impltest.TestLayer(newLayer, impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
}

// 2 misses m. What 1 sends shows it, by the enclosed acknowledgement; 1 has a copy, and 0 is not needed for it.
func TestReliableIPPiggybackShowsALoss(t *testing.T) {
	f := impltest.NewFigure(3, reliableIP)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Lose(0, 2)
	f.Crash(0)
	f.Say("0 has crashed; 1 answers, and tells that it has 0's first")
	f.Send(1, impl.Everyone, "n", 8)
	f.Take(1, 2)
	f.Say("2 has missed something: it asks 1, who showed it")
	f.Take(2, 1)
	f.Take(1, 1)
	f.Take(1, 2)
	delivered(t, f, 1, "m", "n")
	delivered(t, f, 2, "n", "m")
	golden(t, f, "reliable-ip-piggyback")
}

// S > R+1 is held back and S ≤ R discarded.
func TestReliableIPHoldsBack(t *testing.T) {
	f := impltest.NewFigure(2, reliableIP)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(0, impl.Everyone, "b", 0)
	f.Send(0, impl.Everyone, "c", 0)
	f.Lose(0, 1)
	f.Say("b comes first: it is held back, and a is asked for")
	f.Again(0, 1, nil)
	delivered(t, f, 1)
	f.Take(1, 0)
	f.Say("b again: discarded")
	f.Take(0, 1)
	f.Say("c too has to wait for a")
	f.Take(0, 1)
	f.Say("a comes again, and lets them all go")
	f.Take(0, 1)
	delivered(t, f, 1, "a", "b", "c")
	golden(t, f, "reliable-ip-holds-back")
}

// The last message before a silence: a heartbeat shows that it was lost.
func TestReliableIPHeartbeats(t *testing.T) {
	f := impltest.NewFigure(2, reliableIP)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Lose(0, 1)
	f.Wait(f.TS)
	f.Say("TS later both tell what they have; 0 learns nothing, 1 that it misses something")
	f.Take(1, 0)
	f.Take(0, 1)
	f.Take(1, 0)
	f.Take(0, 1)
	f.Say("1 has it, and says so: the message is stable, its copies go, it is acknowledged")
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "m")
	if n := strings.Count(f.String(), "    acknowledge ref 7"); n != 1 {
		t.Errorf("acknowledged %d times", n)
	}
	golden(t, f, "reliable-ip-heartbeats")
}

// Nobody waits for a member that has been silent for TL, and copies are not kept for it.
func TestReliableIPRemovesAfterTL(t *testing.T) {
	f := impltest.NewFigure(3, reliableIP)
	f.Crash(2)
	f.Send(0, impl.Everyone, "m", 7)
	for range 6 {
		f.Drain()
		f.Wait(f.TS)
	}
	delivered(t, f, 1, "m")
	for _, want := range []string{"0: timer 4294967296\n    note removed 2 0\n", "    suspect 2\n    acknowledge ref 7\n",
		"note buffer-depth 1 0\n", "note buffer-depth 0 0\n"} {
		if !strings.Contains(f.String(), want) {
			t.Errorf("never: %q\n%s", want, f)
		}
	}
	if n := strings.Count(f.String(), "suspect 2"); n != 2 {
		t.Errorf("suspected %d times", n)
	}
}

// With stable nobody delivers what somebody may not have.
func TestReliableIPStable(t *testing.T) {
	f := impltest.NewFigure(3, stableIP)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Lose(0, 2)
	f.Say("0 and 1 have it, and may not deliver it: if both crashed now, 2 would never get it")
	f.Wait(f.TS)
	delivered(t, f, 0)
	delivered(t, f, 1)
	f.Say("2 hears of it and gets it, but knows of itself and 0 only")
	f.Take(0, 2)
	f.Take(2, 0)
	f.Take(2, 0)
	f.Take(0, 2)
	delivered(t, f, 2)
	f.Say("now of 1 too, and after TS the others of it")
	f.Take(1, 2)
	delivered(t, f, 2, "m")
	f.Drain()
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 0, "m")
	delivered(t, f, 1, "m")
	golden(t, f, "reliable-ip-stable")
}

// Who was away for longer than TL has been removed. It is told that what it missed is no longer kept, announces the
// gap, and goes on.
func TestReliableIPAnnouncesAGap(t *testing.T) {
	w := newField(3, 1, reliableIP)
	away := true
	w.Cut = func(from, to spec.NodeID, _ spec.Time) bool { return away && (from == 2 || to == 2) }
	w.do(50*time.Millisecond, func() { w.send(0, "a"); w.send(0, "b") })
	w.do(time.Second, func() { away = false; w.send(0, "c") })
	w.run(3 * time.Second)
	if got := w.delivered[2]; !slices.Equal(got, []string{"c"}) || w.gaps != 1 {
		t.Errorf("2 delivered %q, after %d gaps", got, w.gaps)
	}
	w.send(2, "d")
	w.run(4 * time.Second)
	w.holds(t, 1, "answered")
	if w.suspected != 4 {
		t.Errorf("%d suspicions, want each of 0 and 1 of 2, and 2 of each", w.suspected)
	}
}

// A member that comes back without a memory gets what is sent from then on; what it sends counts from 1 again.
func TestReliableIPComesBack(t *testing.T) {
	for seed := range uint64(20) {
		w := newField(3, seed, reliableIP)
		w.Loss, w.Double = .2, .1
		w.do(10*time.Millisecond, func() { w.send(0, "a"); w.send(2, "b") })
		w.do(300*time.Millisecond, func() { w.crash(2, false) })
		w.do(400*time.Millisecond, func() { w.send(1, "missed") })
		w.do(time.Duration(500+100*seed)*time.Millisecond, func() { w.delivered[2] = nil; w.restart(2, 1) })
		w.do(4*time.Second, func() { w.send(2, "c"); w.send(0, "d") })
		w.run(8 * time.Second)
		w.holds(t, seed, "answered")
		for n := range 3 {
			if got := w.delivered[n]; !slices.Contains(got, "c") || !slices.Contains(got, "d") {
				t.Errorf("seed %d: %d delivered %q", seed, n, got)
			}
		}
	}
}

// However long the others talk, a crashed member makes copies pile up for TL at most, and the window bounds them.
func TestReliableIPBuffersAreBounded(t *testing.T) {
	w := newField(3, 1, reliableIP)
	w.do(100*time.Millisecond, func() { w.crash(2, false) })
	for i := range 400 {
		w.do(time.Duration(i)*5*time.Millisecond, func() { w.send(impltest.Node(i%2), "m"+strings.Repeat("x", i)) })
	}
	w.run(6 * time.Second)
	w.holds(t, 1, ipPromises...)
	const perTL = uint64(fieldTL/(5*time.Millisecond)) + 60
	if w.depth < perTL/4 || w.depth > perTL {
		t.Errorf("up to %d copies, want about %d", w.depth, perTL)
	}
	refused := 0
	l, out := reliableIP(w.cfgs[0]), impl.NewEffects(&impl.Arena{Forget: true})
	l.Step(impl.Input{Kind: impl.Start}, out)
	for range reliability.ReliableIPWindow + 10 {
		out.Reset()
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 1}, out)
		if last := out.List[len(out.List)-1]; last.Kind == impl.Refuse && last.Code == impl.Overflow {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d sends were refused, want 10", refused)
	}
}

// A narrow window refuses what it has no room for, and has room again when what it holds is stable.
func TestReliableIPNarrowWindow(t *testing.T) {
	f := impltest.NewFigure(2, func(cfg impl.Config) impl.Layer { return reliability.NewReliableIPWindow(cfg, false, 2) })
	f.Say("the window has room for two: the third is refused")
	f.Send(0, impl.Everyone, "one", 1)
	f.Send(0, impl.Everyone, "two", 2)
	f.Send(0, impl.Everyone, "three", 3)
	f.Say("all have what it holds, and say so")
	f.Drain()
	f.Wait(f.TS)
	f.Drain()
	f.Say("there is room again")
	f.Send(0, impl.Everyone, "four", 4)
	f.Drain()
	if got := strings.Count(f.String(), "refuse overflow ref 3"); got != 1 {
		t.Errorf("%d refusals for want of room, want 1", got)
	}
	delivered(t, f, 1, "one", "two", "four")
	golden(t, f, "reliable-ip-narrow-window")
}

var ipPromises = []string{"integrity", "validity", "agreement", "acked", "answered", "fifo"}

// Through losses, duplicates, changed bytes, cuts shorter than TL, and crashes of any number, also of the sender half
// way, every correct member delivers the same; if it is delivered when stable, also what only crashed ones delivered.
func TestReliableIPSoak(t *testing.T) {
	for seed := range uint64(100 * *fieldRuns) {
		n := 3 + int(seed%3)
		w := newField(n, seed, reliableIP)
		w.rough(seed, int(seed/3)%n)
		w.talk(seed, 40)
		w.run(6 * time.Second)
		w.holds(t, seed, ipPromises...)
		if w.gaps > 0 {
			t.Fatalf("seed %d: %d gaps", seed, w.gaps)
		}
		w = newField(n, seed, stableIP)
		w.rough(seed, int(seed/3)%n)
		w.talk(seed, 40)
		w.run(6 * time.Second)
		w.holds(t, seed, append(ipPromises, "uniform")...)
	}
}
