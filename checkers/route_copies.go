package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// Copies of one datagram that nobody asked for. Those that the fault model makes are not counted, nor those of the
// election in which the routers of a LAN find out which one forwards.

// onlyOne says whether a datagram may have no copies.
func (d *datagram) onlyOne(vote spec.Time) bool { return !d.copied && d.undisputed(vote) }

// routeNoDuplicate judges ROUTE-NO-DUPLICATE: nobody receives a datagram twice because it went around a loop, or
// because two routers forward it to one LAN (RFC 7761; RFC 3973).
func (j *Judge) routeNoDuplicate() spec.Finding {
	bound, reason := j.travels(RouteNoDuplicate)
	if reason != "" {
		return inconclusive(0, reason)
	}
	n := 0
	double := j.canDouble()
	j.row = zeroed(j.row, len(j.h.Nodes)) // the datagram that each received last, + 1
	for k := j.settledFrom(0, bound); k >= 0; k = j.settledFrom(k+1, bound) {
		d := &j.net.datagrams[k]
		if !d.onlyOne(j.net.vote) {
			continue
		}
		if double {
			n++
		}
		for _, s := range j.net.seen(k) {
			if s.link != none {
				continue
			}
			m := j.h.Events[s.event].Node
			if j.row[m] == uint32(k)+1 {
				return j.twice(n, k, s)
			}
			j.row[m] = uint32(k) + 1
		}
	}
	return held(n, "vacuous: no undisturbed datagram in a topology with a loop, or a LAN with two routers")
}

func (j *Judge) twice(n, k int, s sighting) spec.Finding {
	d := &j.net.datagrams[k]
	m := j.h.Events[s.event].Node
	for _, t := range j.net.seen(k) {
		if t.link == none && j.h.Events[t.event].Node == m {
			return violated(n, fmt.Sprintf("%s received %s, a second time at %s; the first was at %s",
				j.machineName(m), j.origin(d), j.time(int(s.event)), j.time(int(t.event))), int(d.event), int(t.event), int(s.event))
		}
	}
	panic("checkers: a second copy without a first")
}

// canDouble says whether the topology has a loop, or a LAN with two routers and a host.
func (j *Judge) canDouble() bool {
	n := &j.net
	links := len(n.wires)
	j.queue = sized(j.queue, links+len(n.role)) // links and machines as trees that grow together
	for i := range j.queue {
		j.queue[i] = uint32(i)
	}
	for m := range n.role {
		if n.role[m]&(asRouter|asSwitch) == 0 {
			continue
		}
		for _, l := range n.linksOf(spec.NodeID(m)) {
			a, b := rootIn(j.queue, uint32(links+m)), rootIn(j.queue, uint32(l))
			if a == b {
				return true
			}
			j.queue[a] = b
		}
	}
	j.follow(0)
	for l := range n.wires {
		routers, hosts := 0, 0
		for k := n.paths.segment[l]; k != none; k = n.paths.next[k] {
			for _, m := range n.wires[k].Nodes {
				switch {
				case !n.knows(m) || n.role[m]&asSwitch != 0:
				case n.role[m]&asRouter != 0:
					routers++
				default:
					hosts++
				}
			}
		}
		if routers >= 2 && hosts > 0 {
			return true
		}
	}
	return false
}

func rootIn(parents []uint32, i uint32) uint32 {
	for parents[i] != i {
		parents[i] = parents[parents[i]]
		i = parents[i]
	}
	return i
}

// routeOneCopy judges ROUTE-ONE-COPY: a datagram crosses each link at most once (RFC 1112; CDK, IP multicast).
func (j *Judge) routeOneCopy() spec.Finding {
	bound, reason := j.travels(RouteOneCopy)
	if reason != "" {
		return inconclusive(0, reason)
	}
	n := 0
	j.row = zeroed(j.row, len(j.net.wires)) // the datagram that each carried last, + 1
	for k := j.settledFrom(0, bound); k >= 0; k = j.settledFrom(k+1, bound) {
		d := &j.net.datagrams[k]
		if !d.onlyOne(j.net.vote) {
			continue
		}
		j.needOf(d.flow)
		if j.net.flows[d.flow].listens >= 2 {
			n++
		}
		for _, s := range j.net.seen(k) {
			if s.link < 0 {
				continue
			}
			if j.row[s.link] == uint32(k)+1 {
				return j.crossedTwice(n, k, s)
			}
			j.row[s.link] = uint32(k) + 1
		}
	}
	return held(n, "vacuous: no undisturbed datagram had two members besides its source")
}

func (j *Judge) crossedTwice(n, k int, s sighting) spec.Finding {
	d := &j.net.datagrams[k]
	for _, t := range j.net.seen(k) {
		if t.link == s.link {
			return violated(n, fmt.Sprintf("%s put %s, on %s at %s, where %s had put it at %s",
				j.machineName(j.h.Events[s.event].Node), j.origin(d), j.linkName(s.link), j.time(int(s.event)),
				j.machineName(j.h.Events[t.event].Node), j.time(int(t.event))), int(d.event), int(t.event), int(s.event))
		}
	}
	panic("checkers: a second copy without a first")
}
