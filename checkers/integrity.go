package checkers

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/spec"
)

// noCreation judges NO-CREATION: what is delivered was sent before, to this group, by the sender that its id names
// (HT94, integrity; CGR11, no creation).
func (j *Judge) noCreation() spec.Finding {
	n := 0
	for i, s := range j.steps {
		switch s.op() {
		case opDeliver, opAgain:
			n++
		case opStray:
			return j.created(i, n+1)
		}
	}
	return held(n, nothingDelivered)
}

// created tells which kind of creation a stray delivery is: sent elsewhere, sent later, or never.
func (j *Judge) created(i, n int) spec.Finding {
	e := &j.h.Events[i]
	what := j.delivered(i)
	for k := range j.steps {
		o := j.steps[k].op()
		if o != opSend && o != opPass || j.h.Events[k].Msg != e.Msg {
			continue
		}
		switch {
		case k > i:
			return violated(n, what+" before it was sent, at "+j.time(k), i, k)
		case o == opPass:
			return violated(n, what+fmt.Sprintf(" to group %s, but it was sent at %s to %s alone",
				j.h.GroupName(e.Group), j.time(k), j.node(j.h.Events[k].To)), k, i)
		}
		return violated(n, what+fmt.Sprintf(" to group %s, but it was sent at %s to group %s",
			j.h.GroupName(e.Group), j.time(k), j.h.GroupName(j.h.Events[k].Group)), k, i)
	}
	return violated(n, what+", which nobody ever sent", i)
}

// noDuplication judges NO-DUPLICATION: a process delivers a message at most once (HT94, integrity; CGR11, no
// duplication). A delivery marked redelivered is exempt: after a recovery the layer can't know better.
func (j *Judge) noDuplication() spec.Finding {
	n := 0
	for i, s := range j.steps {
		o := s.op()
		if o != opDeliver && o != opAgain || j.h.Events[i].Is(spec.IsRedelivered) {
			continue
		}
		n++
		if o == opAgain {
			k := j.deliveryBy(s.msg, s.proc())
			return violated(n, fmt.Sprintf("%s a second time; the first was at %s", j.delivered(i), j.time(k)),
				int(j.msgs[s.msg].send), k, i)
		}
	}
	return held(n, nothingDelivered)
}

// contentIntegrity judges CONTENT-INTEGRITY: digest and length delivered are those sent (HT94, integrity; CDK,
// integrity).
func (j *Judge) contentIntegrity() spec.Finding {
	n, any := 0, false
	for i, s := range j.steps {
		if o := s.op(); o != opDeliver && o != opAgain {
			continue
		}
		any = true
		judged, text := j.compareContent(i, int(j.msgs[s.msg].send))
		if judged {
			n++
		}
		if text != "" {
			return violated(n, text, int(j.msgs[s.msg].send), i)
		}
	}
	if any {
		return held(n, "not observed: sum")
	}
	return held(n, nothingDelivered)
}

// compareContent compares what was delivered with what was sent, as far as both were recorded.
func (j *Judge) compareContent(i, send int) (judged bool, text string) {
	d, e := &j.h.Events[i], &j.h.Events[send]
	if j.lies(e.Msg.Sender) {
		return false, "" // it may have sent more than it says
	}
	both := d.Has & e.Has
	if both&spec.HasSum != 0 && d.Sum != e.Sum {
		text = fmt.Sprintf("%s with digest %s; it was sent at %s with digest %s",
			j.delivered(i), j.h.SumText(d.Sum), j.time(send), j.h.SumText(e.Sum))
	} else if both&spec.HasLen != 0 && d.Len != e.Len {
		text = fmt.Sprintf("%s with %d bytes; it was sent at %s with %d", j.delivered(i), d.Len, j.time(send), e.Len)
	}
	return both&(spec.HasSum|spec.HasLen) != 0, text
}

// senderIntegrity judges SENDER-INTEGRITY: the sender that the application is told is the one who sent (HT94,
// integrity: sender(m)).
func (j *Judge) senderIntegrity() spec.Finding {
	n, any := 0, false
	for i, s := range j.steps {
		if o := s.op(); o != opDeliver && o != opAgain {
			continue
		}
		any = true
		e := &j.h.Events[i]
		if !e.Is(spec.HasFrom) {
			continue
		}
		n++
		if e.From != e.Msg.Sender {
			send := int(j.msgs[s.msg].send)
			return violated(n, fmt.Sprintf("%s as a message from %s; %s sent it, at %s",
				j.delivered(i), j.node(e.From), j.node(e.Msg.Sender), j.time(send)), send, i)
		}
	}
	if any {
		return held(n, "not observed: from")
	}
	return held(n, nothingDelivered)
}

// destinationIntegrity judges DESTINATION-INTEGRITY: only a process that has joined the group and has not left it
// delivers its messages, at that moment (CDK, integrity: p belongs to group(m)).
func (j *Judge) destinationIntegrity() spec.Finding {
	n := 0
	m := &j.live
	m.reset(j.h)
	for i, s := range j.steps {
		switch s.op() {
		case opMember:
			m.turn(&j.h.Events[i], i)
		case opRecover:
			m.recover(j.h.Events[i].Node, i)
		case opRare:
			if e := &j.h.Events[i]; e.Kind == spec.ViewChange {
				m.admit(j.h, e, i)
			}
		case opDeliver, opAgain:
			n++
			if e := &j.h.Events[i]; !m.may[m.at(e.Node, e.Group)] {
				return j.noMember(i, n, int(j.msgs[s.msg].send))
			}
		}
	}
	return held(n, nothingDelivered)
}

func (j *Judge) noMember(i, n, send int) spec.Finding {
	e := &j.h.Events[i]
	left := j.lastLeft(e.Node, e.Group, i)
	if left < 0 {
		return violated(n, fmt.Sprintf("%s, of group %s, which it had not joined", j.delivered(i), j.h.GroupName(e.Group)), send, i)
	}
	return violated(n, fmt.Sprintf("%s, of group %s, which it had left at %s",
		j.delivered(i), j.h.GroupName(e.Group), j.time(left)), send, left, i)
}

// lastLeft is the event before i with which the node's last leave of the group returned; -1 without.
func (j *Judge) lastLeft(n spec.NodeID, g spec.GroupID, i int) int {
	for i--; i >= 0; i-- {
		if e := &j.h.Events[i]; j.steps[i].op() == opMember && e.Kind == spec.Left && e.Node == n && e.Group == g {
			return i
		}
	}
	return -1
}

// closedGroup judges CLOSED-GROUP: a send to a closed group by a process that is no member is refused, and delivered
// nowhere (CDK, closed groups). That it is refused may take a while; one whose sender crashed needs no answer.
func (j *Judge) closedGroup() spec.Finding {
	n, open := 0, -1
	for m, mark := range j.marks {
		if mark&outsider == 0 {
			continue
		}
		n++
		if mark&(refused|lied) == 0 && open < 0 && j.procs[j.sender(uint32(m))].crash == never {
			open = m
		}
	}
	if n == 0 {
		return inconclusive(0, "vacuous: nobody outside a closed group sent to it")
	}
	for i, s := range j.steps {
		if s.op() == opDeliver && j.marks[s.msg]&outsider != 0 {
			return j.trespass(n, s.msg, j.delivered(i), i)
		}
	}
	if open < 0 {
		return held(n, "")
	}
	if !j.h.Settled {
		return inconclusive(n, notSettled)
	}
	return j.trespass(n, uint32(open), "nobody refused "+j.h.MsgName(j.h.Events[j.msgs[open].send].Msg))
}

// noResurrection judges NO-RESURRECTION where messages are refused: a refusal is definite, so that what was refused is
// delivered by nobody, not before it and not after.
func (j *Judge) noResurrection() spec.Finding {
	n := 0
	for _, mark := range j.marks {
		if mark&refused != 0 {
			n++
		}
	}
	if n == 0 {
		return inconclusive(0, "vacuous: nothing was refused")
	}
	for i, s := range j.steps {
		if o := s.op(); o != opDeliver && o != opGet || j.marks[s.msg]&refused == 0 {
			continue
		}
		no := slices.IndexFunc(j.steps, func(r step) bool { return r.op() == opRefuse && r.msg == s.msg })
		return violated(n, j.delivered(i)+", which was refused at "+j.time(no), int(j.msgs[s.msg].send), no, i)
	}
	return held(n, "")
}

// trespass names the member that the sender was not.
func (j *Judge) trespass(n int, m uint32, what string, events ...int) spec.Finding {
	send := int(j.msgs[m].send)
	e := &j.h.Events[send]
	if left := j.lastLeft(e.Node, e.Group, send); left >= 0 {
		events = append(events, left)
	}
	return violated(n, fmt.Sprintf("%s, which %s sent at %s to the closed group %s without being a member",
		what, j.node(e.Node), j.time(send), j.h.GroupName(e.Group)), append(events, send)...)
}
