package ipmulticast

import "net/netip"

// Routes are the unicast routes of all routers of an internet: for each router and destination the port, the next hop
// and the metric of the shortest path. The world computes them again when a router fails or returns, and tells the
// routers by Rerouted.
type Routes struct {
	dests []netip.Prefix // the link's, by link
	table [][]Route      // [router][link]
}

// Route is the way to a destination.
type Route struct {
	Port   int
	Next   netip.Addr // the next router's address on that link; not valid: the destination is on the link
	Metric uint32     // the sum of the metrics of the links on the way, the destination's own among them
	OK     bool       // false: there is no way
}

// To gives a router's way to an address.
func (r *Routes) To(router int, dst netip.Addr) Route {
	for i, p := range r.dests {
		if p.Contains(dst) {
			return r.table[router][i]
		}
	}
	return Route{}
}

// Reroute computes all routes again, over the routers that are up (Dijkstra, 1959). Of ways of equal length the one
// over the next hop with the lower address is taken, so that the routes never depend on chance.
func (n *Internet) Reroute(up func(router int) bool) {
	r := n.Routes
	for d := range n.Links {
		n.distances(d, up)
		for i := range n.Routers {
			r.table[i][d] = Route{}
			if up(i) {
				r.table[i][d] = n.first(i, d, up)
			}
		}
	}
}

const unreachable = ^uint32(0)

// distances finds the length of the way from every router to a link.
func (n *Internet) distances(dest int, up func(int) bool) {
	n.reach = n.reach[:0]
	n.settled = n.settled[:0]
	for range n.Routers {
		n.reach, n.settled = append(n.reach, unreachable), append(n.settled, false)
	}
	for _, i := range n.at[dest] {
		if up(i) {
			n.reach[i] = uint32(n.Links[dest].Metric)
		}
	}
	for range n.Routers {
		best := -1
		for i, d := range n.reach {
			if !n.settled[i] && d != unreachable && (best < 0 || d < n.reach[best]) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		n.settled[best] = true
		for p := range n.Routers[best].Ports {
			l := n.Routers[best].Links[p]
			for _, j := range n.at[l] {
				if d := n.reach[best] + uint32(n.Links[l].Metric); up(j) && d < n.reach[j] {
					n.reach[j] = d
				}
			}
		}
	}
}

// first gives a router's first hop on its way to a link, from the distances.
func (n *Internet) first(router, dest int, up func(int) bool) Route {
	best := Route{}
	me := &n.Routers[router]
	for p := range me.Ports {
		l := me.Links[p]
		if l == dest {
			return Route{Port: p, Metric: uint32(n.Links[l].Metric), OK: true}
		}
		for _, j := range n.at[l] {
			if j == router || !up(j) || n.reach[j] == unreachable {
				continue
			}
			next, d := n.addrOn(j, l), n.reach[j]+uint32(n.Links[l].Metric)
			if !best.OK || d < best.Metric || d == best.Metric && next.Less(best.Next) {
				best = Route{Port: p, Next: next, Metric: d, OK: true}
			}
		}
	}
	return best
}

// addrOn gives a router's address on a link.
func (n *Internet) addrOn(router, link int) netip.Addr {
	r := &n.Routers[router]
	for p := range r.Ports {
		if r.Links[p] == link {
			return r.Ports[p].Addr
		}
	}
	return netip.Addr{}
}

// Gateway gives the address of the first router that is up on a host's link; not valid where there is none.
func (n *Internet) Gateway(host int, up func(router int) bool) netip.Addr {
	l := n.Hosts[host].Link
	for _, i := range n.at[l] {
		if up(i) {
			return n.addrOn(i, l)
		}
	}
	return netip.Addr{}
}

// Distances gives the route metric from each host (row) to each host (column): 0 to itself, 1 on its link. Where a link
// has two routers it is that of the nearer one, so that it is the same in both directions.
func (n *Internet) Distances() []int {
	hosts := len(n.Hosts)
	out := make([]int, hosts*hosts)
	way := func(from int, to *HostPlan) (best int) {
		for _, r := range n.at[from] {
			if w := n.Routes.To(r, to.Port.Addr); w.OK && (best == 0 || int(w.Metric) < best) {
				best = int(w.Metric)
			}
		}
		return best
	}
	for a := range n.Hosts {
		for b := range n.Hosts {
			from, to := n.Hosts[a].Link, &n.Hosts[b]
			switch {
			case a == b:
			case from == to.Link:
				out[a*hosts+b] = 1
			case len(n.at[from]) > 0:
				out[a*hosts+b] = 1 + way(from, to)
			}
		}
	}
	return out
}
