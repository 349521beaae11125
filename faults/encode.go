package faults

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/conform-go/conform/spec"
)

// Encode gives bytes that decode to s, or where there are none, to what is near: times, sizes and durations are
// rounded, and what bytes cannot say is left out. exact says whether the decoded scenario plays the same run; subject,
// requirement and trace are not in the bytes. Every decoded scenario is encoded exactly.
func Encode(s *Scenario, p Params) (b []byte, exact bool) {
	p = p.withDefaults()
	if p.Overlaps {
		p.Groups = min(max(len(s.Groups), 2), 3)
	}
	e := encoder{p: &p, s: s}
	b = make([]byte, prefixBytes, prefixBytes+len(s.Steps)*recordBytes+len(s.Decisions))
	e.head(b)
	binary.BigEndian.PutUint64(b[headBytes:], s.Seed)
	steps := s.Steps
	if n := e.sentinels(); n > 0 {
		b[2] |= sentinelFlag
		steps = steps[:len(steps)-n]
	}
	if p.revives() {
		steps = e.unrevived(steps)
	}
	p.operations(&e.ops)
	faultOps(&e.ops, p.Faults, e.nodes, p.Routers)
	count := 0
	for i := range steps {
		record, ok := e.record(&steps[i])
		if !ok || count == maxRecords || steps[i].Action.Op == Send && count >= p.MaxSends {
			continue
		}
		b = append(b, record[:]...)
		count++
	}
	b[3] = byte(count)
	b = append(b, s.Decisions...)
	var back Scenario
	DecodeInto(&back, b, p)
	return b, back.plays(s)
}

type encoder struct {
	p     *Params
	s     *Scenario
	nodes int // of the decoded scenario
	ops   opTable
}

func (e *encoder) head(b []byte) {
	s, p := e.s, e.p
	e.nodes = min(max(s.Nodes, p.MinNodes), p.MaxNodes)
	b[0] = byte(e.nodes - p.MinNodes)
	b[1] = encodeNet(s.Net)
	if s.Net.MTU > 0 {
		b[2] |= mtuFlag
	}
	if p.Overlaps && p.Groups == 3 {
		b[2] |= thirdFlag
	}
	if len(s.Groups) > 0 {
		g := &s.Groups[0]
		if g.Closed {
			b[2] |= closedFlag
		}
		if len(g.Members) < s.Nodes {
			b[2] |= nonMemberFlag
		}
	}
}

// encodeNet finds the byte of which the net is nearest.
func encodeNet(n Net) byte {
	best, distance := byte(0), time.Duration(-1)
	for b := range 256 {
		got := decodeNet(byte(b))
		if got.Strategy != n.Strategy {
			continue
		}
		d := (got.Min - n.Min).Abs() + (got.Max - n.Max).Abs() + time.Duration(got.Depth-n.Depth).Abs()
		if distance < 0 || d < distance {
			best, distance = byte(b), d
		}
	}
	return best
}

// sentinels counts the last steps that the sentinel flag stands for.
func (e *encoder) sentinels() int {
	steps := e.s.Steps
	want := e.p.sentinels(e.s, nil)
	n := len(steps) - len(want)
	if n < 0 || !slices.EqualFunc(want, steps[n:], sameStep) {
		return 0
	}
	return len(want)
}

// unrevived gives the steps without the recoveries at their end that Params.Revive stands for.
func (e *encoder) unrevived(steps []Step) []Step {
	want := e.p.revive(steps[:len(steps):len(steps)])[len(steps):]
	n := len(steps) - len(want)
	if n < 0 || !slices.EqualFunc(want, steps[n:], sameStep) {
		return steps
	}
	return steps[:n]
}

func sameStep(a, b Step) bool { return a.When == b.When && a.Action.equal(&b.Action) }

func (e *encoder) record(step *Step) (b [recordBytes]byte, ok bool) {
	a := &step.Action
	if b[0], ok = e.ops.index(a.Op); !ok || a.Op == Nothing {
		return b, false
	}
	w := &step.When
	if a.Op.hasNode() {
		b[1] = byte(a.Node)
	} else {
		b[1] = byte(w.Node)
	}
	if w.On == AtTime {
		b[3] = byte(nearest(ticks, w.At, func(i byte) spec.Time { return spec.Time(e.p.tick()) * spec.Time(i) }))
	} else {
		if b[2], ok = encodeMoment(w.On, w.Point); !ok {
			return b, false
		}
		if b[2] |= e.distance(spec.NodeID(b[1]), w.Node) << 4; int(b[2]>>4) != e.far(spec.NodeID(b[1]), w.Node) {
			return b, false
		}
		b[3] = byte(min(w.K-1, 63))
	}
	return b, e.arguments(a, &b[4], &b[5])
}

func encodeMoment(on Moment, point string) (byte, bool) {
	for b := range byte(16) {
		if o, p := decodeMoment(b); o == on && p == point {
			return b, true
		}
	}
	return 0, false
}

// far is how many nodes to is behind from.
func (e *encoder) far(from, to spec.NodeID) int {
	return ((int(to)-int(from))%e.nodes + e.nodes) % e.nodes
}

// distance is far in 4 bits.
func (e *encoder) distance(from, to spec.NodeID) byte { return byte(e.far(from, to)) & 15 }

// arguments is the inverse of [decoder.arguments].
func (e *encoder) arguments(a *Action, x, y *byte) bool {
	p := e.p
	hold := func(limit int, d time.Duration) byte { return nearest(limit, d, p.hold) }
	by := func() byte { return nearest(bys, a.By, p.by) }
	percent := func() byte { return nearest(16, a.Percent, func(i byte) int { return percents[i] }) }
	peer := func() byte {
		if a.Peer < 0 {
			return 0
		}
		return e.distance(a.Node, a.Peer)
	}
	switch a.Op {
	case Send:
		*x, *y = nearest(256, a.Size, p.size), byte(min(a.Content, 3))
		if a.To >= 0 {
			*y |= e.distance(a.Node, a.To) << 4
			return p.OneToOne && a.To != a.Node
		}
		*y |= byte(a.Group&3) << 2
	case Join, Leave, Sync, Query, Create, Destroy:
		*x = byte(a.Group)
	case Pause, Isolate, RPDown, Listen, LostSync, DiskFull:
		*y = hold(holds, a.For)
	case RouterDown, Boundary, TableFull, PruneLost:
		*x, *y = byte(a.Router), hold(holds, a.For)
	case TTL:
		*x, *y = nearest(4, a.Size, func(i byte) int { return 1 + int(i) }), hold(holds, a.For)
	case Lies:
		*x = byte(spec.EveryLie &^ a.Lie)
	case Overflow:
		*x = nearest(64, a.Size, func(i byte) int { return 1 + int(i) })
	case Flood:
		*x, *y = nearest(8, a.By, func(i byte) time.Duration { return floodPace * time.Duration(1+int(i)) }), hold(holds, a.For)
	case OmitSend, OmitReceive:
		*x, *y = peer()|percent()<<4, hold(holds, a.For)
	case Loss, Duplicate, Corrupt, IGMPLoss, Rogue, DiskError, Drift:
		*x, *y = percent(), hold(holds, a.For)
	case Reorder:
		*x, *y = percent()|by()<<4, hold(holds, a.For)
	case DiskSlow, Jump:
		*x, *y = by(), hold(holds, a.For)
	case Skew:
		*x, *y = nearest(skews, a.By, skew), hold(holds, a.For)
	case Delay:
		*x, *y = peer()|by()<<4, hold(holds, a.For)
	case Partition, OneWay, Bridge, Flap:
		return e.parts(a, x, y)
	}
	return true
}

// parts tries all masks; there are few.
func (e *encoder) parts(a *Action, x, y *byte) bool {
	*y = nearest(holds, a.For, e.p.hold)
	third := byte(8)
	if a.Op == Flap {
		*y |= nearest(8, a.By, e.p.hold) << 5
	}
	if a.Op == Flap || a.Op == Bridge {
		third = 1
	}
	for more := range third {
		for mask := range 256 {
			if equalParts(a.Parts, decodeParts(e.nodes, a.Op, a.Node, byte(mask), more)) {
				*x = byte(mask)
				*y |= more << 5
				return true
			}
		}
	}
	return false
}

// nearest gives the first of n bytes of which the value is nearest to want.
func nearest[T int | time.Duration | spec.Time](n int, want T, value func(byte) T) byte {
	best, distance := byte(0), T(-1)
	for i := range n {
		d := value(byte(i)) - want
		if d < 0 {
			d = -d
		}
		if distance < 0 || d < distance {
			best, distance = byte(i), d
		}
	}
	return best
}
