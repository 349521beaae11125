package checkers

import "github.com/conform-go/conform/spec"

// Views are rebuilt from the events of their installation. A process is in the view that it installed last, until it
// installs another or its leave returns. Who is a member from the start is in the view of the header until it installs
// one; who came back, or joined, is in none. So every group has a view without an id, that of its header.
//
// A view event marked transitional installs nothing: it tells the members that come along to the next view that the
// process installs (EVS94, transitional configuration; CKV01, transitional set).
//
// What is sent between block and unblock either is refused or waits. It is sent when the sender is unblocked, in the view
// in which the sender is then.

// viewKey names a view.
type viewKey struct {
	group spec.GroupID
	id    spec.ViewID
}

// view is a membership that was installed, or that of a header.
type view struct {
	key   viewKey
	first uint32 // its first installation + 1; 0 for that of a header
}

// install is the installation of a view by a process.
type install struct {
	event uint32
	proc  uint32
	view  uint32
	prev  uint32 // the view + 1 in which the process was before; 0 without
	heir  uint32 // the same for the node, where a crash ends nothing
	begun uint32 // the event + 1 with which the process had installed that; 0 if it had not
	set   uint32 // its transitional set + 1, by place in transits; 0 without
	state bool   // it was given a state with it, and comes in without a past
	opens bool   // a membership of the process begins with it: see followStays
}

// transit is a transitional set that a process was told.
type transit struct{ event uint32 }

// viewIndex is what the history tells of views. Nothing of it is built where no view is installed.
type viewIndex struct {
	viewed   bool
	named    bool   // somebody delivered with the name of a view
	tells    []bool // group: views of it are installed
	viewOf   map[viewKey]uint32
	views    []view // first those of the headers, by group
	installs []install
	transits []transit
	bornIn   []uint32 // message: the view + 1 in which its sender was when it called send; 0 without
	sentIn   []uint32 // message: the same when it was sent: after it had waited
	freed    []uint32 // message: the event + 1 that ended its waiting; never if none did; 0 if it did not wait
	blocks   int      // events with which a process was blocked

	stand   []uint32 // process × group: the view + 1 in which it is, as replayed
	nodeIn  []uint32 // node × group: the same for the node, where a crash ends nothing
	since   []uint32 // process × group: the event + 1 with which it installed that
	coming  []uint32 // process × group: the transitional set + 1 of the view that comes
	blocked []bool   // process × group
	waiting []uint32 // process × group: the last message + 1 that waits
	behind  []uint32 // message: the one + 1 that waits before it
	removed []uint32 // node × group: since when it is not in the views of those that went on; see findRemoved
	removal bool     // somebody was removed
	member  []bool   // view × node
	went    []uint32 // view × node: the view + 1 to which it went from there; 0 to none
	kept    []bool   // view × node: it stayed with most of the view
	parted  []bool   // view × node: it was left behind in it
	meets   []uint32 // view: the view + 1 from which somebody came to it; never if they came from several
	entered []uint32 // view × process: its first installation + 2; 1 for the view of a header from the start; 0 if it never is in that view
	entry   []uint32 // process × group: the installation + 1 with which its membership at the end began; 0 in no view
	leaving []bool   // process × group: it has called leave
	staying []bool   // process × group: it is a member by its views
	orphans []bool   // message: who sent it was left behind in its view, and so were all that delivered it; empty if nobody was
	cursor  int      // the next installation of a replay
}

// isInstall says whether event i installs a view of a group.
func (x *index) isInstall(h *spec.History, i int) bool {
	e := &h.Events[i]
	return x.steps[i].op() == opRare && e.Kind == spec.ViewChange && e.Is(spec.HasView) && inGroup(h, e) && !e.Is(spec.IsTransitional)
}

// readViews finds all views, who installed them, and in which each message was sent.
func (x *index) readViews(h *spec.History) {
	x.viewed, x.named, x.removal, x.orphans = false, false, false, x.orphans[:0]
	x.tells = zeroed(x.tells, len(h.Groups))
	for i := range h.Events {
		if h.Events[i].Kind == spec.ViewChange && x.isInstall(h, i) {
			x.viewed = true
			x.tells[h.Events[i].Group] = true
		}
		x.named = x.named || h.Events[i].Kind == spec.Deliver && h.Events[i].Is(spec.HasView)
	}
	if !x.viewed || tooLarge(len(x.procs), len(h.Groups)) {
		x.viewed = false
		return
	}
	groups := len(h.Groups)
	if x.viewOf == nil {
		x.viewOf = make(map[viewKey]uint32)
	}
	clear(x.viewOf)
	x.views, x.installs, x.transits, x.blocks = x.views[:0], x.installs[:0], x.transits[:0], 0
	for g := range groups {
		x.views = append(x.views, view{key: viewKey{group: spec.GroupID(g)}})
	}
	x.bornIn, x.sentIn = zeroed(x.bornIn, len(x.msgs)), zeroed(x.sentIn, len(x.msgs))
	x.freed, x.behind = zeroed(x.freed, len(x.msgs)), zeroed(x.behind, len(x.msgs))
	n := len(x.procs) * groups
	x.coming, x.blocked, x.waiting = zeroed(x.coming, n), zeroed(x.blocked, n), zeroed(x.waiting, n)
	x.nodeIn = zeroed(x.nodeIn, len(h.Nodes)*groups)
	x.since = zeroed(x.since, n)
	x.beginStands(h)
	for node := range h.Nodes {
		copy(x.nodeIn[node*groups:(node+1)*groups], x.stand[int(x.first[node])*groups:])
	}
	for i, s := range x.steps {
		switch s.op() {
		case opSend:
			x.sendInView(s, groups)
		case opMember:
			if e := &h.Events[i]; e.Kind == spec.Left {
				k := s.proc()*groups + int(e.Group)
				x.stand[k], x.since[k], x.coming[k], x.blocked[k], x.waiting[k] = 0, 0, 0, false, 0
				x.nodeIn[int(e.Node)*groups+int(e.Group)] = 0
			}
		case opRare:
			x.readView(h, i)
			if e := &h.Events[i]; e.Kind == spec.Restore && inGroup(h, e) {
				x.giveState(s.proc()*groups + int(e.Group))
			}
		}
	}
	x.findRemoved(h)
	x.followStays(h)
	x.findOrphans(h)
}

// beginStands puts the members from the start into the views of the headers.
func (x *index) beginStands(h *spec.History) {
	groups := len(h.Groups)
	x.cursor = 0
	x.stand = zeroed(x.stand, len(x.procs)*groups)
	for g := range h.Groups {
		for _, n := range h.Groups[g].Members {
			if n >= 0 && int(n) < len(h.Nodes) {
				x.stand[int(x.first[n])*groups+g] = uint32(g) + 1
			}
		}
	}
}

func (x *index) sendInView(s step, groups int) {
	k := s.proc()*groups + x.group(s.msg)
	x.bornIn[s.msg], x.sentIn[s.msg] = x.stand[k], x.stand[k]
	if x.blocked[k] {
		x.freed[s.msg] = never
		x.behind[s.msg], x.waiting[k] = x.waiting[k], s.msg+1
	}
}

// readView takes in an event of a view, a block or an unblock.
func (x *index) readView(h *spec.History, i int) {
	e, p := &h.Events[i], x.steps[i].proc()
	switch e.Kind {
	case spec.Block, spec.Unblock:
		if e.Kind == spec.Block {
			x.blocks++
		}
		for g := range h.Groups {
			if !e.Is(spec.HasGroup) || e.Group == spec.GroupID(g) {
				x.turnBlock(p*len(h.Groups)+g, e.Kind == spec.Block, i)
			}
		}
	case spec.ViewChange:
		if !inGroup(h, e) {
			return
		}
		k := p*len(h.Groups) + int(e.Group)
		if e.Is(spec.IsTransitional) {
			x.transits = append(x.transits, transit{event: uint32(i)})
			x.coming[k] = uint32(len(x.transits))
			return
		}
		if x.isInstall(h, i) {
			x.installView(h, i, k)
		}
	}
}

func (x *index) turnBlock(k int, on bool, i int) {
	x.blocked[k] = on
	if on {
		return
	}
	for m := x.waiting[k]; m != 0; m = x.behind[m-1] {
		x.sentIn[m-1], x.freed[m-1] = x.stand[k], uint32(i)+1
	}
	x.waiting[k] = 0
}

func (x *index) installView(h *spec.History, i, k int) {
	e := &h.Events[i]
	key := viewKey{group: e.Group, id: extraOf(h, e).View}
	v, known := x.viewOf[key]
	if !known {
		v = uint32(len(x.views))
		x.viewOf[key] = v
		x.views = append(x.views, view{key: key, first: uint32(len(x.installs)) + 1})
	}
	node := int(e.Node)*len(h.Groups) + int(e.Group)
	x.installs = append(x.installs, install{event: uint32(i), proc: uint32(x.steps[i].proc()), view: v,
		prev: x.stand[k], heir: x.nodeIn[node], begun: x.since[k], set: x.coming[k]})
	x.stand[k], x.nodeIn[node], x.since[k], x.coming[k] = v+1, v+1, uint32(i)+1, 0
}

// turnStand replays event i: who is in which view.
func (j *Judge) turnStand(i int, s step) (at int, installed bool) {
	switch s.op() {
	case opMember:
		if e := &j.h.Events[i]; e.Kind == spec.Left {
			j.stand[s.proc()*len(j.h.Groups)+int(e.Group)] = 0
		}
	case opRare:
		if at = j.cursor; at < len(j.installs) && j.installs[at].event == uint32(i) {
			x := &j.installs[at]
			j.stand[int(x.proc)*len(j.h.Groups)+int(j.views[x.view].key.group)] = x.view + 1
			j.cursor++
			return at, true
		}
	}
	return 0, false
}

// membersOf gives the members of a view, as its first installer was told them.
func (j *Judge) membersOf(v uint32) []spec.NodeID {
	x := &j.views[v]
	if x.first == 0 {
		return j.h.Groups[x.key.group].Members
	}
	return j.listOf(int(x.first - 1))
}

// listOf gives the members of a view as this installation has them.
func (j *Judge) listOf(at int) []spec.NodeID {
	return extraOf(j.h, &j.h.Events[j.installs[at].event]).Members
}

// transitOf gives the members of a transitional set.
func (j *Judge) transitOf(x *install) []spec.NodeID {
	return extraOf(j.h, &j.h.Events[j.transits[x.set-1].event]).Members
}

const noViews = "not observed: view"

// viewName names a view in a sentence.
func (j *Judge) viewName(v uint32) string {
	if j.views[v].first == 0 {
		return "the view of the start"
	}
	return "view " + j.views[v].key.id.String()
}

// installed says who installed which view, and when.
func (j *Judge) installed(at int) string {
	x := &j.installs[at]
	return j.process(int(x.proc)) + " installed " + j.viewName(x.view) + " at " + j.time(int(x.event))
}

// nodes lists nodes in a sentence.
func (j *Judge) nodes(list []spec.NodeID) string {
	s := "{"
	for i, n := range list {
		if i > 0 {
			s += ", "
		}
		s += j.h.NodeName(n)
	}
	return s + "}"
}
