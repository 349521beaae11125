package suites

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// Processes may be in several groups that overlap. What a cell promises of one group it promises of each, whatever
// happens in the others. What it promises across groups is another thing: the orderings say it in Part.Across, and it
// is CROSS-GROUP-CAUSAL and CROSS-GROUP-TOTAL.

// acrossOption lets an ordering stand above the stacks of a node instead of inside each.
var acrossOption = Option{Key: "groups", Default: "each", Text: "each: every group is ordered by itself; all: one order across all groups of a process, by a layer above their stacks (over unicast/reliable)", Check: oneOf("each", "all")}

const (
	nothingAcross = "nothing: each group is ordered by itself, and who sends to one group and then to another may be delivered the other way round"
	causalAcross  = "nothing by default: an answer in another group may be delivered before its question. groups=all: CROSS-GROUP-CAUSAL, whoever is in both groups delivers the question first; who crashes may leave a message in one group that waits for ever for one in the other"
	totalAcross   = "nothing by default: two processes that are in the same two groups may deliver the messages of these in different orders, though one node numbers for both. groups=all: CROSS-GROUP-TOTAL and CROSS-GROUP-CAUSAL, one sequencer for all groups; whoever crashes may stop them"
)

// acrossPromise says what an ordering promises across overlapping groups.
func acrossPromise(name string) string {
	total := Cell{Ordering: Variant{Name: name}}.total()
	switch {
	case name == "total-sequencer":
		return totalAcross
	case name == "causal":
		return causalAcross
	case name == "real-time":
		return "nothing: what is sent at one and the same moment to two groups may be delivered in different orders"
	case total:
		return "nothing: two processes that are in the same two groups may deliver the messages of these in different orders"
	case slices.Contains(causalOrders, name):
		return "nothing: an answer in another group may be delivered before its question"
	}
	return nothingAcross
}

// inShort says the same in a few words.
func (p *Part) inShort() string {
	switch {
	case p.option("groups") == nil:
		return "nothing"
	case p.Name == "causal":
		return "causal with groups=all"
	}
	return "total and causal with groups=all"
}

// stated completes the table of orderings with what each promises across groups.
func stated(parts []Part) []Part {
	for i := range parts {
		parts[i].Across = acrossPromise(parts[i].Name)
	}
	return parts
}

// across says whether the ordering stands above the stacks of a node, and orders all groups.
func (c Cell) across() bool { return c.Ordering.Get("groups", "each") == "all" }

// above makes what stands above the stacks of a node; nil where nothing does.
func (c Cell) above() func(impl.Config, []spec.Group) impl.Layer {
	switch {
	case !c.across():
		return nil
	case c.Ordering.Name == "causal":
		return func(cfg impl.Config, all []spec.Group) impl.Layer { return ordering.NewCausalAcross(cfg, all) }
	}
	return func(cfg impl.Config, all []spec.Group) impl.Layer { return ordering.NewTotalAcross(cfg, all) }
}

// acrossApplicable says why an ordering can't stand above the stacks of this cell, or nil.
func (c Cell) acrossApplicable() error {
	switch {
	case !c.across():
		return nil
	case c.Ordering.Get("form", "") != "":
		return errors.New("with groups=all a sender fetches the number first, in no other form")
	case c.Transport.Name != "unicast" || c.Reliability.Name != "reliable":
		return fmt.Errorf("groups=all needs stacks that lose nothing to a group nor to one node, and %s/%s is not among those that have been tried: want unicast/reliable", c.Transport, c.Reliability)
	case c.Membership.Name != "static":
		return fmt.Errorf("groups=all needs to know the members of all groups, and with %s membership nobody does", c.Membership.Name)
	}
	return nil
}

// claimAcross adds what the ordering promises across groups.
func (c Cell) claimAcross(m map[spec.ID]spec.FaultSet, safe spec.FaultSet) {
	if !c.across() {
		return
	}
	m["CROSS-GROUP-CAUSAL"] = safe
	if c.total() {
		m["CROSS-GROUP-TOTAL"] = safe
	}
}

// separateAcross adds what the ordering does not promise across groups though it does so in each. What it does not
// promise in one group it does not across groups either, and that is shown in one.
func (c Cell) separateAcross(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	switch {
	case c.across() && !c.total():
		add(spec.NoFaults, "CROSS-GROUP-TOTAL")
		add(spec.SetOf(spec.CrashFault, spec.OmitSendFault), "AGREEMENT")
	case c.across() || !c.overlapping():
	case c.total():
		add(spec.NoFaults, "CROSS-GROUP-TOTAL")
		if p.causal {
			add(spec.NoFaults, "CROSS-GROUP-CAUSAL")
		}
	case p.causal:
		add(spec.NoFaults, "CROSS-GROUP-CAUSAL")
	}
}

// overlapping says whether some of the cell's schedules have several groups that overlap. Two kinds of cells have none:
// with anonymous membership nobody is known to be in a group, and schedules are about who listens; and of a group that
// anycast sends to the nearest is one member, whose place is all that matters.
func (c Cell) overlapping() bool {
	return c.Membership.Name != "anonymous" && c.Transport.Name != "anycast"
}

// overlaps says whether schedule i of a cell has groups that overlap.
func (c Cell) overlaps(i int) bool {
	if c.across() {
		return i%8 != 1
	}
	return c.overlapping() && i%4 == 3
}

// share lets groups that overlap have addresses that the network takes for one at some places, in some schedules: there
// are processes that send and listen to both.
func (n *network) share(s *faults.Scenario, i int) {
	for k := 1; k < len(s.Groups); k++ {
		s.Groups[k].Address = n.collision(i + k - 1)
	}
}

// comeApart makes a schedule of one in which the sender is heard in its second group and not in its first, and is gone.
func comeApart(s *faults.Scenario) {
	last := &s.Groups[len(s.Groups)-1]
	first := &s.Groups[0]
	if len(s.Groups) < 2 || len(first.Members) < 3 {
		return
	}
	sender := last.Members[0]
	s.Net = faults.DefaultNet
	s.Steps = append(s.Steps[:0],
		faults.Step{Action: faults.Action{Op: faults.OmitSend, Node: sender, Peer: -1, Percent: 100, For: 5 * time.Millisecond}})
	second := send(sender, 7*time.Millisecond)
	second.Action.Group = spec.GroupID(len(s.Groups) - 1)
	s.Steps = append(s.Steps, send(sender, time.Millisecond), second,
		faults.Step{When: faults.When{At: spec.Time(25 * time.Millisecond)}, Action: faults.Action{Op: faults.Crash, Node: sender}})
	last.Closed = first.Closed
	if k := len(first.Members) - 1; first.Members[k] != sender { // one is in the second group alone
		first.Members = first.Members[:k]
	}
}
