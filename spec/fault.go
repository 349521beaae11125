package spec

import (
	"fmt"
	"strings"
)

// FaultKind is one way in which a harness can break the world of a protocol. Its name is what `tolerates` of a
// claim, `--faults` and a scenario file say.
type FaultKind uint8

// The kinds of faults.
const (
	CrashFault       FaultKind = iota // a node stops for good; what it handed to the network still arrives
	CrashLossyFault                   // a node stops for good; what it has in flight is lost
	RecoverFault                      // a crashed node comes back as a new incarnation with what its disk kept
	PauseFault                        // a node stands still for less than TL, then goes on
	OmitSendFault                     // a node loses some of what it sends
	OmitReceiveFault                  // a node loses some of what reaches it
	LossFault                         // the network loses packets at random
	PartitionFault                    // links are cut for less than TL, both ways or one way
	DelayFault                        // packets take longer than the usual bound, but less than TL
	DuplicateFault                    // the network delivers packets more than once
	ReorderFault                      // packets of one link overtake each other
	CorruptFault                      // the network changes bytes

	NICFault         // others on the link use addresses that the filters of network cards can't tell apart, or too many
	CoordinatorFault // a node that hands on what others send, or the group server, crashes
	RouterFault      // a router is down for less than TL
	RPFault          // a rendezvous point is down
	ForgetFault      // a router loses its multicast state
	BoundaryFault    // a router lets no multicast through, for less than TL
	TTLFault         // multicast packets start with a TTL that is too small
	ReportFault      // what hosts and routers say to each other about listeners is lost
	RogueFault       // a machine that belongs to nobody sends or listens
	FloodFault       // a machine that belongs to nobody sends without end
	TableFault       // the state table of a router is full

	LostSyncFault  // a disk says that what was persisted is safe, and it is gone after a crash
	TornFault      // the last record written before a crash is cut in the middle
	DiskErrorFault // appends or persists fail
	DiskFullFault  // appends fail, for lack of room
	DiskSlowFault  // persists take longer
	DiskFlipFault  // a bit of what is stored changes: seen at the next recovery
	DiskGoneFault  // a crashed node comes back with an empty disk

	ByzantineFault // a node lies
	SkewFault      // a node's clock is ahead by less than any declared ε
	JumpFault      // a node's clock jumps ahead by less than TL, and back
	DriftFault     // a node's clock is too fast, and is set right

	FaultKinds // the number of kinds
)

var faultNames = [FaultKinds]string{
	CrashFault: "crash", CrashLossyFault: "crash-lossy", RecoverFault: "recover", PauseFault: "pause",
	OmitSendFault: "omit-send", OmitReceiveFault: "omit-receive", LossFault: "loss", PartitionFault: "partition",
	DelayFault: "delay", DuplicateFault: "duplicate", ReorderFault: "reorder", CorruptFault: "corrupt",
	NICFault: "nic", CoordinatorFault: "coordinator", RouterFault: "router", RPFault: "rp", ForgetFault: "prune-lost",
	BoundaryFault: "boundary", TTLFault: "ttl", ReportFault: "igmp-loss", RogueFault: "rogue", FloodFault: "flood",
	TableFault: "table-full", LostSyncFault: "disk-lost-sync", TornFault: "disk-torn", DiskErrorFault: "disk-error",
	DiskFullFault: "disk-full", DiskSlowFault: "disk-slow", DiskFlipFault: "disk-flip", DiskGoneFault: "disk-gone",
	ByzantineFault: "byzantine",
	SkewFault:      "clock-skew", JumpFault: "clock-jump", DriftFault: "clock-drift",
}

var faultTexts = [FaultKinds]string{
	CrashFault:       "a node stops for good; what it handed to the network still arrives",
	CrashLossyFault:  "a node stops for good; what it has in flight is lost with it",
	RecoverFault:     "a crashed node comes back as a new incarnation, with what its disk kept",
	PauseFault:       "a node stands still for less than TL, then goes on; it forgets nothing",
	OmitSendFault:    "a node loses some of what it sends: all, to one peer, or a share",
	OmitReceiveFault: "a node loses some of what reaches it: all, from one peer, or a share",
	LossFault:        "the network loses a share of all packets",
	PartitionFault:   "links are cut for less than TL: in two or more parts, one way, around a bridge, one node alone, or flapping",
	DelayFault:       "packets take longer than the usual bound, but less than TL",
	DuplicateFault:   "the network delivers a share of the packets twice",
	ReorderFault:     "packets of one link overtake each other",
	CorruptFault:     "the network changes a byte in a share of the packets",
	NICFault:         "others on the link use groups that share the MAC address or the filter bin of ours, or more than a card has room for",
	CoordinatorFault: "a node that serves the others crashes: one that hands on what they send (a coordinator, an inner node of the tree), or the group server",
	RouterFault:      "a router is down for less than TL, with the hosts behind it",
	RPFault:          "the rendezvous point of PIM sparse mode is down for less than TL",
	ForgetFault:      "a router loses its prunes and all other multicast state, and goes on",
	BoundaryFault:    "a router lets no multicast through for less than TL, as at the border of a provider",
	TTLFault:         "a host's multicast packets start with a TTL that is too small for their way",
	ReportFault:      "a host's reports and leaves (IGMP, MLD) are lost",
	RogueFault:       "a strange machine sends to the group what it has overheard, or listens to it",
	FloodFault:       "a strange machine sends to the group without a pause, and overruns the receivers",
	TableFault:       "a router has no room for the state of new sources and groups",
	LostSyncFault:    "a node's disk says of what was persisted that it is safe, and after a crash it is gone",
	TornFault:        "the last record that a node wrote before a crash, not yet persisted, is cut in the middle",
	DiskErrorFault:   "a share of the appends and persists of a node's disk fail, and it says so",
	DiskFullFault:    "a node's disk has no room: appends fail, and it says so",
	DiskSlowFault:    "persists of a node's disk take longer, but less than TL",
	DiskFlipFault:    "a bit of what a node's disk keeps changes, which shows when the node comes back",
	DiskGoneFault:    "a crashed node comes back with an empty disk",
	ByzantineFault:   "a node lies: it tells some one thing and others another, votes for what was not said, keeps silent to some, says again what was said",
	SkewFault:        "a node's clock is ahead by a few milliseconds: less than any declared ε",
	JumpFault:        "a node's clock jumps ahead by more than any declared ε, but less than TL, and back",
	DriftFault:       "a node's clock is too fast, gains more than any declared ε, but less than TL, and is set right",
}

func (k FaultKind) String() string {
	if k < FaultKinds {
		return faultNames[k]
	}
	return fmt.Sprintf("fault(%d)", uint8(k))
}

// Text says what the fault does.
func (k FaultKind) Text() string { return faultTexts[k] }

// ParseFaultKind is the inverse of [FaultKind.String].
func ParseFaultKind(s string) (FaultKind, error) {
	for k, name := range faultNames {
		if name == s {
			return FaultKind(k), nil
		}
	}
	if near := Near(s, faultNames[:]); len(near) > 0 {
		return 0, fmt.Errorf("unknown fault %q: did you mean %s?", s, strings.Join(near, " or "))
	}
	return 0, fmt.Errorf("unknown fault %q: want one of %s", s, strings.Join(faultNames[:], ", "))
}

// FaultSet is a fault model: the kinds of faults through which something is promised.
type FaultSet uint64

// NoFaults is the model of a network that only delays.
const NoFaults FaultSet = 0

// AllFaults has every kind.
const AllFaults FaultSet = 1<<FaultKinds - 1

// EndToEndFaults are the kinds that concern nodes and the packets between them, whatever carries those. The others need
// a machine that not every network has.
const EndToEndFaults FaultSet = 1<<(CorruptFault+1) - 1

// DiskFaults are the kinds that concern the disks of nodes: they hurt nobody who keeps no log.
const DiskFaults FaultSet = (1<<(DiskGoneFault+1) - 1) &^ (1<<LostSyncFault - 1)

// ClockFaults are the kinds that concern the clocks of nodes: they hurt nobody who orders nothing by them, as long as
// what they gain is less than TL.
const ClockFaults FaultSet = (1<<(DriftFault+1) - 1) &^ (1<<SkewFault - 1)

// SetOf makes a set.
func SetOf(kinds ...FaultKind) FaultSet {
	var s FaultSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has says whether k is in s.
func (s FaultSet) Has(k FaultKind) bool { return s&(1<<k) != 0 }

// With gives s and these.
func (s FaultSet) With(kinds ...FaultKind) FaultSet { return s | SetOf(kinds...) }

// Without gives s less these.
func (s FaultSet) Without(kinds ...FaultKind) FaultSet { return s &^ SetOf(kinds...) }

// Within says whether every kind of s is in t.
func (s FaultSet) Within(t FaultSet) bool { return s&^t == 0 }

// Kinds lists the kinds of s in their order.
func (s FaultSet) Kinds() []FaultKind {
	var out []FaultKind
	for k := FaultKind(0); k < FaultKinds; k++ {
		if s.Has(k) {
			out = append(out, k)
		}
	}
	return out
}

// String lists the names with commas; the empty set is "none".
func (s FaultSet) String() string {
	if s == 0 {
		return "none"
	}
	var names []string
	for _, k := range s.Kinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, ",")
}

// ParseFaultSet is the inverse of [FaultSet.String]; it also takes "all".
func ParseFaultSet(s string) (FaultSet, error) {
	switch s {
	case "none", "":
		return NoFaults, nil
	case "all":
		return AllFaults, nil
	}
	var set FaultSet
	for _, name := range strings.Split(s, ",") {
		if name = strings.TrimSpace(name); name == "none" || name == "all" {
			return 0, fmt.Errorf("faults %q: %s stands alone", s, name)
		}
		k, err := ParseFaultKind(name)
		if err != nil {
			return 0, err
		}
		set = set.With(k)
	}
	return set, nil
}
