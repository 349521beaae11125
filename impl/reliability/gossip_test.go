package reliability_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

func gossip(fanout, rounds int) func(impl.Config) impl.Layer {
	return func(cfg impl.Config) impl.Layer { return reliability.NewGossip(cfg, fanout, rounds) }
}

func TestGossipKeepsTheContract(t *testing.T) {
	for _, newLayer := range []func(impl.Config) impl.Layer{gossip(1, 1), gossip(2, 3), gossip(9, 2)} {
		if err := impltest.TestLayer(newLayer, impltest.Checksummed()); err != nil {
			t.Error(err)
		}
	}
}

// Fan-out 2, two rounds: on first receipt to two others, and after TS/3 to two again.
func TestGossip(t *testing.T) {
	f := impltest.NewFigure(5, gossip(2, 2), func(cfg *impl.Config) { cfg.Seed = 7 + uint64(cfg.Self) })
	f.Send(0, impl.Everyone, "m", 7)
	f.Say("its own copy is the first receipt: the sender tells two others, and delivers")
	f.Take(0, 0)
	f.Say("the second round")
	f.Wait(f.TS / 3)
	f.Say("the others do the same")
	f.Drain()
	f.Wait(f.TS)
	f.Drain()
	for n := range 5 {
		delivered(t, f, impltest.Node(n), "m")
	}
	golden(t, f, "gossip")
}

// deliverers counts how many of n members deliver one message.
func deliverers(n, fanout, rounds int, loss float64, seed uint64) (share float64, packets int) {
	w := newField(n, seed, gossip(fanout, rounds))
	w.Loss = loss
	w.send(impltest.Node(int(seed)%n), "m")
	w.run(time.Minute)
	got := 0
	for i := range n {
		got += len(w.delivered[i])
	}
	return float64(got) / float64(n), w.packets
}

// The share that delivers is the expected one, with losses and without; and each that delivers sends the same.
func TestGossipReachesTheExpectedShare(t *testing.T) {
	for _, c := range []struct {
		n, fanout, rounds int
		loss              float64
	}{{4, 1, 1, 0}, {4, 2, 1, .3}, {8, 1, 2, 0}, {8, 2, 1, 0}, {16, 3, 1, .2}, {30, 2, 2, .1}} {
		runs := 400 * *fieldRuns
		sum, squares, packets, all := 0., 0., 0, 0
		for seed := range uint64(runs) {
			x, p := deliverers(c.n, c.fanout, c.rounds, c.loss, seed)
			sum, squares, packets, all = sum+x, squares+x*x, packets+p, all+int(math.Round(x*float64(c.n)))
		}
		mean := sum / float64(runs)
		margin := 4 * math.Sqrt((squares/float64(runs)-mean*mean)/float64(runs))
		want := reliability.ExpectedShareWithLoss(c.n, c.fanout, c.rounds, c.loss)
		if math.Abs(mean-want) > margin {
			t.Errorf("%+v: %.4f deliver, want %.4f ± %.4f", c, mean, want, margin)
		}
		if packets != all*c.fanout*c.rounds {
			t.Errorf("%+v: %d packets for %d that deliver", c, packets, all)
		}
	}
}

// Small cases by hand, and the limit for many members.
func TestExpectedShare(t *testing.T) {
	for _, c := range []struct {
		n, fanout, rounds int
		want              float64
	}{
		{0, 3, 3, 0}, {1, 3, 3, 1}, {2, 1, 1, 1}, {5, 4, 1, 1}, {5, 9, 2, 1}, {5, 0, 3, .2},
		{3, 1, 1, (2.0/3.0)*.5 + 1*.5}, // the second infects the sender again, or the third
	} {
		if got := reliability.ExpectedShare(c.n, c.fanout, c.rounds); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if got := reliability.ExpectedShareWithLoss(2, 1, 1, .25); math.Abs(got-.875) > 1e-12 {
		t.Errorf("of two with a quarter lost: %v", got)
	}
	for _, c := range [][2]int{{2, 1}, {1, 2}, {3, 1}, {2, 2}, {1, 5}} {
		limit := 1.
		for range 1000 {
			limit = 1 - math.Exp(-limit*float64(c[0]*c[1]))
		}
		if got := reliability.ExpectedShare(600, c[0], c[1]); math.Abs(got-limit) > .015 {
			t.Errorf("fan-out %d, rounds %d: %v of 600, in the limit %v", c[0], c[1], got, limit)
		}
	}
	last := 0.
	for fanout := range 8 {
		got := reliability.ExpectedShare(20, fanout, 1)
		if got <= last {
			t.Errorf("fan-out %d reaches no more than %d", fanout, fanout-1)
		}
		last = got
	}
}

// Nothing is delivered twice or invented, whatever the network does; changed bytes do not spread.
func TestGossipSoak(t *testing.T) {
	for seed := range uint64(60 * *fieldRuns) {
		w := newField(3+int(seed%6), seed, gossip(2, 2))
		w.rough(seed, int(seed%3))
		w.talk(seed, 30)
		w.run(3 * time.Second)
		w.holds(t, seed, "integrity")
	}
}

// Who tells is drawn from the seed, and not the same each time.
func TestGossipIsDrawn(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		l, out := reliability.NewGossip(impl.Config{Self: 0, Nodes: 6, Members: []spec.NodeID{0, 1, 2, 3, 4, 5}, Seed: seed}, 2, 1),
			impl.NewEffects(&impl.Arena{Forget: true})
		l.Step(impl.Input{Kind: impl.Start}, out)
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone}, out)
		packet := out.List[0].Body
		out.Reset()
		l.Step(impl.Input{Kind: impl.Packet, To: 0, Body: packet}, out)
		to := ""
		for _, e := range out.List {
			if e.Kind == impl.Down {
				to += fmt.Sprint(e.To)
			}
		}
		seen[to] = true
	}
	if len(seen) < 15 {
		t.Errorf("only %d different choices: %v", len(seen), seen)
	}
}
