package checkers

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// netDrawer draws a small network and what happens on it. Most of what happens is as it should be: a datagram goes over
// the links that need it, by the twin's trees. How wild it is, is drawn first.
type netDrawer struct {
	t      *rapid.T
	h      *spec.History
	n      *spec.Topology
	wild   int
	now    spec.Time
	id     uint64
	faults uint64
	hosts  int
	down   map[spec.NodeID]bool
}

func drawNetwork(t *rapid.T) (h *spec.History, tame bool) {
	d := netDrawer{t: t, h: &spec.History{}, n: &spec.Topology{}, wild: rapid.IntRange(0, 3).Draw(t, "wild"), down: map[spec.NodeID]bool{}}
	d.h.Topology = d.n
	d.h.Settled = !d.maybe(6)
	d.h.Model = spec.CrashModel(rapid.IntRange(0, 1).Draw(t, "model"))
	d.topology()
	d.h.Bounds = map[string]time.Duration{}
	for _, id := range []string{"ROUTE-REACH", "ROUTE-REACH", "ROUTE-CONTAIN", "IGMP-AGEING", "PIM-PRUNE", "PIM-ASSERT"} {
		if id == "ROUTE-REACH" && !d.maybe(8) || d.maybe(4) {
			d.h.Bounds[id] = time.Duration(rapid.SampledFrom([]int{0, 3, 20}).Draw(t, "bound")) * time.Millisecond
		}
	}
	for g := range rapid.IntRange(1, 2).Draw(t, "groups") {
		x := spec.Group{Name: string(rune('g' + g))}
		for n := range d.hosts {
			if d.maybe(2) {
				x.Members = append(x.Members, spec.NodeID(n))
			}
		}
		d.h.Groups = append(d.h.Groups, x)
	}
	for range rapid.IntRange(1, 9).Draw(t, "events") {
		d.event()
	}
	return d.h, d.wild == 0
}

func (d *netDrawer) maybe(n int) bool { return rapid.IntRange(0, n-1).Draw(d.t, "one in") == 0 }

// one in n; never in a tame history.
func (d *netDrawer) one(n int) bool { return d.wild > 0 && d.maybe(n*(4-d.wild)) }

func (d *netDrawer) link() int { return rapid.IntRange(0, len(d.n.Links)-1).Draw(d.t, "link") }

func (d *netDrawer) join(n spec.NodeID, l int) {
	if !netHas(d.n.Links[l].Nodes, n) {
		d.n.Links[l].Nodes = append(d.n.Links[l].Nodes, n)
	}
}

func (d *netDrawer) addLink() int {
	d.n.Links = append(d.n.Links, spec.Link{Name: string(rune('a' + len(d.n.Links))), Metric: rapid.IntRange(0, 2).Draw(d.t, "metric")})
	return len(d.n.Links) - 1
}

// topology draws LANs, some of them with switches, which never make a loop, and routers between them.
func (d *netDrawer) topology() {
	d.hosts = rapid.IntRange(2, 3).Draw(d.t, "hosts")
	routers, switches := rapid.IntRange(0, 4).Draw(d.t, "routers"), rapid.IntRange(0, 2).Draw(d.t, "switches")
	for n := range d.hosts {
		d.h.Nodes = append(d.h.Nodes, fmt.Sprint(n))
	}
	for range rapid.IntRange(1, 4).Draw(d.t, "LANs") {
		d.addLink()
	}
	for range switches {
		s := spec.NodeID(len(d.h.Nodes))
		d.h.Nodes = append(d.h.Nodes, fmt.Sprint("s", s))
		d.n.Switches = append(d.n.Switches, s)
		d.join(s, d.link())
		for range rapid.IntRange(1, 2).Draw(d.t, "ports") {
			d.join(s, d.addLink())
		}
	}
	for range routers {
		r := spec.NodeID(len(d.h.Nodes))
		d.h.Nodes = append(d.h.Nodes, fmt.Sprint("r", r))
		d.n.Routers = append(d.n.Routers, r)
		for range rapid.IntRange(2, 3).Draw(d.t, "ports") {
			d.join(r, d.link())
		}
		if d.maybe(4) {
			d.n.RPs = append(d.n.RPs, r)
		}
	}
	for n := range d.hosts {
		d.join(spec.NodeID(n), d.link())
		if d.maybe(12) {
			d.join(spec.NodeID(n), d.link())
		}
	}
	if d.n.Routing = rapid.SampledFrom([]string{"dense", "sparse", "sparse", ""}).Draw(d.t, "routing"); d.n.Routing != "sparse" {
		d.n.RPs = nil
	}
}

func (d *netDrawer) add(e spec.Event, x spec.Extra) {
	e.T = d.now
	d.h.AddExtra(e, x)
}

func (d *netDrawer) event() {
	d.now += spec.Time(rapid.SampledFrom([]int{0, 1, 5, 30}).Draw(d.t, "wait")) * 1e6
	host := spec.NodeID(rapid.IntRange(0, d.hosts-1).Draw(d.t, "host"))
	any := spec.NodeID(rapid.IntRange(0, len(d.h.Nodes)-1).Draw(d.t, "node"))
	group := spec.GroupID(rapid.IntRange(0, len(d.h.Groups)-1).Draw(d.t, "group"))
	switch k := rapid.IntRange(0, 19).Draw(d.t, "what"); {
	case k < 14:
		d.send(host, group)
	case k < 16:
		kind := rapid.SampledFrom([]spec.Kind{spec.Join, spec.Joined, spec.Leave, spec.Left}).Draw(d.t, "kind")
		d.add(spec.Event{Kind: kind, Has: spec.HasNode | spec.HasGroup, Node: host, Group: group}, spec.Extra{})
	case k == 16:
		kind := spec.Crash
		if d.down[any] {
			kind = spec.Recover
		}
		d.down[any] = !d.down[any]
		d.add(spec.Event{Kind: kind, Has: spec.HasNode, Node: any}, spec.Extra{})
	case k == 17:
		kind := rapid.SampledFrom([]spec.Kind{spec.Pause, spec.Resume}).Draw(d.t, "kind")
		d.add(spec.Event{Kind: kind, Has: spec.HasNode, Node: any}, spec.Extra{})
	case k == 18:
		kind := rapid.SampledFrom([]spec.Kind{spec.Fault, spec.Heal, spec.Heal}).Draw(d.t, "kind")
		id := d.faults
		if kind == spec.Fault {
			d.faults++
			id++
		} else if d.maybe(3) {
			id--
		}
		d.add(spec.Event{Kind: kind, Has: spec.HasID}, spec.Extra{ID: id})
	case k == 19:
		e := spec.Event{Kind: spec.Frame, Has: spec.HasNode | spec.HasGroup, Node: any, Group: group}
		if d.maybe(2) {
			e.From, e.Has = host, e.Has|spec.HasFrom
		}
		d.add(e, spec.Extra{Op: rapid.SampledFrom([]string{"pim-assert", "pim-prune"}).Draw(d.t, "op"), Link: d.n.Links[d.link()].Name})
	}
}

// send lets a datagram travel, one link after another.
func (d *netDrawer) send(from spec.NodeID, g spec.GroupID) {
	start := -1
	for l := range d.n.Links {
		if start < 0 && netHas(d.n.Links[l].Nodes, from) {
			start = l
		}
	}
	d.id++
	type hop struct {
		link, via, ttl int
		by             spec.NodeID
	}
	ttl := rapid.SampledFrom([]int{0, 1, 2, 8, 8, 8}).Draw(d.t, "ttl")
	queue := []hop{{start, -1, ttl, from}}
	carried := map[int]bool{start: true}
	var w *netTwin
	var need []bool
	var d0 *twinDatagram
	for len(queue) > 0 {
		x := queue[0]
		queue = queue[1:]
		d.frame(x.by, from, g, x.link, x.via, x.ttl)
		if w == nil {
			w = newNetTwin(d.h)
			d0 = &w.seen[len(w.seen)-1]
			need = w.need(d0)
		}
		for _, m := range d.n.Links[x.link].Nodes {
			isSwitch, isRouter := netHas(d.n.Switches, m), netHas(d.n.Routers, m)
			if up := w.up(m, d0.frames[0]); !up || m == x.by || !isSwitch && !isRouter || d.one(30) {
				continue
			}
			if isRouter && (!w.accepts(d0, m, x.link) || ttl == 1 || x.ttl == 1) && !d.one(20) {
				continue
			}
			for l := range d.n.Links {
				if l == x.link || !netHas(d.n.Links[l].Nodes, m) || (!need[l] || carried[l]) && !d.one(30) {
					continue
				}
				carried[l] = true
				next := hop{l, -1, x.ttl, m}
				if isRouter {
					next.via, next.ttl = x.link, max(x.ttl-1, 0)
				}
				if len(queue) < 9 {
					queue = append(queue, next)
				}
			}
		}
	}
	d.hand(w, d0, carried)
}

// hand gives a datagram to the members on the links that carried it.
func (d *netDrawer) hand(w *netTwin, d0 *twinDatagram, carried map[int]bool) {
	from, g, _, _ := w.source(d0)
	for n := range d.hosts {
		n := spec.NodeID(n)
		up := w.up(n, d0.frames[0])
		for l := range d.n.Links {
			if w.may(n, g, len(d.h.Events)) && up && n != from && carried[l] && netHas(d.n.Links[l].Nodes, n) && !d.one(20) || d.one(400) {
				d.receive(n, from, g)
				if !d.one(20) {
					break
				}
			}
		}
	}
}

func (d *netDrawer) frame(by, from spec.NodeID, g spec.GroupID, link, via, ttl int) {
	x := spec.Extra{ID: d.id, Op: "data", Link: d.n.Links[link].Name, TTL: ttl}
	if via >= 0 {
		x.Via = d.n.Links[via].Name
	}
	if d.one(40) {
		x.Via = rapid.SampledFrom([]string{"", "z", d.n.Links[d.link()].Name}).Draw(d.t, "via")
	}
	if d.one(40) {
		x.TTL = rapid.IntRange(0, 8).Draw(d.t, "any ttl")
	}
	if d.one(40) {
		x.Reason = "duplicate"
	}
	d.now += spec.Time(rapid.IntRange(0, 1).Draw(d.t, "delay")) * 1e6
	d.add(spec.Event{Kind: spec.Frame, Has: spec.HasNode | spec.HasFrom | spec.HasGroup | spec.HasID, Node: by, From: from, Group: g}, x)
}

func (d *netDrawer) receive(n, from spec.NodeID, g spec.GroupID) {
	d.add(spec.Event{Kind: spec.Receive, Has: spec.HasNode | spec.HasFrom | spec.HasGroup | spec.HasID, Node: n, From: from, Group: g},
		spec.Extra{ID: d.id, Op: "data"})
}

// showNet prints a history of a network so that a failure can be read.
func showNet(h *spec.History) string {
	var b strings.Builder
	fmt.Fprintf(&b, "nodes %v groups %+v topology %+v bounds %v settled %v model %v\n", h.Nodes, h.Groups, *h.Topology, h.Bounds, h.Settled, h.Model)
	for i := range h.Events {
		e, x := &h.Events[i], h.ExtraOf(&h.Events[i])
		fmt.Fprintf(&b, "%3d %4d ms %v node %s", i, e.T/1e6, e.Kind, h.NodeName(e.Node))
		if e.Is(spec.HasGroup) {
			fmt.Fprintf(&b, " group %d", e.Group)
		}
		fmt.Fprintf(&b, " id %d %s link %s via %s ttl %d %s\n", x.ID, x.Op, x.Link, x.Via, x.TTL, x.Reason)
	}
	return b.String()
}
