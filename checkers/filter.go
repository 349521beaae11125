package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// What filters let through: network cards, sockets, and the time to live of packets.

// nicFilter judges NIC-FILTER: what was sent to one group is never delivered in another, however the filters of network
// cards collide (RFC 1112 section 6.4: 32 groups share an address). It bites when something is sent while another group
// has members.
func (j *Judge) nicFilter() spec.Finding {
	if j.h.Topology == nil {
		return inconclusive(0, noTopology)
	}
	n := 0
	m := &j.live
	m.reset(j.h)
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch s.op() {
		case opMember:
			m.turn(e, i)
		case opSend:
			if j.othersListen(e.Group) {
				n++
			}
		case opStray:
			k, ok := j.find(e.Msg)
			if !ok || j.msgs[k].stream == oneToOne || int(j.msgs[k].send) > i || j.group(k) == int(e.Group) {
				continue // a creation of another kind
			}
			send := int(j.msgs[k].send)
			return violated(n, fmt.Sprintf("%s in group %s, but it was sent at %s to group %s", j.delivered(i),
				j.h.GroupName(e.Group), j.time(send), j.h.GroupName(j.h.Events[send].Group)), send, i)
		}
	}
	return held(n, "vacuous: nothing was sent while another group had members")
}

// othersListen says whether a group other than this one has a member.
func (j *Judge) othersListen(g spec.GroupID) bool {
	for k, may := range j.live.may {
		if may && k%j.live.groups != int(g) {
			return true
		}
	}
	return false
}

// socketFilter judges SOCKET-FILTER: a node's sockets get only datagrams of the groups that the node joined (RFC 3376
// section 1: per-socket filters). It bites when the datagrams of one group come by a node that listens to another.
func (j *Judge) socketFilter() spec.Finding {
	if reason := j.network(); reason != "" {
		return inconclusive(0, reason)
	}
	n := 0
	m := &j.live
	m.reset(j.h)
	j.row = zeroed(j.row, len(j.h.Nodes)) // the groups that each listens to
	for k, may := range m.may {
		if may {
			j.row[k/m.groups]++
		}
	}
	for i := range j.h.Events {
		e := &j.h.Events[i]
		switch e.Kind {
		case spec.Join, spec.Joined, spec.Leave, spec.Left:
			if j.steps[i].op() == opMember {
				j.turnListener(e, i)
			}
		case spec.Frame:
			if x := extraOf(j.h, e); x.Op == "data" && inGroup(j.h, e) {
				n += j.bystanders(e, j.net.linkOf(x.Link))
			}
		case spec.Receive:
			if extraOf(j.h, e).Op == "data" && e.Is(spec.HasNode) && j.net.knows(e.Node) && inGroup(j.h, e) && !m.may[m.at(e.Node, e.Group)] {
				return j.overheard(n, i)
			}
		}
	}
	return held(n, "vacuous: no datagram came by a node that listened to another group only")
}

func (j *Judge) turnListener(e *spec.Event, i int) {
	k := j.live.at(e.Node, e.Group)
	before := j.live.may[k]
	j.live.turn(e, i)
	switch now := j.live.may[k]; {
	case now && !before:
		j.row[e.Node]++
	case before && !now:
		j.row[e.Node]--
	}
}

// bystanders counts the nodes on a link that listen to other groups than the frame's.
func (j *Judge) bystanders(e *spec.Event, link int32) (k int) {
	if link < 0 {
		return 0
	}
	for _, m := range j.net.wires[link].Nodes {
		if j.net.knows(m) && (!e.Is(spec.HasNode) || m != e.Node) && j.row[m] > 0 && !j.live.may[j.live.at(m, e.Group)] {
			k++
		}
	}
	return k
}

func (j *Judge) overheard(n, i int) spec.Finding {
	e := &j.h.Events[i]
	what := fmt.Sprintf("%s received a datagram of group %s at %s", j.machineName(e.Node), j.h.GroupName(e.Group), j.time(i))
	if left := j.lastLeft(e.Node, e.Group, i); left >= 0 {
		return violated(n, what+", which it had left at "+j.time(left), left, i)
	}
	return violated(n, what+", which it had not joined", i)
}

// ttlScope judges TTL-SCOPE: what is sent with a time to live of 1 stays on its link, and every router on the way takes
// one off (RFC 1112 section 6.1; RFC 791 section 3.2).
func (j *Judge) ttlScope() spec.Finding {
	if reason := j.network(); reason != "" {
		return inconclusive(0, reason)
	}
	if len(j.net.datagrams) == 0 {
		return inconclusive(0, noFrames)
	}
	j.rewind()
	n, told := 0, false
	for k := range j.net.datagrams {
		d := &j.net.datagrams[k]
		initial := extraOf(j.h, &j.h.Events[d.event]).TTL
		if initial == 0 || d.strange {
			continue // with how much it was sent is not told
		}
		told = true
		if initial == 1 {
			j.follow(d.event)
			if j.listensBeyond(&j.net.flows[d.flow]) {
				n++
			}
		}
		for i, s := range j.net.seen(k) {
			if s.link == none || s.via == none {
				continue
			}
			if text, in := j.outOfScope(k, i, initial); text != "" {
				return violated(n, text, int(d.event), in, int(s.event))
			}
		}
	}
	if !told {
		return inconclusive(0, "not observed: ttl")
	}
	return held(n, "vacuous: nothing was sent with a time to live of 1 while a member was farther away")
}

// listensBeyond says whether a member of the flow's group is on another segment.
func (j *Judge) listensBeyond(f *flow) bool {
	p := &j.net.paths
	for m := range j.net.role {
		if !j.live.may[j.live.at(spec.NodeID(m), f.group)] {
			continue
		}
		for _, l := range j.net.linksOf(spec.NodeID(m)) {
			if p.segment[l] != p.segment[f.link] {
				return true
			}
		}
	}
	return false
}

// outOfScope says what is wrong with the time to live of a frame that a router forwarded, and gives the frame that the
// router had received. Nothing is wrong if one of those on that link fits.
func (j *Judge) outOfScope(k, i, initial int) (text string, in int) {
	seen := j.net.seen(k)
	d := &j.net.datagrams[k]
	out := &j.h.Events[seen[i].event]
	ttl := extraOf(j.h, out).TTL
	in = int(d.event)
	had, found := 0, false
	for _, s := range seen[:i] {
		if s.link != seen[i].via || s.link < 0 {
			continue
		}
		had, found, in = extraOf(j.h, &j.h.Events[s.event]).TTL, true, int(s.event)
		if had == ttl+1 {
			break
		}
	}
	switch {
	case initial == 1:
	case ttl < 1:
	case !found || had == ttl+1:
		return "", 0
	}
	text = fmt.Sprintf("%s forwarded %s, to %s at %s with a time to live of %d; ", j.machineName(out.Node), j.origin(d),
		j.linkName(seen[i].link), j.time(int(seen[i].event)), ttl)
	if found {
		return text + fmt.Sprintf("it came in by %s with %d", j.linkName(seen[i].via), had), in
	}
	return text + fmt.Sprintf("it was sent with %d", initial), in
}
