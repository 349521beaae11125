package adapter

import (
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// ownCall is what an id stands for in one life of a node.
type ownCall struct {
	kind  spec.Kind // send, join, …
	group spec.GroupID
	msg   spec.MsgID // of a send
	id    uint64     // of any other call, in the history
	over  bool       // it has had its answer
}

// callKinds and returnKinds are how a history writes down that something is asked for, and answered.
var (
	callKinds = map[faults.Op]spec.Kind{faults.Join: spec.Join, faults.Leave: spec.Leave, faults.Sync: spec.Sync,
		faults.Query: spec.Query, faults.Create: spec.Create, faults.Destroy: spec.Destroy}
	returnKinds = map[spec.Kind]spec.Kind{spec.Join: spec.Joined, spec.Leave: spec.Left, spec.Sync: spec.Synced,
		spec.Query: spec.Answered, spec.Create: spec.Created, spec.Destroy: spec.Destroyed}
)

// waits says whether a node can't be asked for something yet: it is not ready, or stands still, or is still on its way in or
// out of the group that it is to leave or join, which no application does before the last call has returned.
func (w *Own) waits(step int) bool {
	a := &w.s.Steps[step].Action
	x := &w.nodes[a.Node]
	moves := func(k spec.Kind) bool { return k == spec.Join || k == spec.Leave }
	return x.paused || x.starting || moves(callKinds[a.Op]) &&
		slices.ContainsFunc(x.calls, func(c ownCall) bool { return moves(c.kind) && c.group == a.Group && !c.over })
}

// ask lets a node send, join, leave, set a barrier or ask, if it is up.
func (w *Own) ask(step int) error {
	a := &w.s.Steps[step].Action
	x := &w.nodes[a.Node]
	if x.p == nil {
		return nil
	}
	line := callLine{Op: a.Op.String(), ID: uint64(len(x.calls) + 1), Group: w.s.Groups[a.Group].Name}
	c := ownCall{group: a.Group}
	e := spec.Event{Node: a.Node, Group: a.Group, Has: spec.HasNode | spec.HasGroup}
	if a.Op == faults.Send {
		body := w.body(step)
		x.sends++
		c.kind, c.msg = spec.Send, spec.MsgID{Sender: a.Node, Incarnation: spec.Incarnation(x.life), Number: x.sends}
		line.Msg, line.Body = c.msg.String(), &body
		e.Kind, e.Msg, e.Sum, e.Len = spec.Send, c.msg, spec.Digest(xxhash.Sum64(body)), int32(len(body))
		e.Has |= spec.HasMsg | spec.HasSum | spec.HasLen
		w.observe(e)
	} else {
		w.asked++
		c.kind, c.id = callKinds[a.Op], w.asked
		e.Kind, e.Has = c.kind, e.Has|spec.HasID
		w.extra(e, spec.Extra{ID: c.id})
	}
	x.calls = append(x.calls, c)
	b, err := encode(line)
	if err == nil {
		err = x.p.write(b)
	}
	if err != nil {
		return fmt.Errorf("node %d: %w", a.Node, err)
	}
	return nil
}

// body makes what a step sends.
func (w *Own) body(step int) []byte {
	a := &w.s.Steps[step].Action
	stream := uint64(step)
	if a.Content != 0 {
		stream = 1<<32 | uint64(a.Content)
	}
	r := spec.NewRand(w.s.Seed, stream)
	b := make([]byte, a.Size)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return b
}

// answered writes down the answer to a call. That a call other than a send is refused is no return: what it asks for may
// still come to be.
func (w *Own) answered(id spec.NodeID, n *ownNode, l *Line) error {
	if l.Of == 0 || l.Of > uint64(len(n.calls)) {
		return fmt.Errorf("nothing with the id %d was asked in this life", l.Of)
	}
	c := &n.calls[l.Of-1]
	if c.over {
		return fmt.Errorf("the call with the id %d has had its answer", l.Of)
	}
	c.over = true
	e := spec.Event{Node: id, Group: c.group, Msg: c.msg, Has: spec.HasNode | spec.HasGroup}
	switch {
	case c.kind != spec.Send && l.Op == "done":
		members, err := parseNodes(l.Members, w.s.Nodes)
		if err != nil {
			return err
		}
		if l.Members == nil || c.kind != spec.Query && c.kind != spec.Join {
			members = nil
		}
		e.Kind, e.Has = returnKinds[c.kind], e.Has|spec.HasOf
		w.extra(e, spec.Extra{Of: c.id, Members: members})
		return w.sendDue(id)
	case c.kind == spec.Create || c.kind == spec.Destroy:
		e.Kind, e.Has = returnKinds[c.kind], e.Has|spec.HasOf
		w.extra(e, spec.Extra{Of: c.id, Reason: l.Code})
	case c.kind != spec.Send:
		return w.sendDue(id)
	case l.Op == "done":
		e.Kind, e.Has = spec.Ack, e.Has|spec.HasMsg
		w.observe(e)
		return w.moment(id, n, faults.OnAck)
	case l.Definite:
		e.Kind, e.Has = spec.Refuse, e.Has|spec.HasMsg
		w.extra(e, spec.Extra{Reason: l.Code})
	}
	return nil
}

// groupOf gives the group that a line names. Where there is one, it need not.
func (w *Own) groupOf(name string) (spec.GroupID, error) {
	if name == "" && len(w.s.Groups) == 1 {
		return 0, nil
	}
	i := slices.IndexFunc(w.s.Groups, func(g faults.Group) bool { return g.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("there is no group %q", name)
	}
	return spec.GroupID(i), nil
}
