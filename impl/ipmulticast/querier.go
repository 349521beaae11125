package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// QuerierRules are the rules that mutants break. What is left out is as it should be.
type QuerierRules struct {
	// SpecificQueries says whether a querier that hears of a leave asks whether somebody else still listens.
	SpecificQueries func() bool
	// Ages says whether the membership of those that have fallen silent ends.
	Ages func() bool
	// Compatible gives the version by which a router takes what it hears of a group whose oldest host has this one.
	Compatible func(oldest int) int
}

func (r *QuerierRules) asks() bool { return r.SpecificQueries == nil || r.SpecificQueries() }
func (r *QuerierRules) ages() bool { return r.Ages == nil || r.Ages() }

// querier is the half of IGMP or MLD that a router has on one link: it asks who listens, and knows it. Version 1 of
// IGMP is that of RFC 1112 appendix I; version 2 RFC 2236 sections 3 and 7, RFC 2710 section 6 (MLD); version 3
// RFC 3376 section 6, RFC 3810 section 7 (MLD version 2).
//
// Of all routers on the link the one with the lowest address asks; the others listen. In version 1 there is no such
// election, and every router asks. A router of version 1 or 2 keeps its groups as one of version 3 would that hears
// records without sources only.
type querier struct {
	voice
	timing *Timing
	rules  *QuerierRules
	agenda *agenda
	level  int // of IGMP, or the one that corresponds to the version of MLD

	changed func(now spec.Time, port int, group netip.Addr, any bool, out *impl.Effects)

	chosen     bool // I am the querier
	startup    int  // queries still to send at the short interval
	robustness int  // those of the querier (RFC 3376 sections 4.1.6 and 4.1.7)
	interval   time.Duration

	list []listened   // ascending by group
	some []netip.Addr // sources to ask for
	all  []netip.Addr // what groups gives
}

// listened is a group with listeners on the link.
type listened struct {
	group    netip.Addr
	exclude  bool // the filter mode: all sources but the blocked ones; else those that are not blocked only
	checking bool // a query asks whether somebody still listens, and nobody has answered
	asks     int  // how many more times it asks
	sources  []wanted
}

// The timers of a querier. All are of one port.
const (
	queryTimer   = querierTimers + iota // the next general query
	otherTimer                          // another querier is present
	groupTimer                          // group: the membership, or from version 3 on the filter mode EXCLUDE
	askTimer                            // group: the next group-specific query
	host1Timer                          // group: a host of version 1 is present
	host2Timer                          // group: a host of version 2 is present, and the router has version 3
	sourceTimer                         // group and source: the source is wanted
	askSrcsTimer                        // group: the next group-and-source-specific query
)

// start begins to query.
func (q *querier) start(p *Port, t *Timing, version int, a *agenda, rules *QuerierRules, now spec.Time, out *impl.Effects) {
	*q = querier{voice: voice{p, q.buf}, timing: t, rules: rules, agenda: a, level: p.level(version), changed: q.changed,
		list: q.list[:0], some: q.some, all: q.all}
	q.chosen, q.startup = true, t.StartupQueryCount
	q.robustness, q.interval = t.Robustness, t.QueryInterval
	q.general(now, out)
}

// listening says whether anyone on the link listens to a group.
func (q *querier) listening(group netip.Addr) bool {
	_, ok := q.find(group)
	return ok
}

// wants says whether anyone on the link listens to this source in a group.
func (q *querier) wants(group, source netip.Addr) bool {
	i, ok := q.find(group)
	if !ok {
		return false
	}
	g := &q.list[i]
	if k, named := g.find(source); named {
		return !g.sources[k].blocked
	}
	return g.exclude
}

// groups gives the groups with listeners, ascending. The memory is used again by the next call.
func (q *querier) groups() []netip.Addr {
	q.all = q.all[:0]
	for i := range q.list {
		q.all = append(q.all, q.list[i].group)
	}
	return q.all
}

// elected says whether this router is the querier of the link.
func (q *querier) elected() bool { return q.chosen }

func (q *querier) find(group netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(q.list, group, func(g listened, a netip.Addr) int { return g.group.Compare(a) })
}

func (q *querier) timer(kind timerKind, group netip.Addr) timer {
	return timer{kind: kind, port: int16(q.port.Index), group: group}
}

// membershipInterval is how long a membership lasts without a report (RFC 3376 section 8.4).
func (q *querier) membershipInterval() time.Duration {
	return time.Duration(q.robustness)*q.interval + q.timing.QueryResponse
}

// lastMemberTime is how long a last listener has to answer (RFC 3376 section 8.10).
func (q *querier) lastMemberTime() time.Duration {
	return q.timing.LastMemberQuery * time.Duration(q.timing.LastMemberCount)
}

// message takes a message of IGMP or MLD from the link; m was parsed from h. A message of a newer version than the
// router's is none to it, but for queries, which the older versions can read.
func (q *querier) message(now spec.Time, h *IP, m *Listen, out *impl.Effects) {
	if h.TTL != 1 || !q.ofThisLink(h) {
		return
	}
	level := q.port.level(int(m.Version))
	switch {
	case m.Kind == Query:
		q.query(now, h, m, level)
	case level > q.level:
	case m.Kind == Leave && (h.Dst == q.either(AllRouters, AllRouters6) || h.Dst == m.Group):
		q.record(now, &Record{Type: ToIn, Group: m.Group}, out)
	case m.Kind == Report && level == 3 && h.Dst == q.either(AllIGMPv3Routers, AllMLDv2Routers):
		for i := range m.Records {
			q.record(now, &m.Records[i], out)
		}
	case m.Kind == Report && level < 3 && h.Dst == m.Group:
		q.report(now, m.Group, level, out)
	}
}

// ofThisLink says whether the sender has an address on the link, or none yet. ParseMLD has checked the rest.
func (q *querier) ofThisLink(h *IP) bool {
	return h.Src.IsUnspecified() || !h.Src.Is4() || q.port.Prefix.Contains(h.Src)
}

// report takes a report of version 1 or 2: somebody listens to all sources. While a host of version 1 is in a group,
// nobody can be known to have left it (RFC 2236 section 5, RFC 3376 section 7.3).
func (q *querier) report(now spec.Time, group netip.Addr, level int, out *impl.Effects) {
	switch {
	case level == q.level || !Reportable(group):
	case level == 1:
		q.agenda.set(q.timer(host1Timer, group), now, q.membershipInterval())
	default:
		q.agenda.set(q.timer(host2Timer, group), now, q.membershipInterval())
	}
	q.record(now, &Record{Type: IsEx, Group: group}, out)
}

// compatible gives the version by which messages about a group are taken (RFC 3376 section 7.3.2).
func (q *querier) compatible(group netip.Addr) int {
	v := q.oldest(group)
	if q.rules.Compatible != nil {
		v = q.rules.Compatible(v)
	}
	return v
}

// oldest gives the version of the oldest host in a group.
func (q *querier) oldest(group netip.Addr) int {
	if _, ok := q.agenda.left(q.timer(host1Timer, group), 0); ok {
		return 1
	}
	if _, ok := q.agenda.left(q.timer(host2Timer, group), 0); ok {
		return 2
	}
	return q.level
}

// query takes a query of another router: it may be the one to ask from now on (RFC 2236 section 3, RFC 3376 section
// 6.6). A switch that asks has no address; it never is elected.
func (q *querier) query(now spec.Time, h *IP, m *Listen, level int) {
	if q.level == 1 || h.Src.IsUnspecified() {
		return
	}
	if h.Src.Less(q.source()) {
		q.chosen = false
		q.agenda.stop(q.timer(queryTimer, netip.Addr{}))
		if level == 3 && q.level == 3 {
			q.adopt(m)
		}
		q.agenda.set(q.timer(otherTimer, netip.Addr{}), now,
			time.Duration(q.robustness)*q.interval+q.timing.QueryResponse/2)
	}
	if !q.chosen && m.Group.IsValid() && !m.Suppress {
		q.obey(now, m)
	}
}

// adopt takes over the querier's variables.
func (q *querier) adopt(m *Listen) {
	if m.Robustness > 0 {
		q.robustness = int(m.Robustness)
	}
	if m.Interval > 0 {
		q.interval = m.Interval
	}
}

// source is the address by which queriers are compared.
func (q *querier) source() netip.Addr { return q.either(q.port.Addr, q.port.Local) }

// general sends a general query, and sets the timer for the next one.
func (q *querier) general(now spec.Time, out *impl.Effects) {
	q.ask(&Listen{MaxResponse: q.timing.QueryResponse}, out)
	next := q.interval
	if q.startup = max(0, q.startup-1); q.startup > 0 {
		next = q.timing.StartupQueryInterval
	}
	q.agenda.set(q.timer(queryTimer, netip.Addr{}), now, next)
}

// ask sends a query: to all systems, or to those in the group.
func (q *querier) ask(m *Listen, out *impl.Effects) {
	m.Kind, m.Robustness, m.Interval = Query, uint8(min(q.robustness, 0xff)), q.interval
	dst := m.Group
	if !dst.IsValid() {
		dst = q.everyone()
	}
	q.say(q.level, dst, GroupMAC(dst), m, out)
}

// fire is given the timers of the querier's range.
func (q *querier) fire(now spec.Time, k timer, out *impl.Effects) {
	switch k.kind {
	case queryTimer:
		q.general(now, out)
	case otherTimer:
		q.chosen = true
		q.general(now, out)
	}
	i, ok := q.find(k.group)
	if !ok {
		return
	}
	switch k.kind {
	case groupTimer:
		q.ended(now, i, out)
	case askTimer:
		q.askGroup(now, &q.list[i], out)
	case sourceTimer:
		q.sourceEnded(now, i, k.source, out)
	case askSrcsTimer:
		q.askSources(now, &q.list[i], out)
	}
}

// ended drops what a group's timer has kept: the group, or where some of its sources are wanted by name, all others
// (RFC 3376 section 6.5).
func (q *querier) ended(now spec.Time, i int, out *impl.Effects) {
	g := &q.list[i]
	if !g.checking && !q.rules.ages() {
		return
	}
	g.exclude = false
	g.sources = slices.DeleteFunc(g.sources, func(w wanted) bool { return w.blocked })
	q.settle(now, i, true, out)
}

// settle drops a group that nobody listens to any more, and tells of a change.
func (q *querier) settle(now spec.Time, i int, before bool, out *impl.Effects) {
	g := &q.list[i]
	group, after := g.group, g.exclude || len(g.sources) > 0
	if !after {
		for kind := groupTimer; kind <= askSrcsTimer; kind++ {
			q.agenda.stop(q.timer(kind, group))
		}
		q.list = slices.Delete(q.list, i, i+1)
	}
	if before != after {
		q.changed(now, q.port.Index, group, after, out)
	}
}
