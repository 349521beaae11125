package adapter

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// OwnFaults are the faults that a world can inject whose programs use sockets of their own, wherever these are: it has
// their processes in its hands. On loopback it injects [RelayFaults], too, between the addresses that it tells them.
var OwnFaults = spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.PauseFault)

// How long a run in real time may take: it is settled when nothing was said for as long as the program asks for (hello's
// "settle", or this), and given up after this many times that.
const (
	ownSettle   = time.Second
	ownPatience = 20
)

// Own is a world in real time: a process for each life of a node, with sockets of its own on a [Network]. A crash is a
// SIGKILL, a pause SIGSTOP and SIGCONT; faults of the network are the network's. Times are those of a clock that is never set. A step that waits for what a node
// does follows it: nobody outside can strike just before. It implements [faults.World]; for one goroutine.
type Own struct {
	opt   Options
	hello *Hello
	net   Network
	quiet time.Duration

	s        *faults.Scenario
	h        *spec.History
	epoch    time.Time
	nodes    []ownNode
	steps    []ownStep
	lasting  []lasting
	healed   bool // once and for all
	heard    chan heard
	later    []heard       // was heard, and is to be dealt with first
	stop     chan struct{} // closed at the end of a run
	seen     time.Time     // when something was last observed
	unplayed []int
	dir      string
	relay    *relays // on loopback; nil where nothing is between the processes

	asked     uint64   // calls of all nodes that are no sends
	multicast []string // the addresses of the groups; empty where they have none
}

// ownNode is one node.
type ownNode struct {
	p        *process // nil where it is down
	address  string
	life     uint32
	sends    uint64
	starting bool // it has not said ready in this life
	paused   bool
	due      []int     // sends that wait until it is ready, or for the end of a pause
	calls    []ownCall // of this life, by id, from 1
	ended    uint32    // so many of its lives are over, and all that they said has been heard
	counted  map[faults.Moment]int
}

// ownStep is a step of the scenario, and when it is due; one that waits for something has no time.
type ownStep struct {
	at   time.Duration
	step int
	over bool // the end of its fault
	turn bool // it goes on or off
	done bool
}

// heard is a line of a node's process, or why there is none.
type heard struct {
	node  spec.NodeID
	life  uint32
	line  arrived
	ready bool // in place of a line: its life has begun
	err   error
}

// NewOwn makes a world on loopback for a program that has introduced itself.
func NewOwn(o Options, h *Hello) *Own { return NewOwnOn(o, h, loopback{}) }

// NewOwnOn makes a world on somebody's network, for one run at a time.
func NewOwnOn(o Options, h *Hello, n Network) *Own {
	return &Own{opt: o, hello: h, net: n, quiet: max(ownSettle, time.Duration(h.Settle))}
}

// Probe lets a process live as one of two nodes and gives it an op that does not exist: it must say so.
func (w *Own) Probe() error {
	s := &faults.Scenario{Nodes: 2, Groups: []faults.Group{{Name: "g", Members: []spec.NodeID{0, 1}}}}
	w.reset(s, new(spec.History))
	defer w.end()
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.nodes[0].p.write([]byte(probeLine)); err != nil {
		return err
	}
	for late := time.After(w.nodes[0].p.answer); ; {
		select {
		case x := <-w.heard:
			if x.err != nil {
				return fmt.Errorf("node %d: %w", x.node, x.err)
			}
			switch l, err := parse(x.line.raw); {
			case err != nil:
				return fmt.Errorf("node %d: the line %s: %w", x.node, quote(x.line.raw), err)
			case l.Op == "error" && l.Code == "unsupported":
				return nil
			case l.Op == "error" || l.Op == "done":
				return fmt.Errorf("an op that does not exist, %s, is answered by %s: want the code unsupported", probeLine, quote(x.line.raw))
			}
		case <-late:
			return fmt.Errorf("an op that does not exist, %s, has no answer within %v", probeLine, w.nodes[0].p.answer)
		}
	}
}

// Hello gives how the program introduced itself.
func (w *Own) Hello() *Hello { return w.hello }

// Can says why this world can't inject a fault.
func (w *Own) Can(op faults.Op) error {
	kind, fault := op.Fault()
	switch {
	case fault && w.opt.Inside != nil && kind == spec.PauseFault:
		return fmt.Errorf("%s: a member inside the harness's own process can't stand still alone", kind)
	case !fault || OwnFaults.Has(kind):
		return nil
	}
	return w.net.Can(op)
}

// Unplayed lists the steps of the last run whose moment never came.
func (w *Own) Unplayed() []int { return w.unplayed }

// Play plays a scenario and fills the history with what the programs say.
func (w *Own) Play(s *faults.Scenario, h *spec.History) (err error) {
	if err := w.Fits(s); err != nil {
		return err
	}
	w.reset(s, h)
	defer w.end()
	if err := w.begin(); err != nil {
		return err
	}
	return w.run()
}

func (w *Own) reset(s *faults.Scenario, h *spec.History) {
	w.s, w.h, w.heard, w.later, w.stop, w.unplayed = s, h, make(chan heard, 1024), nil, make(chan struct{}), nil
	w.lasting, w.healed, w.asked = nil, false, 0
	h.Reset()
	h.Model, h.Nodes, h.Groups = spec.CrashStop, everyone(s.Nodes), nil
	if s.Faults().Has(spec.RecoverFault) {
		h.Model = spec.CrashRecovery
	}
	for _, g := range s.Groups {
		h.Groups = append(h.Groups, spec.Group{Name: g.Name, Members: g.Members, Closed: g.Closed})
	}
	w.nodes, w.steps = make([]ownNode, s.Nodes), nil
	for i := range s.Steps {
		if when := s.Steps[i].When; when.On == faults.AtTime {
			w.steps = append(w.steps, ownStep{at: time.Duration(when.At), step: i})
		} else {
			w.steps = append(w.steps, ownStep{at: -1, step: i})
		}
	}
}

// begin gives every node an address and a process, and waits until all are ready.
func (w *Own) begin() error {
	var err error
	if w.dir, err = os.MkdirTemp("", "conform"); err != nil {
		return err
	}
	addresses, err := w.net.Addresses(len(w.nodes))
	if err != nil {
		return err
	}
	for n := range w.nodes {
		w.nodes[n].address, w.nodes[n].counted = addresses[n], map[faults.Moment]int{}
	}
	if err := w.furnish(); err != nil {
		return err
	}
	if w.net == (loopback{}) && (w.opt.Inside != nil || w.s.Faults()&RelayFaults != 0) {
		if w.relay, err = newRelays(addresses, w.s); err != nil {
			return err
		}
	}
	w.epoch = time.Now().Add(time.Hour) // what is said before all are ready is said at time 0
	for n := range w.nodes {
		if err := w.live(spec.NodeID(n)); err != nil {
			return err
		}
	}
	for slices.ContainsFunc(w.nodes, func(x ownNode) bool { return x.starting }) {
		if err := w.hear(<-w.heard); err != nil {
			return err
		}
	}
	if m, ok := w.net.(Multicast); ok {
		if err := m.Await(); err != nil {
			return err
		}
	}
	if err := w.greet(); err != nil {
		return err
	}
	w.epoch = time.Now()
	w.seen = w.epoch
	w.skewed()
	if w.relay != nil {
		w.relay.watch(w.s.Steps)
	}
	return nil
}

// live begins a life of a node. All nodes begin together, so that a program may wait for the others before it says that
// it is ready; what others say meanwhile is heard.
func (w *Own) live(n spec.NodeID) error {
	x := &w.nodes[n]
	o := w.opt
	o.begin = func(cmd *exec.Cmd) error { return w.net.Start(n, cmd) }
	p, err := start(&o)
	if err != nil {
		return fmt.Errorf("node %d: %w", n, err)
	}
	x.p, x.starting = p, true
	dir := filepath.Join(w.dir, strconv.Itoa(int(n)))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	line := initLine{Op: "init", Node: nodeName(n), Incarnation: x.life, Nodes: everyone(w.s.Nodes), Groups: map[string]groupInfo{},
		Addresses: map[string]string{}, Dir: dir, Seed: strconv.FormatUint(w.s.Seed, 10), TS: int64(w.quiet / 10), TL: int64(w.quiet)}
	for i, g := range w.s.Groups {
		line.Groups[g.Name] = groupInfo{nodeNames(g.Members), !g.Closed, "1", w.multicast[i]}
	}
	if len(w.s.Groups) == 1 {
		line.Group, line.Members = w.s.Groups[0].Name, nodeNames(w.s.Groups[0].Members)
	}
	for k := range w.nodes {
		line.Addresses[nodeName(spec.NodeID(k))] = w.nodes[k].address
		if w.relay != nil {
			line.Addresses[nodeName(spec.NodeID(k))] = w.relay.address(n, spec.NodeID(k))
		}
	}
	b, err := encode(line)
	if err != nil {
		return fmt.Errorf("node %d: %w", n, err)
	}
	go listen(n, x.life, p, b, w.heard, w.stop)
	return nil
}

// meet lets a process say hello, gives it its init, and waits until it is ready.
func meet(p *process, init []byte) error {
	if _, err := p.greet(); err != nil {
		return err
	}
	if err := p.write(init); err != nil {
		return err
	}
	a, err := p.next(time.Now().Add(p.answer))
	if errors.Is(err, errLate) {
		return fmt.Errorf("no answer to %s within %v%s", quote(init), p.answer, p.said())
	} else if err != nil {
		return err
	}
	l, err := parse(a.raw)
	if err == nil && l.Op != "ready" {
		err = errors.New("init is answered by ready first")
	}
	if err != nil {
		return fmt.Errorf("the line %s, in answer to %s: %w", quote(a.raw), quote(init), err)
	}
	return nil
}

// listen meets a process and hands on what it says until it has ended.
func listen(n spec.NodeID, life uint32, p *process, init []byte, to chan<- heard, stop <-chan struct{}) {
	x := heard{node: n, life: life, ready: true, err: meet(p, init)}
	for {
		if !errors.Is(x.err, errLate) {
			select {
			case to <- x:
			case <-stop:
				return
			}
			if x.err != nil {
				return
			}
		}
		x = heard{node: n, life: life}
		x.line, x.err = p.next(time.Now().Add(time.Hour))
	}
}

// end leaves no process and no file behind.
func (w *Own) end() {
	close(w.stop)
	until := time.Now().Add(Grace)
	for i := range w.nodes {
		if p := w.nodes[i].p; p != nil {
			p.alive(goOn)
			p.stdin.Close()
		}
	}
	for i := range w.nodes {
		if p := w.nodes[i].p; p != nil {
			p.stop(until)
			w.nodes[i].p = nil
		}
	}
	if w.relay != nil {
		w.relay.close()
		w.relay = nil
	}
	_ = os.RemoveAll(w.dir)
}
