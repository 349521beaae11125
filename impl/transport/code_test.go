package transport

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What a packet is, is handed on where one goes in and one comes out, or a copy for each.
func TestCodeIsHandedOn(t *testing.T) {
	cfg := impl.Config{Self: 1, Nodes: 3, Members: []spec.NodeID{0, 1, 2}, TS: 30, TL: 600}
	metric := func(a, b spec.NodeID) int { return int(max(a-b, b-a)) }
	for name, layer := range map[string]impl.Layer{
		"unicast": NewUnicast(cfg), "multicast": NewMulticast(cfg), "coordinator": NewCoordinator(cfg),
		"hierarchy": NewHierarchy(cfg, 2, 0), "anycast": NewAnycast(cfg, metric), "channel": NewChannel(cfg), "fragment": NewFragment(cfg),
	} {
		for _, to := range []spec.NodeID{2, impl.Everyone} {
			if name == "channel" && to < 0 || name == "anycast" && to < 0 {
				continue
			}
			for _, ref := range []impl.Ref{0, 7} {
				var a impl.Arena
				out := impl.NewEffects(&a)
				layer.Step(impl.Input{Kind: impl.Start}, out)
				layer.Step(impl.Input{Kind: impl.Ready}, out)
				out.Reset()
				layer.Step(impl.Input{Kind: impl.Send, To: to, Body: []byte("I have it"), Ref: ref, Code: impl.BareAck}, out)
				sent := 0
				for _, e := range out.List {
					if e.Kind != impl.Down || e.To == cfg.Self {
						continue
					}
					if sent++; e.Code != impl.BareAck {
						t.Errorf("%s to %d, ref %d: a packet goes to %d as %v", name, to, ref, e.To, e.Code)
					}
				}
				if sent == 0 {
					t.Errorf("%s to %d, ref %d: nothing was sent", name, to, ref)
				}
			}
		}
	}
}

// The channel remembers it for when it sends again, and its own acknowledgements are nothing else.
func TestChannelRepeatsTheCode(t *testing.T) {
	c := NewChannel(impl.Config{Self: 0, Nodes: 2, TS: 30, TL: 600})
	var a impl.Arena
	out := impl.NewEffects(&a)
	c.Step(impl.Input{Kind: impl.Start}, out)
	c.Step(impl.Input{Kind: impl.Send, To: 1, Body: []byte("I have it"), Code: impl.BareAck}, out)
	c.Step(impl.Input{Kind: impl.Send, To: 1, Body: []byte("hear this")}, out)
	out.Reset()
	c.Step(impl.Input{Kind: impl.TimerFired, Num: 1, Now: 40}, out)
	var codes []impl.Code
	var data impl.Effect
	for _, e := range out.List {
		if e.Kind == impl.Down {
			codes, data = append(codes, e.Code), e
		}
	}
	if len(codes) != 2 || codes[0] != impl.BareAck || codes[1] != impl.NoCode {
		t.Errorf("sent again as %v", codes)
	}
	peer := NewChannel(impl.Config{Self: 1, Nodes: 2, TS: 30, TL: 600})
	peer.Step(impl.Input{Kind: impl.Start}, out)
	out.Reset()
	peer.Step(impl.Input{Kind: impl.Packet, From: 0, To: 1, Body: data.Body}, out)
	if e := out.List[0]; e.Kind != impl.Down || e.Code != impl.BareAck {
		t.Errorf("acknowledged by %v", e)
	}
}
