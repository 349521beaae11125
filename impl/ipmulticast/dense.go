package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// dense is PIM dense mode (Adams, Nicholas, Siadak: RFC 3973, 2005). A packet of a source goes to all links but the one
// it came from, and is taken only from the link that is the way to the source. Links beyond which nobody listens are
// pruned; a prune ends after its hold time, and then packets are flooded again, unless state refresh keeps it. A graft
// takes a prune back. Of several routers that would forward to one link, an assert elects one.
//
// Each source and group, (S,G), has an entry from its first packet on, with one state machine toward the source
// (dense_upstream.go) and two on every other link: the prune machine (dense_downstream.go) and the assert machine
// (dense_assert.go).
type dense struct {
	*Router
	entries map[sourceGroup]*denseEntry
	order   []*denseEntry // as they were made: maps have no order to go by
	most    int           // entries that fit; negative: any number
}

type sourceGroup struct{ source, group netip.Addr }

// denseEntry is what a router knows about the packets of one source to one group.
type denseEntry struct {
	sourceGroup
	rpf    int        // the port toward the source; -1: there is no way
	next   netip.Addr // the neighbor there; not valid: none has greeted, or the source is on the link
	direct bool       // the source is on the link
	state  upstreamState
	limit  spec.Time // until then no further prune is sent for packets that come all the same
	seen   spec.Time // the last sign of the source
	ttl    uint8     // the greatest TTL of its packets
	olist  []int     // the ports that packets go out of, ascending
	links  []denseLink

	refreshed spec.Time // the last state refresh was passed on then
}

// denseLink is what it knows of it on one link.
type denseLink struct {
	state  pruneState
	hold   time.Duration // of the last prune
	assert assertState
	winner assertMetric // loser
	quiet  spec.Time    // until then packets from the wrong side are not answered
}

// The timers of dense mode. Those of links have a port.
const (
	pruneTimer    = denseTimers + iota // a prune ends
	pendingTimer                       // nobody has overridden a prune
	assertTimer                        // an election is forgotten
	overrideTimer                      // a join answers another router's prune
	graftTimer                         // a graft is not yet acknowledged
	activeTimer                        // the source may be silent for ever
	refreshTimer                       // state refresh is due

	perLink = overrideTimer - pruneTimer
)

func newDense(r *Router) routing {
	return &dense{Router: r, entries: map[sourceGroup]*denseEntry{}, most: -1}
}

// data takes a packet (RFC 3973 section 4.2).
func (d *dense) data(now spec.Time, port int, h *IP, raw []byte, out *impl.Effects) {
	e := d.entries[sourceGroup{h.Src, h.Dst}]
	if e == nil {
		if e = d.create(now, h.Src, h.Dst); e == nil {
			return
		}
	}
	e.seen = now
	rules := &d.cfg.Rules
	if !rules.RPF(port, e.rpf) {
		d.wrongSide(now, port, e, out)
		return
	}
	e.ttl = max(e.ttl, h.TTL)
	if len(e.olist) == 0 {
		d.unwanted(now, e, out)
	}
	for _, p := range e.olist {
		if rules.Back(port, p) {
			d.forward(p, h, raw, out)
		}
	}
	if rules.Back(port, port) {
		d.forward(port, h, raw, out)
	}
}

// create makes the entry of a source and group; nil where there is no room, or no way to the source.
func (d *dense) create(now spec.Time, source, group netip.Addr) *denseEntry {
	port, next, ok := d.Router.rpf(source)
	if !ok || d.most >= 0 && len(d.order) >= d.most {
		return nil
	}
	e := &denseEntry{sourceGroup: sourceGroup{source, group}, rpf: port, next: next, direct: d.direct(port, source),
		seen: now, links: make([]denseLink, len(d.ports)), refreshed: -1}
	d.entries[e.sourceGroup] = e
	d.order = append(d.order, e)
	d.compute(e)
	d.agenda.set(e.timer(activeTimer, 0), now, d.cfg.Timing.SourceLife)
	d.originate(now, e)
	return e
}

// remove forgets an entry.
func (d *dense) remove(e *denseEntry) {
	for p := range e.links {
		for k := range perLink {
			d.agenda.stop(e.timer(pruneTimer+k, p))
		}
	}
	for k := overrideTimer; k <= refreshTimer; k++ {
		d.agenda.stop(e.timer(k, 0))
	}
	delete(d.entries, e.sourceGroup)
	i := slices.Index(d.order, e)
	d.order = slices.Delete(d.order, i, i+1)
}

// active removes an entry whose source was silent for too long. While a prune of mine may stand upstream the entry
// stays: without it there would be nothing to send a graft for. And it stays while an election is remembered: if only
// one side forgot, both would forward when the other's time is up.
func (d *dense) active(now spec.Time, e *denseEntry) {
	speed := time.Duration(max(1, d.cfg.Timing.Speed))
	left := time.Duration(max(d.later(e.seen, d.cfg.Timing.SourceLife), e.limit)-now) * speed
	for p := range e.links {
		elected, _ := d.agenda.left(e.timer(assertTimer, p), now)
		if e.links[p].assert != assertNone {
			left = max(left, elected)
		}
	}
	if left <= 0 {
		d.remove(e)
		return
	}
	d.agenda.set(e.timer(activeTimer, 0), now, left)
}

// timer names a timer of an entry.
func (e *denseEntry) timer(k timerKind, port int) timer {
	return timer{kind: k, port: int16(port), group: e.group, source: e.source}
}

// compute finds the ports that packets go out of: olist(S,G) of RFC 3973 section 4.1.3. They go where there are
// neighbors that have not pruned and where hosts listen, unless another router has won the link.
func (d *dense) compute(e *denseEntry) {
	e.olist = e.olist[:0]
	for i := range d.ports {
		if i == e.rpf || e.links[i].assert == assertLoser {
			continue
		}
		if d.hasNeighbors(i) && e.links[i].state != pruned || d.ports[i].querier.wants(e.group, e.source) {
			e.olist = append(e.olist, i)
		}
	}
}

// update computes the ports anew, and tells the source's side when they become none or some.
func (d *dense) update(now spec.Time, e *denseEntry, out *impl.Effects) {
	before := len(e.olist)
	d.compute(e)
	switch {
	case before > 0 && len(e.olist) == 0:
		d.emptied(now, e, out)
	case before == 0 && len(e.olist) > 0:
		d.filled(now, e, out)
	}
}

// message takes a PIM message.
func (d *dense) message(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects) {
	switch m.Type {
	case PIMJoinPrune:
		d.joinPrune(now, port, m, out)
	case PIMGraft:
		d.grafted(now, port, src, m, out)
	case PIMGraftAck:
		d.acknowledged(port, src, m)
	case PIMAssert:
		d.heardAssert(now, port, src, m, out)
	case PIMStateRefresh:
		d.heardRefresh(now, port, src, m, out)
	}
}

func (d *dense) listening(now spec.Time, _ int, group netip.Addr, _ bool, out *impl.Effects) {
	for _, e := range d.order {
		if e.group == group {
			d.update(now, e, out)
		}
	}
}

// neighbor takes note of a neighbor that came, restarted or went. One that has restarted or is new has no state: it
// gets packets again until it prunes them, and what I pruned there it does not know.
func (d *dense) neighbor(now spec.Time, port int, addr netip.Addr, up bool, out *impl.Effects) {
	for _, e := range d.order {
		l, old := &e.links[port], e.upstream()
		if l.assert == assertLoser && l.winner.addr == addr {
			d.undecided(e, port)
		}
		if up && port == e.rpf {
			e.limit = 0
		} else if up {
			d.noPrune(e, port)
		}
		d.turn(now, e, old, out)
	}
}

func (d *dense) designated(spec.Time, int, *impl.Effects) {}

func (d *dense) rerouted(now spec.Time, out *impl.Effects) {
	for _, e := range d.order {
		d.turn(now, e, e.upstream(), out)
	}
}

func (d *dense) fire(now spec.Time, k timer, out *impl.Effects) {
	e, port := d.entries[sourceGroup{k.source, k.group}], int(k.port)
	if e == nil {
		return
	}
	switch k.kind {
	case pruneTimer:
		d.noPrune(e, port)
		d.update(now, e, out)
	case pendingTimer:
		d.settle(now, port, e, out)
	case assertTimer:
		d.assertEnds(now, port, e, out)
	case overrideTimer:
		d.sendJoin(e, out)
	case graftTimer:
		d.graft(now, e, out)
	case activeTimer:
		d.active(now, e)
	case refreshTimer:
		d.refresh(now, e, out)
	}
}

func (d *dense) forget(spec.Time, *impl.Effects) {
	for len(d.order) > 0 {
		d.remove(d.order[len(d.order)-1])
	}
}

func (d *dense) limit(entries int) { d.most = entries }
