package ipmulticast

import (
	"net/netip"
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// sparse is PIM sparse mode (Fenner, Handley, Holbrook, Kouvelas, Parekh, Zhang, Zheng: RFC 7761, 2016). Packets go
// only where somebody asked for them. The designated router (DR) of a link with listeners joins the shared tree of the
// group, (*,G), hop by hop toward the group's rendezvous point (RP). A source just sends: the DR of its link carries
// its packets to the RP, inside registers, and the RP sends them down the shared tree. Then the RP joins the tree of
// the source, (S,G), and as soon as packets come on that, it stops the registers. The DR of listeners may join the
// source's tree as well, and then prunes the source off the shared tree, (S,G,rpt). Of several routers that forward to
// one link, an assert elects one.
//
// The names of sets of ports in the comments are those of the RFC: immediate_olist(*,G), inherited_olist(S,G) and so
// on (section 4.1.6). Which routers are RPs stands in rp.go and bootstrap.go.
//
// Every change, of listeners, of what neighbors ask for, of routes, of the RP, ends in a review of the group, which
// computes what is to be asked of the routers upstream, compares it with what was asked of them, and tells them the
// difference.
//
// Left out: join suppression (it is optional: every router sends its own periodic joins, as on links where a router has
// said that it wants to see them all, section 4.3.3), and trees for listeners that name their sources (source-specific
// multicast): they are served from the shared tree, through the filter of the querier. A join/prune message is of one
// group.
type sparse struct {
	*Router
	groups  []*sparseGroup // ascending
	entries int            // (*,G) and (S,G)
	most    int            // entries that fit; negative: any number
	boot    bootstrap

	// What a step needs and nobody keeps.
	inner  IP
	msg    PIM
	joins  []PIMSource
	prunes []PIMSource
}

// The timers of sparse mode. Those of the shared tree have a group only, those of a source's tree a source too.
const (
	joinTimer         = sparseTimers + iota // when a join is said again
	downTimer                               // port: the neighbors' joins expire
	downPruneTimer                          // port: nobody has overridden a prune
	contestTimer                            // port: the winner of an assert says so again, a loser forgets it
	rptTimer                                // port: the prunes of the source off the shared tree expire
	rptPruneTimer                           // port: nobody has overridden such a prune
	rptOverrideTimer                        // a join of the source on the shared tree answers another router's prune
	keepAliveTimer                          // the source is taken for silent
	registerStopTimer                       // registers begin again, or are about to
	refusedTimer                            // listeners that did not fit are tried again
	bootstrapTimer                          // the bootstrap router: its next message, or its end
	mappingTimer                            // source: what was heard of a candidate RP is too old
	candidateTimer                          // source: the same, of one that advertised to me
	advertiseTimer                          // my next advertisement as a candidate RP
)

func newSparse(r *Router) routing {
	s := &sparse{Router: r, most: -1}
	s.boot = bootstrap{sparse: s, mask: defaultHashMask(r.cfg.Ports[0].Addr)}
	return s
}

// begin is done when the router becomes ready.
func (s *sparse) begin(now spec.Time, _ *impl.Effects) { s.boot.begin(now) }

// group gives what is known of a group; nil: nothing.
func (s *sparse) group(addr netip.Addr) *sparseGroup {
	if i, ok := s.findGroup(addr); ok {
		return s.groups[i]
	}
	return nil
}

func (s *sparse) findGroup(addr netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(s.groups, addr, func(g *sparseGroup, a netip.Addr) int { return g.addr.Compare(a) })
}

// addGroup gives the entry of a group, made now if need be; nil where it does not fit.
func (s *sparse) addGroup(now spec.Time, addr netip.Addr) *sparseGroup {
	i, ok := s.findGroup(addr)
	if ok {
		return s.groups[i]
	}
	if !IsGroup(addr) || LinkLocal(addr) || !s.fits(now) {
		return nil
	}
	g := &sparseGroup{addr: addr, shared: s.newBranch(netip.Addr{}), local: make([]bool, len(s.ports)), include: make([]bool, len(s.ports))}
	s.groups = slices.Insert(s.groups, i, g)
	return g
}

// addSource gives the entry of a source, made now if need be; nil where it does not fit.
func (s *sparse) addSource(now spec.Time, g *sparseGroup, addr netip.Addr) *sparseSource {
	i, ok := g.findSource(addr)
	if ok {
		return g.sources[i]
	}
	if IsGroup(addr) || addr.IsUnspecified() || !s.fits(now) {
		return nil
	}
	src := &sparseSource{branch: s.newBranch(addr), prunes: make([]rptPort, len(s.ports))}
	s.locate(&src.branch)
	g.sources = slices.Insert(g.sources, i, src)
	return src
}

// fits counts a new entry. Where the table is full there is none, and the listeners that are refused try again later.
func (s *sparse) fits(now spec.Time) bool {
	if s.most >= 0 && s.entries >= s.most {
		k := timer{kind: refusedTimer}
		if _, waiting := s.agenda.left(k, now); !waiting {
			s.agenda.set(k, now, s.cfg.Timing.JoinPeriod)
		}
		return false
	}
	s.entries++
	return true
}

// clean removes entries that say nothing.
func (s *sparse) clean(g *sparseGroup) {
	g.sources = slices.DeleteFunc(g.sources, func(src *sparseSource) bool {
		if src.idle() {
			s.stopTimers(g, src, &src.branch)
			s.entries--
			return true
		}
		return false
	})
	if i, ok := s.findGroup(g.addr); ok && g.idle() {
		s.stopTimers(g, nil, &g.shared)
		s.entries--
		s.groups = slices.Delete(s.groups, i, i+1)
	}
}

// stopTimers stops all timers of a branch: one made later must not meet them. Only the answer to another router's prune
// needs no entry of the source.
func (s *sparse) stopTimers(g *sparseGroup, src *sparseSource, b *branch) {
	for _, k := range [...]timerKind{joinTimer, keepAliveTimer, registerStopTimer} {
		s.agenda.stop(key(k, -1, g, src))
	}
	for i := range b.ports {
		for _, k := range [...]timerKind{downTimer, downPruneTimer, contestTimer, rptTimer, rptPruneTimer} {
			s.agenda.stop(key(k, i, g, src))
		}
	}
}

// key names a timer of a branch. src is nil for the shared tree.
func key(k timerKind, port int, g *sparseGroup, src *sparseSource) timer {
	t := timer{kind: k, port: int16(port), group: g.addr}
	if src != nil {
		t.source = src.root
	}
	return t
}

// message implements routing.
func (s *sparse) message(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects) {
	switch m.Type {
	case PIMJoinPrune:
		s.joinPrune(now, port, m, out)
	case PIMAssert:
		s.asserted(now, port, src, m, out)
	case PIMRegister:
		s.registered(now, port, src, m, out)
	case PIMRegisterStop:
		s.registerStopped(now, m)
	case PIMBootstrap:
		s.boot.receive(now, port, src, m, out)
	case PIMCandidateRP:
		s.boot.advertised(now, m)
	}
}

// listening implements routing.
func (s *sparse) listening(now spec.Time, port int, group netip.Addr, any bool, out *impl.Effects) {
	g := s.group(group)
	if any && g == nil {
		g = s.addGroup(now, group)
	}
	if g == nil {
		return
	}
	g.local[port] = any
	s.review(now, g, out)
}

// listeners asks the queriers who listens, as after a fault that made the router forget it.
func (s *sparse) listeners(now spec.Time, out *impl.Effects) {
	for i := range s.ports {
		for _, group := range s.ports[i].querier.groups() {
			if g := s.group(group); g == nil || !g.local[i] {
				s.listening(now, i, group, true, out)
			}
		}
	}
}

// neighbor implements routing. A neighbor that restarted has forgotten what I asked of it, so it is asked again soon; of
// one that was lost nothing is wanted any more.
func (s *sparse) neighbor(now spec.Time, port int, addr netip.Addr, up bool, out *impl.Effects) {
	for _, g := range slices.Clone(s.groups) {
		s.meet(now, g, nil, &g.shared, port, addr, up)
		for _, src := range g.sources {
			s.meet(now, g, src, &src.branch, port, addr, up)
		}
		s.review(now, g, out)
	}
	if up {
		s.boot.prime(port, addr, out)
	}
}

// meet brings a branch in line with a neighbor that appeared, restarted or was lost.
func (s *sparse) meet(now spec.Time, g *sparseGroup, src *sparseSource, b *branch, port int, addr netip.Addr, up bool) {
	if up && b.joined && b.port == port && b.up == addr {
		s.soon(key(joinTimer, -1, g, src), now)
	}
	p := &b.ports[port]
	if p.assert == assertLoser && p.best.addr == addr {
		s.unassert(port, g, src, b)
	}
	if !up && !s.hasNeighbors(port) {
		s.downGone(port, g, src, b)
		if src != nil {
			s.unprune(port, g, src)
		}
	}
}

// designated implements routing.
func (s *sparse) designated(now spec.Time, _ int, out *impl.Effects) { s.reviewAll(now, out) }

// rerouted implements routing.
func (s *sparse) rerouted(now spec.Time, out *impl.Effects) { s.reviewAll(now, out) }

// fire implements routing.
func (s *sparse) fire(now spec.Time, k timer, out *impl.Effects) {
	switch k.kind {
	case refusedTimer:
		s.listeners(now, out)
		return
	case bootstrapTimer, mappingTimer, candidateTimer, advertiseTimer:
		s.boot.fire(now, k, out)
		return
	}
	g := s.group(k.group)
	if g == nil {
		return
	}
	src, b := (*sparseSource)(nil), &g.shared
	if k.source.IsValid() {
		if src = g.source(k.source); src != nil {
			b = &src.branch
		} else if k.kind != rptOverrideTimer {
			return
		}
	}
	s.fireBranch(now, k, g, src, b, out)
	s.review(now, g, out)
}

// fireBranch does what a timer of a branch is for.
func (s *sparse) fireBranch(now spec.Time, k timer, g *sparseGroup, src *sparseSource, b *branch, out *impl.Effects) {
	port := int(k.port)
	switch k.kind {
	case joinTimer:
		s.joinAgain(now, g, src, b, out)
	case downTimer:
		s.downGone(port, g, src, b)
	case downPruneTimer:
		s.downGone(port, g, src, b)
		s.echo(port, g, entryOf(g, src), out)
	case contestTimer:
		s.assertEnds(now, port, g, src, b, out)
	case rptTimer:
		s.unprune(port, g, src)
	case rptPruneTimer:
		src.prunes[port].state = pruned
	case rptOverrideTimer:
		s.rptOverride(g, src, k.source, out)
	case keepAliveTimer:
		s.silent(now, g, src)
	case registerStopTimer:
		s.registerAgain(now, g, src, out)
	}
}

// forget implements routing. The listeners are known again at once, by the queriers.
func (s *sparse) forget(now spec.Time, out *impl.Effects) {
	for _, g := range s.groups {
		for _, src := range g.sources {
			s.stopTimers(g, src, &src.branch)
		}
		s.stopTimers(g, nil, &g.shared)
	}
	s.groups, s.entries = nil, 0
	s.listeners(now, out)
}

// limit implements routing. What is there stays.
func (s *sparse) limit(entries int) { s.most = entries }
