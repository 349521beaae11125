package ipmulticast

import (
	"net/netip"
	"slices"

	"github.com/conform-go/conform/spec"
)

// sparseGroup is what a router knows of a group: its place in the shared tree, (*,G), and the sources it knows of.
type sparseGroup struct {
	addr    netip.Addr
	shared  branch // its root is RP(G): not valid where none is known
	local   []bool // by port: somebody listens
	include []bool // by port: pim_include(*,G), as of the last review
	sources []*sparseSource
}

// sparseSource is what a router knows of a source: its place in the source's tree, (S,G), and how far the source is
// pruned off the shared tree, (S,G,rpt).
type sparseSource struct {
	branch
	spt      bool      // SPTbit: packets come on the source's tree
	alive    bool      // the keepalive timer runs …
	until    spec.Time // … until then
	register registerState
	prunes   []rptPort // (S,G,rpt) by port: what neighbors downstream have pruned
	pruned   bool      // (S,G,rpt): the upstream neighbor has been told to prune
	detour   bool      // RPF'(S,G,rpt) was not RPF'(*,G)
}

// branch is a router's place in one tree.
type branch struct {
	root   netip.Addr
	iif    int        // RPF_interface(root); -1: there is no way, or I am the root
	next   netip.Addr // the neighbor toward the root, by the unicast routes; not valid: none, or none has greeted
	direct bool       // the root is on the link of iif
	ports  []branchPort

	joined bool // JoinDesired
	// To whom the last join went: up is not valid where nobody was there to be asked.
	up    netip.Addr
	port  int
	via   netip.Addr // what next was
	asked netip.Addr // what root was
}

// branchPort is a branch on one port.
type branchPort struct {
	down   downState
	assert assertState
	best   treeMetric // of the winner of the assert
	quiet  spec.Time  // until then packets from the wrong side start no other assert
}

// downState is what the neighbors on a port want (sections 4.5.1, 4.5.2).
type downState uint8

const (
	notJoined   downState = iota
	downJoined            // one has joined
	downPruning           // one has pruned; another one may object
)

// rptPort is whether the source is pruned off the shared tree on a port (section 4.5.3).
type rptPort struct {
	state  pruneState
	unsaid bool // a join of the shared tree did not repeat it yet: the states P' and PP'
}

func (s *sparse) newBranch(root netip.Addr) branch {
	return branch{root: root, iif: -1, port: -1, ports: make([]branchPort, len(s.ports))}
}

// locate finds the way to the root.
func (s *sparse) locate(b *branch) {
	b.iif, b.next, b.direct = -1, netip.Addr{}, false
	if !b.root.IsValid() || s.local(b.root) {
		return
	}
	port, next, ok := s.rpf(b.root)
	if !ok {
		return
	}
	b.iif, b.next = port, next
	if s.direct(port, b.root) {
		b.direct, b.next = true, s.neighborAt(port, b.root)
	}
}

// upstream gives RPF'(*,G) or RPF'(S,G): the neighbor that packets should come from.
func (b *branch) upstream() netip.Addr {
	if b.iif >= 0 && b.ports[b.iif].assert == assertLoser {
		return b.ports[b.iif].best.addr
	}
	return b.next
}

func (b *branch) wants(port int) bool { return b.ports[port].down != notJoined }

// lost is lost_assert(*,G): another router forwards to the port.
func (b *branch) lost(port int) bool { return port != b.iif && b.ports[port].assert == assertLoser }

// silent says whether no neighbor has said anything.
func (b *branch) silent() bool {
	return !slices.ContainsFunc(b.ports, func(p branchPort) bool { return p.down != notJoined || p.assert != assertNone })
}

// source gives what is known of a source; nil: nothing.
func (g *sparseGroup) source(addr netip.Addr) *sparseSource {
	if i, ok := g.findSource(addr); ok {
		return g.sources[i]
	}
	return nil
}

func (g *sparseGroup) findSource(addr netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(g.sources, addr, func(s *sparseSource, a netip.Addr) int { return s.root.Compare(a) })
}

func (g *sparseGroup) idle() bool {
	return len(g.sources) == 0 && !slices.Contains(g.local, true) && g.shared.silent()
}

func (src *sparseSource) idle() bool {
	return !src.alive && !src.pruned && src.register == notRegistering && src.branch.silent() &&
		!slices.ContainsFunc(src.prunes, func(p rptPort) bool { return p.state != notPruned })
}

// prunedOn says whether a source is pruned off the shared tree on a port: prunes(S,G,rpt). Of a source that nothing is
// known of, src is nil.
func (src *sparseSource) prunedOn(port int) bool {
	return src != nil && src.prunes[port].state == pruned
}

// lostShared is lost_assert(S,G,rpt): another router forwards the source's packets to the port.
func (src *sparseSource) lostShared(g *sparseGroup, port int) bool {
	return src != nil && port != g.shared.iif && !(port == src.iif && src.spt) && src.ports[port].assert == assertLoser
}

// listens is pim_include(*,G) computed anew: the router answers for listeners on its link.
func (s *sparse) listens(g *sparseGroup, port int) bool {
	b := &g.shared
	return g.local[port] && (s.isDR(port) && !b.lost(port) || b.ports[port].assert == assertWinner)
}

// asked says whether a port takes part in the shared tree as far as a source is concerned: in joins(*,G) less
// prunes(S,G,rpt), or in pim_include(*,G) less pim_exclude(S,G).
func (s *sparse) asked(g *sparseGroup, src *sparseSource, addr netip.Addr, port int) bool {
	return g.shared.wants(port) && !src.prunedOn(port) ||
		g.include[port] && s.ports[port].querier.wants(g.addr, addr)
}

// onShared says whether a port is in inherited_olist(S,G,rpt).
func (s *sparse) onShared(g *sparseGroup, src *sparseSource, addr netip.Addr, port int) bool {
	return s.asked(g, src, addr, port) && !g.shared.lost(port) && !src.lostShared(g, port)
}

// onTree says whether a port is in inherited_olist(S,G).
func (s *sparse) onTree(g *sparseGroup, src *sparseSource, port int) bool {
	return s.onShared(g, src, src.root, port) || s.immediate(src, port)
}

// immediate says whether a port is in immediate_olist(S,G).
func (s *sparse) immediate(src *sparseSource, port int) bool {
	return src.wants(port) && !(src.lost(port) && src.ports[port].best.better(s.sourceMetric(src, port)))
}

// some says whether a condition holds on any port.
func (s *sparse) some(on func(port int) bool) bool {
	for i := range s.ports {
		if on(i) {
			return true
		}
	}
	return false
}

// The lists of ports as conditions.

// sharedWanted: immediate_olist(*,G) is not empty.
func (s *sparse) sharedWanted(g *sparseGroup) bool {
	return s.some(func(i int) bool { return (g.shared.wants(i) || g.include[i]) && !g.shared.lost(i) })
}

// rptWanted: inherited_olist(S,G,rpt) is not empty.
func (s *sparse) rptWanted(g *sparseGroup, src *sparseSource) bool {
	return s.some(func(i int) bool { return s.onShared(g, src, src.root, i) })
}

// treeWanted: inherited_olist(S,G) is not empty.
func (s *sparse) treeWanted(g *sparseGroup, src *sparseSource) bool {
	return s.some(func(i int) bool { return s.onTree(g, src, i) })
}

// sourceWanted is JoinDesired(S,G).
func (s *sparse) sourceWanted(g *sparseGroup, src *sparseSource) bool {
	return s.some(func(i int) bool { return s.immediate(src, i) }) || src.alive && s.treeWanted(g, src)
}
