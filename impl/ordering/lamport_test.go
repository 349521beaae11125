package ordering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// Lamport, 1978: two requests with the same stamp; every process acknowledges, and grants the one of the smaller process
// first, when it has heard something later from everyone.
func TestLamportOrdersEqualStampsByProcess(t *testing.T) {
	f := impltest.NewFigure(3, lamport)
	f.Send(0, impl.Everyone, "a", 0)
	f.Send(1, impl.Everyone, "b", 0)
	f.Say("2 receives b first; it has not heard from 0 and delivers nothing")
	f.Take(1, 2)
	delivered(t, f, 2)
	f.Take(0, 2)
	f.Say("now it has, and from 1 what is later than a; but its own empty message is still on its way")
	delivered(t, f, 2)
	f.Take(2, 2)
	f.Say("a is delivered: 0 may still send what is before b, so b waits")
	delivered(t, f, 2, "a")
	f.Drain()
	for n := range spec.NodeID(3) {
		delivered(t, f, n, "a", "b")
	}
	golden(t, f, "lamport-requests")
}

// What happened before has a smaller stamp, whatever way it takes: the reply waits for the question.
func TestLamportIsCausal(t *testing.T) {
	f := impltest.NewFigure(3, lamport)
	f.Send(0, impl.Everyone, "question", 0)
	f.Take(0, 1)
	for len(f.Delivered(1)) == 0 { // nothing goes to 2
		for _, hop := range [][2]spec.NodeID{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
			if f.Has(hop[0], hop[1]) {
				f.Take(hop[0], hop[1])
			}
		}
		if !f.Has(0, 0) && !f.Has(0, 1) && !f.Has(1, 0) && !f.Has(1, 1) {
			break
		}
	}
	delivered(t, f, 1) // it has not heard from 2
	f.Take(0, 2)
	f.Take(2, 1)
	delivered(t, f, 1, "question")
	f.Send(1, impl.Everyone, "reply", 0)
	f.Drain()
	for n := range spec.NodeID(3) {
		delivered(t, f, n, "question", "reply")
	}
}

// The messages of one member are received in the order sent, the empty ones too: an empty message that has overtaken a
// message says nothing.
func TestLamportReceivesInOrder(t *testing.T) {
	f := impltest.NewFigure(2, lamport)
	f.Send(0, impl.Everyone, "a", 0) // stamp 1
	f.Send(1, impl.Everyone, "b", 0) // stamp 1
	f.Send(1, impl.Everyone, "c", 0) // stamp 2
	f.Take(0, 0)
	f.Say("1's second message overtakes its first")
	first := []byte(nil)
	f.Again(1, 0, func(b []byte) { first = append(first, b...); b[0], b[1] = 'c', 2; b[9] = 2 })
	delivered(t, f, 0)
	f.Take(1, 0)
	f.Drain()
	for n := range spec.NodeID(2) {
		delivered(t, f, n, "a", "b", "c")
	}
	if first == nil || !strings.Contains(f.String(), "note duplicate 1 2") {
		t.Errorf("the second copy of c is no duplicate\n%s", f)
	}
}

// Who is silent blocks everyone.
func TestLamportWaitsForASilentMember(t *testing.T) {
	f := impltest.NewFigure(3, lamport)
	f.Crash(2)
	f.Send(0, impl.Everyone, "m", 0)
	f.Drain()
	f.Wait(10 * f.TL)
	delivered(t, f, 0)
	delivered(t, f, 1)
}

// A member whose own message is later need not acknowledge, and one that acknowledges after a delay does so once for
// all that has come.
func TestLamportSavesEmptyMessages(t *testing.T) {
	empties := func(newLayer maker) int {
		f := impltest.NewFigure(4, newLayer)
		for range 5 {
			for n := range spec.NodeID(3) { // 3 is silent
				f.Send(n, impl.Everyone, "m", 0)
			}
			f.Drain()
		}
		f.Wait(time.Second)
		f.Drain()
		for n := range spec.NodeID(4) {
			if got := len(f.Delivered(n)); got != 15 {
				t.Fatalf("%d delivered %d, want 15", n, got)
			}
		}
		return strings.Count(f.String(), "down to all \"\"")
	}
	if at, after := empties(lamport), empties(delayed); at > 45 || after >= at || after > 4 {
		t.Errorf("%d empty messages at once, %d after a delay", at, after)
	}
}

// Whoever is no member can't send, and is not heard; a member that came back is none.
func TestLamportRefusesWhoIsNoMember(t *testing.T) {
	for name, start := range map[string]struct {
		cfg  impl.Config
		life uint64
	}{
		"outsider": {impl.Config{Self: 2, Nodes: 3, Members: members(2)}, 0},
		"revived":  {impl.Config{Self: 1, Nodes: 3, Members: members(3)}, 1},
	} {
		l, out := lamport(start.cfg), impl.NewEffects(&impl.Arena{})
		l.Step(impl.Input{Kind: impl.Start, Num: start.life}, out)
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte("m"), Ref: 4}, out)
		if got := impltest.Effects(out.List); got != "refuse not-member ref 4" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
