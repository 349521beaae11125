package sim

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// restored writes down the state that an application was given when it came into a group: the messages that it contains.
func (w *World) restored(base spec.Event, e *impl.Effect) {
	ids, ok := impl.ReadMsgs(e.Body)
	if !ok {
		return // the state of another kind of application
	}
	base.Kind = spec.Restore
	w.extra(base, spec.Extra{Msgs: ids})
}

// membersOf gives the members that the answer to a query, or to a join, tells; nil where it tells none.
func membersOf(k spec.Kind, body []byte) []spec.NodeID {
	if k != spec.Answered && k != spec.Joined || len(body) == 0 {
		return nil
	}
	members, _ := impl.ReadMembers(body)
	return members
}
