package impltest

import (
	"bytes"
	"math"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// clock is a time as a person reads it.
func clock(t spec.Time) time.Duration { return time.Duration(t) }

// passesOn checks that what a layer has no business with goes on, once.
func (c *check) passesOn() {
	t := c.nodes[0]
	for _, k := range []impl.InputKind{impl.Join, impl.Leave, impl.Barrier, impl.Query, impl.Accept} {
		in := impl.Input{Kind: k, Ref: 71}
		c.passes(t, in, impl.Effect{Kind: impl.CallDown, Call: k, Ref: 71})
	}
	v := &spec.View{ID: spec.ViewID{Epoch: 1}, Members: t.cfg.Members}
	for _, p := range []struct {
		in impl.Input
		e  impl.Effect
	}{
		{impl.Input{Kind: impl.Done, Ref: 72}, impl.Effect{Kind: impl.Finish, Ref: 72}},
		{impl.Input{Kind: impl.Blocked}, impl.Effect{Kind: impl.Block}},
		{impl.Input{Kind: impl.Unblocked}, impl.Effect{Kind: impl.Unblock}},
		{impl.Input{Kind: impl.Suspected, From: 1}, impl.Effect{Kind: impl.Suspect, From: 1}},
		{impl.Input{Kind: impl.Trusted, From: 1}, impl.Effect{Kind: impl.Trust, From: 1}},
		{impl.Input{Kind: impl.GapFound, From: 1, Num: 7, Last: 9}, impl.Effect{Kind: impl.Gap, From: 1, Num: 7, Last: 9}},
		{impl.Input{Kind: impl.Resumed, Flag: true}, impl.Effect{Kind: impl.Resume, Flag: true}},
		{impl.Input{Kind: impl.ViewChanged, View: v}, impl.Effect{Kind: impl.InstallView, View: v, Flag: true}},
	} {
		c.passes(t, p.in, p.e)
	}
	told := c.give(t, impl.Input{Kind: impl.ViewChanged, View: v, Flag: true}, nil)
	for i := range told {
		if told[i].Kind == impl.InstallView {
			c.broken("views", "%s: a view that was installed above does not come up again", Effect(&told[i]))
		}
	}
}

// passes checks that one input comes out as that effect.
func (c *check) passes(t *twin, in impl.Input, want impl.Effect) {
	if slices.Contains(c.handles, in.Kind) {
		return
	}
	found := 0
	effects := c.give(t, in, nil)
	for i := range effects {
		if same(effects[i], want) {
			found++
		}
	}
	if !c.stopped && found != 1 {
		c.broken("passing on", "%s: an input that the layer has no business with is passed on, once, as %s",
			Effects(effects), Effect(&want))
	}
}

// send lets the application above a layer send.
func (c *check) send(t *twin, to spec.NodeID, body []byte, acknowledged bool) []impl.Effect {
	in := impl.Input{Kind: impl.Send, To: to}
	if acknowledged {
		t.next++
		in.Ref = t.next
		t.asked = append(t.asked, in.Ref)
	}
	return c.give(t, in, body)
}

// drain hands over what flies, in order, until nothing does, and shows each step's effects.
func (c *check) drain(show func(t *twin, effects []impl.Effect)) {
	for k := 0; len(c.flying) > 0 && !c.stopped; k++ {
		if k == 10_000 {
			c.broken("an end", "packets without end follow from one send, without a fault")
			return
		}
		f := c.flying[0]
		c.flying = c.flying[1:]
		show(c.nodes[f.at], c.receive(f))
	}
}

func (c *check) receive(f flight) []impl.Effect {
	to := f.to
	return c.take(c.nodes[f.at], happening{impl.Input{Kind: impl.Packet, From: f.from, To: to}, f.bodies})
}

// oneToOne checks that a message to one node gets there, once, and nowhere else.
func (c *check) oneToOne() {
	if c.noOneToOne {
		return
	}
	for i, pair := range [][2]spec.NodeID{{0, 1}, {1, 1}, {2, 0}} {
		body := bytes.Repeat([]byte{byte('a' + i)}, 20+i)
		got := 0
		see := func(t *twin, effects []impl.Effect) {
			for k := range effects {
				if e := &effects[k]; e.Kind == impl.Up {
					got++
					if t.cfg.Self != pair[1] || e.From != pair[0] || e.To != pair[1] || !bytes.Equal(e.Body, body) {
						c.broken("one to one", "%s, from a message of %d to %d alone", Effect(e), pair[0], pair[1])
					}
				}
			}
		}
		c.send(c.nodes[pair[0]], pair[1], body, false)
		sent, at := c.input, c.at
		c.drain(see)
		if !c.stopped && got != 1 {
			c.input, c.at = sent, at
			c.broken("one to one", "it was delivered %d times: messages to one node pass through every layer", got)
		}
	}
}

// short checks that what is shorter than any packet is dropped. The shortest packets are those of empty messages.
func (c *check) short() {
	shortest := map[bool]int{true: math.MaxInt, false: math.MaxInt} // by: to the group
	note := func(*twin, []impl.Effect) {
		for _, f := range c.flying {
			k := f.to == impl.Everyone
			shortest[k] = min(shortest[k], len(f.bodies[0]))
		}
	}
	t := c.nodes[0]
	if !c.noGroup {
		note(t, c.send(t, impl.Everyone, []byte{}, true))
	}
	if !c.noOneToOne {
		note(t, c.send(t, 1, []byte{}, true))
	}
	c.drain(note)
	for group, least := range shortest {
		if least == math.MaxInt {
			continue
		}
		to := spec.NodeID(1)
		if group {
			to = impl.Everyone
		}
		for n := range least {
			in := impl.Input{Kind: impl.Packet, From: 0, To: to}
			c.onlyNotes("short packets", c.give(c.nodes[1], in, make([]byte, n)))
		}
		if least > 0 {
			c.onlyNotes("short packets", c.give(c.nodes[1], impl.Input{Kind: impl.Packet, To: to}, nil))
		}
	}
}

// beforeReady checks that a layer that is not ready bears inputs that come too early.
func (c *check) beforeReady() {
	t := c.nodes[0]
	t.incarnation++
	c.renew(t)
	c.start(t)
	c.send(t, 1, []byte("early"), false)
	c.send(t, impl.Everyone, []byte("early"), false)
	c.give(t, impl.Input{Kind: impl.TimerFired}, nil)
	c.give(t, impl.Input{Kind: impl.Packet, From: 1, To: impl.Everyone}, []byte("early"))
	c.give(t, impl.Input{Kind: impl.Packet, From: 1, To: 0}, []byte("early"))
	c.give(t, impl.Input{Kind: impl.Ready}, nil)
}
