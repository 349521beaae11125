package ordering

import (
	"encoding/binary"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// TotalSeqServer is O6, total order with a number server (the third of the fixed sequencers of Défago, Schiper, Urbán,
// Total order broadcast and multicast algorithms, 2004: unicast-unicast-broadcast): who wants to multicast fetches a
// number first, and multicasts the message with it; all members deliver in the order of the numbers. It is neither FIFO
// nor causal by itself.
//
// The server is the first member.
//
//	to multicast m:                    r := r+1; ask the server for the number of request r; again after TS, 2TS, … TL
//	server, on request r of p:         if it is new: S := S+1; answer S. If it is not: answer what r was answered before
//	on the answer S:                   multicast ⟨m, S⟩
//	on receiving ⟨m, S⟩:                wait until S = R+1; deliver m, R := S
//
// Without faults a message is delivered after 3 packet delays, one of the server's own after 1, a packet to oneself
// counted as one. The server is
// linearizable: it is one node in one life, each request is answered with one number, and each number answers one
// request, of those who were told at all. The notes impl.NumberFetched and impl.NumberReceived say so, and what was
// fetched and not heard of any more may have been given. A server that comes back answers nobody, and is refused its sends: when it has crashed, the group stands
// still.
//
// Who fetches a number and crashes leaves a hole, behind which all hold back for ever (holes=block). The rule that fills
// it (holes=fill):
//
//	server, when the message of S, R < S, has not come TL after S was given: what lacks is asked for, lowest first:
//	                                   ask each member, and the one that S was given to, for S; again every TS
//	on being asked for S:              if I have the message of S, or have multicast it: answer "have"
//	                                   if I have asked for S and not used it: ask for another number instead of it
//	                                   from now on hold back a message of S, though S = R+1; answer "lack"
//	server, when all have answered "lack", or have been silent for TL:
//	                                   multicast ⟨no-op, S⟩: it is delivered in its turn, and is no message
//	server, on "have", or when the message comes:
//	                                   multicast ⟨free, S⟩; look again after TL, and then more and more rarely
//	on receiving ⟨free, S⟩:             hold the message of S back no longer
//
// Why that is safe: a no-op is ordered only when nobody who is asked has delivered the message of S, and from its answer
// on nobody will before the server has decided. So nobody who is waited for delivers the message and another the no-op.
// The premise: who has been silent for TL while it was asked is removed, and is never heard again. Where that is wrong,
// a cut or a pause lasts longer than TL or a node comes back from a log, the message of S may have been delivered by the
// removed one alone: agreement is lost, and the order has a hole there; but the order itself is never lost: each number
// has one message, and all deliver by number. The same hole is left by one who delivers what nobody else gets, and
// crashes, as levels that are not uniform allow; what it sent after that delivery is then delivered without it. "Have" brings no message: the level below does, if it gives agreement. If
// it does not, and the sender has crashed half way, those that lack the message stand still.
// A hole costs 2n packets to one node and one multicast, and TL and two packet delays; TL more where somebody is silent.
//
// It acknowledges when the level below has acknowledged the multicast of the message. What the level refuses is sent
// again after TS, for ever, since its number is taken; only what is refused because the sender is no member is refused
// to the application, and leaves a hole.
//
// Over a level that hands up again what its log has, members come to the same positions again. What is handed up is
// marked as the message was that came from below.
type TotalSeqServer struct {
	Rules SeqServerRules

	cfg         impl.Config
	holes       Holes
	incarnation uint32
	wanted      impl.Ring[wanted]        // own messages, by request
	places      impl.Ring[numberedPlace] // from the first that has not been delivered
	next        uint64                   // server: the number that the next request gets
	given       impl.Lives[answers]      // server: by who asked
	search      search                   // server
	errands     errands
	views       seqServerViews
}

// wanted is an own message that has been given a request.
type wanted struct {
	body   []byte // the message; when it has a number, the packet, until the level below has it for sure
	ref    impl.Ref
	number uint64 // 0: none yet
	errand uint64
	open   bool
	acked  bool // or nobody waits for it
	void   bool // the number of this request is worth nothing: the message has another request
	waits  bool // it has not been asked for
}

// answers are those to the requests of one sender in one life.
type answers struct {
	ring impl.Ring[uint64] // the number; 0: not asked yet; answerOver: its message or a no-op is delivered here
}

const answerOver = ^uint64(0)

// numberedPlace is a number, from the first not delivered on.
type numberedPlace struct {
	body   []byte
	origin spec.NodeID
	state  placeState
	again  bool
	sealed bool   // the server looks for it: it waits for its decision
	round  uint64 // … of that search

	asker       spec.NodeID // server: who has the number
	request     uint64
	incarnation uint32
	at          spec.Time // when it was given, or somebody was found that has its message
	tries       int       // how often somebody was found
}

type placeState uint8

const (
	absentPlace placeState = iota
	heldPlace
	noopPlace
)

// NewTotalSeqServer makes the layer of one node.
func NewTotalSeqServer(cfg impl.Config, holes Holes) *TotalSeqServer {
	return &TotalSeqServer{cfg: cfg, holes: holes, Rules: SeqServerRules{
		Numbers: func(cfg *impl.Config, incarnation uint32) bool { return cfg.Self == first(cfg) && incarnation == 0 },
		Answer: func(next, before uint64) (given, after uint64) {
			if before != 0 {
				return before, next
			}
			return next, next + 1
		},
		Turn:    func(n, next uint64) bool { return n == next },
		Rescan:  func(int) bool { return true },
		Fills:   func(holes Holes) bool { return holes == FillHoles },
		Overdue: func(cfg *impl.Config) time.Duration { return cfg.TL },
		Asks:    func() bool { return true },
		Holds:   func() bool { return true },
		Patient: func(silent spec.Time, cfg *impl.Config) bool { return silent < spec.Time(cfg.TL) },
		Base:    func(view, _ uint64) uint64 { return view },
		Renews:  func() bool { return true },
	}}
}

// Step implements [impl.Layer].
func (t *TotalSeqServer) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		views := t.views.afresh(&t.cfg)
		*t = TotalSeqServer{Rules: t.Rules, cfg: t.cfg, holes: t.holes, incarnation: uint32(in.Num), next: 1, views: views}
	case in.Kind == impl.Send && in.To == impl.Everyone:
		t.send(in, out)
	case in.Kind == impl.Send:
		sendTotalLetter(in, out)
	case in.Kind == impl.Packet:
		t.receive(in, out)
	case in.Kind == impl.TimerFired && in.Num == errandTimer:
		t.errands.fireIn(t.views.blocked, in.Now, &t.cfg, out)
	case in.Kind == impl.TimerFired:
		t.look(in.Now, out)
	case in.Kind == impl.Acknowledged && in.Ref&ownRef != 0:
		t.acknowledged(uint64(in.Ref&^ownRef), out)
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
	case in.Kind == impl.ViewChanged:
		t.views.any = true
		out.Pass(in)
	case privy(in): // of its own packets: what nobody can deliver is sent again, or skipped
	default:
		out.Pass(in)
	}
}

func (t *TotalSeqServer) serves() bool {
	if t.views.admitted {
		return t.Rules.Numbers(&t.cfg, 0)
	}
	return t.Rules.Numbers(&t.cfg, t.incarnation)
}

// send asks for a number. The server does not ask itself.
func (t *TotalSeqServer) send(in impl.Input, out *impl.Effects) {
	server := first(&t.cfg)
	if server < 0 || server == t.cfg.Self && !t.serves() {
		out.Refuse(in.Ref, impl.NotMember)
		return
	}
	if t.views.blocked {
		out.Refuse(in.Ref, impl.ViewChanging)
		return
	}
	if t.wanted.Len() >= totalReach {
		x := t.wanted.At(t.wanted.First())
		if x.errand != 0 || server == t.cfg.Self && t.full() {
			out.Refuse(in.Ref, impl.Overflow)
			return
		}
		t.finished(x) // the level below never acknowledges
	} else if server == t.cfg.Self && t.full() {
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	t.want(wanted{body: in.Body, ref: in.Ref, acked: in.Ref == 0}, in.Now, out)
}

// want makes a request of a message.
func (t *TotalSeqServer) want(x wanted, now spec.Time, out *impl.Effects) {
	x.open = true
	n, slot := t.wanted.Push()
	*slot = x
	t.fetch(n, now, out)
}

// fetch asks for the number of a request; in this view, which it names.
func (t *TotalSeqServer) fetch(n uint64, now spec.Time, out *impl.Effects) {
	slot := t.wanted.At(n)
	out.Note(impl.NumberFetched, t.call(n), 0)
	if server := first(&t.cfg); server != t.cfg.Self {
		b := totalHeader{position: t.views.base, n: n, incarnation: t.incarnation, origin: t.cfg.Self, kind: numRequest}.behind(nil, out)
		out.Down(server, b, 0)
		slot.errand = t.errands.add(errand{to: server, body: b}, now, &t.cfg, out)
		return
	}
	number := t.give(t.cfg.Self, t.incarnation, n, now, out)
	out.Note(impl.NumberReceived, t.call(n), number)
	t.use(n, number, out)
}

// call names a request in what is said of the number server.
func (t *TotalSeqServer) call(request uint64) uint64 {
	return uint64(t.incarnation)<<32 | request&(1<<32-1)
}

// use multicasts a message under its number.
func (t *TotalSeqServer) use(request, number uint64, out *impl.Effects) {
	x := t.wanted.At(request)
	t.errands.end(x.errand, first(&t.cfg))
	x.errand, x.number = 0, number
	h := totalHeader{position: number, n: request, incarnation: t.incarnation, origin: t.cfg.Self, kind: numData}
	x.body = h.behind(x.body, out)
	out.Down(impl.Everyone, x.body, ownRef|impl.Ref(request))
}

// finished lets go of a request that nothing more will come of.
func (t *TotalSeqServer) finished(x *wanted) {
	*x = wanted{}
	for t.wanted.Len() > 0 && !t.wanted.At(t.wanted.First()).open {
		t.wanted.Drop()
	}
}

func (t *TotalSeqServer) receive(in impl.Input, out *impl.Effects) {
	body, h, ok := openTotal(in, t.cfg.Nodes, out)
	if !ok {
		return
	}
	group := in.To == impl.Everyone
	server := in.From == first(&t.cfg)
	switch {
	case group && h.kind == numData:
		t.data(in, h, body, out)
	case group && (h.kind == numNoop || h.kind == numFree) && server:
		t.decided(in, h, out)
	case !group && h.kind == numRequest:
		t.answer(in, h, out)
	case !group && (h.kind == numHave || h.kind == numLack):
		t.reply(in, h, out)
	case !group && (h.kind == numAnswer || h.kind == numVoid) && server:
		t.told(in, h, out)
	case !group && h.kind == numAsk && server && len(body) == 8:
		t.lookedFor(in, h, binary.LittleEndian.Uint64(body), out)
	default:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
	}
}

// told hears the number of a request, or that it has none that is worth anything.
func (t *TotalSeqServer) told(in impl.Input, h totalHeader, out *impl.Effects) {
	if t.views.blocked { // it would be used in the next view
		out.Note(impl.Stale, uint64(in.From), h.n)
		return
	}
	x := t.wanted.At(h.n)
	if h.incarnation != t.incarnation || x == nil || !x.open || x.number != 0 || x.void {
		out.Note(impl.Duplicate, uint64(in.From), h.n)
		return
	}
	if h.kind == numAnswer {
		out.Note(impl.NumberReceived, t.call(h.n), h.position)
	}
	p := t.places.At(h.position)
	if h.kind == numVoid || p != nil && p.sealed || h.position < t.places.First() {
		t.again(h.n, in.Now, out)
		return
	}
	t.use(h.n, h.position, out)
}

// again asks for another number instead of one that has not been used and never will be.
func (t *TotalSeqServer) again(request uint64, now spec.Time, out *impl.Effects) {
	x := t.wanted.At(request)
	t.errands.end(x.errand, first(&t.cfg))
	m := wanted{body: x.body, ref: x.ref, acked: x.acked}
	*x = wanted{open: true, void: true} // who asks for the number is told that it was not used
	t.want(m, now, out)
}

// data takes a message with its number in.
func (t *TotalSeqServer) data(in impl.Input, h totalHeader, body []byte, out *impl.Effects) {
	if in.From == t.cfg.Self && h.incarnation == t.incarnation {
		t.returned(h.n)
	}
	p := t.places.Reach(h.position)
	switch {
	case p == nil && h.position >= t.places.First():
		out.Note(impl.Overflow, uint64(in.From), h.position)
		return
	case p == nil || p.state != absentPlace:
		out.Note(impl.Duplicate, uint64(in.From), h.position)
		return
	}
	p.body, p.origin, p.state, p.again = notNil(body), in.From, heldPlace, in.Flag
	t.found(h.position, in.Now, out)
	t.deliver(h.position, out)
}

// returned knows that the level below has an own message.
func (t *TotalSeqServer) returned(request uint64) {
	if x := t.wanted.At(request); x != nil && x.open && x.number != 0 {
		if x.body = nil; x.acked {
			t.finished(x)
		}
	}
}

// deliver delivers what is next and what is held back behind it. What has just come is held back where that is nothing.
func (t *TotalSeqServer) deliver(n uint64, out *impl.Effects) {
	mark := len(out.List)
	if p := t.places.At(n); n != t.places.First() && p != nil && p.state == heldPlace && t.Rules.Turn(n, t.places.First()) {
		out.UpAt(p.origin, p.body, n, p.again)
		p.body, p.state = nil, noopPlace
	}
	passed := 0
	for ; passed == 0 || t.Rules.Rescan(passed); passed++ {
		n := t.places.First()
		p := t.places.At(n)
		if p == nil || p.state == absentPlace || p.sealed {
			break
		}
		x := *p
		*p = numberedPlace{}
		t.places.Drop()
		t.settle(&x)
		if x.state == heldPlace {
			out.UpAt(x.origin, x.body, n, x.again)
		}
	}
	if len(out.List) == mark && passed == 0 {
		out.Note(impl.HeldBack, uint64(t.cfg.Self), n)
	}
}

// acknowledged hears that the level below has acknowledged an own message.
func (t *TotalSeqServer) acknowledged(request uint64, out *impl.Effects) {
	x := t.wanted.At(request)
	if x == nil || !x.open || x.number == 0 || x.acked {
		return
	}
	ref := x.ref
	t.finished(x)
	out.Acknowledge(ref)
}

// refused lets what the level below did not take go down again: its number is taken.
func (t *TotalSeqServer) refused(in impl.Input, out *impl.Effects) {
	request := uint64(in.Ref &^ ownRef)
	if request&decision != 0 {
		t.decideAgain(in, out)
		return
	}
	x := t.wanted.At(request)
	if x == nil || !x.open || x.number == 0 || x.body == nil {
		return
	}
	out.Note(in.Code, uint64(t.cfg.Self), request)
	if in.Code != impl.NotMember {
		t.errands.add(errand{to: impl.Everyone, body: x.body, ref: in.Ref, once: true}, in.Now, &t.cfg, out)
		return
	}
	ref, asked := x.ref, !x.acked
	*x = wanted{open: true, void: true}
	if asked {
		out.Refuse(ref, in.Code)
	}
}
