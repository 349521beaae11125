package impl

import (
	"encoding/binary"

	"github.com/conform-go/conform/spec"
)

// AppendMembers writes a list of nodes behind b: how many, and each, as varints. It is the body of the answer to a query
// and to a join.
func AppendMembers(b []byte, nodes []spec.NodeID) []byte {
	b = binary.AppendUvarint(b, uint64(len(nodes)))
	for _, n := range nodes {
		b = binary.AppendUvarint(b, uint64(uint32(n)))
	}
	return b
}

// ReadMembers is the inverse of [AppendMembers]; false where the bytes are no list, or go on behind it.
func ReadMembers(b []byte) ([]spec.NodeID, bool) {
	nodes, rest, ok := CutMembers(b)
	return nodes, ok && len(rest) == 0
}

// CutMembers reads a list of nodes at the beginning of b, and gives what stands behind it.
func CutMembers(b []byte) (nodes []spec.NodeID, rest []byte, ok bool) {
	count, k := binary.Uvarint(b)
	if k <= 0 || count > uint64(len(b)) {
		return nil, nil, false
	}
	b = b[k:]
	nodes = make([]spec.NodeID, 0, count)
	for range count {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > 1<<31-1 {
			return nil, nil, false
		}
		nodes, b = append(nodes, spec.NodeID(n)), b[k:]
	}
	return nodes, b, true
}
