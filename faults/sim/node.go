package sim

import (
	"slices"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// node is one node of the world.
type node struct {
	layer    impl.Layer
	up       bool
	paused   bool
	life     uint32 // counts crashes and recoveries: what belongs to an earlier one is void
	lostLife uint32 // packets of lives before it are lost
	inc      uint32
	sends    uint64
	waiting  []bool // by number of the send: accepted, and not answered
	inbox    []impl.Input
	timers   map[timerKey]uint32
	disk     disk
	counted  [8]int         // things done, by moment
	watched  bool           // some trigger waits for it
	stacks   []spec.GroupID // where there are several groups: those that it has stacks for, ascending
	flooded  int            // frames of strangers that are on their way to it
	holding  holding        // what it holds back
	flights  []packet       // on an internet: those of the inbox's packets, in order
}

type timerKey struct {
	of uint64 // group and layer
	id uint64
}

func keyOf(g spec.GroupID, layer impl.Path, id uint64) timerKey {
	return timerKey{uint64(uint32(g))<<16 | uint64(layer), id}
}

func (k timerKey) group() spec.GroupID { return spec.GroupID(k.of >> 16) }
func (k timerKey) layer() impl.Path    { return impl.Path(k.of) }

type timer struct {
	key  timerKey
	node spec.NodeID
	life uint32
	seq  uint32 // of the event that counts; an older one has been replaced
}

func (n *node) reset() {
	if n.timers == nil {
		n.timers = map[timerKey]uint32{}
	}
	clear(n.timers)
	*n = node{timers: n.timers, inbox: n.inbox[:0], waiting: n.waiting[:0], disk: n.disk, flights: n.flights[:0]}
	n.disk.reset()
}

// start begins a life of a node: a new layer, what its disk kept, ready.
func (w *World) start(id spec.NodeID, kept *uint64) {
	n := &w.nodes[id]
	n.up, n.sends, n.waiting = true, 0, n.waiting[:0]
	n.layer = w.layers(id, n)
	if n.holding.of = nil; int(id) < w.procs {
		n.holding.of, _ = n.layer.(impl.Holder)
	}
	life, logs := n.life, len(n.disk.logs)
	w.step(id, impl.Input{Kind: impl.Start, Num: uint64(n.inc)})
	for i := 0; n.life == life && i < logs; i++ {
		l := &n.disk.logs[i] // what has been appended in this life is no part of what was kept
		w.step(id, impl.Input{Kind: impl.Recovered, Group: l.group, Layer: l.layer, Body: l.bytes[:l.at(l.durable):l.at(l.durable)]})
	}
	if n.life == life {
		in := impl.Input{Kind: impl.Ready, Flag: kept != nil}
		if kept != nil {
			in.Num = *kept
		}
		w.step(id, in)
	}
}

// layers makes what runs at a node, or the machine that stands there.
func (w *World) layers(id spec.NodeID, n *node) impl.Layer {
	all := w.config(id, n, impl.Shared)
	if int(id) >= w.procs {
		return w.machine(id, all.Seed)
	}
	var below []impl.Layer
	if w.fabric != nil {
		below = w.cfg.Internet.Host(all, w.place(id))
	}
	if !w.several {
		stack := w.cfg.New(w.config(id, n, 0))
		if len(below) == 0 {
			return stack
		}
		return impl.NewStack(slices.Insert(below, 0, stack)...)
	}
	var x impl.Node
	if w.cfg.Across != nil {
		x.Above = w.cfg.Across(all, w.h.Groups)
	}
	for _, g := range n.stacks {
		x.Stacks = append(x.Stacks, impl.GroupStack{Group: g, Layer: w.cfg.New(w.config(id, n, g))})
	}
	if len(below) > 0 {
		x.Below = impl.NewStack(below...)
	}
	return impl.NewNode(x)
}

// config is what a stack is told, or what the stacks of a node share. The random numbers of the first group are those
// of the node.
func (w *World) config(id spec.NodeID, n *node, g spec.GroupID) impl.Config {
	cfg := impl.Config{Self: id, Nodes: w.procs, Group: g, TS: w.cfg.TS, TL: w.cfg.TL, MTU: w.s.Net.MTU, Lie: w.s.LiesOf(id)}
	if g >= 0 && int(g) < len(w.s.Groups) {
		cfg.Members, cfg.Closed = w.s.Groups[g].Members, w.s.Groups[g].Closed
	}
	r := spec.NewRand(w.s.Seed, purposeNode, uint64(id)+1, uint64(n.inc))
	if g > 0 {
		r = spec.NewRand(w.s.Seed, purposeNode, uint64(id)+1, uint64(n.inc), uint64(g))
	}
	cfg.Seed = r.Uint64()
	return cfg
}

// about gives the group that an effect is about, or Shared: with a single group nothing names it.
func (w *World) about(e *impl.Effect) spec.GroupID {
	if w.several {
		return e.Group
	}
	return 0
}

// step hands an input to a node and carries out what leaves its stack.
func (w *World) step(id spec.NodeID, in impl.Input) {
	n := &w.nodes[id]
	in.Now = w.timeAt(id)
	w.out.Reset()
	w.current, w.input, w.inside = id, in.Kind, true
	n.layer.Step(in, w.out)
	w.inside = false
	life := n.life
	if w.cfg.Evidence { // which tells with each hold-back how many there are
		w.look(id, n)
	}
	w.grows = in.Kind <= impl.Ready
	for i := range w.out.List {
		w.carry(id, n, &w.out.List[i])
		if n.life != life {
			break // crashed: the rest of the step never happens
		}
	}
	if (w.grows || n.holding.depth > 0) && n.life == life {
		w.look(id, n)
	}
	if len(w.states) > 0 {
		w.reached(n.life != life)
	}
}

// carry does one thing that a node's stack wants done. Between any two the node may crash.
func (w *World) carry(id spec.NodeID, n *node, e *impl.Effect) {
	if n.watched && w.now >= w.epoch && w.interrupted(id, e) {
		return
	}
	switch e.Kind {
	case impl.Down:
		if w.fabric != nil {
			w.emit(id, e)
		} else {
			w.transmit(id, e.To, w.about(e), e.Body, e.Code)
		}
	case impl.SetTimer:
		w.setTimer(id, n, e)
	case impl.StopTimer:
		if i, ok := n.timers[keyOf(e.Group, e.Layer, e.Num)]; ok {
			w.timers[i].seq = 0
		}
	case impl.Append, impl.Persist, impl.Truncate:
		w.write(id, n, e)
	case impl.Note:
		w.note(id, e)
	default:
		if e.Kind.Upward() {
			w.record(id, n, e)
		}
	}
}

// interrupted counts what the node is about to do, and says whether it crashed on the way to it.
func (w *World) interrupted(id spec.NodeID, e *impl.Effect) bool {
	switch {
	case e.Kind == impl.Note && e.Code >= impl.PointRelayed:
		return w.moment(id, faults.OnPoint, e.Code.String())
	case e.Kind == impl.Down && e.To != id && w.isPacket(e.Body):
		return w.moment(id, faults.OnSend, "") || w.moment(id, faults.OnAction, "")
	case e.Kind == impl.Up:
		return w.moment(id, faults.OnDeliver, "") || w.moment(id, faults.OnAction, "")
	case e.Kind == impl.Acknowledge:
		return w.moment(id, faults.OnAck, "") || w.moment(id, faults.OnAction, "")
	case e.Kind == impl.Persist:
		return w.moment(id, faults.OnPersist, "") || w.moment(id, faults.OnAction, "")
	}
	return false
}

func (w *World) setTimer(id spec.NodeID, n *node, e *impl.Effect) {
	k := keyOf(e.Group, e.Layer, e.Num)
	i, ok := n.timers[k]
	if !ok {
		i = uint32(len(w.timers))
		w.timers = append(w.timers, timer{})
		n.timers[k] = i
	}
	w.timers[i] = timer{k, id, n.life, w.queue.push(w.worldTime(id, e.At), waking|i)}
}

func (w *World) wake(i, seq uint32) {
	t := &w.timers[i]
	n := &w.nodes[t.node]
	if t.seq != seq || t.life != n.life {
		return
	}
	if n.paused { // it still can be stopped or set again, by what waits before it
		n.inbox = append(n.inbox, impl.Input{Kind: impl.TimerFired, Num: uint64(i), Last: uint64(seq)})
		return
	}
	t.seq = 0
	w.step(t.node, impl.Input{Kind: impl.TimerFired, Group: t.key.group(), Layer: t.key.layer(), Num: t.key.id})
}

// crash ends a node's life. With lossy, what it has in flight is lost.
func (w *World) crash(id spec.NodeID, lossy bool) {
	n := &w.nodes[id]
	if !n.up {
		return
	}
	w.holds(id, n, 0)
	w.observe(spec.Event{Kind: spec.Crash, Node: id, Has: spec.HasNode})
	n.up, n.paused = false, false
	n.life++
	if lossy {
		n.lostLife = n.life
	}
	n.inbox, n.flights = n.inbox[:0], n.flights[:0]
	n.waiting = n.waiting[:0]
	w.cutOff(id, n)
	clear(n.timers)
}

// recover begins the next life of a crashed node.
func (w *World) recover(id spec.NodeID) {
	n := &w.nodes[id]
	if n.up {
		return
	}
	n.inc++
	n.life++
	w.observe(spec.Event{Kind: spec.Recover, Node: id, Has: spec.HasNode})
	w.readBack(id, n)
	w.start(id, nil)
}

// reviveAll lets every node come back that is down.
func (w *World) reviveAll() {
	for id := range w.procs {
		w.recover(spec.NodeID(id))
	}
}

func (w *World) pause(id spec.NodeID) {
	if n := &w.nodes[id]; n.up && !n.paused {
		n.paused = true
		w.observe(spec.Event{Kind: spec.Pause, Node: id, Has: spec.HasNode})
	}
}

// resume lets a paused node take in what has come in the meantime, in order.
func (w *World) resume(id spec.NodeID) {
	n := &w.nodes[id]
	if !n.paused {
		return
	}
	n.paused = false
	w.observe(spec.Event{Kind: spec.Resume, Node: id, Has: spec.HasNode})
	life, inbox, flights := n.life, n.inbox, n.flights
	n.inbox, n.flights = nil, nil
	for i := range inbox {
		if n.life != life {
			break
		}
		var p *packet
		if w.fabric != nil && inbox[i].Kind == impl.Packet {
			p, flights = &flights[0], flights[1:]
		}
		switch {
		case n.paused: // again, on the way
			n.inbox = append(n.inbox, inbox[i])
			if p != nil {
				n.flights = append(n.flights, *p)
			}
		case p != nil:
			w.takeIn(id, n, inbox[i], p)
		default:
			w.catchUp(id, n, inbox[i])
		}
	}
	if n.inbox == nil {
		n.inbox = inbox[:0]
	}
}

// catchUp lets a node take in what had to wait while it was paused.
func (w *World) catchUp(id spec.NodeID, n *node, in impl.Input) {
	switch in.Kind {
	case impl.TimerFired:
		w.wake(uint32(in.Num), uint32(in.Last))
	case impl.Send:
		w.accept(id, n, in)
	case impl.Packet:
		w.receive(id, n, in)
	case impl.Persisted:
		w.tell(uint32(in.Num))
	default:
		w.step(id, in)
	}
}
