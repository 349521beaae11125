package suites

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/spec"
)

// Groups whose members a server knows, and groups whose members all keep the list themselves. A stack is, from top to
// bottom: the gate; with a server what ends a view; the ordering; with a server what keeps views apart; the level of
// reliability; the service; the transport; what repairs losses; and the failure detector.

const (
	serverMembership      = "server"
	distributedMembership = "distributed"
)

func (c Cell) centralized() bool { return c.Membership.Name == serverMembership }
func (c Cell) announced() bool   { return c.Membership.Name == distributedMembership }

// noticing is how those memberships find that a node is silent.
var noticing = Option{Key: "detector", Default: "fixed", Text: "how it is found that a node is silent: fixed (no heartbeat for TL), adaptive (heartbeats later than they use to be, by the φ accrual detector)", Check: oneOf("fixed", "adaptive")}

func serverPart() Part {
	return Part{
		Name: serverMembership, Title: "a group server with a database: create, destroy, join, leave and query go to it, and it tells the members",
		Promise: "the answers are those of one set, also through crashes of the server; all install the same views, and a message is delivered in the view it was sent in; when the server is down calls wait and the silent are not removed, but the group goes on with the members that it has; over a level with agreement all who come along have delivered the same, as long as the server lives and nobody is cut off",
		Source:  "Coulouris et al., Distributed Systems, on group membership management; Birman & Joseph, 1987; groups: Tanenbaum & van Steen, Distributed Systems",
		Options: []Option{
			{Key: "at", Default: "0", Text: "the node that is the server, 0 to 2, or the last one if there are fewer", Check: within(0, 2)},
			{Key: "groups", Default: "peer", Text: "peer: the server asks and tells every member; hierarchical: the lowest member alone, its coordinator, which asks and tells the others", Check: oneOf("peer", "hierarchical")},
			levelsOption, adoptOption,
			noticing, windowOption,
		},
		New: func(cfg impl.Config) impl.Layer { return membership.NewGate(cfg, nil) },
	}
}

func distributedPart() Part {
	return Part{
		Name: distributedMembership, Title: "who joins or leaves announces it to all members, and each keeps the list",
		Promise: "in the end all have the same list; until then lists differ under one id, and so do the places at which a join is seen among the messages; after a join has returned every member sends to the joiner; there is no single point of failure, and nothing is written down",
		Source:  "Tanenbaum & van Steen, Distributed Systems, on group membership",
		Options: []Option{noticing, windowOption},
		New:     func(cfg impl.Config) impl.Layer { return membership.NewGate(cfg, nil) },
	}
}

// server gives the node that is the group server, of so many.
func (c Cell) server(nodes int) spec.NodeID {
	return spec.NodeID(min(number(c.Membership, "at", 0), nodes-1))
}

// above the transport, what changes the members of a group.
func (c Cell) serviced(cfg impl.Config) []impl.Layer {
	gate := membership.NewGate(cfg, nil)
	if c.regroups() {
		gate = membership.NewLoggedGate(cfg, nil)
	}
	gate.SetWindow(c.gateWindow())
	switch {
	case c.announced():
		return []impl.Layer{gate, c.order(cfg), c.level(cfg), membership.NewDistributed(cfg)}
	case c.centralized():
		return []impl.Layer{gate, membership.NewFlush(cfg), c.order(cfg), membership.NewInView(cfg), c.level(cfg), c.groupServer(cfg)}
	}
	return []impl.Layer{gate, c.order(cfg), c.level(cfg), c.service(cfg)}
}

// servedApplicable says why the parts of a cell make no sense where the members are kept by a server or by all, or nil.
func (c Cell) servedApplicable() error {
	levels := []string{"unreliable", "best-effort", "reliable"}
	m := c.Membership.Name
	switch {
	case c.levelsApplicable() != nil:
		return c.levelsApplicable()
	case !slices.Contains(levels, c.Reliability.Name):
		return fmt.Errorf("%s keeps to the members of the start, or to views of its own: %s membership has unreliable, best-effort, reliable", c.Reliability.Name, m)
	case c.announced() && c.Ordering.Name != "unordered":
		return fmt.Errorf("with distributed membership nobody tells a joiner where the numbers of %s begin", c.Ordering.Name)
	case !slices.Contains([]string{"unordered", "fifo", "causal"}, c.Ordering.Name):
		return fmt.Errorf("who gives the order may be silent when a view of the server ends, and nobody finishes it: %s needs view synchrony", c.Ordering.Name)
	case c.mtu() > 0:
		return fmt.Errorf("what a view ends with is told in one packet, and keeps to no MTU")
	case c.across():
		return fmt.Errorf("an order across groups has members that do not change")
	}
	return nil
}

// moveServed lets nodes join and leave as [Cell.move] does, and some things besides that these memberships have to stand:
// who hears late of a change, queries while it is made, and with a server groups that end and begin again.
func (c Cell) moveServed(s *faults.Scenario, seed uint64, model spec.FaultSet, i int) {
	r := spec.NewRand(seed, purposeServed)
	soon := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Millisecond }
	node := func() spec.NodeID { return spec.NodeID(r.IntN(s.Nodes)) }
	at := func(t time.Duration, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: a})
	}
	for k := range s.Steps {
		a := s.Steps[k].Action
		if a.Op != faults.Join && a.Op != faults.Leave {
			continue
		}
		t := time.Duration(s.Steps[k].When.At)
		for range 1 + r.IntN(3) { // while it is made, and after
			at(t+soon(0, 40), faults.Action{Op: faults.Query, Node: node()})
			s.Steps = append(s.Steps, send(node(), t+soon(0, 40)))
		}
		if a.Op == faults.Join && i%8 == 3 && model.Has(spec.DelayFault) { // one member hears of it late, and sends meanwhile
			late := node()
			for p := range spec.NodeID(s.Nodes) {
				if p != late {
					at(max(0, t-time.Millisecond), faults.Action{Op: faults.Delay, Node: p, Peer: late, By: 60 * time.Millisecond, For: 200 * time.Millisecond})
				}
			}
			s.Steps = append(s.Steps, send(late, t+soon(12, 50)))
		}
	}
	if c.centralized() && model.Has(spec.CoordinatorFault) && model.Has(spec.RecoverFault) && i%2 == 1 { // it comes back to what it has written down
		t := soon(100, 1400)
		at(t, faults.Action{Op: faults.Crash, Node: c.server(s.Nodes)})
		at(t+soon(20, 600), faults.Action{Op: faults.Recover, Node: c.server(s.Nodes)})
	}
	if last := spec.NodeID(s.Nodes - 1); c.announced() && i%8 == 2 && last > 1 { // two join at a time, each heard of first by another member
		s.Net.Strategy, s.Net.Min, s.Net.Max = faults.Latency, time.Millisecond, 10*time.Millisecond
		for _, n := range []spec.NodeID{last, last - 1} {
			s.Exclude(n)
			at(20*time.Millisecond, faults.Action{Op: faults.Join, Node: n})
		}
	}
	if c.narrow() {
		c.fillGates(s, seed)
	}
	if c.groupLevels() > 1 {
		c.moveSubgroups(s, seed, model, i)
	}
	if c.centralized() && i%4 == 3 && r.Chance(.5) {
		t := soon(0, 900)
		at(t, faults.Action{Op: faults.Destroy, Node: node()})
		at(t+soon(0, 400), faults.Action{Op: faults.Create, Node: node()})
		for range 1 + r.IntN(3) {
			at(t+soon(100, 900), faults.Action{Op: faults.Join, Node: node()})
		}
	}
	for n := range spec.NodeID(s.Nodes) {
		if r.Chance(.5) {
			at(viewsAreOver+soon(100, 200), faults.Action{Op: faults.Query, Node: n})
		}
	}
}

const purposeServed = 0x5e7f

// servedClaims says what a cell promises whose members are kept by a server or by all.
func (c Cell) servedClaims() spec.Claims {
	all := c.faces()
	m := map[spec.ID]spec.FaultSet{}
	claim := func(under spec.FaultSet, ids ...spec.ID) {
		for _, id := range ids {
			m[id] = under
		}
	}
	intact := all
	if !c.premises().checksummed {
		intact = intact.Without(spec.CorruptFault)
	}
	claim(intact, "NO-CREATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY", "CLOSED-GROUP", "NO-RESURRECTION",
		"NO-DUPLICATION", "SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "NO-DELIVERY-AFTER-LEAVE")
	live := all.Without(spec.CoordinatorFault)
	p := c.premises()
	if p.streams { // what is late keeps back what comes behind it, so that its receiver is silent
		live = live.Without(spec.DelayFault, spec.ReorderFault)
	}
	agreed := live // what one who stays delivers all who stay do
	if !p.agrees {
		agreed &^= crashes
		if p.causal { // who depends on a message of a crashed sender that got half way waits until the view ends, and discards it
			live &^= crashes
		}
	}
	if !p.repairs && !p.channel {
		live &^= losses | starving
		agreed &= live
	}
	if c.announced() {
		claim(all, "MEMBERSHIP-PRECISION")
		claim(live, "JOIN-COMPLETE", "VALIDITY")
		claim(agreed&^crashes, "AGREEMENT")
		return inCatalogueOrder(m)
	}
	claim(intact, "MEMBERSHIP-LINEARIZABLE", "VIEW-AGREEMENT", "SENDING-VIEW-DELIVERY", "SAME-VIEW-DELIVERY", "FLUSH-BLOCK")
	claim(all.Without(spec.CoordinatorFault), "MEMBERSHIP-PRECISION", "PRIMARY-COMPONENT")
	claim(live, "JOIN-COMPLETE", "VALIDITY")
	claim(agreed, "AGREEMENT")
	if p.streams && !p.uniform { // what a sender wrote to its streams may die with it, who comes back having delivered it
		claim(agreed.Without(spec.RecoverFault), "AGREEMENT")
	}
	// Who was wrongly taken for dead has been sent, and has sent, what the others do not have; and a flush does not wait
	// longer than half of TL for what is late.
	claim(agreed&^(losses|starving|spec.SetOf(spec.PauseFault, spec.DelayFault, spec.ReorderFault)), "VIRTUAL-SYNCHRONY", "JOIN-TRANSFER")
	if p.acks {
		claim(live, "ACKED-DELIVERED")
		c.claimOverflow(m)
	}
	if p.fifo {
		claim(intact, "FIFO-ORDER")
		claim(agreed, "FIFO-GAPFREE")
	}
	if p.causal {
		claim(intact, "CAUSAL-ORDER")
		claim(agreed, "LOCAL-ORDER", "CAUSAL-GAPFREE")
	}
	if c.relaysInOrder() { // who delivers has relayed before, and streams keep the order
		claim(agreed, "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	return inCatalogueOrder(m)
}

// separateServed adds what such a cell does not promise: with lists of their own nothing has one place among the views; a
// server that is down removes nobody; and who was cut off comes along without what the others have delivered.
func (c Cell) separateServed(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	if c.Transport.Name == "unicast" && !p.agrees {
		add(spec.SetOf(spec.CrashFault), "AGREEMENT")
	}
	if c.announced() {
		add(spec.NoFaults, "MEMBERSHIP-LINEARIZABLE", "VIEW-AGREEMENT", "SAME-VIEW-DELIVERY", "SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY")
		return
	}
	add(spec.SetOf(spec.CoordinatorFault), "MEMBERSHIP-PRECISION")
	if c.Transport.Name == "unicast" && p.agrees {
		add(spec.SetOf(spec.PartitionFault), "VIRTUAL-SYNCHRONY")
	}
	if !p.causal && !c.relaysInOrder() {
		add(spec.NoFaults, "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	add(spec.NoFaults, "TOTAL-ORDER")
}

// relaysInOrder says whether what a member relays before it delivers it comes before what it sends then.
func (c Cell) relaysInOrder() bool {
	p := c.premises()
	return p.streams && p.relays
}

// detector names what finds that a node is silent, besides what is not acknowledged.
func (c Cell) detector() string {
	if c.centralized() || c.announced() {
		return c.Membership.Get("detector", noticing.Default)
	}
	return c.Membership.Get("detector", "channel")
}

// ended says whether a group was destroyed in the run that was played last, or began again: it had been left by all, and
// then came a view to which nobody came along.
func (b *bench) ended() bool {
	in, leaves := make([]bool, len(b.h.Nodes)), make([]bool, len(b.h.Nodes))
	for _, m := range b.h.Groups[0].Members {
		in[m] = true
	}
	gone := false
	came, anew := map[spec.ViewID]bool{}, map[spec.ViewID]bool{}
	destroys := map[uint64]bool{} // calls that were not refused
	for i := range b.h.Events {
		switch e := &b.h.Events[i]; e.Kind {
		case spec.Destroy:
			destroys[b.h.ExtraOf(e).ID] = true
		case spec.Destroyed:
			if x := b.h.ExtraOf(e); x.Reason != "" {
				delete(destroys, x.Of)
			}
		case spec.Join, spec.Recover:
			leaves[e.Node] = false
		case spec.ViewChange:
			switch v := b.h.ExtraOf(e).View; {
			case e.Is(spec.IsTransitional):
				came[v] = true
				delete(anew, v)
				continue
			case gone && !came[v]:
				anew[v] = true
			}
			in[e.Node] = !leaves[e.Node]
		case spec.Leave, spec.Crash: // a leave is decided before it returns, and another one may come in meanwhile
			in[e.Node], leaves[e.Node] = false, e.Kind == spec.Leave
			gone = gone || !slices.Contains(in, true)
		}
	}
	return len(anew) > 0 || len(destroys) > 0
}

// awaited lists what a cell whose members are kept by a server or by all promises only as long as nobody who is up is
// silent for TL (with a server for half of it, which is how long the end of a view waits) or suspected by an adaptive
// detector, and of one life of a group: who takes another one for dead acknowledges without it, and sends to others; and
// a group that was destroyed, or left by all, and began again is another one.
func (c Cell) awaited() []spec.ID {
	switch {
	case c.centralized() && c.relaysInOrder(): // and a stream that was given up has a hole
		return []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE", "PRIMARY-COMPONENT"}
	case c.centralized():
		return []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "BOUNDED-OVERFLOW", "JOIN-COMPLETE", "JOIN-TRANSFER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-GAPFREE", "PRIMARY-COMPONENT"}
	case c.announced():
		return []spec.ID{"VALIDITY", "AGREEMENT", "ACKED-DELIVERED", "JOIN-COMPLETE"}
	}
	return nil
}
