// Package sim is the simulated world: a virtual clock, one seed, nodes that are called directly, links and disks. It
// runs on one goroutine, keeps its memory between schedules, and gives the same history for the same scenario, always.
//
// A run has three parts. First the scenario is played until its timed steps are over and nothing has been observed
// for a while. Then every fault but crashes is healed, and no trigger can bring one on any more. Then traffic drains:
// the run is settled when nothing has been observed for twice TL and a bit, after which every timer of a protocol that
// keeps to TL has fired, or when nothing at all is left to happen.
package sim

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Config is what a world is made of.
type Config struct {
	New      func(impl.Config) impl.Layer // the whole stack of one node
	TS, TL   time.Duration                // the timers of the protocols; 0: DefaultTS, DefaultTL
	Model    spec.CrashModel
	Evidence bool // record also what is held back and discarded
	MaxSteps int  // events after which a run is given up as one that never ends; 0: DefaultMaxSteps
}

// The defaults. TS is more than a packet and its acknowledgement take; TL is a multiple of any cut, pause or delay
// that a drawn scenario has.
const (
	DefaultTS       = 30 * time.Millisecond
	DefaultTL       = 600 * time.Millisecond
	DefaultMaxSteps = 20_000_000
)

// World plays scenarios on one goroutine. It implements [faults.World].
type World struct {
	cfg    Config
	tracer faults.Tracer

	s       *faults.Scenario
	h       *spec.History
	now     int64
	queue   queue
	order   order
	arena   impl.Arena
	out     *impl.Effects
	nodes   []node
	packets []packet // packets[0] is unused
	freed   []uint32
	timers  []timer
	active  []activeFault
	watch   []trigger
	points  []int // by step: how often its point was passed
	writes  []write
	calls   []spec.Kind
	counts  Counts

	phase    phase
	observed int64          // when something was last observed
	scripted int64          // when the last timed step is over
	drained  bool           // nothing is left to happen
	current  spec.NodeID    // the node that was stepped last
	input    impl.InputKind // and what it was told
	inside   bool           // its code is running
	stepped  int
}

// Counts is what a run cost.
type Counts struct {
	Sends, Deliveries, Acks int // by the applications
	Packets                 int // from one node to another
	Receipts                int // packets that a node took in, its own copies among them
	Bytes                   int // of the packets
	TooLong                 int // packets that were dropped because they are longer than the MTU
}

type phase uint8

const (
	playing phase = iota // the scenario, with its faults
	healed               // none any more
)

// The purposes of random streams.
const (
	purposeOrder = iota + 1
	purposeBody
	purposeFault
	purposeNode
)

// What an event does is in its top bits.
const (
	arrival = iota << 28 // a packet that the queue keeps
	waking               // a timer
	pooling              // a packet comes to the order, after a delay fault
	step                 // a step of the scenario
	ending               // a fault has lasted its time
	stored               // a persist is on disk

	indexMask = 1<<28 - 1
)

// New makes a world.
func New(cfg Config) *World {
	if cfg.TS == 0 {
		cfg.TS = DefaultTS
	}
	if cfg.TL == 0 {
		cfg.TL = DefaultTL
	}
	if cfg.MaxSteps == 0 {
		cfg.MaxSteps = DefaultMaxSteps
	}
	w := &World{cfg: cfg}
	w.out = impl.NewEffects(&w.arena)
	return w
}

// Can says what this world can't inject: nothing.
func (w *World) Can(faults.Op) error { return nil }

// Counts gives the cost of the last run.
func (w *World) Counts() Counts { return w.counts }

// Trace identifies the last run.
func (w *World) Trace() faults.Trace { return w.tracer.Trace() }

// Unplayed lists the steps of the last run whose moment never came.
func (w *World) Unplayed() []int {
	var out []int
	for _, t := range w.watch {
		if !t.done {
			out = append(out, t.step)
		}
	}
	return out
}

// Play plays a scenario from its start and fills the history with what the nodes observe.
func (w *World) Play(s *faults.Scenario, h *spec.History) (err error) {
	defer func() {
		if !w.inside {
			return
		}
		w.inside = false
		err = fmt.Errorf("node %d panicked at %v on the input %q: %v\n%s", w.current, time.Duration(w.now), w.input, recover(), debug.Stack())
	}()
	if len(s.Groups) > 1 {
		return fmt.Errorf("%d groups: this world plays one", len(s.Groups))
	}
	w.reset(s, h)
	w.schedule()
	for n := range w.nodes {
		w.start(spec.NodeID(n), nil)
	}
	for w.stepped < w.cfg.MaxSteps {
		if w.quiet() {
			if w.phase == healed {
				h.Settled = true
				return nil
			}
			w.phase, w.drained = healed, false // first: no trigger may break anything while it is mended
			w.heal()
			w.observed = w.now
			continue
		}
		if !w.next() {
			w.drained = true
			continue
		}
		w.stepped++
	}
	return fmt.Errorf("the run did not end within %d events: at %v node %d was still at work, last on the input %q",
		w.cfg.MaxSteps, time.Duration(w.now), w.current, w.input)
}

func (w *World) reset(s *faults.Scenario, h *spec.History) {
	w.s, w.h, w.now, w.phase = s, h, 0, playing
	w.observed, w.scripted, w.drained, w.stepped = 0, 0, false, 0
	w.counts = Counts{}
	w.queue.reset()
	w.order.reset(s, s.Nodes)
	w.arena.Reset()
	w.out.Reset()
	w.tracer.Reset()
	w.packets = append(w.packets[:0], packet{})
	w.freed = w.freed[:0]
	w.timers = w.timers[:0]
	w.active = w.active[:0]
	w.points, w.writes, w.calls = w.points[:0], w.writes[:0], w.calls[:0]
	w.header()
	for len(w.nodes) < s.Nodes {
		w.nodes = append(w.nodes, node{})
	}
	w.nodes = w.nodes[:s.Nodes]
	for i := range w.nodes {
		w.nodes[i].reset()
	}
}

// header names nodes and groups in the history, and reuses the names of the run before where they are the same.
func (w *World) header() {
	h, s := w.h, w.s
	h.Reset()
	h.Model = w.cfg.Model
	if len(h.Nodes) > s.Nodes {
		h.Nodes = h.Nodes[:s.Nodes]
	}
	for n := len(h.Nodes); n < s.Nodes; n++ {
		h.Nodes = append(h.Nodes, strconv.Itoa(n))
	}
	h.Groups = h.Groups[:0]
	for _, g := range s.Groups {
		h.Groups = append(h.Groups, spec.Group{Name: g.Name, Members: g.Members, Closed: g.Closed})
	}
}

// quiet says whether nothing has been observed for long enough to go on to the next part of the run.
func (w *World) quiet() bool {
	if w.drained {
		return true
	}
	since := time.Duration(w.now - max(w.observed, w.scripted))
	if w.phase == healed { // somebody may still wait for TL, though nobody waits for an answer
		return since > w.forever()
	}
	return since > 4*w.cfg.TS+2*w.s.Net.Max
}

// forever is after how long what has not come will not come.
func (w *World) forever() time.Duration { return 2*w.cfg.TL + 4*w.cfg.TS + 2*w.s.Net.Max }

// next lets the next thing happen; false where there is none.
func (w *World) next() bool {
	at, any := w.queue.peek()
	if w.order.count > 0 {
		if t := max(w.now, w.order.due()); !any || at > t {
			w.now = t
			w.arrive(w.order.pick(t))
			return true
		}
	} else if !any {
		return false
	}
	e, _ := w.queue.pop()
	w.now = max(w.now, e.at)
	i := e.what & indexMask
	switch e.what &^ indexMask {
	case arrival:
		w.arrive(i)
	case waking:
		w.wake(i, e.seq)
	case pooling:
		p := &w.packets[i]
		w.order.add(i, w.now, p.from, p.to)
	case step:
		w.act(int(i))
	case ending:
		w.end(int(i))
	case stored:
		w.stored(i)
	}
	return true
}
