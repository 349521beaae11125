package ordering_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// A hold-back above a total order keeps it, because it is a function of what it is handed up: two members that are
// handed the same sequence, whatever they send themselves in between, deliver the same; and after a part of it, a part.
func TestHoldBackIsAFunctionOfTheSequence(t *testing.T) {
	for name, newLayer := range map[string]maker{"fifo": fifo, "causal": causal} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { sameFunction(t, newLayer) })
		})
	}
}

func sameFunction(t *rapid.T, newLayer maker) {
	const nodes = 3
	packets, from := sequence(t, newLayer, nodes)
	order := rapid.Permutation(indices(len(packets))).Draw(t, "total order")
	handed := [2]int{len(order), rapid.IntRange(0, len(order)).Draw(t, "handed to the other")}
	var got [2][]string
	for k := range handed {
		self := spec.NodeID(rapid.IntRange(0, nodes-1).Draw(t, "self"))
		l, out := newLayer(impl.Config{Self: self, Nodes: nodes, Members: members(nodes)}), impl.NewEffects(&impl.Arena{Forget: true})
		l.Step(impl.Input{Kind: impl.Start}, out)
		for i, p := range order[:handed[k]] {
			for range rapid.IntRange(0, 1).Draw(t, "own sends") {
				l.Step(impl.Input{Kind: impl.Send, Now: spec.Time(i), To: impl.Everyone, Body: []byte("own")}, out)
			}
			out.Reset()
			l.Step(impl.Input{Kind: impl.Packet, Now: spec.Time(i), From: from[p], To: impl.Everyone, Body: packets[p]}, out)
			for e := range out.List {
				if out.List[e].Kind == impl.Up {
					got[k] = append(got[k], string(out.List[e].Body))
				}
			}
		}
	}
	if n := len(got[1]); n > len(got[0]) || !slices.Equal(got[0][:n], got[1]) {
		t.Fatalf("of the same sequence one delivers %q, and the other of its beginning %q", got[0], got[1])
	}
	if len(got[0]) != len(packets) {
		t.Fatalf("delivered %q of %d", got[0], len(packets))
	}
}

// sequence lets members send, and perhaps deliver each other's messages in between, and gives their packets.
func sequence(t *rapid.T, newLayer maker, nodes int) (packets [][]byte, from []spec.NodeID) {
	out := impl.NewEffects(&impl.Arena{Forget: true})
	var layers []impl.Layer
	for n := range spec.NodeID(nodes) {
		layers = append(layers, newLayer(impl.Config{Self: n, Nodes: nodes, Members: members(nodes)}))
		layers[n].Step(impl.Input{Kind: impl.Start}, out)
	}
	for i := range rapid.IntRange(1, 10).Draw(t, "messages") {
		n := spec.NodeID(rapid.IntRange(0, nodes-1).Draw(t, "sender"))
		out.Reset()
		layers[n].Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte{byte('a' + i)}}, out)
		packets, from = append(packets, out.List[0].Body), append(from, n)
		for k := range layers {
			if rapid.Bool().Draw(t, "delivered") {
				layers[k].Step(impl.Input{Kind: impl.Packet, From: n, To: impl.Everyone, Body: packets[i]}, out)
			}
		}
	}
	return packets, from
}

func indices(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}
