package checkers

import (
	"slices"

	"github.com/conform-go/conform/spec"
)

// needs is who needs a flow's datagrams: for each flow a row with a mark for every link.
type needs struct {
	rows    []uint8 // flow × link: need and judge
	used    []bool  // segment: datagrams come to it
	ends    []bool  // link: a member, the source or a router is on it
	home    []bool  // segment: it has a member
	visited []bool  // node
	stack   []spec.NodeID
	hops    []uint32 // link: switches between it and the first one of its segment
	queue   []int32
}

// needOf gives which links need the datagrams of a flow now. These are the source's own; those on the shortest ways
// from the routers on members' links to the source's link, and, where there are rendezvous points, to theirs; and
// those on the shortest ways from the rendezvous points to the source's. Of equal ways each may be taken, and any
// router on a member's link may be the one that fetches the datagrams. Inside a segment the links between these
// routers, the source and the members need them, and those to all routers: switches forward to routers always
// (RFC 4541 section 2.1.2).
func (j *Judge) needOf(k uint32) []uint8 {
	n := &j.net
	f := &n.flows[k]
	links := len(n.wires)
	if f.stamp == n.state.turns {
		return n.needs.rows[f.needAt:][:links]
	}
	if len(n.needs.rows) == 0 {
		n.needs.rows = sized(n.needs.rows, links*len(n.flows))
	}
	f.needAt = k * uint32(links)
	row := n.needs.rows[f.needAt:][:links]
	clear(row)
	w := &n.needs
	w.used, w.ends, w.home = zeroed(w.used, links), zeroed(w.ends, links), zeroed(w.home, links)
	j.findEnds(f)
	if j.routed() {
		j.findTrees(f)
	}
	for l := range int32(links) {
		if n.paths.segment[l] == l && w.used[l] {
			j.spread(l, row)
		}
	}
	row[f.link] = 1
	f.stamp, f.spare = n.state.turns, 0
	for l, needed := range row {
		if needed == 0 && j.contains(int32(l)) {
			f.spare++
		}
	}
	return row
}

// contains says whether ROUTE-CONTAIN judges a link. In dense mode the routers flood the links between them whenever
// prunes expire; PIM-PRUNE judges that.
func (j *Judge) contains(l int32) bool {
	return j.h.Topology.Routing != "dense" || j.net.machines(l) < 2
}

// findEnds marks the source's link, and where the members are.
func (j *Judge) findEnds(f *flow) {
	n := &j.net
	w := &n.needs
	f.listens = 0
	w.used[n.paths.segment[f.link]], w.ends[f.link] = true, true
	for m := range n.role {
		m := spec.NodeID(m)
		if !j.listens(m, f.group) {
			continue
		}
		if m != f.source {
			f.listens++
		}
		for _, l := range n.linksOf(m) {
			w.ends[l], w.home[n.paths.segment[l]] = true, true
			if j.routed() {
				w.used[n.paths.segment[l]] = true
			}
		}
	}
	for m := range n.role {
		if j.up(spec.NodeID(m), asRouter) {
			for _, l := range n.linksOf(spec.NodeID(m)) {
				w.ends[l] = true
			}
		}
	}
}

// findTrees marks the segments on the ways that a tree may take.
func (j *Judge) findTrees(f *flow) {
	n := &j.net
	source := n.paths.segment[f.link]
	j.startAtHomes()
	n.needs.stack = append(n.needs.stack, n.paths.rootOf...)
	j.climb(source, -1)
	for i, root := range n.paths.roots {
		j.startAtHomes()
		j.climb(root, n.paths.rootOf[i])
	}
}

// startAtHomes puts the routers on the members' segments on the stack.
func (j *Judge) startAtHomes() {
	n := &j.net
	w := &n.needs
	w.visited = zeroed(w.visited, len(n.role))
	w.stack = w.stack[:0]
	for m := range n.role {
		if !j.up(spec.NodeID(m), asRouter) {
			continue
		}
		if slices.ContainsFunc(n.linksOf(spec.NodeID(m)), func(l int32) bool { return w.home[n.paths.segment[l]] }) {
			w.stack = append(w.stack, spec.NodeID(m))
		}
	}
}

// climb follows all shortest ways from the routers on the stack to a segment. The segments of the rendezvous point's
// own links are where its ways end: they are used only if others come to it by them.
func (j *Judge) climb(root int32, owner spec.NodeID) {
	n := &j.net
	w := &n.needs
	segments, routers := j.ways(root)
	for len(w.stack) > 0 {
		m := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if w.visited[m] {
			continue
		}
		w.visited[m] = true
		for _, l := range n.linksOf(m) {
			s := n.paths.segment[l]
			if !j.toward(m, l, root) || s == root && m == owner {
				continue
			}
			w.used[s] = true
			for k := s; k != none; k = n.paths.next[k] {
				for _, q := range n.wires[k].Nodes {
					if j.up(q, asRouter) && routers[q] == segments[s] {
						w.stack = append(w.stack, q)
					}
				}
			}
		}
	}
}

// spread marks the links of a used segment that lie between its ends: those on the shortest ways over switches from
// one end to all others. Switches have no loops, so that it does not matter which end.
func (j *Judge) spread(segment int32, row []uint8) {
	n := &j.net
	w := &n.needs
	w.hops = sized(w.hops, len(n.wires))
	w.queue = w.queue[:0]
	for l := segment; l != none; l = n.paths.next[l] {
		w.hops[l] = unreachable
		if w.ends[l] && len(w.queue) == 0 {
			w.queue = append(w.queue, l)
			w.hops[l] = 0
		}
	}
	for i := 0; i < len(w.queue); i++ {
		l := w.queue[i]
		j.eachNext(l, func(k int32) {
			if w.hops[k] == unreachable {
				w.hops[k] = w.hops[l] + 1
				w.queue = append(w.queue, k)
			}
		})
	}
	for _, l := range slices.Backward(w.queue) {
		if w.ends[l] {
			row[l] = 1
		}
		if row[l] == 0 {
			continue
		}
		j.eachNext(l, func(k int32) {
			if w.hops[k]+1 == w.hops[l] {
				row[k] = 1
			}
		})
	}
}

// eachNext gives the links that a switch joins with this one.
func (j *Judge) eachNext(l int32, f func(int32)) {
	for _, m := range j.net.wires[l].Nodes {
		if !j.up(m, asSwitch) {
			continue
		}
		for _, k := range j.net.linksOf(m) {
			if k != l {
				f(k)
			}
		}
	}
}
