package impltest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Option says what a layer does or does not do, where the contract leaves that open.
type Option func(*options)

type options struct {
	handles     []impl.InputKind
	noGroup     bool
	noOneToOne  bool
	checksummed bool
	mtu         int
	runs        int
	inputs      int
}

// Handles says that the layer answers these inputs itself; they need not be passed on.
func Handles(kinds ...impl.InputKind) Option {
	return func(o *options) { o.handles = append(o.handles, kinds...) }
}

// WithoutGroup says that the layer sends to one node only.
func WithoutGroup() Option { return func(o *options) { o.noGroup = true } }

// WithoutOneToOne says that the layer sends to the group only.
func WithoutOneToOne() Option { return func(o *options) { o.noOneToOne = true } }

// Checksummed says that the layer finds changed bytes: a packet with one must have no effect but notes.
func Checksummed() Option { return func(o *options) { o.checksummed = true } }

// MTU sets the longest packet of the network in bytes.
func MTU(n int) Option { return func(o *options) { o.mtu = n } }

// Effort sets how many scripts are played, and how many inputs each has.
func Effort(scripts, inputs int) Option {
	return func(o *options) { o.runs, o.inputs = scripts, inputs }
}

// TestLayer tests whether layers keep the contract of package impl. It returns every rule that was broken, once, as a
// sentence that names the input at which it happened; nil where none was. A stack is a layer.
//
// Two instances of every node are given the same inputs, with bytes of their own, and must say the same effects.
func TestLayer(newLayer func(impl.Config) impl.Layer, opts ...Option) error {
	o := options{runs: 6, inputs: 500}
	for _, opt := range opts {
		opt(&o)
	}
	c := &check{options: o, newLayer: newLayer}
	probes := []func(){c.passesOn, c.oneToOne, c.short, c.beforeReady}
	for _, probe := range probes {
		c.begin(3, false, 1)
		probe()
	}
	for seed := range uint64(o.runs) {
		c.begin(3+int(seed)%2, seed%3 == 1, seed)
		c.script()
	}
	return errors.Join(c.errs...)
}

// check is what is known while layers are tested: a small network, and what was found.
type check struct {
	options
	newLayer func(impl.Config) impl.Layer
	seen     []string
	errs     []error

	rand    spec.Rand
	nodes   []*twin
	flying  []flight
	handed  [2]bodies
	arenas  [2]*impl.Arena
	now     spec.Time
	inputs  int
	at      spec.NodeID
	input   impl.Input
	stopped bool
}

// flight is a packet on its way.
type flight struct {
	from, at, to spec.NodeID // to is what it is addressed to
	bodies       [2][]byte
}

// broken notes a finding, the first of each rule.
func (c *check) broken(rule, format string, args ...any) {
	if slices.Contains(c.seen, rule) {
		return
	}
	c.seen = append(c.seen, rule)
	c.errs = append(c.errs, fmt.Errorf("%s, at input %d, node %d: %s: %s",
		rule, c.inputs, c.at, Input(c.input), fmt.Sprintf(format, args...)))
}

// begin makes a network of new layers, all ready. With outsider, the last node is no member.
func (c *check) begin(nodes int, outsider bool, seed uint64) {
	c.rand = spec.NewRand(seed, 1)
	c.nodes, c.flying, c.handed, c.now, c.inputs, c.stopped = nil, nil, [2]bodies{}, 0, 0, false
	c.arenas = [2]*impl.Arena{{Forget: true}, {Forget: true}}
	var members []spec.NodeID
	for n := range nodes {
		if !outsider || n < nodes-1 {
			members = append(members, spec.NodeID(n))
		}
	}
	for n := range nodes {
		t := &twin{cfg: impl.Config{Self: spec.NodeID(n), Nodes: nodes, Members: members, Closed: seed%2 == 0,
			Seed: seed*16 + uint64(n), TS: 30 * time.Millisecond, TL: 600 * time.Millisecond, MTU: c.mtu}}
		t.logs = map[impl.Path]*layerLog{}
		for side := range t.bufs {
			for k := range t.bufs[side] {
				t.bufs[side][k] = impl.NewEffects(c.arenas[side])
				poison(t.bufs[side][k], side)
			}
		}
		c.nodes = append(c.nodes, t)
		c.renew(t)
		c.start(t)
		c.give(t, impl.Input{Kind: impl.Ready}, nil)
	}
}

// renew begins a new life of a node, with what its disk kept.
func (c *check) renew(t *twin) {
	for side := range t.layers {
		t.layers[side] = c.newLayer(t.cfg)
	}
	t.asked, t.owed, t.persists, t.next = nil, nil, nil, 0
	t.timers = map[timerKey]spec.Time{}
	t.ready = false
}

func (c *check) start(t *twin) {
	c.give(t, impl.Input{Kind: impl.Start, Num: t.incarnation}, nil)
	for _, path := range sortedPaths(t.logs) {
		l := t.logs[path]
		l.bytes = l.bytes[:l.durable]
		c.give(t, impl.Input{Kind: impl.Recovered, Layer: path}, l.bytes)
	}
}

func sortedPaths(m map[impl.Path]*layerLog) []impl.Path {
	var all []impl.Path
	for p := range m {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// give hands an input with a body that the harness makes, and carries out what the layer wants.
func (c *check) give(t *twin, in impl.Input, body []byte) []impl.Effect {
	h := happening{Input: in}
	if body != nil {
		for side := range h.bodies {
			h.bodies[side] = c.make(side, body)
		}
	}
	return c.take(t, h)
}

// make gives one side a copy of a body: the last piece of the arena, or memory that goes on behind it.
func (c *check) make(side int, body []byte) []byte {
	if len(body)%2 == 1 {
		b := c.arenas[side].Alloc(len(body))
		copy(b, body)
		c.handed[side].remember(b, c.inputs+1, "to the layer")
		return b
	}
	short, whole := guarded(body)
	c.handed[side].remember(whole, c.inputs+1, "to the layer")
	return short
}

// take hands an input over and carries out what the layer wants.
func (c *check) take(t *twin, h happening) []impl.Effect {
	if c.stopped {
		return nil
	}
	if h.Kind == impl.Ready {
		t.ready = true
	}
	effects, ok := c.step(t, h)
	if !ok {
		c.stopped = true
		return nil
	}
	for i := range effects[0] {
		c.carry(t, &effects[0][i], effects[1][i].Body)
	}
	return effects[0]
}

// carry does what a layer wants done.
func (c *check) carry(t *twin, e *impl.Effect, twinBody []byte) {
	switch e.Kind {
	case impl.Down:
		if e.Ref != 0 {
			t.owed = append(t.owed, e.Ref)
		}
		for n := range c.nodes {
			if to := spec.NodeID(n); e.To == to || e.To == impl.Everyone && t.cfg.Index(to) >= 0 {
				c.flying = append(c.flying, flight{t.cfg.Self, to, e.To, [2][]byte{e.Body, twinBody}})
			}
		}
	case impl.SetTimer:
		t.timers[timerKey{e.Layer, e.Num}] = e.At
	case impl.StopTimer:
		delete(t.timers, timerKey{e.Layer, e.Num})
	case impl.Append, impl.Truncate, impl.Persist:
		c.write(t, e)
	}
}

func (c *check) write(t *twin, e *impl.Effect) {
	l := t.logs[e.Layer]
	if l == nil {
		l = &layerLog{}
		t.logs[e.Layer] = l
	}
	switch e.Kind {
	case impl.Append:
		l.bytes = append(l.bytes, e.Body...)
	case impl.Truncate:
		cut := min(int(e.Num), len(l.bytes))
		l.bytes, l.durable = slices.Clone(l.bytes[cut:]), max(0, l.durable-cut)
	case impl.Persist:
		l.durable = len(l.bytes) // the disk is quick, the answer slow
		t.persists = append(t.persists, *e)
	}
}
