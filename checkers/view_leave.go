package checkers

import (
	"fmt"

	"github.com/conform-go/conform/spec"
)

// noDeliveryAfterLeave judges NO-DELIVERY-AFTER-LEAVE: after a leave has returned, the node delivers nothing to the group
// until it calls join, or is admitted in another life that has forgotten the leave (this project's). It counts the leaves
// after which somebody else sent to the group, or that returned before the node had delivered all that others had sent
// since its join.
func (j *Judge) noDeliveryAfterLeave() spec.Finding {
	groups := len(j.h.Groups)
	j.row = zeroed(j.row, len(j.h.Nodes)*groups)     // node × group: the return of its leave, + 1; 0 while it is in, or never was
	j.queue = zeroed(j.queue, len(j.h.Nodes)*groups) // node × group: messages of others that it has not delivered
	j.bits = zeroed(j.bits, len(j.h.Nodes)*groups)   // node × group: this leave is counted
	j.live.reset(j.h)
	n, left := 0, false
	for i, s := range j.steps {
		e := &j.h.Events[i]
		switch s.op() {
		case opMember:
			j.live.turn(e, i)
			k := int(e.Node)*groups + int(e.Group)
			switch e.Kind {
			case spec.Left:
				left = true
				j.row[k], j.bits[k] = uint32(i)+1, 0
				if j.queue[k] > 0 {
					n++
					j.bits[k] = 1
				}
			case spec.Join, spec.Joined:
				if e.Kind == spec.Join || j.row[k] != 0 {
					j.queue[k] = 0
				}
				j.row[k] = 0
			}
		case opRecover:
			j.live.recover(e.Node, i)
		case opRare:
			if e.Kind == spec.ViewChange && j.live.admit(j.h, e, i) {
				k := int(e.Node)*groups + int(e.Group)
				j.row[k], j.queue[k] = 0, 0
			}
		case opSend:
			n += j.sentToLeavers(e)
		case opDeliver, opAgain:
			k := int(e.Node)*groups + int(e.Group)
			if at := j.row[k]; at != 0 {
				return violated(n, fmt.Sprintf("%s, of group %s; its leave had returned at %s", j.delivered(i), j.h.GroupName(e.Group), j.time(int(at-1))),
					int(j.msgs[s.msg].send), int(at-1), i)
			}
			if s.op() == opDeliver && e.Msg.Sender != e.Node && j.queue[k] > 0 {
				j.queue[k]--
			}
		}
	}
	if !left {
		return inconclusive(0, "not observed: left")
	}
	return held(n, "vacuous: nobody sent after a leave, or shortly before")
}

// sentToLeavers notes for all others that a message was sent, and says how many leaves count for that.
func (j *Judge) sentToLeavers(e *spec.Event) (n int) {
	for node := range j.h.Nodes {
		if spec.NodeID(node) == e.Node {
			continue
		}
		k := node*len(j.h.Groups) + int(e.Group)
		j.queue[k]++
		if j.row[k] != 0 && j.bits[k] == 0 {
			n++
			j.bits[k] = 1
		}
	}
	return n
}
