package faults

import (
	"encoding/binary"

	"github.com/conform-go/conform/spec"
)

// Draw makes the scenario of a seed. Every parameter of the drawing is itself drawn, so that schedules differ in kind
// and not only in detail (swarm testing: Groce et al., ISSTA 2012). Half of the scenarios are tiny. Most faults are
// tied to the k-th thing that a node does, which finds bugs in fewer schedules than faults at random times, and most
// of those strike a sender in the middle of its sends.
func Draw(seed uint64, p Params) *Scenario {
	s := new(Scenario)
	DrawInto(s, seed, p)
	return s
}

// DrawInto is [Draw] into the memory of s, of which nothing else is kept. What s held before must not be used again.
func DrawInto(s *Scenario, seed uint64, p Params) {
	p = p.withDefaults()
	d := drawing{p: &p, r: spec.NewRand(seed, drawStream)}
	d.head()
	binary.BigEndian.PutUint64(d.bytes[headBytes:], seed)
	d.sends()
	d.operations()
	d.faults()
	d.bytes[3] = byte(d.count)
	DecodeInto(s, d.bytes[:prefixBytes+d.count*recordBytes], p)
}

// drawStream keeps the drawing of a scenario apart from the run's own random decisions, which have the same seed.
const drawStream = 0xd4a3

// drawing is a scenario under way, as the bytes that [Decode] takes.
type drawing struct {
	p       *Params
	r       spec.Rand
	bytes   [prefixBytes + maxRecords*recordBytes]byte
	count   int // records so far
	nodes   int
	ops     opTable // of the records that may send
	senders [maxSends]byte
	sent    int
	crashed uint64 // bit set of nodes
	base    byte   // when most of the sends begin, in ticks
}

func (d *drawing) head() {
	p, r := d.p, &d.r
	spread := r.IntN(p.MaxNodes - p.MinNodes + 1)
	d.nodes = p.MinNodes + spread
	d.bytes[0] = byte(spread)
	strategy := pick(r, Latency, Latency, POS, POS, PCT)
	d.bytes[1] = byte(strategy)
	switch {
	case strategy == PCT:
		d.bytes[1] += byte(strategies) * pick[byte](r, 0, 1, 1, 2, 2, 3, 4)
	case strategy == Latency && r.Chance(.5):
		d.bytes[1] += byte(strategies) * byte(r.IntN(len(bounds)))
	}
	d.flag(sentinelFlag, .4)
	d.flag(closedFlag, .15)
	if p.NonMember {
		d.flag(nonMemberFlag, .3)
	}
	if p.MTU > 0 {
		d.flag(mtuFlag, .5)
	}
	if p.Overlaps {
		d.flag(thirdFlag, .3)
	}
	p.overlap(d.bytes[2])
	p.operations(&d.ops)
	faultOps(&d.ops, p.Faults, d.nodes, p.Routers)
}

func (d *drawing) flag(flag byte, chance float64) {
	if d.r.Chance(chance) {
		d.bytes[2] |= flag
	}
}

func (d *drawing) node() byte { return byte(d.r.IntN(d.nodes)) }

// add appends a record; what finds no room, or is not allowed, is left out.
func (d *drawing) add(op Op, node, moment, when, x, y byte) {
	i, ok := d.ops.index(op)
	if !ok || d.count == maxRecords {
		return
	}
	at := prefixBytes + d.count*recordBytes
	copy(d.bytes[at:], []byte{i, node, moment, when, x, y})
	d.count++
}

// sends: who sends, when and what is one style for the whole scenario, with exceptions.
func (d *drawing) sends() {
	r := &d.r
	count := 1 + r.IntN(d.p.MaxSends)
	if r.Chance(.5) {
		count = min(pick(r, 1, 2, 2, 3, 3), d.p.MaxSends)
	}
	if d.p.Overlaps {
		count = max(count, min(d.p.Groups, d.p.MaxSends))
	}
	var (
		causal = pick(r, 0, 0, .5, .5, .9) // share of sends that answer a delivery
		burst  = pick(r, 0, .5, .8, 1)     // share of timed sends at the same moment
		single = pick(r, 0, 0, .8)         // share of sends by one and the same node
		equal  = pick(r, 0, 0, 0, .7)      // share of sends with a content that others have
		alone  = pick(r, 0, .2, .5)        // share of one-to-one sends, where there are any
	)
	d.base = pick[byte](r, 0, 0, 0, byte(r.IntN(ticks/4)))
	style := r.IntN(8)
	first := d.node()
	for i := range count {
		node := d.node()
		if r.Chance(single) {
			node = first
		}
		moment, when := byte(0), d.base
		switch {
		case i > 0 && r.Chance(causal):
			moment, when = momentByte(OnDeliver), byte(min(r.IntN(i), r.IntN(i)))
		case !r.Chance(burst):
			when = d.base + byte(d.small(ticks/4))
		}
		var content byte
		if r.Chance(equal) {
			content = 1 + byte(d.small(3))
		}
		each := d.p.Overlaps && i < d.p.Groups // of the groups is sent to
		if d.p.OneToOne && !each && r.Chance(alone) {
			content |= byte(1+r.IntN(min(15, max(1, d.nodes-1)))) << 4
		}
		group := r.IntN(d.p.Groups)
		if each {
			group = i
		}
		content |= byte(group) << 2
		d.add(Send, node, moment, when, d.size(style), content)
		d.senders[d.sent] = node
		d.sent++
	}
}

// size draws the byte of a size; one scenario in eight has long messages.
func (d *drawing) size(style int) byte {
	switch style {
	case 0:
		return 0
	case 1:
		return byte(d.r.IntN(256))
	case 2, 3, 4:
		return byte(d.r.IntN(65))
	}
	return 8
}

// small draws from [0, n), rather the small ones.
func (d *drawing) small(n int) int { return min(d.r.IntN(n), d.r.IntN(n)) }

// operations draws the operations that are no sends.
func (d *drawing) operations() {
	for _, op := range [...]Op{Join, Leave, Sync, Query, Create, Destroy} {
		if _, ok := d.ops.index(op); !ok || !d.r.Chance(.4) {
			continue
		}
		for range 1 + d.small(2) {
			moment, when := d.moment(.4)
			d.add(op, d.node(), moment, when, byte(d.r.IntN(d.p.Groups)), 0)
		}
	}
}

// moment draws the bytes of when something strikes: with probability tied at the k-th thing that a node does, mostly
// the node itself and mostly with a small k; or else at a time, mostly while the first messages are under way.
func (d *drawing) moment(tied float64) (moment, when byte) {
	r := &d.r
	if !r.Chance(tied) {
		if r.Chance(.7) {
			return 0, d.base + byte(d.small(30))
		}
		return 0, byte(r.IntN(ticks))
	}
	on := pick(r, OnSend, OnSend, OnDeliver, OnDeliver, OnReceive, OnReceive, OnAction, OnAck, OnPersist, OnPoint)
	moment, when = momentByte(on), byte(min(d.small(8), r.IntN(8)))
	switch on {
	case OnAction:
		when = byte(d.small(24))
	case OnPoint:
		moment += byte(r.IntN(len(pointNames)))
		when /= 2
	}
	if r.Chance(.25) {
		moment |= byte(r.IntN(min(16, d.nodes))) << 4
	}
	return moment, when
}

// momentByte is the byte that [decodeMoment] takes for a moment; of the points, the first.
func momentByte(on Moment) byte {
	for i, m := range drawnMoments {
		if m == on {
			return byte(i)
		}
	}
	return byte(len(drawnMoments))
}

// pick draws one of the values.
func pick[T any](r *spec.Rand, values ...T) T { return values[r.IntN(len(values))] }
