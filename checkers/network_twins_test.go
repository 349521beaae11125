package checkers

import "github.com/conform-go/conform/spec"

// netTwins are the requirements on where datagrams go, each straight from its definition.
var netTwins = map[spec.ID]func(*netTwin) answer{
	RouteReach: func(w *netTwin) (a answer) {
		bound, _ := w.bound(RouteReach)
		for _, d := range w.seen {
			if w.strange(&d) || w.unsure(&d) || !w.still(&d, bound, bound, false) {
				continue
			}
			from, g, link, _ := w.source(&d)
			for n := range w.h.Nodes {
				n := spec.NodeID(n)
				if n == from || !w.owed(n, g, d.frames[0]) || !w.reach(&d, n) {
					continue
				}
				if !w.on(n, link) {
					a.n++
				}
				got := false
				for _, i := range d.got {
					got = got || w.h.Events[i].Node == n
				}
				a.unmet = a.unmet || !got
			}
		}
		return a
	},
	RouteContain: func(w *netTwin) (a answer) {
		w.each(RouteContain, func(d *twinDatagram, _ spec.Time) {
			if !w.whole(d) {
				return
			}
			need, spare := w.need(d), false
			for l := range need {
				spare = spare || !need[l] && w.contained(l)
			}
			if spare {
				a.n++
			}
			for _, i := range d.frames {
				_, x := w.event(i)
				l := w.t.Link(x.Link)
				a.violated = a.violated || l >= 0 && !need[l] && w.contained(l)
			}
		})
		return a
	},
	RouteNoDuplicate: func(w *netTwin) (a answer) {
		w.each(RouteNoDuplicate, func(d *twinDatagram, bound spec.Time) {
			if w.copies(d) || w.held(d) {
				return
			}
			if w.double() {
				a.n++
			}
			for k, i := range d.got {
				for _, o := range d.got[:k] {
					a.violated = a.violated || w.h.Events[i].Node == w.h.Events[o].Node
				}
			}
		})
		return a
	},
	RouteOneCopy: func(w *netTwin) (a answer) {
		w.each(RouteOneCopy, func(d *twinDatagram, bound spec.Time) {
			if w.copies(d) || w.held(d) {
				return
			}
			from, g, _, _ := w.source(d)
			members := 0
			for n := range w.h.Nodes {
				if up := w.up(spec.NodeID(n), d.frames[0]); up && spec.NodeID(n) != from && w.may(spec.NodeID(n), g, d.frames[0]) {
					members++
				}
			}
			if members >= 2 {
				a.n++
			}
			for k, i := range d.frames {
				for _, o := range d.frames[:k] {
					_, x := w.event(i)
					_, y := w.event(o)
					a.violated = a.violated || x.Link == y.Link
				}
			}
		})
		return a
	},
	RouteRPF: func(w *netTwin) (a answer) {
		w.each(RouteRPF, func(d *twinDatagram, _ spec.Time) {
			for _, i := range d.frames {
				e, x := w.event(i)
				via := w.t.Link(x.Via)
				if x.Via != "" && netHas(w.t.Routers, e.Node) {
					a.violated = a.violated || via < 0 || !w.on(e.Node, via) || !w.accepts(d, e.Node, via)
				}
				for _, r := range w.t.Routers {
					l := w.t.Link(x.Link)
					if up := w.up(r, d.frames[0]); up && r != e.Node && w.on(r, l) && !w.accepts(d, r, l) {
						a.n++
					}
				}
			}
		})
		return a
	},
	TTLScope: func(w *netTwin) (a answer) {
		for _, d := range w.seen {
			_, g, link, _ := w.source(&d)
			_, first := w.event(d.frames[0])
			if w.strange(&d) || first.TTL == 0 {
				continue
			}
			beyond := false
			for n := range w.h.Nodes {
				for l, in := range w.segment(link, d.frames[0]) {
					beyond = beyond || !in && w.on(spec.NodeID(n), l) && w.may(spec.NodeID(n), g, d.frames[0])
				}
			}
			if first.TTL == 1 && beyond {
				a.n++
			}
			for k, i := range d.frames {
				_, x := w.event(i)
				if x.Via == "" {
					continue
				}
				any, fits := false, false
				for _, o := range d.frames[:k] {
					_, y := w.event(o)
					any = any || y.Link == x.Via
					fits = fits || y.Link == x.Via && y.TTL == x.TTL+1
				}
				a.violated = a.violated || first.TTL == 1 || x.TTL < 1 || any && !fits
			}
		}
		return a
	},
	SocketFilter: func(w *netTwin) (a answer) {
		for i := range w.h.Events {
			e, x := w.event(i)
			switch {
			case x.Op != "data":
			case e.Kind == spec.Receive:
				a.violated = a.violated || !w.may(e.Node, e.Group, i)
			case e.Kind == spec.Frame:
				for n := range w.h.Nodes {
					n := spec.NodeID(n)
					other := false
					for g := range w.h.Groups {
						other = other || w.may(n, spec.GroupID(g), i)
					}
					if n != e.Node && w.on(n, w.t.Link(x.Link)) && other && !w.may(n, e.Group, i) {
						a.n++
					}
				}
			}
		}
		return a
	},
}

// each calls for every datagram whose trees were built, and during which nothing was disturbed.
func (w *netTwin) each(id spec.ID, f func(*twinDatagram, spec.Time)) {
	bound, _ := w.bound(id)
	for _, d := range w.seen {
		if !w.strange(&d) && w.quiet(&d, bound, 0) && w.built(&d, bound) {
			f(&d, bound)
		}
	}
}

func (w *netTwin) copies(d *twinDatagram) bool {
	for _, i := range d.frames {
		if _, x := w.event(i); x.Reason == "duplicate" {
			return true
		}
	}
	return false
}

// owed says whether a node is a member for sure, and up; in the crash-stop model, in its first life or joined since.
func (w *netTwin) owed(n spec.NodeID, g spec.GroupID, before int) bool {
	since, ok := (&twin{h: w.h}).since(n, g, before, false)
	up := w.up(n, before)
	for i, e := range w.h.Events[:before] {
		if e.Kind == spec.Recover && e.Node == n && w.h.Model == spec.CrashStop && since < i {
			return false
		}
	}
	return ok && up
}

// reach says whether there is a way from a datagram's source to all links of a node, and its time to live is enough.
func (w *netTwin) reach(d *twinDatagram, n spec.NodeID) bool {
	_, _, link, _ := w.source(d)
	_, x := w.event(d.frames[0])
	before, nodes := d.frames[0], len(w.h.Nodes)
	routers, rps, home := 0, 0, false
	far := w.lengths(before)
	for _, r := range w.t.Routers {
		if up := w.up(r, before); up {
			routers++
		}
	}
	for _, r := range w.t.RPs {
		if up := w.up(r, before); up {
			rps++
			home = home || far[r][nodes+link] < netFar
		}
	}
	if rps > 0 {
		routers *= 2
	}
	if x.TTL != 0 && x.TTL <= routers {
		return false
	}
	any := false
	for l := range w.t.Links {
		if !w.on(n, l) {
			continue
		}
		any = true
		forwarded := w.t.Routing != "" && far[nodes+l][nodes+link] < netFar && (len(w.t.RPs) == 0 || home)
		if !w.segment(link, before)[l] && !forwarded {
			return false
		}
	}
	return any
}

func (w *netTwin) contained(l int) bool {
	machines := 0
	for _, n := range w.t.Links[l].Nodes {
		if netHas(w.t.Routers, n) || netHas(w.t.Switches, n) {
			machines++
		}
	}
	return w.t.Routing != "dense" || machines < 2
}

// double says whether links and machines make a loop: some link leads away from a machine and back by another.
func (w *netTwin) double() bool {
	machine := func(n spec.NodeID) bool { return netHas(w.t.Routers, n) || netHas(w.t.Switches, n) }
	for l := range w.t.Links {
		routers, hosts := 0, 0
		for k, in := range w.segment(l, 0) {
			for _, n := range w.t.Links[k].Nodes {
				if in && netHas(w.t.Routers, n) {
					routers++
				}
				if in && !machine(n) {
					hosts++
				}
			}
		}
		if routers >= 2 && hosts > 0 {
			return true
		}
		for _, n := range w.t.Links[l].Nodes {
			if !machine(n) {
				continue
			}
			reached := map[spec.NodeID]bool{n: true} // without the port of n on l
			for grown := true; grown; {
				grown = false
				for k := range w.t.Links {
					for _, a := range w.t.Links[k].Nodes {
						for _, b := range w.t.Links[k].Nodes {
							cut := k == l && (a == n || b == n)
							if !cut && machine(a) && machine(b) && reached[a] && !reached[b] {
								reached[b], grown = true, true
							}
						}
					}
				}
			}
			for _, b := range w.t.Links[l].Nodes {
				if b != n && machine(b) && reached[b] {
					return true
				}
			}
		}
	}
	return false
}
