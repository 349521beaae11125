package suites

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// Groups whose members change. A stack is, from top to bottom: the gate, which is what the application sees of the
// membership; the ordering; the level of reliability; the service that decides on views; the transport; what repairs
// losses between two nodes; and the failure detector, whose heartbeats nothing repairs.

// changes says whether members come and go, and all are told in views.
func (c Cell) changes() bool {
	return c.Membership.Name == viewSynchronous || c.centralized() || c.announced()
}

const viewSynchronous = "view-synchronous"

func viewSynchrony() Part {
	return Part{
		Name: viewSynchronous, Title: "members agree on views, and finish each together before the next begins",
		Promise: "a message is delivered in the view it was sent in, and all who go on from a view have delivered the same in it; of a group that is cut in pieces the one with most of the configured nodes goes on, the others say that they are blocked; what anyone delivers, and its place in a total order, all members have received before, so that who dies has delivered a beginning of what the others do; who comes in is given the state, also who comes back after a crash, and is not told again what is in it; where all who had it are gone the group begins anew with an empty one, unless messages are logged (restart=log); it waits for all of the last view, and for nobody who was cut off in an older one, so that where nodes come back views need not be one chain",
		Source:  "Birman & Joseph, 1987; Chockler, Keidar, Vitenberg, 2001 (CKV01)",
		Options: []Option{{Key: "partition", Default: "primary", Text: "who goes on when a group is cut in pieces: primary (the part with most of the configured nodes), both (all parts, which merge when they hear of each other again)", Check: oneOf("primary", "both")},
			{Key: "detector", Default: "channel", Text: "who finds that a node is silent: channel (what is not acknowledged for TL), fixed (no heartbeat for TL), adaptive (heartbeats later than they use to be, by the φ accrual detector)", Check: oneOf("channel", "fixed", "adaptive")},
			{Key: "restart", Default: "none", Text: "what a group begins again with of which all have died: none (nothing), log (what its members have written down, and all that was acknowledged with it)", Check: oneOf("none", "log")}},
		New: func(cfg impl.Config) impl.Layer { return membership.NewGate(cfg, nil) },
	}
}

// changing makes the stack of one node whose group changes.
func (c Cell) changing(cfg impl.Config) impl.Layer {
	layers := c.serviced(cfg)
	end := c.endToEnd()
	if end {
		layers = append(layers, reliability.NewBestEffort(cfg))
	}
	t := c.transport(cfg)
	if u, ok := t.(*transport.Unicast); ok { // packets of a view may come before it
		u.Rules.Accepts = func(*impl.Config, spec.NodeID) bool { return true }
	}
	layers = append(layers, t)
	switch {
	case c.channel() && !end:
		layers = append(layers, transport.NewChannel(cfg))
	case c.Transport.Name == "tcp" && c.Transport.Get("stream", "") != "kernel":
		layers = append(layers, transport.NewStream(cfg, number(c.Transport, "mss", 256)))
	}
	if p, ok := membership.ParsePatience(c.detector()); ok {
		layers = c.bottom(layers, []impl.Layer{membership.NewDetector(cfg, p)})
	}
	return impl.NewStack(layers...)
}

// service makes what decides on views.
func (c Cell) service(cfg impl.Config) impl.Layer {
	if c.parted() {
		return membership.NewPartitionable(cfg)
	}
	if c.regroups() {
		return membership.NewLoggedViewSync(cfg)
	}
	return membership.NewViewSync(cfg)
}

// regroups says whether a group of which all have died comes back from its logs.
func (c Cell) regroups() bool {
	return c.Membership.Name == viewSynchronous && c.Membership.Get("restart", "none") == "log"
}

// endToEnd says whether what is lost is sent again from its sender to the members: where others hand messages on, which
// may fail or be out of the view, where one packet reaches many, and where a stream loses what is in it when it is given
// up.
func (c Cell) endToEnd() bool {
	_, links := c.network()
	return links || c.premises().relayed || c.Transport.Name == "tcp"
}

// changesApplicable says why a group of the cell can't change its members, or nil.
func (c Cell) changesApplicable() error {
	switch {
	case !c.changes():
		return nil
	case c.centralized() || c.announced():
		return c.servedApplicable()
	case c.Reliability.Name != "atomic-view":
		return fmt.Errorf("a view ends when all have the same of it: %s has no flush, atomic-view has", c.Reliability.Name)
	case c.mtu() > 0:
		return fmt.Errorf("what a view ends with is told in one packet, and keeps to no MTU")
	case c.across():
		return fmt.Errorf("an order across groups has members that do not change")
	case c.regroups() && c.parted():
		return fmt.Errorf("where all parts go on there is no last view whose logs are the group's")
	}
	return c.partsApplicable()
}

const (
	purposeMoves  = 0x30f3
	purposeDeaths = 0xdead
	viewWindow    = 1500 * time.Millisecond // in which members come, go and fail
	viewHold      = 1400 * time.Millisecond // of the longest cut: longer than TL
	viewsAreOver  = 6 * time.Second         // all views that follow from a fault are installed
	viewsAreAsked = 8 * time.Second
)

// move lets nodes join and leave, while others fail: who is to join is outside from the start. Messages are sent while
// views change, and some when they have changed.
func (c Cell) move(s *faults.Scenario, seed uint64, i int) {
	r := spec.NewRand(seed, purposeMoves)
	at := func(t time.Duration, op faults.Op, n spec.NodeID) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: faults.Action{Op: op, Node: n}})
	}
	s.Groups[0].Closed = true
	soon := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Millisecond }
	node := func() spec.NodeID { return spec.NodeID(r.IntN(s.Nodes)) }
	if i%4 == 1 || i%4 == 3 {
		for n := s.Nodes - 1; n > max(1, s.Nodes-2-r.IntN(2)); n-- {
			s.Exclude(spec.NodeID(n))
			at(soon(0, 900), faults.Join, spec.NodeID(n))
		}
	}
	if i%4 >= 2 {
		for range 1 + r.IntN(2) {
			n, t := node(), soon(0, 1000)
			at(t, faults.Leave, n)
			if r.Chance(.5) {
				at(t+soon(200, 1100), faults.Join, n)
			}
		}
	}
	for range r.IntN(3) {
		at(soon(0, 2000), faults.Query, node())
	}
	for range 2 + r.IntN(6) {
		s.Steps = append(s.Steps, send(node(), soon(0, 2600)))
	}
	for n := range spec.NodeID(s.Nodes) { // who is in a view, and who has been left out of one that nobody tells of
		at(viewsAreAsked, faults.Query, n)
	}
	if i%8 < 5 {
		for n := range spec.NodeID(s.Nodes) {
			s.Steps = append(s.Steps, send(n, viewsAreOver+time.Duration(n)*time.Millisecond))
		}
	}
}

// allDie lets all nodes crash within a moment and come back.
func allDie(s *faults.Scenario, seed uint64) {
	r := spec.NewRand(seed, purposeDeaths)
	for n := range spec.NodeID(s.Nodes) {
		down := viewWindow + time.Duration(r.IntN(30))*time.Millisecond
		up := down + time.Duration(100+r.IntN(400))*time.Millisecond
		for _, x := range []struct {
			at time.Duration
			op faults.Op
		}{{down, faults.Crash}, {up, faults.Recover}} {
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(x.at)}, Action: faults.Action{Op: x.op, Node: n}})
		}
	}
}

// viewClaims says what a cell promises whose group changes.
func (c Cell) viewClaims() spec.Claims {
	if c.parted() {
		return c.partClaims()
	}
	if c.centralized() || c.announced() {
		return c.servedClaims()
	}
	p, o := c.premises(), c.Ordering
	all := c.faces()
	m := map[spec.ID]spec.FaultSet{}
	claim := func(ids ...spec.ID) {
		for _, id := range ids {
			m[id] = all
		}
	}
	claim("NO-CREATION", "CONTENT-INTEGRITY", "SENDER-INTEGRITY", "DESTINATION-INTEGRITY", "CLOSED-GROUP", "NO-RESURRECTION", "NO-DUPLICATION")
	claim("NO-DUPLICATION/restart") // a message has one view, and no two lives of a node are in one
	claim("SELF-INCLUSION", "VIEW-MONOTONICITY", "INITIAL-VIEW", "VIEW-AGREEMENT", "PRIMARY-COMPONENT", "SAME-VIEW-DELIVERY",
		"SENDING-VIEW-DELIVERY", "VIRTUAL-SYNCHRONY", "TRANSITIONAL-SET", "SUCCESSOR-AGREEMENT", "FLUSH-BLOCK", "NO-DELIVERY-AFTER-LEAVE", "MEMBERSHIP-PRECISION", "JOIN-TRANSFER", "JOIN-COMPLETE")
	claim("SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING", "ACKED-DELIVERED")
	switch {
	case o.Name == "total-seqserver" || o.Get("form", "bb") == "ub": // numbers go one way, messages another
	case o.Name == "total-agreement": // when a view ends what has its number comes before what has not
	default:
		claim("FIFO-ORDER", "FIFO-GAPFREE")
	}
	if p.causal || o.Name == "total-sequencer" && o.Get("form", "bb") == "bb" {
		claim("LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	if c.total() {
		claim("TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE")
		// What is delivered, and its place, all members have received before: who dies has delivered a beginning of what the
		// others deliver, and so has who is cut off (Birman & Joseph, 1987; uniform as safe delivery is, CKV01).
		claim("UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION")
	}
	if o.Name == "total-sequencer" || o.Name == "total-seqserver" { // the others tell no numbers
		claim("POSITION-AGREEMENT")
	}
	if o.Name == "real-time" { // what is late is lost
		for _, id := range []spec.ID{"FIFO-GAPFREE", "TOTAL-GAPFREE", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX", "NO-CONTAMINATION", "ALL-OR-NOTHING"} { // which takes a crash, or a cut
			delete(m, id)
		}
		for _, id := range []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "VIRTUAL-SYNCHRONY", "JOIN-TRANSFER", "JOIN-COMPLETE"} {
			if m[id] = all & c.punctual() &^ crashes; c.Transport.Name == "tcp" { // what waits for its stream to open may be late
				delete(m, id)
			}
		}
	}
	if _, barriers := c.barrier(); barriers {
		claim(barrierClaims(o)...)
	}
	if c.regroups() && o.Name != "real-time" {
		claim("GROUP-RESTART", "DURABILITY")
	}
	m["PRIMARY-COMPONENT"] = all.Without(spec.RecoverFault) // a group that begins anew may do so without one who was cut off
	if c.asksFirst() {
		delete(m, "SENDING-VIEW-DELIVERY")
		delete(m, "FLUSH-BLOCK")
	}
	return inCatalogueOrder(m)
}

// separateViews adds what a cell does not promise whose group changes.
func (c Cell) separateViews(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	if c.parted() {
		add(spec.SetOf(spec.PartitionFault), "PRIMARY-COMPONENT")
	}
	if c.centralized() || c.announced() {
		c.separateServed(p, add)
		return
	}
	if !p.causal && !c.total() {
		add(spec.NoFaults, "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	if !c.total() {
		add(spec.NoFaults, "TOTAL-ORDER")
	}
	if c.asksFirst() {
		add(spec.SetOf(spec.CrashFault), "SENDING-VIEW-DELIVERY")
	}
}

// asksFirst says whether a message waits at its sender, for a number or for a barrier, and goes into the next view if that
// comes first.
func (c Cell) asksFirst() bool {
	o := c.Ordering
	return o.Name == "total-seqserver" || o.Name == "total-kaashoek" || o.Get("form", "bb") == "ub" || o.Get("reading", "") == "cut"
}

// loses lists what holds only as long as nobody who is up is silent for TL, and nobody who left joins again: what waits at its
// sender for a number is lost when that one is removed or leaves, and it sends on when it is a member again.
func (c Cell) loses() []spec.ID {
	if c.Membership.Name == viewSynchronous && c.asksFirst() {
		return []spec.ID{"FIFO-GAPFREE", "CAUSAL-GAPFREE"}
	}
	return nil
}

// rejoined says whether somebody who had left in the run that was played last joined again.
func (b *bench) rejoined() bool {
	left := make([]bool, len(b.h.Nodes))
	for i := range b.h.Events {
		switch e := &b.h.Events[i]; {
		case e.Kind == spec.Left:
			left[e.Node] = true
		case e.Kind == spec.Join && left[e.Node]:
			return true
		}
	}
	return false
}

// stuck says whether the group can't go on at the end of the run that was played last: most of its configured nodes are
// down, or nobody is left who has installed its last view.
func (b *bench) stuck(s *faults.Scenario) bool {
	if b.parts {
		return b.waitsInParts(s)
	}
	if b.served {
		return b.ended()
	}
	nodes := len(b.h.Nodes)
	up, at := make([]bool, nodes), make([]spec.ViewID, nodes)
	var last spec.ViewID
	crashed := false
	for n := range up {
		up[n] = true
	}
	for i := range b.h.Events {
		switch e := &b.h.Events[i]; e.Kind {
		case spec.Crash, spec.Recover:
			up[e.Node], at[e.Node], crashed = e.Kind == spec.Recover, spec.ViewID{}, true
		case spec.Left: // it has given up what it had
			at[e.Node] = spec.ViewID{}
		case spec.Refuse: // the others have gone on without it
			if r := b.h.ExtraOf(e).Reason; crashed && (r == impl.NotMember.String() || r == impl.ClosedGroup.String()) {
				at[e.Node] = spec.ViewID{}
			}
		case spec.ViewChange:
			at[e.Node] = b.h.ExtraOf(e).View
			if at[e.Node].Compare(last) > 0 {
				last = at[e.Node]
			}
		}
	}
	alive, all, installed := 0, b.h.Groups[0].Members, false
	for _, m := range all {
		if up[m] {
			alive++
		}
	}
	for n := range up {
		installed = installed || up[n] && at[n] == last
	}
	return !installed || 2*alive < len(all) || 2*alive == len(all) && !up[slices.Min(all)] || slices.Contains(up, false) && b.leftWithNobody(up)
}

// leftWithNobody says whether a leave returned in the run that was played last, and nobody who is up installed a view
// without the leaver: who alone was in the view that was decided then has died before it told of it.
func (b *bench) leftWithNobody(up []bool) bool {
	with := make([][]spec.NodeID, len(up)) // the members of the view that a node has
	for g := range up {
		left, gone := spec.NodeID(g), false
		clear(with)
		for i := range b.h.Events {
			switch e := &b.h.Events[i]; {
			case e.Kind == spec.Left && e.Node == left:
				gone, with[left] = true, nil
			case e.Kind == spec.Joined && e.Node == left:
				gone = false
			case e.Kind == spec.ViewChange && !e.Is(spec.IsTransitional):
				with[e.Node] = b.h.ExtraOf(e).Members
			}
		}
		told := false
		for n := range up {
			told = told || up[n] && with[n] != nil && !slices.Contains(with[n], left)
		}
		if gone && !told {
			return true
		}
	}
	return false
}
