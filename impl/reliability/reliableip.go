package reliability

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// ReliableIP is R5, reliable multicast over IP multicast (Coulouris et al., Distributed Systems, "Reliable multicast
// over IP multicast"): validity, integrity and agreement in a closed group, though packets are lost and the sender
// crashes, with one packet a message as long as nothing is lost.
//
//	to multicast m:     S := S+1; send m to the group with S and, for each member q, ⟨q,R⟩: R is the last that I have of q
//	on receiving m, S:  S = R+1: R := S, deliver m, and what is held back behind it
//	                    S ≤ R:   discard m
//	                    S > R+1: hold m back; I missed something
//	on an enclosed ⟨q,R⟩ greater than mine: I missed something
//	having missed something: tell who showed it, at once, and after TS the next one that has it, the sender among them
//	on being told:      send it that message again, whoever its sender was
//	a member that has been silent sends ⟨q,R⟩ alone: every TS while somebody may lack something, or else every TL/4
//	a message that every member is known to have is stable: nobody keeps its copy any longer
//	a member that has been silent for TL is removed: nobody waits for it, and it is suspected, until it is heard again
//
// All members keep copies, so that anyone can repair what a crashed sender left undone. What one sender sends is
// delivered in the order sent. One that was removed wrongly, or came back without a memory, may ask for what is no
// longer kept: it is told so, and announces a gap to the layer above.
//
// With stable, a message is delivered when every member that is not removed is known to have it: then whatever anyone
// delivers, also one that crashes, all deliver (uniform agreement).
//
// Buffers are bounded: a sender has at most a window of messages that are not stable, and is refused more with overflow;
// so a member keeps at most so many copies of each sender, and holds back at most so many. What was taken is not dropped. A crashed member lets them grow
// for TL, no longer. Messages to one node are acknowledged and sent again as by [BestEffort].
//
// It acknowledges when the message is stable: every member that is not removed has it.
type ReliableIP struct {
	Rules ReliableIPRules

	cfg     impl.Config
	window  uint64      // messages of a sender that may be unstable
	letters *BestEffort // what goes to one node

	incarnation uint32
	me          int // among the members; -1 is none
	sent        uint64
	own         *ipStream
	lives       impl.Lives[ipStream]
	streams     []*ipStream // in the order in which they were heard of
	peers       []ipPeer    // by member
	removed     impl.NodeSet
	configured  []spec.NodeID
	left        impl.NodeSet // who has been in a view, and is in this one no more
	late        bool         // this node has come in with a view
	entered     spec.Time    // … when

	spoke  spec.Time // when all were last told what I have
	wanted spec.Time // until when somebody waits for that
	due    spec.Time // when the timer fires; 0: it is not set

	copies int // of all streams, also those held back
	held   int
	depth  depth
	dirty  []*ipStream // of which something has changed in this step
}

// ReliableIPRules are the rules that the promises rest on. A number stands for all up to it.
type ReliableIPRules struct {
	Next    func(s, r uint64) bool                                             // whether s can follow when all up to r is there
	Missed  func(r, shown uint64) bool                                         // whether an enclosed number shows that something was missed
	Stable  func(cfg *impl.Config, has []uint64, removed *impl.NodeSet) uint64 // what every member is known to have
	Deliver func(r, stable uint64) uint64                                      // what is delivered
	Discard func(delivered, stable uint64) uint64                              // of what no copy is kept any longer
	Serves  func(cfg *impl.Config, origin spec.NodeID) bool                    // whether I repair what I have of a sender
	Tells   func(silent bool) bool                                             // whether ⟨q,R⟩ are enclosed, in a message or when I have been silent
	Again   func(asked int) bool                                               // whether what is missing is asked for again
	Silence func(cfg *impl.Config, busy bool) time.Duration                    // after how long of it a member tells what it has; 0: never
	Patient func(silent, tl spec.Time) bool                                    // whether a silent member is kept
	Suspect func(out *impl.Effects, member spec.NodeID)                        // tells of a removal
	Room    func(n, r, window uint64) bool                                     // whether n can be held back when all up to r is there
	Overrun func(n uint64) uint64                                              // up to where a stream goes on without what is missing, when n found no room; 0: nowhere
}

// ReliableIPWindow is how many messages of a sender may be unstable at a time where nothing else is said.
const ReliableIPWindow = 4096

// NewReliableIP makes the layer of one node. With stable, it delivers what is stable only.
func NewReliableIP(cfg impl.Config, stable bool) *ReliableIP {
	return NewReliableIPWindow(cfg, stable, ReliableIPWindow)
}

// NewReliableIPWindow makes the layer of one node, of a group in which a sender may have so many unstable messages, at
// least 1 and at every node the same.
func NewReliableIPWindow(cfg impl.Config, stable bool, window int) *ReliableIP {
	deliver := func(r, _ uint64) uint64 { return r }
	if stable {
		deliver = func(r, stable uint64) uint64 { return min(r, stable) }
	}
	return &ReliableIP{cfg: cfg, configured: cfg.Members, window: uint64(max(1, window)), letters: NewBestEffort(cfg), Rules: ReliableIPRules{
		Next:    func(s, r uint64) bool { return s == r+1 },
		Missed:  func(r, shown uint64) bool { return shown > r },
		Stable:  leastOf,
		Deliver: deliver,
		Discard: func(delivered, stable uint64) uint64 { return min(delivered, stable) },
		Serves:  func(*impl.Config, spec.NodeID) bool { return true },
		Tells:   func(bool) bool { return true },
		Again:   func(int) bool { return true },
		Silence: func(cfg *impl.Config, busy bool) time.Duration {
			if busy {
				return cfg.TS
			}
			return max(cfg.TL/4, cfg.TS)
		},
		Patient: func(silent, tl spec.Time) bool { return silent < tl },
		Suspect: (*impl.Effects).Suspect,
		Room:    func(n, r, window uint64) bool { return n <= r+window },
		Overrun: func(uint64) uint64 { return 0 },
	}}
}

// leastOf gives the least of what the members have that are not removed.
func leastOf(cfg *impl.Config, has []uint64, removed *impl.NodeSet) uint64 {
	least := ^uint64(0)
	for i, m := range cfg.Members {
		if !removed.Has(m) {
			least = min(least, has[i])
		}
	}
	return least
}

// ipPeer is what is known of a member.
type ipPeer struct {
	incarnation uint32
	heard       spec.Time
	entered     spec.Time // the view
	late        bool      // … not long ago
}

// ipTimer is the layer's own timer: others are those of letters.
const ipTimer = 1 << 32

// Step implements [impl.Layer].
func (l *ReliableIP) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		l.letters.Step(in, out)
		l.start(uint32(in.Num))
	case impl.Ready:
		l.letters.Step(in, out)
		l.ready(in, out)
	case impl.Send:
		if in.To == impl.Everyone {
			l.send(in, out)
		} else {
			l.letter(in, out)
		}
	case impl.Packet:
		l.receive(in, out)
	case impl.TimerFired:
		if in.Num == ipTimer {
			l.tick(in.Now, out)
		} else {
			l.letter(in, out)
		}
	case impl.ViewChanged:
		if in.View.ID != (spec.ViewID{Epoch: 1}) {
			l.change(in.View, in.Now, out)
		}
		handOn(&l.cfg, in, out)
	default:
		out.Pass(in)
	}
}

func (l *ReliableIP) start(incarnation uint32) {
	l.cfg.Members, l.left, l.late = l.configured, impl.NodeSet{}, false
	l.incarnation, l.me, l.sent = incarnation, l.cfg.Index(l.cfg.Self), 0
	l.lives, l.streams, l.own = impl.Lives[ipStream]{}, nil, nil
	l.peers, l.removed = make([]ipPeer, len(l.cfg.Members)), impl.NodeSet{}
	l.spoke, l.wanted, l.due = 0, 0, 0
	l.copies, l.held, l.depth, l.dirty = 0, 0, depth{}, nil
	if l.me >= 0 {
		l.own = l.stream(identity{origin: l.cfg.Self, incarnation: incarnation})
		l.peers[l.me].incarnation = incarnation
	}
}

// ready begins to listen to the others, and sends again what was handed down too early to get anywhere.
func (l *ReliableIP) ready(in impl.Input, out *impl.Effects) {
	if l.me < 0 {
		return
	}
	for i := range l.peers {
		l.peers[i].heard = in.Now
	}
	l.spoke, l.due = in.Now, 0
	for n := l.own.gone() + 1; n <= l.sent; n++ {
		out.Down(impl.Everyone, l.seal(l.own.at(n).packet, ipData, true, in.Now, out), 0)
	}
	l.arm(in.Now+spec.Time(l.silence(l.sent > 0)), out)
}

// letter hands what concerns one node to the level for that. Whom it takes for failed it says nothing of: here the
// silence of a member counts.
func (l *ReliableIP) letter(in impl.Input, out *impl.Effects) {
	first := len(out.List)
	l.letters.Step(in, out)
	kept := out.List[:first]
	for _, e := range out.List[first:] {
		if e.Kind != impl.Suspect && e.Kind != impl.Trust {
			kept = append(kept, e)
		}
	}
	out.List = kept
}

func (l *ReliableIP) send(in impl.Input, out *impl.Effects) {
	switch {
	case !l.member():
		out.Refuse(in.Ref, impl.NotMember)
		return
	case l.sent-l.own.gone() >= l.window:
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	l.sent++
	l.own.has[l.me] = l.sent // though it is delivered when the copy from the transport comes
	l.own.known = l.sent
	b := l.own.id(l.sent).behind(in.Body, out)
	packet := l.seal(b, ipData, true, in.Now, out)
	c := l.own.reach(l.sent)
	c.packet, c.ref = packet[:len(b):len(b)], in.Ref
	l.copies++
	out.Down(impl.Everyone, packet, 0)
	out.Note(impl.PointAllSent, l.sent, 0)
	l.spoke = in.Now
	l.arm(in.Now+spec.Time(l.silence(true)), out)
	l.settle(out)
}
