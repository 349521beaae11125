package ipmulticast

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Asserts (section 4.6): routers that forward to the same link find by the packets of the other that they do, and the
// one with the better metric goes on. A source's tree is better than the shared tree. Routers that depend on the link
// follow the election, and join through the winner.

// treeMetric is what decides an election: on a source's tree before on the shared one.
type treeMetric struct {
	rpt bool
	assertMetric
}

// better says whether a wins.
func (a treeMetric) better(b treeMetric) bool {
	if a.rpt != b.rpt {
		return b.rpt
	}
	return a.assertMetric.better(b.assertMetric)
}

// hopeless is the metric of a router that could not forward, and of one that takes its assert back.
var hopeless = treeMetric{true, assertMetric{preference: cancelPreference, metric: cancelMetric}}

// sourceMetric is spt_assert_metric(S,I).
func (s *sparse) sourceMetric(src *sparseSource, port int) treeMetric {
	return treeMetric{false, assertMetric{assertPreference, s.metric(src.root), s.ports[port].Local}}
}

// couldShared is CouldAssert(*,G,I).
func (s *sparse) couldShared(g *sparseGroup, port int) bool {
	return (g.shared.wants(port) || g.include[port]) && g.shared.iif != port
}

// couldSource is CouldAssert(S,G,I).
func (s *sparse) couldSource(g *sparseGroup, src *sparseSource, port int) bool {
	return src.spt && src.iif != port &&
		(s.asked(g, src, src.root, port) && !g.shared.lost(port) || src.wants(port))
}

// ownMetric is my_assert_metric(S,G,I), or (*,G,I) where src is nil, and whether I could assert it.
func (s *sparse) ownMetric(g *sparseGroup, src *sparseSource, port int) (own treeMetric, could bool) {
	if src != nil && s.couldSource(g, src, port) {
		return s.sourceMetric(src, port), true
	}
	own = hopeless
	if s.couldShared(g, port) {
		own = treeMetric{true, assertMetric{assertPreference, s.metric(g.shared.root), s.ports[port].Local}}
		could = src == nil
	}
	return own, could
}

// tracks is AssertTrackingDesired(S,G,I), or (*,G,I) where src is nil: the outcome matters to me.
func (s *sparse) tracks(g *sparseGroup, src *sparseSource, port int) bool {
	if src == nil {
		b := &g.shared
		return s.couldShared(g, port) || g.local[port] && (s.isDR(port) || b.ports[port].assert == assertWinner) ||
			b.iif == port && b.joined
	}
	return s.asked(g, src, src.root, port) && !g.shared.lost(port) || src.wants(port) ||
		g.local[port] && (s.isDR(port) || src.ports[port].assert == assertWinner) ||
		src.iif == port && src.joined ||
		g.shared.iif == port && g.shared.joined && !src.spt
}

// wrongSide is done for a packet from a port that is not the way to the root of its tree: somebody else forwards to
// that link. Where I do so too, an assert has to decide. Asserts that others do not seem to hear are repeated, but not
// for every packet.
func (s *sparse) wrongSide(now spec.Time, port int, g *sparseGroup, src *sparseSource, from netip.Addr, out *impl.Effects) {
	b := &g.shared
	switch {
	case src != nil && src.spt && s.onTree(g, src, port):
		b = &src.branch
	case (src == nil || !src.spt) && s.onShared(g, src, from, port):
		src = nil
	default:
		return
	}
	p := &b.ports[port]
	if _, could := s.ownMetric(g, src, port); !could || p.assert == assertLoser || now < p.quiet {
		return
	}
	s.win(now, port, g, src, b, out)
	s.review(now, g, out)
}

// win: I forward to the port, and say so.
func (s *sparse) win(now spec.Time, port int, g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) {
	p := &b.ports[port]
	p.assert = assertWinner
	p.best, _ = s.ownMetric(g, src, port)
	p.quiet = s.later(now, s.cfg.Timing.PropagationDelay)
	s.agenda.set(key(contestTimer, port, g, src), now, s.cfg.Timing.AssertTime-s.cfg.Timing.AssertOverride)
	s.sendAssert(port, g, src, p.best, out)
}

// loses: another router forwards to the port.
func (s *sparse) loses(now spec.Time, port int, g *sparseGroup, src *sparseSource, b *branch, to treeMetric) {
	p := &b.ports[port]
	p.assert, p.best = assertLoser, to
	s.agenda.set(key(contestTimer, port, g, src), now, s.cfg.Timing.AssertTime)
	if src != nil && src.iif == port && src.joined {
		src.spt = true // the winner is on the source's tree, and so are the packets that come here
	}
}

// unassert: nobody has won.
func (s *sparse) unassert(port int, g *sparseGroup, src *sparseSource, b *branch) {
	p := &b.ports[port]
	p.assert, p.best, p.quiet = assertNone, treeMetric{}, 0
	s.agenda.stop(key(contestTimer, port, g, src))
}

// assertEnds is done when a winner has to say so again, or a loser has not heard of the winner for long.
func (s *sparse) assertEnds(now spec.Time, port int, g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) {
	if b.ports[port].assert == assertWinner {
		s.win(now, port, g, src, b, out)
		return
	}
	s.unassert(port, g, src, b)
}

// asserted takes an assert. It counts for the source's tree first, and for the shared tree only if the source's has
// nothing to do with it.
func (s *sparse) asserted(now spec.Time, port int, from netip.Addr, m *PIM, out *impl.Effects) {
	g := s.group(m.Group)
	if g == nil {
		return // nothing is forwarded or wanted here
	}
	theirs := treeMetric{m.RPT, assertMetric{m.Preference, m.Metric, from}}
	taken := false
	if m.Source.IsValid() && !(m.RPT && g.source(m.Source) == nil) {
		if src := s.addSource(now, g, m.Source); src != nil {
			taken = s.contest(now, port, g, src, &src.branch, theirs, out)
		}
	}
	if m.RPT && !taken {
		s.contest(now, port, g, nil, &g.shared, theirs, out)
	}
	s.review(now, g, out)
}

// contest compares an assert with mine, or with the winner's. It says whether the branch has, or had, a winner.
func (s *sparse) contest(now spec.Time, port int, g *sparseGroup, src *sparseSource, b *branch, theirs treeMetric, out *impl.Effects) bool {
	p := &b.ports[port]
	own, could := s.ownMetric(g, src, port)
	acceptable := theirs.better(own) && !theirs.cancels() && !(src != nil && theirs.rpt)
	switch p.assert {
	case assertNone:
		switch {
		case could && own.better(theirs):
			s.win(now, port, g, src, b, out)
		case acceptable && s.tracks(g, src, port):
			s.loses(now, port, g, src, b, theirs)
		default:
			return false
		}
	case assertWinner:
		if theirs.better(own) {
			s.loses(now, port, g, src, b, theirs)
		} else {
			s.win(now, port, g, src, b, out)
		}
	case assertLoser:
		switch {
		case theirs.better(p.best) || theirs.addr == p.best.addr && acceptable:
			s.loses(now, port, g, src, b, theirs)
		case theirs.addr == p.best.addr: // the winner gives up
			s.unassert(port, g, src, b)
		}
	}
	return true
}

// settleAsserts ends the elections that do not matter any more, and says whether there were some. A winner that does not
// forward any more says so: AssertCancel.
func (s *sparse) settleAsserts(g *sparseGroup, out *impl.Effects) (ended bool) {
	ended = s.settleBranch(g, nil, &g.shared, out)
	for _, src := range g.sources {
		ended = s.settleBranch(g, src, &src.branch, out) || ended
	}
	return ended
}

func (s *sparse) settleBranch(g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) (ended bool) {
	for i := range b.ports {
		p := &b.ports[i]
		if p.assert == assertNone {
			continue
		}
		own, could := s.ownMetric(g, src, i)
		switch {
		case p.assert == assertWinner && could:
			continue
		case p.assert == assertWinner:
			s.sendAssert(i, g, src, hopeless, out)
		case s.tracks(g, src, i) && !(could && own.better(p.best)):
			continue
		}
		s.unassert(i, g, src, b)
		ended = true
	}
	return ended
}

func (s *sparse) sendAssert(port int, g *sparseGroup, src *sparseSource, a treeMetric, out *impl.Effects) {
	m := &s.msg
	*m = PIM{Type: PIMAssert, Group: g.addr, RPT: a.rpt, Preference: a.preference, Metric: a.metric, Joins: m.Joins[:0]}
	if src != nil {
		m.Source = src.root
	}
	s.sendPIM(port, s.allPIM(port), m, out)
}
