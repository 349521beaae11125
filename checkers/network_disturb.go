package checkers

import (
	"math"
	"time"

	"github.com/conform-go/conform/spec"
)

// A disturbance is what routers and hosts need time to get over: that somebody joins or leaves the group, that a
// machine crashes, comes back or stands still, and all that is between a fault and its healing. A datagram is judged
// if nothing was disturbed for the declared bound before it was sent, nor while it travelled.
//
// Who joins or leaves while something is broken, or the bound before or after, may not have been heard, and nothing is
// known of the group's members until they have been asked again: for a group membership interval (RFC 3376 section 8.4).

// quiet is the memory of the search for disturbances.
type quiet struct {
	open    []uint64 // the faults that are not healed
	halted  []bool   // node: it stands still
	halts   int
	downed  []bool      // node: it crashed, and has not come back
	times   []spec.Time // group: of the last, or next, disturbance; then the elections, by constituency
	unsure  []bool      // group: its members may not be known
	entered []spec.Time // group: when somebody last joined; -1: nobody has
	trouble spec.Time   // when messages of hosts and routers to each other could last be lost
}

const ages = spec.Time(math.MaxInt64)

// later gives the time from one to the other; ages if there was none.
func later(from, to spec.Time) spec.Time {
	if from < 0 {
		return ages
	}
	return to - from
}

// forgotten is how long a source may be silent before routers forget it: 210 s on their clocks by RFC 3973 section
// 4.8 (SourceLifetime) and RFC 7761 section 4.11 (Keepalive_Period), and so less than a prune's hold time or a group
// membership interval, if these are declared for clocks that run faster.
func forgotten(h *spec.History) spec.Time {
	silence := 210 * time.Second
	if hold, ok := h.Bounds["PIM-PRUNE"]; ok {
		silence = min(silence, hold)
	}
	if interval, ok := h.Bounds["IGMP-AGEING"]; ok {
		silence = min(silence, interval/2)
	}
	return spec.Time(silence)
}

// disturb finds for every datagram what was disturbed before and after it.
func (n *network) disturb(h *spec.History) {
	n.before(h)
	n.after(h)
}

// reset forgets all disturbances; none has the time that says so.
func (q *quiet) reset(h *spec.History, none spec.Time) (all, elections []spec.Time) {
	q.open, q.halts = q.open[:0], 0
	q.halted = zeroed(q.halted, len(h.Nodes))
	q.times = sized(q.times, len(h.Groups)+1+constituencies(h))
	for i := range q.times {
		q.times[i] = none
	}
	return q.times[:len(h.Groups)+1], q.times[len(h.Groups)+1:]
}

// before walks forward: how long has nothing been disturbed, and how long has the flow lasted?
func (n *network) before(h *spec.History) {
	all, elections := n.quiet.reset(h, -1)
	global := len(h.Groups)
	silence := forgotten(h)
	bound, age := spec.Time(h.Bounds[string(RouteReach)]), ages
	if interval, ok := h.Bounds["IGMP-AGEING"]; ok {
		age = spec.Time(interval)
	}
	n.unsure, n.trouble = zeroed(n.unsure, global), -1
	n.entered = sized(n.entered, global)
	for g := range n.entered {
		n.entered[g] = -1
	}
	for f := range n.flows {
		n.flows[f].last = -1
	}
	c := 0
	for k := range n.datagrams {
		d := &n.datagrams[k]
		for ; c < len(n.changes) && n.changes[c] < d.event; c++ {
			e := &h.Events[n.changes[c]]
			switch e.Kind {
			case spec.Frame:
				c := constituency(h, e)
				elections[c] = max(elections[c], e.T)
			case spec.Join, spec.Joined, spec.Leave, spec.Left:
				all[e.Group] = max(all[e.Group], e.T)
				if e.Kind == spec.Join || e.Kind == spec.Joined {
					n.entered[e.Group] = max(n.entered[e.Group], e.T)
				}
				if n.broken() || later(n.trouble, e.T) < bound {
					n.unsure[e.Group] = true
				}
			default:
				n.lose(e, all[:global], bound, age)
				n.quiet.turn(e, extraOf(h, e).ID)
				all[global] = max(all[global], e.T)
			}
		}
		f := &n.flows[d.flow]
		t := h.Events[d.event].T
		if f.last < 0 || t-f.last > silence {
			f.began = t
		}
		f.last = max(f.last, t)
		d.age = t - f.began
		d.calm = later(max(all[f.group], all[global]), t)
		d.elected = later(max(elections[f.group], elections[f.constituency(h)]), t)
		d.mended = later(all[global], t)
		d.entered = later(max(n.entered[f.group], all[global]), t)
		if n.broken() {
			d.calm, d.mended, d.entered = -1, -1, -1
		}
		d.unsure = n.unsure[f.group] && (n.broken() || later(n.trouble, t) < age)
	}
}

// broken says whether something is broken now.
func (q *quiet) broken() bool { return q.halts > 0 || len(q.open) > 0 }

// lose takes in what can make the messages of hosts and routers to each other get lost: everything but the crash of a
// host. Members from the start report when the first query asks them.
func (n *network) lose(e *spec.Event, last []spec.Time, bound, age spec.Time) {
	if (e.Kind == spec.Crash || e.Kind == spec.Recover) && n.role[e.Node] == 0 {
		return
	}
	if !n.broken() && later(n.trouble, e.T) >= age {
		clear(n.unsure)
	}
	n.trouble = max(n.trouble, e.T)
	for g := range n.unsure {
		n.unsure[g] = n.unsure[g] || later(last[g], e.T) < bound || e.T < bound
	}
}

// turn takes in what opens or closes a time in which something is broken.
func (q *quiet) turn(e *spec.Event, id uint64) {
	switch e.Kind {
	case spec.Fault:
		q.open = append(q.open, id)
	case spec.Heal:
		for i, x := range q.open {
			if x == id {
				q.open = append(q.open[:i], q.open[i+1:]...)
				break
			}
		}
	case spec.Pause:
		if !q.halted[e.Node] {
			q.halts++
		}
		q.halted[e.Node] = true
	default: // who crashes stands still no longer
		if q.halted[e.Node] {
			q.halts--
		}
		q.halted[e.Node] = false
	}
}

// after walks backward: when is something disturbed next?
func (n *network) after(h *spec.History) {
	all, elections := n.quiet.reset(h, ages)
	global := len(h.Groups)
	c := len(n.changes)
	for k := len(n.datagrams) - 1; k >= 0; k-- {
		d := &n.datagrams[k]
		for ; c > 0 && n.changes[c-1] > d.event; c-- {
			switch e := &h.Events[n.changes[c-1]]; e.Kind {
			case spec.Frame:
				c := constituency(h, e)
				elections[c] = min(elections[c], e.T)
			case spec.Join, spec.Joined, spec.Leave, spec.Left:
				all[e.Group] = min(all[e.Group], e.T)
			default:
				all[global] = min(all[global], e.T)
			}
		}
		g := n.flows[d.flow].group
		d.next = min(all[g], all[global])
		d.election = min(elections[g], elections[n.flows[d.flow].constituency(h)])
	}
}

// undisturbed says whether all was as usual from the bound before the datagram until its last frame.
func (d *datagram) undisturbed(bound spec.Time) bool { return d.calm >= bound && d.next > d.last }

// settled says whether besides the trees for it were built before.
func (d *datagram) settled(bound spec.Time) bool { return d.undisturbed(bound) && d.age >= bound }

// undisputed says whether no election of a forwarder was held at the time.
func (d *datagram) undisputed(vote spec.Time) bool {
	return d.elected >= vote && d.election-d.last > vote
}
