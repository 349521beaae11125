package membership_test

import (
	"fmt"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// lookAtBarriers holds a history against the readings of barriers that divide messages, view by view, by brute force: in
// a view what a process sent before its sync is delivered before what it sent after it, with nothing left out; and where cuts
// are meant and a barrier is noted at two who are in a view, each message is on the same side at both, and barriers have one order.
func lookAtBarriers(s *faults.Scenario, h *spec.History, cuts bool) (wrong []string) {
	type stay struct {
		node spec.NodeID
		life uint32
		view spec.ViewID
	}
	type call struct {
		view spec.ViewID
		n    int // of its caller's syncs
	}
	at, inc, calls := make([]spec.ViewID, s.Nodes), make([]uint32, s.Nodes), make([]int, s.Nodes)
	sent := map[spec.MsgID]call{}
	refused := map[spec.MsgID]bool{}
	items := map[stay][]string{}
	messages := map[stay][]spec.MsgID{}
	var stays []stay
	for i := range h.Events {
		e := &h.Events[i]
		n := e.Node
		switch e.Kind {
		case spec.Recover:
			inc[n]++
			at[n] = spec.ViewID{}
		case spec.ViewChange:
			at[n] = h.ExtraOf(e).View
			stays = append(stays, stay{n, inc[n], at[n]})
		case spec.Send:
			sent[e.Msg] = call{at[n], calls[n]}
		case spec.Refuse:
			refused[e.Msg] = true
		case spec.Sync:
			calls[n]++
		case spec.Deliver:
			k := stay{n, inc[n], at[n]}
			messages[k] = append(messages[k], e.Msg)
			items[k] = append(items[k], e.Msg.String())
		case spec.Note:
			if h.ExtraOf(e).Op == spec.OpBarrier {
				k := stay{n, inc[n], at[n]}
				items[k] = append(items[k], "sync "+e.Msg.String())
			}
		}
	}
	for _, k := range stays {
		for i, m := range messages[k] {
			for b, x := range sent {
				if b.Sender == m.Sender && b.Incarnation == m.Incarnation && x.view == sent[m].view && x.n < sent[m].n && x.view == k.view &&
					!refused[b] && !slices.Contains(messages[k][:i], b) {
					wrong = append(wrong, fmt.Sprintf("SYNC-BARRIER: %d delivers %v without %v before it, which was sent before a sync", k.node, m, b))
				}
			}
		}
	}
	for i, p := range stays {
		for _, q := range stays[:i] {
			if !cuts || p.view != q.view {
				continue
			}
			for a, x := range items[p] {
				for c, y := range items[p] {
					barrier := len(x) > 5 && x[:5] == "sync "
					u, v := slices.Index(items[q], x), slices.Index(items[q], y)
					if barrier && u >= 0 && v >= 0 && (a < c) != (u < v) {
						wrong = append(wrong, fmt.Sprintf("SYNC-CUT: in view %v %s and %s come one way at %d, the other at %d", p.view, x, y, p.node, q.node))
					}
				}
			}
		}
	}
	return wrong
}

// lookAtReturns says where a sync returned before all that was sent before it had been delivered by those who are
// members all the time.
func lookAtReturns(s *faults.Scenario, h *spec.History, through []bool) (wrong []string) {
	type call struct{ node, id uint64 }
	called, returned := map[call]int{}, []int{}
	sent := map[spec.MsgID]int{}
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case spec.Sync:
			called[call{uint64(e.Node), h.ExtraOf(e).ID}] = i
		case spec.Synced:
			if through[e.Node] {
				returned = append(returned, called[call{uint64(e.Node), h.ExtraOf(e).Of}])
			}
		case spec.Send:
			sent[e.Msg] = i
		case spec.Deliver:
			for _, c := range returned {
				if through[e.Node] && sent[e.Msg] < c {
					wrong = append(wrong, fmt.Sprintf("SYNC-BLOCKING: %d delivers %v after a sync has returned that was called behind it", e.Node, e.Msg))
				}
			}
		}
	}
	return wrong
}
