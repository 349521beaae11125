package impl

import "github.com/conform-go/conform/spec"

// Stack puts layers on top of each other and is a layer itself. What its Step says is what leaves the stack, in the
// order in which it leaves; a crash may strike between any two of these effects.
type Stack struct {
	layers []Layer // top first
	bufs   []*Effects
	queue  []queued // waiting; queue[head:] in order of arrival
	head   int
	fork   *fork // where there are several stacks; nil: one

	holders []Holder // the layers that hold messages back
}

// queued is an effect that waits, from its layer's first upward effect of a step on.
type queued struct {
	layer int
	Effect
}

// NewStack stacks layers, top first. A stack among them is taken apart: there is one queue for all its layers, or
// what waits would be carried out in another order than in the flat stack.
func NewStack(parts ...Layer) *Stack {
	layers := make([]Layer, 0, len(parts))
	for _, l := range parts {
		layers = flatten(layers, l)
	}
	checkHeight(len(layers))
	return newStack(layers)
}

// flatten appends a layer, or those of a stack.
func flatten(layers []Layer, l Layer) []Layer {
	inner, ok := l.(*Stack)
	switch {
	case !ok:
		return append(layers, l)
	case inner.fork != nil:
		panic("impl: a node is no part of a stack")
	}
	return append(layers, inner.layers...)
}

func checkHeight(layers int) {
	if layers == 0 || layers >= 1<<pathBits {
		panic("impl: a stack has 1 to 15 layers")
	}
}

func newStack(layers []Layer) *Stack {
	s := &Stack{layers: layers, bufs: make([]*Effects, len(layers)), holders: holdersOf(layers)}
	bufs := make([]Effects, len(layers))
	for i := range bufs {
		s.bufs[i] = &bufs[i]
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
	to := len(s.layers) - 1
	switch {
	case toAllLayers(in.Kind):
		for ; to >= 0; to-- { // a layer may rely on the ones below
			s.stepLayer(to, in, out)
		}
	case toOneLayer(in.Kind):
		if in.Layer, to = in.Layer.pop(); s.fork != nil {
			to = s.fork.find(in.Group, to)
		}
		if to < 0 || to >= len(s.layers) {
			return
		}
		s.stepLayer(to, in, out)
	case downward(in.Kind):
		if to = 0; s.fork != nil {
			to = s.fork.under(outside, in.Group)
		}
		s.stepLayer(to, in, out)
	case in.Kind == ViewChanged && in.Flag:
		s.viewBelow(outside, in.View, in.Group, in.Now, out)
	default:
		if s.fork != nil {
			to = s.fork.over(len(s.layers), in.Group)
		}
		s.stepLayer(to, in, out)
	}
	s.serve(in.Now, out)
}

// under gives the layer below layer i, and over the one above it, for what concerns a group.
func (s *Stack) under(i int, g spec.GroupID) int {
	switch {
	case s.fork != nil:
		return s.fork.under(i, g)
	case i+1 < len(s.layers):
		return i + 1
	}
	return outside
}

func (s *Stack) over(i int, g spec.GroupID) int {
	if s.fork != nil {
		return s.fork.over(i, g)
	}
	return i - 1
}

// stepLayer lets layer i take the input, and carries its effects down. What is for a group that has no stack here is
// discarded.
func (s *Stack) stepLayer(i int, in Input, out *Effects) {
	if i < 0 {
		out.Add(Effect{Kind: Note, Code: NotMember, Num: uint64(in.From), Last: uint64(in.Group), Group: Shared})
		return
	}
	buf := s.bufs[i]
	buf.Reset()
	s.layers[i].Step(in, buf)
	if s.fork != nil {
		s.fork.label(i, buf.List)
	}
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
		s.viewBelow(i, q.View, q.Group, now, out)
	}
}

// carry does what an effect says that is not upward.
func (s *Stack) carry(i int, e *Effect, now spec.Time, out *Effects) {
	switch {
	case e.Kind == CallDown && e.Call == ViewChanged:
		s.viewBelow(i, e.View, e.Group, now, out)
	case e.Kind == Down || e.Kind == CallDown:
		if k := s.under(i, e.Group); k == outside {
			out.Add(*e)
		} else {
			s.stepLayer(k, InputOf(e, now), out)
		}
	default: // a timer, the log, a note: it leaves under the layer's name
		out.Add(*e)
		x := &out.List[len(out.List)-1]
		if s.fork != nil {
			x.Group, i = s.fork.name(i)
		}
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
			s.viewBelow(q.layer, q.View, q.Group, now, out)
		}
		switch k := s.over(q.layer, q.Group); {
		case s.fork != nil && s.fork.everyStack(q.layer, q.Kind):
			s.tellAll(InputOf(&q.Effect, now), out)
		case k == outside:
			out.Add(q.Effect)
		default:
			s.stepLayer(k, InputOf(&q.Effect, now), out)
		}
	}
	s.queue, s.head = s.queue[:0], 0
}

// tellAll lets every stack of a node hear what concerns the node.
func (s *Stack) tellAll(in Input, out *Effects) {
	for _, x := range s.fork.stacks {
		in.Group = x.group
		s.stepLayer(x.last, in, out)
	}
}

// viewBelow tells the layers below the one that installs a view, nearest first, and what stands below the stack. They
// do not pass it on: those below them are told in turn, and those above have it.
func (s *Stack) viewBelow(i int, v *spec.View, g spec.GroupID, now spec.Time, out *Effects) {
	for k := s.under(i, g); k >= 0; k = s.under(k, g) {
		s.stepLayer(k, Input{Kind: ViewChanged, Now: now, View: v, Group: g, Flag: true}, out)
	}
	out.Add(Effect{Kind: CallDown, Call: ViewChanged, View: v, Group: g, Flag: true})
}
