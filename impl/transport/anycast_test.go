package transport_test

import (
	"strings"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// ofRing gives how far nodes on a ring are from each other.
func ofRing(nodes int) func(from, to spec.NodeID) int {
	return func(from, to spec.NodeID) int {
		d := int(from-to+spec.NodeID(nodes)) % nodes
		return min(d, nodes-d)
	}
}

func anycast(cfg impl.Config) impl.Layer { return transport.NewAnycast(cfg, ofRing(cfg.Nodes)) }

// of makes a figure's members, of whom some may not be.
func of(members ...spec.NodeID) impltest.FigureOption {
	return func(cfg *impl.Config) { cfg.Members = members }
}

func TestAnycastKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(anycast); err != nil {
		t.Error(err)
	}
	if err := impltest.TestLayer(overChannel(anycast), impltest.Checksummed()); err != nil {
		t.Errorf("over channels: %v", err)
	}
}

// A send to the group goes to one member, the nearest; of two at the same distance, to the one with the lower number.
func TestAnycast(t *testing.T) {
	f := impltest.NewFigure(6, anycast, of(1, 3, 5))
	f.Say("2 is next to 1 and 3")
	f.Send(2, impl.Everyone, "a", 0)
	f.Say("4 is next to 3 and 5")
	f.Send(4, impl.Everyone, "b", 0)
	f.Say("a member is the nearest to itself")
	f.Send(5, impl.Everyone, "c", 0)
	f.Say("a message to one node goes there, though others are nearer")
	f.Send(0, 3, "d", 0)
	f.Say("and to one that is no member")
	f.Send(0, 2, "e", 0)
	f.Drain()
	delivered(t, f, 1, "a")
	delivered(t, f, 3, "b", "d")
	delivered(t, f, 5, "c")
	delivered(t, f, 2, "e")
	golden(t, f, "anycast")
}

// The nearest, for every sender and every set of members of a ring.
func TestAnycastNearest(t *testing.T) {
	const nodes = 5
	for set := range 1 << nodes {
		var members []spec.NodeID
		for n := range spec.NodeID(nodes) {
			if set>>n&1 == 1 {
				members = append(members, n)
			}
		}
		for from := range spec.NodeID(nodes) {
			f := impltest.NewFigure(nodes, anycast, of(members...))
			f.Send(from, impl.Everyone, "m", 1)
			f.Drain()
			total, best := 0, nodes
			for _, m := range members {
				best = min(best, ofRing(nodes)(from, m))
			}
			for n := range spec.NodeID(nodes) {
				got := len(f.Delivered(n))
				total += got
				if got > 0 && ofRing(nodes)(from, n) != best {
					t.Errorf("members %v: from %d it went to %d", members, from, n)
				}
			}
			if want := min(1, len(members)); total != want {
				t.Errorf("members %v: %d copies of a message of %d", members, total, from)
			}
			if len(members) == 0 && !strings.HasSuffix(f.String(), "refuse not-member ref 1\n") {
				t.Errorf("no members:\n%s", f)
			}
		}
	}
}

// Over a channel a packet that is lost is sent again, to the same member, and acknowledged when that one has it.
func TestAnycastIsAcknowledgedOverChannels(t *testing.T) {
	f := impltest.NewFigure(4, overChannel(anycast), of(1, 3))
	f.Send(2, impl.Everyone, "m", 7)
	f.Lose(2, 1)
	f.Wait(f.TS)
	if f.Has(2, 3) || strings.Contains(f.String(), "acknowledge") {
		t.Errorf("nobody has it yet:\n%s", f)
	}
	f.Take(2, 1)
	f.Take(1, 2)
	if !strings.HasSuffix(f.String(), "    acknowledge ref 7\n") {
		t.Errorf("not acknowledged:\n%s", f)
	}
	f.Send(2, 0, "letter", 8)
	f.Drain()
	if !strings.Contains(f.String(), "acknowledge ref 8") {
		t.Errorf("a message to one node is not acknowledged:\n%s", f)
	}
	delivered(t, f, 1, "m")
	delivered(t, f, 3)
	delivered(t, f, 0, "letter")
}

// When the nearest member is silent, what was sent to it is never acknowledged, since it may have it; what is sent from
// then on goes to another one, until it is heard again.
func TestAnycastPassesOverWhoIsSuspected(t *testing.T) {
	f := impltest.NewFigure(4, overChannel(anycast), of(1, 3))
	f.Crash(1)
	f.Send(2, impl.Everyone, "lost", 7)
	for range 6 {
		f.Wait(f.TS)
	}
	if !strings.Contains(f.String(), "suspect 1") {
		t.Fatalf("1 is not suspected:\n%s", f)
	}
	f.Send(2, impl.Everyone, "m", 8)
	f.Drain()
	delivered(t, f, 3, "m")
	if s := f.String(); strings.Contains(s, "acknowledge ref 7") || strings.Contains(s, "refuse") || !strings.Contains(s, "acknowledge ref 8") {
		t.Errorf("what of the two sends is acknowledged:\n%s", s)
	}
}

func TestAnycastEffects(t *testing.T) {
	cfg := impl.Config{Self: 0, Nodes: 4, Members: []spec.NodeID{1, 2}}
	group := impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 5}
	letter := func(to spec.NodeID) impl.Input {
		return impl.Input{Kind: impl.Send, To: to, Body: []byte("m"), Ref: 6}
	}
	suspect := func(n spec.NodeID) impl.Input { return impl.Input{Kind: impl.Suspected, From: n} }
	trust := impl.Input{Kind: impl.Trusted, From: 1}
	const first, second = impl.Ref(1<<20 | 1), impl.Ref(2<<20 | 2) // number and node, as unicast has them
	ack := func(ref impl.Ref) impl.Input { return impl.Input{Kind: impl.Acknowledged, Ref: ref} }
	twice := func(cfg impl.Config) impl.Layer {
		a := transport.NewAnycast(cfg, ofRing(4))
		a.Rules.Copies = func(nearest spec.NodeID) []spec.NodeID { return []spec.NodeID{nearest + 1} }
		return a
	}
	for _, c := range []struct {
		name   string
		make   func(impl.Config) impl.Layer
		inputs []impl.Input
		want   string
	}{
		{"nobody asked", anycast, []impl.Input{{Kind: impl.Send, To: impl.Everyone, Body: []byte("m")}}, `down to 1 "m" 01`},
		{"acknowledged once", anycast, []impl.Input{group, ack(first), ack(first)}, `down to 1 ref FIRST "m" 01 | acknowledge ref 5 | `},
		{"by another than the one it went to", anycast, []impl.Input{group, ack(first + 1)}, `down to 1 ref FIRST "m" 01 | `},
		{"one send beside another", anycast, []impl.Input{group, letter(2), ack(second), ack(first)},
			`down to 1 ref FIRST "m" 01 | down to 2 ref SECOND "m" 02 | acknowledge ref 6 | acknowledge ref 5`},
		{"refused below", anycast, []impl.Input{group, {Kind: impl.Refused, Ref: first, Code: impl.Overflow}, ack(first)},
			`down to 1 ref FIRST "m" 01 | refuse overflow ref 5 | `},
		{"suspected afterwards", anycast, []impl.Input{group, suspect(1), ack(first)}, `down to 1 ref FIRST "m" 01 | suspect 1 | `},
		{"suspected before", anycast, []impl.Input{suspect(1), group}, `suspect 1 | down to 2 ref 1048578 "m" 01`},
		{"trusted again", anycast, []impl.Input{suspect(1), trust, group}, `suspect 1 | trust 1 | down to 1 ref FIRST "m" 01`},
		{"all suspected", anycast, []impl.Input{suspect(1), suspect(2), group}, `suspect 1 | suspect 2 | refuse not-member ref 5`},
		{"a letter to one who is suspected", anycast, []impl.Input{suspect(1), letter(1)}, `suspect 1 | down to 1 ref FIRST "m" 02`},
		{"a new life suspects nobody, and waits for nothing", anycast, []impl.Input{group, suspect(1), start, group, ack(first)},
			`down to 1 ref FIRST "m" 01 | suspect 1 |  | down to 1 ref FIRST "m" 01 | acknowledge ref 5`},
		{"a letter to nobody", anycast, []impl.Input{letter(4), letter(-2)}, "refuse not-member ref 6 | refuse not-member ref 6"},
		{"who is no member takes letters only", anycast, []impl.Input{packet(1, "m\x01"), packet(1, "m\x02")},
			`note not-member 1 0 | up from 1 to 0 "m"`},
		{"malformed", anycast, []impl.Input{packet(1, ""), packet(1, "m\x00"), packet(1, "m\x03")},
			"note malformed 1 0 | note malformed 1 2 | note malformed 1 2"},
		{"with copies", twice, []impl.Input{group, letter(1)}, `down to 1 ref FIRST "m" 01; down to 2 "m" 01 | down to 1 ref 2097153 "m" 02`},
	} {
		want := strings.NewReplacer("FIRST", "1048577", "SECOND", "2097154").Replace(c.want)
		if got := effects(c.make, cfg, append([]impl.Input{start}, c.inputs...)...); got != " | "+want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
	cfg.Self, cfg.Members = 1, []spec.NodeID{1, 2}
	if got := effects(anycast, cfg, start, packet(0, "m\x01"), group); got != ` | up from 0 to all "m" | down to 1 ref 1048577 "m" 01` {
		t.Errorf("a member: %s", got)
	}
}
