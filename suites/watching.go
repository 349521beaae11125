package suites

import (
	"time"

	"github.com/conform-go/conform/faults"
	"github.com/conform-go/conform/faults/sim"
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/membership"
	"github.com/conform-go/conform/impl/mutex"
	"github.com/conform-go/conform/impl/transport"
	"github.com/conform-go/conform/spec"
)

// What a static group may have besides: a failure detector or a leader election at the bottom of the stack, below
// everything that repairs losses, and a lock at its top, in the application's place. They are options of the membership,
// so that each has a cell of its own.

var watchingOptions = []Option{
	{Key: "detector", Default: "none", Text: "what watches the members: none; fixed (who sends no heartbeat for TL is suspected), adaptive (… or a later one than they use to be, by the φ accrual detector)", Check: oneOf("none", "fixed", "adaptive")},
	{Key: "election", Default: "off", Text: "on: the members elect a leader, at most one a term, as Raft does", Check: oneOf("on", "off")},
	{Key: "mutex", Default: "off", Text: "on: a message asks for a lock, and who has it leaves after 20 ms: Lamport's mutual exclusion, over a total order", Check: oneOf("on", "off")},
}

func (c Cell) static() bool  { return c.Membership.Name == "static" }
func (c Cell) watches() bool { return c.static() && c.Membership.Get("detector", "none") != "none" }
func (c Cell) elects() bool  { return c.static() && c.Membership.Get("election", "off") == "on" }
func (c Cell) locks() bool   { return c.static() && c.Membership.Get("mutex", "off") == "on" }

// furnished says whether a static group has any of these.
func (c Cell) furnished() bool { return c.watches() || c.elects() || c.locks() }

// lockHeld is for how long who has the lock keeps it.
const lockHeld = 20 * time.Millisecond

// watching puts around the layers of a static group what it has besides.
func (c Cell) watching(cfg impl.Config, layers []impl.Layer) []impl.Layer {
	if c.locks() {
		layers = append([]impl.Layer{mutex.New(cfg, lockHeld)}, layers...)
	}
	var below []impl.Layer
	if c.elects() {
		below = append(below, membership.NewElection(cfg))
	}
	if c.watches() {
		p, _ := membership.ParsePatience(c.detector())
		below = append(below, membership.NewDetector(cfg, p))
	}
	return c.bottom(layers, below)
}

// bottom puts below a stack what sends packets of its own that nothing repeats; beside the streams, where they are the
// kernel's.
func (c Cell) bottom(layers, below []impl.Layer) []impl.Layer {
	if len(below) > 0 && c.Transport.Name == "tcp" && c.Transport.Get("stream", "") == "kernel" {
		return append(layers, transport.NewBeside(below...))
	}
	return append(layers, below...)
}

// claimWatching adds what is promised of those that watch, lead, and are inside.
func (c Cell) claimWatching(m map[spec.ID]spec.FaultSet) {
	if c.watches() {
		m["DETECTOR-COMPLETENESS"], m["DETECTOR-ACCURACY"] = c.faces(), c.faces()
	}
	if c.elects() { // a disk that says that it failed makes its node vote no more; one that lies lets it vote twice
		m["ELECTION-SAFETY"] = c.faces() &^ lyingDisks
	}
	if under, ok := m["TOTAL-GAPFREE"]; ok && c.locks() {
		if _, uniform := m["UNIFORM-TOTAL-GAPFREE"]; !uniform { // who crashed may have been inside in an order that the others never see
			under &^= crashes
		}
		m["MUTUAL-EXCLUSION"] = under & lasting
	}
}

func (c Cell) separateWatching(add func(with spec.FaultSet, ids ...spec.ID)) {
	if c.elects() {
		add(spec.SetOf(spec.CrashFault, spec.RecoverFault, spec.PartitionFault, spec.LostSyncFault), "ELECTION-SAFETY")
	}
	if c.locks() && !c.total() {
		add(spec.NoFaults, "MUTUAL-EXCLUSION")
	}
}

const (
	watchedFor     = 6 * time.Second // what a fault does to the opinions of others shows by then
	purposeWatched = 0x3a7c
)

// longEnough ends a run in which somebody is suspected and trusted for ever.
func longEnough(now spec.Time, _ *spec.History) bool { return now > 3*spec.Time(watchedFor) }

// stir makes of a schedule one about those that watch and elect: faults that last as long as a node is waited for, and
// at the end, when all have healed, some time in which all is seen.
func (c Cell) stir(s *faults.Scenario, seed uint64, model spec.FaultSet, i int) {
	r := spec.NewRand(seed, purposeWatched)
	ms := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low)) * time.Millisecond }
	at := func(t time.Duration, a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: spec.Time(t)}, Action: a})
	}
	node := spec.NodeID(r.IntN(s.Nodes))
	if c.watches() {
		switch {
		case i%4 == 1 && model.Has(spec.LossFault):
			at(ms(0, 500), faults.Action{Op: faults.Loss, Percent: 5 + r.IntN(16), For: 4 * time.Second})
		case i%4 == 2 && model.Has(spec.PartitionFault):
			at(ms(0, 500), faults.Action{Op: faults.Isolate, Node: node, For: ms(700, 1400)})
		case i%4 == 3 && model.Has(spec.CrashFault) && model.Has(spec.RecoverFault) && model.Has(spec.DelayFault):
			late := ms(100, 300) // what the first life has sent comes when the second is over
			at(0, faults.Action{Op: faults.Delay, Node: node, By: ms(300, 700), For: late})
			at(late+time.Millisecond, faults.Action{Op: faults.Crash, Node: node})
			at(late+2*time.Millisecond, faults.Action{Op: faults.Recover, Node: node})
			at(late+ms(10, 60), faults.Action{Op: faults.Crash, Node: node})
		}
		s.Steps = append(s.Steps, send(0, watchedFor))
	}
	if c.elects() && i%2 == 0 && model.Has(spec.PartitionFault) && model.Has(spec.CrashFault) && model.Has(spec.RecoverFault) {
		c.unseat(s, &r, model)
	}
}

// unseat sets elections against each other: one node after the other is cut off for longer than a member waits for its
// leader, and some crash in between and come back, so that a term has voters who hear of another candidate in it.
func (c Cell) unseat(s *faults.Scenario, r *spec.Rand, model spec.FaultSet) {
	at := spec.Time(0)
	add := func(a faults.Action) {
		s.Steps = append(s.Steps, faults.Step{When: faults.When{At: at}, Action: a})
	}
	for range 8 {
		n := spec.NodeID(r.IntN(s.Nodes))
		add(faults.Action{Op: faults.Isolate, Node: spec.NodeID(r.IntN(s.Nodes)), For: time.Duration(100+r.IntN(300)) * time.Millisecond})
		at += spec.Time(r.IntN(200)) * spec.Time(time.Millisecond)
		if model.Has(spec.LostSyncFault) {
			add(faults.Action{Op: faults.LostSync, Node: n})
		}
		add(faults.Action{Op: faults.Crash, Node: n})
		at += spec.Time(1+r.IntN(10)) * spec.Time(time.Millisecond)
		add(faults.Action{Op: faults.Recover, Node: n})
	}
}

// declareWatching says when the dead must have been noticed, and what a time without a mistake is. What is under way from
// a node that is late counts as a sign of its life, but not what a former life has left.
func (c Cell) declareWatching(s *faults.Scenario, bound func(string, time.Duration)) {
	if c.watches() {
		bound("DETECTOR-COMPLETENESS", sim.DefaultTL+2*sim.DefaultTS+2*s.Net.Max+lateSigns(s))
		bound("DETECTOR-ACCURACY", sim.DefaultTL)
	}
}

// lateSigns gives by how long packets of the last life of a node may be late that crashes for good.
func lateSigns(s *faults.Scenario) (late time.Duration) {
	for i := range s.Steps {
		x := &s.Steps[i]
		if a := &x.Action; (a.Op == faults.Delay || a.Op == faults.Reorder) && !beforeLastLives(s, x) {
			late = max(late, a.By)
		}
	}
	return late
}

// beforeLastLives says whether a fault is over before every node that crashes has come back for the last time.
func beforeLastLives(s *faults.Scenario, x *faults.Step) bool {
	over := x.When.At + spec.Time(x.Action.For)
	if x.When.On != faults.AtTime || x.Action.For == 0 {
		return false
	}
	begun := map[spec.NodeID]spec.Time{}
	for i := range s.Steps {
		switch y := &s.Steps[i]; y.Action.Op {
		case faults.Crash, faults.CrashLossy:
			begun[y.Action.Node] = max(begun[y.Action.Node], 0)
		case faults.Recover:
			if y.When.On == faults.AtTime {
				begun[y.Action.Node] = max(begun[y.Action.Node], y.When.At)
			}
		}
	}
	for _, t := range begun {
		if t <= over {
			return false
		}
	}
	return true
}

// statistic is what a cell declares of a requirement that only many runs can judge.
type statistic struct {
	share float64 // of all instances
	each  int     // so many instances depend on each other, and count as one trial
	text  string  // what is missing, of what
}

// statistic gives what the cell declares of a requirement, where groups have so many members.
func (c Cell) statistic(id spec.ID, members int) (statistic, bool) {
	switch id {
	case "PROBABILISTIC-VALIDITY": // whether one member delivers depends on whether others do
		return statistic{c.share(members), members, "%d of %d deliveries are missing"}, true
	case "DETECTOR-ACCURACY": // who is silent is silent for all
		share := .95
		if c.detector() == "adaptive" { // sooner, and more often wrong
			share = .9
		}
		return statistic{share, 12, "in %d of %d times of TL one that was up and connected was wrongly suspected"}, true
	}
	return statistic{}, false
}

// isStatistic says whether only many runs can judge a requirement.
func isStatistic(id spec.ID) bool {
	_, is := Cell{}.statistic(id, 1)
	return is
}
