package ordering

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// The ends of restarts, in the words of the layers: what a member that is back is handed by the level, and what it sends and
// tells the layer above.

// after gives the effects of the last input, of a member in its second life.
func after(l impl.Layer, ins ...impl.Input) []impl.Effect {
	out := impl.NewEffects(&impl.Arena{Forget: true})
	l.Step(impl.Input{Kind: impl.Start, Num: 1}, out)
	for i, in := range ins {
		if i == len(ins)-1 {
			out.List = out.List[:0]
		}
		l.Step(in, out)
	}
	return slices.DeleteFunc(out.List, func(e impl.Effect) bool { return e.Kind == impl.Note })
}

func handedAgain(from spec.NodeID, body []byte) impl.Input {
	return impl.Input{Kind: impl.Packet, From: from, To: impl.Everyone, Body: body, Flag: true}
}

func sequenced(kind byte, origin spec.NodeID, n, position uint64, body string) []byte {
	h := totalHeader{kind: kind, origin: origin, n: n, position: position}
	return h.behind([]byte(body), impl.NewEffects(&impl.Arena{Forget: true}))
}

// closing says that all that is under way has been told.
var closing = impl.Input{Kind: impl.Resumed, Flag: true}

// ordersOf lists who got which position: "origin/n at position".
func ordersOf(effects []impl.Effect) (all []string) {
	for _, e := range effects {
		if e.Kind == impl.Down {
			h := parseTotal(e.Body[len(e.Body)-totalHeaderLen:])
			all = append(all, fmt.Sprintf("%d/%d at %d", h.origin, h.n, h.position))
		}
	}
	return all
}

func backedSequencer() *TotalSequencer {
	t := NewTotalSequencer(impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}}, BB)
	t.Replayed = true
	return t
}

// A sequencer that is back finds the positions that it has given, gives again what was withdrawn, and numbers the rest in
// the order in which they came.
func TestASequencerGoesOnBehindItsLog(t *testing.T) {
	got := ordersOf(after(backedSequencer(),
		handedAgain(1, sequenced(seqData, 0, 1, 0, "a")),
		handedAgain(0, sequenced(seqOrder, 1, 1, 1, "")),
		handedAgain(1, sequenced(seqData, 0, 3, 0, "c")),
		handedAgain(1, sequenced(seqData, 0, 2, 0, "b")),
		handedAgain(0, sequenced(seqData, 0, 1, 0, "d")),
		handedAgain(1, sequenced(seqData, 0, 4, 0, "e")),
		impl.Input{Kind: impl.Resumed, Body: sequenced(seqOrder, 1, 3, 3, "")},
		impl.Input{Kind: impl.Resumed, Body: sequenced(seqOrder, 1, 2, 2, ""), Code: impl.Aborted},
		closing))
	if want := []string{"1/2 at 2", "0/1 at 4", "1/4 at 5"}; !slices.Equal(got, want) {
		t.Errorf("it orders %q, want %q", got, want)
	}
}

// While it is handed its log it numbers nothing.
func TestASequencerIsSilentUntilItKnows(t *testing.T) {
	if got := after(backedSequencer(), handedAgain(1, sequenced(seqData, 0, 1, 0, "a"))); len(got) > 0 {
		t.Errorf("it says %v", got)
	}
}

// What is withdrawn after it was numbered, or before, is passed over at its place.
func TestWhatIsWithdrawnHasAPlaceInTheOrder(t *testing.T) {
	m := NewTotalSequencer(impl.Config{Self: 1, Nodes: 2, Members: []spec.NodeID{0, 1}}, BB)
	order := func(n, position uint64) impl.Input {
		return impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: sequenced(seqOrder, 1, n, position, "")}
	}
	data := impl.Input{Kind: impl.Packet, From: 1, To: impl.Everyone, Body: sequenced(seqData, 0, 2, 0, "b")}
	void := impl.Input{Kind: impl.GapFound, From: 1, Body: sequenced(seqData, 0, 1, 0, "a")}
	got := after(m, order(1, 1), order(2, 2), data, void)
	if len(got) != 2 || got[0].Kind != impl.Gap || string(got[0].Body) != "a" || got[1].Kind != impl.Up || string(got[1].Body) != "b" {
		t.Errorf("it says %v, want a gap in the place of a, and b", got)
	}
}

// What an ordering holds back of this node's own earlier lives is under way for the layer above it.
func TestWhatIsHeldBackIsUnderWay(t *testing.T) {
	cfg := impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}}
	bodies := func(effects []impl.Effect) (all []string) {
		for _, e := range effects {
			if e.Kind == impl.Resume {
				all = append(all, fmt.Sprintf("%s %v", e.Body, e.Flag))
			}
		}
		return all
	}
	s := NewTotalSequencer(cfg, BB)
	s.Replayed = true
	l := NewLamport(cfg, 0)
	l.Replayed = true
	a := NewAgreement(cfg)
	a.Replayed = true
	out := impl.NewEffects(&impl.Arena{Forget: true})
	for name, got := range map[string][]impl.Effect{
		"sequencer": after(s, handedAgain(0, sequenced(seqData, 0, 1, 0, "x")), closing),
		"lamport":   after(l, handedAgain(0, stampedAs("x", 1, 1, lamportMessage)), closing),
		"agreement": after(a, handedAgain(0, agreementID{1, 0}.seal(agreementMessage, []byte("x"), out)), closing),
	} {
		if want := []string{"x false", " true"}; !slices.Equal(bodies(got), want) {
			t.Errorf("%s tells %q, want %q", name, bodies(got), want)
		}
	}
}

func stampedAs(body string, n, stamp uint64, kind byte) []byte {
	l := NewLamport(impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}}, 0)
	out := impl.NewEffects(&impl.Arena{Forget: true})
	l.Step(impl.Input{Kind: impl.Start}, out)
	l.sent, l.clock = n-1, stamp-1
	l.multicast(kind, []byte(body), 0, out)
	return out.List[0].Body
}

// Numbers and stamps go on behind the last of one's own, of those handed again and of those under way, also where they
// were withdrawn.
func TestLamportGoesOnBehindItsLog(t *testing.T) {
	l := NewLamport(impl.Config{Self: 0, Nodes: 2, Members: []spec.NodeID{0, 1}}, 0)
	l.Replayed = true
	got := after(l,
		handedAgain(0, stampedAs("a", 1, 1, lamportMessage)),
		handedAgain(1, stampedAs("b", 1, 7, lamportMessage)),
		impl.Input{Kind: impl.Resumed, Body: stampedAs("", 2, 8, lamportEmpty)},
		impl.Input{Kind: impl.Resumed, Body: stampedAs("c", 3, 9, lamportMessage), Code: impl.Aborted},
		closing,
		impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("d")})
	if want := stampedAs("d", 4, 10, lamportMessage); len(got) != 1 || !slices.Equal(got[0].Body[:len(want)-5], want[:len(want)-5]) {
		t.Errorf("it sends %v, want number 4 with stamp 10", got)
	}
}

// The layers keep the contract of layers through restarts, too.
func TestTotalOrdersThatComeBackAreLayers(t *testing.T) {
	for name, l := range map[string]func(impl.Config) impl.Layer{
		"sequencer": func(cfg impl.Config) impl.Layer {
			t := NewTotalSequencer(cfg, BB)
			t.Replayed = true
			return t
		},
		"lamport": func(cfg impl.Config) impl.Layer {
			l := NewLamport(cfg, 0)
			l.Replayed = true
			return l
		},
	} {
		if err := impltest.TestLayer(l, impltest.Effort(9, 500)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
