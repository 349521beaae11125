package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// polling is the phase of an attempt behind proposing: the members vote on what becomes of a view.
const polling = 3

// partAttempt is what a coordinator tries.
type partAttempt struct {
	phase    int
	ballot   spec.ViewID
	since    spec.Time
	asked    impl.NodeSet
	answers  []partNews // by node: promises
	answered impl.NodeSet
	view     partView // proposed, or put to the vote
	commit   bool     // … with this
	ready    impl.NodeSet
	voted    impl.NodeSet
}

// rest gives up what is tried. A view that was never put to the vote will not be installed by anybody: who proposed it is
// not bound to it any more.
func (l *Partitionable) rest(now spec.Time, out *impl.Effects) {
	if id := l.attempt.ballot; l.attempt.phase == proposing && l.bound.id == id {
		l.bound, l.vote = partView{}, partVote{}
		l.save(out)
	}
	l.attempt = partAttempt{}
	l.patience = now + l.turn()*spec.Time(2+int(l.cfg.Self))/2
}

// here gives what is known of a node that is up, or nil.
func (l *Partitionable) here(n spec.NodeID) *partNews {
	switch p := &l.peers[n]; {
	case n == l.cfg.Self:
		return l.news(partStatus, spec.ViewID{})
	case l.trusts(n) && p.known:
		return &p.news
	}
	return nil
}

// coordinates says whether it is this node's turn. While somebody has been neither heard nor suspected that may be a
// member, nobody knows.
func (l *Partitionable) coordinates() bool {
	for _, n := range slices.Concat(l.last.members, l.cfg.Members) {
		if n != l.cfg.Self && l.trusts(n) && !l.peers[n].known {
			return false
		}
	}
	lowest := spec.NodeID(-1)
	for n := range spec.NodeID(l.cfg.Nodes) {
		p := l.here(n)
		if p != nil && p.member {
			return n == l.cfg.Self
		}
		if p != nil && lowest < 0 && p.wants && p.again {
			lowest = n
		}
	}
	return lowest == l.cfg.Self
}

// needs says whether something ought to change.
func (l *Partitionable) needs(now spec.Time) bool {
	for n := range spec.NodeID(l.cfg.Nodes) {
		if p := l.here(n); p != nil && (p.bound.id.Epoch != 0 || p.pending && (n != l.cfg.Self || now-l.pending.since > 2*l.turn())) {
			return true
		}
	}
	_, changed := l.plan(l.here)
	return changed
}

// plan makes the next view of those who are here: the members that stay, of all views, and who comes in, where all are in
// one view.
func (l *Partitionable) plan(here func(spec.NodeID) *partNews) (next partView, changed bool) {
	var origins []spec.ViewID
	add := func(n spec.NodeID, p *partNews) {
		next.members, next.before = append(next.members, n), append(next.before, p.last.id)
		if !slices.Contains(origins, p.last.id) {
			origins = append(origins, p.last.id)
		}
		changed = changed || p.pending
	}
	holders, stays := 0, spec.NodeID(-1)
	for n := range spec.NodeID(l.cfg.Nodes) {
		if p := here(n); p != nil && p.member && p.whole {
			if holders++; p.wants && (len(origins) == 0 || origins[0] == p.last.id || l.Rules.Merges(origins[0], p.last.id)) {
				add(n, p)
			} else if stays < 0 {
				stays = n
			}
		}
	}
	if holders > 0 && len(origins) == 0 { // somebody has to hand the state on before all leave
		add(stays, here(stays))
	}
	if len(origins) <= 1 {
		for n := range spec.NodeID(l.cfg.Nodes) {
			if p := here(n); p != nil && p.wants && !(p.member && p.whole) && (holders > 0 || l.founds(here) && abandoned(p, here)) {
				next.members, next.before = append(next.members, n), append(next.before, spec.ViewID{})
				changed = changed || p.pending || !p.member
			}
		}
	}
	next = ascending(next)
	for _, n := range next.members {
		p := here(n)
		changed = changed || p.last.id != here(next.members[0]).last.id || !slices.Equal(p.last.members, next.members)
	}
	return next, changed && len(next.members) > 0
}

// founds says whether one of those who are here, and want to be in the group, is configured to, or was before: without
// such, and without a member, nobody begins anew.
func (l *Partitionable) founds(here func(spec.NodeID) *partNews) bool {
	for n := range spec.NodeID(l.cfg.Nodes) {
		if p := here(n); p != nil && p.wants && p.again {
			return true
		}
	}
	return false
}

// abandoned says whether nobody can have the state that a node waits for: then it may begin anew.
func abandoned(p *partNews, here func(spec.NodeID) *partNews) bool {
	return !p.member || !slices.ContainsFunc(p.last.members, func(n spec.NodeID) bool { return here(n) == nil })
}

func ascending(v partView) (sorted partView) {
	sorted.members = slices.Sorted(slices.Values(v.members))
	for _, n := range sorted.members {
		sorted.before = append(sorted.before, v.from(n))
	}
	return sorted
}

// tick looks around: says what this node is, tries what it ought to try, and asks again who has not answered.
func (l *Partitionable) tick(now spec.Time, out *impl.Effects) {
	out.SetTimer(0, now+l.turn())
	l.tell(out)
	a := &l.attempt
	switch {
	case a.phase == resting:
		if now >= l.patience && l.coordinates() && l.needs(now) {
			l.try(now, out)
		}
	case now-a.since > spec.Time(2*l.cfg.TL):
		l.rest(now, out)
	case a.phase == asking:
		for n := a.asked.Next(0); n >= 0; n = a.asked.Next(n + 1) {
			if !a.answered.Has(n) && l.trusts(n) {
				l.sendSaved(n, l.news(partAsk, a.ballot), out)
			}
		}
	case a.phase == proposing:
		l.propose(out)
	default:
		l.ballot(out)
	}
	l.check(now, out)
}

// try begins an attempt.
func (l *Partitionable) try(now spec.Time, out *impl.Effects) {
	l.newest = max(l.newest, l.promised.Epoch, l.last.id.Epoch, l.bound.id.Epoch) + 1
	if l.first == 0 {
		l.first = l.newest
	}
	a := &l.attempt
	*a = partAttempt{phase: asking, since: now, answers: make([]partNews, l.cfg.Nodes),
		ballot: spec.ViewID{Epoch: l.newest, Node: uint64(l.cfg.Self), HasNode: true}}
	l.promised = a.ballot
	l.save(out) // or another life would use the same ballot
	for n := range spec.NodeID(l.cfg.Nodes) {
		if l.here(n) != nil {
			a.asked.Add(n)
			l.sendSaved(n, l.news(partAsk, a.ballot), out)
		}
	}
}

// answered takes in a promise, a vote, or that somebody is ready.
func (l *Partitionable) answered(from spec.NodeID, p *partNews, out *impl.Effects) {
	a := &l.attempt
	switch {
	case a.phase == resting || p.ballot != a.ballot:
		out.Note(impl.Stale, uint64(from), p.ballot.Epoch)
	case a.phase == asking && p.kind == partPromise:
		a.answered.Add(from)
		a.answers[from] = *p
	case a.phase == proposing && p.kind == partReady:
		a.ready.Add(from)
	case a.phase == polling && p.kind == partVoted:
		a.voted.Add(from)
	}
}

// check goes on where all answers are here.
func (l *Partitionable) check(now spec.Time, out *impl.Effects) {
	a := &l.attempt
	switch a.phase {
	case asking:
		for n := a.asked.Next(0); n >= 0; n = a.asked.Next(n + 1) {
			if !a.answered.Has(n) && l.trusts(n) {
				return
			}
		}
		if !l.resolve(now, out) {
			l.choose(now, out)
		}
	case proposing:
		for _, n := range a.view.members {
			if !a.ready.Has(n) {
				if !l.trusts(n) && l.Rules.Removes(n) {
					l.rest(now, out) // it has failed meanwhile
				}
				return
			}
		}
		l.polled = append(l.polled, a.view.id)
		a.phase, a.commit = polling, true
		l.ballot(out)
	case polling:
		if l.Rules.Most(a.view.members, a.voted.Has) {
			view, commit := a.view, a.commit
			l.attempt = partAttempt{}
			l.patience = now + l.turn()/2
			l.announce(&view, commit, out)
		}
	}
}

// resolve finds out what has become of views that somebody is bound to; false where there is nothing to find out.
func (l *Partitionable) resolve(now spec.Time, out *impl.Effects) (busy bool) {
	a := &l.attempt
	for n := a.answered.Next(0); n >= 0; n = a.answered.Next(n + 1) {
		v := a.answers[n].bound
		if v.id.Epoch == 0 {
			continue
		}
		if commit, known := l.fate(&v); known {
			l.announce(&v, commit, out)
			l.attempt = partAttempt{}
			l.patience = now + l.turn()/2
			return true
		}
		if l.Rules.Most(v.members, a.answered.Has) {
			a.phase, a.view, a.commit = polling, v, false
			var last spec.ViewID
			for _, m := range v.members {
				if vote := a.answers[m].vote; a.answered.Has(m) && vote.ballot.Compare(last) > 0 {
					last, a.commit = vote.ballot, vote.commit
				}
			}
			l.ballot(out)
			return true
		}
	}
	return false
}

// fate says what has become of a view, if somebody who is here knows: it was installed; or one of its members is not bound
// to it, and never will be; or who proposed it never put it to the vote.
func (l *Partitionable) fate(v *partView) (commit, known bool) {
	a := &l.attempt
	for n := a.answered.Next(0); n >= 0; n = a.answered.Next(n + 1) {
		if slices.Contains(a.answers[n].past, v.id) {
			return true, true
		}
	}
	for _, n := range v.members {
		p := &a.answers[n]
		if a.answered.Has(n) && p.bound.id != v.id && p.forgot.Compare(v.id) < 0 {
			return false, true
		}
	}
	mine := v.id.Node == uint64(l.cfg.Self) && l.first > 0 && v.id.Epoch >= l.first
	return false, mine && !slices.Contains(l.polled, v.id)
}

// choose proposes the next view of those who are not bound.
func (l *Partitionable) choose(now spec.Time, out *impl.Effects) {
	a := &l.attempt
	next, changed := l.plan(func(n spec.NodeID) *partNews {
		if p := &a.answers[n]; a.answered.Has(n) && p.bound.id.Epoch == 0 {
			return p
		}
		return nil
	})
	if !changed {
		l.attempt = partAttempt{} // called off
		l.patience = now + 2*l.turn()
		return
	}
	next.id = a.ballot
	a.phase, a.view = proposing, next
	l.propose(out)
}

// propose asks those who are to be in the view and are not ready.
func (l *Partitionable) propose(out *impl.Effects) {
	p := l.news(partPropose, l.attempt.ballot)
	p.view = l.attempt.view
	for _, n := range p.view.members {
		if !l.attempt.ready.Has(n) {
			l.send(n, p, out)
		}
	}
}

// ballot asks the members of a view to vote.
func (l *Partitionable) ballot(out *impl.Effects) {
	p := l.news(partPoll, l.attempt.ballot)
	p.view, p.commit = l.attempt.view, l.attempt.commit
	for _, n := range p.view.members {
		if !l.attempt.voted.Has(n) {
			l.send(n, p, out)
		}
	}
}

// announce tells all what has become of a view.
func (l *Partitionable) announce(v *partView, commit bool, out *impl.Effects) {
	p := l.news(partOutcome, l.attempt.ballot)
	p.view, p.commit = *v, commit
	for n := range spec.NodeID(l.cfg.Nodes) {
		l.send(n, p, out)
	}
}
