package reliability_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func atomicView(cfg impl.Config) impl.Layer { return reliability.NewAtomicView(cfg) }

func atomicViewOverChannels(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewAtomicView(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

func atomicViewOverBestEffort(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewAtomicView(cfg), reliability.NewBestEffort(cfg))
}

func TestAtomicViewKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(atomicView); err != nil {
		t.Error(err)
	}
	for _, newLayer := range []func(impl.Config) impl.Layer{atomicViewOverChannels, atomicViewOverBestEffort} {
		if err := impltest.TestLayer(newLayer, impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
}

// A message is delivered when all three members are known to have it: its sender by sending it, the others as they tell.
func TestAtomicViewDeliversWhatIsStable(t *testing.T) {
	f := impltest.NewFigure(3, atomicView)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Take(1, 0)
	f.Take(1, 1)
	delivered(t, f, 0)
	delivered(t, f, 1)
	f.Say("2 is the last that lacked it, and need not hear what 1 has to tell: it tells, hears, tells that it is stable, delivers")
	f.Take(0, 2)
	f.Take(1, 2)
	delivered(t, f, 2, "m")
	f.Say("0 hears of it, and is acknowledged")
	f.Take(2, 0)
	delivered(t, f, 0, "m")
	f.Drain()
	delivered(t, f, 1, "m")
	f.Say("and nothing is left to do when the timer comes")
	f.Wait(time.Second)
	golden(t, f, "atomicview-stable")
}

// The sender dies when it has sent one copy: the one that has the message delivers nothing, and waits for a view. The
// application hears who is silent.
func TestAtomicViewBlocksWhenTheSenderDiesHalfWay(t *testing.T) {
	f := impltest.NewFigure(3, atomicView)
	f.Send(0, impl.Everyone, "m", 7)
	f.Lose(0, 2)
	f.Crash(0)
	f.Take(0, 1)
	f.Drain()
	f.Say("1 has it, knows that 0 has, and hears nothing of 2's having it, however often it asks")
	for range 5 {
		f.Wait(100 * time.Millisecond)
		f.Drain()
	}
	delivered(t, f, 1)
	delivered(t, f, 2)
	golden(t, f, "atomicview-blocked")
	if n := strings.Count(f.String(), "suspect 0"); n != 1 {
		t.Errorf("1 told %d times that it suspects 0", n)
	}
	if strings.Contains(f.String(), "suspect 2") {
		t.Errorf("2 answers, and is suspected")
	}
}

// view tells members that there is a new view.
func view(epoch uint64, members ...spec.NodeID) *spec.View {
	return &spec.View{ID: spec.ViewID{Epoch: epoch}, Members: members}
}

func tell(f *impltest.Figure, k impl.InputKind, v *spec.View, ref impl.Ref, nodes ...spec.NodeID) {
	for _, n := range nodes {
		f.Give(n, impl.Input{Kind: k, View: v, Ref: ref})
	}
}

// The same, and a view comes without the dead: the survivors are asked, send each other what they have, answer, and
// deliver it before they hand on the view.
func TestAtomicViewSurvivorsFinishTheJob(t *testing.T) {
	f := impltest.NewFigure(3, atomicView)
	f.Send(0, impl.Everyone, "m", 7)
	f.Lose(0, 2)
	f.Crash(0)
	f.Take(0, 1)
	f.Drain()
	next := view(2, 1, 2)
	f.Say("1 and 2 are asked for a view without 0; 1 sends its message on, and each lists what it has")
	tell(f, impl.Blocked, next, 5, 1, 2)
	f.Say("what is sent now waits")
	f.Send(2, impl.Everyone, "later", 8)
	f.Drain()
	if n := strings.Count(f.String(), "call-down accept ref 5"); n != 2 {
		t.Errorf("%d of 2 answered:\n%s", n, f)
	}
	delivered(t, f, 2)
	f.Say("all have answered, and the view comes")
	tell(f, impl.ViewChanged, next, 0, 1, 2)
	delivered(t, f, 1, "m")
	delivered(t, f, 2, "m")
	f.Say("they go on in it")
	tell(f, impl.Unblocked, nil, 0, 1, 2)
	f.Drain()
	delivered(t, f, 1, "m", "later")
	delivered(t, f, 2, "m", "later")
	golden(t, f, "atomicview-flush")
}

// A view that comes unasked is handed on when the flush is over; and what no survivor listed nobody delivers, also the
// one to which it comes late.
func TestAtomicViewDiscardsWhatNoSurvivorHad(t *testing.T) {
	f := impltest.NewFigure(3, atomicView)
	f.Send(0, impl.Everyone, "m", 7)
	f.Lose(0, 2)
	f.Crash(0)
	next := view(2, 1, 2)
	tell(f, impl.ViewChanged, next, 0, 1)
	f.Say("the copy of the dead comes when 1 has listed what it has")
	f.Take(0, 1)
	tell(f, impl.ViewChanged, next, 0, 2)
	f.Drain()
	delivered(t, f, 1)
	delivered(t, f, 2)
	golden(t, f, "atomicview-none")
	if n := strings.Count(f.String(), "    view view 2 [1 2]\n"); n != 2 {
		t.Errorf("%d of 2 have the view:\n%s", n, f)
	}
}

// What was sent in a view and comes after it is discarded, with a note; what was sent in the next view and comes before
// it waits for it.
func TestAtomicViewKeepsViewsApart(t *testing.T) {
	f := impltest.NewFigure(3, atomicView)
	f.Send(0, impl.Everyone, "old", 7)
	f.Lose(0, 2)
	f.Crash(0)
	f.Take(0, 1)
	f.Take(1, 2)
	next := view(2, 1, 2)
	tell(f, impl.Blocked, next, 5, 1, 2)
	f.Say("nothing is heard, so that 1 does all of it again")
	f.Wait(25 * time.Millisecond)
	f.Take(2, 1)
	f.Take(1, 2)
	f.Take(1, 2)
	f.Say("both have answered; 1 gets the view first, and sends in it before it comes to 2")
	tell(f, impl.ViewChanged, next, 0, 1)
	tell(f, impl.Unblocked, nil, 0, 1)
	f.Send(1, impl.Everyone, "new", 8)
	for range 3 {
		f.Again(1, 2, nil)
		f.Take(1, 2)
	}
	for f.Has(1, 2) {
		f.Take(1, 2)
	}
	delivered(t, f, 2)
	f.Say("the view comes to 2: first the old, then the view, then the new")
	tell(f, impl.ViewChanged, next, 0, 2)
	f.Say("and what is left of the old view comes too late")
	f.Drain()
	delivered(t, f, 1, "old", "new")
	delivered(t, f, 2, "old", "new")
	golden(t, f, "atomicview-apart")
	for _, note := range []string{"held-back 1 2", "stale 1 1", "stale 2 1"} {
		if !strings.Contains(f.String(), "    note "+note+"\n") {
			t.Errorf("no note %s:\n%s", note, f)
		}
	}
}

// A joiner gets nothing of the views before it.
func TestAtomicViewGivesAJoinerNothingOld(t *testing.T) {
	f := impltest.NewFigure(3, atomicView, func(cfg *impl.Config) { cfg.Members = cfg.Members[:2] })
	f.Send(0, impl.Everyone, "old", 1)
	f.Say("2 is no member: what comes is not for it, and it may not send")
	f.Again(0, 2, nil)
	f.Send(2, impl.Everyone, "too early", 2)
	next := view(2, 0, 1, 2)
	tell(f, impl.ViewChanged, next, 0, 0, 1, 2)
	f.Say("the view admits it; it has nothing to flush")
	f.Drain()
	f.Send(0, impl.Everyone, "new", 3)
	f.Drain()
	delivered(t, f, 0, "old", "new")
	delivered(t, f, 1, "old", "new")
	delivered(t, f, 2, "new")
	golden(t, f, "atomicview-joiner")
}
