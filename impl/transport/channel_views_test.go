package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// silent lets what 0 has for 1 get lost until it is given up.
func silent(f *impltest.Figure) {
	for range 5 {
		f.Wait(f.TS)
		for f.Has(0, 1) {
			f.Lose(0, 1)
		}
	}
}

// A peer that was given up, and of which nothing is heard, is served again when a detector trusts it, or a view has it:
// what is sent then is sent again until it arrives. Without either it is sent once.
func TestChannelServesAgain(t *testing.T) {
	view := &spec.View{ID: spec.ViewID{Epoch: 2}, Members: []spec.NodeID{0, 1}}
	for name, x := range map[string]struct {
		in     impl.Input
		served bool
	}{
		"trusted":          {impl.Input{Kind: impl.Trusted, From: 1}, true},
		"in a view":        {impl.Input{Kind: impl.ViewChanged, View: view, Flag: true}, true},
		"not in the view":  {impl.Input{Kind: impl.ViewChanged, View: &spec.View{ID: view.ID, Members: view.Members[:1]}, Flag: true}, false},
		"suspected anyway": {impl.Input{Kind: impl.Suspected, From: 1}, false},
	} {
		f := impltest.NewFigure(2, channel)
		f.Send(0, 1, "lost", 7)
		f.Give(0, impl.Input{Kind: impl.Suspected, From: 1})
		silent(f)
		f.Give(0, x.in)
		f.Send(0, 1, "m", 8)
		f.Lose(0, 1)
		f.Wait(f.TS)
		if f.Has(0, 1) != x.served {
			t.Errorf("%s: what is lost is sent again: %t\n%s", name, !x.served, f)
		}
		if n := strings.Count(f.String(), "suspect 1"); n != 1 {
			t.Errorf("%s: suspected %d times:\n%s", name, n, f)
		}
		if !x.served {
			continue
		}
		silent(f)
		f.Send(0, 1, "hope", 9)
		f.Lose(0, 1)
		f.Wait(f.TS)
		if f.Has(0, 1) {
			t.Errorf("%s: it has been silent for TL again, and is not given up\n%s", name, f)
		}
	}
}

// A suspicion from below drops nothing: it may be wrong.
func TestChannelKeepsWhatIsForASuspect(t *testing.T) {
	f := impltest.NewFigure(2, channel)
	f.Send(0, 1, "m", 7)
	f.Lose(0, 1)
	f.Give(0, impl.Input{Kind: impl.Suspected, From: 1})
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "m")
}
