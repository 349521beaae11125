package impltest

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// judge checks the effects of one step.
func (c *check) judge(t *twin, effects []impl.Effect) {
	upward := false
	_, isStack := t.layers[0].(*impl.Stack) // of many steps: what it says is in the order in which it leaves
	for i := range effects {
		e := &effects[i]
		if e.Kind == impl.NoEffect || e.Kind > impl.Resume {
			c.broken("kinds", "effect %d has no kind that exists", i)
			return
		}
		if upward && !e.Kind.Upward() && !isStack {
			c.broken("upward last", "%s comes after an upward effect: upward effects come last in a step", Effect(e))
		}
		upward = upward || e.Kind.Upward()
		c.effect(t, e)
	}
}

func (c *check) effect(t *twin, e *impl.Effect) {
	switch e.Kind {
	case impl.Down:
		if c.known(c.input.From) && e.To != impl.Everyone && !c.known(e.To) {
			c.broken("addresses", "%s: there is no such node", Effect(e))
		}
	case impl.SetTimer:
		if e.At < c.now {
			c.broken("timers", "%s, but it is %v: a timer may not lie in the past", Effect(e), clock(c.now))
		}
	case impl.Up:
		if c.input.Kind == impl.Send {
			c.broken("own copy", "%s answers a send: a node's own copy comes from the transport, as a packet", Effect(e))
		}
		if e.To != impl.Everyone && e.To != t.cfg.Self {
			c.broken("addresses", "%s: what comes up is to the group, or to node %d", Effect(e), t.cfg.Self)
		}
	case impl.Acknowledge, impl.Refuse:
		c.answer(t, e)
	}
}

func (c *check) known(n spec.NodeID) bool { return n >= 0 && int(n) < len(c.nodes) }

// answer checks that a send is answered once, and only one that was made.
func (c *check) answer(t *twin, e *impl.Effect) {
	i := slices.Index(t.asked, e.Ref)
	switch {
	case i >= 0:
		t.asked = slices.Delete(t.asked, i, i+1)
	case e.Ref == 0 && e.Kind == impl.Refuse: // tells nobody
	case e.Ref > 0 && e.Ref <= t.next:
		c.broken("answers", "%s: that send has had its answer", Effect(e))
	default:
		c.broken("answers", "%s: nobody gave that ref", Effect(e))
	}
}

// onlyNotes checks that a packet that must be discarded is, and that a note says so.
func (c *check) onlyNotes(rule string, effects []impl.Effect) {
	if c.stopped {
		return
	}
	for i := range effects {
		if effects[i].Kind != impl.Note {
			c.broken(rule, "%s: it must be dropped, and noted", Effects(effects))
			return
		}
	}
	if len(effects) == 0 {
		c.broken(rule, "it was dropped, but not noted")
	}
}
