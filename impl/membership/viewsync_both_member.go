package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// receive takes in a packet to this node: of the layers above, or news.
func (l *Partitionable) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, 1)
	if ok && h[0] == newsPassing {
		in.Body = body
		out.Pass(in)
		return
	}
	var p partNews
	if ok {
		p, ok = parsePart(body, h[0], l.cfg.Nodes)
	}
	out.Accept(in.Ref)
	if !ok || in.From < 0 || int(in.From) >= len(l.peers) {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	known := &l.peers[in.From]
	if known.known && p.incarnation < known.news.incarnation {
		out.Note(impl.Stale, uint64(in.From), uint64(p.incarnation))
		return
	}
	l.newest = max(l.newest, p.last.id.Epoch, p.ballot.Epoch, p.view.id.Epoch)
	if !l.ready {
		return
	}
	if !known.known || p.incarnation > known.news.incarnation || p.last.id.Compare(known.news.last.id) >= 0 { // news may overtake each other
		known.known, known.news = true, p
	}
	switch p.kind {
	case partAsk:
		l.asked(in.From, &p, in.Now, out)
	case partPropose:
		l.proposed(in.From, &p, in.Now, out)
	case partPoll:
		l.poll(in.From, &p, out)
	case partOutcome:
		l.settle(&p.view, p.commit, out)
	case partPromise, partReady, partVoted:
		l.answered(in.From, &p, out)
	case partRefuse:
		if l.attempt.phase != resting && p.ballot.Compare(l.attempt.ballot) >= 0 {
			l.rest(in.Now, out)
		}
	}
	l.check(in.Now, out)
}

func (l *Partitionable) follows(ballot spec.ViewID) bool { return ballot.Compare(l.promised) >= 0 }

func (l *Partitionable) refuse(to spec.NodeID, out *impl.Effects) {
	l.send(to, l.news(partRefuse, l.promised), out)
}

// asked answers a coordinator: it is followed from now on, and nobody older.
func (l *Partitionable) asked(from spec.NodeID, p *partNews, now spec.Time, out *impl.Effects) {
	if !l.follows(p.ballot) {
		l.refuse(from, out)
		return
	}
	if l.attempt.phase != resting && p.ballot.Compare(l.attempt.ballot) > 0 {
		l.rest(now, out)
	}
	if p.ballot != l.promised {
		l.promised = p.ballot
		l.save(out)
	}
	answer := l.news(partPromise, p.ballot)
	answer.past, answer.forgot = l.past, l.forgot
	l.sendSaved(from, answer, out)
}

// proposed takes in a view that may be the next: this node blocks, and is ready when the flush is over. While it is bound
// to one it takes in no other.
func (l *Partitionable) proposed(from spec.NodeID, p *partNews, now spec.Time, out *impl.Effects) {
	v := &p.view
	switch {
	case !l.follows(p.ballot):
		l.refuse(from, out)
	case v.id != p.ballot || !slices.Contains(v.members, l.cfg.Self) || slices.Contains(l.past, v.id):
		out.Note(impl.Stale, uint64(from), v.id.Epoch)
	case l.bound.id == v.id:
		l.sendSaved(from, l.news(partReady, p.ballot), out)
	case l.bound.id.Epoch != 0 && l.Rules.Binds():
		l.refuse(from, out)
	case l.pending.under && l.pending.view.id == v.id: // the flush is under way
	case v.from(l.cfg.Self) != l.origin() || !l.member && !l.wants:
		l.refuse(from, out) // meant for what this node was when it answered, or wanted
	default:
		l.promised = p.ballot
		l.refs++
		l.pending = partPending{view: *v, ref: viewRefs | impl.Ref(l.refs), since: now, under: true}
		l.blocked = true
		l.up = append(l.up, impl.Effect{Kind: impl.Block, View: l.viewOf(v), Ref: l.pending.ref})
	}
}

// origin is the view from which this node comes; none where it has no past.
func (l *Partitionable) origin() spec.ViewID {
	if l.member && l.Rules.Holds(l.whole) {
		return l.last.id
	}
	return spec.ViewID{}
}

// flushed binds this node to the view that the layers above were asked about.
func (l *Partitionable) flushed(ref impl.Ref, out *impl.Effects) {
	v := &l.pending
	if !v.under || v.over || v.ref != ref {
		return
	}
	v.over = true
	if v.view.id.Compare(l.promised) < 0 {
		return // meanwhile somebody else coordinates
	}
	l.bound, l.vote = v.view, partVote{}
	l.save(out)
	l.sendSaved(spec.NodeID(v.view.id.Node), l.news(partReady, v.view.id), out)
}

// poll votes on the view that this node is bound to. If it is not, any more, it knows what has become of it.
func (l *Partitionable) poll(from spec.NodeID, p *partNews, out *impl.Effects) {
	switch {
	case l.bound.id != p.view.id:
		answer := l.news(partOutcome, p.ballot)
		answer.view, answer.commit = p.view, slices.Contains(l.past, p.view.id)
		if answer.commit || p.view.id.Compare(l.forgot) > 0 {
			l.sendSaved(from, answer, out)
		}
	case !l.follows(p.ballot):
		l.refuse(from, out)
	default:
		l.promised = p.ballot
		l.vote = partVote{p.ballot, p.commit}
		l.save(out)
		l.sendSaved(from, l.news(partVoted, p.ballot), out)
	}
}

// settle takes in what has become of a view. Who is bound to it, and has flushed in this life, installs it.
func (l *Partitionable) settle(v *partView, commit bool, out *impl.Effects) {
	bound := l.bound.id == v.id && v.id.Epoch != 0
	if bound {
		l.bound, l.vote = partView{}, partVote{}
	}
	if commit {
		l.learn(v.id)
	}
	switch {
	case commit && bound && l.pending.over && l.pending.view.id == v.id:
		l.install(v)
	case commit && l.leaving != 0 && l.member && !slices.Contains(v.members, l.cfg.Self) && slices.Contains(v.before, l.last.id):
		l.expel(v)
	case !bound:
		return
	}
	l.returns(l.last.members, len(l.last.members) == 1, l.Rules.Saves())
	l.save(out)
	l.tell(out)
}

func (l *Partitionable) install(v *partView) {
	view := l.viewOf(v)
	l.member, l.whole = true, l.whole && v.from(l.cfg.Self).Epoch != 0
	l.last = partView{v.id, slices.Clone(v.members), slices.Clone(v.before)}
	l.pending = partPending{}
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: view})
	if l.blocked {
		l.blocked = false
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
	}
}

// expel lets the layers above know that the group has gone on without this node, which leaves.
func (l *Partitionable) expel(v *partView) {
	l.member, l.whole, l.pending = false, false, partPending{}
	l.up = append(l.up, impl.Effect{Kind: impl.InstallView, View: &spec.View{ID: v.id, Members: slices.Clone(v.members), Came: []spec.NodeID{}}})
	if l.blocked {
		l.blocked = false
		l.up = append(l.up, impl.Effect{Kind: impl.Unblock})
	}
}
