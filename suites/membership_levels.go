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

// Hierarchical groups of several levels: a root coordinator, the server, and below it subgroups with coordinators.

var (
	levelsOption = Option{Key: "levels", Default: "1", Text: "of coordinators in a hierarchical group, 1 to 3: 1: the coordinator below the server is a member, and the next one takes over; from 2 on the server is the root, and below it are subgroups of even size, each with a node as its coordinator, member or not", Check: within(1, 3)}
	adoptOption  = Option{Key: "adopt", Default: "yes", Text: "from two levels on, whether a subgroup whose coordinator is silent for TL is adopted by the next one above: yes (changes wait for that long); no (it is removed, and can neither join nor leave before its coordinator is back)", Check: oneOf("yes", "no")}
)

// groupLevels gives how many levels of coordinators the groups of a server have; 0: they are of peers.
func (c Cell) groupLevels() int {
	if !c.centralized() || c.Membership.Get("groups", "peer") != "hierarchical" {
		return 0
	}
	return number(c.Membership, levelsOption.Key, 1)
}

func (c Cell) adopts() bool { return c.Membership.Get(adoptOption.Key, adoptOption.Default) == "yes" }

// groupServer makes the service of one node.
func (c Cell) groupServer(cfg impl.Config) impl.Layer {
	switch at, levels := c.server(cfg.Nodes), c.groupLevels(); levels {
	case 0:
		return membership.NewServer(cfg, at)
	case 1:
		return membership.NewHierarchicServer(cfg, at)
	default:
		return membership.NewServerOfLevels(cfg, at, levels, c.adopts())
	}
}

// levelsApplicable says what is wrong with the options of levels, or nil.
func (c Cell) levelsApplicable() error {
	switch {
	case !c.centralized() || c.groupLevels() > 1:
		return nil
	case c.groupLevels() == 0 && number(c.Membership, levelsOption.Key, 1) > 1:
		return fmt.Errorf("a group of peers has no levels of coordinators: server:groups=hierarchical,levels=%s has", c.Membership.Get(levelsOption.Key, "1"))
	case !c.adopts():
		return fmt.Errorf("only a group of two levels or three has subgroups that could be adopted: server:groups=hierarchical,levels=2,adopt=no")
	}
	return nil
}

// subgroupCoordinators lists the nodes that coordinate a subgroup, of so many.
func (c Cell) subgroupCoordinators(nodes int) []spec.NodeID {
	if c.groupLevels() < 2 {
		return nil
	}
	return membership.SubgroupCoordinators(nodes, c.server(nodes), c.groupLevels())
}

// irreplaceable says whether a node coordinates a subgroup that nobody would adopt.
func (c Cell) irreplaceable(nodes int, n spec.NodeID) bool {
	return !c.adopts() && slices.Contains(c.subgroupCoordinators(nodes), n)
}

// moveSubgroups lets the coordinator of a subgroup crash while somebody joins or leaves, and perhaps come back; in some
// schedules it has left before.
func (c Cell) moveSubgroups(s *faults.Scenario, seed uint64, model spec.FaultSet, i int) {
	heads := c.subgroupCoordinators(s.Nodes)
	if len(heads) > 0 && i%3 == 0 {
		speakWhileViewsEnd(s, seed)
	}
	if len(heads) == 0 || i%3 == 0 || !model.Has(spec.CrashFault) {
		return
	}
	r := spec.NewRand(seed, purposeSubgroups)
	at := func(t time.Duration, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: a})
	}
	soon := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Millisecond }
	head, t := heads[r.IntN(len(heads))], soon(100, 1200)
	if r.Chance(.3) {
		at(max(0, t-soon(5, 90)), faults.Action{Op: faults.Leave, Node: head})
	}
	at(t, faults.Action{Op: faults.Crash, Node: head})
	if model.Has(spec.RecoverFault) && r.Chance(.5) {
		at(t+soon(20, 900), faults.Action{Op: faults.Recover, Node: head})
	}
	for range 1 + r.IntN(2) {
		n := spec.NodeID(r.IntN(s.Nodes))
		if n == head {
			continue
		}
		leave := max(0, t+soon(0, 60)-30*time.Millisecond)
		at(leave, faults.Action{Op: faults.Leave, Node: n})
		if r.Chance(.5) {
			at(leave+soon(1, 900), faults.Action{Op: faults.Join, Node: n})
		}
	}
}

const purposeSubgroups = 0x5e80

// speakWhileViewsEnd lets everybody send while members come and go, over links on which what was sent before the end of a
// view may come late.
func speakWhileViewsEnd(s *faults.Scenario, seed uint64) {
	r := spec.NewRand(seed, purposeSpeak)
	s.Net.Strategy, s.Net.Min, s.Net.Max = faults.Latency, time.Millisecond, 20*time.Millisecond
	for k := range s.Steps {
		if op := s.Steps[k].Action.Op; s.Steps[k].When.On != faults.AtTime || op != faults.Leave && op != faults.Join {
			continue
		}
		for n := range spec.NodeID(s.Nodes) {
			for range 2 {
				s.Steps = append(s.Steps, send(n, time.Duration(s.Steps[k].When.At)+time.Duration(r.IntN(60_000))*time.Microsecond))
			}
		}
	}
}

const purposeSpeak = 0x5e81

// lostWithTheDead tells what each kind of group loses when one dies on whom others rest.
func lostWithTheDead() []Fact {
	const kinds = "what is lost when "
	return []Fact{
		{kinds + "a member dies", "peer, hierarchical of any level: a change waits until it has been silent for TL, and then it is removed; nothing else"},
		{kinds + "the server dies (of several levels: the root)", "peer, hierarchical of any level: there is no change, calls wait and the dead stay in the view until it is back with its database; the multicast goes on. With distributed membership, where no one decides: nothing but TL"},
		{kinds + "the coordinator dies, groups=hierarchical", "a change waits for TL, and then the next member coordinates; nothing else"},
		{kinds + "the coordinator of a subgroup dies, levels=2 or 3", "changes wait for TL, and then its subgroup is adopted by the next one above; nothing else"},
		{kinds + "the coordinator of a subgroup dies, adopt=no", "its subgroup, with all below, is removed when nothing has been heard of it for TL and a quarter: it keeps the view that it had, and can neither join nor leave before its coordinator is back; the others go on"},
	}
}
