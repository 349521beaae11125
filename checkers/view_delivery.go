package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// sameViewDelivery judges SAME-VIEW-DELIVERY: all processes that deliver a message deliver it in the same view (CKV01,
// same view delivery). Deliveries out of a log, and those of processes that are in no view, are passed over. It counts
// the deliveries by another process than the first. Where deliveries name their views, these are judged too.
func (j *Judge) sameViewDelivery() spec.Finding {
	pairs, apart := j.namedApart()
	switch {
	case apart.Verdict == spec.Fail:
		return apart
	case !j.viewed && pairs > 0:
		return held(pairs, "")
	case !j.viewed:
		return inconclusive(0, noViews)
	}
	groups := len(j.h.Groups)
	j.queue = zeroed(j.queue, len(j.msgs)) // message: the first delivery in a view, + 1
	j.row = zeroed(j.row, len(j.msgs))     // message: in which
	j.beginStands(j.h)
	n := 0
	for i, s := range j.steps {
		if s.op() != opDeliver {
			j.turnStand(i, s)
			continue
		}
		v := j.stand[s.proc()*groups+j.group(s.msg)]
		if v == 0 || j.h.Events[i].Is(spec.IsRedelivered) {
			continue
		}
		if j.queue[s.msg] == 0 {
			j.queue[s.msg], j.row[s.msg] = uint32(i)+1, v
			continue
		}
		if n++; j.row[s.msg] != v {
			k := int(j.queue[s.msg] - 1)
			return violated(n, fmt.Sprintf("%s in %s, and %s in %s", j.delivered(k), j.viewName(j.row[s.msg]-1), j.delivered(i), j.viewName(v-1)),
				j.withViews(int(j.msgs[s.msg].send), k, i)...)
		}
	}
	return held(n, "vacuous: no message was delivered by two processes")
}

// withViews adds to the events of a witness those that put their processes where they were: the last installation before
// each, in the group.
func (j *Judge) withViews(events ...int) []int {
	for _, i := range events[:len(events):len(events)] {
		if at := j.installBefore(i); at >= 0 {
			events = append(events, int(j.installs[at].event))
		}
	}
	return events
}

// installBefore gives the last installation before an event by its process in its group; -1 without.
func (j *Judge) installBefore(i int) int {
	for at := len(j.installs) - 1; at >= 0; at-- {
		x := &j.installs[at]
		if int(x.event) < i && int(x.proc) == j.steps[i].proc() && j.views[x.view].key.group == j.h.Events[i].Group {
			return at
		}
	}
	return -1
}

// sendingViewDelivery judges SENDING-VIEW-DELIVERY: who delivers a message does so in the view in which it was sent (CKV01,
// sending view delivery). Messages of those that are in no view are passed over. It counts the deliveries of messages
// after which, or before which, somebody changed the view. A message that is delivered in two views is not delivered in
// the one that it was sent in, so that deliveries that name their views are judged as by SAME-VIEW-DELIVERY.
func (j *Judge) sendingViewDelivery() spec.Finding {
	if _, apart := j.namedApart(); apart.Verdict == spec.Fail {
		return apart
	}
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	groups := len(j.h.Groups)
	j.beginStands(j.h)
	n := 0
	for i, s := range j.steps {
		if s.op() != opDeliver {
			j.turnStand(i, s)
			continue
		}
		v, w := j.stand[s.proc()*groups+j.group(s.msg)], j.sentBy(s.msg, i)
		if v == 0 || w == 0 || j.h.Events[i].Is(spec.IsRedelivered) {
			continue
		}
		if n++; v != w {
			return j.inAnotherView(n, i, v-1, w-1)
		}
	}
	return held(n, nothingDelivered)
}

// sentBy gives the view + 1 in which a message counts as sent, for a delivery of it by event i.
func (j *Judge) sentBy(m uint32, i int) uint32 {
	if j.freed[m] > uint32(i) {
		return j.bornIn[m]
	}
	return j.sentIn[m]
}

func (j *Judge) inAnotherView(n, i int, v, w uint32) spec.Finding {
	m := j.steps[i].msg
	send := int(j.msgs[m].send)
	events := j.withViews(send, i)
	text := fmt.Sprintf("%s in %s; %s sent it at %s in %s", j.delivered(i), j.viewName(v), j.process(j.sender(m)), j.time(send), j.viewName(w))
	if f := j.freed[m]; f != 0 && f <= uint32(i) {
		events = append(events, j.waited(m)...)
		text = fmt.Sprintf("%s in %s; %s, which was blocked, sent it at %s, and could do so from %s on, in %s", j.delivered(i), j.viewName(v),
			j.process(j.sender(m)), j.time(send), j.time(int(f-1)), j.viewName(w))
	}
	return violated(n, text, events...)
}

// waited gives the events that show that a message had to wait: the block, the unblock, and the view then.
func (j *Judge) waited(m uint32) (events []int) {
	send := int(j.msgs[m].send)
	e := &j.h.Events[send]
	for i := send - 1; i >= 0; i-- {
		if b := &j.h.Events[i]; b.Kind == spec.Block && j.steps[i].op() == opRare && j.steps[i].proc() == j.sender(m) && (!b.Is(spec.HasGroup) || b.Group == e.Group) {
			events = append(events, i)
			break
		}
	}
	f := j.freed[m]
	if f == 0 || f == never {
		return events
	}
	for at := len(j.installs) - 1; at >= 0; at-- {
		x := &j.installs[at]
		if x.event < f && int(x.proc) == j.sender(m) && j.views[x.view].key.group == e.Group {
			events = append(events, int(x.event))
			break
		}
	}
	return append(events, int(f-1))
}

// flushBlock judges FLUSH-BLOCK: what is sent between block and unblock is refused or waits, so that nobody delivers it
// before its sender is unblocked; and nobody delivers a message in a later view than that in which it was sent (CKV01,
// sending view delivery, and the blocking that it needs). It counts sends while blocked, and view changes with a message
// on its way to who installs the view.
func (j *Judge) flushBlock() spec.Finding {
	if !j.viewed {
		return inconclusive(0, noViews)
	}
	groups := len(j.h.Groups)
	j.beginStands(j.h)
	n := 0
	for m := range j.msgs {
		if j.freed[m] != 0 {
			n++
		}
	}
	j.row = zeroed(j.row, len(j.views))            // view: messages sent in it so far
	j.queue = zeroed(j.queue, len(j.procs)*groups) // process × group: of these it has delivered in its view
	for i, s := range j.steps {
		switch s.op() {
		case opSend:
			if v := j.bornIn[s.msg]; v != 0 && j.freed[s.msg] == 0 && j.seqOf(s.msg) {
				j.row[v-1]++
			}
		case opDeliver:
			k := s.proc()*groups + j.group(s.msg)
			v, w := j.stand[k], j.sentIn[s.msg]
			if w == 0 || j.h.Events[i].Is(spec.IsRedelivered) {
				continue
			}
			if f := j.freed[s.msg]; f > uint32(i) {
				return j.slippedThrough(n, i)
			}
			if v != 0 && v != w && j.views[w-1].key.before(&j.views[v-1], w-1 < uint32(groups)) {
				return j.inAnotherView(n, i, v-1, w-1)
			}
			if v == w && j.freed[s.msg] == 0 && j.seqOf(s.msg) {
				j.queue[k]++
			}
		default:
			at, ok := j.turnStand(i, s)
			if !ok {
				continue
			}
			x := &j.installs[at]
			k := int(x.proc)*groups + int(j.views[x.view].key.group)
			if x.prev != 0 && j.row[x.prev-1] > j.queue[k] {
				n++
			}
			j.queue[k] = 0
		}
	}
	if j.blocks == 0 {
		return inconclusive(n, "not observed: block")
	}
	return held(n, "vacuous: nobody sent while blocked, and no message was on its way when a view was installed")
}

// seqOf says whether a message is owed to anybody.
func (j *Judge) seqOf(m uint32) bool { return j.msgs[m].seq != 0 }

// before says whether a view is earlier than another one of its group; that of a header is earlier than all.
func (k viewKey) before(v *view, header bool) bool {
	return v.first != 0 && (header || k.id.Compare(v.key.id) < 0)
}

func (j *Judge) slippedThrough(n, i int) spec.Finding {
	m := j.steps[i].msg
	send := int(j.msgs[m].send)
	events := append(j.waited(m), send, i)
	text := fmt.Sprintf("%s, which %s sent at %s while it was blocked", j.delivered(i), j.process(j.sender(m)), j.time(send))
	if f := j.freed[m]; f != never {
		text += ", until " + j.time(int(f-1))
	}
	return violated(n, text, append(events, j.withViews(send, i)...)...)
}
