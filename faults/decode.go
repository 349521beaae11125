package faults

import (
	"encoding/binary"
	"time"

	"github.com/conform-go/conform/spec"
)

// Decode makes a scenario of bytes; every byte string is one. Four bytes say how many nodes, which network, flags and
// how many records; eight are the seed, most significant first; then each record is six bytes (action, node, moment,
// time or count, and two arguments) and makes at most one step; what is left are decisions. Missing bytes are 0, and
// 0 is the simplest: no record is an action, the network is the default one. A changed byte of a record changes its
// step and no other, but for the recoveries that Params.Revive adds.
func Decode(b []byte, p Params) *Scenario {
	s := new(Scenario)
	DecodeInto(s, b, p)
	return s
}

// DecodeInto is [Decode] into the memory of s, of which nothing else is kept.
func DecodeInto(s *Scenario, b []byte, p Params) {
	p = p.withDefaults()
	var prefix [prefixBytes]byte
	rest := b[copy(prefix[:], b):]
	p.overlap(prefix[2])
	d := decoder{s: s, p: &p}
	d.head(prefix[:headBytes])
	s.Seed = binary.BigEndian.Uint64(prefix[headBytes:])

	p.operations(&d.early)
	d.late = d.early
	faultOps(&d.early, p.Faults, s.Nodes, p.Routers)
	faultOps(&d.late, p.Faults, s.Nodes, p.Routers)
	d.late.list[1] = Nothing // no sends
	count := min(int(prefix[3])%(maxRecords+1), len(rest)/recordBytes)
	for i := range count {
		d.record(i, [recordBytes]byte(rest[i*recordBytes:]))
	}
	if p.revives() {
		s.Steps = p.revive(s.Steps)
	}
	if prefix[2]&sentinelFlag != 0 {
		s.Steps = p.sentinels(s, s.Steps)
	}
	s.Decisions = append(s.Decisions[:0], rest[count*recordBytes:]...)
}

// decoder writes one scenario.
type decoder struct {
	s           *Scenario
	p           *Params
	early, late opTable // for the first MaxSends records, and for the rest
}

func (d *decoder) head(b []byte) {
	s, p := d.s, d.p
	s.Subject, s.Expect, s.Trace, s.Steps = p.Subject, "", Trace{}, s.Steps[:0]
	s.Nodes = p.MinNodes + int(b[0])%(p.MaxNodes-p.MinNodes+1)
	s.Net = decodeNet(b[1])
	if b[2]&mtuFlag != 0 {
		s.Net.MTU = p.MTU
	}
	members := s.Nodes
	if p.NonMember && b[2]&nonMemberFlag != 0 && s.Nodes > 1 {
		members--
	}
	if cap(s.Groups) < p.Groups {
		s.Groups = make([]Group, p.Groups)
	}
	s.Groups = s.Groups[:p.Groups]
	for i := range s.Groups {
		g := &s.Groups[i]
		*g = Group{Name: groupNames[i], Closed: b[2]&closedFlag != 0, Members: g.Members[:0]}
		for n := range members {
			if i == 0 || n != i-1 || p.Overlaps && members < i+2 {
				g.Members = append(g.Members, spec.NodeID(n))
			}
		}
	}
}

// decodeNet takes the strategy from the remainder by 3 and its parameter from the quotient.
func decodeNet(b byte) Net {
	const unit = 100 * time.Microsecond
	n := Net{Strategy: Strategy(b % byte(strategies)), Min: DefaultNet.Min, Max: DefaultNet.Max}
	switch param := int(b / byte(strategies)); n.Strategy {
	case Latency:
		x := bounds[param%len(bounds)]
		n.Min, n.Max = x[0]*unit, x[1]*unit
	case PCT:
		n.Depth = 1 + param%5
	}
	return n
}

// sentinels lets everybody who may send to the first group, and the members of the others, do so after all faults are
// over: what a node has missed, it then can notice.
func (p *Params) sentinels(s *Scenario, steps []Step) []Step {
	for g := range s.Groups {
		last := len(s.Groups[g].Members)
		if g == 0 && !s.Groups[0].Closed {
			last = s.Nodes
		}
		for i := range last {
			n := spec.NodeID(i)
			if g > 0 {
				n = s.Groups[g].Members[i]
			}
			steps = append(steps, Step{
				When:   When{At: p.sentinelTime()},
				Action: Action{Op: Send, Node: n, To: -1, Group: spec.GroupID(g), Size: sentinelSize},
			})
		}
	}
	return steps
}

const sentinelSize = 1

// floodPace is how far apart the packets of the fastest drawn flood are.
const floodPace = 25 * time.Microsecond

func (d *decoder) record(i int, b [recordBytes]byte) {
	table := &d.late
	if i < d.p.MaxSends {
		table = &d.early
	}
	op := table.at(b[0])
	if op == Nothing {
		return
	}
	step := Step{When: d.when(b[1], b[2], b[3]), Action: Action{Op: op}}
	if op == Lies {
		step.When = When{} // from the start
	}
	a := &step.Action
	if op.hasNode() {
		a.Node = spec.NodeID(int(b[1]) % d.s.Nodes)
	}
	d.arguments(a, b[4], b[5])
	d.s.Steps = append(d.s.Steps, step)
}

// when: the lower half of the moment says what is counted, the upper half at which node: so many behind the node of
// the action.
func (d *decoder) when(node, moment, b byte) When {
	on, point := decodeMoment(moment)
	if on == AtTime {
		return When{At: spec.Time(d.p.tick() * time.Duration(int(b)%ticks))}
	}
	counts := 16
	if on == OnAction {
		counts = 64
	}
	return When{
		On: on, Node: spec.NodeID((int(node) + int(moment>>4)) % d.s.Nodes), K: 1 + int(b)%counts, Point: point,
	}
}

// drawnMoments are what the lower half of the moment byte chooses from; the points come behind them.
var drawnMoments = [...]Moment{AtTime, OnSend, OnReceive, OnDeliver, OnAction, OnAck, OnPersist}

func decodeMoment(b byte) (Moment, string) {
	i := int(b&15) % (len(drawnMoments) + len(pointNames))
	if i < len(drawnMoments) {
		return drawnMoments[i], ""
	}
	return OnPoint, pointNames[i-len(drawnMoments)]
}

// arguments sets the rest of an action. An upper and a lower half of a byte are two arguments of 4 bits.
func (d *decoder) arguments(a *Action, x, y byte) {
	p := d.p
	switch a.Op {
	case Send:
		a.To, a.Size, a.Content = -1, p.size(x), int(y&3)
		if to := int(y>>4) % d.s.Nodes; p.OneToOne && to > 0 {
			a.To = d.peer(a.Node, to)
		} else {
			a.Group = spec.GroupID(int(y>>2&3) % p.Groups)
		}
	case Join, Leave, Sync, Query, Create, Destroy:
		a.Group = spec.GroupID(int(x) % p.Groups)
	case Pause, Isolate, RPDown, Listen, LostSync, DiskFull:
		a.For = p.hold(y)
	case RouterDown, Boundary, TableFull, PruneLost:
		a.Router = int(x) % max(1, p.Routers)
		if a.Op != PruneLost {
			a.For = p.hold(y)
		}
	case TTL:
		a.Size, a.For = 1+int(x)%4, p.hold(y)
	case Lies:
		a.Lie = spec.EveryLie &^ spec.Lie(x&15)
		if a.Lie == 0 {
			a.Lie = spec.EveryLie
		}
	case Overflow:
		a.Size = 1 + int(x)%64
	case Flood:
		a.By, a.For = floodPace*time.Duration(1+int(x)%8), p.hold(y)
	case OmitSend, OmitReceive:
		a.Peer, a.Percent, a.For = d.peerOrAll(a.Node, x&15), percents[x>>4], p.hold(y)
	case Loss, Duplicate, Corrupt, IGMPLoss, Rogue, DiskError, Drift:
		a.Percent, a.For = percents[x&15], p.hold(y)
	case Reorder:
		a.Percent, a.By, a.For = percents[x&15], p.by(x>>4), p.hold(y)
	case DiskSlow, Jump:
		a.By, a.For = p.by(x), p.hold(y)
	case Skew:
		a.By, a.For = skew(x), p.hold(y)
	case Delay:
		a.Peer, a.By, a.For = d.peerOrAll(a.Node, x&15), p.by(x>>4), p.hold(y)
	case Partition, OneWay, Bridge, Flap:
		a.For = p.hold(y & 31)
		if a.Op == Flap {
			a.By = p.hold(y >> 5)
		}
		a.Parts = decodeParts(d.s.Nodes, a.Op, a.Node, x, y>>5)
	}
}

func (d *decoder) peer(node spec.NodeID, distance int) spec.NodeID {
	return spec.NodeID((int(node) + distance) % d.s.Nodes)
}

// peerOrAll gives everyone for the distance 0.
func (d *decoder) peerOrAll(node spec.NodeID, distance byte) spec.NodeID {
	if i := int(distance) % d.s.Nodes; i > 0 {
		return d.peer(node, i)
	}
	return -1
}

// decodeParts cuts the nodes in two: node i goes by bit i (modulo 8) of the mask. Where one part stays empty, the
// first node is alone. The part of the first node comes first. `more` makes a third part of node more-1 (partition),
// or turns the parts around (one way).
func decodeParts(nodes int, op Op, bridge spec.NodeID, mask, more byte) [][]spec.NodeID {
	memory := new(struct { // one allocation for all
		parts [3][]spec.NodeID
		nodes [3][8]spec.NodeID
	})
	parts := memory.parts[:2]
	for i := range memory.parts {
		memory.parts[i] = memory.nodes[i][:0]
	}
	first := 0
	if op == Bridge && bridge == 0 {
		first = 1
	}
	for pass := 0; ; pass++ {
		for n := first; n < nodes; n++ {
			if op == Bridge && n == int(bridge) {
				continue
			}
			side := (mask>>(n&7) ^ mask>>(first&7)) & 1
			if pass > 0 && n != first {
				side = 1
			}
			parts[side] = append(parts[side], spec.NodeID(n))
		}
		if len(parts[1]) > 0 {
			break
		}
		parts[0] = parts[0][:0]
	}
	switch {
	case op == OneWay && more&1 != 0:
		parts[0], parts[1] = parts[1], parts[0]
	case op == Partition && more > 0:
		parts = splitOff(memory.parts[:], spec.NodeID(int(more-1)%nodes))
	}
	return parts
}

// splitOff moves a node from the first or second part to the third, unless it is alone already.
func splitOff(parts [][]spec.NodeID, node spec.NodeID) [][]spec.NodeID {
	for i, part := range parts[:2] {
		for j, n := range part {
			if n == node && len(part) > 1 {
				parts[i] = append(part[:j], part[j+1:]...)
				parts[2] = append(parts[2], node)
				return parts
			}
		}
	}
	return parts[:2]
}
