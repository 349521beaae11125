package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// propose writes down that a number is used; then the members are asked.
func (l *Server) propose(r serverRequest, out *impl.Effects) {
	d := &l.doing
	*d = serverChange{stage: isNumbering, request: r, next: l.base}
	d.next.members = l.present(nil)
	d.next.sessions = slices.Clone(l.base.sessions)
	at := slices.IndexFunc(d.next.members, func(m groupMember) bool { return m.node == r.from })
	switch {
	case r.op == impl.Join && at >= 0:
		d.next.members[at].life = r.life
	case r.op == impl.Join:
		d.next.members = append(d.next.members, groupMember{r.from, r.life})
		slices.SortFunc(d.next.members, func(a, b groupMember) int { return int(a.node - b.node) })
	case r.op == impl.Leave && at >= 0 && l.Rules.Releases(r.from):
		d.next.members = slices.Delete(d.next.members, at, at+1)
	case r.op == impl.Create, r.op == impl.Destroy:
		d.next.destroyed, d.next.members = r.op == impl.Destroy, nil
	}
	if s := &l.base.sessions[r.from]; r.op != 0 && (s.life != r.life || s.n != r.n) { // else it keeps the answer that it had
		d.next.sessions[r.from] = groupSession{life: r.life, n: r.n, members: d.next.members}
	}
	l.base.used = max(l.base.used, l.base.id) + 1
	d.next.used, d.next.id = l.base.used, l.base.used
	d.next.belong = slices.DeleteFunc(slices.Clone(l.base.belong), func(m groupMember) bool {
		_, in := l.memberOf(d.next.members, m.node)
		return in || r.op == impl.Leave && m.node == r.from || r.op == impl.Destroy
	})
	d.next.belong = append(d.next.belong, d.next.members...)
	d.view = groupView{id: d.next.id, members: d.next.members}
	for _, m := range l.base.members {
		if l.alive(m) {
			d.view.from = max(d.view.from, l.peers[m.node].held())
		}
	}
	for _, m := range l.base.members {
		if l.alive(m) && l.peers[m.node].held() == d.view.from && d.view.from > 0 {
			d.view.came = append(d.view.came, m.node)
		}
	}
	for _, n := range d.view.came {
		d.await.Add(n)
	}
	for _, m := range d.next.members {
		d.await.Add(m.node)
	}
	if r.op != 0 && l.Rules.Answers(false) {
		l.reply(r, d.next.members, 0, out)
	}
	l.write(&l.base, out)
}

// persisted goes on when the record of the change is on disk.
func (l *Server) persisted(ref uint64, now spec.Time, out *impl.Effects) {
	d := &l.doing
	if d.save == 0 || ref < d.save {
		return
	}
	d.save = 0
	switch d.stage {
	case isNumbering:
		d.stage = isAsking
		l.repeat(out)
	case isRefusing:
		l.reply(d.request, nil, l.base.sessions[d.request.from].code, out)
		*d = serverChange{}
	case isDeciding:
		d.stage = isTelling
		for _, m := range l.base.members { // who goes has no view of this group any more
			if _, in := l.memberOf(d.next.members, m.node); !in {
				l.peers[m.node].installed, l.peers[m.node].wants = 0, false
			}
		}
		l.base = d.next
		if d.before > 0 && l.Rules.Saves() && l.Rules.Trims() {
			out.Truncate(d.before)
			l.logged -= d.before
		}
		if len(l.requests) > 0 && l.requests[0] == d.request {
			l.requests = append(l.requests[:0], l.requests[1:]...)
		}
		d.await.Clear()
		for _, n := range d.view.came {
			d.await.Add(n)
		}
		for _, m := range d.view.members {
			d.await.Add(m.node)
		}
		if l.view.id == 0 {
			l.tellBelow(out)
		}
		l.repeat(out)
	}
	l.decide(now, out)
}

// broken forgets a change that could not be written down.
func (l *Server) broken(ref uint64) {
	if d := &l.doing; d.save != 0 && ref >= d.save {
		l.logged -= d.size
		*d = serverChange{}
	}
}

// save decides.
func (l *Server) save(out *impl.Effects) {
	l.doing.stage = isDeciding
	l.doing.before = l.logged
	l.write(&l.doing.next, out)
}

// repeat says to those who have not answered what is asked or told.
func (l *Server) repeat(out *impl.Effects) {
	d := &l.doing
	if d.stage != isAsking && d.stage != isTelling {
		return
	}
	p := serverPacket{kind: serverPrepare, groupView: d.view}
	if d.stage == isTelling {
		p.kind = serverDecision
	}
	if l.levels != nil {
		if d.await.Has(l.cfg.Self) {
			p.life = l.incarnation
			l.send(l.cfg.Self, &p, out)
		}
		l.tell(&p, d.await.Has, out)
		return
	}
	if c := l.coordinator(); c >= 0 && d.await.Len() > 0 {
		p.life, p.n = l.peers[c].life, coordinates
		l.send(c, &p, out)
		return
	}
	for n := d.await.Next(0); n >= 0; n = d.await.Next(n + 1) {
		p.life = l.peers[n].life
		if d.stage == isAsking || l.Rules.Tells(l.cfg.Self, n) {
			l.send(n, &p, out)
		}
	}
}
