package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

const noReceive = "not observed: receive"

// pimReady prepares a checker that looks for datagrams at members.
func (j *Judge) pimReady(id spec.ID) (bound spec.Time, reason string) {
	if bound, reason = j.wired(id); reason != "" {
		return bound, reason
	}
	if !j.ip.heard {
		return bound, noReceive
	}
	j.ip.number(j.h)
	j.ip.restart(j.h)
	return bound, ""
}

// pimGraft judges PIM-GRAFT: when a listener appears, the traffic of sources that were sending comes back within the
// bound (RFC 3973 section 4.4.3). Of every source the first datagram after the bound is judged: whatever state there
// is, it has to arrive.
func (j *Judge) pimGraft() (f spec.Finding) {
	if t := j.h.Topology; t != nil && t.Routing != "dense" {
		return inconclusive(0, notDense)
	}
	bound, reason := j.pimReady(PIMGraft)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n := &j.ip, 0
	w.joined = w.joined[:0]
	w.begun, w.cursor = nevers(w.begun, len(w.streams)), zeroed(w.cursor, len(w.streams))
	j.replayed(j.h.Settled, func(s wireStep, e *spec.Event) bool {
		switch {
		case s.op == wireMember && e.Kind == spec.Joined:
			if lan := w.home[e.Node]; w.joins[w.at(e.Node, e.Group)] != never && lan != noLAN && !w.others(lan, e) {
				w.joined = append(w.joined, s.event)
			}
		case s.op == wireOrigin:
			if k, ok := j.stream(e); ok {
				j.expectAfterJoins(k, s.event, bound)
			}
		}
		return true
	}, func(p wirePending) bool {
		join, e := &j.h.Events[p.call], &j.h.Events[p.event]
		if !w.memberSince(join.Node, join.Group, p.call) || !j.steady(join.Node, p.call, bound) ||
			!w.upSince(e.Node, p.event) || !w.quiet(join.T-bound, p.deadline) || !j.reachable(p, join.Node) {
			return true
		}
		n++
		if !j.gotIt(p.count, join.Node) {
			f = violated(n, fmt.Sprintf("%s joined group %s at %s and did not receive datagram %d, which %s, sending before the join too, sent at %s, after the declared bound",
				j.node(join.Node), j.h.GroupName(join.Group), j.time(int(p.call)), j.h.ExtraOf(e).ID, j.node(e.Node), j.time(int(p.event))),
				int(w.begun[p.other]), int(p.call), int(p.event))
		}
		return f.Verdict != spec.Fail
	})
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: nobody joined on an undisturbed link while a source elsewhere was sending")
}

// expectAfterJoins pairs a datagram with the joins for which it is the first of its stream after the bound.
func (j *Judge) expectAfterJoins(k int, event uint32, bound spec.Time) {
	w, e := &j.ip, &j.h.Events[event]
	if w.begun[k] == never {
		w.begun[k] = event
	}
	for c := &w.cursor[k]; int(*c) < len(w.joined); *c++ {
		join := w.joined[*c]
		x := &j.h.Events[join]
		if x.T+bound > e.T {
			break
		}
		if d, ok := w.ids.find(j.h.ExtraOf(e).ID); ok && x.Group == e.Group && x.Node != e.Node && w.begun[k] < join {
			w.expect(wirePending{deadline: e.T + bound, event: event, call: join, count: d, other: uint32(k)})
		}
	}
}

// reachable says whether the datagram of a frame can go to a member on another LAN: routers connect them, and its TTL
// is enough for all of them. A TTL that was not told is none.
func (j *Judge) reachable(p wirePending, n spec.NodeID) bool {
	w, x := &j.ip, j.h.ExtraOf(&j.h.Events[p.event])
	from, to := w.links[x.Link], w.home[n]
	return to != noLAN && from != to && x.TTL > len(j.h.Topology.Routers) && w.connected(from, to)
}

// pimRP judges PIM-RP: after the rendezvous point failed, and another one is there, datagrams sent later than the bound
// reach every member again (RFC 7761 section 4.7; RFC 5059).
func (j *Judge) pimRP() (f spec.Finding) {
	if t := j.h.Topology; t != nil && len(t.RPs) == 0 {
		return inconclusive(0, "not applicable: the topology has no rendezvous point")
	}
	bound, reason := j.pimReady(PIMRP)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n, failed := &j.ip, 0, never
	j.replayed(j.h.Settled, func(s wireStep, e *spec.Event) bool {
		switch {
		case s.op == wireCrash && w.roles[e.Node]&isRP != 0:
			failed = s.event
		case s.op == wireOrigin && failed != never && e.T >= j.h.Events[failed].T+bound:
			if d, ok := w.ids.find(j.h.ExtraOf(e).ID); ok {
				w.expect(wirePending{deadline: e.T + bound, event: s.event, call: failed, count: d, lan: s.lan})
			}
		}
		return true
	}, func(p wirePending) bool {
		var tested int
		tested, f = j.backAtMembers(n, p, bound)
		n += tested
		return f.Verdict != spec.Fail
	})
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: nothing was sent to a member on another link after a rendezvous point had failed and another was there")
}

// backAtMembers judges one datagram that was sent after a rendezvous point had failed.
func (j *Judge) backAtMembers(n int, p wirePending, bound spec.Time) (tested int, f spec.Finding) {
	w, e, crash := &j.ip, &j.h.Events[p.event], &j.h.Events[p.call]
	if !w.quiet(crash.T-bound, crash.T-1) || !w.quiet(crash.T+1, p.deadline) || !j.steady(e.Node, p.event, bound) || !j.rpFor(p.lan) {
		return 0, f
	}
	for m := range spec.NodeID(len(j.h.Nodes)) {
		since := w.since[w.at(m, e.Group)]
		if w.roles[m] != 0 || m == e.Node || !w.memberSince(m, e.Group, p.event) || since != 0 && j.h.Events[since].T > e.T-bound ||
			!j.steady(m, p.event, bound) || !j.reachable(p, m) {
			continue
		}
		tested++
		if !j.gotIt(p.count, m) {
			return tested, violated(n+tested, fmt.Sprintf("%s, a member of group %s, did not receive datagram %d, which %s sent at %s, longer than the declared bound after the rendezvous point %s had crashed, at %s",
				j.node(m), j.h.GroupName(e.Group), j.h.ExtraOf(e).ID, j.node(e.Node), j.time(int(p.event)), j.wireNode(crash.Node), j.time(int(p.call))),
				int(p.call), int(p.event))
		}
	}
	return tested, f
}

// rpFor says whether a rendezvous point is up that routers connect with a LAN.
func (j *Judge) rpFor(lan uint16) bool {
	w := &j.ip
	for _, rp := range j.h.Topology.RPs {
		if !w.knows(j.h, rp) || w.down[rp] {
			continue
		}
		for _, p := range w.portsOf(rp) {
			if w.connected(lan, w.ports[p].lan) {
				return true
			}
		}
	}
	return false
}
