package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Kaashoek is O9, the group communication of the Amoeba system (Kaashoek & Tanenbaum, "Group communication in the
// Amoeba distributed operating system", ICDCS 1991): "reliable, totally-ordered" broadcast over hardware that carries
// one packet to many and may lose it, with one packet to a sequencer and one from it as long as nothing is lost, and
// without an acknowledgement a receiver. The sequencer is the first member.
//
//	to multicast m:            send the request ⟨m, n⟩ to the sequencer, again every TS, until m comes back numbered;
//	                           only then send the next one
//	sequencer, on ⟨m, n⟩ of p: n has been numbered: send that again
//	                           the history is full: do nothing, and ask all what they have; p will ask again
//	                           else number it S := S+1, keep it in the history, multicast ⟨m, S⟩
//	on receiving ⟨m, S⟩:       S = R+1: R := S, deliver m, and what is held back behind it
//	                           S ≤ R:   discard m
//	                           S > R+1: hold m back, and ask the sequencer for what is missing, again every TS
//	whatever a member sends carries its R; one that has nothing to send tells it after TS, or when it is asked
//	what all members have leaves the history
//	while somebody has not all, the sequencer says every TS how far it has come, and asks for each R
//	a member that owes its R for TL is removed: the history does not wait for it, and it is suspected
//
// This is the method PB: point to point, then broadcast. With BB the sender itself multicasts m, and the sequencer
// multicasts a short ⟨accept p, n, S⟩: for long messages half of the bytes.
//
// It brings its own reliability, checksums included, and stands best on a level that does nothing; a better level is
// no help, and no hurt. While the sequencer lives, what anyone delivers all correct members deliver, that were not
// removed, in one order (uniform); as a sender waits for its last message before it asks for the next, that order is
// also causal. When the sequencer crashes, or comes back without its memory, the group stands still, whoever notices
// suspects it, and what only some have got the others never get.
//
// The history is a buffer of a fixed size, and a full one holds the senders up: each keeps as many messages waiting as
// the history has places, and is then refused more with overflow. Nothing that was taken is dropped. One that was
// removed and is heard again goes on; what it missed and nobody keeps any longer is announced as a gap, in the numbers
// of the order, and of every member, as nobody knows any more whose it was.
//
// Messages to one node have a checksum, and no more than that. It acknowledges when the sender has delivered its own
// message: its place is fixed, and every correct member delivers it there while the sequencer lives.
type Kaashoek struct {
	Rules KaashoekRules

	cfg       impl.Config
	method    KaashoekMethod
	history   int // places
	sequencer spec.NodeID

	incarnation uint32
	me          int // among the members; -1 is none
	due         spec.Time
	member      kaashoekMember
	desk        kaashoekDesk

	waiting impl.Ring[kaashoekWaiting] // my messages that have not come back, by number
	asked   spec.Time                  // when the first of them was last sent
	tries   int

	ready []kaashoekMessage // what is delivered in this step
	acks  []impl.Ref        // … acknowledged
	doubt []impl.Effect     // … suspected or trusted
	views kaashoekViews
}

// KaashoekMethod says how a message reaches the members.
type KaashoekMethod uint8

// The methods of the paper.
const (
	SequencerMulticasts KaashoekMethod = iota // the sequencer multicasts message and number
	SenderMulticasts                          // the sender multicasts the message, the sequencer its number
)

// KaashoekHistory is how many places the history has where nothing else is said.
const KaashoekHistory = 128

// KaashoekRules are the rules that the promises rest on.
type KaashoekRules struct {
	Full     func(kept, places int) bool                                         // whether the history has no room
	Repeated func(n, last uint64) bool                                           // whether a request has been numbered, up to last of its sender
	Stable   func(cfg *impl.Config, seen []uint64, removed *impl.NodeSet) uint64 // up to where everyone has everything
	Wants    func(first, last uint64) (uint64, uint64)                           // what is asked for of a range that is missing
	Again    func(tries int) bool                                                // whether a request that was not answered is sent again
	Patient  func(silent, tl spec.Time) bool                                     // whether one that is silent is waited for
	Alone    func(views bool) bool                                               // whether something is said again to one member alone
}

// kaashoekWaiting is a message that waits for its number.
type kaashoekWaiting struct {
	body []byte
	ref  impl.Ref
}

// NewKaashoek makes the layer of one node. The history has so many places, and so many of its messages may wait at a
// sender; 0 is [KaashoekHistory].
func NewKaashoek(cfg impl.Config, method KaashoekMethod, history int) *Kaashoek {
	if history <= 0 {
		history = KaashoekHistory
	}
	k := &Kaashoek{cfg: cfg, method: method, history: history, sequencer: -1, Rules: KaashoekRules{
		Full:     func(kept, places int) bool { return kept >= places },
		Repeated: func(n, last uint64) bool { return n <= last },
		Stable:   leastSeen,
		Wants:    func(first, last uint64) (uint64, uint64) { return first, last },
		Again:    func(int) bool { return true },
		Patient:  func(silent, tl spec.Time) bool { return silent < tl },
		Alone:    func(views bool) bool { return !views },
	}}
	if len(cfg.Members) > 0 {
		k.sequencer = cfg.Members[0]
	}
	return k
}

// leastSeen gives the least of what the members have that are not removed.
func leastSeen(cfg *impl.Config, seen []uint64, removed *impl.NodeSet) uint64 {
	least := ^uint64(0)
	for i, m := range cfg.Members {
		if !removed.Has(m) {
			least = min(least, seen[i])
		}
	}
	return least
}

// Step implements [impl.Layer].
func (k *Kaashoek) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		k.start(uint32(in.Num))
	case impl.Ready:
		k.due = 0
		k.request(in.Now, out) // what was handed down too early got nowhere
		k.finish(in.Now, out)
	case impl.Send:
		if in.To == impl.Everyone {
			k.send(in, out)
		} else {
			out.Down(in.To, k.seal(&kaashoekPacket{kind: kaashoekLetter, body: in.Body}, out), in.Ref)
		}
	case impl.Packet:
		k.receive(in, out)
	case impl.TimerFired:
		k.tick(in.Now, out)
	case impl.Blocked, impl.Unblocked:
		k.block(in.Kind == impl.Blocked, in.Now, out)
		k.finish(in.Now, out)
		out.Pass(in)
	case impl.ViewChanged:
		if k.views.any = true; renews(in) {
			k.change(in.View, in.Now, out)
			k.finish(in.Now, out)
		}
		out.Pass(in)
	case impl.GapFound, impl.Resumed:
		if !privy(in) { // of its own packets: those it sends again
			out.Pass(in)
		}
	default:
		out.Pass(in)
	}
}

func (k *Kaashoek) start(incarnation uint32) {
	k.views = k.views.afresh(&k.cfg)
	k.incarnation, k.me, k.due, k.sequencer = incarnation, k.cfg.Index(k.cfg.Self), 0, k.sequencerOf()
	k.waiting, k.asked, k.tries = impl.Ring[kaashoekWaiting]{}, 0, 0
	k.member = kaashoekMember{}
	k.desk = kaashoekDesk{seen: make([]uint64, len(k.cfg.Members)), lives: make([]uint32, len(k.cfg.Members)),
		heard: make([]spec.Time, len(k.cfg.Members))}
	k.ready, k.acks, k.doubt = nil, nil, nil
}

// numbers says whether I am the sequencer. One that came back without its memory is none: it would use numbers again.
func (k *Kaashoek) numbers() bool {
	return k.cfg.Self == k.sequencer && (k.incarnation == 0 || k.views.admitted)
}

func (k *Kaashoek) send(in impl.Input, out *impl.Effects) {
	switch {
	case k.sequencer < 0:
		out.Refuse(in.Ref, impl.NotMember)
		return
	case k.views.blocked:
		out.Refuse(in.Ref, impl.ViewChanging)
		return
	case k.waiting.Len() >= k.history:
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	_, w := k.waiting.Push()
	*w = kaashoekWaiting{in.Body, in.Ref}
	if k.waiting.Len() == 1 {
		if !k.missing() { // from now on I wait for the sequencer
			k.member.heard = in.Now
		}
		k.tries = 0
		k.request(in.Now, out)
	}
	k.finish(in.Now, out)
}

// request sends the first message that waits to the sequencer; with SenderMulticasts, the first time, to all.
func (k *Kaashoek) request(now spec.Time, out *impl.Effects) {
	w := k.waiting.At(k.waiting.First())
	if w == nil {
		return
	}
	p := kaashoekPacket{kind: kaashoekRequest, origin: k.cfg.Self, life: k.incarnation, n: k.waiting.First(), last: k.views.base, body: w.body}
	to := k.sequencer
	if k.method == SenderMulticasts && k.tries == 0 {
		to = impl.Everyone
	}
	k.tries++
	k.asked = now
	k.tell(to, &p, now, out)
}

// numbered takes note that a message of mine has its place.
func (k *Kaashoek) numbered(n uint64, now spec.Time, out *impl.Effects) {
	w := k.waiting.At(n)
	if w == nil || n != k.waiting.First() {
		return
	}
	k.acks = append(k.acks, w.ref)
	*w = kaashoekWaiting{}
	k.waiting.Drop()
	k.tries = 0
	k.request(now, out)
}

// finish ends a step: the timer, and then what goes upward.
func (k *Kaashoek) finish(now spec.Time, out *impl.Effects) {
	k.trim(out)
	if next := k.next(); next > 0 && (k.due == 0 || next < k.due) {
		k.due = max(next, now)
		out.SetTimer(0, k.due)
	}
	for i := range k.doubt {
		out.Add(k.doubt[i])
	}
	for i := range k.ready {
		m := &k.ready[i]
		if m.lost { // as far as is known, of anybody
			for _, s := range k.cfg.Members {
				out.Gap(s, m.n, m.last)
			}
			continue
		}
		out.Add(impl.Effect{Kind: impl.Up, From: m.origin, To: impl.Everyone, Body: m.body, Flag: m.flag})
	}
	for _, ref := range k.acks {
		out.Acknowledge(ref)
	}
	clear(k.ready)
	k.ready, k.acks, k.doubt = k.ready[:0], k.acks[:0], k.doubt[:0]
}

// next gives when the timer must fire; 0 is never.
func (k *Kaashoek) next() (at spec.Time) {
	sooner := func(t spec.Time) {
		if at == 0 || t < at {
			at = max(t, 1)
		}
	}
	ts := spec.Time(k.cfg.TS)
	if k.waiting.Len() > 0 {
		sooner(k.asked + ts)
	}
	if k.missing() {
		sooner(k.member.wantedAt + ts)
	}
	if k.untold() {
		sooner(k.member.toldAt + ts)
	}
	if k.desk.history.Len() > 0 {
		sooner(k.desk.spoke + ts)
	}
	return at
}

// tick does again what has had no answer for TS.
func (k *Kaashoek) tick(now spec.Time, out *impl.Effects) {
	k.due = 0
	if k.views.blocked {
		k.due = now + spec.Time(k.cfg.TS)
		out.SetTimer(0, k.due)
		return
	}
	ts, tl := spec.Time(k.cfg.TS), spec.Time(k.cfg.TL)
	if k.waiting.Len() > 0 && now-k.asked >= ts {
		if k.Rules.Again(k.tries) {
			k.request(now, out)
		}
		k.asked = now
	}
	m := &k.member
	if k.missing() && now-m.wantedAt >= ts {
		k.ask(0, now, out)
	}
	if k.untold() && now-m.toldAt >= ts {
		k.report(now, out)
	}
	if (k.waiting.Len() > 0 || k.missing()) && !m.doubts && now-m.heard >= tl {
		m.doubts = true
		k.doubt = append(k.doubt, impl.Effect{Kind: impl.Suspect, From: k.sequencer})
	}
	k.remove(now, out)
	k.trim(out)
	if k.desk.history.Len() > 0 && now-k.desk.spoke >= ts {
		k.poll(now, out)
	}
	k.finish(now, out)
}
