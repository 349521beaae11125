package adapter

import (
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// hear writes down what a process says.
func (w *Own) hear(x heard) error {
	n := &w.nodes[x.node]
	if x.err != nil {
		n.ended = x.life + 1
		if x.life != n.life || n.p == nil {
			return nil // it was killed
		}
		return fmt.Errorf("node %d: %w", x.node, x.err)
	}
	if x.ready {
		if x.life == n.life && n.p != nil {
			n.starting = false
			w.seen = time.Now()
			return w.sendDue(x.node)
		}
		return nil
	}
	l, err := parse(x.line.raw)
	if err == nil {
		err = w.record(x.node, n, l)
	}
	if err != nil {
		return fmt.Errorf("node %d: the line %s: %w", x.node, quote(x.line.raw), err)
	}
	return nil
}

// observed are the kinds of events that lines of no further meaning are.
var observed = map[string]spec.Kind{"suspect": spec.Suspect, "trust": spec.Trust, "gap": spec.Gap, "block": spec.Block,
	"unblock": spec.Unblock, "view": spec.ViewChange}

func (w *Own) record(id spec.NodeID, n *ownNode, l *Line) error {
	if l.Op == "done" || l.Op == "error" {
		return w.answered(id, n, l)
	}
	group, err := w.groupOf(l.Group)
	if err != nil {
		return err
	}
	e := spec.Event{Node: id, Group: group, Has: spec.HasNode | spec.HasGroup}
	switch l.Op {
	case "deliver":
		msg, err := parseMsg(l.Msg)
		if err != nil {
			return err
		}
		e.Kind, e.Msg, e.Sum, e.Len, e.From = spec.Deliver, msg, spec.Digest(xxhash.Sum64(l.Body)), int32(len(l.Body)), msg.Sender
		e.Has |= spec.HasMsg | spec.HasSum | spec.HasLen | spec.HasFrom
		if l.From != "" {
			if e.From, err = parseNode(l.From, w.s.Nodes); err != nil {
				return err
			}
		}
		if int(msg.Sender) >= w.s.Nodes {
			return fmt.Errorf("there is no node %d", msg.Sender)
		}
		if l.Again {
			e.Has |= spec.IsRedelivered
		}
		if l.Safe {
			e.Has |= spec.IsSafe
		}
		var more spec.Extra
		if l.Pos > 0 {
			e.Has, more.Pos = e.Has|spec.HasPos, l.Pos
		}
		if l.View != "" {
			if more.View, err = spec.ParseViewID(l.View); err != nil {
				return err
			}
			e.Has |= spec.HasView
		}
		if e.Is(spec.HasPos) || e.Is(spec.HasView) {
			w.extra(e, more)
		} else {
			w.observe(e)
		}
		return w.moment(id, n, faults.OnDeliver)
	case "suspect", "trust", "gap", "block", "unblock", "view":
		return w.upward(l, e)
	}
	return fmt.Errorf("a program on its own network does not say %q", l.Op)
}

func (w *Own) extra(e spec.Event, x spec.Extra) {
	w.seen = time.Now()
	e.T = spec.Time(max(0, w.seen.Sub(w.epoch)))
	w.h.AddExtra(e, x)
}

func (w *Own) upward(l *Line, e spec.Event) error {
	e.Kind = observed[l.Op]
	switch l.Op {
	case "view":
		view, err := spec.ParseViewID(l.View)
		if err != nil {
			return err
		}
		members, err := parseNodes(l.Members, w.s.Nodes)
		if err != nil {
			return err
		}
		slices.Sort(members)
		e.Has |= spec.HasView
		if l.Some {
			e.Has |= spec.IsTransitional
		}
		w.extra(e, spec.Extra{View: view, Members: slices.Compact(members)})
		return nil
	case "suspect", "trust", "gap":
		node, err := parseNode(l.Node+l.From, w.s.Nodes)
		if err != nil {
			return err
		}
		if l.Op == "gap" {
			e.From, e.Has = node, e.Has|spec.HasFrom
		} else {
			e.To, e.Has = node, e.Has|spec.HasTo
		}
	}
	w.observe(e)
	return nil
}

// moment lets the steps happen that waited for what a node has just done.
func (w *Own) moment(id spec.NodeID, n *ownNode, on faults.Moment) error {
	n.counted[on]++
	for i := range w.steps {
		when := &w.s.Steps[w.steps[i].step].When
		if w.steps[i].done || w.steps[i].at >= 0 || when.On != on || when.Node != id || when.K != n.counted[on] {
			continue
		}
		op := w.s.Steps[w.steps[i].step].Action.Op
		if _, fault := op.Fault(); fault && op != faults.Recover && w.healed {
			w.steps[i].done = true
			continue
		}
		if err := w.act(i); err != nil {
			return err
		}
	}
	return nil
}

func (w *Own) observe(e spec.Event) {
	w.seen = time.Now()
	e.T = spec.Time(max(0, w.seen.Sub(w.epoch)))
	w.h.Add(e)
}
