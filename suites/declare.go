package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// cost gives how many packets a send to a group of so many costs without faults, acknowledgements among them; 0 where
// the cell does not say.
func (c Cell) cost(members int) int {
	copies := members - 1
	acks := 0
	switch {
	case c.total() || c.together() || c.furnished(): // what orders, watches or elects costs packets too
		return 0
	case c.Reliability.Name != "unreliable" && c.Reliability.Name != "best-effort" || c.channel() || c.mtu() > 0 || c.Membership.Name == "anonymous":
		return 0
	case c.Reliability.Name == "best-effort":
		acks = members - 1
	}
	switch c.Transport.Name {
	case "hardware", "broadcast":
		return 1 + acks
	case "ip":
		if n, _ := c.network(); n.mode == ipmulticast.Sparse || acks > 0 && c.premises().looped {
			return 0 // what is registered is sent twice, and a second copy is acknowledged too
		}
		return 1 + acks
	case "unicast":
		return copies + acks
	case "anycast":
		return 1
	case "coordinator", "hierarchy":
		if acks == 0 { // what takes two or three hops may be repeated before its acknowledgement is there
			return 1 + copies
		}
	}
	return 0
}

// ackCost gives how many packets that are acknowledgements and nothing else a send to a group of so many costs at most
// without faults, where nothing takes longer than TS; false where the cell does not say. Those that are put off and
// cover several messages, or ride, make it less.
func (c Cell) ackCost(members int) (acks int, counted bool) {
	t := c.Transport.Name
	_, links := c.network()
	if c.total() || c.together() || c.furnished() {
		return 0, false
	}
	switch c.Reliability.Name {
	case "unreliable", "nack": // nothing is acknowledged, unless there is a channel below, which acknowledges heartbeats too
		if t == "tcp" || c.channel() && (t != "unicast" || c.Reliability.Name == "nack") {
			return 0, false
		}
		if c.channel() {
			acks = members - 1
		}
	case "best-effort":
		acks = members - 1
		if c.channel() { // each copy and each acknowledgement is acknowledged once more
			acks *= 3
		}
	case "reliable", "uniform": // every member sends each message once, and each copy is acknowledged
		acks = members * (members - 1)
	default: // who tells what it has from time to time says nothing of what a send costs
		return 0, false
	}
	if acks == 0 {
		return 0, true
	}
	switch p := c.premises(); {
	case c.mtu() > 0: // each piece is acknowledged
		return 0, false
	case t == "ip":
		n, _ := c.network()
		return acks, n.mode != ipmulticast.Sparse && !p.looped // or a second copy comes, and is acknowledged too
	case t == "unicast" || links:
		return acks, true
	}
	return 0, false
}

// slow says whether a packet and its acknowledgement may take longer than TS, after which a packet is repeated. Each LAN
// on the way is two links.
func (c Cell) slow(s *faults.Scenario) bool {
	n, _ := c.network()
	onLinks := time.Duration(n.subnets) * 4 * sim.WireDelay
	return 2*s.Net.Max+onLinks+5*time.Millisecond > sim.DefaultTS
}

// declare says in the header of a history what judges have to know of the cell.
func (c Cell) declare(s *faults.Scenario, h *spec.Header) {
	h.Costs, h.Bounds = nil, nil
	if c.Reliability.Name == "reliable-ip" && len(s.Groups) == 1 {
		h.Costs = map[string]int{"STABILITY-TRIM": len(s.Groups[0].Members) * c.window()}
		if c.Ordering.Name == "unordered" && c.Reliability.Get("deliver", "received") == "received" { // nobody else holds anything back
			h.Costs[spec.CostHeld] = len(s.Groups[0].Members) * (c.window() - 1) // behind one that is missing
		}
	}
	if c.bounded() && len(s.Groups) == 1 {
		places := number(c.Ordering, "history", ordering.KaashoekHistory)
		h.Costs = map[string]int{"STABILITY-TRIM": places, spec.CostHeld: places - 1} // all but the one that is missing are held back
	}
	h.Epsilon = 0
	if c.Ordering.Name == "real-time" {
		h.Epsilon = 1 // what they show each other after waiting for ε, they show in order
	}
	if len(s.Groups) == 1 && s.Faults() == 0 {
		members := len(s.Groups[0].Members)
		if members < s.Nodes { // a stranger to the group has no copy of its own
			members++
		}
		costs := func(id string, most int) {
			if h.Costs == nil {
				h.Costs = map[string]int{}
			}
			h.Costs[id] = most
		}
		c.declareDelay(s, h)
		slow := c.slow(s)
		if cost := c.cost(members); cost > 0 && !(slow && c.Reliability.Name != "unreliable") {
			costs("COST-PACKETS", cost)
		}
		if acks, counted := c.ackCost(members); counted && !(slow && acks > 0) {
			costs("COST-ACKS", acks)
		}
	}
	if c.Transport.Name == "anycast" {
		h.Topology = &spec.Topology{Metrics: c.metrics(s.Nodes)}
		h.Bounds = map[string]time.Duration{"ANYCAST-NEAREST": 0}
		return
	}
	if n, links := c.network(); links && h.Topology != nil {
		n.declare(h)
	}
	bound := func(id string, d time.Duration) {
		if h.Bounds == nil {
			h.Bounds = map[string]time.Duration{}
		}
		h.Bounds[id] = d
	}
	if c.Ordering.Name == "real-time" {
		bound("TIMELINESS", time.Duration(number(c.Ordering, "delta", 100)+2*number(c.Ordering, "epsilon", 5))*time.Millisecond)
	}
	if c.premises().repairs {
		bound("TAIL-RECOVERY", c.tail(s))
	}
	c.declareWatching(s, bound)
	if c.notices() { // a heartbeat is missed every TL/4; what a fault has held up may come until then
		bound("DETECTOR-COMPLETENESS", 2*sim.DefaultTL+2*s.Net.Max)
	}
}

// notices says whether every member of the cell tells its application of every other one that has died. Where members
// hear of a death only by what they wait for, who waits for nothing does not.
func (c Cell) notices() bool { return c.Reliability.Name == "reliable-ip" }

// declare completes the topology, and says how long hosts and routers may take.
func (n *network) declare(h *spec.Header) {
	t := h.Topology
	t.IGMP, t.Versions = n.querier, n.levels(h)
	if !n.routed {
		return
	}
	switch n.mode {
	case ipmulticast.Dense:
		t.Routing = "dense"
	case ipmulticast.Sparse:
		t.Routing = "sparse"
		t.RPs = t.RPs[:0]
		for _, r := range n.candidates(len(t.Routers)) {
			t.RPs = append(t.RPs, t.Routers[r])
		}
	}
	h.Bounds = n.bounds()
}

// bounds are on the world's clock.
func (n *network) bounds() map[string]time.Duration {
	t := timing(n.refresh)
	on := func(d time.Duration) time.Duration { return d / speed }
	const slack = 5 * time.Millisecond
	// Who has lost the designated router or the forwarder of its LAN hears so by the hello hold time.
	converge := on(t.HelloHold) + 100*time.Millisecond
	reach := converge
	if n.outdated() { // a host that has come back speaks a version that no router knows, until the next query
		reach += on(t.QueryInterval + t.QueryResponse)
	}
	return map[string]time.Duration{
		"ROUTE-REACH":      reach,
		"ROUTE-CONTAIN":    converge + on(time.Duration(t.Robustness)*t.QueryInterval+t.QueryResponse),
		"IGMP-JOIN":        on(time.Duration(t.Robustness-1)*t.UnsolicitedReport) + slack,
		"IGMP-LEAVE":       on(time.Duration(t.LastMemberCount)*t.LastMemberQuery) + slack,
		"IGMP-SUPPRESSION": on(t.QueryResponse) + slack,
		"IGMP-AGEING":      on(time.Duration(t.Robustness)*t.QueryInterval+t.QueryResponse) + slack,
		"IGMP-QUERIER":     on(time.Duration(t.Robustness)*t.QueryInterval+t.QueryResponse/2) + slack,
		"PIM-PRUNE":        on(t.PruneHold),
		"PIM-OVERRIDE":     on(t.PropagationDelay+t.OverrideInterval) + slack,
		"PIM-GRAFT":        50 * time.Millisecond,
		"PIM-ASSERT":       100 * time.Millisecond,
		"PIM-RP":           converge,
	}
}
