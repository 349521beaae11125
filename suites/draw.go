package suites

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// draw makes schedule i of a cell in s. What few claims are about is not left to luck: some schedules have a message
// to one node, some a sender that is no member, of a closed group or an open one, and some a node that crashes when it
// has delivered.
func (p *Plan) draw(s *faults.Scenario, seed uint64, c Cell, model spec.FaultSet, i int) {
	x := faults.Params{Subject: c.String(), MinNodes: p.Nodes, MaxNodes: p.Nodes, MaxSends: p.Messages,
		OneToOne: i%4 == 0, MTU: c.mtu()}
	if p.Nodes == 0 {
		x.MinNodes, x.MaxNodes = c.sizes()
	}
	if c.mtu() > 0 {
		x.MaxSize = 4 * c.mtu()
	}
	c.drawInto(s, seed, x, model, i)
}

// drawInto draws a schedule with the faults of a model, as the cell's network has them.
func (c Cell) drawInto(s *faults.Scenario, seed uint64, x faults.Params, model spec.FaultSet, i int) {
	x = c.within(x, model, i)
	faults.DrawInto(s, seed, x)
	if c.changes() {
		c.drawMoves(s, seed, model, i)
		return
	}
	c.addOdd(s, i)
	if model.Has(spec.CrashFault) {
		c.addCrash(s, seed, x.Revive, i)
	}
	c.addHole(s, model, i)
	if x.Syncs && i%4 == 1 {
		s.Steps = append(s.Steps, send(0, 0), faults.Step{When: faults.When{At: spec.Time(time.Millisecond)}, Action: faults.Action{Op: faults.Sync}},
			send(0, 2*time.Millisecond))
	}
	c.drawNetwork(s, seed, x.Overlaps, model, i)
	if c.across() && i%8 == 2 && model.Has(spec.CrashFault) && model.Has(spec.OmitSendFault) {
		comeApart(s)
	}
	c.burst(s, seed, i)
	c.even(s, model, i)
	c.stir(s, seed, model, i)
	c.aimCrashes(s, model)
	if model.Has(spec.ByzantineFault) && i%4 > 0 {
		lie(s, seed)
	}
}

// within says what may be in a schedule of the cell with the faults of a model.
func (c Cell) within(x faults.Params, model spec.FaultSet, i int) faults.Params {
	x.Faults = model.Without(spec.ByzantineFault)
	if model.Has(spec.CoordinatorFault) {
		x.Faults = x.Faults.With(spec.CrashFault)
	}
	if x.Revive = c.logged() && i%3 > 0; !x.Revive && c.logged() { // dead for good
		x.Faults = x.Faults.Without(spec.RecoverFault)
	}
	_, x.Syncs = c.barrier()
	n, _ := c.network()
	x.Routers = n.routers()
	if x.Joins = c.Membership.Name == "anonymous"; x.Joins {
		x.NonMember, x.OneToOne = true, false
	}
	x.Overlaps = c.overlaps(i) && !c.changes()
	if c.changes() || c.watches() || c.elects() {
		x.Window, x.Hold = viewWindow, viewHold
	}
	return x
}

// drawMoves lets members come and go, and what goes with that.
func (c Cell) drawMoves(s *faults.Scenario, seed uint64, model spec.FaultSet, i int) {
	c.move(s, seed, i)
	if c.regroups() && model.Has(spec.CrashFault) && model.Has(spec.RecoverFault) && i%2 == 0 {
		allDie(s, seed)
	}
	if c.parted() && model.Has(spec.PartitionFault) && i%3 > 0 {
		cutUp(s, seed)
	}
	if c.Membership.Name == viewSynchronous {
		c.aimViews(s, seed, model, i)
	}
	if c.centralized() || c.announced() {
		c.moveServed(s, seed, model, i)
		c.aimCrashes(s, model)
	}
}

// addOdd adds a message to one node to some schedules, and a sender that is no member to others.
func (c Cell) addOdd(s *faults.Scenario, i int) {
	last := spec.NodeID(s.Nodes - 1)
	if c.Transport.Name == "anycast" && last > 0 { // who is a member is the nearest one to itself
		s.Exclude(0)
		s.Groups[0].Closed = false
		s.Steps = append(s.Steps, send(0, 0))
	}
	if i%4 == 0 && c.Membership.Name != "anonymous" {
		s.Steps = append(s.Steps, faults.Step{Action: faults.Action{Op: faults.Send, Node: last, To: 0, Size: 8}})
	}
	if i%8 == 1 && last > 0 && (i%16 == 1 || c.Reliability.Name != "gossip") { // of which a stranger's messages have another share
		s.Exclude(last)
		s.Groups[0].Closed = i%16 == 1
		s.Steps = append(s.Steps, send(last, 0))
	}
}

// addCrash adds a crash to some schedules: of one that has delivered, or of one that is alone with what it knows. Where
// nodes revive, it comes back.
func (c Cell) addCrash(s *faults.Scenario, seed uint64, revive bool, i int) {
	crash := faults.Action{Op: faults.Crash, Node: spec.NodeID(seed % uint64(s.Nodes))}
	kind := i % 8
	if c.total() && i%2 == 1 { // two messages in some order, and one that has delivered both
		kind = 3
		s.Steps = append(s.Steps, send(0, 0), send(s.Groups[0].Members[len(s.Groups[0].Members)-1], 0))
	}
	switch kind {
	case 3:
		s.Steps = append(s.Steps, faults.Step{When: faults.When{On: faults.OnDeliver, Node: crash.Node, K: 2}, Action: crash})
		if revive { // and finds in its log what it has delivered
			back := faults.Action{Op: faults.Recover, Node: crash.Node}
			s.Steps = append(s.Steps, faults.Step{When: faults.When{At: lateCrash + spec.Time(200*time.Millisecond)}, Action: back},
				send((crash.Node+1)%spec.NodeID(len(s.Groups[0].Members)), 400*time.Millisecond))
		}
	case 6:
		at := c.alone(s, i)
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: at}, Action: crash})
	}
}

// addHole adds to some schedules of what keeps to deadlines a loss, and a message that shows it.
func (c Cell) addHole(s *faults.Scenario, model spec.FaultSet, i int) {
	if c.Ordering.Name != "real-time" || c.repairs() || !model.Has(spec.LossFault) || i%4 != 2 {
		return
	}
	loss := faults.Action{Op: faults.Loss, Percent: 60, For: 5 * time.Millisecond}
	if i%8 == 6 { // of a stream, so long that what was lost comes too late
		loss.Percent, loss.For = 90, 150*time.Millisecond
	}
	s.Steps = append([]faults.Step{{Action: loss}}, append(s.Steps, send(0, 0), send(0, 10*time.Millisecond), send(0, 400*time.Millisecond))...)
}

// drawNetwork adds what the machines of the cell's network are tried with.
func (c Cell) drawNetwork(s *faults.Scenario, seed uint64, overlaps bool, model spec.FaultSet, i int) {
	n, links := c.network()
	if n.routed && i%4 == 2 {
		n.goOn(s, seed>>8, model, i/4, c.Membership.Name == "anonymous")
	}
	if c.Membership.Name == "anonymous" && n.silent() && i%4 == 1 {
		n.oldAndNew(s, seed, i/4)
	}
	if links && model.Has(spec.NICFault) && i%8 == 5 {
		n.collide(s, i/8)
	}
	if links && overlaps && model.Has(spec.NICFault) && i%8 == 7 {
		n.share(s, i/8)
	}
}

// lie lets fewer than a third of the members lie.
func lie(s *faults.Scenario, seed uint64) {
	r := spec.NewRand(seed, purposeLies)
	members := s.Groups[0].Members
	first := r.IntN(len(members))
	for k := range max(0, (len(members)-1)/3-faulty(s, &s.Groups[0])) {
		how := spec.EveryLie
		if r.Chance(.5) {
			how = spec.Lie(1 + r.IntN(int(spec.EveryLie)))
		}
		s.Steps = append(s.Steps, faults.Step{Action: faults.Action{Op: faults.Lies, Node: members[(first+k)%len(members)], Lie: how}})
	}
}

const purposeLies = 0x11e5

// special says whether schedules of the cell are drawn in another way than others.
func (c Cell) special() bool {
	_, barriers := c.barrier()
	return barriers || c.changes() || c.furnished() || c.bursts() || c.logged() || c.Reliability.Name == "gossip" || c.Reliability.Name == "byzantine"
}

// sizes gives how many nodes schedules have that don't say it; 0, 0 is the usual.
func (c Cell) sizes() (low, high int) {
	switch {
	case c.changes():
		return 3, 5
	}
	if n, _ := c.network(); n.mixed() && n.subnets <= 6 { // two hosts on a LAN, at the least
		low, high = n.subnets+1, n.subnets+2
	}
	switch c.Reliability.Name {
	case "gossip":
		return 8, 8
	case "byzantine":
		return max(4, low), max(7, high)
	}
	return low, high
}

// members gives the number of members of the cell's schedules, where it is one.
func (c Cell) members(nodes int) int {
	if low, _ := c.sizes(); nodes == 0 {
		return max(1, low)
	}
	return nodes
}

func send(node spec.NodeID, at time.Duration) faults.Step {
	return faults.Step{When: faults.When{At: spec.Time(at)},
		Action: faults.Action{Op: faults.Send, Node: node, To: impl.Everyone, Size: 8}}
}

// goOn lets a node send on when all that was drawn is over: trees that take time to build, prunes that end, and
// listeners that are gone can only be seen on a source that goes on. Where listeners come and go only some listen from
// the start, and some schedules are about one fault of the network that is seldom seen by chance.
func (n *network) goOn(s *faults.Scenario, seed uint64, model spec.FaultSet, i int, anonymous bool) {
	node := spec.NodeID(seed % uint64(s.Nodes))
	if s.Groups[0].Closed && int(node) >= len(s.Groups[0].Members) {
		node = 0
	}
	if anonymous {
		for m := range spec.NodeID(s.Nodes) {
			if seed>>(8+m)&1 == 1 {
				s.Exclude(m)
			}
		}
	}
	special := faults.Action{Op: faults.Nothing}
	switch {
	case i%4 == 0 && model.Has(spec.RPFault):
		special.Op = faults.RPDown
	case i%4 == 1 && model.Has(spec.TTLFault):
		special = faults.Action{Op: faults.TTL, Node: node, Size: 1, For: time.Second}
	case i%2 == 0 && anonymous && model.Has(spec.CrashFault) && len(s.Groups[0].Members) > 0:
		special = faults.Action{Op: faults.Crash, Node: s.Groups[0].Members[0]}
	}
	if i%4 == 3 && anonymous { // a listener far from the source comes and goes, as one does who changes the channel
		node = 0
		s.Exclude(1)
		s.Steps = append(s.Steps[:0], faults.Step{When: faults.When{At: spec.Time(1700 * time.Millisecond)},
			Action: faults.Action{Op: faults.Leave, Node: 1}})
		special = faults.Action{Op: faults.Join, Node: 1}
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(800 * time.Millisecond)}, Action: special})
	} else if special.Op != faults.Nothing { // and nothing else, when trees have been built
		s.Steps = append(s.Steps[:0], faults.Step{When: faults.When{At: spec.Time(800 * time.Millisecond)}, Action: special})
	}
	for k := range 8 {
		s.Steps = append(s.Steps, send(node, time.Duration(k)*380*time.Millisecond))
	}
}

// aimCrashes lets only those crash that the model lets crash: members that hand on what others send, or the others.
func (c Cell) aimCrashes(s *faults.Scenario, model spec.FaultSet) {
	g := &s.Groups[0]
	heads := c.heads(len(g.Members))
	if len(heads) == 0 || len(g.Members) == 0 {
		return
	}
	all := model.Has(spec.CoordinatorFault)
	others := model.Has(spec.CrashFault) || model.Has(spec.CrashLossyFault)
	for i := range s.Steps {
		a := &s.Steps[i].Action
		if a.Op != faults.Crash && a.Op != faults.CrashLossy {
			continue
		}
		switch head := c.coordinates(s, a.Node); {
		case head && !all:
			a.Node = g.Members[len(g.Members)-1]
			if c.coordinates(s, a.Node) { // there is nobody else
				*a = faults.Action{}
			}
		case !head && !others && c.centralized():
			a.Node = c.server(s.Nodes)
		case !head && !others:
			a.Node = g.Members[int(a.Node)%len(heads)]
		}
	}
}

// coordinates says whether a node hands on what others send, in any of its groups.
func (c Cell) coordinates(s *faults.Scenario, node spec.NodeID) bool {
	if c.centralized() && (node == c.server(s.Nodes) || c.irreplaceable(s.Nodes, node)) {
		return true
	}
	for k := range s.Groups {
		g := &s.Groups[k]
		for _, i := range c.heads(len(g.Members)) {
			if int(i) < len(g.Members) && g.Members[i] == node {
				return true
			}
		}
	}
	return false
}

// injects gives the faults of a scenario as they strike this cell: the crash of a node that hands on what others send
// is another fault than the crash of one that does not.
func (c Cell) injects(s *faults.Scenario) spec.FaultSet {
	set := s.Faults()
	third := func(g faults.Group) bool { return 3*faulty(s, &g) >= len(g.Members) }
	if c.Reliability.Name == "byzantine" && slices.ContainsFunc(s.Groups, third) {
		return spec.AllFaults // nothing is promised
	}
	if !slices.ContainsFunc(s.Groups, func(g faults.Group) bool { return len(c.heads(len(g.Members))) > 0 }) {
		return set
	}
	set = set.Without(spec.CrashFault)
	for i := range s.Steps {
		switch a := &s.Steps[i].Action; {
		case a.Op != faults.Crash && a.Op != faults.CrashLossy:
		case c.coordinates(s, a.Node):
			set = set.With(spec.CoordinatorFault)
		case a.Op == faults.Crash:
			set = set.With(spec.CrashFault)
		}
	}
	return set
}

// faulty counts the members of a group that a scenario lets crash or lie.
func faulty(s *faults.Scenario, g *faults.Group) (n int) {
	for _, m := range g.Members {
		if slices.ContainsFunc(s.Steps, func(x faults.Step) bool {
			a := &x.Action
			return a.Node == m && (a.Op == faults.Crash || a.Op == faults.CrashLossy || a.Op == faults.Lies)
		}) {
			n++
		}
	}
	return n
}

// lateCrash is when a node crashes that has had the time to deliver what was sent at the start.
const lateCrash = spec.Time(40 * time.Millisecond)
