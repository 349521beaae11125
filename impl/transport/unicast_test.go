package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
)

func unicast(cfg impl.Config) impl.Layer { return transport.NewUnicast(cfg) }

// n copies for n members, the sender's own last; a message to one node is one packet.
func TestUnicast(t *testing.T) {
	f := impltest.NewFigure(3, unicast)
	f.Send(1, impl.Everyone, "all", 0)
	f.Send(1, 2, "one", 0)
	f.Drain()
	delivered(t, f, 0, "all")
	delivered(t, f, 1, "all")
	delivered(t, f, 2, "all", "one")
	golden(t, f, "unicast")
}

// lower gives node 0 of three what its lower layer says, and what of it comes up.
func lower(t *testing.T, inputs ...impl.Input) string {
	t.Helper()
	cfg := impl.Config{Self: 0, Nodes: 3}
	for n := range 3 {
		cfg.Members = append(cfg.Members, impltest.Node(n))
	}
	l, out := unicast(cfg), impl.NewEffects(&impl.Arena{})
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
			if e := &out.List[i]; e.Kind == impl.Down {
				refs = append(refs, e.Ref)
			} else {
				up = append(up, impltest.Effect(e))
			}
		}
	}
	return strings.Join(up, "; ")
}

// A send is acknowledged when the copies of all who are not suspected have been.
func TestUnicastAcknowledges(t *testing.T) {
	group := impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 5}
	letter := impl.Input{Kind: impl.Send, To: 2, Ref: 6}
	ack := func(copy uint64) impl.Input { return impl.Input{Kind: impl.Acknowledged, Num: copy} }
	refuse := func(copy uint64) impl.Input { return impl.Input{Kind: impl.Refused, Num: copy, Code: impl.Overflow} }
	suspect := impl.Input{Kind: impl.Suspected, From: 2}
	for _, c := range []struct {
		name   string
		inputs []impl.Input
		want   string
	}{
		{"all copies", []impl.Input{group, ack(0), ack(1), ack(2), ack(2)}, "acknowledge ref 5"},
		{"not all", []impl.Input{group, ack(0), ack(2), ack(2)}, ""},
		{"the missing one is suspected", []impl.Input{group, ack(0), ack(2), suspect}, "suspect 2; acknowledge ref 5"},
		{"suspected before", []impl.Input{suspect, group, ack(0), ack(2)}, "suspect 2; acknowledge ref 5"},
		{"a letter", []impl.Input{letter, ack(0)}, "acknowledge ref 6"},
		{"a letter to a suspected node", []impl.Input{letter, suspect}, "suspect 2"},
		{"a letter that is refused", []impl.Input{letter, refuse(0), ack(0)}, "refuse overflow ref 6"},
		{"a copy that is refused", []impl.Input{group, ack(0), refuse(1), ack(2)}, "note overflow 2 1"},
		{"a letter beside a multicast", []impl.Input{group, letter, ack(3), ack(0), ack(1), ack(2)},
			"acknowledge ref 6; acknowledge ref 5"},
		{"a letter to nobody", []impl.Input{{Kind: impl.Send, To: 3, Ref: 7}, {Kind: impl.Send, To: -2, Ref: 8}},
			"refuse not-member ref 7; refuse not-member ref 8"},
	} {
		if got := lower(t, c.inputs...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
