package suites

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/conform-go/conform/impl/ipmulticast"
	"github.com/conform-go/conform/netns"
	"github.com/conform-go/conform/spec"
)

// Cells of IP multicast whose options ask for subnets: on the kernel, too, their hosts are spread over the links of the
// simulator's plan, and the same routers stand between. Their clocks are fast, though not as fast as the simulator's.

// routerFaults are what a world on the kernel injects where there are routers.
var routerFaults = spec.SetOf(spec.RouterFault, spec.RPFault, spec.ForgetFault, spec.BoundaryFault, spec.TableFault)

// wide says whether the cell has a network of its own on the kernel.
func (c Cell) wide() bool {
	return c.Transport.Name == "ip" && len(c.Transport.Options) > 0 && !c.oneLAN()
}

// oneLAN says whether the cell is on the one LAN: a switch that snoops, and nothing else.
func (c Cell) oneLAN() bool {
	n, _ := c.network()
	return n.subnets == 1 && n.mode == ipmulticast.NoRouting && n.snoop && !n.v6 && n.querier > 1 // there is no switch that asks in version 1
}

// outdoorsOf gives the faults that the kernel injects into these cells.
func outdoorsOf(cells []Cell) spec.FaultSet {
	if slices.ContainsFunc(cells, Cell.wide) {
		return outdoorFaults | routerFaults
	}
	return outdoorFaults
}

// unseen says why nothing on the kernel writes down what a requirement of the cell is judged by; empty where it can be
// judged.
func (c Cell) unseen(id spec.ID) string {
	if !c.wide() || id == "COST-DELAY" {
		return unseen(id)
	}
	n, _ := c.network()
	if n.frr && paced(id) {
		return "not observed of FRR's routers: their times of IGMP and PIM are their own"
	}
	if n.slowest() && (id == "IGMP-AGEING" || id == "ROUTE-CONTAIN") {
		return "not observed where a host speaks version 1 of IGMP: queries then say no time, kernels take up to ten seconds to answer (RFC 1112 appendix I), and no run lasts until a membership is over"
	}
	return "" // every frame on every link is seen
}

// borrow gives the LAN of the cell, and what to call when it is not needed any more.
func (o *outdoor) borrow(nodes int) (*netns.LAN, func(), error) {
	if cards, err := o.cell.cards(); err != nil || cards != netns.Veths {
		return o.carded(nodes)
	}
	if v, asked := o.cell.versions(); asked {
		return o.versioned(nodes, v)
	}
	if !o.cell.wide() {
		lan, err := o.lans.get()
		return lan, func() {
			if lan != nil {
				o.lans.put(lan)
			}
		}, err
	}
	n, _ := o.cell.network()
	lan, err := netns.NewSubnets(n.onKernel(max(8, nodes), o.rules))
	return lan, func() {
		if lan != nil {
			_ = lan.Close()
		}
	}, err
}

// misled gives what the routers of a mutant do wrong, or says why the kernel can't be made to do what it does.
func (s *Subject) misled() (*ipmulticast.RouterRules, error) {
	if s.rules != nil && s.cell.Transport.Name == "ip" && len(s.cell.Transport.Options) == 0 {
		s.cell.Transport.Options = []Setting{{"subnets", "3"}} // without options it would be on one LAN, and have no routers
	}
	switch {
	case s.rules == nil:
		return nil, nil
	case !s.cell.wide() || !reflect.ValueOf(s.rules.Host).IsZero() || !reflect.ValueOf(s.rules.Driver).IsZero():
		return nil, errors.New("what it does wrong there the kernel does, and rightly")
	}
	return &s.rules.Router, nil
}

// onKernel is the network for so many hosts.
func (n *network) onKernel(hosts int, rules *ipmulticast.RouterRules) netns.SubnetsConfig {
	plan := n.plan(hosts)
	x := netns.SubnetsConfig{Plan: plan, Speed: speed / slower, Reroute: slower * 20 * time.Millisecond, TTL: int(n.ttl()),
		Warmup: 50 * time.Millisecond, Silent: n.mode == ipmulticast.NoRouting, IGMP: n.known}
	if n.rps == "announced" {
		x.Warmup = slower * 1500 * time.Millisecond
	}
	t := n.timingOutdoors()
	x.Reports = t.UnsolicitedReport / time.Duration(t.Speed)
	x.Router = func(i int) *ipmulticast.Router {
		cfg := n.routerConfig(plan, i, 1, rules)
		cfg.Timing = t
		return ipmulticast.NewRouter(cfg)
	}
	x.RP = func(up func(int) bool) int { return n.rendezvous(plan, up) }
	n.hire(&x)
	return x
}

// timingOutdoors is the timing of routers there.
func (n *network) timingOutdoors() ipmulticast.Timing {
	t := timing(n.refresh)
	t.Speed = speed / slower
	// What hosts are to answer within is a tenth of a second of theirs at least: that is the unit of the older versions.
	t.LastMemberQuery = 10 * time.Second
	if n.slowest() { // in which a query has no time, and hosts take ten seconds
		t.QueryResponse = 10 * time.Second * time.Duration(t.Speed)
	}
	return t
}

// declareOutdoors corrects what the header says, on the kernel.
func (c Cell) declareOutdoors(h *spec.Header) {
	c.slowBounds(h)
	n, _ := c.network()
	if !c.wide() {
		return
	}
	if n.frr {
		for _, id := range []string{"ROUTE-REACH", "ROUTE-CONTAIN"} {
			h.Bounds[id] += rejoin
		}
		return
	}
	for id := range h.Bounds {
		if paced(spec.ID(id)) && id != "PIM-PRUNE" { // which is how long prunes last, and not how long something may take
			h.Bounds[id] += breath
		}
	}
	t := n.timingOutdoors()
	// A leave is followed by so many queries about the group, each of which hosts have a last member query interval to
	// answer: on the kernel that is longer (see onKernel).
	h.Bounds["IGMP-LEAVE"] = time.Duration(t.LastMemberCount)*t.LastMemberQuery/time.Duration(t.Speed) + breath
	if n.slowest() {
		for _, id := range []string{"ROUTE-CONTAIN", "IGMP-AGEING", "IGMP-SUPPRESSION"} {
			h.Bounds[id] += 10 * time.Second // in which its hosts answer
		}
	}
}

// breath is what the machine may add to a time of IGMP or PIM: timers of the kernel of a host go by ticks, of ten
// milliseconds at most, and IGMP's ring up to three ticks after what was drawn; and routers are processes.
const breath = 50 * time.Millisecond

// breathless is how late a router may be in a run that says something of such times.
const breathless = breath - 10*time.Millisecond

// paced says whether a requirement is about times of IGMP or PIM.
func paced(id spec.ID) bool {
	return strings.HasPrefix(string(id), "IGMP-") || strings.HasPrefix(string(id), "PIM-")
}

// unpace takes back what was declared of the times of IGMP and PIM where a router was so late that they say nothing.
func (o *outdoor) unpace(lag time.Duration) bool {
	if lag <= breathless || !o.cell.wide() {
		return false
	}
	h, was := &o.bench.h, false
	for id := range h.Bounds {
		if paced(spec.ID(id)) {
			delete(h.Bounds, id)
			was = true
		}
	}
	return was
}

// unpacedText says in a row of the report that the machine was too late to judge it.
const unpacedText = "not judged on this machine: its routers were so late that the times of IGMP and PIM say nothing"

// excusePace is excuse for what depends on when routers get to what they have to do.
func (o *outdoor) excusePace(row *Row) {
	if row.Verdict == spec.Inconclusive && o.sluggish > 0 && paced(row.ID) {
		row.Skipped, row.Reason = true, unpacedText
	}
}
