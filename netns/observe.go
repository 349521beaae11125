package netns

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

func digest(body []byte) spec.Digest { return spec.Digest(xxhash.Sum64(body)) }

// observe tells what the node does or sees, and then the application.
func (n *Node) observe(e spec.Event, x *spec.Extra, body []byte) {
	e.T, e.Node, e.Has = n.now(), n.cfg.Self, e.Has|spec.HasNode
	if n.cfg.Observe != nil {
		n.cfg.Observe(e, x)
	}
	if n.cfg.Hear != nil {
		n.cfg.Hear(e, body)
	}
}

// born tells that a life begins, and its incarnation: as a recovery, but for the first one, of which it is a remark.
func (n *Node) born() {
	e := spec.Event{Kind: spec.Recover, Has: spec.HasID}
	if n.inc == 0 {
		e.Kind = spec.Note
	}
	n.observe(e, &spec.Extra{ID: uint64(n.inc), Text: "start"}, nil)
}

// record tells what the protocol told its application.
func (n *Node) record(e *impl.Effect) {
	var x spec.Event
	if g := n.about(e); g != impl.Shared {
		x.Group, x.Has = g, spec.HasGroup
	}
	switch e.Kind {
	case impl.Up:
		n.delivered(e)
	case impl.Acknowledge, impl.Refuse, impl.Finish:
		n.answered(e)
	case impl.Suspect, impl.Trust:
		x.Kind, x.To, x.Has = spec.Suspect, e.From, x.Has|spec.HasTo
		if e.Kind == impl.Trust {
			x.Kind = spec.Trust
		}
		n.observe(x, nil, nil)
	case impl.Gap:
		x.Kind, x.From, x.Has = spec.Gap, e.From, x.Has|spec.HasFrom
		n.observe(x, nil, nil)
	case impl.Block, impl.Unblock:
		x.Kind = spec.Block
		if e.Kind == impl.Unblock {
			x.Kind = spec.Unblock
		}
		n.observe(x, nil, nil)
	case impl.InstallView:
		x.Kind, x.Has = spec.ViewChange, x.Has|spec.HasView
		if slices.Contains(e.View.Came, n.cfg.Self) { // else it comes in without a past, and nobody comes along
			told := x
			told.Has |= spec.IsTransitional
			n.observe(told, &spec.Extra{View: e.View.ID, Members: e.View.Came}, nil)
		}
		n.observe(x, &spec.Extra{View: e.View.ID, Members: e.View.Members}, nil)
	}
}

// answered tells the answer to a send or to a call; of several answers to one, the first.
func (n *Node) answered(e *impl.Effect) {
	var x spec.Event
	if g := n.about(e); g != impl.Shared {
		x.Group, x.Has = g, spec.HasGroup
	}
	if e.Ref >= callRef || e.Kind == impl.Finish {
		n.returned(x, e)
		return
	}
	if !n.waiting[e.Ref] {
		return
	}
	delete(n.waiting, e.Ref)
	x.Msg, x.Has = spec.MsgID{Sender: n.cfg.Self, Incarnation: n.inc, Number: uint64(e.Ref)}, x.Has|spec.HasMsg
	if e.Kind == impl.Acknowledge {
		x.Kind = spec.Ack
		n.observe(x, nil, nil)
		return
	}
	x.Kind = spec.Refuse
	n.observe(x, &spec.Extra{Reason: e.Code.String()}, nil)
}

func (n *Node) delivered(e *impl.Effect) {
	body, msg, ok := impl.Open(e.Body)
	if !ok || msg.Sender < 0 || int(msg.Sender) >= n.cfg.Nodes {
		// Not even the envelope is whole: nobody sent this.
		body = e.Body
		msg = spec.MsgID{Sender: min(max(0, e.From), spec.NodeID(n.cfg.Nodes-1)), Incarnation: 1<<32 - 1, Number: uint64(digest(body)) >> 12}
	}
	x := spec.Event{Kind: spec.Deliver, Msg: msg, Sum: digest(body), From: e.From, Len: int32(len(body)),
		Has: spec.HasMsg | spec.HasSum | spec.HasFrom | spec.HasLen}
	if e.From < 0 || int(e.From) >= n.cfg.Nodes {
		x.From, x.Has = 0, x.Has&^spec.HasFrom
	}
	if e.To == impl.Everyone {
		x.Group, x.Has = n.about(e), x.Has|spec.HasGroup
	} else {
		x.To, x.Has = n.cfg.Self, x.Has|spec.HasTo
	}
	if e.Flag {
		x.Has |= spec.IsRedelivered
	}
	if e.To == impl.Everyone && e.Num != 0 {
		x.Has |= spec.HasPos
		n.observe(x, &spec.Extra{Pos: e.Num}, body)
		return
	}
	n.observe(x, nil, body)
}

// nears tells what the node is about to do.
func (n *Node) nears(e *impl.Effect) {
	switch {
	case e.Kind == impl.Note && e.Code >= impl.PointRelayed:
		n.cfg.Moment(faults.OnPoint, e.Code.String())
	case e.Kind == impl.Down && e.To != n.cfg.Self && len(e.Body) > 0:
		n.cfg.Moment(faults.OnSend, "")
	case e.Kind == impl.Up:
		n.cfg.Moment(faults.OnDeliver, "")
	case e.Kind == impl.Acknowledge:
		n.cfg.Moment(faults.OnAck, "")
	case e.Kind == impl.Persist:
		n.cfg.Moment(faults.OnPersist, "")
	}
}

// remark tells that a barrier takes effect, and how much is kept: judges have to know, and the application does not.
func (n *Node) remark(e *impl.Effect) {
	if n.cfg.Observe == nil {
		return
	}
	switch e.Code {
	case impl.BufferDepth:
		if g := n.about(e); n.cfg.Depths && g != impl.Shared {
			n.cfg.Observe(spec.Event{T: n.now(), Kind: spec.Note, Node: n.cfg.Self, Group: g, Has: spec.HasNode | spec.HasGroup},
				&spec.Extra{Op: spec.OpKept, Depth: int64(e.Num)})
		}
		return
	case impl.NumberFetched, impl.NumberReceived, impl.StateReached:
		n.says(e)
		return
	case impl.Leads, impl.Entered, impl.Left:
		n.role(e)
		return
	}
	if e.Code == impl.FilteredByDriver && n.cfg.Sights {
		n.discarded(e.Code)
		return
	}
	if e.Code == impl.Taken && n.cfg.Sights {
		n.saw(spec.GroupID(e.Num), -1, 0)
		return
	}
	caller := spec.NodeID(uint32(e.Num))
	if e.Code != impl.BarrierPassed || caller < 0 || int(caller) >= n.cfg.Nodes {
		return
	}
	n.cfg.Observe(spec.Event{T: n.now(), Kind: spec.Note, Node: n.cfg.Self, Group: n.about(e), Has: spec.HasNode | spec.HasGroup | spec.HasMsg,
		Msg: spec.MsgID{Sender: caller, Incarnation: spec.Incarnation(e.Num >> 32), Number: e.Last}}, &spec.Extra{Op: spec.OpBarrier})
}

// callRef marks the references of calls, so that they are not taken for sends.
const callRef = 1 << 62

// callID makes the number of a call unlike those of other nodes and lives.
func (n *Node) callID(id uint64) uint64 { return uint64(n.cfg.Self)<<40 | uint64(n.inc)<<24 | id }

var callKinds = map[impl.InputKind]spec.Kind{impl.Join: spec.Join, impl.Leave: spec.Leave, impl.Barrier: spec.Sync,
	impl.Query: spec.Query, impl.Create: spec.Create, impl.Destroy: spec.Destroy}

var returnKinds = map[spec.Kind]spec.Kind{spec.Join: spec.Joined, spec.Leave: spec.Left, spec.Sync: spec.Synced,
	spec.Query: spec.Answered, spec.Create: spec.Created, spec.Destroy: spec.Destroyed}
