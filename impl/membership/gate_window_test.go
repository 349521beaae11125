package membership_test

import (
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// gateAlone is one gate, and what its last step said.
type gateAlone struct {
	gate *membership.Gate
	out  *impl.Effects
}

func aloneGate(self spec.NodeID, places int) *gateAlone {
	g := membership.NewGate(impl.Config{Self: self, Nodes: 2, Members: []spec.NodeID{0}, Closed: true}, nil)
	g.SetWindow(places)
	a := &gateAlone{g, impl.NewEffects(&impl.Arena{})}
	a.step(impl.Input{Kind: impl.Start})
	a.step(impl.Input{Kind: impl.Ready})
	return a
}

func (a *gateAlone) step(in impl.Input) *gateAlone {
	a.out.Reset()
	a.gate.Step(in, a.out)
	return a
}

func (a *gateAlone) find(kind impl.EffectKind) *impl.Effect {
	for i := range a.out.List {
		if a.out.List[i].Kind == kind {
			return &a.out.List[i]
		}
	}
	return nil
}

func (a *gateAlone) view(epoch uint64, came []spec.NodeID, members ...spec.NodeID) *gateAlone {
	return a.step(impl.Input{Kind: impl.ViewChanged, View: &spec.View{ID: spec.ViewID{Epoch: epoch}, Members: members, Came: came}})
}

// A member sends as many messages as there are places while another waits for the state; what is beyond is refused with
// overflow, and asks that one, until it says that it has the state.
func TestGateRefusesWhileAnotherWaits(t *testing.T) {
	old, joiner := aloneGate(0, 2), aloneGate(1, 2)
	old.view(1, []spec.NodeID{0}, 0)
	send := impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 7}
	for range 5 { // nobody waits
		if old.step(send).find(impl.Refuse) != nil {
			t.Fatal("refused though nobody waits")
		}
	}
	old.view(2, []spec.NodeID{0}, 0, 1)
	joiner.step(impl.Input{Kind: impl.Join, Ref: 9})
	joiner.view(2, []spec.NodeID{0}, 0, 1)
	for i := range 3 {
		r := old.step(send).find(impl.Refuse)
		if i < 2 && r != nil || i == 2 && (r == nil || r.Code != impl.Overflow) {
			t.Fatalf("message %d of 2: %v", i+1, r)
		}
	}
	question := *old.find(impl.Down)
	letter := func(to *gateAlone, from spec.NodeID, body []byte) {
		to.step(impl.Input{Kind: impl.Packet, From: from, To: 1 - from, Body: append([]byte(nil), body...)})
	}
	if question.To != 1 {
		t.Fatalf("the question goes to %d", question.To)
	}
	if letter(joiner, 0, question.Body); joiner.find(impl.Down) != nil {
		t.Fatal("it answers without the state")
	}
	for range 2*2*2 + 1 { // as many as correct members can have sent, and one more
		joiner.step(impl.Input{Kind: impl.Packet, From: 0, To: impl.Everyone, Body: []byte("m")})
	}
	if n, e := joiner.gate.Held(), joiner.find(impl.Note); n != 8 || e.Code != impl.Overflow {
		t.Fatalf("it holds back %d, and says %v", n, e)
	}
	old.step(impl.Input{Kind: impl.TimerFired, Num: 1}) // the eldest gives the state
	letter(joiner, 0, old.find(impl.Down).Body)
	letter(old, 1, joiner.find(impl.Down).Body)
	if r := old.step(send).find(impl.Refuse); r != nil {
		t.Fatalf("the state is there, and a send is refused: %v", r)
	}
}
