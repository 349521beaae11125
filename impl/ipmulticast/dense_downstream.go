package ipmulticast

import (
	"net/netip"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// pruneState is the state of an entry on a link away from its source (RFC 3973 section 4.4.2).
type pruneState uint8

const (
	notPruned    pruneState = iota
	prunePending            // somebody does not want the packets; another one may object
	pruned
)

// joinPrune takes a message that is for me, or for another router on the link.
func (d *dense) joinPrune(now spec.Time, port int, m *PIM, out *impl.Effects) {
	mine := m.Upstream == d.ports[port].Local
	for _, g := range m.Joins {
		for _, s := range g.Joins {
			d.asked(now, port, mine, m, sourceGroup{s.Addr, g.Group}, true, out)
		}
		for _, s := range g.Prunes {
			d.asked(now, port, mine, m, sourceGroup{s.Addr, g.Group}, false, out)
		}
	}
}

// asked takes one join or prune.
func (d *dense) asked(now spec.Time, port int, mine bool, m *PIM, k sourceGroup, join bool, out *impl.Effects) {
	e := d.entries[k]
	switch {
	case e == nil:
	case port == e.rpf && !mine && m.Upstream == e.upstream():
		d.overheard(now, e, join)
	case port == e.rpf || !mine:
	case join:
		d.unprune(now, port, e, out)
	default:
		d.pruneBelow(now, port, e, m, out)
	}
}

// pruneBelow takes a prune. Where more routers are on the link they get the time to object.
func (d *dense) pruneBelow(now spec.Time, port int, e *denseEntry, m *PIM, out *impl.Effects) {
	d.protest(port, e, out)
	l := &e.links[port]
	switch l.state {
	case notPruned:
		l.hold = m.HoldTime
		l.state = prunePending
		if len(d.ports[port].neighbors) > 1 {
			t := &d.cfg.Timing
			d.agenda.set(e.timer(pendingTimer, port), now, t.PropagationDelay+t.OverrideInterval)
			return
		}
		d.settle(now, port, e, out)
	case pruned:
		l.hold = max(l.hold, m.HoldTime)
		if left, set := d.agenda.left(e.timer(pruneTimer, port), now); set && left < m.HoldTime {
			d.agenda.set(e.timer(pruneTimer, port), now, m.HoldTime)
		}
	}
}

// settle prunes the link: nobody has objected. The echo lets those who missed the prune, or whose join was lost,
// object now (section 4.4.2.2).
func (d *dense) settle(now spec.Time, port int, e *denseEntry, out *impl.Effects) {
	l := &e.links[port]
	if l.state != prunePending {
		return
	}
	l.state = pruned
	hold := l.hold
	if len(d.ports[port].neighbors) > 1 {
		hold = max(0, hold-d.cfg.Timing.PropagationDelay-d.cfg.Timing.OverrideInterval)
		d.sendPrune(port, e, d.ports[port].Local, hold, out)
	}
	if d.cfg.Rules.Expires() {
		d.agenda.set(e.timer(pruneTimer, port), now, hold)
	}
	d.update(now, e, out)
}

// unprune takes a join, or a graft.
func (d *dense) unprune(now spec.Time, port int, e *denseEntry, out *impl.Effects) {
	d.protest(port, e, out)
	d.noPrune(e, port)
	d.update(now, e, out)
}

// noPrune forgets a prune.
func (d *dense) noPrune(e *denseEntry, port int) {
	e.links[port].state, e.links[port].hold = notPruned, 0
	d.agenda.stop(e.timer(pendingTimer, port))
	d.agenda.stop(e.timer(pruneTimer, port))
}

// grafted takes a graft and acknowledges it, known or not, so that the sender need not repeat it.
func (d *dense) grafted(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects) {
	if m.Upstream != d.ports[port].Local {
		return
	}
	ack := PIM{Type: PIMGraftAck, Upstream: src, Joins: m.Joins, HoldTime: m.HoldTime}
	d.sendPIM(port, src, &ack, out)
	for _, g := range m.Joins {
		for _, s := range g.Joins {
			if e := d.entries[sourceGroup{s.Addr, g.Group}]; e != nil && port != e.rpf {
				d.unprune(now, port, e, out)
			}
		}
	}
}
