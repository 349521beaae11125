package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// igmpQuerierInterval is the bound, besides that of IGMP-QUERIER, on how long the next querier may take.
const igmpQuerierInterval spec.ID = "IGMP-QUERIER-INTERVAL"

// igmpQuerier judges IGMP-QUERIER: of several routers on a link the one with the lowest address asks, and another one
// when it has been silent for the other querier present interval (RFC 2236 section 3; RFC 3376 section 6.6.2).
func (j *Judge) igmpQuerier() (f spec.Finding) {
	bound, _, reason := j.igmpReady(IGMPQuerier)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n := &j.ip, 0
	interval, takesOver := j.wireBound(igmpQuerierInterval)
	j.replayed(false, func(s wireStep, e *spec.Event) bool {
		switch {
		case s.op == wireQuery && !inGroup(j.h, e) && len(w.routersOn(s.lan)) > 1:
			if w.quiet(e.T-bound, e.T) {
				n++
				f = j.wrongQuerier(n, s, e, bound)
			}
		case s.op == wireCrash && takesOver:
			for _, p := range w.portsOf(e.Node) {
				lan := w.ports[p].lan
				if q := w.query[lan]; q != never && j.h.Events[q].Node == e.Node && w.upSince(e.Node, q) {
					w.expect(wirePending{deadline: e.T + bound + interval, event: s.event, lan: lan})
				}
			}
		}
		return f.Verdict != spec.Fail
	}, func(p wirePending) bool {
		var tested bool
		if tested, f = j.takenOver(n, p, bound); tested {
			n++
		}
		return f.Verdict != spec.Fail
	})
	if f.Verdict == spec.Fail {
		return f
	}
	return held(n, "vacuous: nobody asked on an undisturbed link with two routers")
}

// wrongQuerier judges a general query against the one before, and against the routers with lower addresses.
func (j *Judge) wrongQuerier(n int, s wireStep, e *spec.Event, bound spec.Time) (f spec.Finding) {
	w := &j.ip
	if last := w.query[s.lan]; last != never {
		if o := &j.h.Events[last]; o.Node != e.Node && e.T-o.T <= bound && w.quiet(o.T-bound, e.T) && w.upSince(o.Node, last) {
			return violated(n, fmt.Sprintf("%s asked on %s at %s, and %s at %s: two queriers, both up, within the declared bound",
				j.wireNode(o.Node), j.lanName(s.lan), j.time(int(last)), j.wireNode(e.Node), j.time(int(s.event))), int(last), int(s.event))
		}
	}
	for _, p := range w.routersOn(s.lan) {
		if p.router >= e.Node {
			break
		}
		if j.steady(p.router, s.event, bound) {
			return violated(n, fmt.Sprintf("%s asked on %s at %s, though %s, whose address is lower, had been up there for the declared bound",
				j.wireNode(e.Node), j.lanName(s.lan), j.time(int(s.event)), j.wireNode(p.router)), int(s.event))
		}
	}
	return f
}

// takenOver judges, a bound and an interval after a querier's crash, whether another router has asked.
func (j *Judge) takenOver(n int, p wirePending, bound spec.Time) (tested bool, f spec.Finding) {
	w, e := &j.ip, &j.h.Events[p.event]
	if !w.down[e.Node] || !w.quiet(e.T-bound, e.T-1) || !w.quiet(e.T+1, p.deadline) {
		return false, f
	}
	next := spec.NodeID(-1)
	for _, r := range w.routersOn(p.lan) {
		if r.router != e.Node && j.steady(r.router, p.event, bound) {
			next = r.router
			break
		}
	}
	if next < 0 {
		return false, f
	}
	if q := w.query[p.lan]; q != never && q > p.event {
		return true, f
	}
	return true, violated(n+1, fmt.Sprintf("%s, the querier on %s, crashed at %s, and no other router asked there by %s, the declared bounds later; %s is up",
		j.wireNode(e.Node), j.lanName(p.lan), j.time(int(p.event)), moment(p.deadline), j.wireNode(next)), int(p.event))
}
