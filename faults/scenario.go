// Package faults says what happens to a system under test: scenarios, their steps, and the faults among them. A
// scenario is data. It prints as text that a person can read and edit and parses back to the same; it is drawn from
// a seed, decoded from the bytes of a fuzzer, and shrunk. One seed decides everything that it leaves open, so the
// same scenario plays the same run in every world that is deterministic.
package faults

import (
	"time"

	"github.com/conform-go/conform/spec"
)

// Scenario is one run to be: who takes part, how the network behaves, and what is done at which moment.
type Scenario struct {
	Subject   string  // who plays it, as the suites spell it; free text here, without line breaks
	Expect    spec.ID // the requirement that it shows broken; may be empty
	Nodes     int     // numbered from 0
	Groups    []Group
	Seed      uint64
	Net       Net
	Steps     []Step
	Decisions []byte // overrides of single decisions of the scheduler, in order; 0 leaves the decision to the seed
	Trace     Trace  // what the recorded run looked like; may be empty
}

// Group is a group from the start. A node may be a member of several.
type Group struct {
	Name    string
	Members []spec.NodeID // ascending
	Closed  bool
	Address string // on the network; empty: one of its own that collides with no other
}

// Strategy says how the order in which packets arrive is chosen.
type Strategy uint8

const (
	// Latency gives each packet a delay of its own, drawn between Net.Min and Net.Max.
	Latency Strategy = iota
	// POS is partial order sampling (Yuan, Yang, Gu, CAV 2018): every pending packet has a random priority, drawn
	// again when it raced with the one that arrived.
	POS
	// PCT is probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): every link has a random priority, and
	// at Depth-1 random moments the link that is first becomes last.
	PCT

	strategies
)

// Net is the network's behaviour without faults.
type Net struct {
	Strategy Strategy
	Min, Max time.Duration // bounds of a packet's delay; POS and PCT keep to Max
	Depth    int           // PCT: d, the depth of the bugs it looks for; at least 1
	MTU      int           // bytes of the longest packet; 0: no limit
}

// Step is one action and when it happens. Steps at the same moment happen in their order.
type Step struct {
	When   When
	Action Action
}

// Moment says what a trigger counts.
type Moment uint8

const (
	AtTime    Moment = iota // not a trigger: the time When.At
	OnAction                // any packet out or in, delivery, acknowledgement or persist of the node
	OnSend                  // a packet that leaves the node for another
	OnReceive               // a packet of another node that the node takes in
	OnDeliver               // a delivery to the application
	OnAck                   // an acknowledgement to the application
	OnPersist               // a persist of the node's log
	OnPoint                 // a named point that the implementation passes

	moments
)

// When is a time, or the moment just before node Node does its K-th thing of a kind. A triggered step happens at most
// once; one whose moment never comes never happens.
type When struct {
	At    spec.Time
	On    Moment
	Node  spec.NodeID
	K     int    // counts from 1, over all lives of the node
	Point string // OnPoint: its name
}

// Op is what an action does.
type Op uint8

// The operations and faults. The comment names the fields of [Action] that each one uses.
const (
	Nothing     Op = iota // nothing; what harmless bytes decode to
	Send                  // Node multicasts Size bytes to Group; or to node To alone, where To ≥ 0 (see Between). Content
	Join                  // Node, Group
	Leave                 // Node, Group
	Sync                  // Node, Group: a barrier
	Query                 // Node, Group
	Create                // Node, Group: asks for the group to be made
	Destroy               // Node, Group: … to be ended, with all its members
	Crash                 // Node
	CrashLossy            // Node
	Recover               // Node
	Pause                 // Node, For
	OmitSend              // Node, Peer (-1: to all), Percent, For
	OmitReceive           // Node, Peer (-1: from all), Percent, For
	Loss                  // Percent, For
	Partition             // Parts, For: links between different parts are cut
	OneWay                // Parts (two), For: links from the first part to the second are cut
	Bridge                // Parts (two), Node, For: as Partition, but Node still reaches both
	Isolate               // Node, For
	Flap                  // Parts, By, For: as Partition, on and off, By at a time
	Delay                 // Node, Peer (-1: to all), By, For: packets from Node take By longer
	Duplicate             // Percent, For
	Reorder               // Percent, By, For: packets take up to By longer
	Corrupt               // Percent, For: one byte is changed
	Heal                  // everything but crashes ends

	RouterDown // Router, For
	RPDown     // For: the rendezvous point in use
	PruneLost  // Router: it forgets its multicast state
	Boundary   // Router, For
	TableFull  // Router, For
	TTL        // Node, Size, For: its multicast packets leave with a TTL of Size
	IGMPLoss   // Node, Percent, For: of its reports and leaves
	Rogue      // Percent, For: a strange machine on the sender's link sends these packets of the group once more
	Listen     // Node, For: a strange machine on the node's link reports that it listens to the group
	Flood      // By, For: a strange machine sends to the group, By apart
	Overflow   // Node, Size: other programs on its host ask the network card for as many more groups

	LostSync  // Node, For: its disk says of persists that they are done, and its next crash shows that they are not
	Torn      // Node: its next crash cuts the last record that it wrote and did not persist
	DiskError // Node, Percent, For: of its appends and persists fail
	DiskFull  // Node, For: its appends fail
	DiskSlow  // Node, By, For: its persists take By longer
	DiskFlip  // Node: its next recovery finds a bit of its logs changed
	DiskGone  // Node: its next recovery finds nothing

	Lies  // Node, Lie: from the start, whenever the step is; it strikes members that can lie
	Skew  // Node, By, For: its clock is By ahead; of several at one node, the largest counts
	Jump  // Node, By, For: its clock jumps By ahead, and back
	Drift // Node, Percent, For: its clock is so much too fast; then it is set right

	ops
)

// Action is one operation or fault.
type Action struct {
	Op      Op
	Node    spec.NodeID
	Peer    spec.NodeID // omissions, delay: the other end; -1 is everyone
	To      spec.NodeID // send: -1 is the group
	Group   spec.GroupID
	Size    int // bytes
	Content int // send: messages with the same content that is not 0 have the same body
	Percent int // 0 to 100; of the packets
	Lie     spec.Lie
	Router  int // numbered from 0
	By      time.Duration
	For     time.Duration // 0: until healed
	Parts   [][]spec.NodeID
}

// Trace identifies a run: how many events its history had, a digest of them all, and one byte of the running digest
// after every Stride-th, so that a replay that departs can say where.
type Trace struct {
	Events  int
	Digest  uint64
	Stride  int
	Samples []byte
}

var kindOf = [ops]spec.FaultKind{
	Crash: spec.CrashFault, CrashLossy: spec.CrashLossyFault, Recover: spec.RecoverFault, Pause: spec.PauseFault,
	OmitSend: spec.OmitSendFault, OmitReceive: spec.OmitReceiveFault, Loss: spec.LossFault,
	Partition: spec.PartitionFault, OneWay: spec.PartitionFault, Bridge: spec.PartitionFault,
	Isolate: spec.PartitionFault, Flap: spec.PartitionFault, Delay: spec.DelayFault,
	Duplicate: spec.DuplicateFault, Reorder: spec.ReorderFault, Corrupt: spec.CorruptFault,
	RouterDown: spec.RouterFault, RPDown: spec.RPFault, PruneLost: spec.ForgetFault, Boundary: spec.BoundaryFault,
	TableFull: spec.TableFault, TTL: spec.TTLFault, IGMPLoss: spec.ReportFault, Rogue: spec.RogueFault,
	Listen: spec.RogueFault, Flood: spec.FloodFault, Overflow: spec.NICFault,
	LostSync: spec.LostSyncFault, Torn: spec.TornFault, DiskError: spec.DiskErrorFault, DiskFull: spec.DiskFullFault,
	DiskSlow: spec.DiskSlowFault, DiskFlip: spec.DiskFlipFault, DiskGone: spec.DiskGoneFault,
	Lies: spec.ByzantineFault,
	Skew: spec.SkewFault, Jump: spec.JumpFault, Drift: spec.DriftFault,
}

// Fault gives the kind of fault that an operation is; false for those that are none.
func (o Op) Fault() (spec.FaultKind, bool) {
	return kindOf[o], o >= Crash && o != Heal
}

// crashes says whether an operation stops a node.
func (o Op) crashes() bool { return o == Crash || o == CrashLossy }

// onDisk says whether an operation is a fault of a disk.
func (o Op) onDisk() bool { return spec.DiskFaults.Has(kindOf[o]) }

// LiesOf says how a node lies; 0 if it is honest.
func (s *Scenario) LiesOf(n spec.NodeID) (l spec.Lie) {
	for i := range s.Steps {
		if a := &s.Steps[i].Action; a.Op == Lies && a.Node == n {
			l |= a.Lie
		}
	}
	return l
}

// OnClock says whether an operation is a fault of a clock.
func (o Op) OnClock() bool { return o == Skew || o == Jump || o == Drift }

// Faults gives every kind of fault that the scenario may inject. A group whose address was chosen is there because it
// collides with that of another.
func (s *Scenario) Faults() spec.FaultSet {
	var set spec.FaultSet
	for i := range s.Groups {
		if s.Groups[i].Address != "" {
			set = set.With(spec.NICFault)
		}
	}
	for i := range s.Steps {
		if k, ok := s.Steps[i].Action.Op.Fault(); ok {
			set = set.With(k)
		}
	}
	return set
}

// World plays scenarios and records what the nodes observe.
type World interface {
	// Can says why the world can't inject this, or nil.
	Can(op Op) error
	// Play plays the scenario from its start and fills the history. An error means that the scenario could not be
	// played; what a protocol does wrong stands in the history.
	Play(s *Scenario, h *spec.History) error
}
