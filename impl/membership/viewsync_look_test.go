package membership_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

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

// looker holds a history against the properties, event by event.
type looker struct {
	looked
	s *faults.Scenario
	h *spec.History

	inc     []uint32 // by node, all of these
	up      []bool
	wants   []bool
	out     []bool        // a leave has returned
	at      []spec.ViewID // of this life
	highest []spec.ViewID
	blocked []bool
	has     []map[spec.MsgID]bool // restored and delivered in this life
	was     []spec.ViewID         // installed last, in whatever life; none after a leave
	leaving []bool
	removed []bool // has heard that the group went on without it, since it installed a view
	calls   []bool // join or leave, and has had no answer
	vague   []bool // … when it crashed: what has become of it is not known
	crashed bool

	begin   map[spec.ViewID]map[life]map[spec.MsgID]bool // what they had when the view began
	path    map[spec.ViewID]map[life]spec.ViewID         // where they came from
	members map[spec.ViewID][]spec.NodeID
	heirs   map[spec.ViewID][]spec.ViewID
	reborn  map[spec.ViewID]bool          // when it began nobody was left of the view before
	gone    map[spec.ViewID]map[life]bool // who has left from it

	sent        map[spec.MsgID]bool
	sentIn      map[spec.MsgID]spec.ViewID
	sentBlocked map[spec.MsgID]bool
	declined    map[spec.MsgID]bool
}

func newLooker(s *faults.Scenario, h *spec.History) *looker {
	n := s.Nodes
	w := &looker{s: s, h: h, inc: make([]uint32, n), up: make([]bool, n), wants: make([]bool, n), out: make([]bool, n),
		at: make([]spec.ViewID, n), highest: make([]spec.ViewID, n), blocked: make([]bool, n), has: make([]map[spec.MsgID]bool, n),
		was: make([]spec.ViewID, n), leaving: make([]bool, n), removed: make([]bool, n), calls: make([]bool, n), vague: make([]bool, n),
		begin: map[spec.ViewID]map[life]map[spec.MsgID]bool{}, path: map[spec.ViewID]map[life]spec.ViewID{},
		members: map[spec.ViewID][]spec.NodeID{}, heirs: map[spec.ViewID][]spec.ViewID{}, reborn: map[spec.ViewID]bool{},
		gone: map[spec.ViewID]map[life]bool{}, sent: map[spec.MsgID]bool{}, sentIn: map[spec.MsgID]spec.ViewID{},
		sentBlocked: map[spec.MsgID]bool{}, declined: map[spec.MsgID]bool{}}
	for n := range s.Nodes {
		w.up[n], w.has[n] = true, map[spec.MsgID]bool{}
		w.wants[n] = slices.Contains(s.Groups[0].Members, spec.NodeID(n))
	}
	return w
}

// lookAt holds a history against the properties of Chockler, Keidar, Vitenberg, one by one, by brute force.
func lookAt(s *faults.Scenario, h *spec.History) looked {
	w := newLooker(s, h)
	for i := range h.Events {
		e := &h.Events[i]
		switch me := (life{e.Node, w.inc[max(0, e.Node)]}); e.Kind {
		case spec.ViewChange:
			if !e.Is(spec.IsTransitional) {
				w.installs(e.Node, me, h.ExtraOf(e))
			}
		case spec.Restore:
			w.restored(e.Node, me, h.ExtraOf(e))
		case spec.Deliver:
			w.delivers(e.Node, e)
		case spec.Block, spec.Unblock, spec.Send, spec.Refuse:
			w.sends(e.Node, e)
		default:
			w.moves(e.Node, me, e.Kind)
		}
	}
	w.synchronous()
	ids := w.chain()
	if len(ids) > 0 && h.Settled {
		w.last = ids[len(ids)-1]
		w.settled()
	}
	return w.looked
}

func (w *looker) bad(format string, a ...any) { w.wrong = append(w.wrong, fmt.Sprintf(format, a...)) }

// moves takes in who comes and goes, and wants to.
func (w *looker) moves(n spec.NodeID, me life, kind spec.Kind) {
	switch kind {
	case spec.Crash:
		w.up[n], w.crashed = false, true
		w.vague[n] = w.vague[n] || w.calls[n]
	case spec.Recover:
		w.leaving[n] = false
		w.up[n], w.inc[n], w.at[n], w.blocked[n], w.has[n] = true, w.inc[n]+1, spec.ViewID{}, false, map[spec.MsgID]bool{}
	case spec.Join:
		w.calls[n] = true
		if !w.leaving[n] { // else it is refused
			w.wants[n], w.out[n] = true, false
		}
	case spec.Joined:
		w.wants[n], w.out[n], w.leaving[n], w.calls[n], w.vague[n] = true, false, false, false, false
	case spec.Leave:
		w.leaving[n] = w.leaving[n] || !w.out[n] // else it is refused
		w.calls[n] = true
	case spec.Left:
		w.left++
		if w.gone[w.at[n]] == nil {
			w.gone[w.at[n]] = map[life]bool{}
		}
		w.gone[w.at[n]][me] = true
		w.wants[n], w.out[n], w.leaving[n], w.at[n], w.calls[n], w.vague[n] = false, true, false, spec.ViewID{}, false, false
		w.was[n] = spec.ViewID{}
	}
}

// sends takes in what a node sends, and what is refused.
func (w *looker) sends(n spec.NodeID, e *spec.Event) {
	switch e.Kind {
	case spec.Block:
		w.blocked[n] = true
	case spec.Unblock:
		w.blocked[n] = false
	case spec.Send:
		w.sent[e.Msg] = true
		w.sentIn[e.Msg], w.sentBlocked[e.Msg] = w.at[n], w.blocked[n]
	case spec.Refuse:
		w.declined[e.Msg] = true
		w.removed[n] = w.removed[n] || w.h.ExtraOf(e).Reason == impl.NotMember.String() || w.h.ExtraOf(e).Reason == impl.ClosedGroup.String()
		w.refused++
	}
}

func (w *looker) installs(n spec.NodeID, me life, x *spec.Extra) {
	w.views++
	if !slices.Contains(x.Members, n) {
		w.bad("SELF-INCLUSION: %d installs %v %v", n, x.View, x.Members)
	}
	if x.View.Compare(w.highest[n]) <= 0 {
		w.bad("VIEW-MONOTONICITY: %d installs %v after %v", n, x.View, w.highest[n])
	}
	if m, ok := w.members[x.View]; ok && !slices.Equal(m, x.Members) {
		w.bad("VIEW-AGREEMENT: %v is %v, and at %d %v", x.View, m, n, x.Members)
	}
	w.members[x.View] = x.Members
	if w.path[x.View] == nil {
		w.reborn[x.View] = true
		if len(w.members) > 1 {
			seen := slices.SortedFunc(maps.Keys(w.members), spec.ViewID.Compare)
			before := seen[max(0, slices.Index(seen, x.View)-1)]
			for l := range w.path[before] {
				w.reborn[x.View] = w.reborn[x.View] && (!w.up[l.node] || w.inc[l.node] != l.incarnation || w.gone[before][l])
			}
		}
		w.path[x.View], w.begin[x.View] = map[life]spec.ViewID{}, map[life]map[spec.MsgID]bool{}
	}
	if (w.at[n] == spec.ViewID{}) {
		w.heirs[x.View] = append(w.heirs[x.View], w.was[n])
	}
	w.was[n] = x.View
	w.path[x.View][me] = w.at[n]
	w.begin[x.View][me] = maps.Clone(w.has[n])
	w.at[n], w.highest[n], w.removed[n] = x.View, x.View, false
}

func (w *looker) restored(n spec.NodeID, me life, x *spec.Extra) {
	w.restores++
	set := map[spec.MsgID]bool{}
	for _, id := range x.Msgs {
		if set[id] {
			w.bad("JOIN-TRANSFER: the state of %d has %v twice", n, id)
		}
		set[id] = true
	}
	w.has[n] = set
	w.begin[w.at[n]][me] = maps.Clone(set)
	w.path[w.at[n]][me] = spec.ViewID{} // whatever was before
}

func (w *looker) delivers(n spec.NodeID, e *spec.Event) {
	switch {
	case w.out[n]:
		w.bad("NO-DELIVERY-AFTER-LEAVE: %d delivers %v", n, e.Msg)
	case w.at[n] == spec.ViewID{}:
		w.bad("INITIAL-VIEW: %d delivers %v outside of any view", n, e.Msg)
	case w.sentIn[e.Msg] != w.at[n]:
		w.bad("SENDING-VIEW-DELIVERY: %d delivers %v in %v, sent in %v", n, e.Msg, w.at[n], w.sentIn[e.Msg])
	case w.sentBlocked[e.Msg]:
		w.bad("FLUSH-BLOCK: %v was sent while its sender was blocked", e.Msg)
	case w.declined[e.Msg]:
		w.bad("REFUSED: %d delivers %v", n, e.Msg)
	case w.has[n][e.Msg]:
		w.bad("NO-DUPLICATION: %d delivers %v, and has it", n, e.Msg)
	}
	w.has[n][e.Msg] = true
}

// synchronous compares those who begin a view: each has what all others have, by virtual synchrony and state transfer.
func (w *looker) synchronous() {
	for v, lives := range w.begin {
		var first *life
		for _, l := range slices.SortedFunc(maps.Keys(lives), byNode) {
			if first == nil {
				first = &l
				continue
			}
			w.pairs++
			if !maps.Equal(lives[*first], lives[l]) {
				kind := "VIRTUAL-SYNCHRONY"
				if w.path[v][*first] != w.path[v][l] {
					kind = "JOIN-TRANSFER"
				}
				w.bad("%s: view %v: %v begins with %d, %v with %d", kind, v, *first, len(lives[*first]), l, len(lives[l]))
			}
		}
	}
}

// chain gives the views: one chain; each shares with the next somebody who went from one to the other, or nobody is left.
func (w *looker) chain() []spec.ViewID {
	ids := slices.SortedFunc(maps.Keys(w.members), spec.ViewID.Compare)
	for i, v := range ids[min(1, len(ids)):] {
		common := slices.Contains(w.heirs[v], ids[i]) // a life goes on where the one before was
		for _, before := range w.path[v] {
			common = common || before == ids[i]
		}
		if !common && !w.reborn[v] {
			w.bad("PRIMARY-COMPONENT: nobody went from %v to %v", ids[i], v)
		}
	}
	return ids
}

// settled looks at how it has ended.
func (w *looker) settled() {
	if w.crashed && !slices.ContainsFunc(nodesOf(w.s), func(n spec.NodeID) bool { return w.up[n] && w.at[n] == w.last && !w.removed[n] }) {
		w.died = true
		return // the group went on in a view whose members have all crashed, though none of them may have installed it
	}
	if slices.Contains(w.vague, true) {
		return
	}
	wrong := precise(w.s, w.last, w.members[w.last], w.up, w.wants, w.at)
	w.wrong = append(w.wrong, wrong...)
	if len(wrong) == 0 && anyAt(w.up, w.at, w.last) && hasQuorum(w.s, w.up) {
		for m := range w.sent {
			if w.sentIn[m] == w.last && !w.declined[m] && w.inc[m.Sender] == uint32(m.Incarnation) && w.up[m.Sender] {
				for _, n := range w.members[w.last] {
					if w.up[n] && !w.has[n][m] {
						w.bad("VALIDITY: %d never delivers %v", n, m)
					}
				}
			}
		}
	}
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
