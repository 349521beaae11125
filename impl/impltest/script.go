package impltest

import (
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// script plays a drawn run: sends, packets in any order, losses, duplicates, forged bytes, timers, restarts.
func (c *check) script() {
	for range c.options.inputs {
		if c.stopped {
			break
		}
		t := c.nodes[c.rand.IntN(len(c.nodes))]
		switch k := c.rand.IntN(100); {
		case k < 20:
			c.sendSomething(t)
		case k < 66:
			c.deliverSomething()
		case k < 70:
			c.loseSomething()
		case k < 74:
			c.repeatSomething()
		case k < 80:
			c.forgeSomething(t)
		case k < 88:
			c.fireTimer()
		case k < 95:
			c.answerFromBelow(t)
		case k < 97:
			c.tellSuspicion(t)
		case k < 98:
			c.restart(t)
		default:
			c.now += spec.Time(c.rand.IntN(int(20 * time.Millisecond)))
		}
	}
	for side := range c.handed {
		if k := c.handed[side].changed(0); k != nil {
			c.broken("body changed", "a body that was handed %s at input %d has been changed", k.whose, k.before)
		}
	}
}

func (c *check) sendSomething(t *twin) {
	to := impl.Everyone
	if c.noGroup || !c.noOneToOne && c.rand.IntN(3) == 0 {
		to = spec.NodeID(c.rand.IntN(len(c.nodes)))
	}
	size := c.rand.IntN(40)
	if c.mtu > 0 && c.rand.IntN(8) == 0 {
		size = c.rand.IntN(4 * c.mtu)
	}
	c.send(t, to, c.random(size), c.rand.IntN(4) > 0)
}

func (c *check) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.rand.Uint64())
	}
	return b
}

// pick chooses a packet that flies; near the oldest in most cases.
func (c *check) pick() (int, bool) {
	n := len(c.flying)
	if n == 0 {
		return 0, false
	}
	if c.rand.IntN(3) > 0 {
		n = min(n, 6)
	}
	return c.rand.IntN(n), true
}

func (c *check) deliverSomething() {
	if i, any := c.pick(); any {
		f := c.flying[i]
		c.flying = slices.Delete(c.flying, i, i+1)
		c.receive(f)
	}
}

func (c *check) loseSomething() {
	if i, any := c.pick(); any {
		c.flying = slices.Delete(c.flying, i, i+1)
	}
}

func (c *check) repeatSomething() {
	if i, any := c.pick(); any {
		c.receive(c.flying[i])
	}
}

// forgeSomething hands over changed, cut or random bytes.
func (c *check) forgeSomething(t *twin) {
	i, any := c.pick()
	if !any || c.rand.IntN(4) == 0 {
		to := t.cfg.Self
		if c.rand.IntN(2) == 0 {
			to = impl.Everyone
		}
		from := spec.NodeID(c.rand.IntN(len(c.nodes)+4) - 2)
		c.give(t, impl.Input{Kind: impl.Packet, From: from, To: to}, c.random(c.rand.IntN(120)))
		return
	}
	f := c.flying[i]
	body := slices.Clone(f.bodies[0])
	if len(body) == 0 {
		return
	}
	changed := c.rand.IntN(2) == 0
	if changed {
		body[c.rand.IntN(len(body))] ^= 1 << c.rand.IntN(8)
	} else {
		body = body[:c.rand.IntN(len(body))]
	}
	effects := c.give(c.nodes[f.at], impl.Input{Kind: impl.Packet, From: f.from, To: f.to}, body)
	if c.checksummed {
		c.onlyNotes("changed bytes", effects)
	}
}

// fireTimer goes on to the first timer of all.
func (c *check) fireTimer() {
	var first *twin
	var key timerKey
	for _, t := range c.nodes {
		for k, at := range t.timers {
			if first == nil || at < first.timers[key] || at == first.timers[key] &&
				(t.cfg.Self < first.cfg.Self || t == first && (k.layer < key.layer || k.layer == key.layer && k.id < key.id)) {
				first, key = t, k
			}
		}
	}
	if first == nil {
		return
	}
	c.now = max(c.now, first.timers[key])
	delete(first.timers, key)
	c.give(first, impl.Input{Kind: impl.TimerFired, Layer: key.layer, Num: key.id}, nil)
}

// answerFromBelow acknowledges or refuses what the layer has handed down, or says that bytes are on disk.
func (c *check) answerFromBelow(t *twin) {
	if n := len(t.persists); n > 0 && c.rand.IntN(2) == 0 {
		e := t.persists[0]
		t.persists = t.persists[1:]
		c.give(t, impl.Input{Kind: impl.Persisted, Layer: e.Layer, Ref: e.Ref}, nil)
		return
	}
	if n := len(t.owed); n > 0 {
		i := c.rand.IntN(n)
		in := impl.Input{Kind: impl.Acknowledged, Ref: t.owed[i]}
		t.owed = slices.Delete(t.owed, i, i+1)
		if c.rand.IntN(10) == 0 {
			in.Kind, in.Code = impl.Refused, impl.Overflow
		}
		c.give(t, in, nil)
	}
}

func (c *check) tellSuspicion(t *twin) {
	k := impl.Suspected
	if c.rand.IntN(2) == 0 {
		k = impl.Trusted
	}
	c.give(t, impl.Input{Kind: k, From: spec.NodeID(c.rand.IntN(len(c.nodes)))}, nil)
}

// restart crashes a node and starts its next life. Packets to itself are lost with it.
func (c *check) restart(t *twin) {
	c.flying = slices.DeleteFunc(c.flying, func(f flight) bool { return f.from == f.at && f.at == t.cfg.Self })
	t.incarnation++
	c.renew(t)
	c.start(t)
	if c.rand.IntN(3) == 0 {
		c.send(t, impl.Everyone, []byte("early"), false)
	}
	c.give(t, impl.Input{Kind: impl.Ready}, nil)
}
