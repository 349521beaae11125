package sim

import (
	"strconv"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// fetch is the operation of the number server.
const fetch = "fetch"

// told writes down what a layer, or an application above the stacks, says of the objects that it operates on: calls of
// the number server, calls of the application's own objects, and the states of replicas. The trace does not count it, so that a run has the same trace whatever is built on an order.
func (w *World) told(id spec.NodeID, e *impl.Effect) {
	switch e.Code {
	case impl.NumberFetched:
		w.invoked(id, e, w.numbers(w.about(e)), fetch, "")
	case impl.NumberReceived:
		w.answeredCall(id, e, w.numbers(w.about(e)), strconv.FormatUint(e.Last, 10))
	case impl.Invoked, impl.Returned:
		if w.cfg.Words == nil {
			return
		}
		object, op, value := w.cfg.Words(e)
		if e.Code == impl.Invoked {
			w.invoked(id, e, object, op, value)
		} else {
			w.answeredCall(id, e, object, value)
		}
	case impl.StateReached:
		w.states = append(w.states, spec.Event{Kind: spec.Note, Node: id, Group: w.about(e), Sum: spec.Digest(e.Num),
			Has: spec.HasNode | spec.HasGroup | spec.HasSum})
	}
}

// reached writes down the states that a replica reached in a step. It said so before it delivered, since a layer delivers
// last, and the state is the one behind what was delivered. One that crashed on the way has told nobody.
func (w *World) reached(crashed bool) {
	for _, e := range w.states {
		if !crashed {
			w.object(e, spec.Extra{Op: spec.OpState})
		}
	}
	w.states = w.states[:0]
}

func (w *World) invoked(id spec.NodeID, e *impl.Effect, object, op, value string) {
	w.object(spec.Event{Kind: spec.Invoke, Node: id, Has: spec.HasNode | spec.HasID},
		spec.Extra{ID: w.callOf(e), Object: object, Op: op, Value: value})
}

func (w *World) answeredCall(id spec.NodeID, e *impl.Effect, object, value string) {
	w.object(spec.Event{Kind: spec.Return, Node: id, Has: spec.HasNode | spec.HasOf},
		spec.Extra{Of: w.callOf(e), Object: object, Value: value})
}

// callOf numbers a call. A layer counts those of its life in its group, and no two of a node may have one number: also not
// one of the number server and one of what is built on the order. All numbers stay below 2⁵³.
func (w *World) callOf(e *impl.Effect) uint64 {
	life, call := e.Num>>32, e.Num&(1<<32-1)
	n := life<<40 | uint64(w.about(e))<<32 | call
	if e.Code == impl.Invoked || e.Code == impl.Returned {
		n |= 1 << 52
	}
	return n
}

func (w *World) object(e spec.Event, x spec.Extra) {
	if int(e.Node) < w.procs && w.now >= w.epoch {
		e.T = spec.Time(w.now - w.epoch)
		w.h.AddExtra(e, x)
	}
}

// numbers names the number server of a group.
func (w *World) numbers(g spec.GroupID) string {
	if int(g) >= len(w.servers) {
		w.servers = append(w.servers, make([][2]string, int(g)+1-len(w.servers))...)
	}
	if s, name := &w.servers[g], w.h.GroupName(g); s[0] != name || s[1] == "" {
		*s = [2]string{name, "numbers/" + name}
	}
	return w.servers[g][1]
}
