package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// maxRecords is how many records fit a report on a link with an MTU of 1500 bytes, without sources, also over IPv6.
const maxRecords = 64

// change sends the report that the host has joined or left a group, and sets the timer for its repetition (RFC 3376
// section 5.1). What a host has left is forgotten after the last one.
func (m *member) change(now spec.Time, i int, out *impl.Effects) {
	g := &m.list[i]
	typ := ToEx
	if !g.in {
		typ = ToIn
	}
	m.records = append(m.records[:0], Record{Type: typ, Group: g.group})
	m.report3(out)
	k := m.timer(changeTimer, g.group)
	m.agenda.stop(k)
	switch g.repeats = max(0, g.repeats-1); {
	case g.repeats > 0:
		m.agenda.set(k, now, m.delay(m.timing.UnsolicitedReport))
	case !g.in:
		m.list = slices.Delete(m.list, i, i+1)
	}
}

// report3 sends a report with the records that were collected, and empties them.
func (m *member) report3(out *impl.Effects) {
	dst := m.either(AllIGMPv3Routers, AllMLDv2Routers)
	m.say(3, dst, m.rules.GroupMAC(dst), &Listen{Kind: Report, Records: m.records}, out)
	m.records = m.records[:0]
}

// answer3 sets the timer for the answer to a query, after the time that was drawn for it (RFC 3376 section 5.2). An
// answer about everything makes later ones needless.
func (m *member) answer3(now spec.Time, l *Listen, d time.Duration) {
	general := timer{kind: generalTimer}
	if left, pending := m.agenda.left(general, now); pending && left < d {
		return
	}
	if !l.Group.IsValid() {
		m.agenda.set(general, now, d)
		return
	}
	i, ok := m.find(l.Group)
	if !ok || !m.list[i].in || !Reportable(l.Group) {
		return
	}
	g, k := &m.list[i], m.timer(reportTimer, l.Group)
	left, pending := m.agenda.left(k, now)
	switch {
	case !pending:
		g.sources = append(g.sources[:0], l.Sources...)
	case len(l.Sources) == 0 || len(g.sources) == 0:
		g.sources = g.sources[:0]
	default:
		for _, s := range l.Sources {
			if !slices.Contains(g.sources, s) {
				g.sources = append(g.sources, s)
			}
		}
	}
	if pending {
		d = min(d, left)
	}
	m.agenda.set(k, now, d)
}

// current answers a general query: the state of every group.
func (m *member) current(out *impl.Effects) {
	m.records = m.records[:0]
	for i := range m.list {
		g := &m.list[i]
		if !g.in || !Reportable(g.group) {
			continue
		}
		if m.records = append(m.records, Record{Type: IsEx, Group: g.group}); len(m.records) == maxRecords {
			m.report3(out)
		}
	}
	if len(m.records) > 0 {
		m.report3(out)
	}
}

// currentOf answers a query about a group: all of it, or those of the sources asked for that the host wants, which is
// every one of them.
func (m *member) currentOf(g *membership, out *impl.Effects) {
	r := Record{Type: IsEx, Group: g.group}
	if len(g.sources) > 0 {
		slices.SortFunc(g.sources, netip.Addr.Compare)
		r.Type, r.Sources = IsIn, g.sources
	}
	m.records = append(m.records[:0], r)
	m.report3(out)
}
