package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// What the orders across groups have in common. They stand above the stacks of a node ([impl.Node]), so that everything
// that they hand down and up names its group. Groups are known from the start, and closed: who is no member of one
// neither sends to it nor delivers from it.

// groups are all the groups of a run, as one node sees them.
type groups struct {
	self spec.NodeID
	all  []spec.Group
	mine []bool // by group: whether this node is a member
	at   []int  // by group: where its members begin in a vector of all groups; one more: how long that is
}

func newGroups(self spec.NodeID, all []spec.Group) groups {
	g := groups{self: self, all: all, mine: make([]bool, len(all)), at: make([]int, len(all)+1)}
	for i := range all {
		g.mine[i] = position(all[i].Members, self) >= 0
		g.at[i+1] = g.at[i] + len(all[i].Members)
	}
	return g
}

// position finds a node among members; -1 where it is none.
func position(members []spec.NodeID, n spec.NodeID) int {
	for i, m := range members {
		if m == n {
			return i
		}
	}
	return -1
}

// knows says whether there is such a group.
func (g *groups) knows(id spec.GroupID) bool { return id >= 0 && int(id) < len(g.all) }

// refuses says why this node may not send to a group, in its how-many-th life; NoCode: it may.
func (g *groups) refuses(id spec.GroupID, incarnation uint32) impl.Code {
	switch {
	case !g.knows(id):
		return impl.NotMember
	case !g.mine[id] && g.all[id].Closed:
		return impl.ClosedGroup
	case !g.mine[id] || incarnation != 0:
		return impl.NotMember
	}
	return impl.NoCode
}

// refuse tells the application that its send to a group will never be delivered.
func refuse(in impl.Input, reason impl.Code, out *impl.Effects) {
	out.Add(impl.Effect{Kind: impl.Refuse, Ref: in.Ref, Code: reason, Group: in.Group})
}

// up hands a message of a group to the application.
func up(g spec.GroupID, from spec.NodeID, body []byte, position uint64, again bool, out *impl.Effects) {
	out.Add(impl.Effect{Kind: impl.Up, Group: g, From: from, To: impl.Everyone, Body: body, Num: position, Flag: again})
}

// heldAcross is a message that is held back.
type heldAcross struct {
	body   []byte
	stamp  Stamp
	sender int // position among the members of its group
	from   spec.NodeID
	group  spec.GroupID
	again  bool // delivered again after a recovery
}

// sealAcross puts a stamp of so many entries, all 0, and the incarnation behind a body.
func sealAcross(body []byte, entries int, incarnation uint32, out *impl.Effects) ([]byte, Stamp) {
	b := out.Extend(body, 4*entries+4)
	binary.LittleEndian.PutUint32(b[len(b)-4:], incarnation)
	return b, Stamp(b[len(body) : len(b)-4])
}

// openAcross takes the header off a packet to a group. One that must be discarded is noted with the reason.
func (g *groups) openAcross(in impl.Input, entries int, incarnation uint32, out *impl.Effects) (m heldAcross, ok bool) {
	body, h, ok := impl.Cut(in.Body, 4*entries+4)
	if !ok || !g.knows(in.Group) {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return m, false
	}
	sender := position(g.all[in.Group].Members, in.From)
	switch {
	case sender < 0 || !g.mine[in.Group]:
		out.Note(impl.NotMember, uint64(in.From), uint64(in.Group))
		return m, false
	case binary.LittleEndian.Uint32(h[len(h)-4:]) != 0 || incarnation != 0:
		out.Note(impl.Stale, uint64(in.From), uint64(in.Group))
		return m, false
	}
	return heldAcross{body, Stamp(h[:len(h)-4]), sender, in.From, in.Group, in.Flag}, true
}
