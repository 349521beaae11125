package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// wanted is a source of a group that was named by a listener. In the terms of RFC 3376 section 6.2.1, the sources that
// are not blocked are those whose timer runs: all there are in mode INCLUDE, the requested list X in mode EXCLUDE. The
// blocked ones are the exclude list Y.
type wanted struct {
	addr     netip.Addr
	blocked  bool
	checking bool // a query asks whether somebody still wants it, and nobody has answered
	asks     int  // how many more times it is to be asked for
}

func (g *listened) find(source netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(g.sources, source, func(w wanted, a netip.Addr) int { return w.addr.Compare(a) })
}

func (q *querier) timerOf(group, source netip.Addr) timer {
	k := q.timer(sourceTimer, group)
	k.source = source
	return k
}

// record changes the state of a group as the tables of RFC 3376 sections 6.4.1 and 6.4.2 say. Where old hosts are in
// the group, what they could not hear or contradict is ignored (section 7.3.2).
func (q *querier) record(now spec.Time, r *Record, out *impl.Effects) {
	sources, oldest := r.Sources, q.compatible(r.Group)
	switch {
	case !Reportable(r.Group), oldest < 3 && r.Type == BlockRT, oldest == 1 && r.Type == ToIn:
		return
	case oldest < 3 && r.Type == ToEx:
		sources = nil
	}
	i, before := q.find(r.Group)
	if !before {
		q.list = slices.Insert(q.list, i, listened{group: r.Group})
	}
	g := &q.list[i]
	switch r.Type {
	case IsIn, Allow:
		q.include(now, g, sources)
	case IsEx:
		q.exclude(now, g, sources, q.membershipInterval())
	case ToIn:
		q.include(now, g, sources)
		q.check(now, g, func(a netip.Addr) bool { return !slices.Contains(sources, a) }, out)
		if g.exclude {
			q.checkGroup(now, g, out)
		}
	case ToEx:
		rest, _ := q.agenda.left(q.timer(groupTimer, g.group), now)
		q.exclude(now, g, sources, rest)
		q.check(now, g, func(netip.Addr) bool { return true }, out)
	case BlockRT:
		if g.exclude {
			q.block(now, g, sources)
		}
		q.check(now, g, func(a netip.Addr) bool { return slices.Contains(sources, a) }, out)
	}
	q.settle(now, i, before, out)
}

// include lets sources be wanted from now on.
func (q *querier) include(now spec.Time, g *listened, sources []netip.Addr) {
	for _, a := range sources {
		i, ok := g.find(a)
		if !ok {
			g.sources = slices.Insert(g.sources, i, wanted{})
		}
		w := &g.sources[i]
		*w = wanted{addr: a, asks: w.asks}
		q.agenda.set(q.timerOf(g.group, a), now, q.membershipInterval())
	}
}

// exclude sets the mode to EXCLUDE. Of the sources those that the record names remain: what was wanted stays so, what
// was blocked too; a new one is blocked if the mode was INCLUDE, else wanted for a while, since somebody may listen to
// it who has not named it.
func (q *querier) exclude(now spec.Time, g *listened, sources []netip.Addr, while time.Duration) {
	g.sources = slices.DeleteFunc(g.sources, func(w wanted) bool {
		gone := !slices.Contains(sources, w.addr)
		if gone {
			q.agenda.stop(q.timerOf(g.group, w.addr))
		}
		return gone
	})
	for _, a := range sources {
		if i, ok := g.find(a); !ok {
			g.sources = slices.Insert(g.sources, i, wanted{addr: a, blocked: !g.exclude})
			if g.exclude {
				q.agenda.set(q.timerOf(g.group, a), now, while)
			}
		}
	}
	g.exclude, g.checking = true, false
	q.agenda.set(q.timer(groupTimer, g.group), now, q.membershipInterval())
	if q.level < 3 { // RFC 2236 section 7: a report ends the asking; a router of version 3 goes on, with the S flag
		q.agenda.stop(q.timer(askTimer, g.group))
	}
}

// block takes sources that a listener of mode EXCLUDE does not want any more: those that nobody has named before are
// wanted for as long as the mode lasts, until nobody says so.
func (q *querier) block(now spec.Time, g *listened, sources []netip.Addr) {
	rest, _ := q.agenda.left(q.timer(groupTimer, g.group), now)
	for _, a := range sources {
		if i, ok := g.find(a); !ok {
			g.sources = slices.Insert(g.sources, i, wanted{addr: a})
			q.agenda.set(q.timerOf(g.group, a), now, rest)
		}
	}
}

// lower lets a timer end no later than after d.
func (q *querier) lower(k timer, now spec.Time, d time.Duration) {
	if left, ok := q.agenda.left(k, now); !ok || left > d {
		q.agenda.set(k, now, d)
	}
}

// checkGroup asks whether somebody still listens to the group, if this router is the one to ask (RFC 3376 section
// 6.6.3.1, RFC 2236 section 3).
func (q *querier) checkGroup(now spec.Time, g *listened, out *impl.Effects) {
	if !q.chosen || q.level < 3 && g.checking {
		return
	}
	g.checking = true
	q.lower(q.timer(groupTimer, g.group), now, q.lastMemberTime())
	if q.rules.asks() {
		g.asks = q.timing.LastMemberCount
		q.askGroup(now, g, out)
	}
}

// askGroup sends a group-specific query, and sets the timer for the next one. Where somebody has answered already, the
// S flag tells the other routers to leave their timers as they are.
func (q *querier) askGroup(now spec.Time, g *listened, out *impl.Effects) {
	if !q.chosen || g.asks == 0 {
		return
	}
	left, _ := q.agenda.left(q.timer(groupTimer, g.group), now)
	q.ask(&Listen{Group: g.group, MaxResponse: q.timing.LastMemberQuery, Suppress: left > q.lastMemberTime()}, out)
	if g.asks--; g.asks > 0 {
		q.agenda.set(q.timer(askTimer, g.group), now, q.timing.LastMemberQuery)
	}
}

// check asks whether somebody still wants the sources that are meant, if this router is the one to ask (RFC 3376
// section 6.6.3.2).
func (q *querier) check(now spec.Time, g *listened, meant func(netip.Addr) bool, out *impl.Effects) {
	if !q.chosen {
		return
	}
	any := false
	for i := range g.sources {
		w := &g.sources[i]
		k := q.timerOf(g.group, w.addr)
		if left, _ := q.agenda.left(k, now); w.blocked || !meant(w.addr) || left <= q.lastMemberTime() {
			continue
		}
		any, w.checking = true, true
		q.agenda.set(k, now, q.lastMemberTime())
		if q.rules.asks() {
			w.asks = q.timing.LastMemberCount
		}
	}
	if any {
		q.askSources(now, g, out)
	}
}

// askSources sends the group-and-source-specific queries for the sources that are still to be asked for: one with the S
// flag for those that somebody has answered for, one without it for the others.
func (q *querier) askSources(now spec.Time, g *listened, out *impl.Effects) {
	if !q.chosen {
		return
	}
	more := false
	for _, answered := range [2]bool{true, false} {
		q.some = q.some[:0]
		for i := range g.sources {
			w := &g.sources[i]
			left, _ := q.agenda.left(q.timerOf(g.group, w.addr), now)
			if w.asks > 0 && answered == (left > q.lastMemberTime()) {
				q.some = append(q.some, w.addr)
				w.asks--
				more = more || w.asks > 0
			}
		}
		if len(q.some) > 0 {
			q.ask(&Listen{Group: g.group, MaxResponse: q.timing.LastMemberQuery, Suppress: answered, Sources: q.some}, out)
		}
	}
	if more {
		q.agenda.set(q.timer(askSrcsTimer, g.group), now, q.timing.LastMemberQuery)
	}
}

// obey lowers the timers for a specific query of the querier of the link (RFC 2236 section 3, RFC 3376 section 6.6.1).
func (q *querier) obey(now spec.Time, m *Listen) {
	i, ok := q.find(m.Group)
	if !ok {
		return
	}
	g, d := &q.list[i], m.MaxResponse*time.Duration(q.timing.LastMemberCount)
	if len(m.Sources) == 0 {
		g.checking = true
		q.lower(q.timer(groupTimer, m.Group), now, d)
	}
	for _, a := range m.Sources {
		if i, ok := g.find(a); ok && !g.sources[i].blocked {
			g.sources[i].checking = true
			q.lower(q.timerOf(m.Group, a), now, d)
		}
	}
}

// sourceEnded drops a source that nobody has asked for any more: in mode EXCLUDE it is blocked now (RFC 3376 section
// 6.3).
func (q *querier) sourceEnded(now spec.Time, i int, source netip.Addr, out *impl.Effects) {
	g := &q.list[i]
	k, ok := g.find(source)
	switch {
	case !ok, !g.sources[k].checking && !q.rules.ages():
		return
	case g.exclude:
		g.sources[k] = wanted{addr: source, blocked: true}
	default:
		g.sources = slices.Delete(g.sources, k, k+1)
	}
	q.settle(now, i, true, out)
}
