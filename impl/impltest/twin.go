package impltest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// twin is one node twice: two layers that are given the same inputs, with bytes of their own.
type twin struct {
	cfg    impl.Config
	layers [2]impl.Layer
	bufs   [2][buffers]*impl.Effects
	turn   int

	incarnation uint64
	ready       bool
	asked       []impl.Ref // of sends that have no answer yet
	next        impl.Ref   // the last one given
	owed        []impl.Ref // what the layer asked of the one below, without an answer yet
	persists    []impl.Effect
	timers      map[timerKey]spec.Time
	logs        map[impl.Path]*layerLog
}

type timerKey struct {
	layer impl.Path
	id    uint64
}

type layerLog struct {
	bytes   []byte
	durable int
}

// buffers take turns, so that a layer that keeps one is found out.
const buffers = 4

// poisoned is what a buffer holds while it is not in use: on each side something else.
const poisoned = 3

func poison(e *impl.Effects, side int) {
	e.Reset()
	for range poisoned {
		e.Add(impl.Effect{Kind: impl.Note, Num: 0xdead + uint64(side), Body: []byte{0xde, byte(side)}})
	}
}

func intact(e *impl.Effects, side int) bool {
	if len(e.List) != poisoned {
		return false
	}
	for i := range e.List {
		if x := &e.List[i]; x.Kind != impl.Note || x.Num != 0xdead+uint64(side) {
			return false
		}
	}
	return true
}

// happening is one input, on both sides.
type happening struct {
	impl.Input
	bodies [2][]byte
}

// step lets both layers take the input and checks what every step must keep. The effects are those of both sides;
// ok is false where the run can't go on.
func (c *check) step(t *twin, h happening) (effects [2][]impl.Effect, ok bool) {
	c.inputs++
	c.at = t.cfg.Self
	c.now = max(c.now, h.Now)
	h.Now = c.now
	t.turn++
	for side := range t.layers {
		in := h.Input
		in.Body = h.bodies[side]
		c.input = in
		out := t.bufs[side][t.turn%buffers]
		out.Reset()
		if !c.call(t.layers[side], in, out) {
			return effects, false
		}
		effects[side] = slices.Clone(out.List)
		poison(out, side)
		for k := range buffers {
			if !intact(t.bufs[side][k], side) {
				c.broken("out kept", "something was written into a buffer of an earlier step: nothing of out may be kept")
				poison(t.bufs[side][k], side)
			}
		}
		c.bodies(side, in, effects[side])
	}
	if what := differ(effects[0], effects[1]); what != "" {
		c.broken("same effects", "two instances that were given the same inputs said different effects: %s", what)
		return effects, false
	}
	c.judge(t, effects[0])
	return effects, true
}

// call steps a layer; false where it panicked.
func (c *check) call(l impl.Layer, in impl.Input, out *impl.Effects) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			c.broken("panic", "the layer panicked: %v", r)
			ok = false
		}
	}()
	l.Step(in, out)
	return true
}

// bodies checks that the step changed no body, and takes up those of its effects.
func (c *check) bodies(side int, in impl.Input, effects []impl.Effect) {
	b := &c.handed[side]
	from := len(b.known) - recent
	if c.inputs%everySo == 0 {
		from = 0
	}
	if k := b.changed(from); k != nil {
		c.broken("body changed", "a body that was handed %s at input %d has been changed", k.whose, k.before)
	}
	for i := range effects {
		e := &effects[i]
		if e.Kind.Upward() && cap(e.Body) > len(e.Body) && inside(e.Body, in.Body) {
			c.broken("uncapped cut", "a body was cut and its capacity goes on behind it, over the header: use impl.Cut")
		}
		b.remember(e.Body, c.inputs, "out by the layer")
	}
}

const (
	recent  = 8  // bodies that are looked at after each step
	everySo = 64 // steps after which all are
)

// differ says where two lists of effects are not the same.
func differ(a, b []impl.Effect) string {
	for i := range min(len(a), len(b)) {
		if !same(a[i], b[i]) {
			return fmt.Sprintf("%s / %s", Effect(&a[i]), Effect(&b[i]))
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%s / %s", Effects(a), Effects(b))
	}
	return ""
}

func same(a, b impl.Effect) bool {
	if !bytes.Equal(a.Body, b.Body) || (a.View == nil) != (b.View == nil) {
		return false
	}
	if a.View != nil && (a.View.ID != b.View.ID || !slices.Equal(a.View.Members, b.View.Members)) {
		return false
	}
	a.Body, b.Body, a.View, b.View = nil, nil, nil, nil
	return fmt.Sprint(a) == fmt.Sprint(b)
}
