package checkers

import (
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// drawOrdered draws a history of processes that follow one log of messages and barriers, with all the evidence that the
// judges of orders ask for. In a tame one they do so without a fault; in a wild one they skip, swap and lie.
func drawOrdered(t *rapid.T) *spec.History {
	d := newOrderDrawer(t)
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		d.step()
	}
	d.finish()
	return d.h
}

// entry of the log.
type entry struct {
	e       spec.Event // the send, or the call of sync
	barrier bool
	pos     uint64
}

type orderDrawer struct {
	drawer
	log     []entry
	at      []int           // node: how far along the log
	missed  map[[2]int]bool // node and entry: skipped, and perhaps delivered later
	done    map[[2]int]bool
	lost    map[int]bool // entries
	numbers map[barrierID]uint64
	open    []int // entries: syncs that have not returned
	told    bool  // positions are told
	notes   bool  // barriers are noted
	views   bool
	view    uint64
	inside  spec.NodeID
	lock    spec.Event // how who is inside has entered
	term    uint64
	objects bool
	right   bool // a correct model: nobody joins, leaves or comes back
}

func newOrderDrawer(t *rapid.T) *orderDrawer {
	d := &orderDrawer{drawer: drawer{t: t, h: &spec.History{}, wild: rapid.IntRange(0, 3).Draw(t, "wild")},
		missed: map[[2]int]bool{}, done: map[[2]int]bool{}, lost: map[int]bool{}, inside: -1}
	nodes := rapid.IntRange(2, 4).Draw(t, "nodes")
	for n := range nodes {
		d.h.Nodes = append(d.h.Nodes, string(rune('a'+n)))
	}
	d.lives, d.down, d.at = make([]spec.Incarnation, nodes), make([]bool, nodes), make([]int, nodes)
	d.drawer.numbers, d.numbers = make([]uint64, nodes), map[barrierID]uint64{}
	for g := range rapid.IntRange(1, 2).Draw(t, "groups") {
		x := spec.Group{Name: string(rune('g' + g))}
		for n := range nodes {
			if !d.maybe(10) {
				x.Members = append(x.Members, spec.NodeID(n))
			}
		}
		d.h.Groups = append(d.h.Groups, x)
	}
	d.h.Settled = !d.maybe(8)
	d.h.Model = spec.CrashModel(rapid.IntRange(0, 1).Draw(t, "model"))
	d.h.Epsilon = time.Duration(rapid.IntRange(0, 2).Draw(t, "epsilon")) * 100_000
	d.h.Bounds = map[string]time.Duration{
		"TIMELINESS": time.Duration(rapid.SampledFrom([]int{5, 30, 50}).Draw(t, "bound")) * 100_000,
		"DELAY":      time.Duration(rapid.IntRange(0, 3).Draw(t, "delay")) * 100_000,
	}
	d.h.Costs = map[string]int{"COST-DELAY": rapid.IntRange(0, 20).Draw(t, "delays")}
	if d.maybe(12) {
		d.h.Byzantine = []spec.NodeID{d.node()}
	}
	d.told, d.notes, d.views, d.objects = d.maybe(2), !d.maybe(5), d.maybe(5), d.maybe(3)
	return d
}

func (d *orderDrawer) step() {
	n := d.node()
	if d.objects && !d.down[n] && d.maybe(3) {
		d.object(n)
		return
	}
	switch k := rapid.IntRange(0, 39).Draw(d.t, "what"); {
	case d.down[n]:
		if k < 6 && !d.right {
			d.down[n] = false
			d.lives[n]++
			d.drawer.numbers[n] = 0
			d.add(spec.Event{Kind: spec.Recover, Has: spec.HasNode, Node: n})
		}
	case k < 6 && len(d.sends) < 6:
		d.sendOrdered(n)
	case k < 9 && len(d.log) < 10:
		d.sync(n)
	case k < 24:
		d.advance(n)
		if len(d.sends) > 0 && d.wild > 1 && d.maybe(3) {
			d.acknowledge()
		}
	case k < 29 && len(d.sends) > 0:
		d.acknowledge()
	case k < 31:
		d.comeBack()
	case k < 34 && d.views && d.maybe(3):
		d.install(n)
	case k == 35 || k == 39 && d.wild > 0:
		d.down[n] = true
		if d.inside == n {
			d.inside = -1
		}
		if d.wild > 0 && d.maybe(2) {
			d.lose(n)
		}
		d.add(spec.Event{Kind: spec.Crash, Has: spec.HasNode, Node: n})
	case k == 36 && !d.right && d.maybe(6):
		kind := rapid.SampledFrom([]spec.Kind{spec.Join, spec.Joined, spec.Leave, spec.Left}).Draw(d.t, "kind")
		d.add(spec.Event{Kind: kind, Has: spec.HasNode | spec.HasGroup, Node: n, Group: d.groupID()})
	case k == 37 && len(d.sends) > 0 && d.one(2):
		s := rapid.SampledFrom(d.sends).Draw(d.t, "refused")
		d.add(spec.Event{Kind: spec.Refuse, Has: spec.HasNode | spec.HasMsg, Node: s.Node, Msg: s.Msg})
	case k == 38 && !d.right && d.maybe(3):
		d.addExtra(spec.Event{Kind: spec.Restore, Has: spec.HasNode, Node: n}, spec.Extra{Msgs: d.someIDs()})
	}
}

// acknowledge tells the sender of some message that everybody has it, or, in a wild one, anything.
func (d *orderDrawer) acknowledge() {
	s := rapid.SampledFrom(d.sends).Draw(d.t, "acknowledged")
	if !d.down[s.Node] && (d.wild > 0 || d.everywhere(s)) {
		d.add(spec.Event{Kind: spec.Ack, Has: spec.HasNode | spec.HasMsg, Node: s.Node, Msg: s.Msg})
	}
}

func (d *orderDrawer) someIDs() (ids []spec.MsgID) {
	for _, s := range d.sends {
		if d.maybe(2) {
			ids = append(ids, s.Msg)
		}
	}
	return ids
}

func (d *orderDrawer) sendOrdered(n spec.NodeID) {
	d.drawer.numbers[n]++
	e := spec.Event{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasSum | spec.HasGroup, Node: n, Group: d.groupID(),
		Msg: spec.MsgID{Sender: n, Incarnation: d.lives[n], Number: d.drawer.numbers[n]}, Sum: spec.Digest(len(d.sends))}
	d.sends = append(d.sends, e)
	d.add(e)
	x := entry{e: e, pos: 1}
	for _, y := range d.log {
		if y.e.Group == e.Group && !y.barrier {
			x.pos++
		}
	}
	d.log = append(d.log, x)
}

func (d *orderDrawer) sync(n spec.NodeID) {
	g := d.groupID()
	k := barrierID{origin: uint32(n)<<8 | uint32(d.lives[n]), group: g}
	d.numbers[k]++
	e := spec.Event{Kind: spec.Sync, Has: spec.HasNode | spec.HasGroup | spec.HasID, Node: n, Group: g}
	if d.one(15) {
		e.Has &^= spec.HasID
	}
	d.addExtra(e, spec.Extra{ID: uint64(len(d.log))})
	e.Msg = spec.MsgID{Sender: n, Incarnation: d.lives[n], Number: d.numbers[k]}
	d.open = append(d.open, len(d.log))
	d.log = append(d.log, entry{e: e, barrier: true})
}

// everywhere says whether all that are up have what is in the log up to a send.
func (d *orderDrawer) everywhere(s spec.Event) bool {
	for k, x := range d.log {
		if x.e.Msg == s.Msg && !x.barrier {
			return d.reached(k)
		}
	}
	return false
}

func (d *orderDrawer) reached(k int) bool {
	for n := range d.at {
		if !d.down[n] && d.at[n] <= k {
			return false
		}
	}
	return true
}

// comeBack lets a sync return.
func (d *orderDrawer) comeBack() {
	for i, k := range d.open {
		x := d.log[k]
		if d.down[x.e.Node] || !d.reached(k) && !d.one(3) {
			continue
		}
		d.open = append(d.open[:i:i], d.open[i+1:]...)
		e := spec.Event{Kind: spec.Synced, Has: spec.HasNode | spec.HasGroup | spec.HasOf, Node: x.e.Node, Group: x.e.Group}
		of := uint64(k)
		if d.one(15) {
			e.Has &^= spec.HasOf
		}
		if d.one(15) {
			of++
		}
		d.addExtra(e, spec.Extra{Of: of})
		return
	}
}

// lose takes with a node that crashes the first message that nobody else has.
func (d *orderDrawer) lose(n spec.NodeID) {
	for k, x := range d.log {
		others := x.barrier || !d.done[[2]int{int(n), k}]
		for q := range d.at {
			others = others || spec.NodeID(q) != n && d.done[[2]int{q, k}]
		}
		if !others {
			d.lost[k] = true
			return
		}
	}
}

// advance moves a node along the log, most often by one entry.
func (d *orderDrawer) advance(n spec.NodeID) {
	if d.wild > 0 && d.maybe(6) { // something skipped comes after all
		for k := range d.log {
			if d.missed[[2]int{int(n), k}] {
				d.take(n, k)
				return
			}
		}
	}
	k := d.at[n]
	if k >= len(d.log) {
		return
	}
	d.at[n]++
	if d.lost[k] {
		return
	}
	if d.one(4) {
		d.missed[[2]int{int(n), k}] = true
		return
	}
	d.take(n, k)
}

func (d *orderDrawer) take(n spec.NodeID, k int) {
	key := [2]int{int(n), k}
	if d.done[key] && !d.one(4) {
		return
	}
	delete(d.missed, key)
	d.done[key] = true
	x := d.log[k]
	e := x.e
	e.Node = n
	if x.barrier {
		if d.notes && d.h.Groups[e.Group].Is(n) {
			e.Kind, e.Has = spec.Note, spec.HasNode|spec.HasGroup|spec.HasMsg
			if d.one(12) {
				e.Msg.Number++
			}
			d.addExtra(e, spec.Extra{Op: spec.OpBarrier})
		}
		return
	}
	if !d.h.Groups[e.Group].Is(n) && !d.one(2) {
		return
	}
	e.Kind, e.Has, e.From = spec.Deliver, e.Has|spec.HasFrom, e.Msg.Sender
	if d.one(12) {
		e.Has |= spec.IsRedelivered
	}
	if !d.told || d.one(8) {
		d.add(e)
		return
	}
	if d.one(8) {
		x.pos += uint64(rapid.SampledFrom([]int{1, 2, 1 << 40}).Draw(d.t, "off"))
	}
	e.Has |= spec.HasPos
	d.addExtra(e, spec.Extra{Pos: x.pos})
}

// object notes a leader, or who enters and leaves.
func (d *orderDrawer) object(n spec.NodeID) {
	e := spec.Event{Kind: spec.Note, Has: spec.HasNode, Node: n}
	if d.maybe(4) {
		e.Has, e.Group = e.Has|spec.HasGroup, d.groupID()
	}
	switch k := rapid.IntRange(0, 3).Draw(d.t, "object"); {
	case k == 0:
		x := spec.Extra{Op: spec.OpLeader, Pos: d.term, View: spec.ViewID{Epoch: d.term, Node: 1, HasNode: true}}
		e.Has |= spec.HasPos
		if d.maybe(3) {
			e.Has ^= spec.HasPos | spec.HasView
		}
		if d.one(10) {
			e.Has &^= spec.HasPos | spec.HasView
		}
		if d.wild == 0 || d.maybe(3) {
			d.term++
		}
		d.addExtra(e, x)
	case d.inside == n:
		d.inside = -1
		if !d.one(4) {
			e.Has, e.Group = d.lock.Has, d.lock.Group
		}
		d.addExtra(e, spec.Extra{Op: spec.OpExit})
	case d.inside < 0 || d.wild > 1 && d.maybe(6):
		d.inside, d.lock = n, e
		d.addExtra(e, spec.Extra{Op: spec.OpEnter})
	case d.maybe(2):
		d.state(n)
	}
}

// state tells what a replica is in, after all that it has delivered.
func (d *orderDrawer) state(n spec.NodeID) {
	g := d.groupID()
	sum := spec.Digest(0)
	inc := spec.Incarnation(0)
	seen := map[spec.MsgID]bool{}
	for _, e := range d.h.Events {
		if e.Node == n && e.Kind == spec.Recover {
			sum, inc = 0, inc+1
			clear(seen)
		}
		if e.Node == n && e.Kind == spec.Deliver && e.Group == g && !seen[e.Msg] {
			seen[e.Msg] = true
			sum = sum*31 + 1 // of the number of messages: wrong only if a state was received
		}
	}
	if d.one(4) {
		sum++
	}
	e := spec.Event{Kind: spec.Note, Has: spec.HasNode | spec.HasGroup | spec.HasSum, Node: n, Group: g, Sum: sum}
	if d.one(12) {
		e.Has &^= spec.HasSum
	}
	d.addExtra(e, spec.Extra{Op: spec.OpState})
}

func (d *orderDrawer) install(n spec.NodeID) {
	if d.maybe(2) {
		d.view++
	}
	e := spec.Event{Kind: spec.ViewChange, Has: spec.HasNode | spec.HasGroup | spec.HasView, Node: n, Group: d.groupID()}
	if d.maybe(8) {
		e.Has |= spec.IsTransitional
	}
	d.addExtra(e, spec.Extra{View: spec.ViewID{Epoch: d.view}})
}

// finish lets everybody come to the end of the log, in most histories, and tell its state.
func (d *orderDrawer) finish() {
	if !d.maybe(4) {
		for n := range d.at {
			for k := 0; k < 12 && !d.down[n]; k++ {
				d.advance(spec.NodeID(n))
			}
		}
		for range len(d.open) {
			d.comeBack()
		}
	}
	if !d.objects {
		return
	}
	for n := range d.at {
		if !d.down[n] && !d.maybe(8) {
			d.state(spec.NodeID(n))
		}
	}
}
