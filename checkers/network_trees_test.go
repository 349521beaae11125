package checkers

import "github.com/conform-go/conform/spec"

// The twin's trees.

// netRoot is what a tree may lead to: the source's link, or one of a rendezvous point's.
type netRoot struct {
	link  int
	owner spec.NodeID // -1 for the source's
}

func (w *netTwin) roots(d *twinDatagram) []netRoot {
	_, _, link, _ := w.source(d)
	roots := []netRoot{{link, -1}}
	for _, p := range w.t.RPs {
		for l := range w.t.Links {
			if up := w.up(p, d.frames[0]); up && w.on(p, l) {
				roots = append(roots, netRoot{l, p})
			}
		}
	}
	return roots
}

// accepts says whether a link is a router's first on some shortest way to the source's link, or a rendezvous point's.
func (w *netTwin) accepts(d *twinDatagram, r spec.NodeID, l int) bool {
	far, nodes := w.lengths(d.frames[0]), len(w.h.Nodes)
	for _, root := range w.roots(d) {
		length := far[r][nodes+root.link]
		if length < netFar && max(1, w.t.Links[l].Metric)+far[nodes+l][nodes+root.link] == length {
			return true
		}
	}
	return false
}

// need says which links need a datagram.
func (w *netTwin) need(d *twinDatagram) []bool {
	_, g, link, _ := w.source(d)
	before, nodes := d.frames[0], len(w.h.Nodes)
	far := w.lengths(before)
	used, ends := make([]bool, len(w.t.Links)), make([]bool, len(w.t.Links))
	use := func(l int) {
		for k, in := range w.segment(l, before) {
			used[k] = used[k] || in
		}
	}
	use(link)
	ends[link] = true
	home := make([]bool, len(w.t.Links))
	for n := range w.h.Nodes {
		n := spec.NodeID(n)
		up := w.up(n, before)
		for l := range w.t.Links {
			if !w.on(n, l) {
				continue
			}
			ends[l] = ends[l] || up && netHas(w.t.Routers, n)
			if up && w.may(n, g, before) {
				ends[l], home[l] = true, true
				if w.t.Routing != "" {
					use(l)
				}
			}
		}
	}
	for _, root := range w.roots(d) {
		for _, r := range w.t.Routers {
			up := w.up(r, before)
			if !up || w.t.Routing == "" || !w.starts(r, root, home, before) || far[r][nodes+root.link] == netFar {
				continue
			}
			for _, q := range w.t.Routers {
				for l := range w.t.Links {
					qUp := w.up(q, before)
					ends := q == root.owner && w.segment(root.link, before)[l]
					if qUp && w.on(q, l) && !ends &&
						far[r][q]+max(1, w.t.Links[l].Metric)+far[nodes+l][nodes+root.link] == far[r][nodes+root.link] {
						use(l)
					}
				}
			}
		}
	}
	return w.between(used, ends, before)
}

// starts says whether a tree to a root may begin at a router: one on a member's link, and for the source's tree the
// rendezvous points.
func (w *netTwin) starts(r spec.NodeID, root netRoot, home []bool, before int) bool {
	if root.owner < 0 && netHas(w.t.RPs, r) {
		return true
	}
	for l := range w.t.Links {
		if !w.on(r, l) {
			continue
		}
		for k, in := range w.segment(l, before) {
			if in && home[k] {
				return true
			}
		}
	}
	return false
}

// between marks the links of used segments that are on a shortest way over switches from one end to another.
func (w *netTwin) between(used, ends []bool, before int) []bool {
	n := len(w.t.Links)
	hops := make([][]int, n)
	for a := range hops {
		hops[a] = make([]int, n)
		for b := range hops {
			if a != b {
				hops[a][b] = netFar
			}
			for _, s := range w.t.Switches {
				if up := w.up(s, before); a != b && up && w.on(s, a) && w.on(s, b) {
					hops[a][b] = 1
				}
			}
		}
	}
	for k := range n {
		for a := range n {
			for b := range n {
				hops[a][b] = min(hops[a][b], hops[a][k]+hops[k][b])
			}
		}
	}
	need := make([]bool, n)
	for a := range n {
		for b := range n {
			for l := range n {
				if used[l] && ends[a] && ends[b] && hops[a][b] < netFar && hops[a][l]+hops[l][b] == hops[a][b] {
					need[l] = true
				}
			}
		}
	}
	return need
}
