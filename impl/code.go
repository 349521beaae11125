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
	Overflow           // discarded: too far ahead to be held back
	NotMember          // refused or discarded: not a member
	ClosedGroup        // refused: the group is closed, and the sender is no member
	TooLong            // refused: longer than the stack can carry
	HeldBack           // held back: something must be delivered before it
	Retransmitted      // sent again, after TS
	Removed            // taken for failed, after TL

	FilteredByNIC    // discarded: the network card's filter has no such address
	FilteredByDriver // discarded: the card let it through, but the host wants no such group
	Taken            // a socket took the datagram

	PointRelayed   // reliable: relayed, not yet delivered
	PointReceived  // a message is new here, nothing has been done about it
	PointAllSent   // the last copy of a message has been handed down
	PointSomeAcked // some, but not all, have acknowledged

	codes
)

var codeNames = [codes]string{"none", "duplicate", "malformed", "corrupted", "stale", "overflow", "not-member",
	"closed-group", "too-long", "held-back", "retransmitted", "removed",
	"filtered-by-nic", "filtered-by-driver", "taken",
	"relayed", "received", "all-sent", "some-acked"}

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
