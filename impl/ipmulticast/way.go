package ipmulticast

import (
	"net/netip"
)

// A router whose packets somebody else forwards (the kernel of a machine) decides, and tells them where packets go. It
// is given every packet all the same, as a packet is what its protocol learns from.

// Way gives the port that a router takes the packets of a source to a group from, and appends to out those that they go
// out of, ascending. Packets that come by another port are not forwarded. It is false where nothing is known of them:
// then nothing is forwarded either.
func (r *Router) Way(source, group netip.Addr, out []int) (in int, to []int, ok bool) {
	w, asks := r.routing.(wayfinder)
	if !asks || !r.ready {
		return -1, out, false
	}
	if in, ok = w.way(source, group); !ok || in < 0 || r.ports[in].blocked {
		return in, out, false
	}
	for p := range r.ports {
		if p != in && !r.ports[p].blocked && w.goes(source, group, p) {
			out = append(out, p)
		}
	}
	return in, out, true
}

// wayfinder is a routing protocol that says where packets go. goes is asked about what way has found.
type wayfinder interface {
	way(source, group netip.Addr) (in int, ok bool)
	goes(source, group netip.Addr, port int) bool
}

// Listened says whether somebody on the link of a port listens to a group.
func (r *Router) Listened(port int, group netip.Addr) bool {
	return r.ready && r.ports[port].querier.listening(group)
}

// Querier says whether the router asks who listens on the link of a port.
func (r *Router) Querier(port int) bool { return r.ready && r.ports[port].querier.elected() }

// Neighbors counts the PIM routers that have greeted on the link of a port.
func (r *Router) Neighbors(port int) int { return len(r.ports[port].neighbors) }

func (d *dense) way(source, group netip.Addr) (in int, ok bool) {
	e := d.entries[sourceGroup{source, group}]
	if e == nil {
		return -1, false
	}
	return e.rpf, true
}

func (d *dense) goes(source, group netip.Addr, port int) bool {
	for _, p := range d.entries[sourceGroup{source, group}].olist {
		if p == port {
			return true
		}
	}
	return false
}

// way is where spread takes packets from.
func (s *sparse) way(source, group netip.Addr) (in int, ok bool) {
	g := s.group(group)
	if g == nil {
		return -1, false
	}
	if src := g.source(source); src != nil && src.spt {
		return src.iif, true
	}
	return g.shared.iif, true
}

func (s *sparse) goes(source, group netip.Addr, port int) bool {
	g := s.group(group)
	src := g.source(source)
	if src != nil && src.spt {
		return s.onTree(g, src, port)
	}
	return s.onShared(g, src, source, port)
}
