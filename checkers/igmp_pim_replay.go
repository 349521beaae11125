package checkers

import "github.com/conform-go/conform/spec"

// wireReplay is the state of the network while a check walks the steps. Events are told by their places in the
// history; never is none.
type wireReplay struct {
	members
	up    []uint32 // node: up and awake since; never if not
	down  []bool   // node: crashed
	joins []uint32 // node × group: the call of its last join, if it was no member then

	reports [3][]uint32 // version - 1: LAN × group: how many of hosts that speak it were put on it
	latest  [3][]uint32 // version - 1: LAN × group: the last one of these
	said    []uint32    // node × group: how many it put on any LAN
	report  []uint32    // LAN × group: the last one, of whatever version
	rival   []uint32    // LAN × group: the last report of another node than that one
	told    []uint32    // node: the last general query that came to it in its present life
	query   []uint32    // LAN: the last general query
	asked   []uint32    // LAN × group: the last query for the group

	parts     []uint16 // LAN: the first LAN that routers connect it to
	partsOf   uint32   // valid as of this event
	rerouted  uint32   // when a router last crashed or recovered
	pending   []wirePending
	firstOpen int // in pending
}

// wirePending is an instance that is judged at its deadline.
type wirePending struct {
	deadline spec.Time
	event    uint32 // what it is about
	call     uint32 // the call before a return; or another event
	other    uint32 // another event
	count    uint32 // of what was there before
	lan      uint16
}

func (w *wireIndex) restart(h *spec.History) {
	w.members.reset(h)
	n, g := len(h.Nodes), len(h.Groups)
	w.up, w.down = zeroed(w.up, n), zeroed(w.down, n)
	w.joins = nevers(w.joins, n*g)
	for v := range w.reports {
		w.reports[v], w.latest[v] = zeroed(w.reports[v], w.lans*g), nevers(w.latest[v], w.lans*g)
	}
	w.said, w.told = zeroed(w.said, n*g), nevers(w.told, n)
	w.report, w.asked = nevers(w.report, w.lans*g), nevers(w.asked, w.lans*g)
	w.query, w.rival = nevers(w.query, w.lans), nevers(w.rival, w.lans*g)
	w.parts, w.partsOf, w.rerouted = sized(w.parts, w.lans), never, 0
	w.pending, w.firstOpen = w.pending[:0], 0
}

func nevers(s []uint32, n int) []uint32 {
	s = sized(s, n)
	for i := range s {
		s[i] = never
	}
	return s
}

// step takes in what happened; a check that wants to know how things were before looks before.
func (w *wireIndex) step(h *spec.History, s wireStep) {
	e := &h.Events[s.event]
	switch s.op {
	case wireMember:
		k := w.at(e.Node, e.Group)
		if e.Kind == spec.Join {
			if w.joins[k] = s.event; w.may[k] {
				w.joins[k] = never
			}
		}
		if e.Kind == spec.Joined {
			w.joins[k] = never
		}
		w.turn(e, int(s.event))
	case wireCrash:
		w.up[e.Node], w.down[e.Node], w.told[e.Node] = never, true, never
	case wireRecover:
		w.up[e.Node], w.down[e.Node] = s.event, false
	case wirePause:
		w.up[e.Node] = never
	case wireResume:
		if !w.down[e.Node] {
			w.up[e.Node] = s.event
		}
	case wireReport:
		w.listen(h, e, s)
	case wireHeardQuery:
		if !inGroup(h, e) {
			w.told[e.Node] = s.event
		}
	case wireQuery:
		if inGroup(h, e) {
			w.asked[int(s.lan)*w.groups+int(e.Group)] = s.event
		} else {
			w.query[s.lan] = s.event
		}
	}
	if (s.op == wireCrash || s.op == wireRecover) && w.roles[e.Node]&isRouter != 0 {
		w.rerouted = s.event
	}
}

// listen takes in a report.
func (w *wireIndex) listen(h *spec.History, e *spec.Event, s wireStep) {
	from, to := w.concerns(h, e)
	v := max(h.Topology.Speaks(e.Node), 1) - 1
	for g := from; g < to; g++ {
		at := int(s.lan)*w.groups + g
		w.said[int(e.Node)*w.groups+g]++
		w.reports[v][at]++
		if r := w.report[at]; r != never && h.Events[r].Node != e.Node {
			w.rival[at] = r
		}
		w.latest[v][at], w.report[at] = s.event, s.event
	}
}

// understood gives how often a group was reported on a LAN so that a host of a version understands it, and the last
// such report: hosts know the reports of their version and of older ones (RFC 2236 section 3).
func (w *wireIndex) understood(lan uint16, g spec.GroupID, version int) (n, last uint32) {
	last = never
	at := int(lan)*w.groups + int(g)
	for v := range min(version, len(w.reports)) {
		n += w.reports[v][at]
		if r := w.latest[v][at]; r != never && (last == never || r > last) {
			last = r
		}
	}
	return n, last
}

// settled says whether a node speaks the version of the routers, if they know less than it: it has heard one in its
// present life (RFC 3376 section 7.2.1). Those that are up from the start have.
func (w *wireIndex) settled(t *spec.Topology, n spec.NodeID) bool {
	return w.up[n] == 0 || w.told[n] != never || int(n) >= len(t.Versions) || t.Versions[n] <= t.IGMP
}

// concerns gives the groups from … to - 1 that a message concerns: all where it names none of the history, as a general
// query does, or a report of several groups.
func (w *wireIndex) concerns(h *spec.History, e *spec.Event) (from, to int) {
	if inGroup(h, e) {
		return int(e.Group), int(e.Group) + 1
	}
	return 0, w.groups
}

// upSince says whether a node is up, and has been since an event.
func (w *wireIndex) upSince(n spec.NodeID, event uint32) bool { return w.up[n] <= event }

// steady says whether a node is up, and was up and awake since the bound before a call, or the start.
func (j *Judge) steady(n spec.NodeID, call uint32, bound spec.Time) bool {
	up := j.ip.up[n]
	return up == 0 || up <= call && j.h.Events[up].T <= j.h.Events[call].T-bound
}

// memberSince says whether a node is a member, and has been since an event. Whether it is one again after it crashed or
// stood still is not known.
func (w *wireIndex) memberSince(n spec.NodeID, g spec.GroupID, event uint32) bool {
	since := w.since[w.at(n, g)]
	return since <= event && since >= w.up[n]
}

// listener finds a host on the LAN that may be a member of the group and has not crashed.
func (w *wireIndex) listener(lan uint16, g spec.GroupID) bool {
	for _, n := range w.hostsOn(lan) {
		if w.may[w.at(n, g)] && !w.down[n] {
			return true
		}
	}
	return false
}

// expect appends an instance; deadlines must not go back.
func (w *wireIndex) expect(p wirePending) { w.pending = append(w.pending, p) }

// due gives the next instance whose deadline is over before a time.
func (w *wireIndex) due(t spec.Time) (p wirePending, ok bool) {
	if w.firstOpen == len(w.pending) || w.pending[w.firstOpen].deadline >= t {
		return p, false
	}
	p = w.pending[w.firstOpen]
	if w.firstOpen++; w.firstOpen == len(w.pending) {
		w.pending, w.firstOpen = w.pending[:0], 0
	}
	return p, true
}

// replayed walks the steps: look sees each before it is taken in, and judge each expected instance once its deadline is
// over. Either ends the walk by false. Instances whose deadline comes after the end of the record are passed over,
// unless the record is all that there was.
func (j *Judge) replayed(all bool, look func(wireStep, *spec.Event) bool, judge func(wirePending) bool) {
	w := &j.ip
	for _, s := range w.steps {
		e := &j.h.Events[s.event]
		for p, ok := w.due(e.T); ok; p, ok = w.due(e.T) {
			if !judge(p) {
				return
			}
		}
		if !look(s, e) {
			return
		}
		w.step(j.h, s)
	}
	end := w.end + 1
	if all {
		end = forever
	}
	for p, ok := w.due(end); ok; p, ok = w.due(end) {
		if !judge(p) {
			return
		}
	}
}

// connected says whether routers that are up connect two LANs.
func (w *wireIndex) connected(a, b uint16) bool {
	if w.partsOf != w.rerouted {
		w.partsOf = w.rerouted
		w.connect()
	}
	return w.parts[a] == w.parts[b]
}

func (w *wireIndex) connect() {
	for lan := range w.parts {
		w.parts[lan] = uint16(lan)
	}
	for changed := true; changed; {
		changed = false
		for i := 1; i < len(w.routes); i++ {
			p, q := w.ports[w.routes[i-1]], w.ports[w.routes[i]]
			if p.router != q.router || w.down[p.router] || w.parts[p.lan] == w.parts[q.lan] {
				continue
			}
			low := min(w.parts[p.lan], w.parts[q.lan])
			w.parts[p.lan], w.parts[q.lan], changed = low, low, true
		}
	}
}
