package suites

import (
	"slices"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/reliability"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

var (
	crashes = spec.SetOf(spec.CrashFault, spec.CrashLossyFault, spec.CoordinatorFault)
	losses  = spec.SetOf(spec.LossFault, spec.OmitSendFault, spec.OmitReceiveFault, spec.PartitionFault, spec.CorruptFault)

	harmless = spec.SetOf(spec.PauseFault, spec.DelayFault, spec.DuplicateFault, spec.ReorderFault)

	// A static cell promises nothing to or of those that come back without a log; but nothing false is delivered.
	lasting = spec.AllFaults.Without(spec.RecoverFault)

	// Disks that lose what they said was safe, or can't take what is given to them.
	badDisks = spec.DiskFaults.Without(spec.TornFault, spec.DiskSlowFault)

	// Disks that lose something and don't say so.
	lyingDisks = badDisks.Without(spec.DiskErrorFault, spec.DiskFullFault)

	// What keeps a packet to the group from some, or from all, though its sender is up.
	starving = spec.SetOf(spec.RouterFault, spec.RPFault, spec.ForgetFault, spec.BoundaryFault, spec.TTLFault,
		spec.ReportFault, spec.FloodFault, spec.TableFault)
)

// faces gives the faults that can strike a cell: those of nodes and of the packets between them, and those of the
// machines that its transport has.
func (c Cell) faces() spec.FaultSet {
	f := spec.EndToEndFaults
	if c.Membership.Name == "anonymous" { // who comes back has forgotten what it had joined or left
		f = f.Without(spec.RecoverFault)
	}
	if len(c.heads(8)) > 0 {
		f = f.With(spec.CoordinatorFault)
	}
	if c.Ordering.Name == "real-time" {
		f |= spec.ClockFaults
	}
	if c.logged() || c.elects() {
		f |= spec.DiskFaults
	}
	if c.regroups() { // what else disks do to a group's logs is not promised to be survived
		f = f.With(spec.DiskSlowFault)
	}
	if c.Reliability.Name == "byzantine" {
		f = f.With(spec.ByzantineFault)
	}
	n, links := c.network()
	if !links {
		return f
	}
	f = f.With(spec.NICFault, spec.RogueFault, spec.FloodFault)
	if n.lan {
		return f
	}
	f = f.With(spec.TTLFault, spec.ReportFault)
	if n.subnets > 1 {
		f = f.With(spec.RouterFault, spec.BoundaryFault)
		if n.mode != ipmulticast.NoRouting {
			f = f.With(spec.ForgetFault, spec.TableFault)
		}
		if n.mode == ipmulticast.Sparse {
			f = f.With(spec.RPFault)
		}
	}
	return f
}

// coordinators lists the members that hand on what others send, of a group of so many.
func (c Cell) coordinators(members int) []spec.NodeID {
	n := 0
	switch c.Transport.Name {
	case "coordinator":
		n = 1
	case "hierarchy":
		n = transport.Inner(members, number(c.Transport, "fanout", 2), number(c.Transport, "depth", 0))
	}
	var out []spec.NodeID
	for i := range n {
		out = append(out, spec.NodeID(i))
	}
	return out
}

// heads lists the members without which a group of so many stands still: those that hand on what others send, and the
// one that numbers for all.
func (c Cell) heads(members int) []spec.NodeID {
	out := c.coordinators(members)
	if at := c.server(max(members, 3)); c.centralized() && !slices.Contains(out, at) {
		out = append(out, at)
	}
	if len(out) == 0 && c.sequenced() && members > 0 {
		out = append(out, 0)
	}
	return out
}

// premises are what the claims of a cell follow from.
type premises struct {
	channel     bool // a reliable one-to-one channel lies below
	acks        bool // the level acknowledges
	repairs     bool // what is lost is sent again
	relays      bool // every receiver relays
	agrees      bool // what one correct member delivers all do, though the sender crashes
	uniform     bool // what anyone delivers all do
	blocks      bool // nobody delivers while a member is dead
	ordered     bool // the level itself keeps each sender's order
	numbered    bool // the ordering holds back, and discards what it has delivered
	pieces      bool // messages are put together from pieces, each once
	fifo        bool
	causal      bool
	checksummed bool
	streams     bool // what one node sends another stays in order
	direct      bool // a message, or its repetition, goes from its sender to the receivers and not through other nodes
	relayed     bool // a coordinator hands messages on
	one         bool // to one member
	links       bool
	routed      bool
	switched    bool // a switch stands between the hosts of a LAN
	switches    bool // routers change to the source's tree, and drop what is still under way on the shared one (RFC 7761 section 4.2.2)
	looped      bool // two routers on a LAN forward until they agree, or a packet comes by two trees
	anonymous   bool
	logged      bool // what was received outlives a crash
	gossip      bool // a share delivers
	byzantine   bool // some lie
}

func (c Cell) premises() premises {
	r, o, t := c.Reliability.Name, c.Ordering.Name, c.Transport.Name
	n, links := c.network()
	logged, gossip, byzantine := c.logged(), r == "gossip", r == "byzantine"
	p := premises{channel: c.channel() || t == "tcp", acks: r != "unreliable" && r != "nack" && !gossip, repairs: r != "unreliable" && !gossip,
		relays: r == "reliable" || r == "uniform", agrees: r == "reliable" || r == "uniform" || r == "reliable-ip" || logged || byzantine || r == "atomic-view",
		uniform: r == "uniform" || c.Reliability.Get("deliver", "") == "stable" || logged || byzantine,
		ordered: r == "nack" || r == "reliable-ip" || r == "atomic-view", blocks: r == "atomic-view", logged: logged, gossip: gossip, byzantine: byzantine,
		numbered: o != "unordered", fifo: slices.Contains(fifoOrders, o), causal: slices.Contains(causalOrders, o), pieces: c.mtu() > 0,
		streams: t == "tcp", one: t == "anycast", links: links, routed: n.routed && n.mode != ipmulticast.NoRouting, switched: n.snoop,
		anonymous: c.Membership.Name == "anonymous"}
	if o == "total-kaashoek" { // brings its own
		p.acks, p.repairs, p.agrees = true, true, p.agrees || r == "unreliable" && t == "unicast"
	}
	if c.across() { // also where numbers are given: to each sender in order, and to who has delivered later
		p.fifo, p.causal = true, true
	}
	p.looped = p.routed && n.subnets > 1 && (n.shape >= ipmulticast.Ring || n.mode == ipmulticast.Sparse)
	p.switches = n.mode == ipmulticast.Sparse && n.tree
	p.checksummed = p.channel || p.repairs || links || gossip || c.watches() || c.elects()
	p.relayed = len(c.coordinators(8)) > 0
	p.direct = r == "best-effort" || logged || gossip || !p.relayed // gossip is told to one after another
	return p
}

// Claims says what a cell promises, and under which faults, in the order of the catalogue.
func (c Cell) Claims() spec.Claims {
	if c.changes() {
		return c.viewClaims()
	}
	p := c.premises()
	intact := c.faces() // faults that leave contents intact, as this cell receives them
	if !p.checksummed {
		intact = intact.Without(spec.CorruptFault)
	}
	m := map[spec.ID]spec.FaultSet{
		"NO-CREATION": intact, "CONTENT-INTEGRITY": intact, "SENDER-INTEGRITY": intact,
		"DESTINATION-INTEGRITY": intact, "CLOSED-GROUP": intact, "NO-RESURRECTION": intact, "SELF-DELIVERY": intact & lasting,
		"CHANNEL-INTEGRITY": intact,
	}
	switch {
	case p.channel || p.repairs || p.numbered || p.pieces || p.gossip:
		m["NO-DUPLICATION"] = intact
	case !p.looped:
		m["NO-DUPLICATION"] = intact.Without(spec.DuplicateFault)
	}
	if p.relayed { // the coordinator's packets carry a checksum, those to one node don't
		m["CONTENT-INTEGRITY"] = c.faces()
	}
	c.claimDelivery(m, &p, intact)
	if p.ordered {
		m["FIFO-ORDER"], m["FIFO-GAPFREE"] = intact&lasting, intact&lasting
	}
	if p.streams && !p.fifo && !c.total() && !p.logged && !p.gossip && !p.byzantine && c.Reliability.Get("ack", "") == "" {
		m["FIFO-ORDER"], m["FIFO-GAPFREE"] = intact&lasting, intact&lasting
	}
	if p.streams && p.relays && c.Ordering.Name != "real-time" { // who delivers has relayed before, and streams keep the order
		m["LOCAL-ORDER"], m["CAUSAL-ORDER"], m["CAUSAL-GAPFREE"] = intact&lasting, intact&lasting, intact&lasting
	}
	c.claimOrder(m, &p, intact)
	c.claimNetwork(m, &p, intact)
	c.claimOverflow(m)
	c.claimWatching(m)
	return inCatalogueOrder(m)
}

// tied lists what a cell promises of order only as long as nobody is silent for TL: a stream that was given up has a hole.
func (c Cell) tied() []spec.ID {
	if c.centralized() || c.announced() {
		return c.awaited()
	}
	if c.Ordering.Name == "total-kaashoek" { // who is removed misses something, and says so
		return []spec.ID{"FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-GAPFREE", "TOTAL-GAPFREE", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX"}
	}
	if c.Transport.Name != "tcp" {
		return c.patience()
	}
	return []spec.ID{"FIFO-ORDER", "FIFO-GAPFREE", "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE"}
}

// claimDelivery adds what a cell promises about who delivers.
func (c Cell) claimDelivery(m map[spec.ID]spec.FaultSet, p *premises, intact spec.FaultSet) {
	live := c.claimArrival(m, p, intact)
	if !p.direct { // what a coordinator has taken with it is lost
		live = live.Without(spec.CoordinatorFault)
		m["SELF-DELIVERY"] = m["SELF-DELIVERY"].Without(spec.CoordinatorFault)
	}
	if c.Reliability.Name == "atomic-abort" && p.numbered && !c.replays() { // what was aborted leaves a hole, behind which its sender's next wait
		m["SELF-DELIVERY"] = live &^ crashes
	}
	if p.byzantine {
		m["BYZ-CONSISTENCY"], m["BYZ-TOTALITY"], m["BYZ-VALIDITY"] = intact, live, live
	}
	if p.one || p.anonymous {
		delete(m, "SELF-DELIVERY")
		delete(m, "CLOSED-GROUP")
		delete(m, "NO-RESURRECTION")
	}
	if p.anonymous { // nobody knows whom to send to alone
		delete(m, "CHANNEL-INTEGRITY")
	}
	if p.one {
		m["ANYCAST-ONE"] = lasting &^ losses & c.faces()
		if p.channel {
			m["ANYCAST-ONE"] = lasting & c.faces()
		}
		m["ANYCAST-NEAREST"] = lasting & c.faces()
		return
	}
	switch {
	case p.repairs:
		c.claimRepaired(m, p, live)
	case !p.anonymous && !p.switches && !p.gossip: // what is not lost arrives
		m["VALIDITY"] = live & harmless
		if p.channel {
			m["VALIDITY"] = live & (harmless | losses)
		}
		m["AGREEMENT"] = m["VALIDITY"]
	}
	c.claimUniform(m, p, live)
}

// claimArrival adds what a cell promises of messages to oneself and to one node, and gives the faults through which a
// message to the group goes on.
func (c Cell) claimArrival(m map[spec.ID]spec.FaultSet, p *premises, intact spec.FaultSet) spec.FaultSet {
	live := c.faces() & lasting
	switch {
	case p.logged && c.forgets(): // a member that comes back begins anew, and is none
		live &^= badDisks
		m["SELF-DELIVERY"], m["CHANNEL-VALIDITY"] = live, live
	case p.logged:
		live = c.faces() &^ badDisks
		m["SELF-DELIVERY"] = live
		m["CHANNEL-VALIDITY"] = live & lasting // what is sent to one node is not logged
		c.claimLogs(m, p, live)
	case p.gossip:
		if !p.numbered {
			m["PROBABILISTIC-VALIDITY"] = live & harmless
		}
	case !p.channel && !c.repairs():
		m["CHANNEL-INTEGRITY"] = intact.Without(spec.DuplicateFault)
	default:
		m["CHANNEL-VALIDITY"] = live
	}
	return live
}

// claimRepaired adds what follows from sending again what is lost.
func (c Cell) claimRepaired(m map[spec.ID]spec.FaultSet, p *premises, live spec.FaultSet) {
	m["VALIDITY"], m["AGREEMENT"] = live, live
	if c.Reliability.Name == "reliable-ip" {
		m["STABILITY-TRIM"] = live
	}
	if c.notices() {
		m["DETECTOR-COMPLETENESS"] = live
	}
	if p.acks {
		m["ACKED-DELIVERED"] = live
	}
	if !p.numbered {
		m["TAIL-RECOVERY"] = live
	}
	if c.Reliability.Name == "atomic-abort" && p.numbered && !c.replays() {
		m["VALIDITY"] = live &^ crashes
	}
	if p.blocks {
		m["ALL-OR-NOTHING"], m["VALIDITY"] = live, live&^crashes
		m["SELF-DELIVERY"] = m["SELF-DELIVERY"] &^ crashes
		if !p.numbered {
			m["TAIL-RECOVERY"] = live &^ crashes
		}
	}
}

// claimUniform adds what a cell promises of what those have delivered that crash.
func (c Cell) claimUniform(m map[spec.ID]spec.FaultSet, p *premises, live spec.FaultSet) {
	switch {
	case p.logged && c.forgets(): // who delivered and came back is a stranger now
	case p.uniform:
		m["UNIFORM-AGREEMENT"] = live
	case p.blocks: // what is stable is told before it is delivered, and is known as long as that arrives
		if m["ACKED-DELIVERED"] = live &^ crashes; !p.streams {
			m["UNIFORM-AGREEMENT"] = live &^ losses &^ starving &^ spec.SetOf(spec.CrashLossyFault)
		}
	case p.relays:
		// A relay that has been handed to the network arrives: only as long as nothing is lost.
		// What is written to a stream waits at its sender, and dies with it.
		if !p.streams {
			m["UNIFORM-AGREEMENT"] = live &^ losses &^ starving &^ spec.SetOf(spec.CrashLossyFault)
		}
	case p.repairs && !p.agrees:
		m["AGREEMENT"] = live &^ crashes
		if p.causal { // who depends on a message of a crashed sender that got half way waits for ever
			m["VALIDITY"] = live &^ crashes
		}
	}
	if p.acks && p.numbered && !(p.logged && c.replays()) { // an acknowledged message can be held back behind one that died with its sender
		m["ACKED-DELIVERED"] = live &^ crashes
	}
}

// forgets says whether the ordering keeps to itself what a log does not give back: who comes back is no member any more.
func (c Cell) forgets() bool { return !c.replays() }

// repairs says whether the level sends again what is lost.
func (c Cell) repairs() bool {
	return c.Reliability.Name != "unreliable" && c.Reliability.Name != "gossip"
}

// claimLogs adds what a cell promises of what its logs keep.
func (c Cell) claimLogs(m map[spec.ID]spec.FaultSet, p *premises, live spec.FaultSet) {
	refusing := spec.SetOf(spec.DiskErrorFault, spec.DiskFullFault) // a disk that says so loses nothing
	m["NO-DUPLICATION/restart"], m["LOG-PREFIX"] = live|refusing, live|refusing
	if c.together() { // who died without having told what it was to tell is in everybody's way
		return
	}
	m["DURABILITY"] = live
	if r := c.Reliability; r.Name == "atomic-abort" || r.Name == "atomic-log" && r.Get("phases", "2") == "2" {
		m["ALL-OR-NOTHING"] = live
	}
}

// Awaits lists what a cell promises only of runs in which everyone that crashed has come back.
func (c Cell) Awaits() []spec.ID {
	if all := c.awaitsAll(); all != nil {
		return all
	}
	switch r := c.Reliability; {
	case r.Name == "atomic-log":
		return []spec.ID{"SELF-DELIVERY", "VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ALL-OR-NOTHING",
			"TAIL-RECOVERY", "ACKED-DELIVERED", "DURABILITY"}
	case r.Name == "atomic-abort", r.Name == "durable" && r.Get("acks", "majority") == "1":
		return []spec.ID{"UNIFORM-AGREEMENT", "ACKED-DELIVERED", "DURABILITY"}
	case r.Name == "durable": // whoever delivers has it on disk, and may be the only one
		return []spec.ID{"UNIFORM-AGREEMENT"}
	}
	return nil
}

// share is what gossip declares of n members: what its fan-out and rounds let expect, and a little less, for what many
// runs show of it is a number near it.
func (c Cell) share(n int) float64 {
	if c.Reliability.Name != "gossip" {
		return 1
	}
	const slack = .02
	f, r := number(c.Reliability, "fanout", 2), number(c.Reliability, "rounds", 2)
	return min(reliability.ExpectedShare(n, f, r), reliability.ExpectedShare(n-1, f, r)) - slack // one may be no member
}

// claimNetwork adds what a cell promises of the network that it stands on.
func (c Cell) claimNetwork(m map[spec.ID]spec.FaultSet, p *premises, intact spec.FaultSet) {
	if c.cost(2) > 0 {
		m["COST-PACKETS"] = spec.NoFaults
	}
	if _, counted := c.ackCost(2); counted {
		m["COST-ACKS"] = spec.NoFaults
	}
	if alone, _ := c.delays(); alone > 0 {
		m["COST-DELAY"] = spec.NoFaults
	}
	if !p.links {
		return
	}
	m["NIC-FILTER"] = intact
	if p.gossip { // what goes to one at a time follows other ways
		return
	}
	n, _ := c.network()
	if !n.snoop && n.subnets <= 3 { // a switch that snoops keeps other groups away, and so do many LANs
		m["SOCKET-FILTER"] = intact
	}
	if !p.routed {
		return
	}
	// Faults leave a time after them in which nothing is judged; those that last to the end leave nothing to judge.
	calm := c.faces()
	many, rings, dense := n.subnets > 1, n.subnets > 1 && n.shape >= ipmulticast.Ring, n.mode == ipmulticast.Dense
	claim := func(when bool, ids ...spec.ID) {
		for _, id := range ids {
			if when {
				m[id] = calm
			}
		}
	}
	claim(many && !p.switches, "ROUTE-REACH")
	claim(many, "ROUTE-ONE-COPY")
	claim(rings, "ROUTE-NO-DUPLICATE")
	claim(rings && dense && n.shape == ipmulticast.Ring && !n.refresh, "ROUTE-RPF") // elsewhere packets may come by the right side alone
	if !p.anonymous {                                                               // everybody listens; what is below is about listeners that come and go
		return
	}
	claim(many, "ROUTE-CONTAIN", "TTL-SCOPE")
	claim(true, "IGMP-JOIN")
	claim(many, "IGMP-AGEING")
	oldest, _ := n.spoken()
	claim(oldest > 1, "IGMP-LEAVE") // while a host of version 1 may listen, a router does not ask who else does, and waits
	claim(oldest < 3, "IGMP-SUPPRESSION")
	claim(rings && n.querier > 1, "IGMP-QUERIER") // in version 1 that is left to the routing protocol
	claim(rings && dense, "PIM-ASSERT")
	claim(many && dense, "PIM-PRUNE")
	claim(many && dense && !n.snoop, "PIM-GRAFT")
	claim(many && n.mode == ipmulticast.Sparse, "PIM-RP")
}

func inCatalogueOrder(m map[spec.ID]spec.FaultSet) spec.Claims {
	var out spec.Claims
	for _, r := range spec.Catalogue() {
		if under, ok := m[r.ID]; ok {
			out = append(out, spec.Claim{ID: r.ID, Under: under})
		}
	}
	return out
}
