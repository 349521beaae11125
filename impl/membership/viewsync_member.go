package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// receive takes in a packet to this node: of the layers above, or news.
func (l *ViewSync) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	if ok && h[0] == newsPassing {
		in.Body = body
		out.Pass(in)
		return
	}
	var p viewNews
	if ok {
		p, ok = parseNews(body, h[0], l.cfg.Nodes)
	}
	if !ok || in.From < 0 || int(in.From) >= len(l.peers) {
		out.Accept(in.Ref)
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	out.Accept(in.Ref)
	if known := &l.peers[in.From]; known.known && p.incarnation < known.news.incarnation {
		out.Note(impl.Stale, uint64(in.From), uint64(p.incarnation))
		return
	}
	l.newest = max(l.newest, p.last.id.Epoch, p.ballot.Epoch)
	if !l.ready {
		return
	}
	l.hear(in.From, &p)
	l.decided(&p.last, out)
	switch p.kind {
	case newsAsk:
		l.asked(in.From, &p, in.Now, out)
	case newsPropose:
		l.proposed(in.From, &p, in.Now, out)
	case newsPromise, newsReady:
		l.answered(in.From, &p, in.Now, out)
	case newsRefuse:
		if l.attempt.phase != resting && p.ballot.Compare(l.attempt.ballot) >= 0 {
			l.rest(in.Now)
		}
	}
	if kept := &l.peers[in.From].news; kept.last.id.Compare(l.last.id) < 0 && p.kind == newsStatus && kept.pending {
		l.send(in.From, l.news(newsStatus, spec.ViewID{}), out) // it has not heard of what was decided
	}
	l.check(in.Now, out)
}

// hear keeps what a node is. News may overtake each other.
func (l *ViewSync) hear(from spec.NodeID, p *viewNews) {
	known := &l.peers[from]
	if !known.known || p.incarnation > known.news.incarnation || p.last.id.Compare(known.news.last.id) >= 0 {
		known.known, known.news = true, *p
	}
}

// tell tells all nodes what this one is.
func (l *ViewSync) tell(out *impl.Effects) {
	for n := range spec.NodeID(l.cfg.Nodes) {
		if n != l.cfg.Self {
			l.send(n, l.news(newsStatus, spec.ViewID{}), out)
		}
	}
}

// asked answers a coordinator: it is followed from now on, and nobody older.
func (l *ViewSync) asked(from spec.NodeID, p *viewNews, now spec.Time, out *impl.Effects) {
	if !l.Rules.Follows(p.ballot, l.promised) {
		l.refuse(from, out)
		return
	}
	if l.attempt.phase != resting && p.ballot.Compare(l.attempt.ballot) > 0 {
		l.rest(now)
	}
	if p.ballot != l.promised {
		l.promised = p.ballot
		l.save(out)
	}
	answer := l.news(newsPromise, p.ballot)
	answer.agreed = l.agreed
	l.sendSaved(from, answer, out)
}

func (l *ViewSync) refuse(to spec.NodeID, out *impl.Effects) {
	l.send(to, l.news(newsRefuse, l.promised), out)
}

// proposed takes in a view that may be the next. A node that is to be in it blocks, and is ready when the flush is over;
// a witness is ready at once, and so is everybody where an older view is to be finished.
func (l *ViewSync) proposed(from spec.NodeID, p *viewNews, now spec.Time, out *impl.Effects) {
	switch v := &p.view; {
	case !l.Rules.Follows(p.ballot, l.promised):
		l.refuse(from, out)
	case v.id.Compare(l.last.id) <= 0:
		out.Note(impl.Stale, uint64(from), v.id.Epoch)
	case v.id != p.ballot || !slices.Contains(v.members, l.cfg.Self):
		l.promised = p.ballot
		l.agree(p.ballot, v, out)
	case l.pending.under && l.pending.view.id == v.id:
		if l.pending.over {
			l.sendSaved(from, l.news(newsReady, p.ballot), out)
		}
	case slices.Contains(v.came, l.cfg.Self) != (l.member && l.Rules.Holds(l.whole) && l.last.id == v.before):
		out.Note(impl.Stale, uint64(from), v.id.Epoch) // meant for what this node was when it answered
		if l.member {
			l.refuse(from, out)
		}
	case !l.wants && !l.member && !(len(v.came) == 0 && slices.Contains(l.last.members, l.cfg.Self) && l.Rules.Returns(false)):
		l.refuse(from, out) // it has changed its mind
	default:
		l.promised = p.ballot
		l.refs++
		l.pending = viewPending{view: *v, ref: viewRefs | impl.Ref(l.refs), since: now, under: true}
		l.blocked = true
		block := impl.Effect{Kind: impl.Block, View: l.viewOf(v), Ref: l.pending.ref}
		l.up = append(l.up, block)
		if !l.Rules.Flushes(&l.cfg) {
			l.flushed(l.pending.ref, now, out)
		}
	}
}

// flushed is ready for the view that the layers above were asked about.
func (l *ViewSync) flushed(ref impl.Ref, _ spec.Time, out *impl.Effects) {
	if v := &l.pending; v.under && !v.over && v.ref == ref {
		v.over = true
		l.agree(v.view.id, &v.view, out)
	}
}

// agree writes down what is agreed to, and says so to who coordinates.
func (l *ViewSync) agree(ballot spec.ViewID, v *viewRecord, out *impl.Effects) {
	if !l.Rules.Follows(ballot, l.promised) {
		return // meanwhile somebody else coordinates
	}
	l.agreed = viewVote{ballot, *v}
	l.save(out)
	l.sendSaved(spec.NodeID(ballot.Node), l.news(newsReady, ballot), out)
}

// expel lets the layers above know that the group has gone on without this node.
func (l *ViewSync) expel(id spec.ViewID, members []spec.NodeID) {
	l.member, l.whole = false, false
	v := &spec.View{ID: id, Came: []spec.NodeID{}}
	for _, m := range members {
		if m != l.cfg.Self {
			v.Members = append(v.Members, m)
		}
	}
	slices.Sort(v.Members)
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: v})
}

// decided takes in a view that was decided. It is installed by who is in it and has flushed toward it.
func (l *ViewSync) decided(v *viewRecord, out *impl.Effects) {
	if v.id.Compare(l.last.id) <= 0 {
		return
	}
	was, in := l.member, slices.Contains(v.members, l.cfg.Self)
	l.last = viewRecord{v.id, v.before, slices.Clone(v.members), slices.Clone(v.came)}
	l.save(out)
	later := l.pending.under && l.pending.view.id.Compare(v.id) > 0
	switch ready := l.pending.over && l.pending.view.id == v.id; {
	case in && ready:
		l.member, l.whole = true, l.whole && slices.Contains(v.came, l.cfg.Self)
		l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: l.viewOf(v)})
	case was:
		l.expel(v.id, v.members)
	}
	if !later {
		l.pending = viewPending{}
		if l.blocked {
			l.blocked = false
			l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
		}
		l.watch()
	}
	wanted := l.wants
	if l.returns(l.viewOf(&l.last).Members, len(l.last.members) == 1, l.Rules.Saves()); l.wants != wanted {
		l.save(out)
	}
	l.tell(out)
}
