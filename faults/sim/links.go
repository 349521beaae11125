package sim

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/spec"
)

// packet is one copy on its way.
type packet struct {
	body     []byte
	from, to spec.NodeID
	group    spec.GroupID
	life     uint32 // of the sender
	sent     uint32 // counts all packets: those sent before a lossy crash are lost
	flight
}

// flight is what an observer knows of a frame on its way.
type flight struct {
	port     uint64 // at which it comes in
	kind     ipmulticast.FrameKind
	datagram datagram
	overruns bool // a stranger's, that a node's card has room for
}

// cause is the frame that a machine is working on.
type cause struct {
	datagram
	kind ipmulticast.FrameKind
}

// activeFault is a step that is in force.
type activeFault struct {
	step   int
	since  int64
	rand   spec.Rand
	router int     // that is down
	part   []int16 // partitions: the part of each node; -1 is none
}

// transmit sends one copy on its way, past the faults in force.
func (w *World) transmit(from, to spec.NodeID, group spec.GroupID, body []byte, code impl.Code) {
	if to < 0 || int(to) >= w.procs {
		return
	}
	if from == to { // loss-free
		w.launch(from, to, group, body, 0, flight{})
		return
	}
	w.tally(body, code)
	w.packet(from, to, code)
	if w.s.Net.MTU > 0 && len(body) > w.s.Net.MTU {
		w.counts.TooLong++
		w.evidence(from, spec.Discard, "longer than the MTU")
		return
	}
	body, copies, extra := w.cross(from, to, body)
	for range copies {
		w.launch(from, to, group, body, extra, flight{})
	}
}

// tally counts a packet that a node sends to others.
func (w *World) tally(body []byte, code impl.Code) {
	w.counts.Packets++
	w.counts.Bytes += len(body)
	switch code {
	case impl.BareAck:
		w.counts.AckPackets++
	case impl.BareNack:
		w.counts.NackPackets++
	}
}

// cross lets the faults in force act on what one node sends to another: how many copies arrive, in what state, and
// how much later.
func (w *World) cross(from, to spec.NodeID, body []byte) (left []byte, copies int, extra int64) {
	copies = 1
	for i := range w.active {
		f := &w.active[i]
		a := &w.s.Steps[f.step].Action
		switch a.Op {
		case faults.OmitSend:
			if a.Node == from && (a.Peer < 0 || a.Peer == to) && hits(f, a) {
				return nil, 0, 0
			}
		case faults.Loss:
			if hits(f, a) {
				return nil, 0, 0
			}
		case faults.Partition, faults.OneWay, faults.Bridge, faults.Isolate, faults.Flap:
			if w.cuts(f, a, from, to) {
				return nil, 0, 0
			}
		case faults.Delay:
			if a.Node == from && (a.Peer < 0 || a.Peer == to) {
				extra += int64(a.By)
			}
		case faults.Reorder:
			if hits(f, a) {
				extra += int64(f.rand.Float64() * float64(a.By))
			}
		case faults.Duplicate:
			if hits(f, a) {
				copies++
			}
		case faults.Corrupt:
			if len(body) > 0 && hits(f, a) {
				body = w.mangle(body, f)
			}
		}
	}
	return body, copies, extra
}

func hits(f *activeFault, a *faults.Action) bool {
	return a.Percent >= 100 || f.rand.IntN(100) < a.Percent
}

// mangle changes one byte of a copy: receivers share the original.
func (w *World) mangle(body []byte, f *activeFault) []byte {
	b := w.arena.Alloc(len(body))
	copy(b, body)
	b[f.rand.IntN(len(b))] ^= byte(1 + f.rand.IntN(255))
	return b
}

func (w *World) cuts(f *activeFault, a *faults.Action, from, to spec.NodeID) bool {
	switch a.Op {
	case faults.Isolate:
		return from == a.Node || to == a.Node
	case faults.Bridge:
		if from == a.Node || to == a.Node {
			return false
		}
	case faults.OneWay:
		return f.part[from] == 0 && f.part[to] == 1
	case faults.Flap:
		if a.By > 0 && (w.now-f.since)/int64(a.By)%2 == 1 {
			return false
		}
	}
	return f.part[from] >= 0 && f.part[to] >= 0 && f.part[from] != f.part[to]
}

// launch gives a copy to the queue or to the order.
func (w *World) launch(from, to spec.NodeID, group spec.GroupID, body []byte, extra int64, fl flight) {
	i := w.slot(packet{body: body, from: from, to: to, group: group, life: w.lifeOf(from), sent: w.queue.seq, flight: fl})
	switch {
	case !w.order.keeps():
		w.queue.push(w.now+w.order.delay()+extra, arrival|i)
	case extra > 0:
		w.queue.push(w.now+extra, pooling|i)
	default:
		w.order.add(i, w.now, from, to)
	}
}

// slot keeps a packet while it is on its way.
func (w *World) slot(p packet) uint32 {
	if n := len(w.freed); n > 0 {
		i := w.freed[n-1]
		w.freed = w.freed[:n-1]
		w.packets[i] = p
		return i
	}
	w.packets = append(w.packets, p)
	return uint32(len(w.packets) - 1)
}

// arrive hands a packet to its node, unless a fault has it.
func (w *World) arrive(i uint32) {
	w.landed = w.packets[i] // the slot may be used again while its node takes the packet in
	p := &w.landed
	w.packets[i].body = nil
	w.freed = append(w.freed, i)
	if p.overruns {
		w.nodes[p.to].flooded--
	}
	if int(p.from) < len(w.nodes) {
		sender := &w.nodes[p.from]
		if p.from == p.to && p.life != sender.life || p.life < sender.lostLife {
			return // of a life that is over: to itself, or lost with the crash
		}
	}
	for k := range w.active {
		f := &w.active[k]
		a := &w.s.Steps[f.step].Action
		if a.Op == faults.OmitReceive && a.Node == p.to && p.from != p.to && (a.Peer < 0 || a.Peer == p.source()) && hits(f, a) {
			return
		}
	}
	n := &w.nodes[p.to]
	if w.fabric != nil {
		w.comeIn(n, p)
		return
	}
	if !n.up {
		return
	}
	in := impl.Input{Kind: impl.Packet, Body: p.body, From: p.from, To: p.to, Group: p.group}
	if n.paused {
		n.inbox = append(n.inbox, in)
		return
	}
	w.receive(p.to, n, in)
}

// source is the node whose packet it is.
func (p *packet) source() spec.NodeID {
	if p.datagram.number != 0 {
		return p.datagram.origin
	}
	return p.from
}

// comeIn hands a frame to its machine. A node that is paused takes it in later; its card drops nothing.
func (w *World) comeIn(n *node, p *packet) {
	if !n.up {
		return
	}
	in := impl.Input{Kind: impl.Packet, Num: p.port, Body: p.body, From: -1, To: impl.Everyone, Group: p.group}
	if p.port == impl.LoopPort {
		in.From, in.To = p.from, p.to
	}
	switch {
	case int(p.to) >= w.procs:
		w.cause = cause{p.datagram, p.kind}
		w.step(p.to, in)
		w.cause = cause{}
		return
	case n.paused:
		n.inbox, n.flights = append(n.inbox, in), append(n.flights, *p)
		return
	}
	w.takeIn(p.to, n, in, p)
}

// takeIn lets a node take in a frame, and writes down what its host made of it.
func (w *World) takeIn(id spec.NodeID, n *node, in impl.Input, p *packet) {
	if !p.kind.Carries() && p.kind != ipmulticast.OtherFrame {
		w.taken(id, p)
		w.step(id, in)
		return
	}
	w.taking = p
	w.receive(id, n, in)
	w.taking = nil
}

// receive lets a node take a packet in. Just before it does, it may crash or be paused.
func (w *World) receive(id spec.NodeID, n *node, in impl.Input) {
	if n.watched && in.From != id && in.Last == 0 {
		if w.moment(id, faults.OnReceive, "") || w.moment(id, faults.OnAction, "") {
			return
		}
		if n.paused {
			in.Last = 1 // counted
			n.inbox = append(n.inbox, in)
			if w.taking != nil {
				n.flights = append(n.flights, *w.taking)
			}
			return
		}
	}
	w.counts.Receipts++
	in.Last = 0
	w.step(id, in)
}

// begin puts a fault in force; a duration of 0 lasts until all is healed.
func (w *World) begin(i int, lasts time.Duration) {
	n := len(w.active)
	if n < cap(w.active) {
		w.active = w.active[:n+1]
	} else {
		w.active = append(w.active, activeFault{})
	}
	f := &w.active[n]
	a := &w.s.Steps[i].Action
	f.step, f.since, f.rand = i, w.now, spec.NewRand(w.s.Seed, purposeFault, uint64(i)+1)
	if a.Op.OnClock() {
		w.clocks++
	}
	if w.fabric != nil && w.breakDown(f, a) {
		f = &w.active[n] // others may have begun meanwhile
	}
	if len(a.Parts) > 0 {
		f.part = resized(f.part, len(w.nodes))
		for n := range f.part {
			f.part[n] = -1
		}
		for p, part := range a.Parts {
			for _, n := range part {
				f.part[n] = int16(p)
			}
		}
	}
	if lasts > 0 {
		w.queue.push(w.now+int64(lasts), ending|uint32(i))
	}
}

// end takes a fault out of force.
func (w *World) end(i int) {
	if a := &w.s.Steps[i].Action; a.Op == faults.Pause {
		w.resume(a.Node)
		return
	}
	for k := range w.active {
		if w.active[k].step == i {
			w.remark(spec.Heal, i)
			if w.s.Steps[i].Action.Op.OnClock() {
				w.clocks--
			}
			if w.fabric != nil {
				w.mend(&w.active[k], &w.s.Steps[i].Action)
			}
			last := len(w.active) - 1
			w.active[k], w.active[last] = w.active[last], w.active[k] // both keep their memory
			w.active = w.active[:last]
			return
		}
	}
}

// heal ends every fault but crashes.
func (w *World) heal() {
	for len(w.active) > 0 {
		w.end(w.active[len(w.active)-1].step)
	}
	for n := range w.nodes {
		w.resume(spec.NodeID(n))
	}
}
