package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// groupBase is the database of the server: the group, and what it has answered.
type groupBase struct {
	id        uint64 // of the view that was decided last
	used      uint64 // the highest number of a view that was asked for
	destroyed bool
	belong    []groupMember // who is a member, or was removed and has not left; their lives do not count
	members   []groupMember
	sessions  []groupSession // by node
}

// groupSession is the last change that a life of a node has called for, and its answer.
type groupSession struct {
	life    uint32
	n       uint64
	code    impl.Code // 0: done, and these are the members since
	members []groupMember
}

// serverPeer is what the server knows of a node. It forgets that with its life.
type serverPeer struct {
	known     bool
	wants     bool
	life      uint32
	installed uint64
	bare      uint64 // that view, if no state has come with it
	heard     spec.Time
}

// serverRequest is a change that waits for its turn.
type serverRequest struct {
	from  spec.NodeID
	life  uint32
	n     uint64
	op    impl.InputKind
	again bool // a join that the gate asks for after a crash
}

// serverStage is how far a change is.
type serverStage uint8

const (
	isIdle serverStage = iota
	isNumbering
	isAsking
	isDeciding
	isTelling
	isRefusing
)

// serverChange is the change under way: there is one at a time, so that each call has its own place among them.
type serverChange struct {
	stage   serverStage
	request serverRequest // op 0: nobody has called for it
	next    groupBase
	view    groupView // came: who flushes
	await   impl.NodeSet
	save    uint64
	gaveUp  impl.NodeSet // who was ready, and does not come along any more
	before  uint64       // bytes of the log before its record
	size    uint64       // of its record
}

// serve takes in what a node says to the server.
func (l *Server) serve(from spec.NodeID, p *serverPacket, now spec.Time, out *impl.Effects) {
	q := &l.peers[from]
	if q.known && p.life < q.life {
		out.Note(impl.Stale, uint64(from), uint64(p.life))
		return
	}
	if !q.known || p.life > q.life {
		if _, in := l.memberOf(l.doing.view.members, from); !in && l.doing.stage == isTelling {
			l.doing.await.Remove(from) // the life that left is over, and this one has nothing to leave
		}
		*q = serverPeer{known: true, life: p.life}
	}
	q.heard = now
	switch p.kind {
	case serverStatus:
		q.installed, q.wants = max(q.installed, p.id), p.flag
		if l.doing.stage == isTelling && p.n == l.doing.view.id && q.installed < p.n {
			l.doing.await.Remove(from)
			l.doing.gaveUp.Add(from)
		}
		l.send(from, &serverPacket{kind: serverHere, life: q.life}, out)
	case serverRequestKind:
		l.request(from, p, out)
	case serverReady:
		if l.doing.stage == isAsking && p.id == l.doing.view.id {
			l.doing.await.Remove(from)
		}
	case serverInstalled:
		q.installed = max(q.installed, p.id)
		if l.doing.stage == isTelling && p.id >= l.doing.view.id {
			l.doing.await.Remove(from)
		}
	}
	l.decide(now, out)
}

// request answers what needs no change, and lets the rest wait for its turn.
func (l *Server) request(from spec.NodeID, p *serverPacket, out *impl.Effects) {
	s := &l.base.sessions[from]
	r := serverRequest{from, p.life, p.n, impl.InputKind(p.op), p.flag}
	same := func(x serverRequest) bool { return x == r }
	switch done := s.life == p.life && s.n >= p.n; {
	case same(l.doing.request) || slices.ContainsFunc(l.requests, same):
		return // under way
	case done && s.n == p.n && s.code != 0:
		l.reply(r, nil, s.code, out)
	case done && s.n == p.n && r.op == impl.Join && l.belongs(from) && !slices.Contains(l.base.members, groupMember{from, p.life}):
		l.requests = append(l.requests, r) // it was removed before it heard that it is in; when the group was destroyed since, it was in
	case done && s.n == p.n && l.everywhere():
		l.reply(r, s.members, 0, out)
	case done && s.n == p.n: // who asks again is told when it is true
	case done || s.life > p.life:
		out.Note(impl.Stale, uint64(from), p.n)
	case r.op == impl.Query:
		shown := l.Rules.Shows(nodesOf(l.base.members), nodesOf(l.doing.next.members))
		list := make([]groupMember, 0, len(shown))
		for _, n := range shown {
			list = append(list, groupMember{node: n})
		}
		l.reply(r, list, 0, out)
	case r.op == impl.Join || r.op == impl.Leave || r.op == impl.Create || r.op == impl.Destroy:
		l.requests = append(l.requests, r)
	default:
		out.Note(impl.Malformed, uint64(from), uint64(p.op))
	}
}

func (l *Server) reply(r serverRequest, members []groupMember, code impl.Code, out *impl.Effects) {
	l.send(r.from, &serverPacket{kind: serverAnswer, life: r.life, n: r.n, code: uint64(code), groupView: groupView{id: l.base.id, members: members}}, out)
}

// alive says whether a life of a node is there, as far as is known.
func (l *Server) alive(m groupMember) bool {
	q := &l.peers[m.node]
	return q.known && !l.Rules.Reborn(m.life, q.life) && !(l.suspected.Has(m.node) && m.node != l.cfg.Self) && !l.mute(m.node)
}

// silent says whether a node that is no member has not been heard for TL: nobody else watches it.
func (l *Server) silent(n spec.NodeID) bool {
	_, in := l.memberOf(l.base.members, n)
	return !in && l.now-l.peers[n].heard > spec.Time(l.cfg.TL)
}

// here says whether enough is known to begin: who has come back first hears what views its members have.
func (l *Server) here(now spec.Time) bool {
	if l.incarnation == 0 || now-l.since > spec.Time(l.cfg.TL+l.cfg.TL/4) {
		return true
	}
	return !slices.ContainsFunc(l.base.members, func(m groupMember) bool {
		return !l.peers[m.node].known && !l.suspected.Has(m.node)
	})
}

// decide goes on with the change under way, or begins the next.
func (l *Server) decide(now spec.Time, out *impl.Effects) {
	if l.cfg.Self != l.at || !l.ready {
		return
	}
	if l.stand(); !l.here(now) {
		return
	}
	l.listen()
	switch l.doing.stage {
	case isAsking:
		if !l.holds() {
			l.doing = serverChange{}
			l.next(out)
		} else if !l.waits() {
			l.save(out)
		}
	case isTelling:
		for n := l.doing.await.Next(0); n >= 0; n = l.doing.await.Next(n + 1) {
			if m, in := l.memberOf(l.doing.view.members, n); !in && (l.suspected.Has(n) || l.mute(n) || l.indirect() && l.silent(n)) || in && !l.alive(m) {
				l.doing.await.Remove(n)
			}
		}
		if r := l.doing.request; r.op == impl.Join && !l.alive(groupMember{r.from, r.life}) {
			l.doing.request = serverRequest{} // it will ask again
		}
		if l.doing.gaveUp.Len() > 0 {
			l.doing.request = serverRequest{} // who asks again is told when the next view has come
		}
		if l.Rules.Answers(l.doing.await.Len() == 0) && l.doing.request.op != 0 {
			l.reply(l.doing.request, l.base.sessions[l.doing.request.from].members, 0, out)
			l.doing.request = serverRequest{}
		}
		if l.doing.await.Len() == 0 {
			l.strand()
			l.doing = serverChange{}
			l.next(out)
		}
	case isIdle:
		l.next(out)
	}
}

// strand notes who has a view to which nobody came along: no state has come to it either.
func (l *Server) strand() {
	d := &l.doing
	if d.gaveUp.Len() == 0 || slices.ContainsFunc(d.view.came, func(n spec.NodeID) bool { return l.peers[n].installed >= d.view.id }) {
		return
	}
	for _, m := range d.view.members {
		if q := &l.peers[m.node]; q.installed == d.view.id {
			q.bare = d.view.id
		}
	}
}

// held gives the newest view of a node with the state of the group; 0: none.
func (q *serverPeer) held() uint64 {
	if q.installed == q.bare {
		return 0
	}
	return q.installed
}

// waits says whether somebody is not ready.
func (l *Server) waits() bool {
	for n := l.doing.await.Next(0); n >= 0; n = l.doing.await.Next(n + 1) {
		if l.Rules.Awaits(n) {
			return true
		}
	}
	return false
}

func (l *Server) memberOf(members []groupMember, n spec.NodeID) (groupMember, bool) {
	for _, m := range members {
		if m.node == n {
			return m, true
		}
	}
	return groupMember{}, false
}

// holds says whether those who were asked are still there, and where they were thought to be.
func (l *Server) holds() bool {
	for _, m := range l.doing.view.members {
		if !l.alive(m) && l.Rules.Removes(m.node) || l.silent(m.node) {
			return false
		}
	}
	for _, n := range l.doing.view.came {
		m, _ := l.memberOf(l.base.members, n)
		if !l.alive(m) && l.Rules.Removes(n) || l.peers[n].installed > l.doing.view.from {
			return false
		}
	}
	return true
}

// next begins a change, if there is one to make.
func (l *Server) next(out *impl.Effects) {
	for len(l.requests) > 0 {
		r := l.requests[0]
		code, refused := impl.NoCode, false
		switch q := &l.peers[r.from]; {
		case r.life != q.life || l.suspected.Has(r.from) && r.from != l.cfg.Self || r.op == impl.Join && l.silent(r.from): // it is dead, or will ask again
		case r.op == impl.Create && !l.base.destroyed:
			code, refused = impl.GroupExists, true
		case r.op == impl.Join && r.again && !l.belongs(r.from): // it has left before it died
			code, refused = impl.NotMember, true
		case (r.op == impl.Join || r.op == impl.Destroy) && l.base.destroyed:
			code, refused = impl.NoGroup, true
		default:
			l.propose(r, out)
			return
		}
		l.requests = append(l.requests[:0], l.requests[1:]...)
		if refused { // for good: a copy of the request that comes late is refused too
			l.base.sessions[r.from] = groupSession{life: r.life, n: r.n, code: code}
			l.doing = serverChange{stage: isRefusing, request: r}
			l.write(&l.base, out)
			return
		}
	}
	if l.wrong() {
		l.propose(serverRequest{}, out)
	}
}

// wrong says whether the database is not what is.
func (l *Server) wrong() bool {
	l.target = l.present(l.target[:0])
	target := l.target
	if !slices.Equal(target, l.base.members) {
		return true
	}
	if l.base.used > l.base.id && len(target) > 0 { // a change was given up, and who was asked for it has stopped sending
		return true
	}
	return slices.ContainsFunc(target, func(m groupMember) bool { return l.peers[m.node].known && l.peers[m.node].installed != l.base.id })
}

// everywhere says whether all members that are there have the last view.
func (l *Server) everywhere() bool {
	return !slices.ContainsFunc(l.base.members, func(m groupMember) bool {
		return l.alive(m) && l.peers[m.node].installed < l.base.id
	})
}

func (l *Server) belongs(n spec.NodeID) bool {
	_, in := l.memberOf(l.base.belong, n)
	return in
}

// present appends the members that are there, with those that were wrongly removed and want to be members.
func (l *Server) present(out []groupMember) []groupMember {
	if l.base.destroyed {
		return out
	}
	for n := range spec.NodeID(l.cfg.Nodes) {
		m, in := l.memberOf(l.base.members, n)
		q := &l.peers[n]
		switch {
		case in && (l.alive(m) || !l.Rules.Removes(n)):
			out = append(out, m)
		case !in && q.known && q.wants && !l.silent(n) && l.belongs(n) && l.alive(groupMember{n, q.life}) && l.Rules.Forgives():
			out = append(out, groupMember{n, q.life})
		}
	}
	return out
}

// indirect says whether the server speaks to some only through others, so that nothing tells it that these are silent.
func (l *Server) indirect() bool { return l.hierarchic || l.levels != nil }

// coordinator gives the member of a hierarchical group to which the server speaks; -1: there is none.
func (l *Server) coordinator() spec.NodeID {
	if l.hierarchic {
		for _, n := range l.doing.view.came {
			if m, in := l.memberOf(l.doing.view.members, n); in && l.alive(m) {
				return n
			}
		}
	}
	return -1
}

// tellBelow lets the layers below know who the members are, where this node is none.
func (l *Server) tellBelow(out *impl.Effects) {
	nodes := nodesOf(l.base.members)
	out.Add(impl.Effect{Kind: impl.CallDown, Call: impl.ViewChanged, View: &spec.View{ID: spec.ViewID{Epoch: l.base.id}, Members: nodes}})
}
