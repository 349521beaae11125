package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// The checkers of IGMP, and of MLD, which uses the same words: MLD version 1 counts as IGMP version 2, and 2 as 3. A
// report or leave message that speaks of several groups is one frame event for each of them, or one without a group,
// which then counts for all. By convention the addresses of routers on a link ascend with their nodes.
//
// Hosts of several versions may be on a link. Each is judged by the version that it speaks: its own, or that of the
// routers where that is older.

// Reasons of the checkers of IGMP.
const (
	noIGMP        = "not observed: frames of IGMP"
	noIGMPVersion = "not observed: the topology names no version of IGMP"
)

// igmpReady prepares a checker of IGMP; version is that of the routers.
func (j *Judge) igmpReady(id spec.ID) (bound spec.Time, version int, reason string) {
	bound, reason = j.wired(id)
	switch {
	case reason != "":
	case !j.ip.igmp:
		reason = noIGMP
	case j.h.Topology.IGMP <= 0:
		reason = noIGMPVersion
	default:
		j.ip.restart(j.h)
		version = j.h.Topology.IGMP
	}
	return bound, version, reason
}

// underWay is longer than a frame takes on a link, in ns.
const underWay = spec.Time(1_000_000)

// igmpJoin judges IGMP-JOIN: when the first local process joins a group, the host reports it, and repeats that (RFC
// 2236 section 3; RFC 3376 section 5.1; RFC 1112 appendix I asks for one report). In versions 1 and 2 another host's
// report that the host understands stands for its own. A robustness of two is taken for granted. Members from the start reported before the
// record began.
func (j *Judge) igmpJoin() (f spec.Finding) {
	bound, _, reason := j.igmpReady(IGMPJoin)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n := &j.ip, 0
	w.base = zeroed(w.base, len(w.joins))
	count := func(lan uint16, k int, g spec.GroupID, version int) (n, last uint32) {
		if version >= 3 {
			return w.said[k], never
		}
		return w.understood(lan, g, version)
	}
	j.replayed(false, func(s wireStep, e *spec.Event) bool {
		if s.op != wireMember || w.home[e.Node] == noLAN {
			return true
		}
		lan, k, version := w.home[e.Node], w.at(e.Node, e.Group), j.h.Topology.Speaks(e.Node)
		switch {
		case e.Kind == spec.Join && !w.may[k]:
			var last uint32
			w.base[k], last = count(lan, k, e.Group, version)
			if last != never && e.T-j.h.Events[last].T <= bound/8 {
				w.base[k]-- // it was on its way, and may have stood for the repeat; below 0 never, for it is counted
			}
			if last := w.report[int(lan)*w.groups+int(e.Group)]; last != never && e.T-j.h.Events[last].T < underWay || !w.settled(j.h.Topology, e.Node) {
				w.base[k] = never // the host may hear that report after it joined, and keep silent for it; or it does not know yet what to speak
			}
		case e.Kind == spec.Joined && w.joins[k] != never && w.base[k] != never:
			w.expect(wirePending{deadline: e.T + bound, event: s.event, call: w.joins[k], count: w.base[k], lan: lan})
		}
		return true
	}, func(p wirePending) bool {
		e, from := &j.h.Events[p.event], j.h.Events[p.call].T
		if !w.memberSince(e.Node, e.Group, p.event) || !j.steady(e.Node, p.call, bound) || !w.quiet(from-bound, p.deadline) {
			return true
		}
		n++
		version := j.h.Topology.Speaks(e.Node)
		want := uint32(min(version, 2))
		if got, _ := count(p.lan, w.at(e.Node, e.Group), e.Group, version); got-p.count < want {
			f = j.unreported(n, p, want, version)
			return false
		}
		return true
	})
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: nobody joined on an undisturbed link and stayed")
}

// unreported is the witness: the join, and what reports there were until the bound.
func (j *Judge) unreported(n int, p wirePending, want uint32, version int) spec.Finding {
	e := &j.h.Events[p.event]
	events := []int{int(p.call), int(p.event)}
	for _, s := range j.ip.steps {
		r := &j.h.Events[s.event]
		if s.op == wireReport && s.lan == p.lan && s.event > p.call && r.T <= p.deadline && j.concernsGroup(r, e.Group) &&
			(r.Node == e.Node || version < 3 && j.h.Topology.Speaks(r.Node) <= version) {
			events = append(events, int(s.event))
		}
	}
	return violated(n, fmt.Sprintf("%s joined group %s at %s, and within the declared bound, until %s, the group was reported %d times on %s; %d are due",
		j.node(e.Node), j.h.GroupName(e.Group), j.time(int(p.event)), moment(p.deadline), len(events)-2, j.lanName(p.lan), want), events...)
}

// concernsGroup says whether a message concerns a group.
func (j *Judge) concernsGroup(e *spec.Event, g spec.GroupID) bool {
	return !inGroup(j.h, e) || e.Group == g
}

// igmpLeave judges IGMP-LEAVE: when the last member on a link leaves, its host says so, and the querier asks for others
// (RFC 2236 section 3; RFC 3376 sections 5.1 and 6.4.2). In version 2 a host that was not the last to report may keep
// silent, and a host of version 1 does. That a router must not ask while a host of version 1 may still listen (RFC 3376
// section 7.3.2) is no excuse here: where such hosts are, this is not promised.
func (j *Judge) igmpLeave() (f spec.Finding) {
	bound, version, reason := j.igmpReady(IGMPLeave)
	switch {
	case reason != "":
		return inconclusive(0, reason)
	case version < 2:
		return inconclusive(0, "not applicable: version 1 has no leave message")
	}
	w, n := &j.ip, 0
	l := &w.leaves
	l.reset(j.h)
	j.replayed(false, func(s wireStep, e *spec.Event) bool {
		switch {
		case s.op == wireMember:
			l.turn(j, s, e, bound)
		case s.op == wireDone, s.op == wireReport && j.h.Topology.Speaks(e.Node) >= 3:
			for g, to := w.concerns(j.h, e); g < to; g++ {
				if k := w.at(e.Node, spec.GroupID(g)); l.call[k] != never && l.said[k] == never {
					l.said[k] = s.event
				}
			}
		}
		return true
	}, func(p wirePending) bool {
		e, from := &j.h.Events[p.event], j.h.Events[p.call].T
		k := w.at(e.Node, e.Group)
		if l.call[k] != p.call || w.may[k] || !j.steady(e.Node, p.call, bound) || !w.quiet(from-bound, p.deadline) {
			return true
		}
		n++
		if l.said[k] == never || j.h.Events[l.said[k]].T > e.T+bound {
			f = violated(n, fmt.Sprintf("%s, the last member of group %s on %s, left at %s, and said nothing of it within the declared bound, until %s",
				j.node(e.Node), j.h.GroupName(e.Group), j.lanName(p.lan), j.time(int(p.event)), moment(e.T+bound)), int(p.call), int(p.event))
			return false
		}
		f = j.leaveUnasked(n, p, int(l.said[k]), bound)
		return f.Verdict != spec.Fail
	})
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: no last member left an undisturbed link where it was the last to report")
}

// leaveUnasked judges what the querier does after a leave message, where there is one that knew the group.
func (j *Judge) leaveUnasked(n int, p wirePending, said int, bound spec.Time) (f spec.Finding) {
	w := &j.ip
	e, from := &j.h.Events[p.event], j.h.Events[p.call].T
	report := p.other
	if report == never || p.count == never || !w.upSince(j.h.Events[p.count].Node, p.count) || !w.quiet(j.h.Events[report].T, p.deadline) {
		return f
	}
	if age, ok := j.wireBound(IGMPAgeing); ok && j.h.Events[report].T+age < p.deadline {
		return f
	}
	if asked := w.asked[int(p.lan)*w.groups+int(e.Group)]; asked != never && j.h.Events[asked].T >= from-bound {
		return f
	}
	return violated(n, fmt.Sprintf("%s, the last member of group %s on %s, left at %s and said so at %s, but no router asked for other members by %s, twice the declared bound later; %s is the querier",
		j.node(e.Node), j.h.GroupName(e.Group), j.lanName(p.lan), j.time(int(p.event)), j.time(said), moment(p.deadline),
		j.wireNode(j.h.Events[p.count].Node)), int(p.count), int(report), int(p.call), int(p.event), said)
}

// wireLeaves is what IGMP-LEAVE remembers of each node and group.
type wireLeaves struct {
	call  []uint32 // the call of a leave that is judged; never without
	said  []uint32 // the first message that says so
	local []int32  // the host's processes in the group
}

func (l *wireLeaves) reset(h *spec.History) {
	n := len(h.Nodes) * len(h.Groups)
	l.call, l.said, l.local = nevers(l.call, n), nevers(l.said, n), zeroed(l.local, n)
	for g := range h.Groups {
		for _, m := range h.Groups[g].Members {
			if m >= 0 && int(m) < len(h.Nodes) {
				l.local[int(m)*len(h.Groups)+g] = 1
			}
		}
	}
}

// turn takes in a call or return.
func (l *wireLeaves) turn(j *Judge, s wireStep, e *spec.Event, bound spec.Time) {
	w, version := &j.ip, j.h.Topology.Speaks(e.Node)
	k, lan := w.at(e.Node, e.Group), w.home[e.Node]
	switch e.Kind {
	case spec.Join:
		l.call[k] = never
	case spec.Joined:
		l.local[k]++
	case spec.Leave:
		l.call[k], l.said[k] = never, never
		if lan != noLAN && l.local[k] == 1 && version > 1 && w.settled(j.h.Topology, e.Node) &&
			w.memberSince(e.Node, e.Group, s.event) && !w.others(lan, e) && (version >= 3 || j.lastToReport(lan, e, version)) {
			l.call[k] = s.event
		}
	case spec.Left:
		l.local[k] = max(l.local[k]-1, 0)
		if l.call[k] != never {
			w.expect(wirePending{deadline: e.T + 2*bound, event: s.event, call: l.call[k], lan: lan,
				other: w.report[int(lan)*w.groups+int(e.Group)], count: w.query[lan]})
		}
	}
}

// others says whether another host on the LAN than that of an event may be a member of the event's group.
func (w *wireIndex) others(lan uint16, e *spec.Event) bool {
	for _, n := range w.hostsOn(lan) {
		if n != e.Node && w.may[w.at(n, e.Group)] {
			return true
		}
	}
	return false
}

// lastToReport says whether the last report of a group on the LAN that a node understands is its own, in its present
// life, and no other one was on its way then, which the node may take for the last.
func (j *Judge) lastToReport(lan uint16, e *spec.Event, version int) bool {
	w := &j.ip
	_, r := w.understood(lan, e.Group, version)
	if r == never || j.h.Events[r].Node != e.Node || !w.upSince(e.Node, r) {
		return false
	}
	rival := w.rival[int(lan)*w.groups+int(e.Group)]
	return rival == never || j.h.Events[rival].Node == e.Node || j.h.Events[r].T-j.h.Events[rival].T > underWay
}
