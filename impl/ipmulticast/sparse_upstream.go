package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What is asked of the neighbors upstream: the state machines of section 4.5.4 (*,G), 4.5.5 (S,G) and 4.5.6 (S,G,rpt).

// reviewAll reviews all groups.
func (s *sparse) reviewAll(now spec.Time, out *impl.Effects) {
	for _, g := range slices.Clone(s.groups) { // a review may remove its group
		s.review(now, g, out)
	}
}

// review computes anew what is wanted of a group, and tells the neighbors what has changed. It is done after
// everything that can have an influence, and does nothing where nothing has changed.
func (s *sparse) review(now spec.Time, g *sparseGroup, out *impl.Effects) {
	s.chooseRP(g)
	s.locate(&g.shared)
	for _, src := range g.sources {
		s.locate(&src.branch)
	}
	for again := true; again; {
		for i := range s.ports {
			g.include[i] = s.listens(g, i)
		}
		s.reviewUpstream(now, g, out)
		again = s.settleAsserts(g, out) // only ends asserts, so this comes to an end
	}
	for _, src := range g.sources {
		s.reviewRegister(g, src)
	}
	s.clean(g)
}

// reviewUpstream joins and leaves the trees. A join of the shared tree repeats which sources are pruned off it, so it
// comes last: not before they are known.
func (s *sparse) reviewUpstream(now spec.Time, g *sparseGroup, out *impl.Effects) {
	again := s.turn(now, g, nil, &g.shared, s.sharedWanted(g), out)
	for _, src := range g.sources {
		want := s.sourceWanted(g, src)
		if s.turn(now, g, src, &src.branch, want, out) {
			s.join(g, src, &src.branch, out)
		}
		src.spt = src.spt && want
	}
	for _, src := range g.sources {
		s.reviewRPT(now, g, src, again, out)
	}
	if again {
		s.join(g, nil, &g.shared, out)
	}
}

// turn moves a branch to where it should be joined, and says whether a join has to be sent.
func (s *sparse) turn(now spec.Time, g *sparseGroup, src *sparseSource, b *branch, want bool, out *impl.Effects) bool {
	k := key(joinTimer, -1, g, src)
	was := *b
	up := b.upstream()
	switch {
	case !want && !b.joined:
		return false
	case !want:
		b.joined, b.up, b.port = false, netip.Addr{}, -1
		s.agenda.stop(k)
		s.leave(g, src, &was, out)
		return false
	}
	b.joined, b.up, b.port, b.via, b.asked = true, up, b.iif, b.next, b.root
	switch {
	case was.joined && was.asked == b.root && was.port == b.iif && was.up == up:
		return false
	case was.joined && was.asked == b.root && was.port == b.iif && was.via == b.next:
		s.soon(k, now) // an assert moved it: all routers on the link know, and one join is enough
		return false
	}
	if was.joined && was.up != up {
		s.leave(g, src, &was, out)
	}
	after := s.cfg.Timing.JoinPeriod
	if was.joined && was.asked != b.root {
		// Another RP: a neighbor that has not heard of it yet ignores the first join (section 4.5.1).
		after = s.cfg.Timing.OverrideInterval
	}
	s.agenda.set(k, now, after)
	return up.IsValid()
}

// soon lets a timer fire within the override interval, if it would not earlier: t_override of section 4.11.
func (s *sparse) soon(k timer, now spec.Time) {
	after := s.within(s.cfg.Timing.OverrideInterval)
	if left, ok := s.agenda.left(k, now); !ok || after < left {
		s.agenda.set(k, now, after)
	}
}

// joinAgain sends the periodic join.
func (s *sparse) joinAgain(now spec.Time, g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) {
	if !b.joined {
		return
	}
	s.agenda.set(key(joinTimer, -1, g, src), now, s.cfg.Timing.JoinPeriod)
	if b.up.IsValid() {
		s.join(g, src, b, out)
	}
}

// join sends a join of a branch. That of the shared tree prunes sources off it in the same message.
func (s *sparse) join(g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) {
	s.joins, s.prunes = append(s.joins[:0], entryOf(g, src)), s.prunes[:0]
	if src == nil {
		for _, x := range g.sources {
			if x.pruned || x.rptUpstream(g) != g.shared.up {
				s.prunes = append(s.prunes, rptEntry(x.root))
			}
		}
	}
	s.sendJoinPrune(b.port, b.up, g, s.cfg.Timing.JoinHold, out)
}

// rptUpstream is RPF'(S,G,rpt): the neighbor that the source's packets come from on the shared tree. It is not the one
// that the shared tree was joined at where another router won them by an assert. Of a source that nothing is known of,
// src is nil.
func (src *sparseSource) rptUpstream(g *sparseGroup) netip.Addr {
	if src != nil && g.shared.iif >= 0 {
		if p := &src.ports[g.shared.iif]; p.assert == assertLoser {
			return p.best.addr
		}
	}
	return g.shared.up
}

// leave sends a prune for what a branch has joined before, unless there is nobody any more to be told.
func (s *sparse) leave(g *sparseGroup, src *sparseSource, was *branch, out *impl.Effects) {
	if was.port < 0 || !was.up.IsValid() {
		return
	}
	if _, known := s.ports[was.port].find(was.up); !known {
		return
	}
	e := entryOf(g, src)
	e.Addr = was.asked
	s.joins, s.prunes = s.joins[:0], append(s.prunes[:0], e)
	s.sendJoinPrune(was.port, was.up, g, s.cfg.Timing.JoinHold, out)
}

// reviewRPT prunes a source off the shared tree, or takes it back: PruneDesired(S,G,rpt). Where a join of the shared
// tree is about to be sent anyhow, it says so.
func (s *sparse) reviewRPT(now spec.Time, g *sparseGroup, src *sparseSource, joins bool, out *impl.Effects) {
	b := &g.shared
	want := b.joined && (!s.rptWanted(g, src) || src.spt && src.upstream() != b.upstream())
	detour := b.joined && src.rptUpstream(g) != b.up
	back := src.detour && !detour
	src.detour = detour
	switch {
	case want != src.pruned:
		src.pruned = want
		s.agenda.stop(key(rptOverrideTimer, -1, g, src))
		if !joins && b.joined {
			s.sayRPT(g, src, src.root, want, out)
		}
	case back && b.joined && !want: // those who still have another way may have pruned it here
		s.soon(key(rptOverrideTimer, -1, g, src), now)
	}
}

// sayRPT prunes a source off the shared tree, or joins it.
func (s *sparse) sayRPT(g *sparseGroup, src *sparseSource, source netip.Addr, prune bool, out *impl.Effects) {
	to := src.rptUpstream(g)
	if !to.IsValid() {
		return
	}
	s.joins, s.prunes = s.joins[:0], s.prunes[:0]
	if prune {
		s.prunes = append(s.prunes, rptEntry(source))
	} else {
		s.joins = append(s.joins, rptEntry(source))
	}
	s.sendJoinPrune(g.shared.port, to, g, s.cfg.Timing.JoinHold, out)
}

// rptOverride answers another router's prune of a source off the shared tree.
func (s *sparse) rptOverride(g *sparseGroup, src *sparseSource, source netip.Addr, out *impl.Effects) {
	if g.shared.joined && !(src != nil && src.pruned) {
		s.sayRPT(g, src, source, false, out)
	}
}

// overhear takes what another router on the link asks of the neighbor that I depend on: where it prunes, a join of mine
// must follow before the neighbor acts on it.
func (s *sparse) overhear(now spec.Time, port int, to netip.Addr, said *PIMGroup) {
	g := s.group(said.Group)
	if g == nil {
		return
	}
	depends := func(b *branch) bool { return b.joined && b.port == port && b.up == to }
	for _, e := range said.Prunes {
		src := g.source(e.Addr)
		if e.WC {
			if depends(&g.shared) {
				s.soon(key(joinTimer, -1, g, nil), now)
			}
			for _, x := range g.sources {
				if depends(&x.branch) {
					s.soon(key(joinTimer, -1, g, x), now)
				}
			}
			continue
		}
		if src != nil && depends(&src.branch) {
			s.soon(key(joinTimer, -1, g, src), now)
		}
		if e.RPT && g.shared.joined && g.shared.port == port && to == src.rptUpstream(g) && !(src != nil && src.pruned) {
			s.soon(timer{kind: rptOverrideTimer, port: -1, group: g.addr, source: e.Addr}, now)
		}
	}
	for _, e := range said.Joins {
		if e.RPT && !e.WC && g.shared.port == port && to == g.source(e.Addr).rptUpstream(g) {
			s.agenda.stop(timer{kind: rptOverrideTimer, port: -1, group: g.addr, source: e.Addr})
		}
	}
}

// entryOf names a branch in a join/prune: the shared tree by its RP.
func entryOf(g *sparseGroup, src *sparseSource) PIMSource {
	if src == nil {
		return PIMSource{Addr: g.shared.root, Sparse: true, WC: true, RPT: true}
	}
	return PIMSource{Addr: src.root, Sparse: true}
}

func rptEntry(source netip.Addr) PIMSource { return PIMSource{Addr: source, Sparse: true, RPT: true} }

// sendJoinPrune sends what s.joins and s.prunes say about a group.
func (s *sparse) sendJoinPrune(port int, to netip.Addr, g *sparseGroup, hold time.Duration, out *impl.Effects) {
	m := &s.msg
	*m = PIM{Type: PIMJoinPrune, Upstream: to, HoldTime: hold, Joins: m.Joins[:0]}
	m.Joins = append(m.Joins, PIMGroup{Group: g.addr, Joins: s.joins, Prunes: s.prunes})
	s.sendPIM(port, s.allPIM(port), m, out)
}
