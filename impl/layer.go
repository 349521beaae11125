package impl

import (
	"strconv"
	"time"

	"github.com/conform-go/conform/spec"
)

// Layer is a protocol as a state machine. Step must give the same effects for the same inputs, and must emit its
// upward effects last.
type Layer interface {
	Step(in Input, out *Effects)
}

// Everyone is the destination that means the whole group; any other destination is one node.
const Everyone spec.NodeID = -1

// Ref ties an acknowledgement to the send that asked for it. Refs are private to the two layers between which they
// pass; 0 asks for none.
type Ref uint64

// Config is what a layer is told at its construction. The slices are shared: never write to them.
type Config struct {
	Self    spec.NodeID
	Nodes   int           // nodes are numbered from 0
	Group   spec.GroupID  // Shared: told to what the stacks of a node share
	Members []spec.NodeID // ascending
	Closed  bool
	Seed    uint64
	TS      time.Duration // the short timer: a packet or its acknowledgement is taken for lost
	TL      time.Duration // the long timer: a silent member is taken for failed, and removed
	MTU     int           // bytes of the largest packet; 0: no limit
	Lie     spec.Lie      // what this node is to lie about, if its layers can; 0: nothing
}

// The numbers of ports that are no links: below a bottom layer that stands on links, Num is the port.
const (
	LoopPort    = 1<<32 - 1 // to oneself: what goes out comes in again, and nothing is lost
	ControlPort = 1<<32 - 2 // faults that the world has a machine commit
)

// Index gives the position of a node among the members, or -1.
func (c *Config) Index(n spec.NodeID) int {
	if int(n) < len(c.Members) && n >= 0 && c.Members[n] == n {
		return int(n) // the usual case: the members are 0, 1, …
	}
	for i, m := range c.Members {
		if m == n {
			return i
		}
	}
	return -1
}

// InputKind says what happened to a layer.
type InputKind uint8

// The kinds of inputs. The first group comes from the world, the second from above, the third from below.
const (
	NoInput       InputKind = iota
	Start                   // a life begins: Num is the incarnation
	Recovered               // Body is what the disk kept of this layer's log, its end cut anywhere; between Start and Ready
	Ready                   // go: Num is how many messages the application kept, if Flag
	TimerFired              // Num is the timer
	Persisted               // everything appended before the Persist of Ref is on disk
	StorageFailed           // the Persist of Ref, or an Append before it: what was appended since the last Persist that succeeded is not in the log, and the Persists asked for meanwhile fail too
	Rerouted                // the unicast routes below have changed

	Send    // Body for To; acknowledge Ref
	Join    // Ref
	Leave   // Ref
	Barrier // Ref
	Query   // Ref
	Create  // Ref: the group
	Destroy // Ref
	Accept  // the layer above has accepted the packet of Ref: acknowledge the hop

	Packet       // Body from From, addressed to To (Everyone or this node); where Ref is not 0, Accept it
	Acknowledged // the send of Ref
	Refused      // the send of Ref, for the reason Code
	Done         // the call of Ref; Body is the result
	ViewChanged  // View; with Flag it was installed above: it is not passed on
	Blocked      // stop sending
	Unblocked    // go on
	Suspected    // From
	Trusted      // From
	GapFound     // the messages Num to Last of From are lost; where the level below has the one that is, Body
	Resumed      // after what is delivered again: Body is a message to the group of an earlier life of this node that is still under way, or that is aborted where Code says so; with Flag: that was all

	inputKinds
)

var inputNames = [inputKinds]string{"none", "start", "recovered", "ready", "timer", "persisted", "storage-failed", "rerouted",
	"send", "join", "leave", "barrier", "query", "create", "destroy", "accept",
	"packet", "acknowledged", "refused", "done", "view", "blocked", "unblocked", "suspected", "trusted", "gap", "resumed"}

func (k InputKind) String() string { return inputNames[k] }

// Input is one thing that happens to a layer. Time is part of it.
type Input struct {
	Now   spec.Time
	Body  []byte // never write to it
	View  *spec.View
	Ref   Ref
	Num   uint64
	Last  uint64
	From  spec.NodeID
	To    spec.NodeID
	Group spec.GroupID
	Layer Path // to whom a timer or a log belongs; the stack fills it in and takes it away
	Code  Code
	Kind  InputKind
	Flag  bool // ready: Num is told; packet: delivered again after a recovery; view: told by the layer above
}

// Path names a layer inside nested stacks. A layer alone has the empty path, 0.
type Path uint16

const pathBits = 4 // a stack has fewer than 16 layers

func (p Path) push(layer int) Path { return p<<pathBits | Path(layer+1) }
func (p Path) pop() (Path, int)    { return p >> pathBits, int(p&(1<<pathBits-1)) - 1 }

// Where an input goes in a stack.
func downward(k InputKind) bool    { return k >= Send && k <= Accept }
func fromBelow(k InputKind) bool   { return k >= Packet }
func toOneLayer(k InputKind) bool  { return k == Recovered || k >= TimerFired && k <= StorageFailed }
func toAllLayers(k InputKind) bool { return k == Start || k == Ready || k == Rerouted }

// String gives the layers' positions, the outermost stack's first: ".3.0".
func (p Path) String() (s string) {
	for p != 0 {
		var l int
		p, l = p.pop()
		s += "." + strconv.Itoa(l)
	}
	return s
}
