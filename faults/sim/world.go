// Package sim is the simulated world: a virtual clock, one seed, nodes that are called directly, links and disks. It
// runs on one goroutine, keeps its memory between schedules, and gives the same history for the same scenario, always.
//
// A run has three parts. First the scenario is played until its timed steps are over and nothing has been observed
// for a while. Then every fault but crashes is healed, and no trigger can bring one on any more; where nodes are to
// come back, those that are down do. Then traffic drains: the run is settled when nothing has been observed for twice
// TL and a bit, after which every timer of a protocol that keeps to TL has fired, or when nothing at all is left to
// happen. One in which something is observed for a long time after that ends without having settled.
//
// # Several groups
//
// Where a scenario has several groups a node has a stack for each one that concerns it ([faults.Scenario.Stacks]), side
// by side in an [impl.Node]. On one-to-one links a packet belongs to the group of the stack that sent it, and comes to
// the same group's stack at its node; nothing of that is in its bytes. On an Internet the stacks share the host, from
// the sockets down to the network card, and the host tells the groups apart. Timers, logs and what the history says are
// of a node and a group. Whatever strikes a node strikes all its stacks: they crash, are paused and come back together,
// and share a disk. The k-th action of a node counts over all of them.
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
	New      func(impl.Config) impl.Layer             // the stack of one node for one group; with an Internet what stands on sockets
	Internet *Internet                                // the network below the nodes; nil: one-to-one links between all
	Capture  func(at spec.Time, frame []byte)         // is shown every frame that is put on a link; may be nil
	Declare  func(s *faults.Scenario, h *spec.Header) // completes the header of a history; may be nil
	TS, TL   time.Duration                            // the timers of the protocols; 0: DefaultTS, DefaultTL
	Model    spec.CrashModel
	Revive   bool // in scenarios in which somebody comes back, all that are down when the faults are healed do so then
	Evidence bool // record also what is held back and discarded
	MaxSteps int  // events after which a run is given up as one that never ends; 0: DefaultMaxSteps

	// For who measures and does not judge.
	Even   bool                                      // delays are spread evenly between their bounds; else a seed may make most of them short
	Enough func(now spec.Time, h *spec.History) bool // asked before each event, with its time since the scenario began: ends a run that has not settled; may be nil
	// Across makes what stands above the stacks of a node, where an order across groups would; nil: nothing does.
	Across func(cfg impl.Config, groups []spec.Group) impl.Layer

	// For applications above the stacks. Words says what a note impl.Invoked or impl.Returned is about, values as JSON;
	// without it they are left out. Body gives what a step of a scenario sends; where it is nil, or gives nil, these are
	// bytes drawn from the seed.
	Words func(note *impl.Effect) (object, op, value string)
	Body  func(s *faults.Scenario, step int) []byte
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
	nodes   []node // and machines, behind the nodes
	procs   int    // how many of them are nodes
	several bool   // groups, or one and a layer across: what a node is told, and says, names the group
	fabric  *fabric
	cause   cause // what the machine that is being stepped has taken in
	epoch   int64 // when the scenario begins
	noise   []byte
	errands []errand
	names   []string // of the nodes: numbers
	landed  packet   // the frame that comes in now
	taking  *packet  // the frame that a node is taking in
	packets []packet // packets[0] is unused
	freed   []uint32
	timers  []timer
	active  []activeFault
	clocks  int // of the active faults, those of clocks
	watch   []trigger
	points  []int // by step: how often its point was passed
	writes  []write
	calls   []spec.Kind
	counts  Counts
	held    Held
	grows   bool  // in this step something may have been held back
	heldAt  int64 // when a node last held back more, or less, than before
	latest  int64 // when the history's last event was that is no evidence

	leftovers bool // disks keep some of what was not persisted
	priced    bool // packets are counted against a declared cost
	bounded   bool // copies that are kept are counted against a declared bound

	phase    phase
	observed int64          // when something was last observed
	mended   int64          // when all faults were healed
	scripted int64          // when the last timed step is over
	drained  bool           // nothing is left to happen
	current  spec.NodeID    // the node that was stepped last
	input    impl.InputKind // and what it was told
	inside   bool           // its code is running
	stepped  int

	servers [][2]string  // by group: its name, and that of its number server
	states  []spec.Event // that replicas reached in the step that is being carried out
}

// Counts is what a run cost.
type Counts struct {
	Sends, Deliveries, Acks int                   // by the applications
	Packets                 int                   // from one node to another
	AckPackets              int                   // of these: acknowledgements and nothing else
	NackPackets             int                   // of these: requests for what is missing, and nothing else
	Receipts                int                   // packets that a node took in, its own copies among them
	Bytes                   int                   // of the packets
	TooLong                 int                   // packets that were dropped because they are longer than the MTU
	Frames                  int                   // put on links, by nodes, switches and routers
	ByNIC, ByDriver         int                   // frames that a network card, and a driver or the IP layer above, kept from a node
	Discards                [impl.Aborted + 1]int // by reason: packets and messages that nodes threw away
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
	purposeDisk
)

// What an event does is in its top bits.
const (
	arrival   = iota << 28 // a packet that the queue keeps
	waking                 // a timer
	pooling                // a packet comes to the order, after a delay fault
	step                   // a step of the scenario
	ending                 // a fault has lasted its time
	stored                 // a persist is on disk
	flooded                // the next packet of a flood
	rerouting              // unicast routes know what has changed
	errands                // something is done to a machine

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

// UnderWay counts the packets that were on their way when the last run ended: where nodes never rest, it ends all the same.
func (w *World) UnderWay() int { return len(w.packets) - 1 - len(w.freed) }

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
	if err := w.lay(s); err != nil {
		return err
	}
	if err := w.possible(s); err != nil {
		return err
	}
	w.reset(s, h)
	w.schedule()
	for n := range w.nodes {
		w.start(spec.NodeID(n), nil)
	}
	for w.stepped < w.cfg.MaxSteps {
		if w.cfg.Enough != nil && w.cfg.Enough(w.coming(), h) {
			return nil
		}
		if w.quiet() {
			if w.phase == healed {
				h.Settled = true
				return nil
			}
			w.phase, w.drained = healed, false // first: no trigger may break anything while it is mended
			w.heal()
			if w.cfg.Revive && s.Faults().Has(spec.RecoverFault) {
				w.reviveAll()
			}
			w.observed, w.mended = w.now, w.now
			continue
		}
		if w.phase == healed && time.Duration(w.now-w.mended) > deadline*w.forever() {
			return nil // it goes on for ever, and is not settled
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
	r := spec.NewRand(s.Seed, purposeDisk)
	w.leftovers = r.Chance(.5)
	w.epoch = 0
	if w.fabric != nil {
		w.epoch = int64(w.cfg.Internet.Warmup)
	}
	w.observed, w.scripted, w.drained, w.stepped = w.epoch, w.epoch, false, 0
	w.cause, w.noise, w.errands = cause{}, nil, w.errands[:0]
	w.counts, w.held, w.heldAt, w.latest = Counts{}, Held{}, 0, 0
	w.queue.reset()
	w.procs = s.Nodes
	machines := s.Nodes
	if w.fabric != nil {
		machines += w.fabric.machines()
	}
	w.order.reset(s, machines+1)
	w.order.heavy = w.order.heavy && !w.cfg.Even
	w.arena.Reset()
	w.out.Reset()
	w.tracer.Reset()
	w.packets = append(w.packets[:0], packet{})
	w.freed = w.freed[:0]
	w.timers = w.timers[:0]
	w.active, w.clocks = w.active[:0], 0
	w.points, w.writes, w.calls = w.points[:0], w.writes[:0], w.calls[:0]
	w.header()
	for len(w.nodes) < machines {
		w.nodes = append(w.nodes, node{})
	}
	w.nodes = w.nodes[:machines]
	for i := range w.nodes {
		w.nodes[i].reset()
	}
	if w.several = len(s.Groups) > 1 || len(s.Groups) == 1 && w.cfg.Across != nil; w.several {
		for n, groups := range s.Stacks() {
			w.nodes[n].stacks = groups
		}
	}
}

// header names nodes and groups in the history, and reuses the names of the run before where they are the same.
func (w *World) header() {
	h, s := w.h, w.s
	h.Reset()
	h.Model = w.cfg.Model
	for n := len(w.names); n < s.Nodes; n++ {
		w.names = append(w.names, strconv.Itoa(n))
	}
	h.Nodes = append(h.Nodes[:0], w.names[:s.Nodes]...)
	h.Groups = h.Groups[:0]
	for _, g := range s.Groups {
		h.Groups = append(h.Groups, spec.Group{Name: g.Name, Members: g.Members, Closed: g.Closed})
	}
	h.Topology, h.Bounds, h.Costs = nil, nil, nil
	h.Byzantine = h.Byzantine[:0]
	for n := range spec.NodeID(s.Nodes) {
		if s.LiesOf(n) != 0 {
			h.Byzantine = append(h.Byzantine, n)
		}
	}
	if w.fabric != nil {
		w.announce()
	}
	if w.cfg.Declare != nil {
		w.cfg.Declare(s, &h.Header)
	}
	_, packets := h.Costs["COST-PACKETS"]
	_, acks := h.Costs["COST-ACKS"]
	w.priced = packets || acks
	_, w.bounded = h.Costs["STABILITY-TRIM"] // with it may come spec.CostHeld
}

// coming is when the next event is, since the scenario began; now, where none is left.
func (w *World) coming() spec.Time {
	at := w.now
	if next, any := w.queue.peek(); any && w.order.count == 0 {
		at = max(at, next)
	}
	return spec.Time(at - w.epoch)
}

// quiet says whether nothing has been observed for long enough to go on to the next part of the run.
func (w *World) quiet() bool {
	if w.drained {
		return true
	}
	since := time.Duration(w.now - max(w.observed, w.scripted))
	if w.phase == healed { // somebody may still wait for TL, though nobody waits for an answer
		underWay := w.UnderWay() // heartbeats never end, but leave moments without one
		return since > w.forever() && (underWay == 0 || since > 2*w.forever())
	}
	return since > 4*w.cfg.TS+2*w.s.Net.Max
}

// deadline is how many times that long a run is waited for that never gets quiet, as where one is suspected and trusted
// for ever.
const deadline = 20

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
	case flooded:
		w.flood(int(i))
	case rerouting:
		w.reroute()
	case errands:
		w.run(&w.errands[i])
	}
	return true
}
