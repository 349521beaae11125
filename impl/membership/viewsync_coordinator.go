package membership

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// The phases of an attempt to change the view.
const (
	resting   = 0
	asking    = 1
	proposing = 2
)

// viewAttempt is what a coordinator tries.
type viewAttempt struct {
	phase    int
	ballot   spec.ViewID
	since    spec.Time
	asked    impl.NodeSet
	answers  []viewNews // by node: promises
	answered impl.NodeSet
	view     viewRecord // proposed
	ready    impl.NodeSet
}

func (l *ViewSync) rest(now spec.Time) {
	l.attempt = viewAttempt{}
	l.patience = now + l.turn()*spec.Time(2+int(l.cfg.Self))/2
}

// coordinates says whether it is this node's turn: it is the oldest member of the view that is up; or where nobody who
// is up is a member, the lowest of the configured nodes.
func (l *ViewSync) coordinates() bool {
	for n := range l.peers {
		p := &l.peers[n]
		if l.trusts(spec.NodeID(n)) && p.known && p.news.last.id.Compare(l.last.id) > 0 {
			return false // it is behind
		}
	}
	if l.member {
		for _, m := range l.last.members {
			if m == l.cfg.Self {
				return true
			}
			if l.trusts(m) && !l.forgot(m) {
				return false
			}
		}
		return false
	}
	for n := range l.peers {
		p := &l.peers[n]
		if m := spec.NodeID(n); m != l.cfg.Self && l.trusts(m) && p.known && (p.news.member || m < l.cfg.Self && l.cfg.Index(m) >= 0) {
			return false
		}
	}
	return l.cfg.Index(l.cfg.Self) >= 0
}

// forgot says whether a member of the last view is known not to have installed it in its present life.
func (l *ViewSync) forgot(m spec.NodeID) bool {
	p := &l.peers[m]
	return m != l.cfg.Self && p.known && p.news.last.id == l.last.id && !p.news.member
}

// needs says whether the view ought to change.
func (l *ViewSync) needs(now spec.Time) bool {
	for _, m := range l.last.members {
		p := &l.peers[m]
		if m == l.cfg.Self && !l.wants || !l.trusts(m) && l.Rules.Removes(m) || l.forgot(m) && l.Rules.Reborn(false) ||
			m != l.cfg.Self && p.known && p.news.member && !p.news.wants && l.Rules.Releases(m) {
			return true
		}
	}
	for n := range l.peers {
		m, p := spec.NodeID(n), &l.peers[n]
		outside := !slices.Contains(l.last.members, m)
		if m == l.cfg.Self {
			if l.wants && (outside || !l.member) {
				return true
			}
			continue
		}
		if p.known && l.trusts(m) && (outside && p.news.wants && l.Rules.Admits(&l.cfg, m, p.news.incarnation) ||
			p.news.pending && p.news.last.id == l.last.id) {
			return true
		}
	}
	return l.pending.under && now-l.pending.since > 2*l.turn()
}

// tick looks around: says what this node is, tries what it ought to try, and asks again who has not answered.
func (l *ViewSync) tick(now spec.Time, out *impl.Effects) {
	out.SetTimer(0, now+l.turn())
	l.tell(out)
	a := &l.attempt
	switch {
	case a.phase == resting:
		if now >= l.patience && l.coordinates() && l.needs(now) && l.Rules.Quorum(l.cfg.Members, l.trusts) {
			l.try(now, out)
		}
	case !l.Rules.Quorum(l.cfg.Members, l.trusts) || now-a.since > spec.Time(2*l.cfg.TL):
		l.rest(now)
	case a.phase == asking:
		for n := a.asked.Next(0); n >= 0; n = a.asked.Next(n + 1) {
			if !a.answered.Has(n) && l.trusts(n) {
				l.sendSaved(n, l.news(newsAsk, a.ballot), out)
			}
		}
	default:
		l.propose(out)
	}
	l.check(now, out)
	l.watch()
}

// try begins an attempt.
func (l *ViewSync) try(now spec.Time, out *impl.Effects) {
	l.newest = max(l.newest, l.promised.Epoch, l.last.id.Epoch) + 1
	if l.first == 0 {
		l.first = l.newest
	}
	a := &l.attempt
	*a = viewAttempt{phase: asking, ballot: l.Rules.ID(&l.cfg, l.newest), since: now, answers: make([]viewNews, l.cfg.Nodes)}
	l.promised = a.ballot
	l.save(out) // or another life would use the same ballot
	for n := range l.peers {
		if m := spec.NodeID(n); m == l.cfg.Self || l.trusts(m) && (l.peers[n].known || l.cfg.Index(m) >= 0 || slices.Contains(l.last.members, m)) {
			a.asked.Add(m)
			l.sendSaved(m, l.news(newsAsk, a.ballot), out)
		}
	}
}

// answered takes in a promise, or that somebody is ready.
func (l *ViewSync) answered(from spec.NodeID, p *viewNews, now spec.Time, out *impl.Effects) {
	a := &l.attempt
	switch {
	case a.phase == resting || p.ballot != a.ballot:
		out.Note(impl.Stale, uint64(from), p.ballot.Epoch)
	case a.phase == asking && p.kind == newsPromise:
		a.asked.Add(from)
		a.answered.Add(from)
		a.answers[from] = *p
	case a.phase == proposing && p.kind == newsReady:
		a.ready.Add(from)
	}
}

// check goes on where all answers are here.
func (l *ViewSync) check(now spec.Time, out *impl.Effects) {
	a := &l.attempt
	switch a.phase {
	case asking:
		for n := a.asked.Next(0); n >= 0; n = a.asked.Next(n + 1) {
			if !a.answered.Has(n) && l.trusts(n) {
				return
			}
		}
		if l.Rules.Quorum(l.cfg.Members, a.answered.Has) {
			l.choose(now, out)
		}
	case proposing:
		if !l.Rules.Quorum(l.cfg.Members, a.ready.Has) {
			return
		}
		if a.view.id == a.ballot { // else it is finished for who has agreed to it
			for _, m := range a.view.members {
				if !a.ready.Has(m) && l.Rules.Awaits(l.cfg.Self, m) {
					if !l.trusts(m) && l.Rules.Removes(m) {
						l.rest(now) // it has failed meanwhile
					}
					return
				}
			}
		}
		view := a.view
		l.attempt = viewAttempt{}
		l.decided(&view, out)
	}
}

// choose decides what to propose.
func (l *ViewSync) choose(now spec.Time, out *impl.Effects) {
	a := &l.attempt
	if vote := l.undecided(); vote != nil && l.Rules.Asks() {
		a.phase, a.view = proposing, vote.view
		l.propose(out)
		return
	}
	behind := false
	for n := a.answered.Next(0); n >= 0; n = a.answered.Next(n + 1) {
		if a.answers[n].last.id.Compare(l.last.id) < 0 { // the question tells it what was decided
			behind = true
			a.answered.Remove(n)
			l.sendSaved(n, l.news(newsAsk, a.ballot), out)
		}
	}
	if behind {
		return
	}
	next, changed := l.next()
	if !changed {
		l.attempt = viewAttempt{} // called off
		l.patience = now + 2*l.turn()
		return
	}
	a.phase, a.view = proposing, next
	l.propose(out)
}

// undecided gives what may have been decided after the last view that is known: what was agreed to in the newest ballot.
// A view in its own ballot was decided by nobody, if one of its members is here and has not agreed to it; or if the
// life whose ballot it is answers and has not decided, for nobody else decides in it, and it gives up what it tries when
// it follows somebody else.
func (l *ViewSync) undecided() *viewVote {
	a := &l.attempt
	var best *viewVote
	for n := a.answered.Next(0); n >= 0; n = a.answered.Next(n + 1) {
		v := &a.answers[n].agreed
		if v.view.id.Compare(l.last.id) <= 0 || best != nil && v.ballot.Compare(best.ballot) <= 0 {
			continue
		}
		all := true
		for _, m := range v.view.members {
			if theirs := &a.answers[m].agreed; a.answered.Has(m) && theirs.view.id.Compare(v.view.id) < 0 {
				all = false
			}
		}
		if v.view.id != v.ballot || l.Rules.Finishes(all) {
			best = v
		}
	}
	if best == nil || best.view.id != best.ballot {
		return best
	}
	owner := spec.NodeID(best.ballot.Node)
	if first := a.answers[owner].first; a.answered.Has(owner) && first > 0 && best.ballot.Epoch >= first {
		return nil
	}
	return best
}

// next makes the next view of those who have answered: the members who stay, oldest first, then who comes in.
func (l *ViewSync) next() (next viewRecord, changed bool) {
	a := &l.attempt
	next = viewRecord{id: a.ballot, before: l.last.id}
	alive := false
	for n := a.answered.Next(0); n >= 0; n = a.answered.Next(n + 1) {
		alive = alive || a.answers[n].member && l.Rules.Holds(a.answers[n].whole)
		changed = changed || a.answers[n].pending
	}
	if !alive && !l.Rules.Complete(&l.cfg, l.last.members, a.answered) {
		return next, false // somebody may be alive who has installed it
	}
	for _, m := range l.last.members {
		p := &a.answers[m]
		here := a.answered.Has(m) && !l.Rules.Reborn(p.member) || !a.answered.Has(m) && !l.Rules.Removes(m)
		if here && (p.wants || !a.answered.Has(m) || !l.Rules.Releases(m)) {
			next.members = append(next.members, m)
			if l.Rules.Holds(p.whole) {
				next.came = append(next.came, m)
			}
		}
	}
	for _, m := range l.last.members {
		if p := &a.answers[m]; alive && len(next.came) == 0 && a.answered.Has(m) && p.member && l.Rules.Holds(p.whole) { // somebody has to hand the state on before all leave
			next.members, next.came = append(next.members, m), append(next.came, m)
		}
	}
	for n := a.answered.Next(0); n >= 0; n = a.answered.Next(n + 1) {
		p := &a.answers[n]
		in := slices.Contains(l.last.members, n)
		if p.wants && !p.member && (!in || !alive) && !slices.Contains(next.members, n) && l.Rules.Admits(&l.cfg, n, p.incarnation) {
			next.members = append(next.members, n)
		}
	}
	for _, m := range l.last.members {
		if p := &a.answers[m]; !alive && a.answered.Has(m) && l.Rules.Returns(p.wants) && !slices.Contains(next.members, m) {
			next.members = append(next.members, m)
		}
	}
	changed = changed || !alive || len(next.members) != len(l.last.members)
	for _, m := range next.members {
		changed = changed || !slices.Contains(l.last.members, m)
	}
	return next, changed && len(next.members) > 0
}

// propose asks those who are to be in the view, and the configured nodes, who have not answered.
func (l *ViewSync) propose(out *impl.Effects) {
	a := &l.attempt
	p := l.news(newsPropose, a.ballot)
	p.view = a.view
	for n := range l.peers {
		m := spec.NodeID(n)
		if (slices.Contains(a.view.members, m) || l.cfg.Index(m) >= 0) && !a.ready.Has(m) && (a.answered.Has(m) || slices.Contains(a.view.members, m)) {
			l.send(m, p, out)
		}
	}
}
