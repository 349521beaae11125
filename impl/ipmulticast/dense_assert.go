package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// assertState is the state of an entry in the election of the router that forwards to a link (RFC 3973 section 4.6).
// Routers for which the link is on the way to the source follow the election too: the winner is their upstream
// neighbor.
type assertState uint8

const (
	assertNone assertState = iota
	assertWinner
	assertLoser
)

// assertPreference is the metric preference of all unicast routes here.
const assertPreference = 101

// The metric of an assert that takes an earlier one back.
const (
	cancelPreference = 1<<31 - 1
	cancelMetric     = unreachable
)

// assertMetric is what decides the election.
type assertMetric struct {
	preference, metric uint32
	addr               netip.Addr
}

// better says whether a wins: lower is better, but of addresses the higher (section 4.6.1).
func (a assertMetric) better(b assertMetric) bool {
	if a.preference != b.preference {
		return a.preference < b.preference
	}
	if a.metric != b.metric {
		return a.metric < b.metric
	}
	return b.addr.Less(a.addr)
}

// cancels says whether the sender gives up.
func (a assertMetric) cancels() bool { return a.metric == cancelMetric }

// metricOn gives my own metric for an entry on a link.
func (d *dense) metricOn(port int, e *denseEntry) assertMetric {
	return assertMetric{assertPreference, d.metric(e.source), d.ports[port].Local}
}

// wrongSide is done for a packet from a link that is not the way to its source. It shows that another router forwards
// to that link: where I do so too, an assert has to decide, and where nobody there could want it, it is asked to stop.
// The answers are limited in rate.
func (d *dense) wrongSide(now spec.Time, port int, e *denseEntry, out *impl.Effects) {
	l, p := &e.links[port], &d.ports[port]
	if e.rpf < 0 || now < l.quiet {
		return
	}
	t := &d.cfg.Timing
	switch {
	case l.assert == assertLoser:
		l.quiet = d.later(now, t.PruneHold)
		d.sendPrune(port, e, l.winner.addr, t.PruneHold, out)
	case len(p.neighbors) == 1 && !p.querier.listening(e.group):
		l.quiet = d.later(now, t.PropagationDelay)
		d.sendPrune(port, e, p.neighbors[0].addr, t.PruneHold, out)
	case d.forwards(e, port):
		d.win(now, port, e, out)
	}
}

// win says that I forward to a link.
func (d *dense) win(now spec.Time, port int, e *denseEntry, out *impl.Effects) {
	if !d.cfg.Rules.Asserts() {
		return
	}
	t := &d.cfg.Timing
	e.links[port].assert = assertWinner
	e.links[port].quiet = d.later(now, t.PropagationDelay)
	d.agenda.set(e.timer(assertTimer, port), now, t.AssertTime-t.AssertOverride)
	d.sendAssert(port, e, d.metricOn(port, e), out)
}

func (d *dense) sendAssert(port int, e *denseEntry, a assertMetric, out *impl.Effects) {
	m := PIM{Type: PIMAssert, Group: e.group, Source: e.source, Preference: a.preference, Metric: a.metric}
	d.sendPIM(port, d.allPIM(port), &m, out)
}

// heardAssert takes an assert.
func (d *dense) heardAssert(now spec.Time, port int, src netip.Addr, m *PIM, out *impl.Effects) {
	if e := d.entries[sourceGroup{m.Source, m.Group}]; e != nil && !m.RPT {
		d.contest(now, port, e, assertMetric{m.Preference, m.Metric, src}, d.cfg.Timing.AssertTime, out)
	}
}

// contest compares another router's claim to a link with mine, or with the winner's. It is given by an assert or by a
// state refresh, and is good for a time.
func (d *dense) contest(now spec.Time, port int, e *denseEntry, a assertMetric, life time.Duration, out *impl.Effects) {
	if !d.cfg.Rules.Asserts() {
		return
	}
	l, old := &e.links[port], e.upstream()
	could := port != e.rpf
	mine := could && d.metricOn(port, e).better(a)
	switch {
	case l.assert == assertLoser && a.addr == l.winner.addr && (mine || a.cancels()):
		d.undecided(e, port)
	case l.assert == assertLoser && a.addr == l.winner.addr:
		l.winner = a
		d.agenda.set(e.timer(assertTimer, port), now, life)
	case l.assert == assertLoser && !a.better(l.winner), a.cancels() && !mine:
		return
	case l.assert != assertLoser && mine:
		d.win(now, port, e, out)
	default:
		l.assert, l.winner = assertLoser, a
		d.agenda.set(e.timer(assertTimer, port), now, life)
		if could {
			l.quiet = d.later(now, life)
			d.sendPrune(port, e, a.addr, life, out)
		}
	}
	d.check(now, e, old, out)
}

// undecided forgets an election.
func (d *dense) undecided(e *denseEntry, port int) {
	l := &e.links[port]
	l.assert, l.winner, l.quiet = assertNone, assertMetric{}, 0
	d.agenda.stop(e.timer(assertTimer, port))
}

// giveUp ends my own claim to a link which is now the way to the source.
func (d *dense) giveUp(port int, e *denseEntry, out *impl.Effects) {
	if e.links[port].assert == assertWinner && d.cfg.Rules.Asserts() {
		d.sendAssert(port, e, assertMetric{cancelPreference, cancelMetric, netip.Addr{}}, out)
	}
	d.undecided(e, port)
}

// assertEnds is done when an election has lasted its time. A winner that has forwarded to the link claims it again
// before the losers forget, or each time both would forward a packet. (RFC 7761 section 4.6.1 does so; RFC 3973 elects
// anew.)
func (d *dense) assertEnds(now spec.Time, port int, e *denseEntry, out *impl.Effects) {
	lately := now < d.later(e.seen, d.cfg.Timing.AssertTime)
	if e.links[port].assert == assertWinner && lately && d.forwards(e, port) {
		d.win(now, port, e, out)
		return
	}
	old := e.upstream()
	d.undecided(e, port)
	d.check(now, e, old, out)
}

// forwards says whether packets go out of a port.
func (d *dense) forwards(e *denseEntry, port int) bool {
	return slices.Contains(e.olist, port)
}

// protest answers a neighbor that takes me for its upstream neighbor though I have lost the link: a new election shows
// it the winner (section 4.6.4.3).
func (d *dense) protest(port int, e *denseEntry, out *impl.Effects) {
	if l := &e.links[port]; l.assert == assertLoser && d.cfg.Rules.Asserts() {
		d.sendAssert(port, e, d.metricOn(port, e), out)
	}
}
