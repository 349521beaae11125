package checkers

import (
	"math/bits"

	"github.com/conform-go/conform/spec"
)

// Who sent a message, and who delivered it.

// group of a message that was sent to one.
func (x *index) group(m uint32) int { return int(x.streams[x.msgs[m].stream].group) }

// sender is the process that sent a message to a group.
func (x *index) sender(m uint32) int { return int(x.streams[x.msgs[m].stream].proc) }

// row gives who delivered a message, a bit a process.
func (x *index) bitsOf(m uint32) []uint8 { return x.had[int(m)*x.stride : (int(m)+1)*x.stride] }

// got says whether any incarnation of the node delivered the message.
func (x *index) got(m uint32, n spec.NodeID) bool {
	row := int(m) * x.stride
	for p := x.first[n]; p < x.first[n+1]; p++ {
		if x.had[row+int(p>>3)]&(1<<(p&7)) != 0 {
			return true
		}
	}
	return false
}

// deliverers gives the first node of those processes in the mask that delivered the message, and whether there is
// another one. Without any, ok is false.
func (x *index) deliverers(m uint32, mask []uint8) (first spec.NodeID, several, ok bool) {
	for i, b := range x.bitsOf(m) {
		for b &= mask[i]; b != 0; b &= b - 1 {
			n := x.procs[i<<3+bits.TrailingZeros8(b)].node
			switch {
			case !ok:
				first, ok = n, true
			case n != first:
				return first, true, true
			}
		}
	}
	return first, false, ok
}
