package netns

import (
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	detectors "github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// others are stacks of single tests.
var others = map[string]func(impl.Config) impl.Layer{drivenStack: onDrive, beatingStack: beating}

// beatingStack sends before anybody has asked it to.
const beatingStack = "unicast/heartbeats"

func beating(cfg impl.Config) impl.Layer {
	p, _ := detectors.ParsePatience("fixed")
	return impl.NewStack(reliability.NewBestEffort(cfg), transport.NewUnicast(cfg), detectors.NewDetector(cfg, p))
}

// The actions of a node count from the beginning of the scenario, as in the simulated world: the heartbeats with which
// its processes begin are none of the script's, and who is to be killed at its second packet has handed down the first
// copy of its message.
func TestWhatWasBeforeDoesNotCount(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs of seconds")
	}
	l := lan(t, 3)
	for range 3 { // another heartbeat may come first
		w := earth(t, l, beatingStack)
		w.cfg.Wire, w.cfg.TS, w.cfg.TL = Unicast, 250*time.Millisecond, 300*time.Millisecond
		h := play1(t, w, scenario(t, "at 0s send 0 g 10\non 0 send 2 crash 0\n"))
		if count(h, spec.Crash, 0) != 1 {
			t.Fatal("it is not killed")
		}
		if count(h, spec.Send, 0) == 1 && count(h, spec.Deliver, 0) == 0 && count(h, spec.Deliver, 1)+count(h, spec.Deliver, 2) == 1 {
			return
		}
	}
	t.Error("it is killed before it has sent anything, or when all is sent")
}
