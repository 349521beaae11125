package reliability_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
)

func reliable(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewReliable(cfg), transport.NewUnicast(cfg))
}

// 0 crashes before its copy to 3 leaves. 1 and 2 relay; 3 delivers, once.
func TestReliableRelaysWhenTheSenderCrashesHalfWay(t *testing.T) {
	f := impltest.NewFigure(4, reliable)
	f.Send(0, impl.Everyone, "m", 0)
	f.Lose(0, 3)
	f.Crash(0)
	f.Say("1 and 2 have it: each relays, then delivers")
	f.Take(0, 1)
	f.Take(0, 2)
	f.Say("3 hears of it from 1, and discards what comes from 2")
	f.Take(1, 3)
	f.Take(2, 3)
	f.Say("the rest are duplicates")
	f.Drain()
	delivered(t, f, 1, "m")
	delivered(t, f, 2, "m")
	delivered(t, f, 3, "m")
	golden(t, f, "reliable-sender-crashes")
}

// A sender does not relay its own message, and n members send n copies each: n² in all.
func TestReliableCosts(t *testing.T) {
	f := impltest.NewFigure(4, reliable)
	f.Send(0, impl.Everyone, "m", 0)
	f.Drain()
	if n := strings.Count(f.String(), "    down "); n != 16 {
		t.Errorf("%d packets among 4 members, want 16", n)
	}
	for n := range 4 {
		delivered(t, f, impltest.Node(n), "m")
	}
}
