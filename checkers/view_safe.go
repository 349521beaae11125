package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// safeDelivery judges SAFE-DELIVERY: when a process delivers a message as safe, every member of its view delivers it too,
// unless it crashes or leaves; and where receptions of messages are recorded, every member had received it by then, or had
// crashed (CKV01, safe messages; EVS94, safe delivery). From a transitional set on until the view that it belongs to, its
// members take the place of the view's. Without views the members are those of the header. It counts the safe deliveries
// in which somebody else is concerned.
func (j *Judge) safeDelivery() spec.Finding {
	groups := len(j.h.Groups)
	safe, received := j.beginSafe()
	switch {
	case !safe:
		return inconclusive(0, "not observed: safe")
	case tooLarge(len(j.msgs), len(j.h.Nodes)) || tooLarge(len(j.procs), groups):
		return broken()
	}
	n, d := 0, debt{}
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch {
		case s.op() == opRecover:
			j.row[e.Node] = uint32(s.proc())
		case s.op() == opRare && e.Kind == spec.ViewChange && inGroup(j.h, e):
			j.last[s.proc()*groups+int(e.Group)] = uint32(i) + 1
		case s.op() == opMember && e.Kind == spec.Left:
			j.last[s.proc()*groups+int(e.Group)] = 0
		case e.Kind == spec.Receive && received:
			if m, ok := j.reception(e); ok {
				j.noted[int(m)*len(j.h.Nodes)+int(e.Node)] = 1
			}
		}
		if s.op() != opDeliver {
			continue
		}
		j.noted[int(s.msg)*len(j.h.Nodes)+int(e.Node)] = 1
		if !e.Is(spec.IsSafe) {
			continue
		}
		others := false
		for _, q := range j.safeAmong(s.proc(), e.Group) {
			if q < 0 || int(q) >= len(j.h.Nodes) || q == e.Node || j.lies(q) {
				continue
			}
			others = true
			crash := j.procs[j.row[q]].crash
			if received && crash > uint32(i) && j.noted[int(s.msg)*len(j.h.Nodes)+int(q)] == 0 {
				return j.safeTooEarly(n+1, i, q)
			}
			if !d.found && crash == never && !j.takesLeave(j.last[s.proc()*groups+int(e.Group)], q, e.Group) && !j.got(s.msg, q) {
				d = debt{found: true, m: s.msg, by: q, event: i}
			}
		}
		if others {
			n++
		}
	}
	return j.settle(n, d, "vacuous: nobody delivered anything as safe with others in its view", (*Judge).notSafe)
}

// beginSafe says whether anything is delivered as safe, and whether receptions of messages are recorded. In j.row stands
// the present process of each node, in j.last the last view event + 1 of each process and group, in j.next the last
// leave + 1 of each node and group, in j.noted which node has received which message.
func (j *Judge) beginSafe() (safe, received bool) {
	groups := len(j.h.Groups)
	for i := range j.h.Events {
		e := &j.h.Events[i]
		safe = safe || e.Is(spec.IsSafe) && j.steps[i].op() == opDeliver
		if !received && e.Kind == spec.Receive {
			_, received = j.reception(e)
		}
	}
	if !safe {
		return safe, received
	}
	j.row = append(j.row[:0], j.first[:len(j.h.Nodes)]...)
	j.last = zeroed(j.last, len(j.procs)*groups)
	j.next = zeroed(j.next, len(j.h.Nodes)*groups)
	j.noted = zeroed(j.noted, len(j.msgs)*len(j.h.Nodes))
	for i, s := range j.steps {
		if e := &j.h.Events[i]; s.op() == opMember && (e.Kind == spec.Leave || e.Kind == spec.Left) {
			j.next[int(e.Node)*groups+int(e.Group)] = uint32(i) + 1
		}
	}
	return safe, received
}

// reception gives the message of which a node received a packet, if that is told.
func (j *Judge) reception(e *spec.Event) (uint32, bool) {
	if !e.Is(spec.HasNode|spec.HasMsg) || e.Node < 0 || int(e.Node) >= len(j.h.Nodes) || j.lies(e.Node) {
		return 0, false
	}
	m, ok := j.find(e.Msg)
	return m, ok && j.msgs[m].stream != oneToOne
}

// safeAmong gives those whom a safe delivery by a process concerns now.
func (j *Judge) safeAmong(p int, g spec.GroupID) []spec.NodeID {
	if i := j.last[p*len(j.h.Groups)+int(g)]; i != 0 {
		return extraOf(j.h, &j.h.Events[i-1]).Members
	}
	return j.h.Groups[g].Members
}

// takesLeave says whether a node leaves a group after the view event + 1 of a safe delivery, or had left it for good.
func (j *Judge) takesLeave(event uint32, q spec.NodeID, g spec.GroupID) bool {
	at := j.next[int(q)*len(j.h.Groups)+int(g)]
	return at > event || at != 0 && j.final.since[j.final.at(q, g)] == never
}

// viewEvent adds the view event before an event by the same process in the group.
func (j *Judge) viewEvent(i int, events ...int) []int {
	for k := i - 1; k >= 0; k-- {
		if e := &j.h.Events[k]; e.Kind == spec.ViewChange && j.steps[k].op() == opRare && j.steps[k].proc() == j.steps[i].proc() && e.Group == j.h.Events[i].Group {
			return append(events, k)
		}
	}
	return events
}

func (j *Judge) safeTooEarly(n, i int, q spec.NodeID) spec.Finding {
	send := int(j.msgs[j.steps[i].msg].send)
	text := fmt.Sprintf("%s as safe, when %s, a member of its view, had not received it", j.delivered(i), j.node(q))
	events := j.viewEvent(i, send, i)
	for k := range j.h.Events {
		if e := &j.h.Events[k]; e.Kind == spec.Receive {
			if m, ok := j.reception(e); ok && (e.Node != q || e.Msg != j.h.Events[i].Msg) { // shows that receptions are recorded
				return violated(n, text, append(events, k, int(j.msgs[m].send))...)
			}
			if _, ok := j.reception(e); ok && k > i {
				return violated(n, text+" until "+j.time(k), append(events, k)...)
			}
		}
	}
	return violated(n, text, events...)
}

func (j *Judge) notSafe(n int, d debt) spec.Finding {
	return violated(n, fmt.Sprintf("%s never delivered %s, but %s as safe, with %s in its view", j.node(d.by), j.name(d.m), j.delivered(d.event), j.node(d.by)),
		j.viewEvent(d.event, int(j.msgs[d.m].send), d.event)...)
}
