package membership_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

func TestContract(t *testing.T) {
	if err := impltest.TestLayer(func(cfg impl.Config) impl.Layer { return membership.NewStatic(cfg) }); err != nil {
		t.Error(err)
	}
}

// TestClosedGroup: who is no member is refused with the reason, and what reaches a member all the same is discarded;
// an open group takes both. One-to-one messages are nobody's business here.
func TestClosedGroup(t *testing.T) {
	const member, stranger = 0, 2
	for _, c := range []struct {
		name   string
		closed bool
		self   spec.NodeID
		in     impl.Input
		want   impl.EffectKind
		code   impl.Code
	}{
		{"a member sends", true, member, impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 1}, impl.Down, impl.NoCode},
		{"a stranger sends", true, stranger, impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 1}, impl.Refuse, impl.ClosedGroup},
		{"a stranger sends to an open group", false, stranger, impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: 1}, impl.Down, impl.NoCode},
		{"a stranger sends to one node", true, stranger, impl.Input{Kind: impl.Send, To: member, Ref: 1}, impl.Down, impl.NoCode},
		{"a member's message", true, member, impl.Input{Kind: impl.Packet, To: impl.Everyone, From: 1}, impl.Up, impl.NoCode},
		{"a stranger's message", true, member, impl.Input{Kind: impl.Packet, To: impl.Everyone, From: stranger}, impl.Note, impl.NotMember},
		{"a stranger's message to an open group", false, member, impl.Input{Kind: impl.Packet, To: impl.Everyone, From: stranger}, impl.Up, impl.NoCode},
	} {
		layer := membership.NewStatic(impl.Config{Self: c.self, Nodes: 3, Members: []spec.NodeID{0, 1}, Closed: c.closed})
		out := impl.NewEffects(&impl.Arena{})
		layer.Step(c.in, out)
		if len(out.List) != 1 || out.List[0].Kind != c.want || out.List[0].Code != c.code {
			t.Errorf("%s: %+v, want one %s %s", c.name, out.List, c.want, c.code)
		}
	}
}
