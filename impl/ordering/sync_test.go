package ordering_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

func syncOf(reading ordering.Reading) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return ordering.NewSync(cfg, reading) }
}

func TestSyncKeepsTheContract(t *testing.T) {
	for _, r := range []ordering.Reading{ordering.OfSender, ordering.Cut, ordering.CausalBarrier, ordering.Blocking} {
		if err := impltest.TestLayer(syncOf(r), impltest.Handles(impl.Barrier)); err != nil {
			t.Error(r, err)
		}
	}
}

func barrier(f *impltest.Figure, n spec.NodeID, ref impl.Ref) {
	f.Give(n, impl.Input{Kind: impl.Barrier, Ref: ref})
}

// settle lets all packets arrive, and timers of the moment fire, until nothing is left to happen.
func settle(f *impltest.Figure) {
	for range 10 {
		f.Drain()
		f.Wait(0)
	}
}

// Two messages before the barrier may overtake each other, and two behind it; none crosses.
func TestSyncOfSender(t *testing.T) {
	f := impltest.NewFigure(2, syncOf(ordering.OfSender))
	for _, m := range []string{"a", "b"} {
		f.Send(0, impl.Everyone, m, 0)
	}
	barrier(f, 0, 7)
	f.Send(0, impl.Everyone, "c", 0)
	late := f.Hold(0, 1)
	f.Take(0, 1)
	delivered(t, f, 1, "b")
	f.Say("the barrier comes, and c behind it: a is missing")
	f.Take(0, 1)
	f.Take(0, 1)
	delivered(t, f, 1, "b")
	late()
	settle(f)
	delivered(t, f, 1, "b", "a", "c")
	golden(t, f, "sync-sender")
}

// 0 flushes for the barrier of 1. What 2 sends meanwhile goes out behind the cut, and reaches nobody before it.
func TestSyncCut(t *testing.T) {
	f := impltest.NewFigure(3, syncOf(ordering.Cut))
	f.Send(2, impl.Everyone, "before", 0)
	barrier(f, 1, 7)
	f.Take(1, 0)
	f.Take(0, 0)
	f.Take(0, 2)
	f.Say("2 has said that it has sent one message: the next has to wait")
	f.Send(2, impl.Everyone, "behind", 8)
	settle(f)
	for n := range 3 {
		delivered(t, f, impltest.Node(n), "before", "behind")
	}
	if got := strings.Count(f.String(), "note barrier-passed 1 1"); got != 3 {
		t.Errorf("the barrier took effect %d times", got)
	}
	golden(t, f, "sync-cut")
}

// 1 has delivered m of 0 when it calls: wherever the barrier comes first, it waits for m. What 1 then sends waits for both.
func TestSyncCausal(t *testing.T) {
	f := impltest.NewFigure(3, syncOf(ordering.CausalBarrier))
	f.Send(0, impl.Everyone, "m", 0)
	f.Take(0, 1)
	barrier(f, 1, 7)
	f.Send(1, impl.Everyone, "n", 0)
	f.Say("barrier and n overtake m on their way to 2")
	f.Take(1, 2)
	f.Take(1, 2)
	f.Wait(0)
	delivered(t, f, 2)
	f.Take(0, 2)
	f.Wait(0)
	delivered(t, f, 2, "m", "n")
	golden(t, f, "sync-causal")
}

// The sync of 1 returns only when 2 has what 0 had sent before it, of which 1 knew nothing.
func TestSyncBlocking(t *testing.T) {
	f := impltest.NewFigure(3, syncOf(ordering.Blocking))
	f.Send(0, impl.Everyone, "m", 0)
	late := f.Hold(0, 2)
	barrier(f, 1, 7)
	settle(f)
	delivered(t, f, 1, "m")
	if strings.Contains(f.String(), "finish ref 7") {
		t.Errorf("the sync returned, though 2 has not m:\n%s", f)
	}
	late()
	settle(f)
	delivered(t, f, 2, "m")
	if n := strings.Count(f.String(), "finish ref 7"); n != 1 {
		t.Errorf("the sync returned %d times:\n%s", n, f)
	}
	golden(t, f, "sync-blocking")
}

// A member that has crashed answers nobody: the sync never returns, and with a cut nobody sends any more.
func TestSyncWaitsForTheDead(t *testing.T) {
	for _, r := range []ordering.Reading{ordering.Cut, ordering.Blocking} {
		f := impltest.NewFigure(3, syncOf(r))
		f.Crash(2)
		barrier(f, 1, 7)
		settle(f)
		f.Send(0, impl.Everyone, "m", 0)
		settle(f)
		if strings.Contains(f.String(), "finish ref 7") {
			t.Error(r, "the sync returned")
		}
		if got := len(f.Delivered(1)); got != map[ordering.Reading]int{ordering.Blocking: 1}[r] {
			t.Error(r, "delivered", f.Delivered(1))
		}
	}
}

// What is kept of syncs that never return is bounded: one that waits for the dead is refused at last, as a send is.
func TestSyncsThatNeverReturnAreRefused(t *testing.T) {
	for _, r := range []ordering.Reading{ordering.OfSender, ordering.Cut, ordering.CausalBarrier, ordering.Blocking} {
		arena := &impl.Arena{}
		l, out := ordering.NewSync(impl.Config{Nodes: 2, Members: []spec.NodeID{0, 1}}, r), impl.NewEffects(arena)
		l.Step(impl.Input{Kind: impl.Start}, out)
		refused := 0
		for n := range 70_000 {
			out.Reset()
			arena.Reset()
			l.Step(impl.Input{Kind: impl.Barrier, Ref: impl.Ref(n + 1)}, out)
			for i := range out.List {
				if out.List[i].Kind == impl.Refuse {
					refused++
				}
			}
		}
		if refused < 70_000-1<<16-1 {
			t.Errorf("%v: of 70,000 syncs that never return %d were refused", r, refused)
		}
	}
}
