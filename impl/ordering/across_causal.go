package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// CausalAcross is causal order across overlapping groups (Birman, Schiper, Stephenson, 1991, the section on multiple
// groups: a process keeps a vector for each group, and a message carries them all): if the multicast of m happened
// before that of m′, whatever their groups, every process that is in both delivers m before m′, and delivers nothing
// whose past in its own groups it has not delivered.
//
//	to multicast m to a at i:    V of the stamp := my vectors; V[g][i] := number of my sends to g, for every g, with this one
//	on receiving ⟨m, V⟩ of j:     hold m back until V[a][j] = mine[a][j]+1, and V[a][k] ≤ mine[a][k] for every k ≠ j,
//	                             and V[g] ≤ mine[g] for every other group g that I am in
//	on delivering m of j:        mine[a][j] := mine[a][j]+1; mine[g] := max(mine[g], V[g]) for every g that I am not in
//
// What happened in groups that a process is not in it never waits for, but hands on with what it sends: the chain of
// causes may leave a group and come back to it.
//
// It stands above a stack for each group, each of which must be reliable. A process that has sent to one group and then
// to another, and has crashed, may leave a message in the second whose past in the first nobody will ever have: those
// that are in both wait for it for ever, and those that are in the second alone deliver. In one group reliable multicast
// keeps members from coming apart so; across groups it does not, so that only what is sent in runs without crashes is
// delivered by all. Nothing is ever delivered in the wrong order.
//
// It acknowledges when the stack of the group does. A process that comes back without its log is no member any more.
type CausalAcross struct {
	Rules CausalAcrossRules

	groups
	incarnation uint32
	sent        []uint32 // by group
	known       []uint32 // by place in the vectors: what has been delivered here; of groups of others, what is known of
	held        []heldAcross
}

// CausalAcrossRules are the rules of the algorithm.
type CausalAcrossRules struct {
	Vector func(g spec.GroupID) spec.GroupID          // in which group's vector a message of g counts
	Waits  func(g, past spec.GroupID, mine bool) bool // whether a message of g waits for its past in another group, where that is mine or not
	Carry  func(known, stamp uint32) uint32           // what is known of a group that is not mine, when something is delivered
}

// NewCausalAcross makes the layer of one node.
func NewCausalAcross(cfg impl.Config, all []spec.Group) *CausalAcross {
	return &CausalAcross{groups: newGroups(cfg.Self, all), Rules: CausalAcrossRules{
		Vector: func(g spec.GroupID) spec.GroupID { return g },
		Waits:  func(_, _ spec.GroupID, mine bool) bool { return mine },
		Carry:  func(known, stamp uint32) uint32 { return max(known, stamp) },
	}}
}

// Step implements [impl.Layer].
func (c *CausalAcross) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		c.incarnation, c.held = uint32(in.Num), c.held[:0]
		c.sent, c.known = make([]uint32, len(c.all)), make([]uint32, c.at[len(c.all)])
	case in.Kind == impl.Send && in.To == impl.Everyone:
		c.send(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		c.receive(in, out)
	default:
		out.Pass(in)
	}
}

func (c *CausalAcross) send(in impl.Input, out *impl.Effects) {
	if reason := c.refuses(in.Group, c.incarnation); reason != impl.NoCode {
		refuse(in, reason, out)
		return
	}
	c.sent[c.Rules.Vector(in.Group)]++
	b, stamp := sealAcross(in.Body, len(c.known), c.incarnation, out)
	for k, v := range c.known {
		stamp.Set(k, v)
	}
	for g := range c.all {
		if k := position(c.all[g].Members, c.self); k >= 0 {
			stamp.Set(c.at[g]+k, c.sent[g])
		}
	}
	x := out.Down(impl.Everyone, b, in.Ref)
	x.Group, x.Code = in.Group, in.Code
}

// place gives the place of a message's sender in the vectors; -1 where it has none.
func (c *CausalAcross) place(m *heldAcross) int {
	v := c.Rules.Vector(m.group)
	if k := position(c.all[v].Members, m.from); k >= 0 {
		return c.at[v] + k
	}
	return -1
}

func (c *CausalAcross) receive(in impl.Input, out *impl.Effects) {
	m, ok := c.openAcross(in, len(c.known), c.incarnation, out)
	if !ok {
		return
	}
	own := c.place(&m)
	if own < 0 {
		out.Note(impl.NotMember, uint64(in.From), uint64(in.Group))
		return
	}
	n := uint64(m.stamp.At(own))
	if c.has(&m, own) {
		out.Note(impl.Duplicate, uint64(in.From), n)
		return
	}
	if len(c.held) >= maxHeld {
		out.Note(impl.Overflow, uint64(in.From), n)
		return
	}
	c.held = append(c.held, m)
	before := len(c.held)
	c.drain(out)
	if len(c.held) == before {
		out.Note(impl.HeldBack, uint64(in.From), n)
	}
}

// has says whether a message has been delivered, or is held back.
func (c *CausalAcross) has(m *heldAcross, own int) bool {
	n := m.stamp.At(own)
	if n <= c.known[own] {
		return true
	}
	for i := range c.held {
		if x := &c.held[i]; x.group == m.group && x.sender == m.sender && x.stamp.At(own) == n {
			return true
		}
	}
	return false
}

// deliverable is the delivery condition of the paper.
func (c *CausalAcross) deliverable(m *heldAcross) bool {
	v, own := c.Rules.Vector(m.group), c.place(m)
	for g := range c.all {
		if spec.GroupID(g) != v && !c.Rules.Waits(m.group, spec.GroupID(g), c.mine[g]) {
			continue
		}
		for k := c.at[g]; k < c.at[g+1]; k++ {
			if n := m.stamp.At(k); k == own && n != c.known[k]+1 || k != own && n > c.known[k] {
				return false
			}
		}
	}
	return true
}

// deliver counts a message, and what is known through it of the groups of others.
func (c *CausalAcross) deliver(m *heldAcross, out *impl.Effects) {
	own := c.place(m)
	c.known[own]++
	for g := range c.all {
		if c.mine[g] || spec.GroupID(g) == c.Rules.Vector(m.group) {
			continue
		}
		for k := c.at[g]; k < c.at[g+1]; k++ {
			c.known[k] = c.Rules.Carry(c.known[k], m.stamp.At(k))
		}
	}
	up(m.group, m.from, m.body, 0, m.again, out)
}

// drain delivers what can be delivered, oldest first, until nothing more can.
func (c *CausalAcross) drain(out *impl.Effects) {
	for i := 0; i < len(c.held); {
		if !c.deliverable(&c.held[i]) {
			i++
			continue
		}
		m := c.held[i]
		c.held = append(c.held[:i], c.held[i+1:]...)
		c.deliver(&m, out)
		i = 0
	}
}
