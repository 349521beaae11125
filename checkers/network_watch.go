package checkers

import "github.com/conform-go/conform/spec"

// watch collects, in the order of observation, where datagrams were seen, and what changes who is a member, who is
// up, or what is broken.
func (n *network) watch(h *spec.History) {
	n.raw, n.rawIDs = n.raw[:0], n.rawIDs[:0]
	n.changes = n.changes[:0]
	n.datagrams, n.flows = n.datagrams[:0], n.flows[:0]
	n.flowOf = zeroed(n.flowOf, len(h.Nodes)*len(h.Groups))
	n.ids.reset()
	election, elects := n.elections(h)
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Frame:
			x := extraOf(h, e)
			switch {
			case x.Op == "data":
				n.frame(h, e, x, i)
			case elects && settles(x.Op) && n.elects(h, e, x, election):
				n.changes = append(n.changes, uint32(i))
			}
		case spec.Receive:
			if x := extraOf(h, e); x.Op == "data" && e.Is(spec.HasNode) && n.knows(e.Node) && told(e, x) {
				n.raw = append(n.raw, sighting{event: uint32(i), link: none, via: none})
				n.rawIDs = append(n.rawIDs, x.ID)
			}
		case spec.Join, spec.Joined, spec.Leave, spec.Left:
			if e.Is(spec.HasNode) && n.knows(e.Node) && inGroup(h, e) {
				n.changes = append(n.changes, uint32(i))
			}
		case spec.Crash, spec.Recover, spec.Pause, spec.Resume:
			if e.Is(spec.HasNode) && n.knows(e.Node) {
				n.changes = append(n.changes, uint32(i))
			}
		case spec.Fault, spec.Heal:
			n.changes = append(n.changes, uint32(i))
		}
	}
}

// told says whether an event has the number of its datagram.
func told(e *spec.Event, x *spec.Extra) bool { return e.Is(spec.HasID) || x.ID != 0 }

// frame takes in a frame that carries a group's datagram; the first one makes the datagram known.
func (n *network) frame(h *spec.History, e *spec.Event, x *spec.Extra, i int) {
	if !e.Is(spec.HasNode|spec.HasGroup|spec.HasFrom) || !told(e, x) || !n.knows(e.Node) || !n.knows(e.From) || !inGroup(h, e) {
		return
	}
	s := sighting{event: uint32(i), link: n.linkOf(x.Link), via: n.linkOf(x.Via)}
	if s.link == none {
		s.link = unplugged
	}
	k, ok := n.ids.find(x.ID)
	if !ok {
		k = uint32(len(n.datagrams))
		n.ids.enter(x.ID, k)
		n.datagrams = append(n.datagrams, datagram{
			id: x.ID, event: uint32(i), last: e.T, flow: n.flowFor(h, e, s.link, i),
			strange: e.Node != e.From || s.link < 0 || s.via != none || !n.isOn(e.Node, s.link),
		})
	}
	d := &n.datagrams[k]
	d.last = max(d.last, e.T)
	d.copied = d.copied || x.Reason == "duplicate"
	n.raw = append(n.raw, s)
	n.rawIDs = append(n.rawIDs, x.ID)
}

// flowFor gives the flow of a datagram that begins with this frame.
func (n *network) flowFor(h *spec.History, e *spec.Event, link int32, i int) uint32 {
	at := &n.flowOf[int(e.From)*len(h.Groups)+int(e.Group)]
	for f := *at; f != 0; f = n.flows[f-1].older {
		if n.flows[f-1].link == link {
			return f - 1
		}
	}
	n.flows = append(n.flows, flow{source: e.From, group: e.Group, link: link, older: *at, event: uint32(i)})
	*at = uint32(len(n.flows))
	return *at - 1
}

// settles says whether by such a message routers agree which of them forward to a link.
func settles(op string) bool { return op == "pim-assert" || op == "pim-prune" }

// elections prepares for asserts and prunes. In dense mode the routers of a LAN forget who won an election (RFC 3973
// section 4.6.4, AT expires), and prunes end (section 4.4.2, PT expires); then several of them forward a packet to one
// link, and find out again. In sparse mode packets come by two trees while a router changes from the shared tree to the
// source's (RFC 7761 section 4.2.2). So an assert or prune where there was none for nearly as long as prunes last begins
// an election, and while one is held copies are allowed. A LAN on which the election has no end gets no such pardon.
func (n *network) elections(h *spec.History) (rest spec.Time, held bool) {
	b, ok := h.Bounds["PIM-ASSERT"]
	if !ok {
		b = h.Bounds[string(RouteReach)]
	}
	n.vote, rest = spec.Time(b), spec.Time(b)
	if hold, ok := h.Bounds["PIM-PRUNE"]; ok {
		rest = spec.Time(hold) / 5 * 4
	}
	n.asserts = zeroed(n.asserts, constituencies(h)*len(n.wires))
	return rest, h.Topology.Routing != ""
}

// The routers elect for each source and group; what names no source is about all that send to the group.
func constituencies(h *spec.History) int { return (len(h.Nodes) + 1) * len(h.Groups) }

func constituency(h *spec.History, e *spec.Event) int {
	if !e.Is(spec.HasFrom) || e.From < 0 || int(e.From) >= len(h.Nodes) {
		return int(e.Group)
	}
	return (int(e.From)+1)*len(h.Groups) + int(e.Group)
}

func (f *flow) constituency(h *spec.History) int {
	return (int(f.source)+1)*len(h.Groups) + int(f.group)
}

func (n *network) elects(h *spec.History, e *spec.Event, x *spec.Extra, rest spec.Time) bool {
	l := n.linkOf(x.Link)
	if l < 0 || !inGroup(h, e) {
		return false
	}
	last := &n.asserts[constituency(h, e)*len(n.wires)+int(l)]
	began := *last == 0 || int64(e.T)-(*last-1) > int64(rest)
	*last = max(*last, int64(e.T)+1)
	return began
}

// sort puts the sightings of each datagram side by side.
func (n *network) sort() {
	n.count = zeroed(n.count, len(n.datagrams)+1)
	for _, id := range n.rawIDs {
		if k, ok := n.ids.find(id); ok {
			n.count[k+1]++
		}
	}
	for k := range n.datagrams {
		n.datagrams[k].from = n.count[k]
		n.count[k+1] += n.count[k]
	}
	n.sightings = sized(n.sightings, int(n.count[len(n.datagrams)]))
	for i, id := range n.rawIDs {
		if k, ok := n.ids.find(id); ok {
			n.sightings[n.count[k]] = n.raw[i]
			n.count[k]++
		}
	}
}

// seen gives the frames and receptions of a datagram in the order of observation.
func (n *network) seen(k int) []sighting {
	end := len(n.sightings)
	if k+1 < len(n.datagrams) {
		end = int(n.datagrams[k+1].from)
	}
	return n.sightings[n.datagrams[k].from:end]
}
