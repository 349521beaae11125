package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// channelValidity judges CHANNEL-VALIDITY: what a correct process sends to a correct process is delivered there (CDK,
// validity of one-to-one communication; CGR11, reliable delivery of perfect links).
func (j *Judge) channelValidity() spec.Finding {
	n, lack := 0, -1
	for m := range j.msgs {
		if j.msgs[m].stream != oneToOne || j.msgs[m].seq == 0 {
			continue
		}
		e := &j.h.Events[j.msgs[m].send]
		if !j.faultless(int(j.first[e.Node])+int(e.Msg.Incarnation)) || !j.correct[e.To] {
			continue
		}
		n++
		if lack < 0 && !j.got(uint32(m), e.To) {
			lack = m
		}
	}
	switch {
	case lack < 0:
		return held(n, "vacuous: no correct process sent to one correct process")
	case !j.h.Settled:
		return inconclusive(n, notSettled)
	}
	send := int(j.msgs[lack].send)
	e := &j.h.Events[send]
	return violated(n, fmt.Sprintf("%s to %s alone, which is correct and never delivered it", j.sent(send), j.node(e.To)), send)
}

// channelIntegrity judges CHANNEL-INTEGRITY: a one-to-one message is delivered only by whom it was sent to, as coming
// from who sent it, identical, and once (CDK, integrity of one-to-one communication; CGR11, no duplication and no
// creation of perfect links).
func (j *Judge) channelIntegrity() spec.Finding {
	n := 0
	for i, s := range j.steps {
		o := s.op()
		if o != opGet && o != opGetAgain && o != opGetStray {
			continue
		}
		e := &j.h.Events[i]
		if o != opGetStray && j.marks[s.msg]&lied != 0 {
			continue
		}
		n++
		if o == opGetStray {
			return violated(n, j.delivered(i)+" one-to-one, which nobody had sent so", i)
		}
		send := int(j.msgs[s.msg].send)
		to := j.h.Events[send].To
		switch {
		case e.Node != to:
			return violated(n, fmt.Sprintf("%s, which was sent at %s to %s", j.delivered(i), j.time(send), j.node(to)), send, i)
		case e.Is(spec.HasFrom) && e.From != e.Msg.Sender:
			return violated(n, fmt.Sprintf("%s as a message from %s; %s sent it, at %s",
				j.delivered(i), j.node(e.From), j.node(e.Msg.Sender), j.time(send)), send, i)
		case o == opGetAgain && !e.Is(spec.IsRedelivered):
			k := j.deliveryBy(s.msg, s.proc())
			return violated(n, fmt.Sprintf("%s a second time; the first was at %s", j.delivered(i), j.time(k)), send, k, i)
		}
		if _, text := j.compareContent(i, send); text != "" {
			return violated(n, text, send, i)
		}
	}
	return held(n, "vacuous: nothing was delivered one-to-one")
}
