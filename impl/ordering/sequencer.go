package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// TotalSequencer is O5, total order with a sequencer (Coulouris et al., Distributed Systems, "Total ordering using a
// sequencer"; the fixed sequencers of Défago, Schiper, Urbán, Total order broadcast and multicast algorithms, 2004): all
// members deliver in one order, that in which messages reach the sequencer. It is neither FIFO nor causal by itself.
//
// The sequencer is the first member. Form bb, broadcast-broadcast:
//
//	to multicast m:                       i := i+1; multicast ⟨m, i⟩
//	sequencer, on receiving ⟨m, i⟩ of p:   S := S+1; multicast ⟨order, p, i, S⟩
//	on receiving ⟨m, i⟩ of p:              hold m back
//	on receiving ⟨order, p, i, S⟩:         wait until S = R+1 and ⟨m, i⟩ of p is here; deliver m, R := S
//
// Form ub, unicast-broadcast:
//
//	to multicast m:                       i := i+1; send ⟨m, i⟩ to the sequencer; again after TS, 2TS, … TL, until it is taken
//	sequencer, on receiving ⟨m, i⟩ of p:   if it is new: S := S+1; multicast ⟨m, p, i, S⟩
//	                                      if it is not, or p is no member: tell p that it is taken
//	on receiving ⟨m, p, i, S⟩:             wait until S = R+1; deliver m, R := S
//
// Without faults a message is delivered after 2 packet delays, a packet to oneself counted as one; in ub the sequencer's
// own after 1.
//
// Who sends m′ after having delivered m gets the greater number for m′, so that the order is local (Hadzilacos & Toueg,
// 1994); in bb, over a level that keeps each sender's order, it is therefore causal.
//
// The sender need not be a member. One total order rests on numbers being given once, by one node in one life: nobody
// else's count, and a sequencer that comes back gives none, and is refused its sends. So when the sequencer has crashed
// the group stands still. Nothing of what the level below promises is weakened but by that; what it does not promise may
// stop the members that lack something: behind a number or a message that was lost they hold back everything.
//
// What the level refuses of the sequencer's numbered packets is sent again after TS, for ever: a number that nobody
// uses would stop all.
//
// It acknowledges when the level below has acknowledged the multicast of the message: in bb the sender's, in ub the
// sequencer's, of which the sender is told until it has said that it knows, for at most twice TL. In ub a sender never
// hears of a refusal by the level.
//
// Over a level that hands up again what its log has, members come to the same positions again. What is handed up is
// marked as the message was that came from below. In form bb a sequencer that is handed its log again goes on numbering:
// see [TotalSequencer.Replayed].
type TotalSequencer struct {
	Rules SequencerRules

	// Replayed says that the level below hands up again, after a recovery, everything that it ever handed up, in the
	// same order, and then tells what of this node's is still under way.
	Replayed bool

	cfg         impl.Config
	form        Form
	incarnation uint32
	sent        uint64                  // bb
	streams     impl.Lives[arrivals]    // bb: by sender
	places      impl.Ring[place]        // from the first that has not been delivered
	asked       impl.Ring[asked]        // ub: by number of the message, those that have no answer yet
	requests    impl.Lives[impl.Window] // ub, sequencer: what has been taken
	next        uint64                  // sequencer: the position that the next message gets
	issued      impl.Ring[issue]        // sequencer: by position
	errands     errands

	configured []spec.NodeID
	admitted   bool          // by a view, in this life
	base       uint64        // behind which the positions of the view begin
	blocked    bool          // a view ends
	unnumbered []totalHeader // sequencer, bb: what has come meanwhile
	comeback   *comeback     // as long as what an earlier life received is handed up again
}

// arrivals are what one sender has sent in one life, from the first message that has not been delivered.
type arrivals struct {
	held impl.Ring[arrival]
}

type arrival struct {
	body  []byte // nil: it has not come, or is over
	again bool
	void  bool // the level has withdrawn it
	over  bool // delivered, or passed over
}

// place is a position in the order. In bb the message is with its sender's.
type place struct {
	body        []byte
	n           uint64
	incarnation uint32
	origin      spec.NodeID
	known       bool // who has it
	again       bool
	void        bool
}

// asked is an own message that the sequencer was asked to number.
type asked struct {
	ref    impl.Ref
	errand uint64 // 0: it has been taken
	body   []byte // until it has come back
	open   bool
	back   bool // it has come back
	waits  bool // it has not been asked
}

// issue is a number that the sequencer has given.
type issue struct {
	packet      []byte // until the level below has it for sure
	ref         impl.Ref
	n           uint64
	incarnation uint32
	origin      spec.NodeID
	urgent      bool // somebody waits for the acknowledgement
	open        bool
}

// NewTotalSequencer makes the layer of one node.
func NewTotalSequencer(cfg impl.Config, form Form) *TotalSequencer {
	return &TotalSequencer{cfg: cfg, configured: cfg.Members, form: form, Rules: SequencerRules{
		Numbers: func(cfg *impl.Config, incarnation uint32) bool { return cfg.Self == first(cfg) && incarnation == 0 },
		Follows: func(cfg *impl.Config, from spec.NodeID) bool { return from == first(cfg) },
		Number: func(next uint64, again bool) (given, after uint64) {
			if again {
				return 0, next
			}
			return next, next + 1
		},
		Absent:   func() Absence { return Wait },
		Rescan:   func(int) bool { return true },
		Base:     func(view, _ uint64) uint64 { return view },
		Rest:     func() bool { return true },
		Renews:   func() bool { return true },
		Stops:    func(blocked bool) bool { return blocked },
		Presents: func(asked, view uint64) bool { return asked == view },
		Again:    func(next, position uint64) uint64 { return max(next, position+1) },
		Lapses:   func() bool { return true },
	}}
}

// Step implements [impl.Layer].
func (t *TotalSequencer) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		t.cfg.Members = t.configured
		*t = TotalSequencer{Rules: t.Rules, Replayed: t.Replayed, cfg: t.cfg, configured: t.configured, form: t.form,
			incarnation: uint32(in.Num), next: 1}
		t.comeBack()
	case in.Kind == impl.Send && in.To == impl.Everyone:
		t.send(in, out)
	case in.Kind == impl.Send:
		sendTotalLetter(in, out)
	case in.Kind == impl.Packet:
		t.receive(in, out)
	case t.form == BB && in.Kind == impl.GapFound && len(in.Body) > 0:
		in.To = impl.Everyone
		t.receive(in, out)
	case t.form == UB && privy(in): // of packets with a number, which are sent again
	case in.Kind == impl.Resumed:
		t.resume(in, out)
	case in.Kind == impl.TimerFired:
		t.errands.fireIn(t.blocked, in.Now, &t.cfg, out)
	case in.Kind == impl.Acknowledged && in.Ref&ownRef != 0:
		t.acknowledged(uint64(in.Ref&^ownRef), in.Now, out)
	case in.Kind == impl.Refused && in.Ref&ownRef != 0:
		t.refused(in, out)
	case in.Kind == impl.Suspected || in.Kind == impl.Trusted:
		t.errands.suspect(in, &t.cfg, out)
		out.Pass(in)
	case in.Kind == impl.Blocked || in.Kind == impl.Unblocked:
		t.block(in.Kind == impl.Blocked, in.Now, out)
		out.Pass(in)
	case renews(in):
		t.change(in.View, in.Now, out)
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

func (t *TotalSequencer) numbers() bool {
	if t.admitted || t.Replayed && t.form == BB {
		return t.Rules.Numbers(&t.cfg, 0)
	}
	return t.Rules.Numbers(&t.cfg, t.incarnation)
}

func (t *TotalSequencer) send(in impl.Input, out *impl.Effects) {
	sequencer := first(&t.cfg)
	switch {
	case sequencer < 0, t.cfg.Self == sequencer && !t.numbers():
		out.Refuse(in.Ref, impl.NotMember)
	case t.blocked:
		out.Refuse(in.Ref, impl.ViewChanging)
	case t.form == UB:
		t.request(in, sequencer, out)
	default:
		t.sent++
		h := totalHeader{n: t.sent, incarnation: t.incarnation, origin: t.cfg.Self, kind: seqData}
		out.Down(impl.Everyone, h.behind(in.Body, out), in.Ref)
	}
}

func (t *TotalSequencer) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := openTotal(in, t.cfg.Nodes, out)
	if !ok {
		return
	}
	group, bb := in.To == impl.Everyone, t.form == BB
	switch {
	case group && bb && h.kind == seqData:
		t.data(in, h, body, out)
	case group && bb && h.kind == seqOrder, group && !bb && h.kind == seqNumbered:
		t.order(in, h, body, out)
	case !group && !bb && (h.kind == seqRequest || h.kind == seqUrgent):
		t.take(in, h, body, out)
	case !group && !bb && (h.kind == seqTaken || h.kind == seqDone || h.kind == seqHeard):
		t.told(in, h, out)
	default:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	}
}

// data takes a message in that its sender has multicast, and lets the sequencer number it.
func (t *TotalSequencer) data(in impl.Input, h totalHeader, body []byte, out *impl.Effects) {
	s := t.streams.Of(int(in.From), t.cfg.Nodes, h.incarnation)
	if s == nil {
		out.Note(impl.Stale, uint64(in.From), h.n)
		return
	}
	m := s.held.Reach(h.n)
	if m == nil && h.n >= s.held.First() {
		out.Note(impl.Overflow, uint64(in.From), h.n)
		return
	}
	again := m == nil || m.body != nil || m.over
	if t.numbers() {
		if h.origin, h.kind = in.From, seqOrder; !t.Rules.Stops(t.blocked) && t.comeback == nil {
			t.number(h, nil, again, out)
		} else if !again {
			t.unnumbered = append(t.unnumbered, h)
		}
	}
	late := m != nil && m.over && t.Rules.Absent() == Late
	if again {
		out.Note(impl.Duplicate, uint64(in.From), h.n)
	}
	switch {
	case late:
		out.UpAgain(in.From, impl.Everyone, body, in.Flag)
	case !again:
		m.body, m.again, m.void = notNil(body), in.Flag, in.Kind == impl.GapFound
		t.deliver(in.From, h.n, out)
	}
}

// number gives a message the next position, once, and tells the group.
func (t *TotalSequencer) number(h totalHeader, body []byte, again bool, out *impl.Effects) *issue {
	h.position, t.next = t.Rules.Number(t.next, again)
	if h.position == 0 {
		return nil
	}
	return t.issue(h, body, out)
}

// issue tells the group what position a message has.
func (t *TotalSequencer) issue(h totalHeader, body []byte, out *impl.Effects) *issue {
	for t.issued.Len() > 0 && h.position-t.issued.First() >= 2*totalReach { // whose acknowledgement never came
		*t.issued.At(t.issued.First()) = issue{}
		t.issued.Drop()
	}
	x := t.issued.Reach(h.position)
	if x == nil { // so old that nobody waits for it
		out.Note(impl.Overflow, uint64(t.cfg.Self), h.position)
		return nil
	}
	packet := h.behind(body, out)
	*x = issue{packet: packet, n: h.n, incarnation: h.incarnation, origin: h.origin, open: true}
	out.Down(impl.Everyone, packet, ownRef|impl.Ref(h.position))
	return x
}

// over lets go of an issued number that nobody waits for any more.
func (t *TotalSequencer) over(x *issue) {
	if x != nil {
		*x = issue{}
	}
	for t.issued.Len() > 0 && !t.issued.At(t.issued.First()).open {
		t.issued.Drop()
	}
}

// order takes a position in; in ub with its message.
func (t *TotalSequencer) order(in impl.Input, h totalHeader, body []byte, out *impl.Effects) {
	if !t.Rules.Follows(&t.cfg, in.From) {
		out.Note(impl.Forged, uint64(in.From), h.position)
		return
	}
	if t.given(h, in.Kind == impl.GapFound) {
		return
	}
	if in.From == t.cfg.Self {
		if x := t.issued.At(h.position); x != nil && x.open {
			x.packet = nil // what has come back has been taken
			if !x.urgent {
				t.over(x)
			}
		}
	}
	if t.form == UB && h.origin == t.cfg.Self && h.incarnation == t.incarnation {
		t.taken(h.n, true)
	}
	p := t.places.Reach(h.position)
	switch {
	case p == nil && h.position >= t.places.First():
		out.Note(impl.Overflow, uint64(in.From), h.position)
		return
	case p == nil || p.known:
		out.Note(impl.Duplicate, uint64(in.From), h.position)
		return
	}
	*p = place{n: h.n, incarnation: h.incarnation, origin: h.origin, known: true, again: in.Flag}
	if t.form == UB {
		p.body = notNil(body)
	}
	t.deliver(in.From, h.position, out)
}

// deliver delivers what is next, and is here, and what is held back behind it. What has just come of somebody is held
// back where that is nothing.
func (t *TotalSequencer) deliver(from spec.NodeID, n uint64, out *impl.Effects) {
	passed := 0
	for ; passed == 0 || t.Rules.Rescan(passed); passed++ {
		position := t.places.First()
		p := t.places.At(position)
		if p == nil || !p.known {
			break
		}
		x := *p
		if t.form == BB && !t.fetch(&x) {
			break
		}
		*p = place{}
		t.places.Drop()
		switch {
		case x.void:
			handUp(x.origin, x.body, x.again, true, out)
		case x.body != nil:
			out.UpAt(x.origin, x.body, position, x.again)
		}
	}
	if passed == 0 {
		out.Note(impl.HeldBack, uint64(from), n)
	}
}

// fetch completes a position with its message; false where that must come first. A message that has been delivered
// leaves nothing.
func (t *TotalSequencer) fetch(p *place) bool {
	s := t.streams.Of(int(p.origin), t.cfg.Nodes, p.incarnation)
	if s == nil {
		return false
	}
	m := s.held.Reach(p.n)
	switch {
	case m == nil && p.n < s.held.First():
		return true
	case m == nil || !m.over && m.body == nil && t.Rules.Absent() == Wait:
		return false
	}
	p.body, p.again, p.void = m.body, m.again, m.void
	*m = arrival{over: true}
	if t.Rules.Absent() == Late {
		return true // what is passed over must be known when it comes
	}
	for s.held.Len() > 0 && s.held.At(s.held.First()).over {
		*s.held.At(s.held.First()) = arrival{}
		s.held.Drop()
	}
	return true
}

// acknowledged hears that the level below has acknowledged a numbered packet.
func (t *TotalSequencer) acknowledged(position uint64, now spec.Time, out *impl.Effects) {
	x := t.issued.At(position)
	if x == nil || !x.open {
		return
	}
	i := *x
	t.over(x)
	switch {
	case !i.urgent:
	case i.origin == t.cfg.Self:
		out.Acknowledge(i.ref)
	default:
		h := totalHeader{position: t.errands.number(), n: i.n, incarnation: i.incarnation, origin: i.origin, kind: seqDone}
		b := h.behind(nil, out)
		out.Down(i.origin, b, 0)
		t.errands.add(errand{to: i.origin, body: b, until: now + 2*spec.Time(t.cfg.TL)}, now, &t.cfg, out)
	}
}

// refused lets a numbered packet that the level below did not take go down again: nobody can deliver what is behind it.
func (t *TotalSequencer) refused(in impl.Input, out *impl.Effects) {
	x := t.issued.At(uint64(in.Ref &^ ownRef))
	if x != nil && x.open && x.packet != nil {
		out.Note(in.Code, uint64(t.cfg.Self), uint64(in.Ref&^ownRef))
		t.errands.add(errand{to: impl.Everyone, body: x.packet, ref: in.Ref, once: true}, in.Now, &t.cfg, out)
	}
}
