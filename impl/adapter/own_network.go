package adapter

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/spec"
)

// Network is where the processes of an [Own] live, and as much of it as the harness has in its hands.
type Network interface {
	// Can says why a fault can't be brought about there, or nil.
	Can(op faults.Op) error
	// Addresses begins a run: nothing is broken. It gives each node an address, host and port.
	Addresses(nodes int) ([]string, error)
	// Start starts the process of a node.
	Start(n spec.NodeID, cmd *exec.Cmd) error
	// Break lets these faults last from now on, and no other ones. A crash-lossy is that of a node that is cut off.
	Break(lasting []faults.Action) error
}

// loopback is the network of this machine. It can't be broken itself: [relays] do that between the addresses that nodes
// are told.
type loopback struct{}

// Can implements [Network].
func (loopback) Can(op faults.Op) error {
	kind, _ := op.Fault()
	if RelayFaults.Has(kind) {
		return nil
	}
	return fmt.Errorf("%s: the network is the program's own, and only its processes and what is between their addresses are in the harness's hands", kind)
}

// Addresses implements [Network].
func (loopback) Addresses(nodes int) (all []string, err error) {
	for range nodes {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		all = append(all, address)
	}
	return all, nil
}

// The ports of nodes are below those that a system gives to whoever wants any: a connection of some node to another must not
// take the port of a third before that one does.
const firstPort, ports = 20000, 12000

var portsGiven atomic.Uint32

// freeAddress gives an address on loopback that is free for datagrams and for streams, and does not give it again soon.
func freeAddress() (string, error) {
	for range ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(firstPort+(uint32(os.Getpid())*97+portsGiven.Add(1))%ports)))
		c, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", address)
		c.Close()
		if err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("no port from %d to %d is free on loopback", firstPort, firstPort+ports-1)
}

// Start implements [Network].
func (loopback) Start(_ spec.NodeID, cmd *exec.Cmd) error { return cmd.Start() }

// Break implements [Network]: nothing is broken but by relays.
func (loopback) Break([]faults.Action) error { return nil }

// lasting is a fault of the network that lasts.
type lasting struct {
	step int
	off  bool // it comes and goes, and is gone now
}

// begins lets a fault of the network begin.
func (w *Own) begins(step int) error {
	a := &w.s.Steps[step].Action
	w.fault(spec.Fault, step)
	w.lasting = append(w.lasting, lasting{step: step})
	if a.For > 0 {
		w.steps = append(w.steps, ownStep{at: time.Since(w.epoch) + a.For, step: step, over: true})
	}
	w.turns(step)
	return w.breaks()
}

// fault writes down that a fault of the network begins or ends.
func (w *Own) fault(k spec.Kind, step int) {
	e := spec.Event{Kind: k}
	if a := &w.s.Steps[step].Action; a.Op == faults.Isolate {
		e.Node, e.Has = a.Node, spec.HasNode
	}
	w.extra(e, spec.Extra{Text: w.s.Steps[step].Action.Op.String(), ID: uint64(step)})
}

// turns puts the next turn of a fault that comes and goes on the agenda; one that has no end stays as it is, or the run
// would have none either.
func (w *Own) turns(step int) {
	if a := &w.s.Steps[step].Action; a.Op == faults.Flap && a.By > 0 && a.For > 0 {
		w.steps = append(w.steps, ownStep{at: time.Since(w.epoch) + a.By, step: step, turn: true})
	}
}

// flap lets a fault come, or go.
func (w *Own) flap(step int) error {
	for i := range w.lasting {
		if f := &w.lasting[i]; f.step == step {
			f.off = !f.off
			w.turns(step)
			return w.breaks()
		}
	}
	return nil
}

// breaks tells the network what is broken now.
func (w *Own) breaks() error {
	var now []faults.Action
	for _, f := range w.lasting {
		if !f.off {
			now = append(now, w.s.Steps[f.step].Action)
		}
	}
	if w.relay != nil {
		w.relay.breaks(now)
		return nil
	}
	return w.net.Break(now)
}

// mend ends a fault of the network.
func (w *Own) mend(step int) error {
	i := slices.IndexFunc(w.lasting, func(f lasting) bool { return f.step == step })
	if i < 0 {
		return nil
	}
	w.lasting = slices.Delete(w.lasting, i, i+1)
	if err := w.breaks(); err != nil {
		return err
	}
	w.fault(spec.Heal, step)
	return nil
}

// plug lets a node that was cut off when it crashed be heard again.
func (w *Own) plug(n spec.NodeID) error {
	before := len(w.lasting)
	w.lasting = slices.DeleteFunc(w.lasting, func(f lasting) bool {
		a := &w.s.Steps[f.step].Action
		return a.Op == faults.CrashLossy && a.Node == n
	})
	if len(w.lasting) == before {
		return nil
	}
	return w.breaks()
}

// broken says whether anything can be healed.
func (w *Own) broken() bool {
	return slices.ContainsFunc(w.nodes, func(x ownNode) bool { return x.paused }) ||
		slices.ContainsFunc(w.lasting, func(f lasting) bool { return w.s.Steps[f.step].Action.Op != faults.CrashLossy })
}

// heal ends every fault but crashes.
func (w *Own) heal() error {
	for _, f := range slices.Clone(w.lasting) {
		if w.s.Steps[f.step].Action.Op == faults.CrashLossy {
			continue
		}
		if err := w.mend(f.step); err != nil {
			return err
		}
	}
	for n := range w.nodes {
		if err := w.resume(spec.NodeID(n)); err != nil {
			return err
		}
	}
	return nil
}
