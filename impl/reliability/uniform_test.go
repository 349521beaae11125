package reliability_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func uniform(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewUniform(cfg), transport.NewUnicast(cfg))
}

func uniformOverChannels(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewUniform(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

func uniformOverBestEffort(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewUniform(cfg), reliability.NewBestEffort(cfg))
}

func TestUniformKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return reliability.NewUniform(cfg) }); err != nil {
		t.Error(err)
	}
	for _, newLayer := range []func(impl.Config) impl.Layer{uniformOverChannels, uniformOverBestEffort} {
		if err := impltest.TestLayer(newLayer, impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
}

// Of three members two are a majority: with its own relay and the sender's copy, 1 delivers. The sender's copy to 2 is
// lost with it, and 2 gets there by what 1 relayed.
func TestUniformDeliversAfterAMajorityRelayed(t *testing.T) {
	f := impltest.NewFigure(3, uniform)
	f.Send(0, impl.Everyone, "m", 7)
	f.Lose(0, 2)
	f.Crash(0)
	f.Say("1 relays before it counts anything; 0 alone is no majority")
	f.Take(0, 1)
	delivered(t, f, 1)
	f.Say("its own relay comes back to it: 0 and 1 are two of three")
	f.Take(1, 1)
	delivered(t, f, 1, "m")
	f.Say("2 hears of it from 1 only, relays, and counts 1 and itself")
	f.Take(1, 2)
	f.Take(2, 2)
	delivered(t, f, 2, "m")
	golden(t, f, "uniform-majority")
}

// The sender is acknowledged when it delivers, and not before.
func TestUniformAcknowledges(t *testing.T) {
	f := impltest.NewFigure(4, uniform)
	f.Send(0, impl.Everyone, "m", 7)
	f.Take(0, 0)
	f.Take(0, 1)
	f.Take(1, 0)
	if strings.Contains(f.String(), "acknowledge") {
		t.Errorf("acknowledged after two of four relayed:\n%s", f)
	}
	f.Take(0, 2)
	f.Take(2, 0)
	delivered(t, f, 0, "m")
	if !strings.Contains(f.String(), "    up from 0 to all \"m\"\n    acknowledge ref 7\n") {
		t.Errorf("not acknowledged with the delivery:\n%s", f)
	}
	f.Drain()
	if n := strings.Count(f.String(), "acknowledge ref 7"); n != 1 {
		t.Errorf("acknowledged %d times", n)
	}
}

// Without a majority nothing is delivered, by nobody.
func TestUniformBlocksWithoutAMajority(t *testing.T) {
	w := newField(4, 1, uniformOverChannels)
	w.crash(2, false)
	w.crash(3, false)
	for i := range 5 {
		w.do(time.Duration(i)*time.Second, func() { w.send(spec.NodeID(i%2), fmt.Sprint(i)) })
	}
	w.run(10 * time.Second)
	for n := range 4 {
		if len(w.delivered[n]) > 0 {
			t.Errorf("%d delivered %q with two of four up", n, w.delivered[n])
		}
	}
	if len(w.acked) > 0 {
		t.Errorf("acknowledged: %v", w.acked)
	}
}

// Who gave up on a message leaves a hole, and the messages behind it go on.
func TestUniformGoesOnBehindAHole(t *testing.T) {
	l, out := reliability.NewUniform(impl.Config{Self: 1, Nodes: 2, Members: []spec.NodeID{0, 1}}), impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start}, out)
	up := 0
	for n := range uint64(100_000) {
		packet := []byte{byte(n + 2), byte((n + 2) >> 8), byte((n + 2) >> 16), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		for from := range spec.NodeID(2) {
			out.Reset()
			l.Step(impl.Input{Kind: impl.Packet, From: from, To: impl.Everyone, Body: packet}, out)
			if last := out.List[len(out.List)-1]; last.Kind == impl.Up {
				up++
			}
		}
	}
	if up != 100_000 {
		t.Errorf("%d delivered", up)
	}
}

// As long as a majority is up: what anyone delivered, also one that crashed with all that it had in flight, all
// correct members deliver.
func TestUniformSoak(t *testing.T) {
	for seed := range uint64(60 * *fieldRuns) {
		n := 3 + int(seed%3)
		for _, newLayer := range []func(impl.Config) impl.Layer{uniformOverChannels, uniformOverBestEffort} {
			w := newField(n, seed, newLayer)
			w.rough(seed, int(seed/3)%((n+1)/2))
			w.talk(seed, 20)
			w.run(6 * time.Second)
			w.holds(t, seed, "integrity", "validity", "agreement", "uniform", "acked", "answered")
		}
	}
}
