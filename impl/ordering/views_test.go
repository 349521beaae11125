package ordering_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// next is the second view, to which all of its members come from the first but those that are named.
func next(members []spec.NodeID, newcomers ...spec.NodeID) *spec.View {
	v := &spec.View{ID: spec.ViewID{Epoch: 2, HasNode: true}, Members: members, Came: []spec.NodeID{}}
	for _, m := range members {
		if len(newcomers) == 0 || m != newcomers[0] {
			v.Came = append(v.Came, m)
		}
	}
	return v
}

// ends ends the view of a figure: its members are blocked, given the next one, and unblocked.
func ends(f *impltest.Figure, v *spec.View) {
	for _, in := range []impl.Input{{Kind: impl.Blocked}, {Kind: impl.ViewChanged, View: v}, {Kind: impl.Unblocked}} {
		for _, m := range v.Members {
			f.Give(m, in)
		}
	}
}

// The sequencer dies before it has numbered anything. In form bb the survivors deliver what they have, in one order, when
// the view ends; then the next sequencer numbers, behind all positions of the first view.
func TestSequencerFailoverInViews(t *testing.T) {
	f := impltest.NewFigure(3, sequencer(ordering.BB))
	f.Send(1, impl.Everyone, "b", 7)
	f.Send(2, impl.Everyone, "c", 8)
	f.Crash(0)
	f.Drain()
	delivered(t, f, 1)
	f.Say("the level has given 1 and 2 the same; the view ends")
	ends(f, next([]spec.NodeID{1, 2}))
	delivered(t, f, 1, "b", "c")
	delivered(t, f, 2, "b", "c")
	f.Send(2, impl.Everyone, "d", 9)
	f.Drain()
	delivered(t, f, 1, "b", "c", "d")
	delivered(t, f, 2, "b", "c", "d")
	golden(t, f, "views-sequencer")
}

// In form ub who has no number from the dead asks the next sequencer, once, and does not deliver twice though its first
// request comes to the new one late.
func TestSequencerIsAskedAgain(t *testing.T) {
	f := impltest.NewFigure(3, sequencer(ordering.UB))
	f.Send(2, impl.Everyone, "c", 8)
	f.Crash(0)
	f.Drain()
	v := next([]spec.NodeID{1, 2})
	ends(f, v)
	f.Drain()
	delivered(t, f, 1, "c")
	delivered(t, f, 2, "c")
	if n := strings.Count(f.String(), "acknowledge ref 8"); n > 1 {
		t.Errorf("acknowledged %d times:\n%s", n, f)
	}
}

// While a view ends a sequencer gives no numbers; when the change is called off it gives those that it owes.
func TestSequencerIsSilentWhileAViewEnds(t *testing.T) {
	f := impltest.NewFigure(2, sequencer(ordering.BB))
	f.Give(0, impl.Input{Kind: impl.Blocked})
	f.Send(1, impl.Everyone, "m", 7)
	f.Drain()
	delivered(t, f, 1)
	f.Give(0, impl.Input{Kind: impl.Unblocked})
	f.Drain()
	delivered(t, f, 0, "m")
	delivered(t, f, 1, "m")
}

// A proposer is dead, and so is a sender whose number nobody has: with the view both are settled, what has a number first.
func TestAgreementSettlesWithTheView(t *testing.T) {
	f := impltest.NewFigure(3, func(cfg impl.Config) impl.Layer { return ordering.NewAgreement(cfg) })
	f.Send(2, impl.Everyone, "dead", 0)
	f.Take(2, 1)
	f.Take(2, 0)
	f.Crash(2)
	f.Send(0, impl.Everyone, "m", 7)
	f.Drain()
	delivered(t, f, 0)
	delivered(t, f, 1)
	ends(f, next([]spec.NodeID{0, 1}))
	delivered(t, f, 0, "m", "dead")
	delivered(t, f, 1, "m", "dead")
	f.Send(1, impl.Everyone, "n", 8)
	f.Drain()
	delivered(t, f, 0, "m", "dead", "n")
	golden(t, f, "views-agreement")
}

// A member is dead: nothing is delivered, for it is not heard. The view delivers what is left in the order of the stamps,
// and in the next nobody waits for it; who has come in is waited for.
func TestLamportHearsTheView(t *testing.T) {
	f := impltest.NewFigure(4, func(cfg impl.Config) impl.Layer { return ordering.NewLamport(cfg, 0) },
		func(cfg *impl.Config) { cfg.Members = cfg.Members[:3] })
	f.Crash(2)
	f.Send(1, impl.Everyone, "b", 0)
	f.Send(0, impl.Everyone, "a", 0)
	f.Drain()
	delivered(t, f, 0)
	ends(f, next([]spec.NodeID{0, 1, 3}, 3))
	delivered(t, f, 0, "a", "b")
	delivered(t, f, 1, "a", "b")
	delivered(t, f, 3)
	f.Send(0, impl.Everyone, "c", 0)
	f.Take(0, 0)
	f.Take(0, 1)
	delivered(t, f, 0, "a", "b")
	f.Say("3 has not been heard")
	f.Drain()
	delivered(t, f, 3, "c")
	delivered(t, f, 0, "a", "b", "c")
}

// Who was removed and has come again discards what it has left of its old view: the others may have delivered it in
// another order.
func TestWhoHasNotComeDeliversNothingOld(t *testing.T) {
	for name, layer := range map[string]func(impl.Config) impl.Layer{
		"total-sequencer": sequencer(ordering.BB),
		"total-agreement": func(cfg impl.Config) impl.Layer { return ordering.NewAgreement(cfg) },
		"total-lamport":   func(cfg impl.Config) impl.Layer { return ordering.NewLamport(cfg, 0) },
		"total-seqserver": func(cfg impl.Config) impl.Layer { return ordering.NewTotalSeqServer(cfg, ordering.FillHoles) },
		"real-time":       func(cfg impl.Config) impl.Layer { return ordering.NewRealTime(cfg, 0, 0) },
	} {
		f := impltest.NewFigure(3, layer)
		f.Send(1, impl.Everyone, "m", 0)
		if f.Has(1, 2) {
			f.Take(1, 2)
		}
		f.Give(2, impl.Input{Kind: impl.ViewChanged, View: next([]spec.NodeID{0, 1, 2}, 2)})
		if got := f.Delivered(2); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
