package checkers

import "github.com/conform-go/conform/spec"

// Where views are told, a message concerns the members of the view in which it was sent. A member that somebody left
// behind when going from one view to another is not correct for the group from then on, until a later view has it again;
// unless more than half of the view left stayed together with it, and it is those that went who were cut off. Messages of
// senders that are in no view, and of groups without views, concern the members from before the send.

// findRemoved finds for each node and group the first event of the last view that left it behind, + 1; 0 if none did.
func (x *index) findRemoved(h *spec.History) {
	groups := len(h.Groups)
	x.removed = zeroed(x.removed, len(h.Nodes)*groups)
	x.member = zeroed(x.member, len(x.views)*len(h.Nodes))
	for v := range x.views {
		for _, n := range x.listed(h, uint32(v)) {
			if n >= 0 && int(n) < len(h.Nodes) {
				x.member[v*len(h.Nodes)+int(n)] = true
			}
		}
	}
	x.kept = zeroed(x.kept, len(x.views)*len(h.Nodes))
	x.went = zeroed(x.went, len(x.views)*len(h.Nodes))
	for k := range x.installs {
		if in := &x.installs[k]; in.prev != 0 {
			x.went[int(in.prev-1)*len(h.Nodes)+int(x.procs[in.proc].node)] = in.view + 1
		}
	}
	for k := range x.installs {
		if in := &x.installs[k]; in.prev != 0 {
			x.keepMajority(h, in.prev-1, func(n spec.NodeID) bool {
				to := x.went[int(in.prev-1)*len(h.Nodes)+int(n)]
				return x.member[int(in.view)*len(h.Nodes)+int(n)] && (to == 0 || to == in.view+1)
			})
		}
	}
	for v := range x.views { // who is in it still
		g := int(x.views[v].key.group)
		x.keepMajority(h, uint32(v), func(n spec.NodeID) bool { return x.nodeIn[int(n)*groups+g] == uint32(v)+1 })
	}
	for k := range x.installs {
		in := &x.installs[k]
		if in.prev == 0 {
			continue
		}
		v := in.prev - 1
		first := x.installs[x.views[in.view].first-1].event
		for _, n := range x.listed(h, v) {
			if n < 0 || int(n) >= len(h.Nodes) || x.member[int(in.view)*len(h.Nodes)+int(n)] || x.kept[int(v)*len(h.Nodes)+int(n)] {
				continue
			}
			at := &x.removed[int(n)*groups+int(x.views[v].key.group)]
			*at = max(*at, first+1)
		}
	}
}

// keepMajority notes that members of a view stay together, if they are more than half of it.
func (x *index) keepMajority(h *spec.History, v uint32, stays func(spec.NodeID) bool) {
	all, some := 0, 0
	for _, n := range x.listed(h, v) {
		if n >= 0 && int(n) < len(h.Nodes) {
			if all++; stays(n) {
				some++
			}
		}
	}
	if 2*some <= all {
		return
	}
	for _, n := range x.listed(h, v) {
		if n >= 0 && int(n) < len(h.Nodes) && stays(n) {
			x.kept[int(v)*len(h.Nodes)+int(n)] = true
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

// stays says whether a member owes anything in spite of the views, and since when: for what is sent by those in no view.
func (x *index) stays(o *ower, g int) bool {
	if !x.viewed || x.removed[int(o.node)*(len(x.owedBy)-1)+g] == 0 {
		return true
	}
	o.after = x.removed[int(o.node)*(len(x.owedBy)-1)+g]
	nodes := len(x.first) - 1
	for v := range x.views {
		w := &x.views[v]
		if int(w.key.group) == g && x.member[v*nodes+int(o.node)] && w.first != 0 && x.installs[w.first-1].event >= o.after {
			o.since = max(o.since, x.installs[w.first-1].event)
			return true
		}
	}
	return false
}

// viewSince gives the event with which a view was installed first; 0 for that of a header.
func (x *index) viewSince(v uint32) uint32 {
	if f := x.views[v].first; f != 0 {
		return x.installs[f-1].event
	}
	return 0
}

// owes says whether a member has to deliver a message.
func (x *index) owes(o ower, m uint32) bool {
	if x.viewed && x.sentIn[m] != 0 {
		v := x.sentIn[m] - 1
		return x.member[int(v)*(len(x.first)-1)+int(o.node)] && (o.after == 0 || x.viewSince(v) >= o.after) &&
			(o.joined == 0 || x.viewSince(v) > 0 || o.joined <= x.msgs[m].send)
	}
	return o.since <= x.msgs[m].send
}

// sound says whether the sender of a message is correct, for its group too: nobody has left it behind since.
func (j *Judge) sound(m uint32) bool {
	p := j.sender(m)
	if !j.faultless(p) {
		return false
	}
	return !j.viewed || j.sentIn[m] == 0 || !j.expelled(m, j.procs[p].node)
}

// expelled says whether a node was left behind since the view in which a message was sent.
func (x *index) expelled(m uint32, n spec.NodeID) bool {
	if !x.viewed || x.sentIn[m] == 0 {
		return false
	}
	at := x.removed[int(n)*(len(x.owedBy)-1)+x.group(m)]
	return at != 0 && x.viewSince(x.sentIn[m]-1) < at
}
