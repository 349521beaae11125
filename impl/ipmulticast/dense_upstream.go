package ipmulticast

import (
	"net/netip"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// upstreamState is the state of an entry toward its source (RFC 3973 section 4.4.1).
type upstreamState uint8

const (
	forwarding upstreamState = iota
	prunedUp                 // nobody here wants the packets, and the upstream neighbor has been told
	ackPending               // a graft is on its way
)

// upstream gives RPF'(S), the neighbor that packets come from: it is who won the link, if not I am to, else the next
// router on the way to the source. Not valid: there is none.
func (e *denseEntry) upstream() netip.Addr {
	if e.rpf >= 0 && e.links[e.rpf].assert == assertLoser {
		return e.links[e.rpf].winner.addr
	}
	return e.next
}

// unwanted is done for a packet that goes nowhere. The upstream neighbor is told once in a while.
func (d *dense) unwanted(now spec.Time, e *denseEntry, out *impl.Effects) {
	if now >= e.limit {
		d.prune(now, e, out)
	}
}

// emptied is done when there is no port any more that packets go out of.
func (d *dense) emptied(now spec.Time, e *denseEntry, out *impl.Effects) {
	d.stopAsking(e)
	d.prune(now, e, out)
}

// filled is done when there is a port again that packets go out of.
func (d *dense) filled(now spec.Time, e *denseEntry, out *impl.Effects) {
	if e.state == prunedUp {
		d.graft(now, e, out)
	}
}

// prune asks the upstream neighbor for no more packets. A source on the link cannot be asked.
func (d *dense) prune(now spec.Time, e *denseEntry, out *impl.Effects) {
	up := e.upstream()
	if e.direct || !up.IsValid() {
		return
	}
	e.state = prunedUp
	e.limit = d.later(now, d.cfg.Timing.PruneLimit)
	d.sendPrune(e.rpf, e, up, d.cfg.Timing.PruneHold, out)
}

// graft asks the upstream neighbor for packets, again and again until it acknowledges.
func (d *dense) graft(now spec.Time, e *denseEntry, out *impl.Effects) {
	up := e.upstream()
	if e.direct || !up.IsValid() {
		e.state = forwarding
		return
	}
	e.state = ackPending
	if d.cfg.Rules.Grafts() {
		m := PIM{Type: PIMGraft, Upstream: up, Joins: []PIMGroup{{Group: e.group, Joins: []PIMSource{{Addr: e.source}}}}}
		d.sendPIM(e.rpf, up, &m, out)
	}
	if d.cfg.Rules.Retries() {
		d.agenda.set(e.timer(graftTimer, 0), now, d.cfg.Timing.GraftRetry)
	}
}

// acknowledged takes the answer to grafts.
func (d *dense) acknowledged(port int, src netip.Addr, m *PIM) {
	for _, g := range m.Joins {
		for _, s := range g.Joins {
			e := d.entries[sourceGroup{s.Addr, g.Group}]
			if e != nil && e.state == ackPending && port == e.rpf && src == e.upstream() {
				d.confirmed(e)
			}
		}
	}
}

// confirmed ends the repetition of a graft: the upstream neighbor forwards.
func (d *dense) confirmed(e *denseEntry) {
	e.state = forwarding
	d.agenda.stop(e.timer(graftTimer, 0))
}

// stopAsking lets neither a graft nor a join be sent.
func (d *dense) stopAsking(e *denseEntry) {
	d.agenda.stop(e.timer(graftTimer, 0))
	d.agenda.stop(e.timer(overrideTimer, 0))
}

// overheard takes note of what another router on the link toward the source asks of my upstream neighbor: a prune has
// to be answered by a join where I want the packets, by one of us, after a random time.
func (d *dense) overheard(now spec.Time, e *denseEntry, join bool) {
	k := e.timer(overrideTimer, 0)
	if join {
		d.agenda.stop(k)
		return
	}
	d.override(now, e)
}

// override plans a join, unless one is planned.
func (d *dense) override(now spec.Time, e *denseEntry) {
	k := e.timer(overrideTimer, 0)
	if _, set := d.agenda.left(k, now); set || e.direct || len(e.olist) == 0 || !d.cfg.Rules.Overrides() {
		return
	}
	d.agenda.set(k, now, d.within(d.cfg.Timing.OverrideInterval))
}

// sendJoin asks the upstream neighbor to go on.
func (d *dense) sendJoin(e *denseEntry, out *impl.Effects) {
	up := e.upstream()
	if !up.IsValid() || len(e.olist) == 0 {
		return
	}
	m := PIM{Type: PIMJoinPrune, Upstream: up, HoldTime: d.cfg.Timing.PruneHold,
		Joins: []PIMGroup{{Group: e.group, Joins: []PIMSource{{Addr: e.source}}}}}
	d.sendPIM(e.rpf, d.allPIM(e.rpf), &m, out)
}

// sendPrune asks a neighbor on a link for no more packets there. All its routers hear it, so that they can object.
func (d *dense) sendPrune(port int, e *denseEntry, to netip.Addr, hold time.Duration, out *impl.Effects) {
	m := PIM{Type: PIMJoinPrune, Upstream: to, HoldTime: hold,
		Joins: []PIMGroup{{Group: e.group, Prunes: []PIMSource{{Addr: e.source}}}}}
	d.sendPIM(port, d.allPIM(port), &m, out)
}

// turn looks for the way to the source again. Of a neighbor on the old way it takes leave, of one on the new way it
// asks for packets if it wants any. old is the upstream neighbor until now.
func (d *dense) turn(now spec.Time, e *denseEntry, old netip.Addr, out *impl.Effects) {
	port, next, _ := d.Router.rpf(e.source)
	direct, was := d.direct(port, e.source), e.rpf
	if port == was && next == e.next && direct == e.direct {
		d.check(now, e, old, out)
		return
	}
	if port != was {
		if was >= 0 {
			if _, there := d.ports[was].find(old); there && e.state != prunedUp {
				d.sendPrune(was, e, old, d.cfg.Timing.PruneHold, out)
			}
			d.undecided(e, was)
		}
		e.rpf = port
		if port >= 0 {
			d.noPrune(e, port)
			d.giveUp(port, e, out)
		}
	} else if port >= 0 && next != e.next {
		d.undecided(e, port) // who won the link is perhaps no more; if it is, it will say so
	}
	e.next, e.direct = next, direct
	d.originate(now, e)
	if port != was {
		old = netip.Addr{} // the same address on another link is another neighbor
	}
	d.check(now, e, old, out)
}

// check computes the ports anew after what may have changed the upstream neighbor, which was old.
func (d *dense) check(now spec.Time, e *denseEntry, old netip.Addr, out *impl.Effects) {
	switch {
	case e.direct:
		e.state = forwarding
		d.stopAsking(e)
		d.compute(e)
	case e.upstream() == old:
		d.update(now, e, out)
	default:
		d.stopAsking(e)
		d.compute(e)
		if len(e.olist) > 0 {
			d.graft(now, e, out)
		} else {
			e.state, e.limit = prunedUp, 0 // the next packet that comes is answered by a prune
		}
	}
}
