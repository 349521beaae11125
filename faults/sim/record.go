package sim

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

func digest(body []byte) spec.Digest { return spec.Digest(xxhash.Sum64(body)) }

// observe appends an event to the history and to the trace.
func (w *World) observe(e spec.Event) {
	e.T = spec.Time(max(0, w.now-w.epoch)) // what is said in the warm-up is said before the scenario begins
	w.observed, w.latest = w.now, int64(e.T)
	w.tracer.Add(uint64(e.Kind)<<56 ^ uint64(e.Node)<<40 ^ uint64(e.T) ^ e.Msg.Number<<20 ^ uint64(e.Msg.Sender)<<50 ^
		uint64(e.Sum))
	w.h.Add(e)
}

func (w *World) extra(e spec.Event, x spec.Extra) {
	w.observe(e)
	last := w.h.Events[len(w.h.Events)-1]
	w.h.Events = w.h.Events[:len(w.h.Events)-1]
	w.h.AddExtra(last, x)
}

// record writes down what a protocol told its application.
func (w *World) record(id spec.NodeID, n *node, e *impl.Effect) {
	base := spec.Event{Node: id, Has: spec.HasNode}
	if g := w.about(e); g != impl.Shared {
		base.Group, base.Has = g, base.Has|spec.HasGroup
	}
	switch e.Kind {
	case impl.Up:
		w.delivered(id, e)
	case impl.Acknowledge:
		if e.Ref >= callRef {
			w.returned(base, e)
			return
		}
		if w.answered(n, e.Ref) {
			w.counts.Acks++
			base.Kind, base.Msg, base.Has = spec.Ack, w.msgOf(id, n, e.Ref), base.Has|spec.HasMsg
			w.observe(base)
		}
	case impl.Refuse:
		if e.Ref >= callRef {
			w.refusedCall(base, e)
			return
		}
		if w.answered(n, e.Ref) {
			base.Kind, base.Msg, base.Has = spec.Refuse, w.msgOf(id, n, e.Ref), base.Has|spec.HasMsg
			w.extra(base, spec.Extra{Reason: e.Code.String()})
		}
	case impl.Finish:
		w.returned(base, e)
	case impl.Suspect, impl.Trust:
		base.Kind, base.To, base.Has = spec.Suspect, e.From, base.Has|spec.HasTo
		if e.Kind == impl.Trust {
			base.Kind = spec.Trust
		}
		w.observe(base)
	case impl.Gap:
		base.Kind, base.From, base.Has = spec.Gap, e.From, base.Has|spec.HasFrom
		w.observe(base)
	case impl.Block, impl.Unblock:
		base.Kind = spec.Block
		if e.Kind == impl.Unblock {
			base.Kind = spec.Unblock
		}
		w.observe(base)
	case impl.InstallView:
		base.Kind, base.Has = spec.ViewChange, base.Has|spec.HasView
		if slices.Contains(e.View.Came, id) { // else it comes in without a past, and nobody comes along
			told := base
			told.Has |= spec.IsTransitional
			w.extra(told, spec.Extra{View: e.View.ID, Members: e.View.Came})
		}
		w.extra(base, spec.Extra{View: e.View.ID, Members: e.View.Members})
	}
}

func (w *World) msgOf(id spec.NodeID, n *node, ref impl.Ref) spec.MsgID {
	return spec.MsgID{Sender: id, Incarnation: spec.Incarnation(n.inc), Number: uint64(ref)}
}

// answered notes that a send has its answer; false where it had one, or none was asked for.
func (w *World) answered(n *node, ref impl.Ref) bool {
	if ref == 0 || uint64(ref) > uint64(len(n.waiting)) || !n.waiting[ref-1] {
		return false
	}
	n.waiting[ref-1] = false
	return true
}

func (w *World) delivered(id spec.NodeID, e *impl.Effect) {
	w.counts.Deliveries++
	body, msg, ok := impl.Open(e.Body)
	if !ok || msg.Sender < 0 || int(msg.Sender) >= w.procs {
		// Not even the envelope is whole: nobody sent this.
		body = e.Body
		msg = spec.MsgID{Sender: max(0, e.From), Incarnation: 1<<32 - 1, Number: uint64(digest(body)) >> 12}
	}
	x := spec.Event{Kind: spec.Deliver, Node: id, Msg: msg, Sum: digest(body), From: e.From, Len: int32(len(body)),
		Has: spec.HasNode | spec.HasMsg | spec.HasSum | spec.HasFrom | spec.HasLen}
	if e.To == impl.Everyone {
		x.Group, x.Has = w.about(e), x.Has|spec.HasGroup
	} else {
		x.To, x.Has = id, x.Has|spec.HasTo
	}
	if e.Flag {
		x.Has |= spec.IsRedelivered
	}
	var more spec.Extra
	if e.To == impl.Everyone && e.Num != 0 {
		x.Has, more.Pos = x.Has|spec.HasPos, e.Num
	}
	if e.View != nil {
		x.Has, more.View = x.Has|spec.HasView, e.View.ID
	}
	if x.Has&(spec.HasPos|spec.HasView) != 0 {
		w.extra(x, more)
		return
	}
	w.observe(x)
}

var returnKinds = map[spec.Kind]spec.Kind{spec.Join: spec.Joined, spec.Leave: spec.Left, spec.Sync: spec.Synced,
	spec.Query: spec.Answered, spec.Create: spec.Created, spec.Destroy: spec.Destroyed}

func (w *World) returned(base spec.Event, e *impl.Effect) {
	if e.Ref == impl.RestoreRef {
		w.restored(base, e)
		return
	}
	of := uint64(e.Ref) &^ callRef
	if e.Ref < callRef || of == 0 || of > uint64(len(w.calls)) {
		return
	}
	base.Kind, base.Has = returnKinds[w.calls[of-1]], base.Has|spec.HasOf
	w.extra(base, spec.Extra{Of: of, Members: membersOf(base.Kind, e.Body)})
}

// refusedCall writes down why a group was not created or destroyed. Of the other calls a refusal is no return: what they
// ask for may still come to be.
func (w *World) refusedCall(base spec.Event, e *impl.Effect) {
	of := uint64(e.Ref) &^ callRef
	if e.Ref >= impl.RestoreRef || of == 0 || of > uint64(len(w.calls)) {
		return
	}
	if k := w.calls[of-1]; k == spec.Create || k == spec.Destroy {
		base.Kind, base.Has = returnKinds[k], base.Has|spec.HasOf
		w.extra(base, spec.Extra{Of: of, Reason: e.Code.String()})
	}
}

// remark writes down that a fault began or ended.
func (w *World) remark(k spec.Kind, i int) {
	observed := w.observed
	e := spec.Event{Kind: k}
	if a := &w.s.Steps[i].Action; a.Op == faults.Isolate {
		e.Node, e.Has = a.Node, spec.HasNode
	}
	w.extra(e, spec.Extra{Text: w.s.Steps[i].Action.Op.String(), ID: uint64(i)})
	w.observed = observed // the harness's doings are nothing that a node observes
}

// note writes down what a layer holds back or discards.
func (w *World) note(id spec.NodeID, e *impl.Effect) {
	switch e.Code {
	case impl.Taken:
		if w.taking != nil {
			w.taken(id, w.taking)
		}
		return
	case impl.BufferDepth:
		w.kept(id, e)
		return
	case impl.BarrierPassed:
		w.barrier(id, e)
		return
	case impl.NumberFetched, impl.NumberReceived, impl.Invoked, impl.Returned, impl.StateReached:
		w.told(id, e)
		return
	case impl.Leads, impl.Entered, impl.Left:
		w.role(id, e)
		return
	case impl.FilteredByNIC:
		w.counts.ByNIC++
	case impl.FilteredByDriver:
		w.counts.ByDriver++
	}
	if int(id) >= w.procs {
		return
	}
	w.grows = w.grows || e.Code == impl.HeldBack
	discarded := e.Code < impl.HeldBack || e.Code == impl.Aborted
	if discarded {
		w.counts.Discards[e.Code]++
	}
	if !w.cfg.Evidence {
		return
	}
	switch {
	case e.Code == impl.HeldBack:
		w.evidence(id, spec.Hold, e.Code.String())
	case discarded:
		w.evidence(id, spec.Discard, e.Code.String())
	}
}

// barrier writes down that a barrier takes effect at a node.
func (w *World) barrier(id spec.NodeID, e *impl.Effect) {
	caller := spec.NodeID(uint32(e.Num))
	if caller < 0 || int(caller) >= w.procs || int(id) >= w.procs {
		return
	}
	w.extra(spec.Event{Kind: spec.Note, Node: id, Group: w.about(e), Has: spec.HasNode | spec.HasGroup | spec.HasMsg,
		Msg: spec.MsgID{Sender: caller, Incarnation: spec.Incarnation(e.Num >> 32), Number: e.Last}}, spec.Extra{Op: spec.OpBarrier})
}

// kept writes down how many copies a layer keeps, where that is judged. The trace does not count it.
func (w *World) kept(id spec.NodeID, e *impl.Effect) {
	if g := w.about(e); w.bounded && int(id) < w.procs && w.now >= w.epoch && g != impl.Shared {
		w.h.AddExtra(spec.Event{T: spec.Time(w.now - w.epoch), Kind: spec.Note, Node: id, Group: g,
			Has: spec.HasNode | spec.HasGroup}, spec.Extra{Op: spec.OpKept, Depth: int64(e.Num)})
	}
}

// evidence adds an event that the trace does not count, so that a run has the same trace with it and without.
func (w *World) evidence(id spec.NodeID, k spec.Kind, reason string) {
	if w.cfg.Evidence && w.now >= w.epoch {
		w.h.AddExtra(spec.Event{T: spec.Time(w.now - w.epoch), Kind: k, Node: id, Has: spec.HasNode}, spec.Extra{Reason: reason,
			Depth: int64(w.nodes[id].holding.depth)})
	}
}

// reasonOf tells judges of costs what a packet is.
func reasonOf(code impl.Code) string {
	if code == impl.BareAck {
		return spec.ReasonAck
	}
	return ""
}

// packet writes down a packet on a one-to-one link, where the costs of a run are judged.
func (w *World) packet(from, to spec.NodeID, code impl.Code) {
	if !w.priced {
		return
	}
	w.h.AddExtra(spec.Event{T: spec.Time(w.now), Kind: spec.Frame, Node: from, From: from, To: to,
		Has: spec.HasNode | spec.HasFrom | spec.HasTo | spec.HasID}, spec.Extra{ID: uint64(w.counts.Packets), Op: "unicast", Reason: reasonOf(code)})
}
