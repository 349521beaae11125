package checkers

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// viewModel is a view-synchronous group that does everything right: what is sent in a view is delivered in it, by all that
// move on together; who has to move is blocked, delivers what the others deliver, and installs when it likes.
type viewModel struct {
	t       *rapid.T
	h       *spec.History
	primary bool // minorities wait; otherwise they go on alone
	epoch   uint64
	views   []*modelView
	nodes   []modelNode
	numbers []uint64
}

type modelView struct {
	id      uint64
	members []spec.NodeID
	log     []spec.Event // what is sent in it
	closed  bool         // it is decided where some of its members go
	sealed  int          // how much of the log all have then
}

type modelNode struct {
	up, member bool
	leaving    bool
	view       *modelView
	next       *modelView // where it has to go
	set        []spec.NodeID
	flush      int // how much of the log it delivers before it goes
	at         int // how much of the log it has delivered
	waits      []spec.Event
}

func (m *viewModel) add(k spec.Kind, n spec.NodeID, e spec.Event) {
	e.Kind, e.Node, e.Has, e.T = k, n, e.Has|spec.HasNode, spec.Time(len(m.h.Events))*1e5
	m.h.Add(e)
}

func (m *viewModel) group(k spec.Kind, n spec.NodeID) { m.add(k, n, spec.Event{Has: spec.HasGroup}) }

func newViewModel(t *rapid.T) *viewModel {
	m := &viewModel{t: t, h: &spec.History{}, primary: rapid.Bool().Draw(t, "primary")}
	m.h.Settled = true
	nodes := rapid.IntRange(3, 4).Draw(t, "nodes")
	m.h.Groups = []spec.Group{{Name: "g"}}
	m.nodes, m.numbers = make([]modelNode, nodes), make([]uint64, nodes)
	first := &modelView{}
	for n := range nodes {
		m.h.Nodes = append(m.h.Nodes, string(rune('a'+n)))
		m.nodes[n].up = true
		if n < 3 {
			m.nodes[n].member = true
			m.h.Groups[0].Members = append(m.h.Groups[0].Members, spec.NodeID(n))
			m.nodes[n].view = first
		}
	}
	first.members = m.h.Groups[0].Members
	m.views = []*modelView{first}
	m.change(first.members, []*modelView{first})
	m.install(-1)
	return m
}

func (m *viewModel) send(n spec.NodeID) {
	x := &m.nodes[n]
	if !x.up || x.view == nil {
		return
	}
	m.numbers[n]++
	e := spec.Event{Has: spec.HasMsg | spec.HasGroup | spec.HasSum, Sum: spec.Digest(len(m.h.Events)),
		Msg: spec.MsgID{Sender: n, Number: m.numbers[n]}}
	m.add(spec.Send, n, e)
	if x.next != nil {
		x.waits = append(x.waits, e)
		return
	}
	m.spread(x.view, e)
}

// spread puts a message into the log of a view; all that are up receive it at once.
func (m *viewModel) spread(v *modelView, e spec.Event) {
	v.log = append(v.log, e)
	for n := range m.nodes {
		if x := &m.nodes[n]; x.up && slices.Contains(v.members, spec.NodeID(n)) {
			m.add(spec.Receive, spec.NodeID(n), spec.Event{Has: spec.HasMsg, Msg: e.Msg})
		}
	}
}

func (m *viewModel) deliver(n spec.NodeID) bool {
	x := &m.nodes[n]
	if !x.up || x.view == nil || x.at >= len(x.view.log) || x.next != nil && x.at >= x.flush {
		return false
	}
	e, common := x.view.log[x.at], !x.view.closed || x.at < x.view.sealed
	x.at++
	e.Has, e.From = e.Has|spec.HasFrom, e.Msg.Sender
	if common && rapid.Bool().Draw(m.t, "safe") {
		e.Has |= spec.IsSafe
	}
	m.add(spec.Deliver, n, e)
	return true
}

// change decides a view of these members, that come from these views or from outside.
func (m *viewModel) change(members []spec.NodeID, from []*modelView) {
	m.epoch++
	v := &modelView{id: m.epoch, members: slices.Clone(members)}
	m.views = append(m.views, v)
	for _, n := range members {
		x := &m.nodes[n]
		x.next, x.set, x.flush = v, nil, 0
		if x.view == nil {
			continue
		}
		x.flush = len(x.view.log)
		m.group(spec.Block, n)
		for _, q := range members {
			if m.nodes[q].view == x.view {
				x.set = append(x.set, q)
			}
		}
	}
	for _, f := range from {
		if !f.closed {
			f.closed, f.sealed = true, len(f.log)
		}
	}
}

// install lets a node that has nothing more to deliver go on; -1: all.
func (m *viewModel) install(n spec.NodeID) {
	if n < 0 {
		for n := range m.nodes {
			for m.nodes[n].next != nil && m.deliver(spec.NodeID(n)) {
			}
			m.install(spec.NodeID(n))
		}
		return
	}
	x := &m.nodes[n]
	if !x.up || x.next == nil || x.view != nil && x.at < x.flush {
		return
	}
	was := x.view
	if was != nil && rapid.Bool().Draw(m.t, "tell") {
		m.h.AddExtra(spec.Event{T: spec.Time(len(m.h.Events)) * 1e5, Kind: spec.ViewChange, Node: n, Has: spec.HasNode | spec.HasGroup | spec.HasView | spec.IsTransitional},
			spec.Extra{View: spec.ViewID{Epoch: x.next.id}, Members: x.set})
	}
	m.h.AddExtra(spec.Event{T: spec.Time(len(m.h.Events)) * 1e5, Kind: spec.ViewChange, Node: n, Has: spec.HasNode | spec.HasGroup | spec.HasView},
		spec.Extra{View: spec.ViewID{Epoch: x.next.id}, Members: x.next.members})
	x.view, x.next, x.at = x.next, nil, 0
	if was == nil {
		m.group(spec.Joined, n)
		return
	}
	m.group(spec.Unblock, n)
	for _, e := range x.waits {
		m.spread(x.view, e)
	}
	x.waits = nil
}

// regroup ends all changes under way, and forms new views: of all that are up, or of two parts.
func (m *viewModel) regroup(parts int) {
	m.install(-1)
	var list [2][]spec.NodeID
	var from [2][]*modelView
	for n := range m.nodes {
		x := &m.nodes[n]
		if x.leaving && x.up {
			x.leaving, x.member, x.view, x.waits = false, false, nil, nil
			m.group(spec.Left, spec.NodeID(n))
		}
		if !x.up || !x.member {
			continue
		}
		k := 0
		if parts == 2 {
			k = rapid.IntRange(0, 1).Draw(m.t, "part")
		}
		list[k] = append(list[k], spec.NodeID(n))
		if x.view != nil && !slices.Contains(from[k], x.view) {
			from[k] = append(from[k], x.view)
		}
	}
	latest := m.views[len(m.views)-1]
	for k := range list {
		in := 0
		for _, n := range list[k] {
			if m.nodes[n].view == latest {
				in++
			}
		}
		if len(list[k]) == 0 || len(from[k]) == 0 || m.primary && 2*in <= len(latest.members) && parts == 2 || m.primary && in == 0 {
			continue
		}
		m.change(list[k], from[k])
	}
}

func (m *viewModel) step() {
	n := spec.NodeID(rapid.IntRange(0, len(m.nodes)-1).Draw(m.t, "node"))
	x := &m.nodes[n]
	switch k := rapid.IntRange(0, 29).Draw(m.t, "what"); {
	case k < 9:
		m.send(n)
	case k < 20:
		m.deliver(n)
	case k < 24:
		m.install(n)
	case k == 24:
		up := 0
		for i := range m.nodes {
			if m.nodes[i].up && m.nodes[i].view != nil {
				up++
			}
		}
		if x.up && up > 2 && x.next == nil { // so that somebody goes on from every view
			x.up = false
			m.add(spec.Crash, n, spec.Event{})
		}
	case k == 25 && x.up && !x.member && x.view == nil:
		x.member = true
		m.group(spec.Join, n)
	case k == 26 && x.up && x.view != nil && x.next == nil && !x.leaving:
		in := 0
		for i := range m.nodes {
			if m.nodes[i].up && m.nodes[i].view == x.view && !m.nodes[i].leaving {
				in++
			}
		}
		if in > 2 {
			x.leaving = true
			m.group(spec.Leave, n)
		}
	case k == 27:
		m.regroup(2)
	case k > 27:
		m.regroup(1)
	}
}

// end heals everything and delivers all.
func (m *viewModel) end() {
	m.regroup(1)
	m.install(-1)
	for n := range m.nodes {
		for m.deliver(spec.NodeID(n)) {
		}
	}
}

func drawViewModel(t *rapid.T, steps int) (*spec.History, bool) {
	m := newViewModel(t)
	for range rapid.IntRange(0, steps).Draw(t, "steps") {
		m.step()
	}
	m.end()
	return m.h, m.primary
}

// mutate changes a history in a few places: an event is lost, comes twice, or earlier or later; a view has other members.
func mutate(t *rapid.T, h *spec.History) {
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		if len(h.Events) < 2 {
			return
		}
		i := rapid.IntRange(0, len(h.Events)-1).Draw(t, "event")
		e := h.Events[i]
		switch rapid.IntRange(0, 6).Draw(t, "change") {
		case 0:
			h.Events = slices.Delete(h.Events, i, i+1)
		case 1:
			h.Events = slices.Insert(h.Events, rapid.IntRange(i, len(h.Events)).Draw(t, "again"), e)
		case 2, 3:
			h.Events = slices.Delete(h.Events, i, i+1)
			h.Events = slices.Insert(h.Events, rapid.IntRange(0, len(h.Events)).Draw(t, "elsewhere"), e)
		case 4, 5:
			for k := range h.Events {
				if e := &h.Events[(i+k)%len(h.Events)]; e.Kind == spec.ViewChange {
					x := *h.ExtraOf(e)
					n := spec.NodeID(rapid.IntRange(0, len(h.Nodes)-1).Draw(t, "who"))
					if at := slices.Index(x.Members, n); at >= 0 {
						x.Members = slices.Delete(slices.Clone(x.Members), at, at+1)
					} else {
						x.Members = append(slices.Clone(x.Members), n)
					}
					if rapid.IntRange(0, 3).Draw(t, "id") == 0 {
						x.View.Epoch = uint64(rapid.IntRange(1, 5).Draw(t, "to"))
					}
					e.Extra = uint32(len(h.Extras))
					h.Extras = append(h.Extras, x)
					break
				}
			}
		case 6:
			h.Events[i].Node = spec.NodeID(rapid.IntRange(0, len(h.Nodes)-1).Draw(t, "node"))
			if h.Events[i].Kind == spec.Send {
				h.Events[i].Msg.Sender = h.Events[i].Node
			}
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "recovers") == 0 {
		h.Model = spec.CrashRecovery
		for i := range h.Events {
			if e := h.Events[i]; e.Kind == spec.Crash {
				e.Kind = spec.Recover
				h.Events = slices.Insert(h.Events, rapid.IntRange(i+1, len(h.Events)).Draw(t, "recovery"), e)
				break
			}
		}
	}
	rename(h)
}

// rename gives what is sent in a later life the id of that life, as it has in every run: see spec.History.Sound.
func rename(h *spec.History) {
	lives := make([]spec.Incarnation, len(h.Nodes))
	seen := map[spec.MsgID]bool{}
	for _, e := range h.Events {
		if e.Kind == spec.Recover {
			lives[e.Node]++
		}
		if e.Kind != spec.Send || seen[e.Msg] || e.Msg.Incarnation == lives[e.Node] {
			seen[e.Msg] = seen[e.Msg] || e.Kind == spec.Send
			continue
		}
		id := e.Msg
		id.Incarnation = lives[e.Node]
		seen[id] = true
		for k := range h.Events {
			if h.Events[k].Is(spec.HasMsg) && h.Events[k].Msg == e.Msg {
				h.Events[k].Msg = id
			}
		}
	}
}

// What a correct group plays never fails.
func TestViewModels(t *testing.T) {
	var j Judge
	bites := map[spec.ID]int{}
	rounds(t, 10, func(r *rapid.T) {
		h, primary := drawViewModel(r, 60)
		nameViews(r, h)
		j.Load(h)
		for _, c := range viewCases {
			f := j.Check(c.id)
			if f.Verdict == spec.Pass {
				bites[c.id]++
			}
			if c.id == PrimaryComponent && !primary || c.id == ViewOverlap && primary {
				continue
			}
			if f.Verdict == spec.Error || f.Verdict == spec.Fail {
				r.Fatalf("%s: %+v %+v\n%s", c.id, f, f.Witness, show(h))
			}
		}
	})
	for _, c := range viewCases {
		switch c.id {
		case JoinTransfer, GroupRestart, DetectorAccuracy: // nobody is given a state, suspects, or comes back
			continue
		}
		if t.Logf("%-24s %d", c.id, bites[c.id]); bites[c.id] == 0 && !testing.Short() {
			t.Errorf("%s never passed", c.id)
		}
	}
}

// The judge and the twins must say the same of every history.
func TestViewTwins(t *testing.T) {
	var j Judge
	counts := map[spec.ID]map[spec.Verdict]int{}
	total := 0
	rounds(t, 2, func(r *rapid.T) {
		h, _ := drawViewModel(r, 60)
		nameViews(r, h)
		mutate(r, h)
		misname(r, h)
		w := newTwin(h)
		j.Load(h)
		total++
		for _, c := range viewCases {
			f := j.Check(c.id)
			if counts[c.id] == nil {
				counts[c.id] = map[spec.Verdict]int{}
			}
			counts[c.id][f.Verdict]++
			twin := viewTwins[c.id]
			if twin == nil {
				checkWitness(r, h, c.id, f)
				continue
			}
			a := twin(w)
			fails := a.violated || a.unmet && h.Settled
			if fails != (f.Verdict == spec.Fail) || !fails && a.n >= 0 && a.n != f.Antecedents {
				r.Fatalf("%s: judge %+v %+v, twin %+v\n%s", c.id, f, f.Witness, a, show(h))
			}
			checkWitness(r, h, c.id, f)
		}
	})
	for _, c := range viewCases {
		t.Logf("%-24s %v of %d", c.id, counts[c.id], total)
		switch c.id {
		case JoinTransfer, GroupRestart, DetectorAccuracy:
			continue
		}
		if total >= 200 && c.id != JoinComplete && c.id != NoDeliveryAfterLeave && (counts[c.id][spec.Pass] == 0 || counts[c.id][spec.Fail] == 0) {
			t.Errorf("%s: too few of one kind", c.id)
		}
	}
}
