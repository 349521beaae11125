package reliability_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
)

func bestEffort(cfg impl.Config) impl.Layer { return reliability.NewBestEffort(cfg) }

// Who has not acknowledged within TS gets the message again; the others don't.
func TestBestEffortRetransmitsAfterTS(t *testing.T) {
	f := impltest.NewFigure(3, bestEffort)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Lose(0, 2)
	f.Take(0, 0) // its own acknowledgement
	f.Take(1, 0)
	f.Say("TS later")
	f.Wait(f.TS)
	f.Take(0, 2)
	f.Say("2's acknowledgement is lost: 2 discards what comes again, and acknowledges again")
	f.Lose(2, 0)
	f.Wait(f.TS)
	f.Take(0, 2)
	f.Take(2, 0)
	f.Say("all have acknowledged: the timer fires once more, and is not set again")
	f.Wait(time.Second)
	delivered(t, f, 1, "m")
	delivered(t, f, 2, "m")
	if n := strings.Count(f.String(), "    acknowledge ref 7"); n != 1 {
		t.Errorf("acknowledged %d times", n)
	}
	golden(t, f, "best-effort-retransmits")
}

// A member that has been silent for TL is removed: it is waited for no longer, until it is heard again.
func TestBestEffortRemovesAfterTL(t *testing.T) {
	f := impltest.NewFigure(3, bestEffort)
	f.Crash(2)
	f.Send(0, impl.Everyone, "m", 7)
	f.Drain()
	f.Wait(f.TL + f.TS)
	f.Drain()
	f.Say("the next message does not wait for 2")
	f.Send(0, impl.Everyone, "n", 8)
	f.Drain()
	delivered(t, f, 1, "m", "n")
	for _, want := range []string{"    suspect 2\n", "    acknowledge ref 7\n", "    acknowledge ref 8\n"} {
		if n := strings.Count(f.String(), want); n != 1 {
			t.Errorf("%q %d times", want, n)
		}
	}
	golden(t, f, "best-effort-removes")
}

// Who was removed wrongly is trusted again when it is heard, and gets what is sent from then on.
func TestBestEffortTrustsAgain(t *testing.T) {
	f := impltest.NewFigure(2, bestEffort)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Take(0, 0)
	f.Wait(f.TL + f.TS)
	f.Say("the slow packet arrives after all")
	f.Take(0, 1)
	f.Take(1, 0)
	f.Send(0, impl.Everyone, "n", 8)
	f.Wait(f.TS)
	f.Drain()
	delivered(t, f, 1, "m", "n")
	if !strings.Contains(f.String(), "    trust 1\n") {
		t.Errorf("not trusted:\n%s", f)
	}
}

// A message to one node that is given up is not acknowledged.
func TestBestEffortToOneThatIsSilent(t *testing.T) {
	f := impltest.NewFigure(2, bestEffort)
	f.Crash(1)
	f.Send(0, 1, "m", 7)
	f.Drain()
	f.Wait(f.TL + 2*f.TS)
	if s := f.String(); strings.Contains(s, "acknowledge") || !strings.Contains(s, "suspect 1") {
		t.Errorf("acknowledged, or not suspected:\n%s", s)
	}
}
