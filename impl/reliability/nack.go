package reliability

import (
	"encoding/binary"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Nack is R3, reliability over a lossy multicast by negative acknowledgements: the receivers find out what they miss
// and ask for it, one-to-one (protocol N1 of Pingali, Towsley, Kurose, A Comparison of Sender-Initiated and
// Receiver-Initiated Reliable Multicast Protocols, SIGMETRICS 1994; the numbers S and R and the hold-back queue as in
// Coulouris et al., Distributed Systems, reliable multicast over IP multicast). As long as the sender lives every
// correct member delivers, once, nothing that was not sent, in the order in which the sender sent it.
//
//	to multicast m:            S := S+1; multicast ⟨m, S⟩; keep it; heartbeat after TS
//	every heartbeat:           multicast S; the next one after twice as long, at most TL
//	on receiving ⟨m, S⟩ of p:   S = R[p]+1: deliver m, R[p] := S, and what is held back behind it
//	                           S ≤ R[p]:   discard m
//	                           S > R[p]+1: hold m back
//	known to miss something:   after a small random delay, and again every TS, ask p for it: one nack a gap
//	on a nack for i to j of q: send q, alone, each of them again
//
// The heartbeats tell the receivers of a last message that was lost; they become rarer while nothing is sent, and
// never stop (the variable heartbeat of Holbrook, Singhal, Cheriton, Log-Based Receiver-Reliable Multicast, SIGCOMM
// 1995): at most one in TL for the group, and for each peer that was ever sent a message.
//
// Nobody tells the sender who has a message, so it cannot notice a dead receiver, and keeps every message for as long
// as it lives: no removal, no trimming, no bound on its memory. (Rules.Room sets a bound, at which sends are refused.)
// But no receiver is given up either, however long it is cut off, and one that comes back without a memory hears
// everything again from the first message of the sender's present life. A receiver that misses something of a dead
// sender asks until it has heard nothing of it for twice TL; what it holds back it never delivers.
//
// One-to-one messages are treated likewise, each peer in a number space of its own.
//
// It never acknowledges.
type Nack struct {
	Rules NackRules

	cfg         impl.Config
	incarnation uint32
	rand        spec.Rand
	sent        []nackSpace     // one a peer, and the group's last
	came        [2][]nackStream // by sender: to this node alone, and to the group
	depth       depth           // of what was sent to the group
}

// NackRules are the rules that validity rests on.
type NackRules struct {
	Room    func(kept int) bool                                // whether one more message can be kept
	Beats   func(quiet time.Duration) bool                     // whether a heartbeat goes out after that silence
	Delay   func(r *spec.Rand, ts time.Duration) time.Duration // before a gap is asked for
	Asks    func(first, last uint64) (from, to uint64)         // of a gap; nothing where from is beyond to
	Again   func(silent, tl spec.Time) bool                    // whether to ask again, after so long a silence of the sender
	Resends func(first, last uint64) (from, to uint64)         // of what was asked for
}

// nackSpace is what this node has sent to the group, or to a peer.
type nackSpace struct {
	kept  impl.Ring[[]byte] // packets
	quiet time.Duration     // from the last packet to the next heartbeat
}

// nackStream is what has come of a sender's present life.
type nackStream struct {
	held        impl.Ring[[]byte] // from R+1 on; nil is a hole
	known       uint64            // the highest number that the sender has told
	asked       uint64            // the last number of the latest request, while it is not answered; 0: none is on its way
	heard       spec.Time
	incarnation uint32
	armed       bool // the nack timer is set
}

// NewNack makes the layer of one node.
func NewNack(cfg impl.Config) *Nack {
	all := func(first, last uint64) (uint64, uint64) { return first, last }
	return &Nack{cfg: cfg, Rules: NackRules{
		Room:  func(int) bool { return true },
		Beats: func(time.Duration) bool { return true },
		Delay: func(r *spec.Rand, ts time.Duration) time.Duration {
			return ts/8 + time.Duration(r.IntN(int(ts/8))) // what is only late may still come
		},
		Asks:    all,
		Again:   func(silent, tl spec.Time) bool { return silent < 2*tl },
		Resends: all,
	}}
}

// The kinds of packets; those of messages to one node are 3 more.
const (
	nackData = 1
	nackAsk  = 2 // N is the first, the body the last
	nackBeat = 3 // N is the highest

	nackOneToOne = 3
)

// nackMost is how many messages are asked for, and sent again, at a time: a receiver that has missed thousands must
// not bring them down on itself all at once.
const nackMost = 64

// Step implements [impl.Layer].
func (l *Nack) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		l.incarnation, l.rand = uint32(in.Num), spec.NewRand(l.cfg.Seed, nackPurpose, in.Num)
		l.sent = make([]nackSpace, l.cfg.Nodes+1)
		l.depth = depth{}
		l.came = [2][]nackStream{make([]nackStream, l.cfg.Nodes), make([]nackStream, l.cfg.Nodes)}
	case impl.Send:
		l.send(in, out)
	case impl.Packet:
		l.receive(in, out)
	case impl.TimerFired:
		switch k := uint64(l.cfg.Nodes); {
		case in.Num <= k:
			l.beat(int(in.Num), in.Now, out)
		case in.Num <= 3*k:
			l.ask(int(in.Num), in.Now, out)
		}
	default:
		out.Pass(in)
	}
}

// nackPurpose keeps the delays apart from other random draws.
const nackPurpose = 0x4e

func (l *Nack) send(in impl.Input, out *impl.Effects) {
	k := l.cfg.Nodes
	if in.To != impl.Everyone {
		if in.To < 0 || int(in.To) >= l.cfg.Nodes {
			out.Refuse(in.Ref, impl.NotMember)
			return
		}
		k = int(in.To)
	}
	s := &l.sent[k]
	if !l.Rules.Room(s.kept.Len()) {
		out.Refuse(in.Ref, impl.Overflow)
		return
	}
	n, slot := s.kept.Push()
	*slot = impl.AppendNumbered(out, in.Body, impl.Numbered{N: n, Incarnation: l.incarnation, Kind: l.kind(nackData, k)})
	out.Down(in.To, *slot, 0).Code = in.Code
	out.Note(impl.PointAllSent, n, 0)
	l.depth.note(l.sent[l.cfg.Nodes].kept.Len(), 0, out)
	if in.To != l.cfg.Self { // what is sent to oneself is not lost
		s.quiet = l.cfg.TS
		out.SetTimer(uint64(k), in.Now+spec.Time(s.quiet))
	}
}

// kind gives the kind of a packet that has to do with what was sent to a peer, or to the group.
func (l *Nack) kind(kind byte, k int) byte {
	if k < l.cfg.Nodes {
		kind += nackOneToOne
	}
	return kind
}

// beat tells the receivers the highest number.
func (l *Nack) beat(k int, now spec.Time, out *impl.Effects) {
	s, to := &l.sent[k], impl.Everyone
	if s.kept.Len() == 0 {
		return
	}
	if k < l.cfg.Nodes {
		to = spec.NodeID(k)
	}
	if l.Rules.Beats(s.quiet) {
		h := impl.Numbered{N: s.kept.Last(), Incarnation: l.incarnation, Kind: l.kind(nackBeat, k)}
		out.Down(to, impl.AppendNumbered(out, nil, h), 0)
	}
	s.quiet = min(2*s.quiet, l.cfg.TL)
	out.SetTimer(uint64(k), now+spec.Time(s.quiet))
}

// resend sends what was asked for again, to the one who asked.
func (l *Nack) resend(in impl.Input, k int, h impl.Numbered, body []byte, out *impl.Effects) {
	switch {
	case len(body) != 8:
		out.Note(impl.Malformed, uint64(in.From), h.N)
		return
	case h.Incarnation != l.incarnation:
		out.Note(impl.Stale, uint64(in.From), h.N)
		return
	case k == l.cfg.Nodes && l.cfg.Index(in.From) < 0:
		out.Note(impl.NotMember, uint64(in.From), h.N)
		return
	}
	kept := &l.sent[k].kept
	first, last := l.Rules.Resends(h.N, binary.LittleEndian.Uint64(body))
	first = max(first, kept.First())
	last = min(last, kept.Last(), first+nackMost-1)
	for n := first; n <= last; n++ {
		out.Note(impl.Retransmitted, uint64(in.From), n)
		out.Down(in.From, *kept.At(n), 0)
	}
}
