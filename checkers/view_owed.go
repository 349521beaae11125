package checkers

import "github.com/conform-go/conform/spec"

// Where views of a group are told, a message concerns the members of the view in which it was sent. A member that somebody
// left behind when going from one view to another is not correct for the group from then on, until a later view has it
// again: it died, or it was cut off and others went on without it. As long as it is outside it owes nothing, nothing is
// owed to it, and what it delivers or sends there counts only where a requirement speaks of any process.
//
// Who comes back goes on from the view of its last life. In a group with a primary component it is always the others who went on. Where all parts of a group go on, those are
// not left behind that stayed together as more than half of the view; those were cut off that went. Both parts of an even
// split are.
//
// A membership in a group with views begins with the first view that a process installs, and ends when it calls leave,
// when its life ends, and when it installs a view after it was left behind in the one before, or is given a state in it. Who came back is a new
// member, and so is who joins: nothing of the views before is owed. Messages of senders that are in no view concern the
// members from before the send, and so do all those of groups without views.

// findRemoved finds for each node and group the first event of the last view that left it behind, + 1; 0 if none did.
func (x *index) findRemoved(h *spec.History) {
	groups, nodes := len(h.Groups), len(h.Nodes)
	x.removed = zeroed(x.removed, nodes*groups)
	x.member = zeroed(x.member, len(x.views)*nodes)
	for v := range x.views {
		for _, n := range x.listed(h, uint32(v)) {
			if n >= 0 && int(n) < nodes {
				x.member[v*nodes+int(n)] = true
			}
		}
	}
	x.findMajorities(h)
	x.parted = zeroed(x.parted, len(x.views)*nodes)
	for k := range x.installs {
		in := &x.installs[k]
		if in.heir == 0 {
			continue
		}
		v := in.heir - 1
		first := x.viewSince(in.view)
		for _, n := range x.listed(h, v) {
			if n < 0 || int(n) >= nodes || x.member[int(in.view)*nodes+int(n)] || x.kept[int(v)*nodes+int(n)] {
				continue
			}
			x.parted[int(v)*nodes+int(n)], x.removal = true, true
			at := &x.removed[int(n)*groups+int(x.views[v].key.group)]
			*at = max(*at, first+1)
		}
	}
}

// findMajorities finds those that went from a view to another together, as more than half of it. To a view where some
// came from elsewhere, the others may have gone by a way on which these were left behind.
func (x *index) findMajorities(h *spec.History) {
	nodes := len(h.Nodes)
	x.kept = zeroed(x.kept, len(x.views)*nodes)
	x.went = zeroed(x.went, len(x.views)*nodes)
	x.meets = zeroed(x.meets, len(x.views))
	for k := range x.installs {
		in := &x.installs[k]
		if in.heir == 0 {
			continue
		}
		x.went[int(in.heir-1)*nodes+int(x.procs[in.proc].node)] = in.view + 1
		if from := &x.meets[in.view]; *from != 0 && *from != in.heir {
			*from = never
		} else {
			*from = in.heir
		}
	}
	for k := range x.installs {
		if in := &x.installs[k]; in.heir != 0 && x.meets[in.view] == in.heir {
			x.keepMajority(h, in.heir-1, in.view)
		}
	}
}

// keepMajority notes that members of a view go to the next together, if they are more than half of it.
func (x *index) keepMajority(h *spec.History, v, next uint32) {
	nodes := len(h.Nodes)
	goes := func(n spec.NodeID) bool {
		to := x.went[int(v)*nodes+int(n)]
		return x.member[int(next)*nodes+int(n)] && (to == 0 || to == next+1)
	}
	all, some := 0, 0
	for _, n := range x.listed(h, v) {
		if n >= 0 && int(n) < nodes {
			if all++; goes(n) {
				some++
			}
		}
	}
	if 2*some <= all {
		return
	}
	for _, n := range x.listed(h, v) {
		if n >= 0 && int(n) < nodes && goes(n) {
			x.kept[int(v)*nodes+int(n)] = true
		}
	}
}

// listed gives the members of a view, as its first installer was told them.
func (x *index) listed(h *spec.History, v uint32) []spec.NodeID {
	w := &x.views[v]
	if w.first == 0 {
		return h.Groups[w.key.group].Members
	}
	return extraOf(h, &h.Events[x.installs[w.first-1].event]).Members
}

// viewSince gives the event with which a view was installed first; 0 for that of a header.
func (x *index) viewSince(v uint32) uint32 {
	if f := x.views[v].first; f != 0 {
		return x.installs[f-1].event
	}
	return 0
}

// sentView gives the view + 1 in which a message was sent, where views of its group are told; 0 without.
func (x *index) sentView(m uint32) uint32 {
	if !x.viewed || x.msgs[m].stream == oneToOne || x.marks[m]&lied != 0 || !x.tells[x.group(m)] {
		return 0
	}
	return x.sentIn[m]
}

// fitViews finds out what a correct member at the end owes by the views.
func (x *index) fitViews(o *ower, g int) {
	if !x.viewed || !x.tells[g] {
		return
	}
	groups, nodes := len(x.owedBy)-1, len(x.first)-1
	p := x.now[o.node]
	if at := x.entry[int(p)*groups+g]; at != 0 {
		in := &x.installs[at-1]
		o.since, o.after = max(o.since, in.event), x.viewSince(in.view)
	} else if p != x.first[o.node] {
		o.out = true // no view has admitted this life
		return
	} else if !x.staying[int(p)*groups+g] {
		o.strict = true
	}
	removed := x.removed[int(o.node)*groups+g]
	if removed == 0 {
		return
	}
	o.after = max(o.after, removed)
	for v := range x.views {
		w := &x.views[v]
		if int(w.key.group) == g && w.first != 0 && x.member[v*nodes+int(o.node)] && x.viewSince(uint32(v)) >= removed {
			o.since = max(o.since, x.viewSince(uint32(v)))
			return
		}
	}
	o.out = true
}

// owes says whether a member has to deliver a message.
func (x *index) owes(o *ower, m uint32) bool {
	if o.out {
		return false
	}
	if v := x.sentView(m); v != 0 {
		return x.member[int(v-1)*(len(x.first)-1)+int(o.node)] && x.viewSince(v-1) >= o.after && (!o.strict || o.since <= x.msgs[m].send)
	}
	return o.since <= x.msgs[m].send
}

// sound says whether the sender of a message is correct, for its group too: nobody has left it behind since.
func (j *Judge) sound(m uint32) bool {
	p := j.sender(m)
	return j.faultless(p) && !j.expelled(m, j.procs[p].node)
}

// expelled says whether a node was left behind since the view in which a message was sent.
func (x *index) expelled(m uint32, n spec.NodeID) bool {
	if !x.viewed || !x.removal {
		return false
	}
	v := x.sentView(m)
	if v == 0 {
		return false
	}
	at := x.removed[int(n)*(len(x.owedBy)-1)+x.group(m)]
	return at != 0 && x.viewSince(v-1) < at
}

// readJust finds the deliveries of those that are correct, for the group of the message too.
func (x *index) readJust(h *spec.History) {
	if x.just = x.just[:0]; !x.viewed || !x.removal {
		return
	}
	x.just = sized(x.just, len(x.had))
	copy(x.just, x.had)
	for m := range x.msgs {
		if x.msgs[m].stream == oneToOne {
			continue
		}
		row := x.just[m*x.stride : (m+1)*x.stride]
		for p := range x.procs {
			if row[p>>3]&(1<<(p&7)) != 0 && (!x.correct[x.procs[p].node] || x.expelled(uint32(m), x.procs[p].node)) {
				row[p>>3] &^= 1 << (p & 7)
			}
		}
	}
}

// justOf gives which correct processes delivered a message, and were not removed from its group afterwards: a bit a process
// where the mask of the correct ones has one.
func (x *index) justOf(m uint32) []uint8 {
	if len(x.just) > 0 {
		return x.just[int(m)*x.stride : (int(m)+1)*x.stride]
	}
	return x.bitsOf(m)
}
