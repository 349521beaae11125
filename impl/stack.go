package impl

import "github.com/conform-go/conform/spec"

// Stack puts layers on top of each other and is a layer itself. What its Step says is what leaves the stack, in the
// order in which it leaves; a crash may strike between any two of these effects.
type Stack struct {
	layers []Layer // top first
	bufs   []*Effects
	queue  []queued // waiting; queue[head:] in order of arrival
	head   int
}

// queued is an effect that waits, from its layer's first upward effect of a step on.
type queued struct {
	layer int
	Effect
}

// NewStack stacks layers, top first. A stack among them is taken apart: there is one queue for all its layers, or
// what waits would be carried out in another order than in the flat stack.
func NewStack(parts ...Layer) *Stack {
	var layers []Layer
	for _, l := range parts {
		if inner, ok := l.(*Stack); ok {
			layers = append(layers, inner.layers...)
		} else {
			layers = append(layers, l)
		}
	}
	if len(layers) == 0 || len(layers) >= 1<<pathBits {
		panic("impl: a stack has 1 to 15 layers")
	}
	s := &Stack{layers: layers, bufs: make([]*Effects, len(layers))}
	for i := range s.bufs {
		s.bufs[i] = &Effects{}
	}
	return s
}

// Step gives the input to the layer it is meant for and carries out what follows, until only effects that leave the
// stack remain.
func (s *Stack) Step(in Input, out *Effects) {
	if s.bufs[0].arena != out.arena {
		for _, b := range s.bufs {
			b.arena = out.arena
		}
	}
	switch {
	case toAllLayers(in.Kind):
		for i := len(s.layers) - 1; i >= 0; i-- { // a layer may rely on the ones below
			s.stepLayer(i, in, out)
		}
	case toOneLayer(in.Kind):
		var i int
		if in.Layer, i = in.Layer.pop(); i < 0 || i >= len(s.layers) {
			return
		}
		s.stepLayer(i, in, out)
	case downward(in.Kind):
		s.stepLayer(0, in, out)
	case in.Kind == ViewChanged && in.Flag:
		s.viewBelow(-1, in.View, in.Now, out)
	default:
		s.stepLayer(len(s.layers)-1, in, out)
	}
	s.serve(in.Now, out)
}

// stepLayer lets layer i take the input, and carries its effects down.
func (s *Stack) stepLayer(i int, in Input, out *Effects) {
	buf := s.bufs[i]
	buf.Reset()
	s.layers[i].Step(in, buf)
	for k := range buf.List {
		e := &buf.List[k]
		if e.Kind.Upward() {
			s.wait(i, buf.List[k:], in.Now, out)
			return
		}
		s.carry(i, e, in.Now, out)
	}
}

// wait queues the rest of a step, which begins with an upward effect.
func (s *Stack) wait(i int, rest []Effect, now spec.Time, out *Effects) {
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	first := len(s.queue)
	for k := range rest {
		s.queue = append(s.queue, queued{layer: i, Effect: rest[k]})
	}
	if q := &s.queue[first]; q.Kind == InstallView && !q.Flag {
		q.Flag = true
		s.viewBelow(i, q.View, now, out)
	}
}

// carry does what an effect says that is not upward.
func (s *Stack) carry(i int, e *Effect, now spec.Time, out *Effects) {
	last := i == len(s.layers)-1
	switch {
	case e.Kind == CallDown && e.Call == ViewChanged:
		s.viewBelow(i, e.View, now, out)
	case (e.Kind == Down || e.Kind == CallDown) && !last:
		s.stepLayer(i+1, InputOf(e, now), out)
	case e.Kind == Down || e.Kind == CallDown:
		out.Add(*e)
	default: // a timer, the log, a note: it leaves under the layer's name
		out.Add(*e)
		x := &out.List[len(out.List)-1]
		x.Layer = x.Layer.push(i)
	}
}

// serve carries out what waits, oldest first.
func (s *Stack) serve(now spec.Time, out *Effects) {
	for s.head < len(s.queue) {
		q := s.queue[s.head]
		s.head++
		switch {
		case !q.Kind.Upward():
			s.carry(q.layer, &q.Effect, now, out)
			continue
		case q.Kind == InstallView && !q.Flag:
			q.Flag = true
			s.viewBelow(q.layer, q.View, now, out)
		}
		if q.layer == 0 {
			out.Add(q.Effect)
		} else {
			s.stepLayer(q.layer-1, InputOf(&q.Effect, now), out)
		}
	}
	s.queue, s.head = s.queue[:0], 0
}

// viewBelow tells the layers below the one that installs a view, nearest first, and what stands below the stack. They
// do not pass it on: those below them are told in turn, and those above have it.
func (s *Stack) viewBelow(i int, v *spec.View, now spec.Time, out *Effects) {
	for k := i + 1; k < len(s.layers); k++ {
		s.stepLayer(k, Input{Kind: ViewChanged, Now: now, View: v, Flag: true}, out)
	}
	out.Add(Effect{Kind: CallDown, Call: ViewChanged, View: v, Flag: true})
}
