package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// Where the datagrams of a group go. Each check walks the datagrams once, each with its frames and receptions.

// travels prepares a check of datagrams: it needs a topology, a bound on what disturbances last, and frames.
func (j *Judge) travels(id spec.ID) (bound spec.Time, reason string) {
	if reason := j.network(); reason != "" {
		return 0, reason
	}
	bound, ok := j.boundOf(id)
	switch {
	case !ok:
		return 0, noBound
	case len(j.net.datagrams) == 0:
		return 0, noFrames
	}
	j.rewind()
	return bound, ""
}

// settledFrom gives the next datagram that was undisturbed and had its trees built, from this one on; -1 without. The
// network then stands as it stood when that was sent.
func (j *Judge) settledFrom(k int, bound spec.Time) int {
	for ; k < len(j.net.datagrams); k++ {
		if d := &j.net.datagrams[k]; !d.strange && d.settled(bound) {
			j.follow(d.event)
			return k
		}
	}
	return -1
}

// routeReach judges ROUTE-REACH: every datagram comes to every member that the unicast routes know a way to (RFC 1112
// section 1; RFC 7761; RFC 3973).
func (j *Judge) routeReach() spec.Finding {
	bound, reason := j.travels(RouteReach)
	if reason != "" {
		return inconclusive(0, reason)
	}
	n, lost, by := 0, -1, spec.NodeID(0)
	j.row = zeroed(j.row, len(j.h.Nodes)) // what each received last
	for k := range j.net.datagrams {
		d := &j.net.datagrams[k]
		// What is disturbed within the bound after the last frame may have been lost on the way. That others have left is
		// no disturbance: routers ask who still listens, and listeners are not cut off in the meantime.
		if d.strange || d.unsure || d.entered < bound || d.next <= d.last || d.next-d.last <= bound {
			continue
		}
		j.follow(d.event)
		if !j.inScope(extraOf(j.h, &j.h.Events[d.event]).TTL) {
			continue
		}
		for _, s := range j.net.seen(k) {
			if s.link == none {
				j.row[j.h.Events[s.event].Node] = uint32(k) + 1
			}
		}
		f := &j.net.flows[d.flow]
		for m := range j.row {
			if m := spec.NodeID(m); m != f.source && j.due(m, f) {
				if !j.net.isOn(m, f.link) {
					n++
				}
				if lost < 0 && j.row[m] != uint32(k)+1 {
					lost, by = k, m
				}
			}
		}
	}
	switch {
	case lost < 0:
		return held(n, "vacuous: no undisturbed datagram had a member on another link")
	case !j.h.Settled:
		return inconclusive(n, notSettled)
	}
	return j.unreached(n, lost, by)
}

// due says whether a node is a member, up, and within reach of a flow. Of a node that came back in the crash-stop
// model nothing is expected until it joins again.
func (j *Judge) due(m spec.NodeID, f *flow) bool {
	s := &j.net.state
	since := j.live.since[j.live.at(m, f.group)]
	if since == never || s.down[m] || since < s.back[m] && j.h.Model == spec.CrashStop {
		return false
	}
	ports := j.net.linksOf(m)
	for _, l := range ports {
		if !j.reaches(f.link, l) {
			return false
		}
	}
	return len(ports) > 0
}

func (j *Judge) unreached(n, k int, by spec.NodeID) spec.Finding {
	d := &j.net.datagrams[k]
	text := fmt.Sprintf("%s, a member of group %s on %s, never received %s", j.machineName(by),
		j.h.GroupName(j.net.flows[d.flow].group), j.linkName(j.net.linksOf(by)[0]), j.origin(d))
	for _, s := range j.net.seen(k) {
		if e := &j.h.Events[s.event]; s.link == none && e.Node != j.net.flows[d.flow].source {
			return violated(n, text+"; "+j.machineName(e.Node)+" received it at "+j.time(int(s.event)), int(d.event), int(s.event))
		}
	}
	return violated(n, text, int(d.event))
}

// routeContain judges ROUTE-CONTAIN: a link on which nobody listens, and over which no way leads to anybody who does,
// carries no datagram of the group (RFC 2236; RFC 3376; RFC 4541; RFC 7761).
func (j *Judge) routeContain() spec.Finding {
	bound, reason := j.travels(RouteContain)
	if reason != "" {
		return inconclusive(0, reason)
	}
	n := 0
	lifetime := j.lifetime(bound)
	for k := j.settledFrom(0, bound); k >= 0; k = j.settledFrom(k+1, bound) {
		d := &j.net.datagrams[k]
		if d.mended < lifetime {
			continue
		}
		row := j.needOf(d.flow)
		if j.net.flows[d.flow].spare > 0 {
			n++
		}
		for _, s := range j.net.seen(k) {
			if s.link >= 0 && row[s.link] == 0 && j.contains(s.link) {
				return j.spilled(n, d, s)
			}
		}
	}
	return held(n, "vacuous: every link needed every undisturbed datagram")
}

// lifetime is how long what was lost in a fault, or with a machine, may live on in others: the report of a member whose
// leave nobody heard, or that crashed, and the joins of routers, which time out sooner (RFC 3376 section 8.4: 260 s;
// RFC 7761 section 4.11: 210 s). Without a declared interval it may live on to the end.
func (j *Judge) lifetime(bound spec.Time) spec.Time {
	interval, ok := j.h.Bounds["IGMP-AGEING"]
	if !ok {
		return ages
	}
	return max(bound, spec.Time(interval))
}

func (j *Judge) spilled(n int, d *datagram, s sighting) spec.Finding {
	return violated(n, fmt.Sprintf("%s put %s, on %s at %s: no member of the group is there, nor behind it",
		j.machineName(j.h.Events[s.event].Node), j.origin(d), j.linkName(s.link), j.time(int(s.event))), int(d.event), int(s.event))
}

// routeRPF judges ROUTE-RPF: a router forwards only what came in by the link that it would send to the source by, or
// to the root of the shared tree (RFC 3973 section 4.2; RFC 7761 section 4.2, the RPF check).
func (j *Judge) routeRPF() spec.Finding {
	bound, reason := j.travels(RouteRPF)
	if reason != "" {
		return inconclusive(0, reason)
	}
	n := 0
	for k := j.settledFrom(0, bound); k >= 0; k = j.settledFrom(k+1, bound) {
		d := &j.net.datagrams[k]
		source := j.net.flows[d.flow].link
		for _, s := range j.net.seen(k) {
			if s.link == none {
				continue
			}
			e := &j.h.Events[s.event]
			if s.via != none && j.net.role[e.Node]&asRouter != 0 &&
				(s.via < 0 || !j.net.isOn(e.Node, s.via) || !j.accepts(e.Node, s.via, source)) {
				return j.wrongWay(n, k, s)
			}
			if s.link == unplugged {
				continue
			}
			for _, m := range j.net.wires[s.link].Nodes {
				if m != e.Node && j.up(m, asRouter) && !j.accepts(m, s.link, source) {
					n++
				}
			}
		}
	}
	return held(n, "vacuous: no datagram came to a router by another link than the one toward its source")
}

// wrongWay is the witness of a missing check: the datagram, where it came in, and where it went out.
func (j *Judge) wrongWay(n, k int, s sighting) spec.Finding {
	d := &j.net.datagrams[k]
	events := []int{int(d.event), int(s.event)}
	for _, in := range j.net.seen(k) {
		if in.event < s.event && in.link == s.via && in.link >= 0 {
			events = append(events, int(in.event))
			break
		}
	}
	what := ", to which it is not connected"
	if s.via >= 0 && j.net.isOn(j.h.Events[s.event].Node, s.via) {
		what = ", which is on none of its shortest ways to " + j.linkName(j.net.flows[d.flow].link)
		if len(j.net.paths.roots) > 0 {
			what += " or to a rendezvous point"
		}
	}
	return violated(n, fmt.Sprintf("%s forwarded %s, to %s at %s; it came in by %s%s", j.machineName(j.h.Events[s.event].Node),
		j.origin(d), j.linkName(s.link), j.time(int(s.event)), j.linkName(s.via), what), events...)
}
