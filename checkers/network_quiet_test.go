package checkers

import (
	"time"

	"github.com/conform-go/conform/spec"
)

// The twin's disturbances.

// quiet says whether nothing was disturbed for the bound before a datagram, until so long after its last frame.
func (w *netTwin) quiet(d *twinDatagram, bound, after spec.Time) bool {
	return w.still(d, bound, after, true)
}

// still is the same; leaves before the datagram may be none of it.
func (w *netTwin) still(d *twinDatagram, bound, after spec.Time, leaves bool) bool {
	_, g, _, at := w.source(d)
	first, last := d.frames[0], w.last(d)
	if w.broken(first) {
		return false
	}
	for i := range w.h.Events {
		e, _ := w.event(i)
		switch e.Kind {
		case spec.Join, spec.Joined, spec.Leave, spec.Left:
			if e.Group != g || !leaves && i < first && (e.Kind == spec.Leave || e.Kind == spec.Left) {
				continue
			}
		case spec.Crash, spec.Recover, spec.Pause, spec.Resume, spec.Fault, spec.Heal:
		default:
			continue
		}
		if i < first && e.T > at-bound || i > first && e.T <= last+after {
			return false
		}
	}
	return true
}

// ends says whether one of the events between two fits.
func (w *netTwin) ends(from, to int, f func(*spec.Event, *spec.Extra) bool) bool {
	for i := from + 1; i < to; i++ {
		if f(w.event(i)) {
			return true
		}
	}
	return false
}

// whole says whether for a whole group membership interval nothing had been broken, by who joins and leaves aside.
func (w *netTwin) whole(d *twinDatagram) bool {
	_, _, _, at := w.source(d)
	age, told := w.h.Bounds["IGMP-AGEING"]
	for i := range w.h.Events[:d.frames[0]] {
		if e := &w.h.Events[i]; e.Kind >= spec.Crash && e.Kind <= spec.Heal && (!told || at-e.T < spec.Time(age)) {
			return false
		}
	}
	return true
}

// unsure says whether somebody joined or left while something was broken, or the bound before or after, and no group
// membership interval has passed since without anything broken.
func (w *netTwin) unsure(d *twinDatagram) bool {
	_, g, _, at := w.source(d)
	bound := spec.Time(w.h.Bounds["ROUTE-REACH"])
	age, told := w.h.Bounds["IGMP-AGEING"]
	for c := -1; c < d.frames[0]; c++ { // -1: members from the start are asked then
		e := &spec.Event{Kind: spec.Joined, Group: g}
		if c >= 0 {
			e = &w.h.Events[c]
		}
		if e.Kind != spec.Join && e.Kind != spec.Joined && e.Kind != spec.Leave && e.Kind != spec.Left || e.Group != g {
			continue
		}
		lost, from := c >= 0 && w.broken(c), e.T // from when on it may be lost
		for k := range w.h.Events[:d.frames[0]] {
			if o := &w.h.Events[k]; w.loses(o) && max(o.T-e.T, e.T-o.T) < bound {
				lost, from = true, max(from, o.T)
			}
		}
		if lost && !w.repaired(c, d.frames[0], from, at, spec.Time(age), told) {
			return true
		}
	}
	return false
}

// loses says whether an event is one that messages between hosts and routers may be lost by.
func (w *netTwin) loses(e *spec.Event) bool {
	if e.Kind == spec.Crash || e.Kind == spec.Recover {
		return netHas(w.t.Routers, e.Node) || netHas(w.t.Switches, e.Node)
	}
	return e.Kind >= spec.Crash && e.Kind <= spec.Heal
}

// repaired says whether between an event and another one there was a group membership interval with nothing broken.
func (w *netTwin) repaired(c, before int, from, at, age spec.Time, told bool) bool {
	last := spec.Time(-1) // when something was last broken or mended
	for k := range w.h.Events[:before] {
		if o := &w.h.Events[k]; w.loses(o) {
			if k > c && o.T > from && told && last >= 0 && o.T-last >= age && !w.broken(k) {
				return true
			}
			last = o.T
		}
	}
	return told && last >= 0 && at-last >= age && !w.broken(before)
}

// broken says whether just before an event a fault was not healed, or a node stood still.
func (w *netTwin) broken(i int) bool {
	for k := range w.h.Events[:i] {
		e, x := w.event(k)
		if e.Kind == spec.Fault && !w.ends(k, i, func(o *spec.Event, y *spec.Extra) bool { return o.Kind == spec.Heal && y.ID == x.ID }) ||
			e.Kind == spec.Pause && !w.ends(k, i, func(o *spec.Event, _ *spec.Extra) bool {
				return o.Node == e.Node && (o.Kind == spec.Resume || o.Kind == spec.Crash || o.Kind == spec.Recover)
			}) {
			return true
		}
	}
	return false
}

func (w *netTwin) silence() spec.Time {
	s := 210 * time.Second
	if b, ok := w.h.Bounds["PIM-PRUNE"]; ok && b < s {
		s = b
	}
	if b, ok := w.h.Bounds["IGMP-AGEING"]; ok && b/2 < s {
		s = b / 2
	}
	return spec.Time(s)
}

// built says whether the trees of a datagram's flow were built before.
func (w *netTwin) built(d *twinDatagram, bound spec.Time) bool {
	from, g, link, at := w.source(d)
	began, previous, any := spec.Time(0), spec.Time(0), false
	for _, x := range w.seen {
		f, h, l, t := w.source(&x)
		if f != from || h != g || l != link || x.frames[0] > d.frames[0] {
			continue
		}
		if !any || t-previous > w.silence() {
			began = t
		}
		previous, any = t, true
	}
	return at-began >= bound
}

// held says whether an election of a forwarder was held while a datagram travelled.
func (w *netTwin) held(d *twinDatagram) bool {
	from, g, _, at := w.source(d)
	vote, ok := w.h.Bounds["PIM-ASSERT"]
	if !ok {
		vote = w.h.Bounds["ROUTE-REACH"]
	}
	rest := vote
	if hold, ok := w.h.Bounds["PIM-PRUNE"]; ok {
		rest = hold / 5 * 4
	}
	for i := range w.h.Events {
		e, x := w.event(i)
		if w.t.Routing == "" || e.Kind != spec.Frame || x.Op != "pim-assert" && x.Op != "pim-prune" || e.Group != g || e.Is(spec.HasFrom) && e.From != from {
			continue
		}
		again := false
		for k := range w.h.Events[:i] {
			o, y := w.event(k)
			again = again || o.Kind == spec.Frame && (y.Op == "pim-assert" || y.Op == "pim-prune") && o.Group == g && o.Is(spec.HasFrom) == e.Is(spec.HasFrom) && o.From == e.From && y.Link == x.Link && e.T-o.T <= spec.Time(rest)
		}
		if !again && (i < d.frames[0] && e.T > at-spec.Time(vote) || i > d.frames[0] && e.T <= w.last(d)+spec.Time(vote)) {
			return true
		}
	}
	return false
}
