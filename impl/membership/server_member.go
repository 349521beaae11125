package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// call waits for its turn: one request after the other, so that the server hears them in order.
func (l *Server) call(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Join:
		if slices.ContainsFunc(l.calls, func(c serverCall) bool { return c.kind == impl.Leave }) {
			out.Refuse(in.Ref, impl.ViewChanging) // not before the leave has returned
			return
		}
		l.wants = true
		for i := range l.calls {
			if c := &l.calls[i]; c.kind == impl.Join { // the later call is answered
				l.up = append(l.up, impl.Effect{Kind: impl.Refuse, Ref: c.ref, Code: impl.ViewChanging})
				c.ref, c.n = in.Ref, 0 // with a new number: the old one may have been answered already
				l.ask(out)
				return
			}
		}
		out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.Join}) // where the transport has to listen
	case impl.Leave:
		l.wants = false
	}
	l.calls = append(l.calls, serverCall{kind: in.Kind, ref: in.Ref})
	if len(l.calls) == 1 {
		l.ask(out)
	}
}

// ask sends the first call to the server, for the first time or again.
func (l *Server) ask(out *impl.Effects) {
	if !l.ready || len(l.calls) == 0 {
		return
	}
	c := &l.calls[0]
	if c.n == 0 {
		l.number++
		c.n = l.number
	}
	l.send(l.at, &serverPacket{kind: serverRequestKind, op: byte(c.kind), life: l.incarnation, n: c.n, flag: c.ref == gateRejoin}, out)
}

// answered ends the first call.
func (l *Server) answered(p *serverPacket, out *impl.Effects) {
	if len(l.calls) == 0 || l.calls[0].n != p.n {
		return
	}
	c := l.calls[0]
	l.calls = append(l.calls[:0], l.calls[1:]...)
	switch {
	case p.code != 0:
		if c.kind == impl.Join {
			l.wants = false
		}
		l.up = append(l.up, impl.Effect{Kind: impl.Refuse, Ref: c.ref, Code: impl.Code(p.code)})
	default:
		if c.kind == impl.Leave {
			l.gone(p.id, out)
		}
		l.up = append(l.up, impl.Effect{Kind: impl.Finish, Ref: c.ref, Body: impl.AppendMembers(nil, nodesOf(p.members))})
	}
	l.ask(out)
}

// gone ends the membership of this node: nothing more is handed up of the group.
func (l *Server) gone(id uint64, out *impl.Effects) {
	l.newest = max(l.newest, id)
	if l.view.id == 0 {
		return
	}
	l.view, l.pending, l.blocked = groupView{}, groupPending{}, true
	if !slices.ContainsFunc(l.calls, func(c serverCall) bool { return c.kind == impl.Join }) {
		out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.Leave})
	}
	l.up = append(l.up, impl.Effect{Kind: impl.Block, View: &spec.View{ID: spec.ViewID{Epoch: id}}})
}

// prepare is asked whether this node is ready for a view.
func (l *Server) prepare(p *serverPacket, out *impl.Effects) {
	v := &p.groupView
	switch {
	case v.id <= l.newest || l.pending.under && v.id < l.pending.view.id:
		return
	case l.pending.under && v.id == l.pending.view.id:
		if l.pending.over {
			l.sayReady(out)
		}
		return
	}
	flushes := slices.Contains(v.came, l.cfg.Self)
	if flushes && v.from != l.view.id {
		return // it thinks that I am somewhere else: it will hear
	}
	l.refs++
	l.pending = groupPending{view: *v, ref: serverRefs | impl.Ref(l.refs), under: true}
	if !flushes {
		l.pending.over = true
		l.sayReady(out)
		return
	}
	l.blocked = true
	l.up = append(l.up, impl.Effect{Kind: impl.Block, Ref: l.pending.ref,
		View: &spec.View{ID: spec.ViewID{Epoch: v.id}, Members: v.nodes(), Came: slices.Clone(v.came)}})
}

// flushed is told by the layers above that they are ready.
func (l *Server) flushed(ref impl.Ref, out *impl.Effects) {
	if l.pending.under && ref == l.pending.ref && !l.pending.over {
		l.pending.over = true
		l.sayReady(out)
	}
}

func (l *Server) sayReady(out *impl.Effects) {
	l.send(l.at, &serverPacket{kind: serverReady, life: l.incarnation, groupView: groupView{id: l.pending.view.id}}, out)
}

// callOff goes on in the view that this node has.
func (l *Server) callOff() {
	l.pending = groupPending{}
	if l.blocked && l.view.id != 0 {
		l.blocked = false
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
	}
}

// install takes in what has been decided.
func (l *Server) install(p *serverPacket, relay bool, out *impl.Effects) {
	v := &p.groupView
	if v.id <= l.newest {
		if !relay {
			l.sayInstalled(v.id, out)
		}
		return
	}
	me := slices.IndexFunc(v.members, func(m groupMember) bool { return m.node == l.cfg.Self })
	if !relay && l.gaveUp(v) {
		l.send(l.at, &serverPacket{kind: serverStatus, life: l.incarnation, groupView: groupView{id: l.view.id}, flag: l.wants && len(l.calls) == 0, n: v.id}, out)
		return
	}
	switch {
	case me >= 0 && v.members[me].life != l.incarnation: // of an earlier life
		return
	case me < 0 && !relay: // I have left, or the group is no more
		l.wants = slices.ContainsFunc(l.calls, func(c serverCall) bool { return c.kind == impl.Join })
		l.gone(v.id, out)
		l.sayInstalled(v.id, out)
		return
	case me < 0:
		return
	}
	for _, m := range l.relayTo(v) { // whatever one installs all do, though the server dies
		if m.node != l.cfg.Self && l.Rules.Tells(l.cfg.Self, m.node) {
			l.send(m.node, &serverPacket{kind: serverRelay, groupView: *v}, out)
		}
	}
	came := l.pending.under && l.pending.over && l.pending.view.id == v.id && v.from == l.view.id
	unblock := l.blocked || l.view.id == 0
	l.view, l.newest, l.pending, l.blocked = *v, v.id, groupPending{}, false
	l.sayInstalled(v.id, out)
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: l.viewOf(v, came)})
	if unblock {
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
	}
}

// gaveUp says whether this node was ready for a view, and has gone on in the one before since. If all had, nobody would
// bring the state along; so it waits for the next question, where the server begins from what its members have, or for one
// that has come along. Where there are levels it comes in as a new one.
func (l *Server) gaveUp(v *groupView) bool {
	ready := l.pending.under && l.pending.over && l.pending.view.id == v.id
	return l.levels == nil && l.view.id != 0 && v.from == l.view.id && slices.Contains(v.came, l.cfg.Self) && !ready
}

// relayTo gives the members that this one tells what it has been told; where there are levels coordinators do that.
func (l *Server) relayTo(v *groupView) []groupMember {
	if l.levels != nil {
		return nil
	}
	return v.members
}

func (l *Server) sayInstalled(id uint64, out *impl.Effects) {
	l.send(l.at, &serverPacket{kind: serverInstalled, life: l.incarnation, groupView: groupView{id: id}}, out)
}
