package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// paths are the shortest ways over the links of the topology, through routers and switches that are up. Links that
// switches join are one segment: for routers that is one link. The length of a router's way to a segment is the sum of
// the metrics of the links by which routers leave toward it, the last one's own among them.
type paths struct {
	made    bool
	segment []int32  // link: the lowest link of its segment
	next    []int32  // link: the next one of its segment; none at the end
	rootAt  []uint32 // segment: where its row of lengths begins, + 1
	rows    []uint32
	roots   []int32 // the segments of the RPs that are up
	rootOf  []spec.NodeID
}

const unreachable = ^uint32(0)

// reset forgets all ways.
func (p *paths) reset(links int) {
	p.made = false
	p.rootAt = zeroed(p.rootAt, links)
	p.rows = p.rows[:0]
}

// segments joins links to segments.
func (j *Judge) segments() {
	n := &j.net
	p := &n.paths
	p.made = true
	p.segment = sized(p.segment, len(n.wires))
	for l := range p.segment {
		p.segment[l] = int32(l)
	}
	for joined := true; joined; {
		joined = false
		for m := range n.role {
			if !j.up(spec.NodeID(m), asSwitch) {
				continue
			}
			ports := n.linksOf(spec.NodeID(m))
			for _, l := range ports {
				low := min(p.segment[l], p.segment[ports[0]])
				joined = joined || p.segment[l] != low || p.segment[ports[0]] != low
				p.segment[l], p.segment[ports[0]] = low, low
			}
		}
	}
	// A switch's links carry its lowest number now; a link's number is its segment's lowest one.
	p.next = sized(p.next, len(n.wires))
	for l := range p.next {
		p.next[l] = none
	}
	for l := len(n.wires) - 1; l >= 0; l-- {
		if low := p.segment[l]; low != int32(l) {
			p.next[l], p.next[low] = p.next[low], int32(l)
		}
	}
	p.roots, p.rootOf = p.roots[:0], p.rootOf[:0]
	for m := range n.role {
		if !j.up(spec.NodeID(m), asRP) {
			continue
		}
		for _, l := range n.linksOf(spec.NodeID(m)) {
			p.roots, p.rootOf = append(p.roots, p.segment[l]), append(p.rootOf, spec.NodeID(m))
		}
	}
}

// ways gives the lengths of the shortest ways to a segment: from every segment, by the number of its lowest link, and
// from every router.
func (j *Judge) ways(root int32) (segments, routers []uint32) {
	n := &j.net
	p := &n.paths
	links := len(n.wires)
	if p.rootAt[root] != 0 {
		row := p.rows[p.rootAt[root]-1:][:links+len(n.role)]
		return row[:links], row[links:]
	}
	at := len(p.rows)
	p.rows = slices.Grow(p.rows, links+len(n.role))[:at+links+len(n.role)]
	p.rootAt[root] = uint32(at) + 1
	row := p.rows[at:]
	for i := range row {
		row[i] = unreachable
	}
	segments, routers = row[:links], row[links:]
	segments[root] = 0
	for shorter := true; shorter; {
		shorter = false
		for m := range routers {
			if !j.up(spec.NodeID(m), asRouter) {
				continue
			}
			ports := n.linksOf(spec.NodeID(m))
			for _, l := range ports {
				if s := segments[p.segment[l]]; s != unreachable && s+n.metric(l) < routers[m] {
					routers[m] = s + n.metric(l)
					shorter = true
				}
			}
			for _, l := range ports {
				segments[p.segment[l]] = min(segments[p.segment[l]], routers[m])
			}
		}
	}
	return segments, routers
}

// toward says whether a router leaves by this link on some shortest way to a segment.
func (j *Judge) toward(m spec.NodeID, link, root int32) bool {
	segments, routers := j.ways(root)
	s := segments[j.net.paths.segment[link]]
	return s != unreachable && s+j.net.metric(link) == routers[m]
}

// accepts says whether a router may accept by this link what comes from the source's link, or from the root of a
// shared tree.
func (j *Judge) accepts(m spec.NodeID, link, source int32) bool {
	p := &j.net.paths
	if j.toward(m, link, p.segment[source]) {
		return true
	}
	for _, root := range p.roots {
		if j.toward(m, link, root) {
			return true
		}
	}
	return false
}

// reaches says whether a datagram from the source's link can come to a link: by switches alone, or where routers
// forward, over a way that unicast routes know.
func (j *Judge) reaches(source, link int32) bool {
	p := &j.net.paths
	from := p.segment[source]
	if p.segment[link] == from {
		return true
	}
	segments, routers := j.ways(from)
	if !j.routed() || segments[p.segment[link]] == unreachable {
		return false
	}
	if len(j.h.Topology.RPs) == 0 {
		return true
	}
	for _, m := range p.rootOf { // the first packets come by way of the rendezvous point
		if routers[m] != unreachable {
			return true
		}
	}
	return false
}

// inScope says whether a time to live is enough for every way that a datagram can take: through each router once, or
// through some twice by way of the rendezvous point. One that is not known is.
func (j *Judge) inScope(ttl int) bool {
	routers := 0
	for m := range j.net.role {
		if j.up(spec.NodeID(m), asRouter) {
			routers++
		}
	}
	if len(j.net.paths.roots) > 0 {
		routers *= 2
	}
	return ttl == 0 || ttl > routers
}
