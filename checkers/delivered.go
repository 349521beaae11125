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

// deliverers gives the first node of those processes in the mask that are in the row of a message, and whether there is
// another one. Without any, ok is false.
func (x *index) deliverers(row, mask []uint8) (first spec.NodeID, several, ok bool) {
	for i, b := range row {
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

// victims is the same for those that delivered a message and crashed, or were removed from its group.
func (x *index) victims(m uint32) (first spec.NodeID, several, ok bool) {
	first, several, ok = x.deliverers(x.bitsOf(m), x.crashedBits)
	if len(x.just) == 0 || several {
		return first, several, ok
	}
	just := x.justOf(m)
	for i, b := range x.bitsOf(m) {
		for b &= x.correctBits[i] &^ just[i]; b != 0; b &= b - 1 {
			n := x.procs[i<<3+bits.TrailingZeros8(b)].node
			if ok && n != first {
				return first, true, true
			}
			first, ok = n, true
		}
	}
	return first, false, ok
}

// justCount gives how many correct processes delivered a message, and were not removed from its group afterwards.
func (x *index) justCount(m uint32) (n int) {
	for i, b := range x.justOf(m) {
		n += bits.OnesCount8(b & x.correctBits[i])
	}
	return n
}
