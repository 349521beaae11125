package checkers

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/conform-go/conform/spec"
)

// drawLogs draws a history of nodes that keep logs, crash, come back and deliver again. In a tame one the logs are kept
// as they should be.
func drawLogs(t *rapid.T) *spec.History {
	d := logDrawer{drawer: drawer{t: t, h: &spec.History{}, wild: rapid.IntRange(0, 2).Draw(t, "wild")}}
	nodes := rapid.IntRange(1, 3).Draw(t, "nodes")
	g := spec.Group{Name: "g"}
	for n := range nodes {
		d.h.Nodes = append(d.h.Nodes, string(rune('a'+n)))
		g.Members = append(g.Members, spec.NodeID(n))
	}
	d.h.Groups = []spec.Group{g}
	if d.maybe(4) {
		d.h.Groups = append(d.h.Groups, spec.Group{Name: "h", Members: g.Members})
	}
	d.h.Settled = !d.maybe(6)
	d.h.Model = spec.CrashRecovery
	if d.maybe(6) {
		d.h.Model = spec.CrashStop
	}
	d.lives, d.down, d.numbers = make([]spec.Incarnation, nodes), make([]bool, nodes), make([]uint64, nodes)
	d.logs = make([][]spec.Event, nodes)
	d.spicy = d.maybe(2)
	for range rapid.IntRange(0, 24).Draw(t, "events") {
		d.logEvent()
	}
	if !d.maybe(4) {
		for n := range nodes {
			if d.down[n] {
				d.recover(spec.NodeID(n))
			}
		}
		if !d.one(3) {
			d.drain()
		}
	}
	return d.h
}

type logDrawer struct {
	drawer
	logs [][]spec.Event // node: the sends of what it delivered
}

func (d *logDrawer) logEvent() {
	n := d.node()
	switch k := rapid.IntRange(0, 9).Draw(d.t, "what"); {
	case d.down[n]:
		d.recover(n)
	case k < 3 && len(d.sends) < 5:
		d.numbers[n]++
		e := spec.Event{Kind: spec.Send, Has: spec.HasNode | spec.HasMsg | spec.HasSum | spec.HasGroup, Node: n, Group: d.groupID(),
			Msg: spec.MsgID{Sender: n, Incarnation: d.lives[n], Number: d.numbers[n]}, Sum: spec.Digest(len(d.sends))}
		d.sends = append(d.sends, e)
		d.add(e)
	case k < 6:
		for _, s := range d.sends {
			if d.has(n, s) {
				continue
			}
			if d.one(6) {
				d.miss(n, s)
			} else {
				d.deliver(n, s)
				d.logs[n] = append(d.logs[n], s)
				break
			}
		}
	case k < 8 && len(d.sends) > 0:
		s := rapid.SampledFrom(d.sends).Draw(d.t, "of")
		if !d.down[s.Node] && d.lives[s.Node] == s.Msg.Incarnation {
			d.add(spec.Event{Kind: spec.Ack, Has: spec.HasNode | spec.HasMsg | spec.HasGroup, Node: s.Node, Msg: s.Msg, Group: s.Group})
		}
	case k == 8:
		d.down[n] = true
		d.add(spec.Event{Kind: spec.Crash, Has: spec.HasNode, Node: n})
	}
}

// recover delivers again what the log has, as much of it as is read before the next crash.
func (d *logDrawer) recover(n spec.NodeID) {
	d.down[n] = false
	d.lives[n]++
	d.numbers[n] = 0
	r := spec.Event{Kind: spec.Recover, Has: spec.HasNode, Node: n}
	if d.one(4) {
		r.Has |= spec.IsCounted
	}
	d.add(r)
	log := slices.Clone(d.logs[n])
	if d.one(3) && len(log) > 0 {
		log = log[:rapid.IntRange(0, len(log)-1).Draw(d.t, "torn")]
		d.logs[n] = log
	}
	if d.one(4) && len(log) > 1 {
		k := rapid.IntRange(0, len(log)-2).Draw(d.t, "swapped")
		log[k], log[k+1] = log[k+1], log[k]
	}
	if d.one(4) && len(log) > 1 {
		log = log[1:]
	}
	if !d.maybe(3) { // what had been logged and not delivered, or anything
		for _, s := range d.sends {
			if !d.has(n, s) && d.maybe(2) {
				log = append(log, s)
				d.logs[n] = append(d.logs[n], s)
				break
			}
		}
	}
	plain := d.one(5)
	for _, s := range log {
		d.deliver(n, s)
		if !plain {
			d.h.Events[len(d.h.Events)-1].Has |= spec.IsRedelivered
		}
	}
}

// garnish adds what few histories have: liars, buffers, losses that are announced, nodes that stand still or are cut off,
// and declared bounds.
func (d *drawer) garnish() {
	if d.maybe(4) {
		d.h.Byzantine = []spec.NodeID{d.node()}
	}
	if d.maybe(2) {
		d.h.Bounds = map[string]time.Duration{string(TailRecovery): time.Duration(rapid.IntRange(1, 20).Draw(d.t, "bound")) * 100_000}
	}
	if d.maybe(3) {
		if d.h.Bounds == nil {
			d.h.Bounds = map[string]time.Duration{}
		}
		d.h.Bounds[string(DetectorCompleteness)] = time.Duration(rapid.IntRange(1, 30).Draw(d.t, "noticed within")) * 100_000
	}
	if d.maybe(2) {
		d.h.Costs = map[string]int{string(StabilityTrim): rapid.IntRange(0, 3).Draw(d.t, "kept")}
		if d.maybe(2) {
			d.h.Costs[spec.CostHeld] = rapid.IntRange(0, 2).Draw(d.t, "held")
		}
	}
	d.spicy = d.maybe(2)
}

// notice lets somebody suspect or trust somebody, or install a view.
func (d *drawer) notice(n spec.NodeID) {
	e := spec.Event{Node: n, Has: spec.HasNode | spec.HasGroup, Group: d.groupID()}
	if d.maybe(3) {
		e.Kind, e.Has = spec.ViewChange, e.Has|spec.HasView
		x := spec.Extra{View: spec.ViewID{Epoch: uint64(len(d.h.Events))}}
		for m := range d.h.Nodes {
			if !d.down[m] && !d.maybe(8) || d.maybe(8) {
				x.Members = append(x.Members, spec.NodeID(m))
			}
		}
		d.addExtra(e, x)
		return
	}
	e.Kind, e.To, e.Has = spec.Suspect, d.node(), e.Has|spec.HasTo
	if d.maybe(4) {
		e.Kind = spec.Trust
	}
	if d.maybe(3) {
		e.Has, e.Group = e.Has&^spec.HasGroup, 0
	}
	d.add(e)
}

// bury lets, in most histories, all that are up notice who is dead.
func (d *drawer) bury() {
	if d.maybe(4) {
		return
	}
	for n := range d.h.Nodes {
		for dead := range d.h.Nodes {
			if d.down[dead] && !d.down[n] && !d.one(8) {
				d.add(spec.Event{Kind: spec.Suspect, Node: spec.NodeID(n), To: spec.NodeID(dead), Has: spec.HasNode | spec.HasTo})
			}
		}
	}
}

func (d *drawer) spice() {
	n := d.node()
	if d.maybe(4) {
		d.notice(n)
		return
	}
	e := spec.Event{Node: n, Has: spec.HasNode}
	switch k := rapid.IntRange(0, 13).Draw(d.t, "spice"); {
	case k < 3:
		e.Kind, e.Has, e.Group = spec.Gap, e.Has|spec.HasGroup, d.groupID()
		if !d.maybe(3) {
			e.Has, e.From = e.Has|spec.HasFrom, d.node()
		}
		if d.maybe(5) {
			e.Has &^= spec.HasGroup
		}
		d.add(e)
	case k < 6:
		e.Kind = spec.Note
		if !d.maybe(3) {
			e.Has, e.Group = e.Has|spec.HasGroup, d.groupID()
		}
		op := spec.OpKept
		if d.one(4) {
			op = spec.OpHeld
		}
		d.addExtra(e, spec.Extra{Op: op, Depth: int64(rapid.IntRange(0, 2).Draw(d.t, "depth"))})
	case k == 6:
		e.Kind = spec.Discard
		d.addExtra(e, spec.Extra{Reason: rapid.SampledFrom([]string{spec.ReasonOverflow, "duplicate"}).Draw(d.t, "why")})
	case k < 9:
		e.Kind = rapid.SampledFrom([]spec.Kind{spec.Pause, spec.Resume, spec.Resume}).Draw(d.t, "still")
		d.add(e)
	case k < 12:
		e.Kind = rapid.SampledFrom([]spec.Kind{spec.Fault, spec.Heal, spec.Heal}).Draw(d.t, "fault")
		if e.Kind == spec.Heal || d.maybe(3) {
			e.Node, e.Has = 0, 0
		}
		d.addExtra(e, spec.Extra{ID: uint64(rapid.IntRange(1, 2).Draw(d.t, "which"))})
	case k == 12 && len(d.sends) > 0:
		s := rapid.SampledFrom(d.sends).Draw(d.t, "acknowledged")
		d.add(spec.Event{Kind: spec.Ack, Has: spec.HasNode | spec.HasMsg, Node: s.Node, Msg: s.Msg})
	case k == 13 && len(d.sends) > 0:
		s := rapid.SampledFrom(d.sends).Draw(d.t, "refused")
		d.addExtra(spec.Event{Kind: spec.Refuse, Has: spec.HasNode | spec.HasMsg, Node: s.Node, Msg: s.Msg},
			spec.Extra{Reason: rapid.SampledFrom([]string{spec.ReasonOverflow, spec.ReasonAborted}).Draw(d.t, "why")})
	}
}

// miss announces, most often, that a node has lost a message.
func (d *drawer) miss(n spec.NodeID, s spec.Event) {
	if d.spicy && s.Is(spec.HasGroup) && !d.maybe(8) {
		d.add(spec.Event{Kind: spec.Gap, Node: n, From: s.Node, Group: s.Group, Has: spec.HasNode | spec.HasGroup | spec.HasFrom})
	}
}

// trim discards, in most histories, all copies that are kept.
func (d *drawer) trim() {
	for i := range d.h.Events {
		if e := d.h.Events[i]; e.Kind == spec.Note && d.h.ExtraOf(&e).Op == spec.OpKept && d.h.ExtraOf(&e).Depth > 0 && !d.one(6) {
			d.addExtra(e, spec.Extra{Op: spec.OpKept})
		}
	}
}

func (d *drawer) addExtra(e spec.Event, x spec.Extra) {
	e.T = spec.Time(len(d.h.Events)) * 1e5
	d.h.AddExtra(e, x)
}
