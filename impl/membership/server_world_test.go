package membership_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/checkers"
	"github.com/conform-go/conform/checkers/linear"
	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// serverKinds says what a drawn scenario may have.
type serverKinds struct {
	crashes, recoveries, cuts, creates, loss bool
	server                                   bool // also the server crashes, and comes back
	dies                                     bool // … or does not
	stays                                    bool // node 1 neither leaves nor crashes
	at                                       spec.NodeID
}

// drawServer draws a scenario of three to five nodes, some of which are outside at first, with joins, leaves and queries.
func drawServer(seed uint64, k serverKinds) *faults.Scenario {
	r := spec.NewRand(seed, 0x5e)
	s := &faults.Scenario{Nodes: 3 + r.IntN(3), Seed: seed, Net: faults.DefaultNet}
	configured := max(2, s.Nodes-r.IntN(3))
	g := faults.Group{Name: "g", Closed: true}
	for n := range spec.NodeID(configured) {
		g.Members = append(g.Members, n)
	}
	s.Groups = []faults.Group{g}
	node := func() spec.NodeID { return spec.NodeID(r.IntN(s.Nodes)) }
	goes := func() spec.NodeID {
		n := node()
		for n == 1 && k.stays {
			n = node()
		}
		return n
	}
	add := func(at spec.Time, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: at}, Action: a})
	}
	for range 8 + r.IntN(20) {
		add(spec.Time(r.IntN(2600))*ms, faults.Action{Op: faults.Send, Node: node(), To: -1, Size: 16})
	}
	for n := configured; n < s.Nodes; n++ {
		at := 1 + r.IntN(900)
		add(spec.Time(at)*ms, faults.Action{Op: faults.Join, Node: spec.NodeID(n)})
		if r.Chance(.4) { // a member hears of it late, and sends meanwhile
			m := node()
			for p := range spec.NodeID(s.Nodes) {
				if p != m {
					add(spec.Time(at-1)*ms, faults.Action{Op: faults.Delay, Node: p, Peer: m, By: 60 * time.Millisecond, For: 200 * time.Millisecond})
				}
			}
			for i := range 4 {
				add(spec.Time(at+12*i+r.IntN(12))*ms, faults.Action{Op: faults.Send, Node: m, To: -1, Size: 16})
			}
		}
	}
	for range 1 + r.IntN(4) {
		n, at := goes(), r.IntN(1000)
		add(spec.Time(at)*ms, faults.Action{Op: faults.Leave, Node: n})
		for range 3 {
			add(spec.Time(at+r.IntN(25))*ms, faults.Action{Op: faults.Send, Node: node(), To: -1, Size: 16})
		}
		if r.Chance(.3) {
			add(spec.Time(at)*ms, faults.Action{Op: faults.Delay, Node: node(), Peer: node(), By: 60 * time.Millisecond, For: 200 * time.Millisecond})
		}
		if r.Chance(.5) {
			add(spec.Time(at+1+r.IntN(900))*ms, faults.Action{Op: faults.Join, Node: n})
		}
		add(spec.Time(at+r.IntN(900))*ms, faults.Action{Op: faults.Query, Node: node()})
		add(spec.Time(at+r.IntN(60))*ms, faults.Action{Op: faults.Query, Node: node()})
	}
	if k.creates && r.Chance(.7) {
		at := r.IntN(900)
		add(spec.Time(at)*ms, faults.Action{Op: faults.Destroy, Node: node()})
		add(spec.Time(at+r.IntN(400))*ms, faults.Action{Op: faults.Create, Node: node()})
		for range 3 {
			add(spec.Time(at+100+r.IntN(900))*ms, faults.Action{Op: faults.Join, Node: node()})
		}
	}
	if k.loss {
		add(spec.Time(r.IntN(900))*ms, faults.Action{Op: faults.Loss, Percent: 20, For: 400 * time.Millisecond})
	}
	for range r.IntN(4) {
		at := spec.Time(r.IntN(1500)) * ms
		n := goes()
		for n == k.at && !k.server && !k.dies {
			n = goes()
		}
		switch x := r.IntN(3); {
		case k.crashes && (x > 0 || !k.cuts):
			a := faults.Action{Op: faults.Crash, Node: n}
			if r.Chance(.3) {
				a.Op = faults.CrashLossy
			}
			if r.Chance(.5) {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: n, K: 1 + r.IntN(400)}, Action: a})
			} else {
				add(at, a)
			}
			if k.recoveries || n == k.at && !k.dies {
				add(at+spec.Time(50+r.IntN(1500))*ms, faults.Action{Op: faults.Recover, Node: n})
			}
		case k.cuts:
			var parts [2][]spec.NodeID
			for n := range spec.NodeID(s.Nodes) {
				i := r.IntN(2)
				parts[i] = append(parts[i], n)
			}
			if len(parts[0]) > 0 && len(parts[1]) > 0 {
				add(at, faults.Action{Op: faults.Partition, Parts: parts[:], For: time.Duration(50+r.IntN(1200)) * time.Millisecond})
			}
		}
	}
	if k.server && !k.dies {
		add(4000*ms, faults.Action{Op: faults.Recover, Node: k.at}) // whatever struck it
	}
	for n := range spec.NodeID(s.Nodes) { // when all is over
		add(9000*ms+spec.Time(n)*ms, faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
		add(9100*ms+spec.Time(n)*ms, faults.Action{Op: faults.Query, Node: n})
	}
	slices.SortStableFunc(s.Steps, func(a, b faults.Step) int { return int(a.When.At - b.When.At) })
	return s
}

// ends holds the end of a settled history against what the calls ask for: all who are up and want to be members are in the
// last view of each other, and nobody else. Remembered says that who joined and did not leave comes back after a crash, and
// not only who is in the configuration.
func ends(s *faults.Scenario, h *spec.History, remembered bool) (wrong []string) {
	up, wants, leaving := make([]bool, s.Nodes), make([]bool, s.Nodes), make([]int, s.Nodes)
	joining, left, was := make([]bool, s.Nodes), make([]bool, s.Nodes), make([]bool, s.Nodes)
	last := make([]*spec.Extra, s.Nodes)
	for n := range up {
		up[n], wants[n] = true, slices.Contains(s.Groups[0].Members, spec.NodeID(n))
	}
	for i := range h.Events {
		e := &h.Events[i]
		switch n := e.Node; e.Kind {
		case spec.Crash:
			if leaving[n] > 0 || joining[n] && (left[n] || !wasIn(s, n)) { // nobody can say whether it has
				return nil
			}
			up[n], last[n], joining[n] = false, nil, false
		case spec.Recover:
			up[n], wants[n] = true, (wasIn(s, n) || remembered && was[n]) && !left[n]
		case spec.Join, spec.Joined:
			joining[n] = e.Kind == spec.Join && leaving[n] == 0
			left[n] = left[n] && e.Kind == spec.Join
			was[n] = true
			wants[n] = wants[n] || leaving[n] == 0 // else it is refused, or the leave comes behind it
		case spec.Leave:
			wants[n], leaving[n] = false, leaving[n]+1
		case spec.Left:
			leaving[n], left[n] = leaving[n]-1, true
			if !wants[n] {
				last[n] = nil
			}
		case spec.Destroy, spec.Destroyed: // calls overlap: nobody can say
			return nil
		case spec.ViewChange:
			last[n] = h.ExtraOf(e)
		}
	}
	var want []spec.NodeID
	for n := range spec.NodeID(s.Nodes) {
		if leaving[n] > 0 {
			return nil
		}
		if up[n] && wants[n] {
			want = append(want, n)
		}
	}
	for _, n := range want {
		if last[n] == nil || !slices.Equal(last[n].Members, want) {
			have := "none"
			if last[n] != nil {
				have = fmt.Sprint(last[n].View, last[n].Members)
			}
			wrong = append(wrong, fmt.Sprintf("MEMBERSHIP-PRECISION: the last view of %d is %s, up are %v", n, have, want))
		}
	}
	return wrong
}

func wasIn(s *faults.Scenario, n spec.NodeID) bool { return slices.Contains(s.Groups[0].Members, n) }

// reachJoiners says which messages, sent after a join returned by nodes that stay up and do not leave, the joiner does not
// deliver though it stays: whatever views the two had then. The history is settled.
func reachJoiners(s *faults.Scenario, h *spec.History) (wrong []string) {
	joined, gone := make([]int, s.Nodes), make([]bool, s.Nodes)
	refused, got := map[spec.MsgID]bool{}, map[spec.NodeID]map[spec.MsgID]bool{}
	for i := range h.Events {
		switch e := &h.Events[i]; e.Kind {
		case spec.Joined:
			joined[e.Node] = i + 1
		case spec.Crash, spec.Leave, spec.Destroy:
			gone[e.Node] = true
		case spec.Refuse:
			refused[e.Msg] = true
		case spec.Deliver:
			if got[e.Node] == nil {
				got[e.Node] = map[spec.MsgID]bool{}
			}
			got[e.Node][e.Msg] = true
		}
	}
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != spec.Send || refused[e.Msg] || gone[e.Node] {
			continue
		}
		for n := range spec.NodeID(s.Nodes) {
			if joined[n] > 0 && joined[n] <= i && !gone[n] && !got[n][e.Msg] {
				wrong = append(wrong, fmt.Sprintf("JOIN-COMPLETE: %d never delivers %v, sent after its join had returned", n, e.Msg))
			}
		}
	}
	return wrong
}

// serverSafety is what a server promises whatever fails, over any level.
var serverSafety = []spec.ID{"SELF-INCLUSION", "VIEW-MONOTONICITY", "VIEW-AGREEMENT", "INITIAL-VIEW", "SENDING-VIEW-DELIVERY",
	"SAME-VIEW-DELIVERY", "NO-DELIVERY-AFTER-LEAVE", "FLUSH-BLOCK"}

// judged gives what is wrong in a history, and counts the antecedents.
func judged(j *checkers.Judge, h *spec.History, n map[spec.ID]int, ids ...spec.ID) (wrong []string) {
	j.Load(h)
	for _, id := range ids {
		var f spec.Finding
		if id == linear.Membership {
			f = linear.Check(h, id, linear.Options{})
		} else {
			f = j.Check(id)
		}
		n[id] += f.Antecedents
		if f.Verdict == spec.Fail {
			wrong = append(wrong, fmt.Sprintf("%s: %s", id, f.Witness.Text))
		}
	}
	return wrong
}
