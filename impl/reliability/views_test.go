package reliability_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// firstTwo configures a group of which the last node is no member.
func firstTwo(cfg *impl.Config) { cfg.Members = cfg.Members[:2] }

// A joiner is served like all others from the view on: what it has not acknowledged is sent to it again. Without the view
// it gets the first copy and no other.
func TestBestEffortServesAJoiner(t *testing.T) {
	for _, admitted := range []bool{false, true} {
		f := impltest.NewFigure(3, func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) }, firstTwo)
		if admitted {
			tell(f, impl.ViewChanged, view(2, 0, 1, 2), 0, 0, 1, 2)
		}
		f.Send(0, impl.Everyone, "m", 7)
		for f.Has(0, 2) {
			f.Lose(0, 2)
		}
		f.Drain()
		f.Wait(f.TS)
		if f.Has(0, 2) != admitted {
			t.Errorf("admitted %t, and served %t:\n%s", admitted, !admitted, f)
		}
		f.Drain()
		if got := len(f.Delivered(2)); (got == 1) != admitted {
			t.Errorf("admitted %t, delivered %d", admitted, got)
		}
	}
}

// Who has left is not waited for: the message is acknowledged when the view comes, and not sent to it again.
func TestBestEffortDoesNotWaitForWhoHasLeft(t *testing.T) {
	f := impltest.NewFigure(3, func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) })
	f.Send(0, impl.Everyone, "m", 7)
	f.Lose(0, 2)
	f.Drain()
	if strings.Contains(f.String(), "acknowledge ref 7") {
		t.Fatalf("acknowledged without 2:\n%s", f)
	}
	tell(f, impl.ViewChanged, view(2, 0, 1), 0, 0, 1)
	if !strings.Contains(f.String(), "acknowledge ref 7") {
		t.Errorf("not acknowledged:\n%s", f)
	}
	f.Wait(f.TS)
	if f.Has(0, 2) {
		t.Errorf("sent again to who has left:\n%s", f)
	}
}

// One that was removed and is in the next view is served again, though nothing has been heard of it.
func TestBestEffortServesAgainWhoIsInTheView(t *testing.T) {
	f := impltest.NewFigure(2, func(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) })
	f.Send(0, impl.Everyone, "lost", 7)
	for range 6 {
		for f.Has(0, 1) {
			f.Lose(0, 1)
		}
		f.Wait(f.TS)
	}
	if !strings.Contains(f.String(), "suspect 1") {
		t.Fatalf("1 is not removed:\n%s", f)
	}
	tell(f, impl.ViewChanged, view(2, 0, 1), 0, 0)
	f.Send(0, impl.Everyone, "m", 8)
	for f.Has(0, 1) {
		f.Lose(0, 1)
	}
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "m")
}

// Of five members three are dead: two are no majority, and deliver when a view is theirs. Of a message that came before
// the view a joiner is not asked.
func TestUniformCountsTheView(t *testing.T) {
	f := impltest.NewFigure(5, func(cfg impl.Config) impl.Layer { return reliability.NewUniform(cfg) }, func(cfg *impl.Config) { cfg.Members = cfg.Members[:4] })
	for _, n := range []spec.NodeID{2, 3} {
		f.Crash(n)
	}
	f.Send(0, impl.Everyone, "m", 7)
	f.Drain()
	delivered(t, f, 0)
	delivered(t, f, 1)
	tell(f, impl.ViewChanged, view(2, 0, 1, 4), 0, 0, 1, 4)
	delivered(t, f, 0, "m")
	delivered(t, f, 1, "m")
	if !strings.Contains(f.String(), "acknowledge ref 7") {
		t.Errorf("not acknowledged:\n%s", f)
	}
}

// A majority of the old members is not enough in a view that has more.
func TestUniformAsksAJoiner(t *testing.T) {
	f := impltest.NewFigure(3, func(cfg impl.Config) impl.Layer { return reliability.NewUniform(cfg) }, func(cfg *impl.Config) { cfg.Members = cfg.Members[:1] })
	tell(f, impl.ViewChanged, view(2, 0, 1, 2), 0, 0, 1, 2)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	delivered(t, f, 0)
	f.Drain()
	for n := range 3 {
		delivered(t, f, impltest.Node(n), "m")
	}
}
