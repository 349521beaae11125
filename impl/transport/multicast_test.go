package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

func multicast(cfg impl.Config) impl.Layer { return transport.NewMulticast(cfg) }

// lan is a network that carries one packet to all others.
type lan struct{ cfg impl.Config }

func (l lan) Step(in impl.Input, out *impl.Effects) {
	if in.Kind != impl.Send || in.To != impl.Everyone {
		out.Pass(in)
		return
	}
	for n := range spec.NodeID(l.cfg.Nodes) {
		if n != l.cfg.Self {
			out.Down(n, in.Body, 0)
		}
	}
}

func onLAN(cfg impl.Config) impl.Layer { return impl.NewStack(multicast(cfg), lan{cfg}) }

// effects gives inputs to a layer, and what it says after each, apart by |.
func effects(newLayer func(impl.Config) impl.Layer, cfg impl.Config, inputs ...impl.Input) string {
	l, out := newLayer(cfg), impl.NewEffects(&impl.Arena{})
	var all []string
	for _, in := range inputs {
		out.Reset()
		l.Step(in, out)
		var said []string
		for i := range out.List {
			said = append(said, impltest.Effect(&out.List[i]))
		}
		all = append(all, strings.Join(said, "; "))
	}
	return strings.Join(all, " | ")
}

var (
	start = impl.Input{Kind: impl.Start}
	ready = impl.Input{Kind: impl.Ready}
)

func packet(from spec.NodeID, body string) impl.Input {
	return impl.Input{Kind: impl.Packet, From: from, To: impl.Everyone, Body: []byte(body)}
}

func TestMulticastKeepsTheContract(t *testing.T) {
	handles := impltest.Handles(impl.Join, impl.Leave)
	if err := impltest.TestLayer(multicast, handles); err != nil {
		t.Error(err)
	}
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer {
		return impl.NewStack(transport.NewMulticast(cfg), transport.NewChannel(cfg))
	}, handles, impltest.Checksummed(), impltest.WithoutGroup()); err != nil {
		t.Errorf("to one node, over channels: %v", err)
	}
}

// One packet for all members, which the sender neither counts nor needs to be one of; and one packet for one node.
func TestMulticast(t *testing.T) {
	f := impltest.NewFigure(3, onLAN, func(cfg *impl.Config) { cfg.Members = cfg.Members[:2] })
	f.Say("a member sends: its own copy does not come from the network")
	f.Send(1, impl.Everyone, "ours", 0)
	f.Drain()
	f.Say("2 is no member: it sends, and gets nothing")
	f.Send(2, impl.Everyone, "all", 0)
	f.Drain()
	f.Say("it joins, and gets what is sent from now on")
	f.Give(2, impl.Input{Kind: impl.Join, Ref: 9})
	f.Send(2, impl.Everyone, "mine too", 0)
	f.Drain()
	f.Say("it leaves, and what is on its way then is discarded")
	f.Send(0, impl.Everyone, "late", 0)
	f.Give(2, impl.Input{Kind: impl.Leave, Ref: 10})
	f.Drain()
	f.Say("a message to one node")
	f.Send(1, 2, "one", 0)
	f.Drain()
	delivered(t, f, 0, "ours", "all", "mine too", "late")
	delivered(t, f, 1, "ours", "all", "mine too", "late")
	delivered(t, f, 2, "mine too", "one")
	golden(t, f, "multicast")
}

func TestMulticastEffects(t *testing.T) {
	group := impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 5}
	letter := func(to spec.NodeID) impl.Input {
		return impl.Input{Kind: impl.Send, To: to, Body: []byte("m"), Ref: 6}
	}
	join, leave := impl.Input{Kind: impl.Join, Ref: 7}, impl.Input{Kind: impl.Leave, Ref: 8}
	strict := func(cfg impl.Config) impl.Layer {
		m := transport.NewMulticast(cfg)
		m.Rules.Known = func(from int) bool { return from == 1 }
		return m
	}
	outsider := impl.Config{Self: 2, Nodes: 3, Members: []spec.NodeID{0, 1}}
	member := impl.Config{Self: 0, Nodes: 3, Members: []spec.NodeID{0, 1}}
	for _, c := range []struct {
		name   string
		make   func(impl.Config) impl.Layer
		cfg    impl.Config
		inputs []impl.Input
		want   string
	}{
		{"a member joins when it is ready", multicast, member, []impl.Input{start, ready}, " | call-down join"},
		{"another does not", multicast, outsider, []impl.Input{start, ready}, " | "},
		{"who asks is answered by the network", multicast, outsider, []impl.Input{start, join, leave, {Kind: impl.Done, Ref: 8}},
			" | call-down join ref 7 | call-down leave ref 8 | finish ref 8"},
		{"nothing is acknowledged", multicast, member, []impl.Input{ready, group}, `call-down join | down to all "m" 01; down to 0 "m" 01`},
		{"who does not listen has no copy", multicast, outsider, []impl.Input{ready, group}, ` | down to all "m" 01`},
		{"nor who has left", multicast, member, []impl.Input{ready, leave, group}, `call-down join | call-down leave ref 8 | down to all "m" 01`},
		{"nor a new life before it is ready", multicast, member, []impl.Input{ready, start, group}, `call-down join |  | down to all "m" 01`},
		{"to one node", multicast, member, []impl.Input{letter(2), letter(0)}, `down to 2 "m" 02 | down to 0 "m" 02`},
		{"to nobody", multicast, member, []impl.Input{letter(3), letter(-2)}, "refuse not-member ref 6 | refuse not-member ref 6"},
		{"received", multicast, member, []impl.Input{ready, packet(1, "m\x01"), packet(2, "m\x02")},
			`call-down join | up from 1 to all "m" | up from 2 to 0 "m"`},
		{"not listening", multicast, outsider, []impl.Input{ready, packet(1, "m\x01"), packet(1, "m\x02")},
			` | note not-member 1 0 | up from 1 to 2 "m"`},
		{"from a strange station", multicast, member, []impl.Input{ready, packet(-1, "m\x01"), packet(-1, "m\x02")},
			"call-down join | note not-member 18446744073709551615 0 | note not-member 18446744073709551615 0"},
		{"malformed", multicast, member, []impl.Input{ready, packet(1, ""), packet(1, "m\x03"), packet(1, "m\x00")},
			"call-down join | note malformed 1 0 | note malformed 1 2 | note malformed 1 2"},
		{"whom the rule knows", strict, member, []impl.Input{ready, packet(1, "m\x01"), packet(2, "m\x01")},
			`call-down join | up from 1 to all "m" | note not-member 2 0`},
	} {
		if got := effects(c.make, c.cfg, c.inputs...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A send and a join name the group of the stack: below, one host serves many.
func TestMulticastNamesItsGroup(t *testing.T) {
	m := transport.NewMulticast(impl.Config{Nodes: 2, Group: 3, Members: []spec.NodeID{0}})
	out := impl.NewEffects(&impl.Arena{})
	m.Step(ready, out)
	m.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Group: 8, Body: []byte("m")}, out)
	for i := range out.List {
		if e := &out.List[i]; e.Group != 3 && !(e.Kind == impl.Down && e.To == 0) {
			t.Errorf("%s: group %d", impltest.Effect(e), e.Group)
		}
	}
	if len(out.List) != 3 {
		t.Errorf("%d effects", len(out.List))
	}
}
