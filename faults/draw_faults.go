package faults

import (
	"math/bits"

	"github.com/conform-go/conform/spec"
)

var crashKinds = spec.SetOf(spec.CrashFault, spec.CrashLossyFault)

// faults draws none to three faults from a random part of those that are allowed.
func (d *drawing) faults() {
	r := &d.r
	allowed := d.p.Faults & spec.AllFaults
	part := allowed & spec.FaultSet(r.Uint64())
	if part == 0 {
		part = allowed
	}
	if part&spec.DiskFaults != 0 { // most of what a disk does wrong is seen only when its node comes back
		part |= allowed & (crashKinds | spec.SetOf(spec.RecoverFault))
	}
	var table opTable
	faultOps(&table, part, d.nodes, d.p.Routers)
	if table.n == 0 {
		return
	}
	if part.Has(spec.CrashFault) && d.nodes > 2 && r.Chance(.15) {
		d.cascade()
		return
	}
	tied := pick(r, .5, .8, 1)
	if d.p.revives() && part&crashKinds != 0 && r.Chance(.1) {
		d.blackout(tied)
		return
	}
	for range pick(r, 0, 1, 1, 1, 1, 2, 2, 3) {
		op := table.at(byte(r.IntN(table.n)))
		for tries := 0; tries < 2 && part&spec.DiskFaults != 0 && !op.onDisk() && r.Chance(.6); tries++ {
			op = table.at(byte(r.IntN(table.n)))
		}
		switch {
		case op.crashes():
			d.crash(op, tied)
		case op == Recover: // comes with a crash
			d.crash(pick(r, Crash, CrashLossy), tied)
		case op.onDisk():
			d.disk(op, tied)
		default:
			moment, when := d.moment(tied)
			d.add(op, d.node(), moment, when, d.argument(op), byte(r.IntN(256)))
		}
	}
}

// cascade stops a sender in the middle of its sends and then one that has its message, about when it hands it on.
func (d *drawing) cascade() {
	r := &d.r
	sender := d.senders[0]
	heir := (sender + 1 + byte(r.IntN(d.nodes-1))) % byte(d.nodes)
	d.crashed |= 1<<sender | 1<<heir
	first, then := byte(1+r.IntN(d.nodes-2)), momentByte(pick(r, OnSend, OnSend, OnDeliver, OnReceive, OnAction))
	d.add(Crash, sender, momentByte(OnSend), first, 0, 0)
	d.add(Crash, heir, then, byte(d.small(6)), 0, 0)
	d.recovery(sender, 0, d.base)
	d.recovery(heir, 0, d.base)
}

// blackout stops every node, most of them at one time: what a group has then left is on its disks.
func (d *drawing) blackout(tied float64) {
	r := &d.r
	op := d.either(pick(r, Crash, CrashLossy))
	at := d.base + byte(d.small(30))
	for n := range d.nodes {
		moment, when := byte(0), at
		if r.Chance(tied / 2) {
			moment, when = d.logMoment()
		}
		d.add(op, byte(n), moment, when, 0, 0)
		d.recovery(byte(n), moment, when)
	}
}

// argument draws the first argument of a fault. Runs are short, so that shares of a few percent seldom do anything:
// the first four, from all to a tenth, are drawn more often than the others.
func (d *drawing) argument(op Op) byte {
	x := byte(d.r.IntN(256))
	if d.r.Chance(.7) {
		switch op {
		case OmitSend, OmitReceive:
			x &= 0x3f
		case Loss, Duplicate, Reorder, Corrupt, IGMPLoss, Rogue, DiskError, Drift:
			x &= 0xf3
		}
	}
	return x
}

// crash stops a node, rather a sender, and mostly one that leaves two others alone; it comes back where it may.
func (d *drawing) crash(op Op, tied float64) {
	r := &d.r
	node := d.victim()
	if !d.spares(node) {
		return
	}
	moment, when := d.moment(tied)
	if moment != 0 && r.Chance(.5) {
		// In the middle of its sends: a copy to each other node, or a relay of one.
		moment, when = momentByte(OnSend), byte(d.small(2*d.nodes))
	}
	if d.p.Faults&spec.DiskFaults != 0 && r.Chance(.4) {
		moment, when = d.logMoment()
	}
	d.add(d.either(op), node, moment, when, 0, 0)
	d.recovery(node, moment, when)
}

// either gives one of the two kinds of crashes: the other one where the set has not this one.
func (d *drawing) either(op Op) Op {
	if _, ok := d.ops.index(op); !ok {
		return Crash + CrashLossy - op
	}
	return op
}

// victim draws a node, rather a sender.
func (d *drawing) victim() byte {
	node := d.node()
	if d.r.Chance(.6) {
		node = d.senders[d.r.IntN(d.sent)]
	}
	return node
}

// spares counts a node among those that crash, and says whether enough others do not: two, mostly. Where all come back
// in the end any number will do.
func (d *drawing) spares(node byte) bool {
	after := d.crashed | 1<<node
	if !d.p.revives() && d.nodes-bits.OnesCount64(after) < 2 && d.r.Chance(.9) {
		return false
	}
	d.crashed = after
	return true
}

// recovery lets a node come back: later than its crash, where that has a time, or when another node does something.
func (d *drawing) recovery(node, moment, when byte) {
	r := &d.r
	if _, ok := d.ops.index(Recover); !ok {
		return
	}
	if r.Chance(.3) {
		other := byte(1+r.IntN(max(1, min(15, d.nodes-1)))) << 4
		d.add(Recover, node, other|momentByte(pick(r, OnSend, OnDeliver, OnReceive)), byte(d.small(8)), 0, 0)
		return
	}
	from := 0
	if moment == 0 {
		from = min(int(when)+1, ticks-1)
	}
	left := ticks - from
	d.add(Recover, node, 0, byte(from+max(r.IntN(left), r.IntN(left))), 0, 0)
}

// disk lets a disk fail, mostly at one of the first persists of its node. Most of that is seen only when the node has
// crashed after it and comes back: so it mostly does.
func (d *drawing) disk(op Op, tied float64) {
	r := &d.r
	node := d.victim()
	moment, when := d.moment(tied)
	if moment != 0 && r.Chance(.7) {
		moment, when = momentByte(OnPersist), byte(d.small(4))
	}
	d.add(op, node, moment, when, d.argument(op), byte(r.IntN(256)))
	if !afterCrash.Has(kindOf[op]) && r.Chance(.4) || !d.spares(node) {
		return
	}
	switch {
	case op == Torn && moment != 0 && r.Chance(.7): // with what it has just written
	case moment == 0:
		when = byte(min(int(when)+1+d.small(30), ticks-1))
	case r.Chance(.5):
		moment, when = 0, byte(min(int(d.base)+5+d.small(60), ticks-1))
	case r.Chance(.5):
		moment, when = d.logMoment()
	default:
		when += byte(d.small(4))
	}
	d.add(d.either(pick(r, Crash, CrashLossy)), node, moment, when, 0, 0)
	d.recovery(node, moment, when)
}

// logMoment draws the bytes of when a node with a log does something with it, or because of it.
func (d *drawing) logMoment() (moment, when byte) {
	r := &d.r
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		return momentByte(OnPersist), byte(d.small(6))
	case 4:
		return momentByte(OnAck), byte(d.small(4))
	}
	return momentByte(OnPoint) + loggedPoint + byte(r.IntN(len(pointNames)-loggedPoint)), byte(d.small(4))
}
