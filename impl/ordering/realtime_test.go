package ordering_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

func realTime(cfg impl.Config) impl.Layer {
	return ordering.NewRealTime(cfg, 5*time.Millisecond, 20*time.Millisecond)
}

func TestRealTimeKeepsTheContract(t *testing.T) {
	if err := impltest.TestLayer(realTime); err != nil {
		t.Error(err)
	}
}

// timed gives message n of a sender's first life with a stamp, as it comes from below.
func timed(body string, stamp time.Duration, n uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(body), uint64(stamp))
	b = binary.LittleEndian.AppendUint64(b, n)
	return binary.LittleEndian.AppendUint32(b, 0)
}

// Whatever order packets come in, messages are delivered by their stamps, each Δ+ε behind its own; ties go by process.
func TestRealTimeOrder(t *testing.T) {
	f := impltest.NewFigure(3, realTime)
	give := func(from int, body string, stamp time.Duration, n uint64) {
		f.Give(2, impl.Input{Kind: impl.Packet, From: impltest.Node(from), To: impl.Everyone, Body: timed(body, stamp, n)})
	}
	const ms = time.Millisecond
	f.Wait(15 * ms)
	f.Say("1 sent later, and its packet is faster; two stamps are equal")
	give(1, "later", 7*ms, 1)
	give(1, "tie of 1", 10*ms, 2)
	give(0, "first", 6*ms, 1)
	give(0, "tie of 0", 10*ms, 2)
	give(0, "tie of 0", 10*ms, 2)
	f.Wait(15 * ms)
	delivered(t, f, 2)
	f.Wait(1 * ms)
	delivered(t, f, 2, "first")
	f.Wait(5 * ms)
	delivered(t, f, 2, "first", "later", "tie of 0", "tie of 1")
	f.Say("a message that Δ does not cover: others may have delivered it, but here it would break the order")
	give(2, "too late", 7*ms, 1)
	f.Say("one that never comes is announced with the next")
	give(0, "after a hole", 40*ms, 4)
	f.Wait(50 * ms)
	delivered(t, f, 2, "first", "later", "tie of 0", "tie of 1", "after a hole")
	golden(t, f, "real-time-order")
}

// The acknowledgement of the level below is not enough: a clock may be ε behind, and stamp with less what is sent next.
func TestRealTimeAcknowledgementWaits(t *testing.T) {
	f := impltest.NewFigure(2, realTime)
	f.Wait(10 * time.Millisecond)
	f.Send(0, impl.Everyone, "m", 7)
	f.Wait(2 * time.Millisecond)
	f.Give(0, impl.Input{Kind: impl.Acknowledged, Ref: 7})
	f.Wait(3 * time.Millisecond)
	if strings.Contains(f.String(), "    acknowledge ref 7") {
		t.Errorf("acknowledged within ε:\n%s", f)
	}
	f.Wait(time.Nanosecond)
	if n := strings.Count(f.String(), "    acknowledge ref 7"); n != 1 {
		t.Errorf("acknowledged %d times:\n%s", n, f)
	}
	golden(t, f, "real-time-acknowledgement")
}

// A clock that is set back does not make a sender's stamps go back.
func TestRealTimeStampsRise(t *testing.T) {
	l, out := realTime(impl.Config{Nodes: 1, Members: []spec.NodeID{0}}), impl.NewEffects(&impl.Arena{})
	l.Step(impl.Input{Kind: impl.Start}, out)
	last := int64(-1)
	for _, now := range []spec.Time{0, 0, 50, 20, 20, 51, 90} {
		out.Reset()
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Now: now, Body: []byte("m")}, out)
		stamp := int64(binary.LittleEndian.Uint64(out.List[0].Body[1:]))
		if stamp <= last || stamp < int64(now) {
			t.Errorf("stamp %d at %d, after %d", stamp, now, last)
		}
		last = stamp
	}
}

// A clock that is set back does not let a reply have a smaller stamp than what it replies to.
func TestRealTimeStampsFollowDeliveries(t *testing.T) {
	l, out := realTime(impl.Config{Nodes: 2, Members: []spec.NodeID{0, 1}}), impl.NewEffects(&impl.Arena{})
	const ms = spec.Time(time.Millisecond)
	question := 50 * ms
	l.Step(impl.Input{Kind: impl.Start}, out)
	l.Step(impl.Input{Kind: impl.Packet, Now: question, From: 1, To: impl.Everyone, Body: timed("question", time.Duration(question), 1)}, out)
	l.Step(impl.Input{Kind: impl.TimerFired, Now: question + 25*ms}, out)
	if last := out.List[len(out.List)-1]; last.Kind != impl.Up {
		t.Fatal("the question was not delivered")
	}
	out.Reset()
	l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Now: 10 * ms, Body: []byte("reply")}, out)
	if stamp := spec.Time(binary.LittleEndian.Uint64(out.List[0].Body[5:])); stamp <= question {
		t.Errorf("the reply has stamp %d, the question %d", stamp, question)
	}
}

// What is kept of sends that the level below never acknowledges is bounded.
func TestRealTimeOwesNoMoreThanItCanKeep(t *testing.T) {
	arena := &impl.Arena{}
	l, out := realTime(impl.Config{Nodes: 1, Members: []spec.NodeID{0}}), impl.NewEffects(arena)
	l.Step(impl.Input{Kind: impl.Start}, out)
	asked := 0
	for n := range 70_000 {
		out.Reset()
		arena.Reset()
		l.Step(impl.Input{Kind: impl.Send, To: impl.Everyone, Ref: impl.Ref(n + 1)}, out)
		if out.List[0].Ref != 0 {
			asked++
		}
	}
	if asked != 1<<16 {
		t.Errorf("asked for %d acknowledgements, and has to keep what it owes for each", asked)
	}
}
