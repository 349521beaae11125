package impl

import "fmt"

// Code is a remark that a layer leaves in a transcript, or the reason that it gives: formatted only when shown.
type Code uint16

// The codes. Those from PointRelayed on name points at which a scenario may let a crash strike.
const (
	NoCode        Code = iota
	Duplicate          // discarded: had it before
	Malformed          // discarded: the header makes no sense
	Corrupted          // discarded: the checksum is wrong
	Stale              // discarded: of a life that is over
	Forged             // discarded: says that it is of another node than the one it came from
	Overflow           // discarded: too far ahead to be held back
	NotMember          // refused or discarded: not a member
	ClosedGroup        // refused: the group is closed, and the sender is no member
	TooLong            // refused: longer than the stack can carry
	Overdue            // discarded: something behind it has been delivered
	HeldBack           // held back: something must be delivered before it
	Retransmitted      // sent again, after TS
	Removed            // taken for failed, after TL

	FilteredByNIC    // discarded: the network card's filter has no such address
	FilteredByDriver // discarded: the card let it through, but the host wants no such group
	Taken            // a socket took the datagram

	BufferDepth // how many copies of messages to the group are kept for others, and how many are held back; said when the first has doubled or halved

	// What a packet that goes down is, and nothing else. Every layer on the way to the world hands it on, where one packet
	// goes in and one comes out; on the wire it is not, so that whoever forwards a packet does not know.
	BareAck  // an acknowledgement
	BareNack // a request for what is missing

	StorageBroken // refused, or not taken in: what can't be written down is promised to nobody
	Aborted       // refused: some recipient could not be reached in time, so that nobody delivers
	ViewChanging  // refused: a view ends, or there is no primary view; may be sent again in the next

	BarrierPassed // a barrier takes effect here: of which process (its life in the upper half), and its number there

	// What is said of an object to which there are operations: of which call, with the life of the node in the upper half
	// of its number.
	NumberFetched  // the number server is asked for a number
	NumberReceived // … and has answered this one
	Invoked        // an application's operation begins: what it is, the application can tell
	Returned       // … and has this answer
	StateReached   // a replica has taken in a message: the digest of its state

	Leads   // this node has become the leader, in which term
	Entered // this node has come into the critical section of the group …
	Left    // … and leaves it

	NoGroup      // refused: there is no such group
	GroupExists  // refused: there is one already
	FixedMembers // refused: nobody creates or destroys groups here

	PointRelayed   // reliable: relayed, not yet delivered
	PointReceived  // a message is new here, nothing has been done about it
	PointAllSent   // the last copy of a message has been handed down
	PointSomeAcked // some, but not all, have acknowledged

	PointLogged        // what a message needs is in the log, nothing has been said about it
	PointAcked         // acknowledged to its sender, not yet delivered
	PointRecovering    // what the log kept has been read, and some of it is done again
	PointBetweenPhases // the first phase of a message is over, the next has not begun

	codes
)

var codeNames = [codes]string{"none", "duplicate", "malformed", "corrupted", "stale", "forged", "overflow", "not-member",
	"closed-group", "too-long", "overdue", "held-back", "retransmitted", "removed",
	"filtered-by-nic", "filtered-by-driver", "taken", "buffer-depth", "bare-ack", "bare-nack",
	"storage-failed", "aborted", "view-changing",
	"barrier-passed",
	"number-fetched", "number-received", "invoked", "returned", "state-reached",
	"leads", "entered", "left", "no-such-group", "group-exists", "fixed-membership",
	"relayed", "received", "all-sent", "some-acked",
	"logged", "acked", "recovering", "between-phases"}

func (c Code) String() string {
	if c < codes {
		return codeNames[c]
	}
	return fmt.Sprintf("code(%d)", uint16(c))
}

// Points lists the names of the points at which a scenario may let a crash strike.
func Points() []string { return codeNames[PointRelayed:] }

// ParsePoint is the inverse of [Code.String] for the points.
func ParsePoint(s string) (Code, bool) {
	for c := PointRelayed; c < codes; c++ {
		if codeNames[c] == s {
			return c, true
		}
	}
	return NoCode, false
}
