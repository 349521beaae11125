package ordering_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
)

func causal(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) }

// Birman, Schiper, Stephenson: 1 delivers 0's m0, then multicasts m1, stamped (1,1,0). 2 receives m1 first: it is 1's
// next message, but 2 has not delivered what 1 had. It is held back until m0 has been delivered.
func TestCausalHoldsTheReplyBack(t *testing.T) {
	f := impltest.NewFigure(3, causal)
	f.Send(0, impl.Everyone, "m0", 0)
	f.Take(0, 1)
	delivered(t, f, 1, "m0")
	f.Send(1, impl.Everyone, "m1", 0)
	f.Say("m1 reaches 2 before m0")
	f.Take(1, 2)
	delivered(t, f, 2)
	f.Take(0, 2)
	delivered(t, f, 2, "m0", "m1")
	f.Say("0 and 1 have delivered m0 before m1 too")
	f.Take(0, 0)
	f.Take(1, 0)
	f.Take(1, 1)
	delivered(t, f, 0, "m0", "m1")
	delivered(t, f, 1, "m0", "m1")
	golden(t, f, "causal-reply")
}

// Messages of which neither happened before the other may go either way.
func TestCausalLetsConcurrentMessagesGoEitherWay(t *testing.T) {
	f := impltest.NewFigure(4, causal)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(1, impl.Everyone, "b", 0)
	f.Take(0, 2)
	f.Take(1, 2)
	f.Take(1, 3)
	f.Take(0, 3)
	delivered(t, f, 2, "a", "b")
	delivered(t, f, 3, "b", "a")
}

// One sender's messages are causally ordered, although it has not delivered its own yet.
func TestCausalIsFifo(t *testing.T) {
	f := impltest.NewFigure(2, causal)
	for _, m := range []string{"1", "2", "3"} {
		f.Send(0, impl.Everyone, m, 0)
	}
	f.Again(0, 1, nil) // 1
	f.Again(0, 1, nil) // 1 again
	f.Drain()
	delivered(t, f, 1, "1", "2", "3")
	if n := strings.Count(f.String(), "note duplicate"); n != 2 {
		t.Errorf("%d duplicates noted, want 2", n)
	}
}

// A chain of three: what happened before what happened before is before.
func TestCausalIsTransitive(t *testing.T) {
	f := impltest.NewFigure(4, causal)
	f.Send(0, impl.Everyone, "a", 0)
	f.Take(0, 1)
	f.Send(1, impl.Everyone, "b", 0)
	f.Take(0, 2)
	f.Take(1, 2)
	f.Send(2, impl.Everyone, "c", 0)
	f.Take(2, 3)
	f.Take(1, 3)
	delivered(t, f, 3)
	f.Take(0, 3)
	delivered(t, f, 3, "a", "b", "c")
}

// Whoever is no member can't send; a member that came back without its log is none.
func TestCausalRefusesWhoIsNoMember(t *testing.T) {
	for name, start := range map[string]struct {
		cfg  impl.Config
		life uint64
	}{
		"outsider": {impl.Config{Self: 2, Nodes: 3, Members: members(2)}, 0},
		"revived":  {impl.Config{Self: 1, Nodes: 3, Members: members(3)}, 1},
	} {
		l, out := causal(start.cfg), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start, Num: start.life}, out)
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 4}, out)
		if got := impltest.Effects(out.List); got != "refuse not-member ref 4" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// The stamp is what stands behind the body: little-endian, an entry a member, then the incarnation.
func TestCausalStamp(t *testing.T) {
	s := ordering.Stamp(make([]byte, 12))
	s.Set(1, 7)
	if s.Len() != 3 || s.At(1) != 7 || binary.LittleEndian.Uint32(s[4:]) != 7 {
		t.Errorf("%x", []byte(s))
	}
	for _, c := range []struct {
		stamp, mine [3]uint32
		want        bool
	}{
		{[3]uint32{1, 0, 0}, [3]uint32{0, 0, 0}, true},
		{[3]uint32{2, 0, 0}, [3]uint32{0, 0, 0}, false}, // one of the sender's is missing
		{[3]uint32{1, 1, 0}, [3]uint32{0, 0, 0}, false}, // one that the sender had delivered is missing
		{[3]uint32{1, 1, 0}, [3]uint32{0, 1, 5}, true},
		{[3]uint32{1, 0, 0}, [3]uint32{1, 0, 0}, false}, // had it
	} {
		for k, v := range c.stamp {
			s.Set(k, v)
		}
		if got := ordering.BSS(s, c.mine[:], 0); got != c.want {
			t.Errorf("stamp %v, delivered %v: %v", c.stamp, c.mine, got)
		}
	}
}
