package transport_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// Where there is no room for more pieces the oldest message is thrown away, and not in silence.
func TestFragmentSaysWhatItThrowsAway(t *testing.T) {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	cfg := impl.Config{Nodes: 2, Members: []spec.NodeID{0, 1}, MTU: 128}
	f := transport.NewFragment(cfg)
	f.Step(impl.Input{Kind: impl.Start}, out)
	body := make([]byte, transport.MaxBody) // 32,768 pieces
	var thrown []uint64
	for range 3 {
		out.Reset()
		f.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: body}, out)
		piece := out.List[0].Body
		out.Reset()
		f.Step(impl.Input{Kind: impl.Packet, From: 1, To: impl.Everyone, Body: piece}, out)
		for _, e := range out.List {
			if e.Kind == impl.Note && e.Code == impl.Overflow {
				thrown = append(thrown, e.Last)
			}
		}
	}
	if len(thrown) != 1 || thrown[0] != 1 {
		t.Errorf("thrown away: messages %v, want the first", thrown)
	}
}
