package mutant

import (
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// wrapped is a correct layer between two wrong hands: one on its inputs, one on its effects. Either may be nil.
type wrapped struct {
	layer   impl.Layer
	input   func(in impl.Input) impl.Input
	effects func(in impl.Input, list []impl.Effect) []impl.Effect // may change the list and give it back
}

// Step implements [impl.Layer].
func (w *wrapped) Step(in impl.Input, out *impl.Effects) {
	first := len(out.List)
	seen := in
	if w.input != nil {
		seen = w.input(in)
	}
	w.layer.Step(seen, out)
	if w.effects != nil {
		out.List = append(out.List[:first], w.effects(in, out.List[first:])...)
	}
}

// ackedWhenSent is a layer that is not told that anybody waits for a send, and acknowledges it at once.
func ackedWhenSent(layer impl.Layer) impl.Layer {
	return &wrapped{
		layer: layer,
		input: func(in impl.Input) impl.Input {
			if in.Kind == impl.Send {
				in.Ref = 0
			}
			return in
		},
		effects: func(in impl.Input, list []impl.Effect) []impl.Effect {
			if in.Kind == impl.Send && in.Ref != 0 {
				list = append(list, impl.Effect{Kind: impl.Acknowledge, Ref: in.Ref})
			}
			return list
		},
	}
}

// late is a layer whose packets leave too late: what goes down in some of its steps goes down in a step of its own,
// after a while. The layer must not have timers.
type late struct {
	impl.Layer
	by    time.Duration
	in    func(in impl.Input) bool // in which steps
	queue []impl.Effect
	armed bool
}

// Step implements [impl.Layer].
func (l *late) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.TimerFired {
		out.List = append(out.List, l.queue...)
		l.queue, l.armed = l.queue[:0], false
		return
	}
	first := len(out.List)
	l.Layer.Step(in, out)
	if !l.in(in) {
		return
	}
	upward := out.List[:first]
	for _, e := range out.List[first:] {
		if e.Kind.Upward() {
			upward = append(upward, e)
		} else {
			l.queue = append(l.queue, e)
		}
	}
	out.List = upward
	if len(l.queue) > 0 && !l.armed {
		l.armed = true
		out.List = slices.Insert(out.List, first, impl.Effect{Kind: impl.SetTimer, At: in.Now + spec.Time(l.by)})
	}
}

// without drops the effects that match.
func without(list []impl.Effect, match func(*impl.Effect) bool) []impl.Effect {
	kept := list[:0]
	for i := range list {
		if !match(&list[i]) {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// toGroup says whether an input is a packet or a send of the group.
func toGroup(in impl.Input, kind impl.InputKind) bool {
	return in.Kind == kind && in.To == impl.Everyone
}
