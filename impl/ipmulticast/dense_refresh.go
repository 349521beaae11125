package ipmulticast

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// State refresh (RFC 3973 section 4.5): the routers on the source's link send a message down the tree at intervals,
// which prolongs the prunes on its way, so that packets are not flooded again.

// originate starts or ends to send state refresh for an entry: the source's first routers do.
func (d *dense) originate(now spec.Time, e *denseEntry) {
	k := e.timer(refreshTimer, 0)
	if !d.cfg.Refresh || d.cfg.Timing.RefreshPeriod == 0 || !e.direct {
		d.agenda.stop(k)
	} else if _, set := d.agenda.left(k, now); !set {
		d.agenda.set(k, now, d.cfg.Timing.RefreshPeriod)
	}
}

// refresh sends state refresh.
func (d *dense) refresh(now spec.Time, e *denseEntry, out *impl.Effects) {
	d.agenda.set(e.timer(refreshTimer, 0), now, d.cfg.Timing.RefreshPeriod)
	d.spread(now, e, &PIM{Type: PIMStateRefresh, Group: e.group, Source: e.source, Originator: d.ports[e.rpf].Addr,
		TTL: e.ttl, MaskLen: uint8(d.ports[e.rpf].Prefix.Bits()), Interval: d.cfg.Timing.RefreshPeriod}, out)
}

// spread sends a state refresh out of all ports with neighbors, away from the source.
func (d *dense) spread(now spec.Time, e *denseEntry, m *PIM, out *impl.Effects) {
	if m.TTL <= 1 {
		return
	}
	c := *m
	c.TTL--
	c.Preference, c.Metric = assertPreference, d.metric(e.source)
	for i := range d.ports {
		l := &e.links[i]
		if i == e.rpf || !d.hasNeighbors(i) || d.ports[i].blocked || l.assert == assertLoser {
			continue
		}
		k := e.timer(assertTimer, i)
		_, elected := d.agenda.left(k, now)
		c.PruneIndicator, c.AssertOverride = l.state == pruned, !elected
		if c.PruneIndicator && d.ports[i].allRefresh() && d.cfg.Rules.Expires() {
			d.agenda.set(e.timer(pruneTimer, i), now, l.hold)
		}
		if d.cfg.Rules.Asserts() { // it claims the link: those who hear it become losers
			l.assert = assertWinner
			d.agenda.set(k, now, max(0, 3*c.Interval-d.cfg.Timing.AssertOverride))
		}
		d.sendPIM(i, d.allPIM(i), &c, out)
	}
}

// allRefresh says whether all neighbors on a link know state refresh: one that does not would take the prune for ended.
func (p *routerPort) allRefresh() bool {
	for i := range p.neighbors {
		if !p.neighbors[i].stateRefresh {
			return false
		}
	}
	return true
}

// heardRefresh takes a state refresh: its sender's claim to the link, and what it says of the prune there.
func (d *dense) heardRefresh(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects) {
	e := d.entries[sourceGroup{m.Source, m.Group}]
	if e == nil {
		if e = d.create(now, m.Source, m.Group); e == nil {
			return
		}
	}
	d.contest(now, port, e, assertMetric{m.Preference, m.Metric, src}, 3*m.Interval, out)
	if port != e.rpf || src != e.upstream() || e.direct {
		return
	}
	e.seen = now
	e.ttl = max(e.ttl, m.TTL)
	if e.refreshed >= 0 && now < d.later(e.refreshed, d.cfg.Timing.RefreshPeriod/2) {
		return // too many (section 4.5.1)
	}
	e.refreshed = now
	switch {
	case e.state == prunedUp && m.PruneIndicator:
		e.limit = d.later(now, d.cfg.Timing.PruneLimit)
	case e.state == prunedUp:
		d.unwanted(now, e, out) // it does not know of my prune
	case m.PruneIndicator && len(e.olist) == 0: // it knows of a prune that I have forgotten
		e.state, e.limit = prunedUp, d.later(now, d.cfg.Timing.PruneLimit)
	case m.PruneIndicator:
		d.override(now, e)
	case e.state == ackPending:
		d.confirmed(e)
	}
	d.spread(now, e, m, out)
}
