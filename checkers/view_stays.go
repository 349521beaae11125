package checkers

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/conform-go/conform/spec"
)

// followStays finds where the memberships of processes begin, and when each one was in which view first.
func (x *index) followStays(h *spec.History) {
	groups, nodes, procs := len(h.Groups), len(h.Nodes), len(x.procs)
	x.entry = zeroed(x.entry, procs*groups)
	x.leaving = zeroed(x.leaving, procs*groups)
	x.entered = zeroed(x.entered, len(x.views)*procs)
	for g := range groups {
		for _, n := range h.Groups[g].Members {
			if n >= 0 && int(n) < nodes {
				x.entered[g*procs+int(x.first[n])] = 1
			}
		}
	}
	x.staying = zeroed(x.staying, procs*groups)
	for k := range x.entered[:groups*procs] {
		x.staying[k%procs*groups+k/procs] = x.entered[k] != 0
	}
	at := 0
	for i, s := range x.steps {
		switch s.op() {
		case opMember:
			e := &h.Events[i]
			k := s.proc()*groups + int(e.Group)
			x.leaving[k] = e.Kind == spec.Leave
			if e.Kind == spec.Leave || e.Kind == spec.Left {
				x.staying[k], x.entry[k] = false, 0
			}
		case opRare:
			if at == len(x.installs) || x.installs[at].event != uint32(i) {
				continue
			}
			in := &x.installs[at]
			at++
			k := int(in.proc)*groups + int(x.views[in.view].key.group)
			if e := &x.entered[int(in.view)*procs+int(in.proc)]; *e == 0 {
				*e = uint32(i) + 2
			}
			if in.opens = !x.leaving[k] && (!x.staying[k] || in.state || x.leftBehind(in)); in.opens {
				x.staying[k], x.entry[k] = true, uint32(at)
			}
		}
	}
}

// leftBehind says whether others went on without a process before it installed a view: from the view in which it was, or
// from one after that which has it and which it never came to.
func (x *index) leftBehind(in *install) bool {
	if !x.removal || in.prev == 0 {
		return false
	}
	nodes, n := len(x.first)-1, int(x.procs[in.proc].node)
	from, to := &x.views[in.prev-1], &x.views[in.view]
	for u := range x.views {
		w := &x.views[u]
		between := w.key.group == to.key.group && w.first > from.first && w.first < to.first
		if x.parted[u*nodes+n] && (between || w == from) {
			return true
		}
	}
	return false
}

// giveState notes that a process was given a state in the view in which it is.
func (x *index) giveState(k int) {
	if since := x.since[k]; since != 0 {
		at, _ := slices.BinarySearchFunc(x.installs, since-1, func(in install, event uint32) int { return cmp.Compare(in.event, event) })
		x.installs[at].state = true
	}
}

// findOrphans finds the messages that stayed with those who were left behind.
func (x *index) findOrphans(h *spec.History) {
	if !x.removal {
		return
	}
	nodes := len(h.Nodes)
	x.orphans = zeroed(x.orphans, len(x.msgs))
	for m := range x.msgs {
		v := x.sentView(uint32(m))
		if v == 0 {
			continue
		}
		x.orphans[m] = x.parted[int(v-1)*nodes+int(x.procs[x.sender(uint32(m))].node)] && x.survivor(uint32(m)) < 0
	}
}

// survivor gives a process that delivered a message, and is a member of the view in which it was sent that was not left
// behind there; -1 if none.
func (x *index) survivor(m uint32) int {
	nodes := len(x.first) - 1
	from := int(x.sentView(m)-1) * nodes
	for i, b := range x.bitsOf(m) {
		for ; b != 0; b &= b - 1 {
			p := i<<3 + bits.TrailingZeros8(b)
			if k := from + int(x.procs[p].node); x.member[k] && !x.parted[k] {
				return p
			}
		}
	}
	return -1
}

// The walk along memberships: j.live has since when a process has been a member. Where views of the group are told, that
// is the installation with which its membership began.

// beginSpans starts it.
func (j *Judge) beginSpans() {
	j.live.reset(j.h)
	if j.viewed {
		j.cursor = 0
		j.moved = zeroed(j.moved, len(j.views)*len(j.procs))
	}
}

// turnSpans takes in event i. It says whether the membership of its process in a group ended or began by the views.
func (j *Judge) turnSpans(i int, s step) (g int, turned bool) {
	e := &j.h.Events[i]
	switch s.op() {
	case opMember:
		if !j.viewed || !j.tells[e.Group] {
			j.live.turn(e, i)
			return int(e.Group), true
		}
		if e.Kind == spec.Leave || e.Kind == spec.Left {
			j.live.span[j.live.at(e.Node, e.Group)] = never
			return int(e.Group), true
		}
	case opRecover:
		j.live.recover(e.Node, i)
		for g := range j.h.Groups {
			if j.viewed && j.tells[g] {
				j.live.span[j.live.at(e.Node, spec.GroupID(g))] = never
			}
		}
	case opRare:
		if !j.viewed || j.cursor == len(j.installs) || j.installs[j.cursor].event != uint32(i) {
			return 0, false
		}
		in := &j.installs[j.cursor]
		j.cursor++
		j.live.admit(j.h, e, i)
		if in.prev != 0 {
			j.moved[int(in.prev-1)*len(j.procs)+int(in.proc)] = true
		}
		if in.opens {
			j.live.span[j.live.at(e.Node, e.Group)] = uint32(i) + 1 // not 0, which is the start, also for the first event
			return int(e.Group), true
		}
	}
	return 0, false
}

// place gives what has to be greater than the begin of a membership, so that the message belongs to it: one more than the
// begin with that view in which the message was sent and in which the process was from then on, or else than the send; 0
// if the process is never in that view.
func (x *index) place(m uint32, p int) uint32 {
	if v := x.sentView(m); v != 0 {
		return x.entered[int(v-1)*len(x.procs)+p]
	}
	return x.msgs[m].send + 1
}

// concerns says whether a message is addressed to a process that is where the walk is.
func (j *Judge) concerns(p int, m uint32) bool {
	span := j.live.span[j.live.at(j.procs[p].node, spec.GroupID(j.group(m)))]
	at := j.place(m, p)
	return span != never && at > span && !j.isGone(m, p)
}

// isGone says whether a message stayed with those who were left behind in a view from which the process has gone on.
func (j *Judge) isGone(m uint32, p int) bool {
	return len(j.orphans) > 0 && j.orphans[m] && j.moved[int(j.sentView(m)-1)*len(j.procs)+p]
}

// inViews says whether views of a group are told, so that what concerns a process is no tail of a stream.
func (j *Judge) inViews(g int) bool { return j.viewed && j.tells[g] }

// skipTo moves next over what a process has delivered, or what does not concern it, until this place in the stream.
func (j *Judge) skipTo(next *uint32, p int, stream, seq uint32) {
	for *next < seq {
		m := j.inStreamAt(stream, *next)
		if !j.hasNow(m, p) && j.concerns(p, m) {
			return
		}
		*next++
	}
}

// listPlaces lists the messages that are owed to anybody, stream after stream, in memory of its own.
func (j *Judge) listPlaces() {
	j.placesAt = zeroed(j.placesAt, len(j.streams)+1)
	for c, n := range j.count {
		j.placesAt[c+1] = j.placesAt[c] + n
	}
	j.inPlaces = sized(j.inPlaces, int(j.placesAt[len(j.streams)]))
	for m := range j.msgs {
		if x := &j.msgs[m]; x.stream != oneToOne && x.seq != 0 {
			j.inPlaces[j.placesAt[x.stream]+x.seq-1] = uint32(m)
		}
	}
}

// inStreamAt gives a message by its place in its stream.
func (j *Judge) inStreamAt(stream, seq uint32) uint32 { return j.inPlaces[j.placesAt[stream]+seq-1] }

// survived adds to a witness a delivery of the missing message by one that was not left behind in its view, if its sender was:
// without that it would have stayed there.
func (j *Judge) survived(missing uint32, events ...int) []int {
	v := j.sentView(missing)
	if v == 0 || len(j.orphans) == 0 {
		return events
	}
	if !j.parted[int(v-1)*len(j.h.Nodes)+int(j.procs[j.sender(missing)].node)] {
		return events
	}
	if p := j.survivor(missing); p >= 0 {
		events = append(events, j.deliveryBy(missing, p))
	}
	return events
}
