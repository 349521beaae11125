package checkers

import (
	"math"

	"github.com/conform-go/conform/spec"
)

// netTwin answers for networks, straight from the definitions, with loops over all events, all links and all pairs of
// them, and nothing shared with the judge.
type netTwin struct {
	h     *spec.History
	t     *spec.Topology
	known map[int][][]int // lengths before an event
	seen  []twinDatagram
}

func newNetTwin(h *spec.History) *netTwin {
	w := &netTwin{h: h, t: h.Topology, known: map[int][][]int{}}
	w.seen = w.datagrams()
	return w
}

func (w *netTwin) verdict(id spec.ID) (spec.Verdict, int) {
	if _, ok := w.bound(id); !ok && id != TTLScope && id != SocketFilter {
		return spec.Inconclusive, 0
	}
	switch a := netTwins[id](w); {
	case a.violated, a.unmet && w.h.Settled:
		return spec.Fail, a.n
	case a.unmet, a.n == 0:
		return spec.Inconclusive, a.n
	default:
		return spec.Pass, a.n
	}
}

const netFar = math.MaxInt32

// twinDatagram is a datagram with the events at which it was seen.
type twinDatagram struct {
	id     uint64
	frames []int
	got    []int
}

func (w *netTwin) event(i int) (*spec.Event, *spec.Extra) {
	e := &w.h.Events[i]
	return e, w.h.ExtraOf(e)
}

func (w *netTwin) datagrams() (out []twinDatagram) {
	for i := range w.h.Events {
		e, x := w.event(i)
		if e.Kind != spec.Frame || x.Op != "data" {
			continue
		}
		k := 0
		for k < len(out) && out[k].id != x.ID {
			k++
		}
		if k == len(out) {
			out = append(out, twinDatagram{id: x.ID})
		}
		out[k].frames = append(out[k].frames, i)
	}
	for i := range w.h.Events {
		if e, x := w.event(i); e.Kind == spec.Receive && x.Op == "data" {
			for k := range out {
				if out[k].id == x.ID {
					out[k].got = append(out[k].got, i)
				}
			}
		}
	}
	return out
}

func (w *netTwin) source(d *twinDatagram) (from spec.NodeID, g spec.GroupID, link int, at spec.Time) {
	e, x := w.event(d.frames[0])
	return e.From, e.Group, w.t.Link(x.Link), e.T
}

// strange says that the first frame is not one of its source on its own link.
func (w *netTwin) strange(d *twinDatagram) bool {
	e, x := w.event(d.frames[0])
	l := w.t.Link(x.Link)
	return e.Node != e.From || x.Via != "" || l < 0 || !w.on(e.Node, l)
}

func (w *netTwin) on(n spec.NodeID, l int) bool { return netHas(w.t.Links[l].Nodes, n) }

func netHas(s []spec.NodeID, n spec.NodeID) bool {
	for _, m := range s {
		if m == n {
			return true
		}
	}
	return false
}

func (w *netTwin) bound(id spec.ID) (spec.Time, bool) {
	if b, ok := w.h.Bounds[string(id)]; ok {
		return spec.Time(b), true
	}
	b, ok := w.h.Bounds["ROUTE-REACH"]
	return spec.Time(b), ok
}

func (w *netTwin) last(d *twinDatagram) (t spec.Time) {
	for _, i := range d.frames {
		t = max(t, w.h.Events[i].T)
	}
	return t
}

// up says whether a node is up just before an event.
func (w *netTwin) up(n spec.NodeID, before int) bool {
	up := true
	for _, e := range w.h.Events[:before] {
		if e.Node == n && (e.Kind == spec.Crash || e.Kind == spec.Recover) {
			up = e.Kind == spec.Recover
		}
	}
	return up
}

func (w *netTwin) may(n spec.NodeID, g spec.GroupID, before int) bool {
	return (&twin{h: w.h}).may(n, g, before)
}

// segment gives the links that switches join with a link.
func (w *netTwin) segment(l, before int) []bool {
	in := make([]bool, len(w.t.Links))
	in[l] = true
	for grown := true; grown; {
		grown = false
		for _, s := range w.t.Switches {
			if up := w.up(s, before); !up {
				continue
			}
			for a := range in {
				for b := range in {
					if in[a] && !in[b] && w.on(s, a) && w.on(s, b) {
						in[b], grown = true, true
					}
				}
			}
		}
	}
	return in
}

// lengths of the shortest ways from every node and every link to a link: node n is n, link l is nodes + l.
func (w *netTwin) lengths(before int) [][]int {
	if d, ok := w.known[before]; ok {
		return d
	}
	nodes := len(w.h.Nodes)
	d := make([][]int, nodes+len(w.t.Links))
	w.known[before] = d
	for i := range d {
		d[i] = make([]int, len(d))
		for k := range d {
			if i != k {
				d[i][k] = netFar
			}
		}
	}
	for l := range w.t.Links {
		for k, in := range w.segment(l, before) {
			if in {
				d[nodes+l][nodes+k] = 0
			}
		}
		for _, r := range w.t.Routers {
			if up := w.up(r, before); up && w.on(r, l) {
				d[r][nodes+l] = max(1, w.t.Links[l].Metric)
				d[nodes+l][r] = 0
			}
		}
	}
	for k := range d {
		for i := range d {
			for m := range d {
				d[i][m] = min(d[i][m], d[i][k]+d[k][m])
			}
		}
	}
	return d
}
