package impl

import "github.com/conform-go/conform/spec"

// Shared stands in place of a group where an input or an effect is about a node and not about one of its groups.
const Shared spec.GroupID = -1

// Node is what runs at a node that is in several groups: a stack for each of them, and what they share.
//
// The layers of a stack know of one group only. Where something enters or leaves a stack, the group is named: on the
// way up and down, and beside the path of a timer, of a log and of a note. What the bottom says upward names the
// group that it is for; only a suspicion, and its end, is about a node, and every stack hears of it.
type Node struct {
	// Above stands between the application and the stacks: the place of a layer that orders across groups, for there it
	// gets what is reliable and in the order of each group. What it hands down, and what it gets from below, names a
	// group; so must what it says upward. Nil: there is none.
	Above Layer
	// Stacks are ascending by group; at least one.
	Stacks []GroupStack
	// Below is the bottom of the node: its network card, its sockets, its failure detector. Nil: every packet of a
	// stack leaves the node as it is.
	Below Layer
}

// GroupStack is what serves one group at a node.
type GroupStack struct {
	Group spec.GroupID
	Layer Layer
}

// NewNode puts the stacks of a node side by side. All layers have one queue, as those of a stack have.
func NewNode(n Node) *Stack {
	if len(n.Stacks) == 0 {
		panic("impl: a node has a stack for at least one group")
	}
	f := &fork{}
	var layers []Layer
	add := func(stack int16, l Layer) (from, to int) {
		from = len(layers)
		if l != nil {
			layers = flatten(layers, l)
		}
		for range layers[from:] {
			f.stack = append(f.stack, stack)
		}
		return from, len(layers)
	}
	_, f.above = add(shared, n.Above)
	for i, s := range n.Stacks {
		from, to := add(int16(i), s.Layer)
		f.stacks = append(f.stacks, span{s.Group, from, to - 1})
		checkHeight(to - from)
	}
	from, to := add(shared, n.Below)
	f.below = from
	if f.above+to-from > 0 {
		checkHeight(f.above + to - from)
	}
	s := newStack(layers)
	s.fork = f
	return s
}

// fork says how the layers of a node stand: those above the stacks, then stack by stack, then those below, each part
// top first.
type fork struct {
	above  int     // how many are above the stacks
	below  int     // the first that is below them; as many as there are layers where none is
	stack  []int16 // by layer: in which of the stacks it is, or shared
	stacks []span  // ascending by group
}

// span is where a stack begins and ends.
type span struct {
	group       spec.GroupID
	first, last int
}

const shared = -1

// Where something goes that goes to no layer.
const (
	outside = -1 // it leaves the node
	nowhere = -2 // there is no stack for its group
)

// of finds the stack of a group.
func (f *fork) of(g spec.GroupID) (span, bool) {
	for _, s := range f.stacks {
		if s.group == g {
			return s, true
		}
	}
	return span{}, false
}

// first and last give the layer of a group's stack at its top and at its bottom.
func (f *fork) first(g spec.GroupID) int {
	if s, ok := f.of(g); ok {
		return s.first
	}
	return nowhere
}

func (f *fork) last(g spec.GroupID) int {
	if s, ok := f.of(g); ok {
		return s.last
	}
	return nowhere
}

// under gives the layer below layer i, for what concerns a group; outside itself stands above all.
func (f *fork) under(i int, g spec.GroupID) int {
	switch {
	case i == f.above-1: // the last one above the stacks, or outside
		return f.first(g)
	case i >= 0 && f.stack[i] != shared && i == f.stacks[f.stack[i]].last:
		i = f.below - 1
	}
	if i+1 < len(f.stack) {
		return i + 1
	}
	return outside
}

// over gives the layer above layer i, for what concerns a group; as many as there are layers stand below all.
func (f *fork) over(i int, g spec.GroupID) int {
	switch {
	case i == f.below:
		return f.last(g)
	case f.stack[min(i, len(f.stack)-1)] != shared && i == f.stacks[f.stack[i]].first:
		return f.above - 1
	}
	return i - 1
}

// name gives the group of a layer, or Shared, and its number in its part.
func (f *fork) name(i int) (spec.GroupID, int) {
	switch k := f.stack[i]; {
	case k != shared:
		return f.stacks[k].group, i - f.stacks[k].first
	case i < f.above:
		return Shared, i
	}
	return Shared, f.above + i - f.below
}

// find is the inverse of name; nowhere where there is no such layer.
func (f *fork) find(g spec.GroupID, number int) int {
	if s, ok := f.of(g); ok && number <= s.last-s.first && number >= 0 {
		return s.first + number
	}
	switch below := number - f.above + f.below; {
	case g != Shared || number < 0:
	case number < f.above:
		return number
	case below < len(f.stack):
		return below
	}
	return nowhere
}

// label lets what a layer of a stack says name the stack's group.
func (f *fork) label(i int, list []Effect) {
	if k := f.stack[i]; k != shared {
		for e := range list {
			list[e].Group = f.stacks[k].group
		}
	}
}

// everyStack says whether an upward effect of layer i is for all stacks: one of the bottom that is about a node.
func (f *fork) everyStack(i int, k EffectKind) bool {
	return i == f.below && (k == Suspect || k == Trust)
}
