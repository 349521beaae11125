package netns

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
)

// copies numbers what a machine puts on its cable. A protocol that repeats a packet repeats its bytes, and IP does not
// tell the two apart either: version 6 numbers no datagrams, and version 4 none that must not be cut in pieces. Who looks
// at the cables then could not say of which of them a late copy is. So whatever is sent has a number of its own behind it,
// which nobody takes into account but the witness.
type copies uint64

// copyLen is the length of a number.
const copyLen = 8

// newCopies begins to count. It begins with the time, so that the lives of a node number nothing alike: none of them sends
// more than one packet a nanosecond.
func newCopies() copies { return copies(Now()) }

// number appends the next number to a packet.
func (c *copies) number(b []byte) []byte {
	*c++
	return binary.LittleEndian.AppendUint64(b, uint64(*c))
}

// seal appends to an empty buffer the frame of a driver, with its tail.
func (c *copies) seal(b []byte, e *impl.Effect) []byte {
	return append(c.number(append(b, e.Body...)), byte(markOf(e.Code)))
}
