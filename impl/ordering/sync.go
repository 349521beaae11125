package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Sync is O3, a barrier across the messages of a group: what a synchronisation variable is to a weakly consistent memory
// (Dubois, Scheurich, Briggs, "Memory access buffering in multiprocessors", 1986), said of deliveries. It stands above
// any other ordering, and adds four readings of the word to it:
//
//	of the sender   what I sent before my barrier, everyone delivers before what I send after it
//	a cut           every message is on the same side of each barrier everywhere, and all barriers have one order
//	causal          what happened before my barrier, everyone delivers before it, and it before what happens after it
//	blocking        the sync returns when all that was in flight is delivered everywhere
//
// All messages are numbered, and a barrier says up to which number it waits for those of each sender:
//
//	of the sender   the barrier says how many I have sent, and my messages how many barriers are before them; those
//	                with more than have taken effect here are held back
//	a cut           the first member gives all barriers their order, and flushes for one at a time: on its word each
//	                member stops sending, the caller has since its call, and tells all how many it has sent; when all
//	                of these are delivered, the barrier takes effect, and what has been sent meanwhile goes out, marked
//	                as behind it
//	causal          the barrier says up to which message of each sender I have delivered, or know that somebody had whose
//	                message I have delivered, and how many barriers of each have taken effect here; messages say both
//	                too; what has not come yet holds the barrier back, and a barrier that has not the messages
//	blocking        on my word each member tells all how many it has sent; each that has delivered them all says so, and
//	                when everyone has the sync returns; nobody stops sending
//
// A cut is also causal, and a causal barrier is also one of the sender. A blocking one is causal in that the past is
// delivered before it; what is sent after its call may come before it, as a caller is expected to wait.
//
// Each reading says to the group what it has to say: that is what the level below does best. A barrier takes effect at
// each member once, with a note (impl.BarrierPassed), and where it does so at its caller the sync returns; the blocking
// one returns when it has taken effect everywhere.
//
// Nobody is taken for failed. A member that crashes, or a message that is lost, stops the barriers that wait for it for
// good, and with a cut all sends too: the premises are a level that loses nothing, and that nobody crashes. Otherwise
// the order is kept, and some are not delivered. For all readings but the first the group is closed, and a member that
// comes back without its memory is none any more: what it sends is refused.
type Sync struct {
	Rules SyncRules

	cfg         impl.Config
	reading     Reading
	incarnation uint32
	me          int // among the members; -1 is none
	sent        uint64
	calls       impl.Ring[syncCall] // the barriers that I have called, from the first that has not returned
	back        uint64              // up to which they have returned
	streams     impl.Lives[syncStream]
	held        []syncPacket // messages
	barriers    barriers
	queue       []syncSend // what has to wait
	armed       bool
	views       syncViews

	came, mine syncPacket // the packet that is taken in, and the one that goes out: their memory

	up       []impl.Effect // what is delivered in this step
	returned []impl.Ref    // … and the syncs that return
}

// barriers is a reading.
type barriers interface {
	mark(p *syncPacket)                                     // writes into a message or a barrier of mine what it has before it
	busy() bool                                             // whether what this process sends and calls has to wait
	take(p *syncPacket, out *impl.Effects) (code impl.Code) // what others say of barriers; the code says why it is discarded
	deliverable(p *syncPacket) bool
	delivered(p *syncPacket)
	ready() bool            // whether a barrier can take effect, which then is the next
	pass(out *impl.Effects) // it does
}

// Reading says what a barrier means.
type Reading uint8

// The readings.
const (
	OfSender Reading = iota
	Cut
	CausalBarrier
	Blocking
)

// SyncRules are the rules that a barrier rests on.
type SyncRules struct {
	Counts   func(sent uint64) uint64       // how many of its messages a process says are before a barrier
	Complete func(got, counted uint64) bool // whether all that were counted have been delivered
	Holds    func(sender spec.NodeID) bool  // whether what is behind a barrier waits for it
	Stops    func() bool                    // whether a member stops sending for a cut
	Everyone func(members, done int) bool   // whether all have said that they have delivered what was in flight
	Again    func(r Reading) bool           // whether a barrier that is open when a view ends is called again in the next
}

// syncStream is what has come of one life of a process.
type syncStream struct {
	got    impl.Window // messages that were delivered
	passed uint64      // barriers that took effect here, in this view
	base   uint64      // … that ended before it
}

// upTo gives the number up to which all messages were delivered.
func (t *syncStream) upTo() uint64 { return t.got.First() - 1 }

// NewSync makes the layer of one node.
func NewSync(cfg impl.Config, reading Reading) *Sync {
	return &Sync{cfg: cfg, reading: reading, Rules: SyncRules{
		Counts:   func(sent uint64) uint64 { return sent },
		Complete: func(got, counted uint64) bool { return got >= counted },
		Holds:    func(spec.NodeID) bool { return true },
		Stops:    func() bool { return true },
		Everyone: func(members, done int) bool { return done == members },
		Again:    func(r Reading) bool { return r == Blocking },
	}}
}

// syncTimer lets a barrier take effect in a step of its own.
const syncTimer = 0

// Step implements [impl.Layer].
func (s *Sync) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		views := s.views.afresh(&s.cfg)
		*s = Sync{Rules: s.Rules, cfg: s.cfg, reading: s.reading, incarnation: uint32(in.Num), me: s.cfg.Index(s.cfg.Self), views: views}
		s.barriers = s.newBarriers()
	case in.Kind == impl.Send && in.To == impl.Everyone, in.Kind == impl.Barrier:
		s.send(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		s.receive(in, out)
	case in.Kind == impl.TimerFired:
		s.armed = false
		s.drain(true, in.Now, out)
	case in.Kind == impl.Blocked || in.Kind == impl.Unblocked:
		s.block(in.Kind == impl.Blocked, out)
		out.Pass(in)
	case renews(in):
		s.change(in.View, out)
		out.Pass(in)
	default:
		out.Pass(in)
	}
}

func (s *Sync) newBarriers() barriers {
	switch s.reading {
	case Cut:
		return &cutBarriers{Sync: s}
	case Blocking:
		return &blockingBarriers{Sync: s}
	case CausalBarrier:
		n := len(s.cfg.Members)
		return &causalBarriers{fences: fences{Sync: s}, past: make([]uint32, n), mine: make(Stamp, 8*n)}
	}
	return &senderBarriers{fences{Sync: s}}
}

// mayTake says whether one has a part in barriers.
func (s *Sync) mayTake(member int, life uint32) bool {
	return s.reading == OfSender || member >= 0 && (life == 0 || s.views.admitted)
}

// syncCall is a barrier that I have called.
type syncCall struct {
	ref  impl.Ref
	over bool // it has returned
}

// syncSend is a message, or a barrier, that waits for its turn.
type syncSend struct {
	body    []byte
	ref     impl.Ref
	barrier bool
}

// send lets a message go, or a barrier begin, now or when those before it have; a non-member's sync has nothing to wait
// for.
func (s *Sync) send(in impl.Input, out *impl.Effects) {
	x := syncSend{in.Body, in.Ref, in.Kind == impl.Barrier}
	switch {
	case !s.mayTake(s.me, s.incarnation):
		out.Refuse(in.Ref, impl.NotMember)
	case len(s.queue) >= maxHeld, x.barrier && s.calls.Len() >= maxHeld: // barriers that never return
		out.Refuse(in.Ref, impl.Overflow)
	case len(s.queue) == 0 && !s.views.blocked && !s.barriers.busy():
		s.goes(x, out)
		if x.barrier && s.me < 0 {
			s.over(s.calls.Last())
			out.Finish(in.Ref, nil)
		}
	default:
		s.queue = append(s.queue, x)
	}
}

// release lets go what has waited for its turn, as far as it has come.
func (s *Sync) release(out *impl.Effects) {
	for len(s.queue) > 0 && !s.views.blocked && !s.views.ending && !s.barriers.busy() {
		x := s.queue[0]
		s.queue = slices.Delete(s.queue, 0, 1)
		s.goes(x, out)
	}
}

// goes numbers a message or a barrier, and marks it with the barriers before it.
func (s *Sync) goes(x syncSend, out *impl.Effects) {
	p := &s.mine
	*p = syncPacket{kind: syncData, n: s.sent + 1, body: x.body}
	if x.barrier {
		p.kind, p.n, p.a, p.b = syncBarrier, s.calls.Last()+1-s.views.base, s.Rules.Counts(s.sent), s.views.base
	}
	s.barriers.mark(p)
	if x.barrier {
		_, call := s.calls.Push()
		*call = syncCall{ref: x.ref}
		s.tell(*p, out)
		return
	}
	s.sent++
	out.Down(impl.Everyone, s.seal(p, out), x.ref)
}

// tell says something of a barrier to all.
func (s *Sync) tell(p syncPacket, out *impl.Effects) {
	switch {
	case s.views.ending:
	case s.views.blocked:
		p.vector = slices.Clone(p.vector)
		s.views.untold = append(s.views.untold, p)
	default:
		out.Down(impl.Everyone, s.seal(&p, out), 0)
	}
}

// stream gives what has come of a life of a process.
func (s *Sync) stream(node spec.NodeID, life uint32) *syncStream {
	return s.streams.Of(int(node), s.cfg.Nodes, life)
}

// of gives what has come of a member.
func (s *Sync) of(member int) *syncStream {
	m := s.cfg.Members[member]
	return s.stream(m, s.lifeOf(m))
}

func (s *Sync) receive(in impl.Input, out *impl.Effects) {
	p := &s.came
	var code impl.Code
	*p, code = s.parse(in)
	if code == impl.NoCode {
		if s.views.lives[p.from] = p.life; p.kind == syncData {
			code = s.hold(p)
		} else {
			code = s.barriers.take(p, out)
		}
	}
	if code != impl.NoCode {
		out.Note(code, uint64(in.From), p.n)
		return
	}
	kept := len(s.held)
	s.drain(false, in.Now, out)
	if p.kind == syncData && len(s.held) == kept {
		out.Note(impl.HeldBack, uint64(in.From), p.n)
	}
}

// hold puts a message to those that are held back, if it is new.
func (s *Sync) hold(p *syncPacket) impl.Code {
	if s.stream(p.from, p.life).got.Has(p.n) {
		return impl.Duplicate
	}
	for i := range s.held {
		if q := &s.held[i]; q.from == p.from && q.life == p.life && q.n == p.n {
			return impl.Duplicate
		}
	}
	if len(s.held) >= maxHeld {
		return impl.Overflow
	}
	s.held = append(s.held, *p)
	return impl.NoCode
}

// drain delivers what can be delivered, oldest first, until nothing more can be done. Barriers take effect in steps of
// their own, before anything is delivered: elsewhere in the stack what is delivered waits in a queue, and a note would
// overtake it.
func (s *Sync) drain(fired bool, now spec.Time, out *impl.Effects) {
	for again := true; again; {
		switch {
		case !s.barriers.ready():
			again = s.deliver()
		case fired && len(s.up) == 0:
			s.barriers.pass(out)
		default:
			if again = false; !s.armed {
				s.armed = true
				out.SetTimer(syncTimer, now)
			}
		}
	}
	s.release(out)
	for i := range s.up {
		out.Add(s.up[i])
	}
	for _, ref := range s.returned {
		out.Finish(ref, nil)
	}
	clear(s.up)
	s.up, s.returned = s.up[:0], s.returned[:0]
}

// deliver delivers the oldest message that can be; false where there is none.
func (s *Sync) deliver() bool {
	for i := range s.held {
		p := &s.held[i]
		if s.Rules.Holds(p.from) && !s.barriers.deliverable(p) {
			continue
		}
		s.stream(p.from, p.life).got.Add(p.n)
		s.barriers.delivered(p)
		s.up = append(s.up, impl.Effect{Kind: impl.Up, From: p.from, To: impl.Everyone, Body: p.body, Flag: p.flag})
		s.held = slices.Delete(s.held, i, i+1)
		return true
	}
	return false
}

// passed lets barrier n of a process take effect here.
func (s *Sync) passed(origin spec.NodeID, life uint32, n uint64, out *impl.Effects) {
	x := s.stream(origin, life)
	if x.passed++; !s.views.ending {
		out.Note(impl.BarrierPassed, uint64(life)<<32|uint64(uint32(origin)), n+x.base)
	}
}

// returns lets my sync n of this view return.
func (s *Sync) returns(n uint64) {
	n += s.views.base
	if x := s.calls.At(n); x != nil && !x.over {
		s.returned = append(s.returned, x.ref)
		s.back = max(s.back, n)
		s.over(n)
	}
}

// over forgets a barrier of mine.
func (s *Sync) over(n uint64) {
	s.calls.At(n).over = true
	for s.calls.Len() > 0 && s.calls.At(s.calls.First()).over {
		s.calls.Drop()
	}
}
