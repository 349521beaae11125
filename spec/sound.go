package spec

import (
	"fmt"
	"slices"
)

// Sound says what in a history no run can have: one id for two sends, a send under another node's name or under that of
// an earlier life, a crash of a node that is down, a recovery of one that is up, a send by one that is down, and a message
// both to a group and to one node. Judgements of such a recording would mean nothing. The error is a [*SyntaxError] with
// the line at which the event stands in a file.
func (h *History) Sound() error {
	down := make([]bool, len(h.Nodes))
	lives := make([]Incarnation, len(h.Nodes))
	sent := make(map[MsgID]int, len(h.Events)/4)
	for i := range h.Events {
		e := &h.Events[i]
		if reason := h.unsound(e, down, lives, sent); reason != "" {
			return &SyntaxError{Line: i + 2, Reason: reason}
		}
		if e.Kind == Send {
			sent[e.Msg] = i + 2
		}
		if e.Kind == Crash || e.Kind == Recover {
			down[e.Node] = e.Kind == Crash
		}
		if e.Kind == Recover {
			lives[e.Node]++
		}
	}
	return nil
}

func (h *History) unsound(e *Event, down []bool, lives []Incarnation, sent map[MsgID]int) string {
	has := e.Is(HasNode) && int(e.Node) < len(down)
	switch {
	case e.Is(HasTo|HasGroup) && (e.Kind == Send || e.Kind == Deliver):
		return fmt.Sprintf("%s of %s: want a group, or a node in \"to\", not both", e.Kind, h.MsgName(e.Msg))
	case !has:
		return ""
	case e.Kind == Send && e.Msg.Sender != e.Node:
		return fmt.Sprintf("node %s sends %s: want an id that begins with its own name", h.NodeName(e.Node), h.MsgName(e.Msg))
	case e.Kind == Send && e.Msg.Incarnation < lives[e.Node] && !slices.Contains(h.Byzantine, e.Node):
		return fmt.Sprintf("node %s sends %s in incarnation %d: want an id of the life that sends", h.NodeName(e.Node), h.MsgName(e.Msg), lives[e.Node])
	case e.Kind == Send && sent[e.Msg] > 0:
		return fmt.Sprintf("%s is sent a second time: line %d has it; want one id a message", h.MsgName(e.Msg), sent[e.Msg])
	case e.Kind == Send && down[e.Node]:
		return fmt.Sprintf("node %s sends %s after its crash: want a recover in between", h.NodeName(e.Node), h.MsgName(e.Msg))
	case e.Kind == Crash && down[e.Node]:
		return fmt.Sprintf("node %s crashes a second time: want a recover in between", h.NodeName(e.Node))
	case e.Kind == Recover && !down[e.Node]:
		return fmt.Sprintf("node %s recovers and was not down: want a crash before", h.NodeName(e.Node))
	}
	return ""
}
