package reliability_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/impltest"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// world is a few nodes, each with a disk that keeps only what was persisted, and perhaps a torn piece of what came
// behind it. A node can crash after any effect that leaves its stack, and come back.
type world struct {
	level  func(impl.Config) impl.Layer
	rand   spec.Rand
	out    *impl.Effects
	nodes  []*worldNode
	now    spec.Time
	agenda impltest.Agenda[func()]

	loss, double float64
	cut          func(from, to spec.NodeID, now spec.Time) bool
	torn         bool // crashes leave a piece of what was not synced
	lossy        bool // crashes lose what is in flight
	fixed        bool // no delay is drawn
	whole        bool // logs keep everything: what is handed up again is handed up in its old order
	told         bool // the application says how much it has kept

	spoil   func(log []byte) []byte // what a disk gives back; nil: what was written
	sent    map[string]*worldSend
	order   []string
	packets int
	text    []string // what has happened, where it is wanted
	trace   bool
}

type worldSend struct {
	node, life    int
	acked, denied bool
	spoiled       bool // its sender has crashed since, or could not write
}

type worldNode struct {
	id      spec.NodeID
	layer   impl.Layer
	up      bool
	inc     int
	life    int
	timers  map[worldTimer]int
	logs    []*worldLog
	broken  bool  // its disk fails
	effects int   // that have left its stack, in all lives
	crashAt []int // after so many effects
	back    time.Duration
	refs    []string            // what it has sent in this life
	applied []string            // what it has delivered, over all lives
	again   int                 // how much of that was handed up again in this life
	losses  map[spec.NodeID]int // messages of others that are lost here
}

type worldTimer struct {
	layer impl.Path
	id    uint64
}

type worldLog struct {
	layer   impl.Path
	bytes   []byte
	durable int
	cut     int
}

const worldTS, worldTL = 30 * time.Millisecond, 300 * time.Millisecond

func newWorld(n int, seed uint64, level func(impl.Config) impl.Layer) *world {
	w := &world{level: level, rand: spec.NewRand(seed, 11), out: impl.NewEffects(&impl.Arena{Forget: true}),
		sent: map[string]*worldSend{}, cut: func(spec.NodeID, spec.NodeID, spec.Time) bool { return false }}
	for i := range n {
		w.nodes = append(w.nodes, &worldNode{id: impltest.Node(i), losses: map[spec.NodeID]int{}})
	}
	return w
}

// begin starts all nodes.
func (w *world) begin() {
	for _, n := range w.nodes {
		w.start(n)
	}
}

func (w *world) say(format string, args ...any) {
	if w.trace {
		w.text = append(w.text, fmt.Sprintf("%v ", time.Duration(w.now))+fmt.Sprintf(format, args...))
	}
}

func (w *world) at(d time.Duration, do func()) int {
	return w.agenda.Put(w.now+spec.Time(d), do)
}

// run lets everything happen that is due before a time.
func (w *world) run(until time.Duration) {
	for d, ok := w.agenda.Next(spec.Time(until)); ok; d, ok = w.agenda.Next(spec.Time(until)) {
		w.now = d.At
		d.What()
	}
	w.now = spec.Time(until)
}

func (w *world) start(n *worldNode) {
	cfg := impl.Config{Self: n.id, Nodes: len(w.nodes), TS: worldTS, TL: worldTL}
	for _, m := range w.nodes {
		cfg.Members = append(cfg.Members, m.id)
	}
	n.layer = impl.NewStack(w.level(cfg), transport.NewUnicast(cfg), transport.NewAcceptingChannel(cfg))
	n.up, n.timers, n.refs, n.again = true, map[worldTimer]int{}, nil, 0
	w.say("%d starts", n.id)
	life := n.life
	w.step(n, impl.Input{Kind: impl.Start, Num: uint64(n.inc)})
	for i := 0; n.life == life && i < len(n.logs); i++ {
		l := n.logs[i]
		if w.spoil != nil {
			l.bytes = w.spoil(l.bytes)
			l.durable = len(l.bytes)
		}
		w.step(n, impl.Input{Kind: impl.Recovered, Layer: l.layer, Body: slices.Clone(l.bytes)})
	}
	if n.life == life {
		w.step(n, impl.Input{Kind: impl.Ready, Flag: w.told, Num: uint64(len(n.applied))})
	}
}

func (w *world) crash(n *worldNode) {
	if !n.up {
		return
	}
	w.say("%d crashes", n.id)
	n.up = false
	n.life++
	for _, l := range n.logs {
		keep := l.durable
		if w.torn {
			keep += w.rand.IntN(len(l.bytes) - l.durable + 1)
		}
		l.bytes, l.durable, l.cut = l.bytes[:keep:keep], keep, 0
	}
	for _, s := range w.sent {
		if s.node == int(n.id) && s.life == n.life-1 {
			s.spoiled = true
		}
	}
	if n.back > 0 {
		w.at(n.back, func() { w.restart(n) })
	}
}

func (w *world) restart(n *worldNode) {
	if !n.up {
		n.inc++
		n.life++
		w.start(n)
	}
}

func (w *world) send(n *worldNode, body string) {
	if !n.up {
		return
	}
	n.refs = append(n.refs, body)
	w.sent[body] = &worldSend{node: int(n.id), life: n.life, spoiled: n.broken}
	w.order = append(w.order, body)
	w.step(n, impl.Input{Kind: impl.Send, To: impl.Everyone, Body: []byte(body), Ref: impl.Ref(len(n.refs))})
}

func (w *world) step(n *worldNode, in impl.Input) {
	in.Now = w.now
	out := w.out // no step happens within another
	out.Reset()
	if w.trace {
		w.say("%d: %s", n.id, impltest.Input(in))
	}
	life := n.life
	n.layer.Step(in, out)
	for i := range out.List {
		e := &out.List[i]
		if w.trace {
			w.say("%d:     %s", n.id, impltest.Effect(e))
		}
		w.carry(n, e)
		n.effects++
		if slices.Contains(n.crashAt, n.effects) {
			w.crash(n)
		}
		if n.life != life {
			return
		}
	}
}

func (w *world) carry(n *worldNode, e *impl.Effect) {
	switch e.Kind {
	case impl.Down:
		w.transmit(n, e.To, e.Body)
	case impl.SetTimer:
		k, life, seq := worldTimer{e.Layer, e.Num}, n.life, 0
		seq = w.at(time.Duration(max(e.At, w.now)-w.now), func() {
			if n.life == life && n.timers[k] == seq {
				delete(n.timers, k)
				w.step(n, impl.Input{Kind: impl.TimerFired, Layer: k.layer, Num: k.id})
			}
		})
		n.timers[k] = seq
	case impl.StopTimer:
		delete(n.timers, worldTimer{e.Layer, e.Num})
	case impl.Append, impl.Truncate, impl.Persist:
		w.write(n, e)
	case impl.Up:
		if e.To == impl.Everyone {
			w.delivered(n, e)
		}
	case impl.Acknowledge:
		if s := w.sent[n.refs[e.Ref-1]]; s.acked || s.denied {
			panic("answered twice")
		} else {
			s.acked = true
		}
	case impl.Refuse:
		s := w.sent[n.refs[e.Ref-1]]
		if s.acked || s.denied {
			panic("answered twice")
		}
		s.denied = true
	case impl.Gap:
		n.losses[e.From] += int(e.Last - e.Num + 1)
	}
}

func (w *world) write(n *worldNode, e *impl.Effect) {
	i := slices.IndexFunc(n.logs, func(l *worldLog) bool { return l.layer == e.Layer })
	if i < 0 {
		i = len(n.logs)
		n.logs = append(n.logs, &worldLog{layer: e.Layer})
	}
	l := n.logs[i]
	switch e.Kind {
	case impl.Append:
		l.bytes = append(l.bytes, e.Body...)
	case impl.Truncate:
		l.bytes = l.bytes[e.Num:]
		l.durable -= int(e.Num)
		l.cut += int(e.Num)
		if l.durable < 0 {
			panic("cuts off what is not on disk")
		}
	case impl.Persist:
		life, length, layer, ref := n.life, l.cut+len(l.bytes), e.Layer, e.Ref
		w.at(time.Millisecond, func() {
			if n.life != life {
				return
			}
			in := impl.Input{Kind: impl.Persisted, Layer: layer, Ref: ref}
			if n.broken {
				in.Kind = impl.StorageFailed
			} else {
				l.durable = max(l.durable, length-l.cut)
			}
			w.step(n, in)
		})
	}
}

func (w *world) transmit(n *worldNode, to spec.NodeID, body []byte) {
	copies := 1
	if to != n.id {
		w.packets++
		if w.rand.Chance(w.loss) || w.cut(n.id, to, w.now) {
			return
		}
		if w.rand.Chance(w.double) {
			copies = 2
		}
	}
	from, life := n, n.life
	for range copies {
		delay := 2 * time.Millisecond
		if to == n.id {
			delay = 100 * time.Microsecond
		} else if !w.fixed {
			delay = 200*time.Microsecond + time.Duration(w.rand.IntN(int(9*time.Millisecond)))
		}
		w.at(delay, func() {
			at := w.nodes[to]
			if !at.up || from.life != life && (w.lossy || at == from) {
				return
			}
			w.step(at, impl.Input{Kind: impl.Packet, From: from.id, To: to, Body: body})
		})
	}
}

func (w *world) delivered(n *worldNode, e *impl.Effect) {
	body := string(e.Body)
	s := w.sent[body]
	switch {
	case s == nil:
		panic(fmt.Sprintf("node %d delivers %q, which nobody sent", n.id, body))
	case int(e.From) != s.node:
		panic(fmt.Sprintf("node %d delivers %q as of %d", n.id, body, e.From))
	}
	i := slices.Index(n.applied, body)
	if e.Flag {
		if w.whole && i >= 0 && i != n.again || w.whole && i < 0 && n.again != len(n.applied) {
			panic(fmt.Sprintf("node %d is handed %q at place %d, which had another", n.id, body, n.again))
		}
		n.again++
	}
	switch {
	case e.Flag && w.told:
		panic(fmt.Sprintf("node %d is handed %q as if nobody knew", n.id, body))
	case i >= 0 && !e.Flag:
		panic(fmt.Sprintf("node %d delivers %q a second time", n.id, body))
	case i < 0:
		n.applied = append(n.applied, body)
	}
}

// caught runs what may panic in the world, and gives the sentence.
func (w *world) caught(do func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(string)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("%s", s)
		}
	}()
	do()
	return nil
}

// verdict is what each level is asked at the end of a run: what some have delivered all that are up have, what was
// acknowledged all have, what was refused nobody has, and what a sender that stayed up has sent has an answer.
func (w *world) verdict(answers bool) error {
	for _, body := range w.order {
		s := w.sent[body]
		var has, lacks []spec.NodeID
		for _, n := range w.nodes {
			switch got := slices.Contains(n.applied, body); {
			case got:
				has = append(has, n.id)
			case n.up && !n.broken:
				lacks = append(lacks, n.id)
			}
		}
		switch {
		case s.denied && len(has) > 0:
			return fmt.Errorf("%q was refused, and %v have delivered it", body, has)
		case len(has) > 0 && len(lacks) > 0:
			return fmt.Errorf("%v have delivered %q, and %v have not", has, body, lacks)
		case s.acked && len(lacks) > 0:
			return fmt.Errorf("%q was acknowledged, and %v have not delivered it", body, lacks)
		case answers && !s.spoiled && !s.denied && len(lacks) > 0:
			return fmt.Errorf("%q of a sender that stayed up was never delivered by %v", body, lacks)
		case answers && !s.spoiled && !s.denied && !s.acked:
			return fmt.Errorf("%q of a sender that stayed up has no answer", body)
		}
	}
	return nil
}
