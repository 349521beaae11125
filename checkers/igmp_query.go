package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// igmpSuppression judges IGMP-SUPPRESSION: a host that hears another's report after a query keeps silent until the next
// query, and what is reported of one group silences nobody about another (RFC 1112 appendix I; RFC 2236 section 3). The
// declared bound is the maximum response time. Repeats of the report of a join may go on. Of several versions, a host is
// silenced by the reports that it understands: those of its own version and of older ones; and one of version 3 by none
// (RFC 3376 section 7.2.2 allows it to be).
func (j *Judge) igmpSuppression() (f spec.Finding) {
	bound, version, reason := j.igmpReady(IGMPSuppression)
	switch {
	case reason != "":
		return inconclusive(0, reason)
	case !j.suppresses(version):
		return inconclusive(0, "not applicable to version 3")
	}
	w, n := &j.ip, 0
	h := &w.hushed
	h.reset(j.h)
	slack := bound / 100 // what is on its way out of the machine
	repeats, ok := j.wireBound(IGMPJoin)
	if !ok {
		repeats = bound
	}
	j.replayed(false, func(s wireStep, e *spec.Event) bool {
		switch {
		case s.op == wireQuery && !inGroup(j.h, e):
			w.expect(wirePending{deadline: e.T + bound + bound/8, event: s.event, lan: s.lan})
		case s.op == wireMember && e.Kind == spec.Join:
			h.join[w.at(e.Node, e.Group)] = s.event
		case s.op == wireHeardQuery:
			h.query(j, s, e)
		case s.op == wireHeardReport && inGroup(j.h, e):
			n += h.report(j, s, e)
		case s.op == wireReport && inGroup(j.h, e) && w.home[e.Node] == s.lan:
			k := w.at(e.Node, e.Group)
			h.own[k] = s.event
			if !h.silent(k) || e.T <= j.h.Events[h.heard[k]].T+slack || !w.upSince(e.Node, h.asked[k]) {
				break
			}
			if join := h.join[k]; join != never && e.T <= j.h.Events[join].T+repeats || !w.quiet(j.h.Events[h.asked[k]].T-bound, e.T) {
				break
			}
			f = j.notSilent(n, s.event, h.asked[k], h.heard[k])
		}
		return f.Verdict != spec.Fail
	}, func(p wirePending) bool {
		var tested int
		tested, f = j.answered(n, p, bound)
		n += tested
		return f.Verdict != spec.Fail
	})
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: no query was heard by a member on an undisturbed link")
}

// suppresses says whether some host speaks a version in which a report silences others; version is that of the routers.
func (j *Judge) suppresses(version int) bool {
	return version <= 2 || slices.ContainsFunc(j.h.Topology.Versions, func(v int) bool { return v == 1 || v == 2 })
}

func (j *Judge) notSilent(n int, event, asked, heard uint32) spec.Finding {
	e, r := &j.h.Events[event], &j.h.Events[heard]
	return violated(n, fmt.Sprintf("%s reported group %s at %s, though after the query that reached it at %s it had heard another's report at %s",
		j.node(e.Node), j.h.GroupName(r.Group), j.time(int(event)), j.time(int(asked)), j.time(int(heard))), int(asked), int(heard), int(event))
}

// answered judges, when the maximum response time after a general query is over, the groups with members on the LAN.
// A report that was on its way when the query was put on the link may have silenced its hosts.
func (j *Judge) answered(n int, p wirePending, bound spec.Time) (tested int, f spec.Finding) {
	w := &j.ip
	at := j.h.Events[p.event].T
	if !w.quiet(at-bound, p.deadline) {
		return 0, f
	}
	for g := range w.groups {
		host, ok := j.askedMember(p, spec.GroupID(g), bound)
		if !ok {
			continue
		}
		tested++
		if r := w.report[int(p.lan)*w.groups+g]; r == never || j.h.Events[r].T < at-bound/8 {
			return tested, violated(n+tested, fmt.Sprintf("nobody on %s reported group %s within the declared bound, until %s, after the query of %s at %s; %s is a member there and heard it at %s",
				j.lanName(p.lan), j.h.GroupName(spec.GroupID(g)), moment(p.deadline), j.wireNode(j.h.Events[p.event].Node), j.time(int(p.event)),
				j.node(host), j.time(int(w.hushed.general[host]))), int(p.event), int(w.hushed.general[host]))
		}
	}
	return tested, f
}

// askedMember finds a host on the LAN that is a member, was one before the query, and has heard it.
func (j *Judge) askedMember(p wirePending, g spec.GroupID, bound spec.Time) (spec.NodeID, bool) {
	w := &j.ip
	for _, n := range w.hostsOn(p.lan) {
		heard := w.hushed.general[n]
		if w.home[n] == p.lan && heard != never && heard > p.event && w.memberSince(n, g, p.event) && j.steady(n, p.event, bound) {
			return n, true
		}
	}
	return 0, false
}

// wireHushed is what hosts have heard.
type wireHushed struct {
	general []uint32 // node: the last general query
	asked   []uint32 // node × group: the last query that concerns it
	heard   []uint32 // node × group: the first report of another since then, and since the own join
	join    []uint32 // node × group: the last call of a join
	own     []uint32 // node × group: its last report
}

func (x *wireHushed) reset(h *spec.History) {
	n := len(h.Nodes) * len(h.Groups)
	x.general = nevers(x.general, len(h.Nodes))
	x.asked, x.heard, x.join, x.own = nevers(x.asked, n), nevers(x.heard, n), nevers(x.join, n), nevers(x.own, n)
}

// query lets a host hear a query.
func (x *wireHushed) query(j *Judge, s wireStep, e *spec.Event) {
	if !inGroup(j.h, e) {
		x.general[e.Node] = s.event
	}
	for g, to := j.ip.concerns(j.h, e); g < to; g++ {
		k := j.ip.at(e.Node, spec.GroupID(g))
		x.asked[k], x.heard[k] = s.event, never
	}
}

// report lets a host hear a report; 1 if it silences one that has not reported itself.
func (x *wireHushed) report(j *Judge, s wireStep, e *spec.Event) int {
	w, k := &j.ip, j.ip.at(e.Node, e.Group)
	if v := j.h.Topology.Speaks(e.Node); v > 2 || v < j.h.Topology.Speaks(e.From) || !w.settled(j.h.Topology, e.Node) {
		return 0
	}
	if w.home[e.Node] == noLAN || !e.Is(spec.HasFrom) || e.From == e.Node || w.since[k] == never || x.asked[k] == never || x.silent(k) {
		return 0
	}
	x.heard[k] = s.event
	if reported := x.own[k] != never && x.own[k] > x.asked[k]; x.silent(k) && !reported && w.quiet(j.h.Events[x.asked[k]].T, e.T) {
		return 1
	}
	return 0
}

// silent says whether a host has to be silent about a group.
func (x *wireHushed) silent(k int) bool {
	return x.heard[k] != never && x.asked[k] != never && (x.join[k] == never || x.join[k] < x.asked[k])
}

// igmpAgeing judges IGMP-AGEING: a router forgets a membership that nobody reports for the membership interval, and
// stops forwarding (RFC 1112 appendix I; RFC 2236 section 8.4; RFC 3376 section 8.4). Judged on links with one router:
// on others it may forward for the sake of a router.
func (j *Judge) igmpAgeing() (f spec.Finding) {
	bound, _, reason := j.igmpReady(IGMPAgeing)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n := &j.ip, 0
	w.declared = zeroed(w.declared, w.lans*w.groups)
	for lan := range w.lans {
		for g := range w.groups {
			w.declared[lan*w.groups+g] = w.listener(uint16(lan), spec.GroupID(g))
		}
	}
	bound += bound / 20 // the report was on its way for a while
	j.replayed(false, func(s wireStep, e *spec.Event) bool {
		switch s.op {
		case wireOrigin:
			for lan := range uint16(w.lans) {
				if lan != s.lan && j.aged(lan, e, bound) && w.connected(lan, s.lan) {
					n++
				}
			}
		case wireForward:
			up := w.up[e.Node]
			if up == never || up != 0 && j.h.Events[up].T > e.T-bound || !j.aged(s.lan, e, bound) {
				break
			}
			f = j.notForgotten(max(n, 1), s, bound)
		}
		return f.Verdict != spec.Fail
	}, nil)
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: no datagram was sent after a membership had aged")
}

// aged says whether nobody has listened to the group of an event on a LAN with one router for longer than the bound,
// after somebody had.
func (j *Judge) aged(lan uint16, e *spec.Event, bound spec.Time) bool {
	w := &j.ip
	at := int(lan)*w.groups + int(e.Group)
	last := spec.Time(0)
	switch r := w.report[at]; {
	case r != never:
		last = j.h.Events[r].T
	case !w.declared[at]:
		return false
	}
	return e.T > last+bound && len(w.routersOn(lan)) == 1 && !w.listener(lan, e.Group) && w.quiet(last, e.T)
}

func (j *Judge) notForgotten(n int, s wireStep, bound spec.Time) spec.Finding {
	w, e := &j.ip, &j.h.Events[s.event]
	r := w.report[int(s.lan)*w.groups+int(e.Group)]
	text := fmt.Sprintf("%s forwarded datagram %d to group %s onto %s at %s, where no member is left", j.wireNode(e.Node),
		j.h.ExtraOf(e).ID, j.h.GroupName(e.Group), j.lanName(s.lan), j.time(int(s.event)))
	if r == never {
		return violated(n, text+" and nobody has reported one since the start", int(s.event))
	}
	return violated(n, fmt.Sprintf("%s; the last report, by %s, was at %s, longer ago than the declared bound", text,
		j.wireNode(j.h.Events[r].Node), j.time(int(r))), int(r), int(s.event))
}
