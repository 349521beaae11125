package transport

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
)

// neighbour stands beside streams: it answers what it gets, and says what it was told.
type neighbour struct{ told []string }

func (n *neighbour) Step(in impl.Input, out *impl.Effects) {
	n.told = append(n.told, fmt.Sprintf("%v %q from %d", in.Kind, in.Body, in.From))
	if in.Kind == impl.Packet {
		out.Down(in.From, []byte("answer"), 0)
		out.Suspect(in.From)
	}
}

// Of what goes through the seam of streams the layers beside them get datagrams and nothing else, and what they send is
// told apart from bytes of a stream, from the opening of a connection, and from a refusal.
func TestBesideStreams(t *testing.T) {
	n := &neighbour{}
	b := NewBeside(n)
	out := impl.NewEffects(&impl.Arena{})
	for _, c := range []struct {
		name  string
		in    impl.Input
		inner bool
		want  string // kinds of the effects, and whether they go beside
	}{
		{"bytes to a stream", impl.Input{Kind: impl.Send, To: 1, Body: []byte("x")}, false, "[down false]"},
		{"a connection is opened", impl.Input{Kind: impl.Send, To: 1}, false, "[down false]"},
		{"a connection is refused", impl.Input{Kind: impl.Send, To: 1, Num: 1}, false, "[down false]"},
		{"bytes of a stream", impl.Input{Kind: impl.Packet, From: 1, Num: 7, Body: []byte("x")}, false, "[up false]"},
		{"a new connection from a peer", impl.Input{Kind: impl.Packet, From: 1, Num: 7}, false, "[up false]"},
		{"a new connection to a peer", impl.Input{Kind: impl.Packet, From: 1, Num: 7, Flag: true}, false, "[up false]"},
		{"to oneself, of the transport", impl.Input{Kind: impl.Packet, Body: []byte("x")}, false, "[up false]"},
		{"to oneself, beside", impl.Input{Kind: impl.Packet, Num: besideStreams, Body: []byte("x")}, true, "[down true suspect false]"},
		{"a datagram", impl.Input{Kind: impl.Packet, From: 1, Body: []byte("x")}, true, "[down true suspect false]"},
		{"a timer", impl.Input{Kind: impl.TimerFired, Layer: 1}, true, "[]"},
	} {
		n.told = nil
		out.Reset()
		b.Step(c.in, out)
		var got []any
		for i := range out.List {
			got = append(got, out.List[i].Kind, out.List[i].Kind == impl.Down && len(out.List[i].Body) > 0 && out.List[i].Num != 0)
		}
		if fmt.Sprint(got) != c.want || (len(n.told) > 0) != c.inner {
			t.Errorf("%s: %v and %q, want %s", c.name, got, n.told, c.want)
		}
		if i := slices.IndexFunc(out.List, func(e impl.Effect) bool { return e.Kind == impl.Down }); !c.inner && i >= 0 && out.List[i].Num != c.in.Num {
			t.Errorf("%s: number %d, want %d", c.name, out.List[i].Num, c.in.Num)
		}
	}
}
