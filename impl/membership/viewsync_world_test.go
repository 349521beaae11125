package membership_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/mutant"
	"github.com/conform-go/conform/spec"
)

// newViews is the correct stack.
func newViews(cfg impl.Config) impl.Layer { return mutant.ViewStack(cfg, nil) }

// viewKinds says what a drawn scenario may have.
type viewKinds struct{ crashes, recoveries, cuts, moves bool }

const ms = spec.Time(time.Millisecond)

// drawViews draws a scenario of three to five nodes, some of which may be outside at first, with up to three faults at
// times, or at the k-th thing that a node does.
func drawViews(seed uint64, k viewKinds) *faults.Scenario {
	r := spec.NewRand(seed, 71)
	s := &faults.Scenario{Nodes: 3 + r.IntN(3), Seed: seed, Net: faults.DefaultNet}
	configured := s.Nodes
	if k.moves && r.Chance(.6) {
		configured = max(2, s.Nodes-1-r.IntN(2))
	}
	g := faults.Group{Name: "g", Closed: true}
	for n := range spec.NodeID(configured) {
		g.Members = append(g.Members, n)
	}
	s.Groups = []faults.Group{g}
	node := func() spec.NodeID { return spec.NodeID(r.IntN(s.Nodes)) }
	add := func(at spec.Time, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: at}, Action: a})
	}
	for range 8 + r.IntN(20) {
		add(spec.Time(r.IntN(2600))*ms, faults.Action{Op: faults.Send, Node: node(), To: -1, Size: 16})
	}
	if k.moves {
		for n := configured; n < s.Nodes; n++ {
			add(spec.Time(r.IntN(900))*ms, faults.Action{Op: faults.Join, Node: spec.NodeID(n)})
		}
		for range r.IntN(3) {
			n, at := node(), r.IntN(1000)
			add(spec.Time(at)*ms, faults.Action{Op: faults.Leave, Node: n})
			if r.Chance(.5) {
				add(spec.Time(at+200+r.IntN(900))*ms, faults.Action{Op: faults.Join, Node: n})
			}
			add(spec.Time(at+r.IntN(900))*ms, faults.Action{Op: faults.Query, Node: node()})
		}
	}
	for range r.IntN(4) {
		at := spec.Time(r.IntN(1500)) * ms
		switch x := r.IntN(3); {
		case k.crashes && (x > 0 || !k.cuts):
			n := node()
			a := faults.Action{Op: faults.Crash, Node: n}
			if r.Chance(.3) {
				a.Op = faults.CrashLossy
			}
			if r.Chance(.5) {
				s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: n, K: 1 + r.IntN(400)}, Action: a})
			} else {
				add(at, a)
			}
			if k.recoveries {
				add(at+spec.Time(50+r.IntN(1500))*ms, faults.Action{Op: faults.Recover, Node: n})
			}
		case k.cuts:
			var parts [2][]spec.NodeID
			for n := range spec.NodeID(s.Nodes) {
				i := r.IntN(2)
				parts[i] = append(parts[i], n)
			}
			if len(parts[0]) > 0 && len(parts[1]) > 0 {
				add(at, faults.Action{Op: faults.Partition, Parts: parts[:], For: time.Duration(200+r.IntN(1500)) * time.Millisecond})
			}
		}
	}
	for n := range spec.NodeID(s.Nodes) { // when all is over
		add(9000*ms+spec.Time(n)*ms, faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
	}
	slices.SortStableFunc(s.Steps, func(a, b faults.Step) int { return int(a.When.At - b.When.At) })
	return s
}

// life is one life of a node, as the brute force sees it.
type life struct {
	node        spec.NodeID
	incarnation uint32
}

// looked is what was found in a history.
type looked struct {
	wrong                           []string
	views, pairs, restores, refused int
	last                            spec.ViewID
	left                            int  // leaves that returned
	died                            bool // nobody is left of the last view that was decided on
}

// lookAt holds a history against the properties of Chockler, Keidar, Vitenberg, one by one, by brute force.
func lookAt(s *faults.Scenario, h *spec.History) (o looked) {
	bad := func(format string, a ...any) { o.wrong = append(o.wrong, fmt.Sprintf(format, a...)) }
	inc := make([]uint32, s.Nodes)
	up := make([]bool, s.Nodes)
	wants := make([]bool, s.Nodes)
	out := make([]bool, s.Nodes)       // a leave has returned
	at := make([]spec.ViewID, s.Nodes) // of this life
	highest := make([]spec.ViewID, s.Nodes)
	blocked := make([]bool, s.Nodes)
	has := make([]map[spec.MsgID]bool, s.Nodes)             // restored and delivered in this life
	begin := map[spec.ViewID]map[life]map[spec.MsgID]bool{} // what they had when the view began
	path := map[spec.ViewID]map[life]spec.ViewID{}          // where they came from
	members := map[spec.ViewID][]spec.NodeID{}
	was := make([]spec.ViewID, s.Nodes) // installed last, in whatever life; none after a leave
	heirs := map[spec.ViewID][]spec.ViewID{}
	reborn := map[spec.ViewID]bool{}        // when it began nobody was left of the view before
	gone := map[spec.ViewID]map[life]bool{} // who has left from it
	sentIn := map[spec.MsgID]spec.ViewID{}
	sentBlocked := map[spec.MsgID]bool{}
	sent := map[spec.MsgID]bool{}
	refused := map[spec.MsgID]bool{}
	leaving := make([]bool, s.Nodes)
	removed := make([]bool, s.Nodes) // has heard that the group went on without it, since it installed a view
	crashed := false
	calls := make([]bool, s.Nodes) // join or leave, and has had no answer
	vague := make([]bool, s.Nodes) // … when it crashed: what has become of it is not known
	for n := range s.Nodes {
		up[n], has[n] = true, map[spec.MsgID]bool{}
		wants[n] = slices.Contains(s.Groups[0].Members, spec.NodeID(n))
	}
	for i := range h.Events {
		e := &h.Events[i]
		n := e.Node
		me := life{n, inc[max(0, n)]}
		switch e.Kind {
		case spec.Crash:
			up[n], crashed = false, true
			vague[n] = vague[n] || calls[n]
		case spec.Recover:
			leaving[n] = false
			up[n], inc[n], at[n], blocked[n], has[n] = true, inc[n]+1, spec.ViewID{}, false, map[spec.MsgID]bool{}
		case spec.Join:
			calls[n] = true
			if !leaving[n] { // else it is refused
				wants[n], out[n] = true, false
			}
		case spec.Joined:
			wants[n], out[n], leaving[n], calls[n], vague[n] = true, false, false, false, false
		case spec.Leave:
			leaving[n] = leaving[n] || !out[n] // else it is refused
			calls[n] = true
		case spec.Left:
			o.left++
			if gone[at[n]] == nil {
				gone[at[n]] = map[life]bool{}
			}
			gone[at[n]][me] = true
			wants[n], out[n], leaving[n], at[n], calls[n], vague[n] = false, true, false, spec.ViewID{}, false, false
			was[n] = spec.ViewID{}
		case spec.Block:
			blocked[n] = true
		case spec.Unblock:
			blocked[n] = false
		case spec.Send:
			sent[e.Msg] = true
			sentIn[e.Msg], sentBlocked[e.Msg] = at[n], blocked[n]
		case spec.Refuse:
			refused[e.Msg] = true
			removed[n] = removed[n] || h.ExtraOf(e).Reason == impl.NotMember.String() || h.ExtraOf(e).Reason == impl.ClosedGroup.String()
			o.refused++
		case spec.ViewChange:
			x := h.ExtraOf(e)
			if e.Is(spec.IsTransitional) {
				continue
			}
			o.views++
			if !slices.Contains(x.Members, n) {
				bad("SELF-INCLUSION: %d installs %v %v", n, x.View, x.Members)
			}
			if x.View.Compare(highest[n]) <= 0 {
				bad("VIEW-MONOTONICITY: %d installs %v after %v", n, x.View, highest[n])
			}
			if m, ok := members[x.View]; ok && !slices.Equal(m, x.Members) {
				bad("VIEW-AGREEMENT: %v is %v, and at %d %v", x.View, m, n, x.Members)
			}
			members[x.View] = x.Members
			if path[x.View] == nil {
				reborn[x.View] = true
				if len(members) > 1 {
					seen := slices.SortedFunc(maps.Keys(members), spec.ViewID.Compare)
					before := seen[max(0, slices.Index(seen, x.View)-1)]
					for l := range path[before] {
						reborn[x.View] = reborn[x.View] && (!up[l.node] || inc[l.node] != l.incarnation || gone[before][l])
					}
				}
				path[x.View], begin[x.View] = map[life]spec.ViewID{}, map[life]map[spec.MsgID]bool{}
			}
			if (at[n] == spec.ViewID{}) {
				heirs[x.View] = append(heirs[x.View], was[n])
			}
			was[n] = x.View
			path[x.View][me] = at[n]
			begin[x.View][me] = maps.Clone(has[n])
			at[n], highest[n], removed[n] = x.View, x.View, false
		case spec.Restore:
			o.restores++
			set := map[spec.MsgID]bool{}
			for _, id := range h.ExtraOf(e).Msgs {
				if set[id] {
					bad("JOIN-TRANSFER: the state of %d has %v twice", n, id)
				}
				set[id] = true
			}
			has[n] = set
			begin[at[n]][me] = maps.Clone(set)
			path[at[n]][me] = spec.ViewID{} // whatever was before
		case spec.Deliver:
			switch {
			case out[n]:
				bad("NO-DELIVERY-AFTER-LEAVE: %d delivers %v", n, e.Msg)
			case at[n] == spec.ViewID{}:
				bad("INITIAL-VIEW: %d delivers %v outside of any view", n, e.Msg)
			case sentIn[e.Msg] != at[n]:
				bad("SENDING-VIEW-DELIVERY: %d delivers %v in %v, sent in %v", n, e.Msg, at[n], sentIn[e.Msg])
			case sentBlocked[e.Msg]:
				bad("FLUSH-BLOCK: %v was sent while its sender was blocked", e.Msg)
			case refused[e.Msg]:
				bad("REFUSED: %d delivers %v", n, e.Msg)
			case has[n][e.Msg]:
				bad("NO-DUPLICATION: %d delivers %v, and has it", n, e.Msg)
			}
			has[n][e.Msg] = true
		}
	}
	// Who begins a view has what all others have that begin it: virtual synchrony, and state transfer.
	for v, lives := range begin {
		var first *life
		for _, l := range slices.SortedFunc(maps.Keys(lives), byNode) {
			if first == nil {
				first = &l
				continue
			}
			o.pairs++
			if !maps.Equal(lives[*first], lives[l]) {
				kind := "VIRTUAL-SYNCHRONY"
				if path[v][*first] != path[v][l] {
					kind = "JOIN-TRANSFER"
				}
				bad("%s: view %v: %v begins with %d, %v with %d", kind, v, *first, len(lives[*first]), l, len(lives[l]))
			}
		}
	}
	// The views are one chain; each shares with the next somebody who went from one to the other, or nobody is left.
	ids := slices.SortedFunc(maps.Keys(members), spec.ViewID.Compare)
	for i, v := range ids[min(1, len(ids)):] {
		common := slices.Contains(heirs[v], ids[i]) // a life goes on where the one before was
		for _, before := range path[v] {
			common = common || before == ids[i]
		}
		if !common && !reborn[v] {
			bad("PRIMARY-COMPONENT: nobody went from %v to %v", ids[i], v)
		}
	}
	if len(ids) == 0 || !h.Settled {
		return o
	}
	o.last = ids[len(ids)-1]
	if crashed && !slices.ContainsFunc(nodesOf(s), func(n spec.NodeID) bool { return up[n] && at[n] == o.last && !removed[n] }) {
		o.died = true
		return o // the group went on in a view whose members have all crashed, though none of them may have installed it
	}
	if slices.Contains(vague, true) {
		return o
	}
	o.wrong = append(o.wrong, precise(s, o.last, members[o.last], up, wants, at)...)
	if len(precise(s, o.last, members[o.last], up, wants, at)) == 0 && anyAt(up, at, o.last) && hasQuorum(s, up) {
		for m := range sent {
			if sentIn[m] == o.last && !refused[m] && inc[m.Sender] == uint32(m.Incarnation) && up[m.Sender] {
				for _, n := range members[o.last] {
					if up[n] && !has[n][m] {
						bad("VALIDITY: %d never delivers %v", n, m)
					}
				}
			}
		}
	}
	return o
}

func nodesOf(s *faults.Scenario) (nodes []spec.NodeID) {
	for n := range spec.NodeID(s.Nodes) {
		nodes = append(nodes, n)
	}
	return nodes
}

func byNode(a, b life) int { return int(a.node-b.node)*1000 + int(a.incarnation) - int(b.incarnation) }

func anyAt(up []bool, at []spec.ViewID, v spec.ViewID) bool {
	for n := range up {
		if up[n] && at[n] == v {
			return true
		}
	}
	return false
}

func hasQuorum(s *faults.Scenario, up []bool) bool {
	alive, all := 0, s.Groups[0].Members
	for _, m := range all {
		if up[m] {
			alive++
		}
	}
	return 2*alive > len(all) || 2*alive == len(all) && up[all[0]]
}

// precise says where the last views are not those who are up and want to be members.
func precise(s *faults.Scenario, last spec.ViewID, members []spec.NodeID, up, wants []bool, at []spec.ViewID) (wrong []string) {
	if !hasQuorum(s, up) || !anyAt(up, at, last) {
		return nil
	}
	var want []spec.NodeID
	for n := range spec.NodeID(s.Nodes) {
		if up[n] && wants[n] {
			want = append(want, n)
			if at[n] != last {
				wrong = append(wrong, fmt.Sprintf("MEMBERSHIP-PRECISION: %d ends in %v, others in %v", n, at[n], last))
			}
		}
	}
	if !slices.Equal(want, members) {
		wrong = append(wrong, fmt.Sprintf("MEMBERSHIP-PRECISION: the last view is %v, up are %v", members, want))
	}
	return wrong
}

func play(t *testing.T, w *sim.World, s *faults.Scenario, h *spec.History) looked {
	t.Helper()
	if err := w.Play(s, h); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return lookAt(s, h)
}

// takeover is a scenario in which a member dies, and the coordinator just before one of its actions, with all that it has
// under way; or from then on nobody hears it, though it hears all: among others, when it is about to decide on a view.
func takeover(k int) *faults.Scenario {
	s := &faults.Scenario{Nodes: 5, Seed: uint64(k), Net: faults.DefaultNet}
	s.Groups = []faults.Group{{Name: "g", Closed: true, Members: []spec.NodeID{0, 1, 2, 3, 4}}}
	at := func(t int, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t) * ms}, Action: a})
	}
	end := faults.Action{Op: faults.CrashLossy, Node: 0}
	if k%2 == 1 {
		end = faults.Action{Op: faults.OmitSend, Node: 0, Peer: -1, Percent: 100, For: 1900 * time.Millisecond}
	}
	s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnAction, Node: 0, K: k / 2}, Action: end})
	at(10, faults.Action{Op: faults.Crash, Node: 4})
	for n := range spec.NodeID(4) {
		at(600+int(n), faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
		at(6000+int(n), faults.Action{Op: faults.Send, Node: n, To: -1, Size: 16})
	}
	return s
}
