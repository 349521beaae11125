package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

const severalLANs = noLAN - 1 // while LANs are laid out

// layOut finds the LANs: links that a switch joins are one.
func (w *wireIndex) layOut(h *spec.History) {
	t := h.Topology
	w.roles = zeroed(w.roles, len(h.Nodes))
	for role, list := range [...][]spec.NodeID{t.Routers, t.Switches, t.RPs} {
		for _, n := range list {
			if w.knows(h, n) {
				w.roles[n] |= 1 << role
			}
		}
	}
	links := min(len(t.Links), int(severalLANs))
	w.lanOf = sized(w.lanOf, links)
	for l := range links {
		w.lanOf[l] = uint16(l)
	}
	for _, n := range t.Switches {
		first := -1
		for l := range links {
			if !slices.Contains(t.Links[l].Nodes, n) {
				continue
			}
			if first < 0 {
				first = l
				continue
			}
			w.merge(w.lanOf[first], w.lanOf[l])
		}
	}
	w.nameLinks(t, links)
	w.placeNodes(h, links)
}

// merge makes two LANs one, under the lower number.
func (w *wireIndex) merge(a, b uint16) {
	a, b = min(a, b), max(a, b)
	for l := range w.lanOf {
		if w.lanOf[l] == b {
			w.lanOf[l] = a
		}
	}
}

// nameLinks numbers the LANs without holes, and finds them by the names of their links.
func (w *wireIndex) nameLinks(t *spec.Topology, links int) {
	if w.links == nil {
		w.links = make(map[string]uint16)
	}
	clear(w.links)
	w.lans = 0
	for l := range links {
		if int(w.lanOf[l]) == l { // the first of its LAN
			w.lanOf[l] = uint16(w.lans)
			w.lans++
		} else {
			w.lanOf[l] = w.lanOf[w.lanOf[l]]
		}
		w.links[t.Links[l].Name] = w.lanOf[l]
	}
}

// placeNodes lists the hosts and routers of every LAN, ascending, and the ports of every router.
func (w *wireIndex) placeNodes(h *spec.History, links int) {
	w.home = sized(w.home, len(h.Nodes))
	for n := range w.home {
		w.home[n] = noLAN
	}
	w.hostsAt, w.portsAt = sized(w.hostsAt, w.lans+1), sized(w.portsAt, w.lans+1)
	w.hosts, w.ports = w.hosts[:0], w.ports[:0]
	w.on = zeroed(w.on, w.lans*len(h.Nodes))
	for l := range links {
		for _, n := range h.Topology.Links[l].Nodes {
			if w.knows(h, n) {
				w.on[int(w.lanOf[l])*len(h.Nodes)+int(n)] = true
			}
		}
	}
	for lan := range w.lans {
		w.hostsAt[lan], w.portsAt[lan] = uint32(len(w.hosts)), uint32(len(w.ports))
		for n := range h.Nodes {
			if w.roles[n]&isSwitch != 0 || !w.on[lan*len(h.Nodes)+n] {
				continue
			}
			if w.home[n] == noLAN {
				w.home[n] = uint16(lan)
			} else {
				w.home[n] = severalLANs
			}
			if w.roles[n]&isRouter != 0 {
				w.ports = append(w.ports, wirePort{router: spec.NodeID(n), lan: uint16(lan)})
			} else {
				w.hosts = append(w.hosts, spec.NodeID(n))
			}
		}
	}
	w.hostsAt[w.lans], w.portsAt[w.lans] = uint32(len(w.hosts)), uint32(len(w.ports))
	w.routes, w.routesAt = w.routes[:0], sized(w.routesAt, len(h.Nodes)+1)
	for n := range h.Nodes {
		if w.home[n] == severalLANs {
			w.home[n] = noLAN
		}
		w.routesAt[n] = uint32(len(w.routes))
		if w.roles[n]&isRouter == 0 {
			continue
		}
		for p := range w.ports {
			if w.ports[p].router == spec.NodeID(n) {
				w.routes = append(w.routes, uint32(p))
			}
		}
	}
	w.routesAt[len(h.Nodes)] = uint32(len(w.routes))
}

// routersOn lists the routers of a LAN, ascending. By convention their addresses ascend too.
func (w *wireIndex) routersOn(lan uint16) []wirePort { return w.ports[w.portsAt[lan]:w.portsAt[lan+1]] }

// hostsOn lists the others of a LAN.
func (w *wireIndex) hostsOn(lan uint16) []spec.NodeID {
	return w.hosts[w.hostsAt[lan]:w.hostsAt[lan+1]]
}

// portsOf lists where a router is, as places in ports.
func (w *wireIndex) portsOf(n spec.NodeID) []uint32 { return w.routes[w.routesAt[n]:w.routesAt[n+1]] }

// port finds a router on a LAN; false where it is not.
func (w *wireIndex) port(lan uint16, n spec.NodeID) (int, bool) {
	for p := int(w.portsAt[lan]); p < int(w.portsAt[lan+1]); p++ {
		if w.ports[p].router == n {
			return p, true
		}
	}
	return 0, false
}
