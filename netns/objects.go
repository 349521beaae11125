package netns

import (
	"strconv"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What judges of views, of objects and of roles need to be told, besides messages.

// returned tells that a call returns, or the state that an application is given as it comes into a group. Of the calls
// that are refused only those that create or destroy a group return: what the others ask for may still come to be.
func (n *Node) returned(x spec.Event, e *impl.Effect) {
	if e.Ref == impl.RestoreRef {
		if ids, ok := impl.ReadMsgs(e.Body); ok { // else the state of another kind of application
			x.Kind = spec.Restore
			n.observe(x, &spec.Extra{Msgs: ids}, nil)
		}
		return
	}
	of := uint64(e.Ref) &^ callRef
	if e.Ref < callRef || of == 0 || of > uint64(len(n.calls)) {
		return
	}
	call := n.calls[of-1]
	x.Kind, x.Has = returnKinds[call], x.Has|spec.HasOf
	extra := &spec.Extra{Of: n.callID(of)}
	switch {
	case e.Kind != impl.Refuse:
		if (call == spec.Query || call == spec.Join) && len(e.Body) > 0 {
			extra.Members, _ = impl.ReadMembers(e.Body)
		}
	case call == spec.Create || call == spec.Destroy:
		extra.Reason = e.Code.String()
	default:
		return
	}
	n.observe(x, extra, e.Body)
}

// fetch is the operation of the number server.
const fetch = "fetch"

// says tells what a layer says of the objects that it operates on: calls of the number server, and the states of
// replicas. A layer delivers last, so that a state is said to be reached before the message that it contains is
// delivered; it is told when the step is over, so that a process that is killed in between has told nobody.
func (n *Node) says(e *impl.Effect) {
	g := n.about(e)
	if g == impl.Shared {
		return
	}
	x := spec.Event{Node: n.cfg.Self, T: n.now(), Has: spec.HasNode}
	number := e.Num>>32<<40 | uint64(g)<<32 | e.Num&(1<<32-1) // a layer counts its calls of a life in a group
	server := "numbers/" + strconv.Itoa(int(g))
	if int(g) < len(n.cfg.Names) {
		server = "numbers/" + n.cfg.Names[g]
	}
	switch e.Code {
	case impl.NumberFetched:
		x.Kind, x.Has = spec.Invoke, x.Has|spec.HasID
		n.cfg.Observe(x, &spec.Extra{ID: number, Object: server, Op: fetch})
	case impl.NumberReceived:
		x.Kind, x.Has = spec.Return, x.Has|spec.HasOf
		n.cfg.Observe(x, &spec.Extra{Of: number, Object: server, Value: strconv.FormatUint(e.Last, 10)})
	case impl.StateReached:
		n.states = append(n.states, spec.Event{Kind: spec.Note, Node: n.cfg.Self, Group: g, Sum: spec.Digest(e.Num),
			Has: spec.HasNode | spec.HasGroup | spec.HasSum})
	}
}

// reached tells the states that a replica reached in a step which is over.
func (n *Node) reached() {
	for _, x := range n.states {
		x.T = n.now()
		n.cfg.Observe(x, &spec.Extra{Op: spec.OpState})
	}
	n.states = n.states[:0]
}

// role tells that the node has become the leader of its group in a term, or enters or leaves the critical section.
func (n *Node) role(e *impl.Effect) {
	x := spec.Event{T: n.now(), Kind: spec.Note, Node: n.cfg.Self, Has: spec.HasNode}
	if g := n.about(e); g != impl.Shared {
		x.Group, x.Has = g, x.Has|spec.HasGroup
	}
	extra := &spec.Extra{Op: spec.OpEnter}
	switch e.Code {
	case impl.Leads:
		x.Has |= spec.HasPos
		extra = &spec.Extra{Op: spec.OpLeader, Pos: e.Num}
	case impl.Left:
		extra.Op = spec.OpExit
	}
	n.cfg.Observe(x, extra)
}
