package impl_test

import (
	"slices"
	"testing"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/spec"
)

// onlyQueue is the wrong stack in which one first-in first-out queue carries everything, downward and upward.
type onlyQueue struct{ layers []impl.Layer }

func (s *onlyQueue) Step(in impl.Input, out *impl.Effects) {
	type waiting struct {
		layer int
		impl.Effect
	}
	var queue []waiting
	step := func(i int, in impl.Input) {
		first := len(out.List)
		s.layers[i].Step(in, out)
		for _, e := range out.List[first:] {
			queue = append(queue, waiting{i, e})
		}
		out.List = out.List[:first]
	}
	switch in.Kind {
	case impl.Start, impl.Ready:
		for i := len(s.layers) - 1; i >= 0; i-- {
			step(i, in)
		}
	case impl.Send:
		step(0, in)
	default:
		step(len(s.layers)-1, in)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		q := queue[0]
		switch next := q.layer - 1; {
		case q.Kind == impl.Down && q.layer < len(s.layers)-1:
			step(q.layer+1, impl.InputOf(&q.Effect, in.Now))
		case q.Kind.Upward() && next >= 0:
			step(next, impl.InputOf(&q.Effect, in.Now))
		default:
			out.Add(q.Effect)
		}
	}
}

// recursion is the wrong stack in which every effect is carried out at once, also upward.
type recursion struct{ layers []impl.Layer }

func (s *recursion) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start, impl.Ready:
		for i := len(s.layers) - 1; i >= 0; i-- {
			s.step(i, in, out)
		}
	case impl.Send:
		s.step(0, in, out)
	default:
		s.step(len(s.layers)-1, in, out)
	}
}

func (s *recursion) step(i int, in impl.Input, out *impl.Effects) {
	first := len(out.List)
	s.layers[i].Step(in, out)
	effects := slices.Clone(out.List[first:])
	out.List = out.List[:first]
	for _, e := range effects {
		switch {
		case e.Kind == impl.Down && i < len(s.layers)-1:
			s.step(i+1, impl.InputOf(&e, in.Now), out)
		case e.Kind.Upward() && i > 0:
			s.step(i-1, impl.InputOf(&e, in.Now), out)
		default:
			out.Add(e)
		}
	}
}

// stacking puts layers on top of each other, one way or another.
type stacking func(layers ...impl.Layer) impl.Layer

func rightStack(layers ...impl.Layer) impl.Layer { return impl.NewStack(layers...) }
func queueStack(layers ...impl.Layer) impl.Layer { return &onlyQueue{layers} }
func callStack(layers ...impl.Layer) impl.Layer  { return &recursion{layers} }

// halfWay plays: 0 multicasts and crashes when only its copy to 1 has left; 1 receives it and crashes after k of the
// effects that leave its stack. It says whether 1 delivered, how many of 2 and 3 did in the end, and whether 1 lived to
// the end of its step.
func halfWay(t *testing.T, stack stacking, k int) (delivered bool, others int, complete bool) {
	f := impltest.NewFigure(4, func(cfg impl.Config) impl.Layer {
		return stack(reliable(cfg), unicast(cfg), channel(cfg))
	})
	f.Send(0, impl.Everyone, "m", 1)
	if !f.Has(0, 1) {
		t.Fatalf("no copy to 1 has left:\n%s", f)
	}
	f.LoseAllBut(0, 1)
	f.Crash(0)
	complete = f.TakeUpTo(0, 1, k)
	f.Crash(1)
	f.Drain()
	for _, n := range []spec.NodeID{2, 3} {
		others += min(1, len(f.Delivered(n)))
	}
	return len(f.Delivered(1)) > 0, others, complete
}

// Whatever a node delivers, the others get, at whichever effect it crashes: uniform agreement.
func TestRelayPrecedesDeliveryAtEveryCrash(t *testing.T) {
	bit := false
	for k := 0; ; k++ {
		delivered, others, complete := halfWay(t, rightStack, k)
		if delivered && others != 2 {
			t.Errorf("a crash after %d effects: node 1 delivered, and only %d of the 2 others", k, others)
		}
		bit = bit || delivered
		if complete {
			break
		}
	}
	if !bit {
		t.Error("node 1 never delivered")
	}
}

// With one queue for everything the delivery leaves before the relay, and a crash between them breaks the promise.
func TestOneQueueForEverythingLosesUniformAgreement(t *testing.T) {
	for k := 0; ; k++ {
		delivered, others, complete := halfWay(t, queueStack, k)
		if delivered && others < 2 {
			return
		}
		if complete {
			t.Fatal("no crash broke it: the test does not bite")
		}
	}
}

// sequencer is total order in its simplest form: node 0 gives every message its number and multicasts it.
type sequencer struct {
	self spec.NodeID
	last byte // number given last, at node 0
	next byte // number to be delivered next
	held map[byte][]byte
}

func (s *sequencer) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		*s = sequencer{self: s.self, next: 1, held: map[byte][]byte{}}
	case impl.Send:
		out.Down(impl.Everyone, append(slices.Clone(in.Body), 0), 0)
	case impl.Packet:
		body, number, _ := impl.Cut(in.Body, 1)
		if number[0] == 0 {
			if s.self == 0 {
				s.last++
				out.Down(impl.Everyone, append(slices.Clone(body), s.last), 0)
			}
			return
		}
		s.held[number[0]] = body
		for ; s.held[s.next] != nil; s.next++ {
			out.Up(in.From, in.To, s.held[s.next])
		}
	}
}

// atOnce is a transport that answers in the same step: it delivers its own copy by itself.
type atOnce struct{ self spec.NodeID }

func (l atOnce) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Send:
		out.Down(1-l.self, in.Body, 0)
		out.Up(l.self, impl.Everyone, in.Body)
	case impl.Packet:
		out.Up(in.From, impl.Everyone, in.Body)
	}
}

// reply is an application that answers a question as soon as it hears it.
type reply struct{ answers bool }

func (r reply) Step(in impl.Input, out *impl.Effects) {
	if r.answers && in.Kind == impl.Packet && string(in.Body) == "question" {
		out.Down(impl.Everyone, []byte("answer"), 0)
	}
	out.Pass(in)
}

func deliveries(stack stacking) (orders [2][]string) {
	f := impltest.NewFigure(2, func(cfg impl.Config) impl.Layer {
		return stack(reply{cfg.Self == 0}, &sequencer{self: cfg.Self}, atOnce{cfg.Self})
	})
	f.Send(0, impl.Everyone, "question", 0)
	f.Drain()
	return [2][]string{f.Delivered(0), f.Delivered(1)}
}

func TestASequencerOverATransportThatAnswersAtOnce(t *testing.T) {
	right := deliveries(rightStack)
	if len(right[0]) != 2 || !slices.Equal(right[0], right[1]) {
		t.Errorf("two orders, or not two messages: %q", right)
	}
	if wrong := deliveries(callStack); slices.Equal(wrong[0], wrong[1]) {
		t.Errorf("plain recursion kept the order %q: the test does not bite", wrong[0])
	}
}
