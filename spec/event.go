package spec

import "fmt"

// Kind says what a node did or saw.
type Kind uint8

// The kinds of events. The comment says who observes it and what it means.
const (
	KindNone   Kind = iota
	Send            // the application handed a message to the protocol
	Deliver         // the protocol handed a message to the application
	Ack             // the protocol acknowledged a send to the application
	Refuse          // the protocol refused a send, with a reason: it will never be delivered
	Gap             // the protocol announced a loss to the application: of messages from the node in From, if it is told
	Receive         // optional evidence: a packet came in
	Hold            // optional evidence: a message was held back
	Discard         // optional evidence: a packet or message was thrown away
	Frame           // optional evidence: a frame on a link
	Join            // called, with an id
	Leave           // called
	Sync            // called
	Query           // called
	Create          // called
	Destroy         // called
	Joined          // returned, of an id
	Left            // returned
	Synced          // returned
	Answered        // returned
	Created         // returned
	Destroyed       // returned
	ViewChange      // a view was installed
	Block           // the protocol asked the application to stop sending
	Unblock         // … and to go on
	Suspect         // a failure detector suspects a node
	Trust           // … and trusts it again
	Restore         // a joiner received a state: the ids it contains
	Invoke          // an operation on a linearizable object began
	Return          // … and ended
	Crash           // the node stopped, and forgot what was not on its disk
	Recover         // the node started again: one more incarnation
	Pause           // the node stands still, and forgets nothing
	Resume          // … and goes on
	Fault           // the harness broke something; with Node: that one was cut off from all others
	Heal            // the harness mended it: the fault with the same Extra.ID
	Note            // a remark for the reader; with one of the ops below: evidence
	Extension       // "x-…": anybody's; ignored by every checker

	kinds // the number of kinds
)

var kindNames = [kinds]string{
	KindNone: "none",
	Send:     "send", Deliver: "deliver", Ack: "ack", Refuse: "refuse", Gap: "gap",
	Receive: "receive", Hold: "hold", Discard: "discard", Frame: "frame",
	Join: "join", Leave: "leave", Sync: "sync", Query: "query", Create: "create", Destroy: "destroy",
	Joined: "joined", Left: "left", Synced: "synced", Answered: "answered", Created: "created", Destroyed: "destroyed",
	ViewChange: "view", Block: "block", Unblock: "unblock", Suspect: "suspect", Trust: "trust", Restore: "restore",
	Invoke: "invoke", Return: "return",
	Crash: "crash", Recover: "recover", Pause: "pause", Resume: "resume", Fault: "fault", Heal: "heal", Note: "note",
	Extension: "x-",
}

// String gives the kind as a history file spells it.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind is the inverse of [Kind.String]; any word that begins with "x-" is an [Extension].
func ParseKind(s string) (Kind, error) {
	for k := Send; k < Extension; k++ {
		if kindNames[k] == s {
			return k, nil
		}
	}
	if len(s) > 2 && s[:2] == "x-" {
		return Extension, nil
	}
	return KindNone, fmt.Errorf("unknown kind %q", s)
}

// What a note tells of a buffer at its node: Extra.Op is one of these, and Extra.Depth is how much is in it now.
const (
	OpKept = "kept" // copies of messages, kept for retransmission
	OpHeld = "held" // messages held back
)

// What a note tells of barriers, replicas, leaders and locks: Extra.Op is one of these.
const (
	// OpBarrier: a barrier took effect at the node, behind what it had delivered by then. Group is the barrier's, and Msg
	// names it: its caller, and its number, which counts the caller's sync calls to the group in that incarnation, from 1.
	OpBarrier = "barrier"
	// OpState: Sum is the digest of the replica's state, after all that the node had delivered in Group by then.
	OpState = "state"
	// OpLeader: the node became the leader, of Group if there is one. The term is Extra.View, or Extra.Pos.
	OpLeader = "leader"
	// OpEnter and OpExit: the node came into the critical section, and left it. Group and Extra.Object, as far as they are
	// set, say of which lock.
	OpEnter = "enter"
	OpExit  = "exit"
)

// CostHeld is the name in Header.Costs of how many messages a process holds back at a time, at the most.
const CostHeld = "HELD"

// BoundDelay is the name in Header.Bounds of the time that every packet takes, in a run in which all take the same.
const BoundDelay = "DELAY"

// Reasons of refusals that judges know.
const (
	ReasonAck      = "ack"      // of a frame: it is an acknowledgement and nothing else
	ReasonAborted  = "aborted"  // the sender gave up, so that nobody may deliver
	ReasonOverflow = "overflow" // a queue was full; also of what is discarded
)

// Field is a set of the optional fields that an event carries, so that the zero Event carries none.
type Field uint16

// The optional fields of an event, and its two-valued marks.
const (
	HasNode        Field = 1 << iota // Node
	HasGroup                         // Group
	HasMsg                           // Msg
	HasSum                           // Sum
	HasFrom                          // From
	HasTo                            // To
	HasLen                           // Len
	HasView                          // Extra.View
	HasPos                           // Extra.Pos
	HasID                            // Extra.ID
	HasOf                            // Extra.Of
	IsSafe                           // delivered as safe
	IsRedelivered                    // delivered again after a recovery
	IsTransitional                   // a transitional view
	IsCounted                        // recover: the application has counted what it kept, and is handed only what it lacks
)

// Event is one thing that one node did or saw. Events hold no pointers: what is rare stands in [History.Extras].
type Event struct {
	T     Time
	Msg   MsgID
	Sum   Digest
	Node  NodeID
	Group GroupID
	From  NodeID // deliver: the sender the application is told
	To    NodeID // send and deliver of a one-to-one message: its only destination; suspect and trust: whom
	Len   int32  // bytes of the body
	Extra uint32 // index in History.Extras; 0 is none
	Has   Field
	Kind  Kind
}

// Is says whether the event carries all of these fields.
func (e *Event) Is(f Field) bool { return e.Has&f == f }

// Extra holds what few events carry.
type Extra struct {
	View    ViewID
	Members []NodeID // view, and restore's destination set
	Msgs    []MsgID  // restore: the ids that the state contains
	Reason  string
	Link    string // frame: where it is
	Via     string // frame: the link on which the router received what it forwards
	TTL     int    // frame: of the packet inside; 0 is not told
	Object  string
	Op      string
	Value   string // JSON
	Text    string // note, fault, heal: words for the reader; extension: its kind
	Pos     uint64
	ID      uint64
	Of      uint64
	Depth   int64  // hold, discard, note: how much is in the buffer
	Unknown []byte // fields this version does not know: the inside of a JSON object, in file order
}
