package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
)

// 1+n packets for n members, and n where the sender is the coordinator; a message to one node goes past it.
func TestCoordinator(t *testing.T) {
	f := impltest.NewFigure(3, coordinator)
	f.Say("1 sends to the group: to the coordinator, and its own copy to itself")
	f.Send(1, impl.Everyone, "all", 0)
	f.Take(1, 0)
	f.Say("the coordinator has handed it on to the others, itself included")
	f.Drain()
	f.Say("the coordinator sends")
	f.Send(0, impl.Everyone, "mine", 0)
	f.Drain()
	f.Say("a message to one node")
	f.Send(1, 2, "one", 0)
	f.Drain()
	delivered(t, f, 0, "all", "mine")
	delivered(t, f, 1, "all", "mine")
	delivered(t, f, 2, "all", "mine", "one")
	if got := strings.Count(f.String(), "down to"); got != (1+3)+3+1 {
		t.Errorf("%d packets", got)
	}
	golden(t, f, "coordinator")
}

// When the coordinator crashes the group stops; who sends has its own copy.
func TestCoordinatorIsASinglePointOfFailure(t *testing.T) {
	f := impltest.NewFigure(3, coordinator)
	f.Crash(0)
	f.Send(1, impl.Everyone, "all", 0)
	f.Drain()
	delivered(t, f, 1, "all")
	delivered(t, f, 2)
}

// An outsider's message goes the same way; it gets none itself.
func TestCoordinatorWithAnOutsider(t *testing.T) {
	for name, newLayer := range map[string]func(impl.Config) impl.Layer{"coordinator": coordinator, "hierarchy": hierarchy(2), "tcp": overStream(0)} {
		f := impltest.NewFigure(4, newLayer, func(cfg *impl.Config) { cfg.Members = cfg.Members[:3] })
		f.Send(3, impl.Everyone, "all", 0)
		f.Send(1, impl.Everyone, "ours", 0)
		f.Send(1, 3, "yours", 0)
		f.Drain()
		for n := range 3 {
			if got := strings.Join(f.Delivered(impltest.Node(n)), " "); got != "all ours" && got != "ours all" {
				t.Errorf("%s: member %d delivered %q", name, n, got)
			}
		}
		delivered(t, f, 3, "yours")
	}
}

// answers gives a node of four what its lower layer says, where Num is the how-manieth packet with a reference, and
// what of it comes up.
func answers(newLayer func(impl.Config) impl.Layer, self int, inputs ...impl.Input) string {
	cfg := impl.Config{Self: impltest.Node(self), Nodes: 4}
	for n := range 4 {
		cfg.Members = append(cfg.Members, impltest.Node(n))
	}
	l, out := newLayer(cfg), impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start}, out)
	var refs []impl.Ref
	var up []string
	for _, in := range inputs {
		if in.Kind == impl.Acknowledged || in.Kind == impl.Refused {
			in.Ref = refs[in.Num]
		}
		out.Reset()
		l.Step(in, out)
		for i := range out.List {
			if e := &out.List[i]; e.Kind != impl.Down {
				up = append(up, impltest.Effect(e))
			} else if e.Ref != 0 {
				refs = append(refs, e.Ref)
			}
		}
	}
	return strings.Join(up, "; ")
}

// A send is acknowledged when the root has it; a send of the root when those have it whom the root sends it to.
func TestRelayingTransportsAcknowledge(t *testing.T) {
	group := impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 5}
	letter := impl.Input{Kind: impl.Send, To: 0, Ref: 6}
	ack := func(packet uint64) impl.Input { return impl.Input{Kind: impl.Acknowledged, Num: packet} }
	refuse := impl.Input{Kind: impl.Refused, Code: impl.Overflow}
	suspect := func(n int) impl.Input { return impl.Input{Kind: impl.Suspected, From: impltest.Node(n)} }
	trust := impl.Input{Kind: impl.Trusted, From: 0}
	for _, c := range []struct {
		name   string
		make   func(impl.Config) impl.Layer
		self   int
		inputs []impl.Input
		want   string
	}{
		{"the coordinator has it", coordinator, 1, []impl.Input{group, ack(0), ack(0)}, "acknowledge ref 5"},
		{"nobody asked", coordinator, 1, []impl.Input{{Kind: impl.Send, To: impl.Everyone}}, ""},
		{"the coordinator is suspected", coordinator, 1, []impl.Input{group, suspect(0), ack(0)}, "suspect 0"},
		{"it was before", coordinator, 1, []impl.Input{suspect(0), group, trust, letter, ack(0)}, "suspect 0; trust 0; acknowledge ref 6"},
		{"another is suspected", coordinator, 1, []impl.Input{suspect(2), group, ack(0)}, "suspect 2; acknowledge ref 5"},
		{"it is refused: the own copy is on its way", coordinator, 1, []impl.Input{group, refuse}, "note overflow 0 1"},
		{"a letter beside it", coordinator, 1, []impl.Input{group, letter, ack(1), ack(0)}, "acknowledge ref 6; acknowledge ref 5"},
		{"the coordinator's", coordinator, 0, []impl.Input{group, ack(0), ack(1), ack(2), ack(3)}, "acknowledge ref 5"},
		{"… is not, by all", coordinator, 0, []impl.Input{group, ack(0), ack(1), ack(3)}, ""},
		{"… and one is suspected", coordinator, 0, []impl.Input{group, ack(1), ack(2), ack(3), suspect(1)}, "suspect 1; acknowledge ref 5"},
		{"the root has it", hierarchy(2), 3, []impl.Input{group, ack(0)}, "acknowledge ref 5"},
		{"the root's, of its children and itself", hierarchy(2), 0, []impl.Input{group, ack(0), ack(1), ack(2)}, "acknowledge ref 5"},
		{"the root is suspected", hierarchy(2), 3, []impl.Input{group, suspect(0), ack(0)}, "suspect 0"},
	} {
		if got := answers(c.make, c.self, c.inputs...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A packet to the group that names a sender that does not exist is discarded.
func TestRelayedFromNobody(t *testing.T) {
	for name, newLayer := range map[string]func(impl.Config) impl.Layer{"coordinator": coordinator, "hierarchy": hierarchy(2)} {
		packet := impl.Input{Kind: impl.Packet, From: 1, To: 0, Body: []byte{'m', 4, 0, 1}}
		if got := answers(newLayer, 0, packet); got != "note malformed 1 4" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
