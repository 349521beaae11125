package ipmulticast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// level gives the version of IGMP that corresponds to a version of IGMP or MLD: version 1 of MLD is version 2 of IGMP.
func (p *Port) level(version int) int {
	if p.Addr.Is4() {
		return version
	}
	return version + 1
}

// voice sends the messages of IGMP or MLD of one port.
type voice struct {
	port *Port
	buf  []byte
}

// say sends a message of a level to dst, which has the hardware address mac: with TTL 1, from the link-local address,
// and with the router alert, which version 1 of IGMP does not know.
func (v *voice) say(level int, dst netip.Addr, mac MAC, m *Listen, out *impl.Effects) {
	h := IP{Src: v.port.Addr, Dst: dst, Protocol: ProtoIGMP, TTL: 1, RouterAlert: level > 1}
	m.Version = uint8(level)
	if v.port.Addr.Is4() {
		v.buf = AppendIGMP(v.buf[:0], m)
	} else {
		h.Src, h.Protocol = v.port.Local, ProtoICMPv6
		m.Version--
		v.buf = AppendMLD(v.buf[:0], h.Src, dst, m)
	}
	h.Payload = v.buf
	v.port.EmitTo(out, mac, &h)
}

// either gives the first address for IPv4, the second for IPv6.
func (v *voice) either(four, six netip.Addr) netip.Addr {
	if v.port.Addr.Is4() {
		return four
	}
	return six
}

// everyone is the group of all machines on the link.
func (v *voice) everyone() netip.Addr { return v.either(AllSystems, AllNodes6) }

// member is the listening half of a host: it tells the routers which groups the host is in, as a group member of IGMP
// version 1 (RFC 1112 appendix I), 2 (RFC 2236 section 6) or 3 (RFC 3376 section 5), or of MLD (RFC 2710 section 5,
// RFC 3810 section 6). A report is sent at once when the host joins, and repeated, in case it is lost; queries are
// answered after a random time. Up to version 2 a host stays silent when another has reported the group before. A host
// speaks an older version for as long as it hears a querier that knows no newer one.
//
// Its sockets join from any source, so that its state of a group is EXCLUDE of nothing, or INCLUDE of nothing: no state.
type member struct {
	voice
	timing  *Timing
	rules   *HostRules
	agenda  *agenda
	rand    spec.Rand
	level   int // as configured
	speaks  int // with the queriers around
	list    []membership
	records []Record
}

// membership is what the host knows of a group.
type membership struct {
	group   netip.Addr
	in      bool         // false: left; only the repeats of saying so remain (version 3)
	last    bool         // nobody else has reported it since this host did
	repeats int          // reports of having joined or left that are still to be sent
	sources []netip.Addr // version 3: those that a pending answer is about; none: all
}

// The timers of a host.
const (
	reportTimer  = hostTimers + iota // group: a report is due
	changeTimer                      // group: the report of a change is due again (version 3)
	generalTimer                     // the answer to a general query is due (version 3)
	older1Timer                      // a querier of version 1 is around
	older2Timer                      // a querier of version 2 is around
)

// version1Response is how long hosts may take to answer a query of version 1, which does not say it (RFC 1112
// appendix I: D; RFC 2236 section 4).
const version1Response = 10 * time.Second

func (m *member) start(cfg *HostConfig, a *agenda, r spec.Rand) {
	*m = member{voice: voice{&cfg.Port, m.buf}, timing: &cfg.Timing, rules: &cfg.Rules, agenda: a, rand: r,
		list: m.list[:0], records: m.records}
	m.level = m.port.level(cfg.Version)
	m.speaks = m.level
}

func (m *member) find(group netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(m.list, group, func(g membership, a netip.Addr) int { return g.group.Compare(a) })
}

// has says whether a process has joined the group.
func (m *member) has(group netip.Addr) bool {
	i, ok := m.find(group)
	return ok && m.list[i].in
}

// joined says whether packets to the group are for this host, which never leaves the group of all systems.
func (m *member) joined(group netip.Addr) bool { return m.has(group) || group == m.everyone() }

// delay draws a time up to most.
func (m *member) delay(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(1 + m.rand.IntN(int(most)))
}

func (m *member) timer(kind timerKind, group netip.Addr) timer {
	return timer{kind: kind, group: group}
}

// join begins a membership: the first process of the host has joined.
func (m *member) join(now spec.Time, group netip.Addr, out *impl.Effects) {
	i, ok := m.find(group)
	if !ok {
		m.list = slices.Insert(m.list, i, membership{})
	}
	g := &m.list[i]
	*g = membership{group: group, in: true, repeats: m.rules.Repeats}
	if !Reportable(group) {
		return
	}
	if m.speaks == 3 {
		m.change(now, i, out)
	} else {
		m.report(now, g, out)
	}
}

// leave ends a membership: the last process has left.
func (m *member) leave(now spec.Time, group netip.Addr, out *impl.Effects) {
	i, ok := m.find(group)
	if !ok || !m.list[i].in {
		return
	}
	g := &m.list[i]
	m.agenda.stop(m.timer(reportTimer, group))
	switch {
	case !Reportable(group):
	case m.speaks == 3:
		g.in, g.repeats = false, m.timing.Robustness
		m.change(now, i, out)
		return
	case m.speaks == 2 && g.last: // else another host is in the group, as far as this one knows
		dst := m.either(AllRouters, AllRouters6)
		m.say(2, dst, m.rules.GroupMAC(dst), &Listen{Kind: Leave, Group: group}, out)
	}
	m.list = slices.Delete(m.list, i, i+1)
}

// report sends a report of version 1 or 2, and sets the timer for its repetition.
func (m *member) report(now spec.Time, g *membership, out *impl.Effects) {
	m.say(m.speaks, g.group, m.rules.GroupMAC(g.group), &Listen{Kind: Report, Group: g.group}, out)
	g.last = true
	if g.repeats = max(0, g.repeats-1); g.repeats > 0 {
		m.agenda.set(m.timer(reportTimer, g.group), now, m.delay(m.timing.UnsolicitedReport))
	}
}

// message takes a message of IGMP or MLD that was sent to a group of this host.
func (m *member) message(now spec.Time, h *IP, l *Listen, out *impl.Effects) {
	switch {
	case h.TTL != 1: // not from this link
	case l.Kind == Query:
		if to := l.Group; h.Dst == to || !to.IsValid() && h.Dst == m.everyone() {
			m.query(now, l)
		}
	case l.Kind == Report && h.Dst == l.Group:
		m.suppress(l)
	}
}

// suppress drops the reports that another host's makes needless. A host of version 1 knows reports of version 1 only; a
// host of version 3 is suppressed by nobody, unless an older querier makes it speak an older version.
func (m *member) suppress(l *Listen) {
	if m.speaks == 3 || m.port.level(int(l.Version)) > m.level {
		return
	}
	for i := range m.list {
		g := &m.list[i]
		k := m.timer(reportTimer, g.group)
		if _, pending := m.agenda.left(k, 0); pending && m.rules.Suppresses(g.group, l.Group) {
			m.agenda.stop(k)
			g.last, g.repeats = false, 0
		}
	}
}

// query sets the timers for the answers to a query.
func (m *member) query(now spec.Time, l *Listen) {
	level := m.port.level(int(l.Version))
	most := l.MaxResponse
	if level == 1 {
		most = version1Response
	}
	switch {
	case m.level == 1:
		if !l.Group.IsValid() { // a host of version 1 knows no other queries, and reads no response time in this one
			m.answer(now, netip.Addr{}, version1Response)
		}
		return
	case level < m.level && m.rules.FallsBack(level):
		m.older(now, level)
	}
	if m.speaks == 3 {
		m.answer3(now, l, m.delay(most))
	} else {
		m.answer(now, l.Group, most)
	}
}

// answer sets the timers of a group, or of all, for reports of version 1 or 2. One that runs is set again only where it
// would be too late.
func (m *member) answer(now spec.Time, group netip.Addr, most time.Duration) {
	for i := range m.list {
		g := &m.list[i]
		if !Reportable(g.group) || group.IsValid() && g.group != group {
			continue
		}
		k := m.timer(reportTimer, g.group)
		if left, pending := m.agenda.left(k, now); !pending || left > most {
			m.agenda.set(k, now, m.delay(most))
		}
	}
}

// older notes a querier of an older version (RFC 2236 section 4, RFC 3376 section 7.2.1, RFC 3810 section 8.2.1).
func (m *member) older(now spec.Time, level int) {
	k, d := timer{kind: older1Timer}, m.timing.Version1RouterPresent
	if m.level == 3 {
		d = time.Duration(m.timing.Robustness)*m.timing.QueryInterval + m.timing.QueryResponse
	}
	if level == 2 {
		k.kind = older2Timer
	}
	m.agenda.set(k, now, d)
	m.speak()
}

// speak finds the version to speak. A host of version 3 that changes it drops what it was about to say.
func (m *member) speak() {
	before := m.speaks
	_, one := m.agenda.left(timer{kind: older1Timer}, 0)
	_, two := m.agenda.left(timer{kind: older2Timer}, 0)
	switch {
	case one:
		m.speaks = 1
	case two:
		m.speaks = 2
	default:
		m.speaks = m.level
	}
	if m.speaks == before || m.level < 3 {
		return
	}
	m.agenda.stop(timer{kind: generalTimer})
	for i := range m.list {
		g := &m.list[i]
		m.agenda.stop(m.timer(reportTimer, g.group))
		m.agenda.stop(m.timer(changeTimer, g.group))
		g.repeats = 0
	}
	m.list = slices.DeleteFunc(m.list, func(g membership) bool { return !g.in })
}

// fire is given the timers of the host's range.
func (m *member) fire(now spec.Time, k timer, out *impl.Effects) {
	i, ok := m.find(k.group)
	switch {
	case k.kind == older1Timer, k.kind == older2Timer:
		m.speak()
	case k.kind == generalTimer:
		m.current(out)
	case !ok:
	case k.kind == changeTimer:
		m.change(now, i, out)
	case m.speaks == 3:
		m.currentOf(&m.list[i], out)
	default:
		m.report(now, &m.list[i], out)
	}
}
