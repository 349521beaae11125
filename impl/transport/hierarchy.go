package transport

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Hierarchy is T5: a tree of coordinators. The sender hands a message to the root, the root to the coordinators of its
// subgroups, these to theirs, down to the members that are leaves; so no node sends more copies than the fan-out, and
// when one that is no leaf crashes, its subtree gets nothing. The tree lies over the members in their order: the one at
// index i has the children fi+1 to fi+f. Where members change it lies over those of the view.
//
// A node hands a message to its children before it hands it up. Where the layer below acknowledges, a send to the group
// is acknowledged when the root has it; a send of the root itself when its children have. While the root is suspected,
// sends are handed down to it and never acknowledged.
type Hierarchy struct {
	Rules HierarchyRules

	relayed
	fanout   int // as it was asked for
	depth    int
	children []spec.NodeID
	heads    []spec.NodeID // whom the root sends its own messages: its children and itself
}

// HierarchyRules say who hands to whom, and who delivers.
type HierarchyRules struct {
	Children func(members []spec.NodeID, at, fanout int) []spec.NodeID // of the member at an index
	Forwards func(self, origin spec.NodeID) bool                       // to the children
	HasCopy  func(m, origin spec.NodeID) bool                          // from the sender: what the tree brings is not delivered
	Origin   func(origin, relay spec.NodeID) spec.NodeID
}

// DefaultFanout is the fan-out where none is given.
const DefaultFanout = 4

// NewHierarchy makes the transport of one node. fanout is the largest number of children, 0 for the default; depth is
// the number of levels that the members must fit into, 0 for as many as it takes. See [Fanout].
func NewHierarchy(cfg impl.Config, fanout, depth int) *Hierarchy {
	h := &Hierarchy{relayed: newRelayed(cfg), fanout: fanout, depth: depth, Rules: HierarchyRules{
		Children: Children,
		Forwards: func(spec.NodeID, spec.NodeID) bool { return true },
		HasCopy:  theSender,
		Origin:   theOrigin,
	}}
	h.hop.Rules.Recipients = func(*impl.Config) []spec.NodeID { return h.heads }
	return h
}

// Fanout gives the number of children that a tree of so many members has at each node: fanout, or the default where
// that is 0; and where depth is not 0 as many more as it takes for the tree to have no more levels than depth. The
// root is a level of its own, so that two members need two.
func Fanout(members, fanout, depth int) int {
	if fanout <= 0 {
		fanout = DefaultFanout
	}
	if depth == 1 {
		depth = 2
	}
	for depth > 0 && !fits(members, fanout, depth) {
		fanout++
	}
	return fanout
}

// fits says whether a tree of so many levels has room for the members.
func fits(members, fanout, depth int) bool {
	room, level := 1, 1
	for range depth - 1 {
		if room >= members {
			return true
		}
		level *= fanout
		room += level
	}
	return room >= members
}

// Inner counts the members that have children: they are the first ones.
func Inner(members, fanout, depth int) int {
	f := Fanout(members, fanout, depth)
	return (max(members, 1) + f - 2) / f
}

// Children gives the children of the member at an index; none for -1.
func Children(members []spec.NodeID, at, fanout int) []spec.NodeID {
	if at < 0 || at > len(members)/fanout { // so that the product fits
		return nil
	}
	first := min(fanout*at+1, len(members))
	return members[first:min(first+fanout, len(members))]
}

// Step implements [impl.Layer].
func (h *Hierarchy) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		h.grow(h.hop.cfg.Members)
		h.step(in, out)
	case impl.ViewChanged:
		h.step(in, out)
		h.grow(in.View.Members)
	case impl.Packet:
		h.receive(in, out)
	default:
		h.step(in, out)
	}
}

// grow finds this node's place in the tree over the members.
func (h *Hierarchy) grow(members []spec.NodeID) {
	self := h.hop.cfg.Self
	h.children = h.Rules.Children(members, slices.Index(members, self), Fanout(len(members), h.fanout, h.depth))
	h.heads = append([]spec.NodeID(nil), h.children...)
	if h.root == self {
		h.heads = append(h.heads, self)
	}
}

func (h *Hierarchy) receive(in impl.Input, out *impl.Effects) {
	body, origin, group := h.open(in, out)
	self := h.hop.cfg.Self
	if !group {
		return
	}
	if in.From != self {
		if h.Rules.Forwards(self, origin) {
			for _, m := range h.children {
				out.Down(m, in.Body, 0)
			}
		}
		if h.Rules.HasCopy(self, origin) {
			return
		}
	}
	out.Up(h.Rules.Origin(origin, in.From), impl.Everyone, body)
}
