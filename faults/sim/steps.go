package sim

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// trigger is a step that waits for a node to do something for the K-th time.
type trigger struct {
	step int
	done bool
}

// schedule puts the timed steps into the queue and the triggered ones on watch.
func (w *World) schedule() {
	w.watch = w.watch[:0]
	for i := range w.s.Steps {
		st := &w.s.Steps[i]
		if st.When.On != faults.AtTime {
			w.watch = append(w.watch, trigger{step: i})
			if int(st.When.Node) < len(w.nodes) {
				w.nodes[st.When.Node].watched = true
			}
			continue
		}
		w.queue.push(w.epoch+int64(st.When.At), step|uint32(i))
		w.scripted = max(w.scripted, w.epoch+int64(st.When.At)+int64(st.Action.For))
	}
}

// moment counts a thing that a node is about to do, lets the steps that waited for it happen, and says whether the
// node crashed. Operations of applications follow the thing; faults strike just before it.
func (w *World) moment(id spec.NodeID, on faults.Moment, point string) bool {
	n := &w.nodes[id]
	if !n.watched {
		return false
	}
	if on != faults.OnPoint {
		n.counted[on]++
	}
	life := n.life
	for i := range w.watch {
		t := &w.watch[i]
		when := &w.s.Steps[t.step].When
		if t.done || when.On != on || when.Node != id {
			continue
		}
		if on == faults.OnPoint {
			if when.Point != point || !w.passed(t.step) {
				continue
			}
		} else if n.counted[on] != when.K {
			continue
		}
		t.done = true
		w.triggered(t.step)
	}
	return n.life != life
}

// passed counts the passings of a point for one step, and says whether it is the one that the step waits for.
func (w *World) passed(i int) bool {
	w.points = resizedTo(w.points, len(w.s.Steps))
	w.points[i]++
	return w.points[i] == w.s.Steps[i].When.K
}

func resizedTo(s []int, n int) []int {
	for len(s) < n {
		s = append(s, 0)
	}
	return s
}

func (w *World) triggered(i int) {
	a := &w.s.Steps[i].Action
	if _, fault := a.Op.Fault(); fault && a.Op != faults.Recover {
		if w.phase == playing {
			w.act(i)
			w.scripted = max(w.scripted, w.now+int64(a.For))
		}
		return
	}
	w.queue.push(w.now, step|uint32(i))
}

// act lets a step happen.
func (w *World) act(i int) {
	a := &w.s.Steps[i].Action
	switch a.Op {
	case faults.Nothing, faults.Lies: // which began with its node
	case faults.Send:
		w.send(i)
	case faults.Join, faults.Leave, faults.Sync, faults.Query, faults.Create, faults.Destroy:
		w.call(i)
	case faults.Crash, faults.CrashLossy:
		w.crash(a.Node, a.Op == faults.CrashLossy)
	case faults.Recover:
		w.recover(a.Node)
	case faults.Pause:
		w.pause(a.Node)
		if a.For > 0 {
			w.queue.push(w.now+int64(a.For), ending|uint32(i))
		}
	case faults.Heal:
		w.heal()
	default:
		w.remark(spec.Fault, i)
		w.begin(i, a.For)
		if a.Op == faults.PruneLost || a.Op == faults.Overflow { // done as soon as begun
			w.end(i)
		}
	}
}

// send lets an application send.
func (w *World) send(step int) {
	a := &w.s.Steps[step].Action
	n := &w.nodes[a.Node]
	if !n.up {
		return
	}
	r := spec.NewRand(w.s.Seed, purposeBody, 0, uint64(step))
	if a.Content != 0 {
		r = spec.NewRand(w.s.Seed, purposeBody, uint64(a.Content))
	}
	body := w.arena.Alloc(a.Size)
	for i := 0; i < len(body); i += 8 {
		x := r.Uint64()
		for k := i; k < min(i+8, len(body)); k++ {
			body[k] = byte(x)
			x >>= 8
		}
	}
	if w.cfg.Body != nil {
		if b := w.cfg.Body(w.s, step); b != nil {
			body = b
		}
	}
	in := impl.Input{Kind: impl.Send, To: a.To, Group: a.Group, Body: body}
	if w.several && a.To >= 0 {
		in.Group = w.s.Between(a.Node, a.To)
	}
	if n.paused {
		n.inbox = append(n.inbox, in)
		return
	}
	w.accept(a.Node, n, in)
}

// accept records a send and hands it to the protocol.
func (w *World) accept(id spec.NodeID, n *node, in impl.Input) {
	n.sends++
	msg := spec.MsgID{Sender: id, Incarnation: spec.Incarnation(n.inc), Number: n.sends}
	w.counts.Sends++
	e := spec.Event{Kind: spec.Send, Node: id, Msg: msg, Sum: digest(in.Body), Len: int32(len(in.Body)),
		Has: spec.HasNode | spec.HasMsg | spec.HasSum | spec.HasLen}
	if in.To == impl.Everyone {
		e.Group, e.Has = in.Group, e.Has|spec.HasGroup
	} else {
		e.To, e.Has = in.To, e.Has|spec.HasTo
	}
	w.observe(e)
	n.waiting = append(n.waiting, true)
	w.out.Reset()
	in.Body, in.Ref = impl.Seal(w.out, in.Body, msg), impl.Ref(n.sends)
	w.step(id, in)
}

var callInputs = map[faults.Op]impl.InputKind{faults.Join: impl.Join, faults.Leave: impl.Leave,
	faults.Sync: impl.Barrier, faults.Query: impl.Query, faults.Create: impl.Create, faults.Destroy: impl.Destroy}

var callKinds = map[faults.Op]spec.Kind{faults.Join: spec.Join, faults.Leave: spec.Leave,
	faults.Sync: spec.Sync, faults.Query: spec.Query, faults.Create: spec.Create, faults.Destroy: spec.Destroy}

// callRef marks the references of calls, so that they are not taken for sends.
const callRef = 1 << 62

// call lets an application join, leave, set a barrier or ask.
func (w *World) call(i int) {
	a := &w.s.Steps[i].Action
	n := &w.nodes[a.Node]
	if !n.up {
		return
	}
	if n.paused { // so is its application
		w.queue.push(w.now+int64(time.Millisecond), step|uint32(i))
		return
	}
	w.calls = append(w.calls, callKinds[a.Op])
	id := uint64(len(w.calls))
	w.extra(spec.Event{Kind: callKinds[a.Op], Node: a.Node, Group: a.Group,
		Has: spec.HasNode | spec.HasGroup | spec.HasID}, spec.Extra{ID: id})
	w.step(a.Node, impl.Input{Kind: callInputs[a.Op], Group: a.Group, Ref: impl.Ref(callRef | id)})
}
