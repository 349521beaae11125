package ordering

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// RealTime is O11: multicasts are delivered everywhere in the order in which they happened, as far as clocks can tell.
// It is the total order by "clock times plus a delay" of Lamport ("Using time instead of timeout for fault-tolerant
// distributed systems", 1984) and Cristian, Aghili, Strong, Dolev ("Atomic broadcast: from simple message diffusion to
// Byzantine agreement", 1985). Premises: no two clocks are further apart than ε, and a message takes less than Δ, with
// whatever the level below does to get it there: relays of a crashed sender's message, and retransmissions.
//
//	to multicast m at p:       stamp it with the clock, or 1 ns behind p's last stamp, or behind that of what p has
//	                           delivered last; acknowledge when the level below has, and the clock shows more than
//	                           stamp+ε
//	on receiving ⟨m, T⟩ of p:  hold m back until the clock shows T+Δ+ε; then deliver, in the order of ⟨T, p⟩
//	                           something behind ⟨T, p⟩ has been delivered: m came too late; discard it, announce the gap
//
// What has a smaller stamp than T was sent before any clock showed more than T+ε, and has come by T+Δ+ε. So all deliver
// everything, in one order. When m was acknowledged before the send of m′ began, every clock showed more than m's
// stamp, and m is first everywhere: also where the two were closer than ε, since the acknowledgement waits that out.
//
// Nothing is sent with a stamp that is not behind those of what its sender has delivered, also when its clock is set
// back, so that the order is causal too.
//
// Everyone delivers in the order of the stamps, whatever happens: one order holds without the premises, as does each
// sender's own. When Δ is broken a message is lost to those whom it reaches too late: they discard it, which some
// others may not, and tell so with the next delivery from its sender at the latest. When ε is broken the order is not
// that of real time, and messages may be lost likewise.
//
// Where 65,536 sends wait for the level below to acknowledge them, it is not asked to acknowledge more.
type RealTime struct {
	Rules RealTimeRules

	cfg            impl.Config
	epsilon, delta spec.Time
	incarnation    uint32
	stamp          spec.Time // my last
	sent           uint64
	held           []timedMessage // in the order of their keys
	arrived        uint64
	last           TimeKey // the last delivered
	next           impl.Lives[uint64]
	due            spec.Time // for which the timer is set; 0 is none
	owed           []timedAck
}

// RealTimeRules are the rules that the order rests on.
type RealTimeRules struct {
	Before func(a, b TimeKey) bool                         // the order
	Due    func(stamp, delta, epsilon spec.Time) spec.Time // what the clock must show for a delivery
	Waits  func(epsilon spec.Time) spec.Time               // by how much the clock must have passed the stamp for an acknowledgement
	Late   func(late bool) bool                            // whether what came too late is discarded
}

// TimeKey is a message's place in the order.
type TimeKey struct {
	Stamp   spec.Time
	Origin  spec.NodeID
	Life    uint32
	Arrival uint64 // which of those that came to this node; no part of the order
}

// Before compares stamps; ties go by process, and its life.
func (a TimeKey) Before(b TimeKey) bool {
	switch {
	case a.Stamp != b.Stamp:
		return a.Stamp < b.Stamp
	case a.Origin != b.Origin:
		return a.Origin < b.Origin
	}
	return a.Life < b.Life
}

// timedMessage is held back until its time.
type timedMessage struct {
	TimeKey
	n    uint64 // of its sender's
	body []byte
	flag bool
}

// timedAck is an acknowledgement that is owed to the layer above.
type timedAck struct {
	ref   impl.Ref
	stamp spec.Time
	below bool // the level below has acknowledged
}

// The bounds where nothing else is said.
const (
	DefaultEpsilon = 5 * time.Millisecond
	DefaultDelta   = 20 * time.Millisecond
)

// The timers.
const (
	deliveryTimer = iota
	ackTimer
)

// NewRealTime makes the layer of one node: no two clocks are further apart than epsilon, and messages take less than
// delta. 0 is the default of each.
func NewRealTime(cfg impl.Config, epsilon, delta time.Duration) *RealTime {
	if epsilon <= 0 {
		epsilon = DefaultEpsilon
	}
	if delta <= 0 {
		delta = DefaultDelta
	}
	return &RealTime{cfg: cfg, epsilon: spec.Time(epsilon), delta: spec.Time(delta), Rules: RealTimeRules{
		Before: TimeKey.Before,
		Due:    func(stamp, delta, epsilon spec.Time) spec.Time { return stamp + delta + epsilon },
		Waits:  func(epsilon spec.Time) spec.Time { return epsilon },
		Late:   func(late bool) bool { return late },
	}}
}

// The header, behind the body: stamp, number, incarnation of the sender.
const realTimeHeader = 8 + 8 + 4

// Step implements [impl.Layer].
func (r *RealTime) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		*r = RealTime{Rules: r.Rules, cfg: r.cfg, epsilon: r.epsilon, delta: r.delta, incarnation: uint32(in.Num),
			stamp: -1, last: TimeKey{Stamp: -1}}
	case in.Kind == impl.Ready:
		r.due = 0
		r.arm(in.Now, out)
	case in.Kind == impl.Send && in.To == impl.Everyone:
		r.send(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		r.receive(in, out)
	case renews(in):
		r.change(in.View, out)
		out.Pass(in)
	case in.Kind == impl.TimerFired && in.Num == deliveryTimer:
		r.deliver(in.Now, out)
	case in.Kind == impl.TimerFired:
		r.acknowledge(in.Now, out)
	case in.Kind == impl.Acknowledged && r.owes(in.Ref, true):
		r.acknowledge(in.Now, out)
	default:
		if in.Kind == impl.Refused {
			r.owes(in.Ref, false)
		}
		out.Pass(in)
	}
}

func (r *RealTime) send(in impl.Input, out *impl.Effects) {
	r.stamp = max(in.Now, r.stamp+1, r.last.Stamp+1)
	r.sent++
	b := out.Extend(in.Body, realTimeHeader)
	h := b[len(in.Body):]
	binary.LittleEndian.PutUint64(h, uint64(r.stamp))
	binary.LittleEndian.PutUint64(h[8:], r.sent)
	binary.LittleEndian.PutUint32(h[16:], r.incarnation)
	ref := in.Ref
	if len(r.owed) == maxHeld { // the level below does not acknowledge
		ref = 0
	}
	if ref != 0 {
		r.owed = append(r.owed, timedAck{ref: ref, stamp: r.stamp})
	}
	out.Down(impl.Everyone, b, ref)
}

func (r *RealTime) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := impl.Cut(in.Body, realTimeHeader)
	if !ok {
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	}
	r.arrived++
	m := timedMessage{n: binary.LittleEndian.Uint64(h[8:]), body: body, flag: in.Flag, TimeKey: TimeKey{
		Stamp:  spec.Time(binary.LittleEndian.Uint64(h)),
		Origin: in.From, Life: binary.LittleEndian.Uint32(h[16:]), Arrival: r.arrived}}
	next := r.next.Of(int(m.Origin), r.cfg.Nodes, m.Life)
	switch {
	case next == nil:
		out.Note(impl.Stale, uint64(in.From), m.n)
	case m.n == 0 || m.Stamp < 0:
		out.Note(impl.Malformed, uint64(in.From), m.n)
	case m.n <= *next || r.holds(&m): // *next is the last that was delivered, or given up
		out.Note(impl.Duplicate, uint64(in.From), m.n)
	case len(r.held) >= maxHeld:
		out.Note(impl.Overflow, uint64(in.From), m.n)
	case r.Rules.Late(!r.Rules.Before(r.last, m.TimeKey)):
		out.Note(impl.Overdue, uint64(in.From), m.n)
		out.Gap(m.Origin, *next+1, m.n)
		*next = m.n
	default:
		i, _ := slices.BinarySearchFunc(r.held, m, func(a, b timedMessage) int {
			if r.Rules.Before(a.TimeKey, b.TimeKey) {
				return -1
			}
			return 1
		})
		r.held = slices.Insert(r.held, i, m)
		out.Note(impl.HeldBack, uint64(in.From), m.n)
		r.arm(in.Now, out)
	}
}

func (r *RealTime) holds(m *timedMessage) bool {
	return slices.ContainsFunc(r.held, func(x timedMessage) bool {
		return x.Origin == m.Origin && x.Life == m.Life && x.n == m.n
	})
}

// arm sets the timer for the first message. What is overdue waits for a timer too: a node that has stood still takes in
// all that has come meanwhile before it delivers any of it.
func (r *RealTime) arm(now spec.Time, out *impl.Effects) {
	if len(r.held) == 0 {
		return
	}
	if due := r.dueOf(&r.held[0]); r.due == 0 || due < r.due {
		r.due = due
		out.SetTimer(deliveryTimer, max(due, now))
	}
}

func (r *RealTime) dueOf(m *timedMessage) spec.Time {
	return max(1, r.Rules.Due(m.Stamp, r.delta, r.epsilon))
}

// deliver lets go of what the timer was set for, if the clock agrees.
func (r *RealTime) deliver(now spec.Time, out *impl.Effects) {
	due := min(r.due, now)
	r.due = 0
	n := 0
	for n < len(r.held) && r.dueOf(&r.held[n]) <= due {
		n++
	}
	if n < len(r.held) {
		r.due = r.dueOf(&r.held[n])
		out.SetTimer(deliveryTimer, max(r.due, now))
	}
	for i := range n {
		m := &r.held[i]
		next := r.next.Of(int(m.Origin), r.cfg.Nodes, m.Life)
		if *next+1 < m.n { // what is between them will not be delivered here any more
			out.Gap(m.Origin, *next+1, m.n-1)
		}
		*next = max(*next, m.n)
		r.last = m.TimeKey
		out.Add(impl.Effect{Kind: impl.Up, From: m.Origin, To: impl.Everyone, Body: m.body, Flag: m.flag})
	}
	r.held = slices.Delete(r.held, 0, n)
}

// owes notes that the level below has acknowledged a send, or refused it; false where nothing is owed for it.
func (r *RealTime) owes(ref impl.Ref, acknowledged bool) bool {
	i := slices.IndexFunc(r.owed, func(a timedAck) bool { return a.ref == ref })
	switch {
	case i < 0:
		return false
	case acknowledged:
		r.owed[i].below = true
	default:
		r.owed = slices.Delete(r.owed, i, i+1)
	}
	return true
}

// acknowledge tells the layer above of the sends that the level below has acknowledged and every clock has passed.
func (r *RealTime) acknowledge(now spec.Time, out *impl.Effects) {
	passed := func(a *timedAck) bool { return a.below && now > a.stamp+r.Rules.Waits(r.epsilon) }
	for i := range r.owed {
		if a := &r.owed[i]; a.below && !passed(a) { // the first has the smallest stamp
			out.SetTimer(ackTimer, a.stamp+r.Rules.Waits(r.epsilon)+1)
			break
		}
	}
	kept := r.owed[:0]
	for _, a := range r.owed {
		if passed(&a) {
			out.Acknowledge(a.ref)
		} else {
			kept = append(kept, a)
		}
	}
	r.owed = kept
}
