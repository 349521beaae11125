package faults

import (
	"math/bits"
	"time"

	"github.com/conform-go/conform/spec"
)

// Params bounds the scenarios that are drawn. The zero Params draws sends and nothing else.
type Params struct {
	Subject            string        // goes into every scenario
	Faults             spec.FaultSet // which may be injected
	MinNodes, MaxNodes int           // default 3 and 4; at most 64
	MaxSends           int           // default 4, at most 24; sentinels come on top
	MaxSize            int           // bytes of the longest message; default 1000
	Groups             int           // default 1, at most 4, which overlap: the first has every node, each other lacks one
	Overlaps           bool          // there are two groups, in some scenarios three, any two of which share two nodes; each is sent to
	MTU                int           // some scenarios have it; 0: none has
	Window             time.Duration // operations and faults begin within; default 200ms
	Hold               time.Duration // the longest cut, pause or delay; must end before TL/2; default 150ms
	Routers            int           // of the network; 0: faults of routers do not occur
	OneToOne           bool          // messages to one node occur
	NonMember          bool          // in some scenarios the last node is in no group from the start
	Joins              bool          // join and leave occur
	Syncs              bool          // sync occurs
	Queries            bool          // query occurs
	Creates            bool          // create and destroy occur
	Revive             bool          // with recover among Faults, every node that crashes comes back before the sentinels
}

const (
	headBytes   = 4 // nodes, network, flags, number of records
	seedBytes   = 8
	prefixBytes = headBytes + seedBytes
	recordBytes = 6
	maxRecords  = 31
	maxSends    = 24 // leaves room for other records behind the sends
	maxDrawn    = 64 // nodes
	maxGroups   = 4

	ticks = 200 // moments in a window
	holds = 30  // durations in a hold
	bys   = 15  // delays in a hold
	skews = 16  // small errors of clocks
)

// The flags in the third byte of an encoded scenario.
const (
	sentinelFlag  = 1 << iota // after all faults, every node sends once more
	closedFlag                // the groups are closed
	nonMemberFlag             // the last node is in no group
	mtuFlag                   // Params.MTU counts
	thirdFlag                 // of groups that overlap there are three
)

// groupNames are the names of drawn groups.
var groupNames = [maxGroups]string{"g", "h", "i", "j"}

// pointNames are the points at which drawn crashes strike. An implementation that passes none of them is not hurt.
var pointNames = [...]string{"relayed", "received", "all-sent", "some-acked", "logged", "acked", "recovering", "between-phases"}

// loggedPoint is the first of those that protocols with a log pass.
const loggedPoint = 4

// bounds are the latencies of drawn networks, in hundreds of microseconds. All keep to the usual bound of 10ms: what
// takes longer is a fault. The first is [DefaultNet].
var bounds = [...][2]time.Duration{{10, 100}, {10, 10}, {1, 100}, {10, 20}, {80, 100}, {10, 50}}

// percents are the shares of drawn faults, the simplest first.
var percents = [16]int{100, 50, 20, 10, 5, 2, 1, 80, 30, 40, 60, 70, 90, 15, 25, 75}

func (p Params) withDefaults() Params {
	setDefault(&p.MinNodes, 3, maxDrawn)
	setDefault(&p.MaxNodes, max(4, p.MinNodes), maxDrawn)
	p.MaxNodes = max(p.MaxNodes, p.MinNodes)
	setDefault(&p.MaxSends, 4, maxSends)
	setDefault(&p.MaxSize, 1000, MaxSize)
	setDefault(&p.Groups, 1, maxGroups)
	p.MTU = min(max(p.MTU, 0), MaxSize)
	if p.Window <= 0 {
		p.Window = 200 * time.Millisecond
	}
	if p.Hold <= 0 {
		p.Hold = 150 * time.Millisecond
	}
	p.Window, p.Hold = min(p.Window, MaxTime/4), min(p.Hold, MaxTime/4)
	return p
}

// setDefault gives n a value where it has none, and keeps it to the limit.
func setDefault(n *int, value, limit int) {
	if *n <= 0 {
		*n = value
	}
	*n = min(*n, limit)
}

// tick is the distance of two moments of a window.
func (p *Params) tick() time.Duration { return max(p.Window/ticks, 1) }

// hold is the i-th duration, never 0.
func (p *Params) hold(i byte) time.Duration {
	return max(p.Hold/holds, 1) * time.Duration(1+int(i)%holds)
}

// by is the i-th delay, never 0.
func (p *Params) by(i byte) time.Duration { return max(p.Hold/bys, 1) * time.Duration(1+int(i)%bys) }

// skew is the i-th error of a clock that keeps to any declared ε, never 0 and at most 4ms.
func skew(i byte) time.Duration { return 250 * time.Microsecond * time.Duration(1+int(i)%skews) }

// reviveTime is after every fault of the window, and before the sentinels.
func (p *Params) reviveTime() spec.Time { return p.sentinelTime() - spec.Time(90*time.Millisecond) }

// revives says whether every node that crashes comes back.
func (p *Params) revives() bool { return p.Revive && p.Faults.Has(spec.RecoverFault) }

// revive appends a recovery of every node that some step lets crash, in ascending order.
func (p *Params) revive(steps []Step) []Step {
	var crashed uint64 // bit set of nodes
	for i := range steps {
		if a := &steps[i].Action; a.Op.crashes() {
			crashed |= 1 << a.Node
		}
	}
	for ; crashed != 0; crashed &= crashed - 1 {
		steps = append(steps, Step{
			When:   When{At: p.reviveTime()},
			Action: Action{Op: Recover, Node: spec.NodeID(bits.TrailingZeros64(crashed))},
		})
	}
	return steps
}

// sentinelTime is after every fault of the window.
func (p *Params) sentinelTime() spec.Time { return spec.Time(p.Window + p.Hold + 100*time.Millisecond) }

// size grows with i: byte by byte up to 64, then evenly to MaxSize.
func (p *Params) size(i byte) int {
	const small = 64
	switch {
	case p.MaxSize <= small:
		return int(i) % (p.MaxSize + 1)
	case i <= small:
		return int(i)
	}
	return small + (int(i)-small)*(p.MaxSize-small)/(255-small)
}

// opTable lists what a record may do: the first byte of a record chooses from it. Sends are in the first records
// only, so that a change of one record never changes what another one does.
type opTable struct {
	list [ops]Op
	n    int
}

func (t *opTable) add(o ...Op) {
	for _, o := range o {
		t.list[t.n] = o
		t.n++
	}
}

func (t *opTable) at(i byte) Op { return t.list[int(i)%t.n] }

// index is the inverse of at.
func (t *opTable) index(o Op) (byte, bool) {
	for i, has := range t.list[:t.n] {
		if has == o {
			return byte(i), true
		}
	}
	return 0, false
}

// operations lists the operations of p, with Nothing first and Send second.
func (p *Params) operations(t *opTable) {
	t.add(Nothing, Send)
	if p.Joins {
		t.add(Join, Leave)
	}
	if p.Syncs {
		t.add(Sync)
	}
	if p.Queries {
		t.add(Query)
	}
	if p.Creates {
		t.add(Create, Destroy)
	}
}

// afterCrash are the faults that need a crash to be anything.
var afterCrash = spec.SetOf(spec.RecoverFault, spec.LostSyncFault, spec.TornFault, spec.DiskFlipFault, spec.DiskGoneFault)

// faultOps adds the faults of a set. A recovery needs something to recover from; a cut needs two nodes and a bridge
// three; healing comes with whatever can be healed.
func faultOps(t *opTable, set spec.FaultSet, nodes, routers int) {
	if !set.Has(spec.CrashFault) && !set.Has(spec.CrashLossyFault) {
		set &^= afterCrash
	}
	healing := false
	for o := Crash; o < ops; o++ {
		switch {
		case o == Heal, !set.Has(kindOf[o]), o.hasParts() && nodes < 2, o == Bridge && nodes < 3,
			o.HasRouter() && routers == 0:
			continue
		}
		t.add(o)
		healing = healing || o > Recover
	}
	if healing {
		t.add(Heal)
	}
}
