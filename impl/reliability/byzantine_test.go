package reliability_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func byzantine(cfg impl.Config) impl.Layer { return reliability.NewByzantine(cfg) }

func byzantineOverChannels(cfg impl.Config) impl.Layer {
	return impl.NewStack(reliability.NewByzantine(cfg), transport.NewUnicast(cfg), transport.NewChannel(cfg))
}

func TestByzantineKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(byzantine); err != nil {
		t.Error(err)
	}
	if err := impltest.TestLayer(byzantineOverChannels, impltest.Checksummed()); err != nil {
		t.Error(err)
	}
	liar := func(cfg impl.Config) impl.Layer {
		return reliability.NewLiar(cfg, byzantine(cfg), spec.EveryLie)
	}
	if err := impltest.TestLayer(liar, impltest.WithoutOneToOne()); err != nil {
		t.Error(err)
	}
}

// Of four one may lie. Three echoes make ready, three that are ready make deliver.
func TestByzantine(t *testing.T) {
	f := impltest.NewFigure(4, byzantine)
	f.Send(0, impl.Everyone, "m", 7)
	f.Say("0, 1 and 2 echo what they hear; all that is to reach 3 is lost")
	for n := range 3 {
		f.Take(0, impltest.Node(n))
	}
	f.Lose(0, 3)
	for n := range 3 {
		f.Lose(impltest.Node(n), 3)
	}
	f.Say("1 hears the echoes of 0 and 1: not enough; and of 2: it is ready; and 2 likewise")
	for _, n := range []spec.NodeID{1, 2} {
		f.Take(0, n)
		f.Take(1, n)
		f.Take(2, n)
	}
	f.Say("3 hears that two are ready: one of two does not lie, so it is ready too")
	f.Take(1, 3)
	f.Take(2, 3)
	f.Say("its own makes three that are ready: it delivers; and so do the others")
	f.Take(3, 3)
	delivered(t, f, 3, "m")
	f.Drain()
	for n := range 3 {
		delivered(t, f, impltest.Node(n), "m")
	}
	golden(t, f, "byzantine")
}

// The quorums of the source: more than (n+f)/2 echoes, f+1 and 2f+1 that are ready, with f < n/3.
func TestByzantineQuorums(t *testing.T) {
	for n, want := range map[int][3]int{1: {1, 1, 1}, 3: {2, 1, 1}, 4: {3, 2, 3}, 5: {4, 2, 3}, 6: {4, 2, 3}, 7: {5, 3, 5}, 10: {7, 4, 7}} {
		f := (n - 1) / 3
		r := reliability.NewByzantine(impl.Config{Members: make([]spec.NodeID, n)}).Rules
		if got := [3]int{r.Echoes(n, f), r.Readies(n, f), r.Deliver(n, f)}; got != want {
			t.Errorf("n = %d: %v, want %v", n, got, want)
		}
	}
}

// Who says that it sends in the name of another is not believed.
func TestByzantineSendInAnothersName(t *testing.T) {
	f := impltest.NewFigure(4, byzantine)
	f.Send(0, impl.Everyone, "m", 0)
	body := []byte("m\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	f.Give(1, impl.Input{Kind: impl.Packet, From: 3, To: impl.Everyone, Body: body})
	if s := f.String(); !strings.HasSuffix(s, "    note forged 3 1\n") {
		t.Errorf("not discarded:\n%s", s)
	}
	f.Give(1, impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: body})
	if s := f.String(); !strings.HasSuffix(s, "    note relayed 0 1\n") {
		t.Errorf("its sender is not believed:\n%s", s)
	}
}

// A liar that speaks of lives and messages that do not exist costs a bounded amount of memory, and silences nobody.
func TestByzantineMemoryIsBounded(t *testing.T) {
	l, out := byzantine(impl.Config{Self: 1, Nodes: 4, Members: []spec.NodeID{0, 1, 2, 3}}), impl.NewEffects(&impl.Arena{Forget: true})
	l.Step(impl.Input{Kind: impl.Start}, out)
	packet := func(from spec.NodeID, kind, life byte, n uint64) (last impl.Effect) {
		out.Reset()
		b := []byte{'m', byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0, 0, 0, life, 0, 0, 0, 0, 0, kind}
		l.Step(impl.Input{Kind: impl.Packet, From: from, To: impl.Everyone, Body: b}, out)
		if len(out.List) > 0 {
			last = out.List[len(out.List)-1]
		}
		return last
	}
	refused := 0
	for life := range 200 {
		if e := packet(3, 2, byte(life), 1); e.Code == impl.Stale {
			refused++
		}
	}
	if refused != 200-64 {
		t.Errorf("%d lives were refused", refused)
	}
	if e := packet(3, 2, 0, 1<<31); e.Code != impl.Overflow {
		t.Errorf("far ahead: %s", impltest.Effect(&e))
	}
	if e := packet(0, 1, 250, 1); e.Code != impl.PointRelayed {
		t.Errorf("the true life of the origin: %s", impltest.Effect(&e))
	}
}

// A liar says different things to different members, deterministically, and says the truth to itself.
func TestLiarEquivocates(t *testing.T) {
	versions := func(seed uint64) map[spec.NodeID]string {
		cfg := impl.Config{Self: 0, Nodes: 8, Members: []spec.NodeID{0, 1, 2, 3, 4, 5, 6, 7}, Seed: seed}
		l, out := reliability.NewLiar(cfg, byzantine(cfg), spec.Equivocate), impl.NewEffects(&impl.Arena{Forget: true})
		l.Step(impl.Input{Kind: impl.Start}, out)
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m")}, out)
		said := map[spec.NodeID]string{}
		for _, e := range out.List {
			if e.Kind == impl.Down {
				said[e.To] = string(e.Body[:1])
			}
		}
		return said
	}
	got := versions(1)
	if len(got) != 8 || got[0] != "m" {
		t.Errorf("said %v", got)
	}
	two := map[string]int{}
	for _, v := range got {
		two[v]++
	}
	if len(two) != 2 {
		t.Errorf("told %v", two)
	}
	if again := versions(1); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("%v, then %v", got, again)
	}
}
