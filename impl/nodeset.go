package impl

import (
	"math/bits"

	"github.com/conform-go/conform/spec"
)

// NodeSet is a set of nodes. Its zero value is empty.
type NodeSet struct {
	words []uint64
	n     int
}

// Clear empties the set and keeps its memory.
func (s *NodeSet) Clear() {
	clear(s.words)
	s.n = 0
}

// Add puts a node in and says whether it is new.
func (s *NodeSet) Add(n spec.NodeID) bool {
	w, b := int(n)>>6, uint64(1)<<(uint(n)&63)
	for w >= len(s.words) {
		s.words = append(s.words, 0)
	}
	if s.words[w]&b != 0 {
		return false
	}
	s.words[w] |= b
	s.n++
	return true
}

// Remove takes a node out and says whether it was in.
func (s *NodeSet) Remove(n spec.NodeID) bool {
	if !s.Has(n) {
		return false
	}
	s.words[int(n)>>6] &^= 1 << (uint(n) & 63)
	s.n--
	return true
}

// Has says whether a node is in.
func (s *NodeSet) Has(n spec.NodeID) bool {
	w := int(n) >> 6
	return n >= 0 && w < len(s.words) && s.words[w]&(1<<(uint(n)&63)) != 0
}

// Len counts the nodes.
func (s *NodeSet) Len() int { return s.n }

// Next gives the first node at or after n; -1 where there is none.
func (s *NodeSet) Next(n spec.NodeID) spec.NodeID {
	for w := int(n) >> 6; w < len(s.words); w++ {
		x := s.words[w]
		if w == int(n)>>6 {
			x &^= 1<<(uint(n)&63) - 1
		}
		if x != 0 {
			return spec.NodeID(w<<6 + bits.TrailingZeros64(x))
		}
	}
	return -1
}
