// Package kv is a key-value store that is replicated, as an example of what is built on an order of messages, and of what
// goes wrong without one.
//
// # The story
//
// Every node has a copy of the store. Its client says put, add or get; the command is the body of a multicast, and every
// node, that of the client too, applies commands as its stack delivers them. Nothing else is done: no locks, no votes.
//
// Over total order all copies apply the same commands in the same order. So they are equal in the end
// (REPLICA-CONVERGENCE), and since a client is answered when its own command is applied, which is after it was called and
// before it returned, the whole is as one copy (STATE-LINEARIZABLE): the order of delivery is the order that the judge
// looks for. That a get goes through the order too is the price of it.
//
// Over FIFO or causal order two puts that nobody's message connects come in either order. The copies stay different for
// ever, though nothing was lost and no process was at fault.
//
// With local reads a get is answered from the copy of its node and costs no packet. What it says was true, and may be so
// no longer: another client may have had the answer to a later put. The copies still converge, and each client sees the
// commands in the one order (sequential consistency); but linearizable it is not, and the history names such a read
// local-read, of which less is promised. Called get, the judge finds the stale answer: the tests show it.
package kv

import (
	"fmt"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
	"github.com/conform-go/conform/suites"
)

// Play is a store that is to be tried.
type Play struct {
	Cell     string                     // the stack below, as transport/reliability/ordering
	New      func(impl.Config) *Replica // nil: replicas whose reads are ordered
	Commands []Command                  // what the steps of the scenario send, in the order of its lines; those behind them send random ones
}

// Played is a run of it.
type Played struct {
	History  spec.History
	Replicas []*Replica // by node
}

// On plays a scenario. The error is for what could not be played.
func (p Play) On(s *faults.Scenario) (*Played, error) {
	cell, err := suites.ParseCell(p.Cell)
	if err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	if p.New == nil {
		p.New = func(cfg impl.Config) *Replica { return NewReplica(cfg, Ordered) }
	}
	out := &Played{Replicas: make([]*Replica, s.Nodes)}
	world := sim.New(sim.Config{Words: Words, Body: p.body, New: func(cfg impl.Config) impl.Layer {
		r := p.New(cfg)
		out.Replicas[cfg.Self] = r
		return impl.NewStack(r, cell.Member(cfg))
	}})
	return out, world.Play(s, &out.History)
}

// body gives the command that a step of the scenario sends: the k-th send has the k-th command.
func (p Play) body(s *faults.Scenario, step int) []byte {
	k := 0
	for i := range step {
		if s.Steps[i].Action.Op == faults.Send {
			k++
		}
	}
	if k < len(p.Commands) {
		return p.Commands[k].Body()
	}
	return nil
}

// Verdicts judges a run: the copies that converge, and the store that is one.
func (p *Played) Verdicts() *suites.CheckReport {
	return suites.CheckHistory(&p.History, []spec.ID{"STATE-LINEARIZABLE", "REPLICA-CONVERGENCE"})
}
