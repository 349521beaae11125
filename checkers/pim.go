package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// The checkers of PIM, but for that of its prunes. A datagram's way begins with the frame in which the host whose it is
// sends it; what a router forwards names the link on which it came.

// wireDatagrams are the sightings of datagrams, sorted by datagram.
type wireDatagrams struct {
	numbered bool
	ids      numbering
	seenAt   []uint32 // datagram, in the order of first sightings: its first place in seen; one more at the end
	seen     []uint32 // places in steps
	numberOf []uint32 // of the sightings, in the order of steps
}

func isData(o wireOp) bool {
	return o == wireOrigin || o == wireForward || o == wireCopy || o == wireGot
}

// number sorts the sightings by datagram, in linear time.
func (w *wireIndex) number(h *spec.History) {
	if w.numbered {
		return
	}
	w.numbered = true
	w.ids.reset()
	w.numberOf, w.seenAt = w.numberOf[:0], append(w.seenAt[:0], 0, 0) // seenAt: counts, two places up
	for _, s := range w.steps {
		if !isData(s.op) {
			continue
		}
		id := h.ExtraOf(&h.Events[s.event]).ID
		d, ok := w.ids.find(id)
		if !ok {
			d = uint32(len(w.seenAt) - 2)
			w.ids.enter(id, d)
			w.seenAt = append(w.seenAt, 0)
		}
		w.seenAt[d+2]++
		w.numberOf = append(w.numberOf, d)
	}
	for d := 2; d < len(w.seenAt); d++ {
		w.seenAt[d] += w.seenAt[d-1]
	}
	w.seen = sized(w.seen, len(w.numberOf))
	k := 0
	for i, s := range w.steps {
		if !isData(s.op) {
			continue
		}
		at := &w.seenAt[w.numberOf[k]+1]
		w.seen[*at] = uint32(i)
		*at++
		k++
	}
	w.seenAt = w.seenAt[:len(w.seenAt)-1]
}

func (w *wireIndex) count() int { return len(w.seenAt) - 1 }

func (w *wireIndex) sightings(d int) []uint32 { return w.seen[w.seenAt[d]:w.seenAt[d+1]] }

// gotIt says whether a datagram was handed to a socket of a node.
func (j *Judge) gotIt(d uint32, n spec.NodeID) bool {
	for _, i := range j.ip.sightings(int(d)) {
		if s := j.ip.steps[i]; s.op == wireGot && j.h.Events[s.event].Node == n {
			return true
		}
	}
	return false
}

// stream of an event that names source and group; false where no datagram of it was seen on a link.
func (j *Judge) stream(e *spec.Event) (int, bool) {
	if !e.Is(spec.HasFrom) || !inGroup(j.h, e) || !j.ip.knows(j.h, e.From) {
		return 0, false
	}
	k := j.ip.streamOf[int(e.From)*len(j.h.Groups)+int(e.Group)]
	return int(k) - 1, k != 0
}

// wireRivals is what PIM-ASSERT remembers of each LAN and stream, and of the present datagram on each LAN.
type wireRivals struct {
	number  []uint32      // stream: datagrams so far
	rows    []wireRivalry // LAN × stream
	first   []uint32      // LAN: who forwarded the present datagram to it
	second  []uint32      // LAN: … and another router; never without
	asserts []uint32      // LAN: the first assert; never without
}

// wireRivalry is a time in which two routers forward each datagram of a stream to one LAN.
type wireRivalry struct {
	a, b     uint32 // the first such frames; never if there is none
	last     spec.Time
	number   uint32 // of the last such datagram in the stream
	disputed bool   // there was one, ever
}

func (r *wireRivals) reset(w *wireIndex) {
	r.number = zeroed(r.number, len(w.streams))
	r.first, r.second = nevers(r.first, w.lans), nevers(r.second, w.lans)
	r.asserts = nevers(r.asserts, w.lans)
	r.rows = sized(r.rows, w.lans*len(w.streams))
	for i := range r.rows {
		r.rows[i] = wireRivalry{a: never}
	}
	for _, s := range w.steps {
		if s.op == wireAssert {
			r.asserts[s.lan] = min(r.asserts[s.lan], s.event)
		}
	}
}

// pimAssert judges PIM-ASSERT: of several routers that could forward to a LAN one does, once they have heard each
// other (RFC 3973 section 4.6; RFC 7761 section 4.6). Assert state expires, and in dense mode two forward again until
// the next asserts: what must not be is that they go on for longer than the bound.
func (j *Judge) pimAssert() (f spec.Finding) {
	bound, reason := j.wired(PIMAssert)
	if reason != "" {
		return inconclusive(0, reason)
	}
	w, n := &j.ip, 0
	if tooLarge(w.lans, len(w.streams)) {
		return broken()
	}
	w.number(j.h)
	r := &w.rivals
	r.reset(w)
	for d := range w.count() {
		seen := w.sightings(d)
		k, ok := j.stream(&j.h.Events[w.steps[seen[0]].event])
		if !ok {
			continue
		}
		r.number[k]++
		for _, i := range seen {
			s := w.steps[i]
			switch {
			case s.op != wireForward || len(w.routersOn(s.lan)) < 2:
			case r.first[s.lan] == never:
				r.first[s.lan] = s.event
			case j.h.Events[r.first[s.lan]].Node != j.h.Events[s.event].Node && r.second[s.lan] == never:
				r.second[s.lan] = s.event
			}
		}
		for _, i := range seen {
			if s := w.steps[i]; s.op == wireForward && r.first[s.lan] == s.event {
				var tested bool
				if tested, f = j.rival(n, s.lan, k, bound); tested {
					n++
				}
				r.first[s.lan], r.second[s.lan] = never, never
				if f.Verdict == spec.Fail {
					return f
				}
			}
		}
	}
	return held(n, "vacuous: nothing crossed an undisturbed link after two routers had forwarded to it")
}

// rival takes in how a datagram was forwarded to a LAN.
func (j *Judge) rival(n int, lan uint16, k int, bound spec.Time) (tested bool, f spec.Finding) {
	w, r := &j.ip, &j.ip.rivals
	row, a, b := &r.rows[int(lan)*len(w.streams)+k], r.first[lan], r.second[lan]
	if b == never {
		row.a = never
		t := j.h.Events[a].T
		return (row.disputed || r.asserts[lan] < a) && w.quiet(t-bound, t), f
	}
	t := j.h.Events[b].T
	row.disputed = true
	if row.a == never || row.number+1 != r.number[k] || t-row.last > bound || !w.quiet(j.h.Events[row.a].T-bound, t) {
		row.a, row.b = a, b
	}
	row.last, row.number = t, r.number[k]
	if t-j.h.Events[row.b].T <= bound {
		return false, f
	}
	return true, violated(n+1, fmt.Sprintf("%s and %s both forwarded datagram %d of %s to group %s onto %s, at %s, and every one since, up to datagram %d at %s, longer than the declared bound",
		j.wireNode(j.h.Events[a].Node), j.wireNode(j.h.Events[b].Node), j.h.ExtraOf(&j.h.Events[row.a]).ID, j.wireNode(j.h.Events[a].From),
		j.h.GroupName(j.h.Events[a].Group), j.lanName(lan), j.time(int(row.b)), j.h.ExtraOf(&j.h.Events[a]).ID, j.time(int(b))),
		int(row.a), int(row.b), int(a), int(b))
}
