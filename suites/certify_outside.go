package suites

import (
	"slices"
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/impl/adapter"
	"github.com/conform-go/conform/spec"
)

// mostOwnGroups is the most groups of a schedule.
const mostOwnGroups = 3

// suit makes of a drawn schedule one that a program with sockets of its own can play: who sends to a group is in it, and
// where something is claimed of groups whose members change, they do.
func (t *trial) suit(s *faults.Scenario, seed uint64, i int) {
	for k := range s.Steps {
		if a := &s.Steps[k].Action; a.Op == faults.Send && !slices.Contains(s.Groups[a.Group].Members, a.Node) {
			a.Group = 0
		}
	}
	if t.plan.World != "netns" {
		return
	}
	suit(s)
	if t.moves() {
		move(s, seed, i, t.tl())
	}
}

// moves says whether something is claimed that needs a group whose members change.
func (t *trial) moves() bool {
	ids, _ := spec.Level("view-synchronous")
	return t.plan.World == "netns" && slices.ContainsFunc(t.claims, func(id spec.ID) bool {
		return slices.Contains(ids, id) || id == "NO-DELIVERY-AFTER-LEAVE" || id == "MEMBERSHIP-PRECISION" || id == "JOIN-TRANSFER" || id == "JOIN-COMPLETE"
	})
}

// tl is after how long a program may take a silent node for failed: it is told so in its init.
func (t *trial) tl() time.Duration { return max(time.Second, time.Duration(t.hello.Settle)) }

// move lets nodes join and leave the first group, in real time: some are outside from the start. Messages are sent while
// they come and go, and when all that follows is over, in which time a silent node may be taken for failed twice.
func move(s *faults.Scenario, seed uint64, i int, tl time.Duration) {
	r := spec.NewRand(seed, purposeMoves)
	soon := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Millisecond }
	node := func() spec.NodeID { return spec.NodeID(r.IntN(s.Nodes)) }
	at := func(t time.Duration, op faults.Op, n spec.NodeID) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: faults.Action{Op: op, Node: n}})
	}
	if i%2 == 1 && s.Nodes > 2 {
		late := spec.NodeID(s.Nodes - 1)
		s.Groups[0].Members = slices.DeleteFunc(s.Groups[0].Members, func(n spec.NodeID) bool { return n == late })
		at(soon(0, 300), faults.Join, late)
	}
	if i%4 != 1 {
		for range 1 + r.IntN(2) {
			n, t := node(), soon(0, 400)
			at(t, faults.Leave, n)
			if r.Chance(.6) {
				at(t+soon(400, 900), faults.Join, n)
			}
		}
	}
	for range 3 + r.IntN(6) {
		s.Steps = append(s.Steps, send(node(), soon(0, 1500)))
	}
	over := 1500*time.Millisecond + 2*tl
	for n := range spec.NodeID(s.Nodes) {
		at(over, faults.Query, n)
		s.Steps = append(s.Steps, send(n, over+time.Duration(n)*time.Millisecond))
	}
}

// suit makes of a drawn schedule one that the kernel's network can play on programs of which nothing is seen but what they
// say. A clock is ahead from the start and for good; the only router is the switch, which asks who listens; and the way
// is too long on one LAN for who sends with no time to live at all. What would wait for a packet waits for a delivery,
// or comes when it should be about to leave: else it would never come.
func suit(s *faults.Scenario) {
	sends, first := 0, map[spec.NodeID]spec.Time{}
	for i := range s.Steps {
		if x := &s.Steps[i]; x.Action.Op == faults.Send {
			sends++
			if at, ok := first[x.Action.Node]; x.When.On == faults.AtTime && (!ok || x.When.At < at) {
				first[x.Action.Node] = x.When.At
			}
		}
	}
	for i := range s.Steps {
		x := &s.Steps[i]
		switch x.Action.Op {
		case faults.Skew:
			x.When, x.Action.For = faults.When{}, 0
		case faults.RouterDown:
			x.Action.Router = 0
		case faults.TTL:
			x.Action.Size = 0
		}
		if w := &x.When; w.On != faults.AtTime && w.On != faults.OnDeliver && w.On != faults.OnAck {
			at, ok := first[w.Node]
			if ok && (w.On == faults.OnSend || w.On == faults.OnAction) {
				*w = faults.When{At: at + spec.Time(w.K)*spec.Time(strikeEvery)}
			} else {
				*w = faults.When{On: faults.OnDeliver, Node: w.Node, K: 1 + (w.K-1)%max(1, sends)}
			}
		}
	}
}

// strikeEvery is about how far apart the packets of a program are that was just told to send.
const strikeEvery = 250 * time.Microsecond

// refusals says of each kind of fault that is not played why that is so.
func (t *trial) refusals(cannot spec.FaultSet) (why []string) {
	if t.hello.Network != "own" {
		return nil
	}
	for _, k := range cannot.Kinds() {
		if t.plan.World == "netns" && outsideNow().Has(k) != outsideFaults.Has(k) {
			why = append(why, k.String()+": no: there are no time namespaces for us here (CONFIG_TIME_NS, CAP_SYS_ADMIN)")
		} else if t.plan.World == "netns" {
			why = append(why, k.String()+": "+outsideCan(k))
		} else if ops := faults.OpsOf(k); len(ops) > 0 {
			if err := adapter.NewOwn(t.plan.Adapter, t.hello).Can(ops[0]); err != nil {
				why = append(why, err.Error())
			}
		}
	}
	return why
}

// ofStrangers are the faults that strike a program by the address of its group only.
var ofStrangers = spec.SetOf(spec.RogueFault, spec.FloodFault, spec.ReportFault, spec.TTLFault, spec.RouterFault, spec.NICFault)

// deaf says what of the faults that were played could strike nothing, where no program has joined the address of its group.
func (t *trial) deaf() {
	struck := (t.model | t.more) & ofStrangers
	if t.plan.World != "netns" || struck == 0 || t.outside.heard() || t.r.Error != "" {
		return
	}
	if t.r.NotPlayed != "" {
		t.r.NotPlayed += ","
	}
	t.r.NotPlayed += struck.String()
	t.r.NotPlayedWhy = append(t.r.NotPlayedWhy, struck.String()+": no node has joined the address of its group (init, groups.NAME.address), so that there is nothing to strike")
}
