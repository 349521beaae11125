package reliability_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/spec"
)

// What a sender has given up because 4,096 later ones are under way is given up by its receivers too, and not in silence.
// A sender that is no member is not refused.
func TestUniformSaysWhatItGivesUp(t *testing.T) {
	var arena impl.Arena
	out := impl.NewEffects(&arena)
	cfg := func(self spec.NodeID) impl.Config {
		return impl.Config{Self: self, Nodes: 4, Members: []spec.NodeID{0, 1, 2}}
	}
	sender, member := reliability.NewUniform(cfg(3)), reliability.NewUniform(cfg(1))
	for _, l := range []impl.Layer{sender, member} {
		l.Step(impl.Input{Kind: impl.Start}, out)
	}
	var packets [][]byte
	for range 4098 {
		out.Reset()
		sender.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m")}, out)
		for _, e := range out.List {
			if e.Kind == impl.Down {
				packets = append(packets, e.Body)
			}
		}
	}
	take := func(n int) (overflow uint64) {
		out.Reset()
		member.Step(impl.Input{Kind: impl.Packet, From: 3, To: impl.Everyone, Body: packets[n-1]}, out)
		for _, e := range out.List {
			if e.Kind == impl.Note && e.Code == impl.Overflow {
				overflow = e.Last
			}
		}
		return overflow
	}
	if take(1) != 0 || take(2) != 0 || take(4096) != 0 || member.Held() != 3 {
		t.Errorf("%d held back, want 3 and nothing given up", member.Held())
	}
	if n := take(4098); n != 2 || member.Held() != 2 {
		t.Errorf("given up to %d, and %d held back; want up to 2, and 2", n, member.Held())
	}
}
