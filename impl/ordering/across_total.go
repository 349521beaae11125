package ordering

import (
	"encoding/binary"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// TotalAcross is total order across overlapping groups with one sequencer for all of them (the fixed sequencers of
// Défago, Schiper, Urbán, 2004, with the messages of several groups in one order): there is one order of the messages
// of all groups, and every process delivers those of its own groups in it. It is causal too, across groups.
//
// The sequencer is the lowest node that is in any group; where groups fall apart into sets that share no process, each
// set has its own. It need not be in a group to number its messages, so a sender fetches the number first:
//
//	to multicast m to a:                   i := i+1; ask the sequencer ⟨a, i⟩
//	sequencer, on ⟨a, i⟩ of p, in order:    S[a] := S[a]+1; answer ⟨i, S⟩
//	on the answer ⟨i, S⟩:                   multicast ⟨m, S⟩ to a
//	on receiving ⟨m, S⟩ to a:               wait until S[a] = R[a]+1, and S[g] ≤ R[g] for every other group g that I am in;
//	                                       deliver m, R[a] := S[a]
//
// A number says of every group how far it had come. Who is outside a group does not look at its entry: that is how a
// process skips what it is never sent.
//
// Requests and answers go from one process to the next over groups that both are in, on a shortest way; the channels
// below must lose nothing. One sender's requests are answered in the order asked, and who has delivered m asks later
// than m's sender did: the order is causal.
//
// A number whose message never comes stops all that are in its group, for ever: whoever crashes may leave one, as
// sender or on the way of an answer, and the sequencer's crash stops everybody. Nothing is ever delivered in another
// order. It acknowledges when the stack of the group does. A process that comes back without its log is no member any
// more, and a sequencer that does so gives no numbers.
type TotalAcross struct {
	Rules TotalAcrossRules

	groups
	ways        []way
	lows        []spec.NodeID // by group: the lowest node of all groups that hang together with it
	incarnation uint32
	asked       impl.Ring[askedAcross] // by number of the request
	clients     []client               // sequencer: by node
	given       []uint32               // sequencer: S
	done        []uint32               // R
	held        []heldAcross
}

// TotalAcrossRules are the rules of the algorithm.
type TotalAcrossRules struct {
	Sequencer func(g spec.GroupID, lowest spec.NodeID) spec.NodeID // who numbers the messages of a group
	Waits     func(g, past spec.GroupID, mine bool) bool           // whether a message of g waits for those of another group, which is mine or not
	Number    func(given []uint32, g spec.GroupID)                 // takes the next number of a group
}

// askedAcross is an own message that waits for its number.
type askedAcross struct {
	body  []byte
	ref   impl.Ref
	group spec.GroupID
	code  impl.Code
	open  bool
}

// client is what the sequencer knows of one that asks.
type client struct {
	waiting impl.Ring[request] // from the first that has no answer
}

type request struct {
	group spec.GroupID
	open  bool
}

// NewTotalAcross makes the layer of one node.
func NewTotalAcross(cfg impl.Config, all []spec.Group) *TotalAcross {
	g := newGroups(cfg.Self, all)
	return &TotalAcross{groups: g, ways: g.waysTo(cfg.Nodes), lows: g.lowest(), clients: make([]client, cfg.Nodes), Rules: TotalAcrossRules{
		Sequencer: func(_ spec.GroupID, lowest spec.NodeID) spec.NodeID { return lowest },
		Waits:     func(_, _ spec.GroupID, mine bool) bool { return mine },
		Number:    func(given []uint32, g spec.GroupID) { given[g]++ },
	}}
}

// The kinds of packets to one node.
const (
	acrossLetter  = 1 // of the application
	acrossRequest = 2
	acrossAnswer  = 3 // the body is S
)

// acrossHeader stands behind requests and answers; the application's letters have the kind alone.
type acrossHeader struct {
	n        uint64      // of the request
	from, to spec.NodeID // from end to end
	group    spec.GroupID
	kind     byte
}

const acrossHeaderLen = 8 + 2 + 2 + 2 + 1

func (h acrossHeader) behind(body []byte, out *impl.Effects) []byte {
	b := out.Extend(body, acrossHeaderLen)
	x := b[len(body):]
	binary.LittleEndian.PutUint64(x, h.n)
	binary.LittleEndian.PutUint16(x[8:], uint16(h.from))
	binary.LittleEndian.PutUint16(x[10:], uint16(h.to))
	binary.LittleEndian.PutUint16(x[12:], uint16(h.group))
	x[14] = h.kind
	return b
}

// Step implements [impl.Layer].
func (t *TotalAcross) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*t = TotalAcross{Rules: t.Rules, groups: t.groups, ways: t.ways, lows: t.lows, incarnation: uint32(in.Num), clients: make([]client, len(t.clients)),
			given: make([]uint32, len(t.all)), done: make([]uint32, len(t.all)), held: t.held[:0]}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		t.send(in, out)
	case in.Kind == impl.Send:
		b := out.Extend(in.Body, 1)
		b[len(in.Body)] = acrossLetter
		out.Down(in.To, b, in.Ref).Group = in.Group
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		t.receive(in, out)
	case in.Kind == impl.Packet:
		t.letter(in, out)
	default:
		out.Pass(in)
	}
}

// sequencer gives who numbers the messages of a group.
func (t *TotalAcross) sequencer(g spec.GroupID) spec.NodeID {
	return t.Rules.Sequencer(g, t.lows[g])
}

func (t *TotalAcross) send(in impl.Input, out *impl.Effects) {
	if reason := t.refuses(in.Group, t.incarnation); reason != impl.NoCode {
		refuse(in, reason, out)
		return
	}
	n, a := t.asked.Push()
	*a = askedAcross{body: notNil(in.Body), ref: in.Ref, group: in.Group, code: in.Code, open: true}
	h := acrossHeader{n: n, from: t.self, to: t.sequencer(in.Group), group: in.Group, kind: acrossRequest}
	t.forward(h, nil, out)
}

// letter takes in what was sent to this node, or is on its way to another.
func (t *TotalAcross) letter(in impl.Input, out *impl.Effects) {
	k := len(in.Body) - 1
	if k >= 0 && in.Body[k] == acrossLetter {
		out.Add(impl.Effect{Kind: impl.Up, Group: in.Group, From: in.From, To: in.To, Body: in.Body[:k:k], Ref: in.Ref, Flag: in.Flag})
		return
	}
	if in.Ref != 0 {
		out.Accept(in.Ref)
		out.List[len(out.List)-1].Group = in.Group
	}
	body, x, ok := impl.Cut(in.Body, acrossHeaderLen)
	var h acrossHeader
	if ok {
		h = acrossHeader{n: binary.LittleEndian.Uint64(x), from: spec.NodeID(binary.LittleEndian.Uint16(x[8:])),
			to: spec.NodeID(binary.LittleEndian.Uint16(x[10:])), group: spec.GroupID(binary.LittleEndian.Uint16(x[12:])), kind: x[14]}
	}
	request, answer := h.kind == acrossRequest && len(body) == 0, h.kind == acrossAnswer && len(body) == 4*len(t.all)
	if !ok || !request && !answer || int(h.from) >= len(t.clients) || int(h.to) >= len(t.clients) || !t.knows(h.group) {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	t.forward(h, body, out)
}

// forward brings a request or an answer nearer to its end, or to it.
func (t *TotalAcross) forward(h acrossHeader, body []byte, out *impl.Effects) {
	switch {
	case h.to != t.self:
		if w := t.ways[h.to]; w.next >= 0 {
			out.Down(w.next, h.behind(body, out), 0).Group = w.over
		}
	case t.incarnation != 0:
		out.Note(impl.Stale, uint64(h.from), h.n)
	case h.kind == acrossRequest:
		t.number(h, out)
	default:
		t.numbered(h, body, out)
	}
}

// number answers the requests of a sender, in the order in which it asked.
func (t *TotalAcross) number(h acrossHeader, out *impl.Effects) {
	if t.sequencer(h.group) != t.self {
		out.Note(impl.NotMember, uint64(h.from), h.n)
		return
	}
	c := &t.clients[h.from]
	r := c.waiting.Reach(h.n)
	if r == nil || r.open {
		out.Note(impl.Duplicate, uint64(h.from), h.n)
		return
	}
	*r = request{h.group, true}
	for n := c.waiting.First(); ; n++ {
		r := c.waiting.At(n)
		if r == nil || !r.open {
			return
		}
		g := r.group
		*r = request{}
		c.waiting.Drop()
		t.Rules.Number(t.given, g)
		s := Stamp(out.Alloc(4 * len(t.given)))
		for k, v := range t.given {
			s.Set(k, v)
		}
		t.forward(acrossHeader{n: n, from: t.self, to: h.from, group: g, kind: acrossAnswer}, s, out)
	}
}

// numbered multicasts an own message that has got its number.
func (t *TotalAcross) numbered(h acrossHeader, number Stamp, out *impl.Effects) {
	a := t.asked.At(h.n)
	if a == nil || !a.open || a.group != h.group {
		out.Note(impl.Duplicate, uint64(h.from), h.n)
		return
	}
	b, stamp := sealAcross(a.body, len(t.all), t.incarnation, out)
	copy(stamp, number)
	x := out.Down(impl.Everyone, b, a.ref)
	x.Group, x.Code = a.group, a.code
	for *a = (askedAcross{}); t.asked.Len() > 0 && !t.asked.At(t.asked.First()).open; {
		t.asked.Drop()
	}
}

func (t *TotalAcross) receive(in impl.Input, out *impl.Effects) {
	m, ok := t.openAcross(in, len(t.all), t.incarnation, out)
	if !ok {
		return
	}
	n := m.stamp.At(int(m.group))
	if t.has(&m, n) {
		out.Note(impl.Duplicate, uint64(in.From), uint64(n))
		return
	}
	if len(t.held) >= maxHeld {
		out.Note(impl.Overflow, uint64(in.From), uint64(n))
		return
	}
	t.held = append(t.held, m)
	before := len(t.held)
	t.drain(out)
	if len(t.held) == before {
		out.Note(impl.HeldBack, uint64(in.From), uint64(n))
	}
}

// has says whether the message of a number has been delivered, or is held back.
func (t *TotalAcross) has(m *heldAcross, n uint32) bool {
	if n <= t.done[m.group] {
		return true
	}
	for i := range t.held {
		if x := &t.held[i]; x.group == m.group && x.stamp.At(int(x.group)) == n {
			return true
		}
	}
	return false
}

// next says whether a message is the next of its group, and nothing before it in another one of mine is missing.
func (t *TotalAcross) next(m *heldAcross) bool {
	for g := range t.all {
		n := m.stamp.At(g)
		switch {
		case spec.GroupID(g) == m.group:
			if n != t.done[g]+1 {
				return false
			}
		case t.Rules.Waits(m.group, spec.GroupID(g), t.mine[g]) && n > t.done[g]:
			return false
		}
	}
	return true
}

// drain delivers what is next, until nothing is.
func (t *TotalAcross) drain(out *impl.Effects) {
	for i := 0; i < len(t.held); {
		m := &t.held[i]
		if !t.next(m) {
			i++
			continue
		}
		x := *m
		t.held = append(t.held[:i], t.held[i+1:]...)
		t.done[x.group]++
		up(x.group, x.from, x.body, uint64(t.done[x.group]), x.again, out)
		i = 0
	}
}
