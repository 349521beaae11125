package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// An anycast group is one of whose members any may stand for all. Only runs in which groups are of this kind declare
// the metrics of routes to members, so that the checks of all others pass over this.
const noMetrics = "not observed: the header declares no metrics of anycast routes"

// anycast says whether the header declares metrics from every node to every node.
func (j *Judge) anycast() bool {
	t := j.h.Topology
	return t != nil && len(t.Metrics) > 0 && len(t.Metrics) == len(j.h.Nodes)*len(j.h.Nodes)
}

// anycastOne judges ANYCAST-ONE: at most one member delivers a message, and in a settled run exactly one. Nothing is
// owed where the one that was chosen may have gone: after a crash of a member, or if one left after the send.
func (j *Judge) anycastOne() spec.Finding {
	if !j.anycast() {
		return inconclusive(0, noMetrics)
	}
	n := 0
	groups := len(j.h.Groups)
	j.row = zeroed(j.row, 2*groups) // group: a member crashed; the event + 1 with which one left last
	crashed, left := j.row[:groups], j.row[groups:]
	j.queue = zeroed(j.queue, len(j.msgs)) // message: the node that delivered it first, + 1
	m := &j.live
	m.reset(j.h)
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch s.op() {
		case opMember:
			m.turn(e, i)
			if e.Kind == spec.Leave || e.Kind == spec.Left {
				left[e.Group] = uint32(i) + 1
			}
		case opCrash:
			for g := range crashed {
				if m.may[m.at(e.Node, spec.GroupID(g))] {
					crashed[g] = 1
				}
			}
		case opSend:
			if j.twoListen(e.Group) {
				n++
			}
		case opDeliver:
			first := j.queue[s.msg]
			if first == 0 {
				j.queue[s.msg] = uint32(e.Node) + 1
			} else if node := spec.NodeID(first - 1); node != e.Node {
				return j.secondOne(n, i, node)
			}
		}
	}
	return j.atLeastOne(n, crashed, left)
}

func (j *Judge) twoListen(g spec.GroupID) bool {
	k := 0
	for node := range j.h.Nodes {
		if j.live.may[j.live.at(spec.NodeID(node), g)] {
			k++
		}
	}
	return k >= 2
}

func (j *Judge) secondOne(n, i int, first spec.NodeID) spec.Finding {
	m := j.steps[i].msg
	k := i
	for k = range j.steps {
		if s := j.steps[k]; s.op() == opDeliver && s.msg == m && j.h.Events[k].Node == first {
			break
		}
	}
	return violated(n, j.delivered(i)+", which "+j.node(first)+" had delivered at "+j.time(k), int(j.msgs[m].send), k, i)
}

// atLeastOne judges the other half.
func (j *Judge) atLeastOne(n int, crashed, left []uint32) spec.Finding {
	d := debt{}
	for m := range j.msgs {
		if !j.judged(m) || j.queue[m] != 0 || !j.faultless(j.sender(uint32(m))) {
			continue
		}
		if g := j.group(uint32(m)); crashed[g] == 0 && left[g] <= j.msgs[m].send && j.owedBesides(uint32(m), -1) {
			d = debt{found: true, m: uint32(m)}
			break
		}
	}
	return j.settle(n, d, "vacuous: nothing was sent to a group of two or more members", (*Judge).noOne)
}

func (j *Judge) noOne(n int, d debt) spec.Finding {
	send := int(j.msgs[d.m].send)
	return violated(n, fmt.Sprintf("no member of group %s delivered %s, which %s, correct, sent at %s",
		j.h.GroupName(j.h.Events[send].Group), j.name(d.m), j.node(j.h.Events[send].Node), j.time(send)), send)
}

// anycastNearest judges ANYCAST-NEAREST: no member that was up all the time since the send, and for the declared bound
// before it, was nearer to the sender than the one that delivers. While something is broken nobody need know who is
// the nearest.
func (j *Judge) anycastNearest() spec.Finding {
	if !j.anycast() {
		return inconclusive(0, noMetrics)
	}
	bound, ok := j.h.Bounds[string(AnycastNearest)]
	if !ok {
		return inconclusive(0, noBound)
	}
	n := 0
	j.row = zeroed(j.row, len(j.h.Nodes)) // the event + 1 with which each came up or stood still last; never while it is down
	broken := uint32(0)                   // the event + 1 with which something broke or was healed last
	q := &j.net.quiet
	q.open = q.open[:0]
	m := &j.live
	m.reset(j.h)
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch e.Kind {
		case spec.Join, spec.Joined, spec.Leave, spec.Left:
			if s.op() == opMember {
				m.turn(e, i)
			}
		case spec.Crash, spec.Pause, spec.Recover, spec.Resume:
			j.rise(e, i)
		case spec.Fault, spec.Heal:
			q.turn(e, extraOf(j.h, e).ID)
			broken = uint32(i) + 1
		case spec.Deliver:
			since := spec.Time(0)
			if s.op() == opDeliver {
				since = j.h.Events[j.msgs[s.msg].send].T - spec.Time(bound)
			}
			if s.op() != opDeliver || len(q.open) > 0 || !j.before(broken, since) {
				continue
			}
			differ, nearer := j.compareNear(e.Node, s.msg, since)
			if differ {
				n++
			}
			if nearer >= 0 {
				return j.passedOver(n, i, nearer)
			}
		}
	}
	return held(n, "vacuous: no delivery where members are at different distances")
}

// before says whether an event (+ 1; 0: none) was before a time.
func (j *Judge) before(event uint32, t spec.Time) bool {
	return event == 0 || event != never && j.h.Events[event-1].T < t
}

func (j *Judge) rise(e *spec.Event, i int) {
	if !e.Is(spec.HasNode) || e.Node < 0 || int(e.Node) >= len(j.row) {
		return
	}
	j.row[e.Node] = uint32(i) + 1
	if e.Kind == spec.Crash || e.Kind == spec.Pause {
		j.row[e.Node] = never
	}
}

// compareNear compares the one that delivered with the other members that were there and up since this time: is
// one at another distance from the sender, and is one nearer? Without any, nearer is -1.
func (j *Judge) compareNear(by spec.NodeID, m uint32, since spec.Time) (differ bool, nearer spec.NodeID) {
	send := &j.h.Events[j.msgs[m].send]
	row := j.h.Topology.Metrics[int(send.Node)*len(j.h.Nodes):][:len(j.h.Nodes)]
	mine := row[by]
	nearer = -1
	for node, metric := range row {
		joined := j.live.since[j.live.at(spec.NodeID(node), send.Group)]
		if metric < 0 || joined == never || joined != 0 && !j.before(joined+1, since) || !j.before(j.row[node], since) {
			continue
		}
		if metric == mine {
			continue
		}
		differ = true
		if mine < 0 || metric < mine {
			nearer, mine = spec.NodeID(node), metric
		}
	}
	return differ, nearer
}

func (j *Judge) passedOver(n, i int, nearer spec.NodeID) spec.Finding {
	m := j.steps[i].msg
	send := int(j.msgs[m].send)
	row := j.h.Topology.Metrics[int(j.h.Events[send].Node)*len(j.h.Nodes):]
	return violated(n, fmt.Sprintf("%s, at distance %d from the sender; %s, a member that was up all the time, is at %d",
		j.delivered(i), row[j.h.Events[i].Node], j.node(nearer), row[nearer]), send, i)
}
