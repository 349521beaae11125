package ipmulticast

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// data implements routing: the rules of section 4.2.
func (s *sparse) data(now spec.Time, port int, h *IP, raw []byte, out *impl.Effects) {
	g := s.group(h.Dst)
	src := s.sourceOf(now, g, port, h)
	if src != nil {
		g = s.group(h.Dst)
		if port == src.iif && (src.direct || src.joined && s.treeWanted(g, src)) && s.keepAlive(now, g, src, s.cfg.Timing.KeepAlive) {
			s.review(now, g, out)
		}
	}
	if g == nil {
		return
	}
	turned := src != nil && s.setSPT(g, src, port)
	s.spread(now, g, src, port, h, raw, out)
	if src != nil && src.register == registering && port == src.iif {
		s.encapsulate(g, raw, out) // behind the packet itself, which is to reach the RP first where both do
	}
	if turned {
		s.review(now, g, out)
	}
}

// sourceOf gives the entry of a packet's source. It is made where the source is on the link, and this router carries
// its packets to the RP or is on the group's tree anyhow.
func (s *sparse) sourceOf(now spec.Time, g *sparseGroup, port int, h *IP) *sparseSource {
	if g != nil {
		if src := g.source(h.Src); src != nil {
			return src
		}
	}
	if !s.direct(port, h.Src) || g == nil && !s.isDR(port) {
		return nil
	}
	if g = s.addGroup(now, h.Dst); g == nil {
		return nil
	}
	src := s.addSource(now, g, h.Src)
	if src == nil {
		s.clean(g)
	}
	return src
}

// keepAlive restarts the keepalive timer, and says whether it was not running. The timer itself is set anew only when
// it has fired: this is done for every packet.
func (s *sparse) keepAlive(now spec.Time, g *sparseGroup, src *sparseSource, d time.Duration) bool {
	src.until = max(src.until, s.later(now, d))
	if src.alive {
		return false
	}
	src.alive = true
	s.agenda.set(key(keepAliveTimer, -1, g, src), now, d)
	return true
}

// silent ends the keepalive timer, if nothing came since it was set.
func (s *sparse) silent(now spec.Time, g *sparseGroup, src *sparseSource) {
	if src.until > now {
		s.agenda.set(key(keepAliveTimer, -1, g, src), now, time.Duration((src.until-now)*s.agenda.speed))
		return
	}
	src.alive = false
}

// setSPT is Update_SPTbit(S,G,iif) of section 4.2.2: does the packet show that the source's tree works? It says whether
// that is new.
func (s *sparse) setSPT(g *sparseGroup, src *sparseSource, port int) bool {
	if src.spt || port != src.iif || !src.joined {
		return false
	}
	up := src.upstream()
	src.spt = src.direct || src.iif != g.shared.iif || !s.rptWanted(g, src) ||
		up.IsValid() && up == g.shared.upstream() || src.ports[port].assert == assertLoser
	return src.spt
}

// spread forwards a packet out of the ports of its tree, if it came in on the right one. Of a source that nothing is
// known of, src is nil.
func (s *sparse) spread(now spec.Time, g *sparseGroup, src *sparseSource, port int, h *IP, raw []byte, out *impl.Effects) {
	tree := src != nil && src.spt
	want := g.shared.iif
	if tree {
		want = src.iif
	}
	if !s.cfg.Rules.RPF(port, want) {
		s.wrongSide(now, port, g, src, h.Src, out)
		return
	}
	for i := range s.ports {
		if s.cfg.Rules.Back(port, i) && (tree && s.onTree(g, src, i) || !tree && s.onShared(g, src, h.Src, i)) {
			s.forward(i, h, raw, out)
		}
	}
	if !tree && s.cfg.SourceTree {
		s.switchToTree(now, g, h, out)
	}
}

// switchToTree is CheckSwitchToSpt(S,G) of section 4.2.1: a router that answers for listeners joins the source's tree.
func (s *sparse) switchToTree(now spec.Time, g *sparseGroup, h *IP, out *impl.Effects) {
	if !s.some(func(i int) bool { return g.include[i] && s.ports[i].querier.wants(h.Dst, h.Src) }) {
		return
	}
	if src := s.addSource(now, g, h.Src); src != nil && s.keepAlive(now, g, src, s.cfg.Timing.KeepAlive) {
		s.review(now, g, out)
	}
}
