package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// AtomicView is R10, atomic multicast in views: a message is delivered by all of those that stay in the group, or by
// none (Birman & Joseph, Reliable Communication in the Presence of Failures, 1987). It is delivered when it is stable:
// when every member of the view has it (Birman, Schiper, Stephenson, Lightweight Causal and Atomic Group Multicast, 1991;
// the safe messages of Chockler, Keidar, Vitenberg, 2001).
//
//	to multicast m:             number m in this view, send it to the members
//	on receiving m, new here:   keep it, and tell all up to which number I have its sender's messages
//	when every member has told: m is stable; tell all that it is, then deliver it
//	on being told that m is:    the same
//	while anything is not stable, after TL/4, TL/2, TL, TL, …: send my own again that somebody lacks, and ask all what
//	                            they have; who has been silent for TL is suspected, and waited for all the same
//
// That m is stable is told before it is delivered: so whatever one member delivers all do, as long as what was handed to
// the network arrives, though some that have told only a few crash. What one member sends is delivered in the order sent.
//
// Nobody delivers while a member lacks the message. A member that fails blocks delivery until a view comes without it.
// That is the flush of Birman, Schiper, Stephenson, in atomicview_flush.go: the survivors finish the job, all of them
// deliver the same, and the rest is discarded. A message is delivered in the view in which it was sent, or never.
//
// The first view is that of the configuration, number 1, and belongs to the first lives of its members: who comes back
// without a memory does not have what it told the others that it has, and is no member until a view admits it.
//
// It stands on the channel, or on best effort where the transport carries one packet to many. A sender has at most
// [AtomicViewWindow] messages that are not stable, and is refused more. One-to-one messages pass through.
//
// It acknowledges when the message is delivered here: then every member of the view has it.
type AtomicView struct {
	Rules AtomicViewRules

	cfg         impl.Config
	incarnation uint32
	ready       bool

	view    spec.ViewID
	members []spec.NodeID
	me      int          // among the members; -1: outside
	streams []viewStream // by member: what it has sent in this view
	peers   []viewPeer   // by member
	sent    uint64       // in this view
	held    int          // messages that are not delivered yet

	suspected impl.NodeSet
	armed     bool
	busy      spec.Time // since when the timer runs
	pause     spec.Time // until it fires

	blocked bool // by the layers below: nothing is sent
	flush   viewFlush
	queue   []viewSend // what waits for that to be over; queue[next:] in order
	next    int
	early   []earlyView // packets of views to come

	up []impl.Effect // the upward effects of a step under way: they come last
}

// AtomicViewRules are the rules that the promises rest on. A number stands for all up to it.
type AtomicViewRules struct {
	Claims   func(r uint64) uint64                             // what is told to be here, when all up to r is
	Tells    func(stable bool) bool                            // whether all are told what is here, or what is stable
	Stable   func(me int, has []uint64) uint64                 // what every member of the view has
	Deliver  func(r, stable uint64) uint64                     // what is delivered
	Again    func(lacking int) bool                            // whether my own messages are sent again, when so many members lack some
	Patient  func(silent, tl spec.Time) bool                   // whether a silent member is not suspected
	Current  func(packet, present spec.ViewID) bool            // whether a packet is of the view, or a later one
	Forwards func(cfg *impl.Config, origin spec.NodeID) bool   // whether the messages of one that leaves are sent on
	Agreed   func(listed bool) bool                            // whether a message is delivered at the end of a view, when a survivor had it or none
	Waits    func(cfg *impl.Config, survivor spec.NodeID) bool // whether the end of a view waits for what a survivor has
}

// AtomicViewWindow is how many messages of a sender may be unstable at a time, and how many may wait while it is blocked.
const AtomicViewWindow = 4096

// viewStream is what one member sends in a view, from number 1.
type viewStream struct {
	ring        impl.Ring[viewCopy] // not delivered yet
	incarnation uint32              // of the sender
	known       bool                // … is
	r           uint64              // all up to here has come
	has         []uint64            // by member: up to where it is known to have all; my own place is what I tell
	stable      uint64              // up to where every member is known to have all
	delivered   uint64
}

// viewCopy is a message that is kept. One's own is kept before it has come from the transport.
type viewCopy struct {
	numbered []byte // the body with its identity behind it; nil: it has not come
	ref      impl.Ref
	arrived  bool
}

// viewPeer is what is known of a member besides.
type viewPeer struct {
	heard  spec.Time
	marker viewMarker
}

type viewSend struct {
	body []byte
	ref  impl.Ref
}

// NewAtomicView makes the layer of one node.
func NewAtomicView(cfg impl.Config) *AtomicView {
	return &AtomicView{cfg: cfg, Rules: AtomicViewRules{
		Claims: func(r uint64) uint64 { return r },
		Tells:  func(bool) bool { return true },
		Stable: func(_ int, has []uint64) uint64 {
			least := ^uint64(0)
			for _, n := range has {
				least = min(least, n)
			}
			return least
		},
		Deliver:  func(r, stable uint64) uint64 { return min(r, stable) },
		Again:    func(lacking int) bool { return lacking > 0 },
		Patient:  func(silent, tl spec.Time) bool { return silent < tl },
		Current:  func(packet, present spec.ViewID) bool { return packet.Compare(present) >= 0 },
		Forwards: func(*impl.Config, spec.NodeID) bool { return true },
		Agreed:   func(listed bool) bool { return listed },
		Waits:    func(*impl.Config, spec.NodeID) bool { return true },
	}}
}

// Step implements [impl.Layer].
func (l *AtomicView) Step(in impl.Input, out *impl.Effects) {
	switch {
	case in.Kind == impl.Start:
		l.start(uint32(in.Num))
	case in.Kind == impl.Ready:
		l.begin(in.Now, out)
	case in.Kind == impl.Send && in.To == impl.Everyone:
		l.send(in, out)
	case in.Kind == impl.Packet && in.To == impl.Everyone:
		l.receive(in, out)
	case in.Kind == impl.TimerFired:
		l.tick(in.Now, out)
	case in.Kind == impl.Suspected:
		l.suspect(in.From)
	case in.Kind == impl.Trusted:
		l.trust(in.From)
	case in.Kind == impl.Blocked:
		l.block(in, out)
	case in.Kind == impl.Unblocked:
		l.unblock(in, out)
	case in.Kind == impl.ViewChanged:
		l.change(in, out)
	default:
		out.Pass(in)
	}
	for i := range l.up {
		out.Add(l.up[i])
	}
	l.up = l.up[:0]
}

func (l *AtomicView) start(incarnation uint32) {
	rules, cfg := l.Rules, l.cfg
	*l = AtomicView{Rules: rules, cfg: cfg, incarnation: incarnation, me: -1}
	if incarnation == 0 {
		l.enter(&spec.View{ID: spec.ViewID{Epoch: 1}, Members: cfg.Members}, 0)
	}
}

// begin sends what was handed down too early to get anywhere.
func (l *AtomicView) begin(now spec.Time, out *impl.Effects) {
	l.ready = true
	l.heardAll(now)
	l.drain(now, out)
}

func (l *AtomicView) heardAll(now spec.Time) {
	for i := range l.peers {
		l.peers[i].heard = now
	}
}

// enter begins a view with nothing in it.
func (l *AtomicView) enter(v *spec.View, now spec.Time) {
	l.view, l.sent, l.held, l.me = v.ID, 0, 0, -1
	l.members = append([]spec.NodeID(nil), v.Members...)
	l.streams, l.peers = make([]viewStream, len(l.members)), make([]viewPeer, len(l.members))
	l.flush = viewFlush{}
	for i := range l.streams {
		l.streams[i].has = make([]uint64, len(l.members))
	}
	l.heardAll(now)
	if l.me = l.index(l.cfg.Self); l.me >= 0 {
		l.streams[l.me].incarnation, l.streams[l.me].known = l.incarnation, true
	}
}

// index gives the position of a node among the members of the view, or -1.
func (l *AtomicView) index(n spec.NodeID) int {
	for i, m := range l.members {
		if m == n {
			return i
		}
	}
	return -1
}

func (l *AtomicView) send(in impl.Input, out *impl.Effects) {
	switch waits := l.blocked || l.flush.under || !l.ready; {
	case l.me < 0:
		out.Refuse(in.Ref, impl.NotMember)
	case waits && len(l.queue)-l.next >= AtomicViewWindow,
		!waits && l.sent-l.streams[l.me].delivered >= AtomicViewWindow:
		out.Refuse(in.Ref, impl.Overflow)
	case waits:
		l.queue = append(l.queue, viewSend{in.Body, in.Ref})
	default:
		l.multicast(in.Body, in.Ref, in.Now, out)
	}
}

// multicast sends a message in this view.
func (l *AtomicView) multicast(body []byte, ref impl.Ref, now spec.Time, out *impl.Effects) {
	l.sent++
	s := &l.streams[l.me]
	numbered := identity{l.sent, l.incarnation, l.cfg.Self}.behind(body, out)
	c := s.ring.Reach(l.sent)
	c.numbered, c.ref = numbered[:len(numbered):len(numbered)], ref
	l.held++
	s.has[l.me] = l.sent // though it is delivered only when the copy from the transport has come
	out.Down(impl.Everyone, l.seal(numbered, viewData, out), 0)
	out.Note(impl.PointAllSent, l.sent, 0)
	l.arm(now, out)
}

// drain sends what has waited.
func (l *AtomicView) drain(now spec.Time, out *impl.Effects) {
	for ; l.next < len(l.queue) && (l.me < 0 || !l.blocked && !l.flush.under && l.ready); l.next++ {
		w := l.queue[l.next]
		if l.me < 0 {
			l.up = append(l.up, impl.Effect{Kind: impl.Refuse, Ref: w.ref, Code: impl.NotMember})
			continue
		}
		l.multicast(w.body, w.ref, now, out)
	}
	if l.next == len(l.queue) {
		l.queue, l.next = l.queue[:0], 0
	}
}
