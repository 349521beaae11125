package reliability

import (
	"bytes"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Byzantine is R12, Byzantine reliable broadcast (Bracha, "Asynchronous Byzantine agreement protocols", 1987; Cachin,
// Guerraoui, Rodrigues, 2011, algorithm 3.18, "Authenticated Double-Echo Broadcast"). With n members of which at most
// f = ⌊(n−1)/3⌋ lie or crash: what a correct one sends is delivered by all correct ones (validity), no two of them
// deliver different contents as the same message (consistency), and if one delivers, all do (totality), whatever the
// others do and whoever sent.
//
//	to multicast m:                      send ⟨SEND, m⟩ to the group
//	on the first SEND, from its sender:  send ⟨ECHO, m⟩ to the group
//	when more than (n+f)/2 echo m, or
//	     f+1 are ready for m:            send ⟨READY, m⟩ to the group, once
//	when 2f+1 are ready for m:           deliver m
//
// Each message, named by its origin, the origin's life and a number, is an instance of its own, in which a member's
// first echo and first ready count and no other. Contents are compared as a whole. Links are authenticated: a packet is
// of whom the transport says, and a SEND that names another origin is discarded. It stands on the channel, or on best
// effort where the transport carries one packet to many. O(n²) packets a message, each with all of its content.
//
// Memory is bounded against liars: nothing is kept more than 65,536 numbers ahead of the first that is not delivered,
// and no member can open more than 64 lives of another.
//
// It acknowledges when the message is delivered here: then all correct members deliver it. Who is no member and sends
// to an open group is never acknowledged. Messages to one node go from one to the other, and nobody vouches for them.
type Byzantine struct {
	Rules ByzantineRules

	cfg         impl.Config
	n, f        int
	incarnation uint32
	sent        uint64
	lives       [][]*byzantineLife // by origin
	own         *byzantineLife
}

// ByzantineRules are the rules that consistency and totality rest on.
type ByzantineRules struct {
	Echoes  func(n, f int) int                          // how many echoes make a member ready
	Readies func(n, f int) int                          // … how many that are ready
	Deliver func(n, f int) int                          // how many that are ready make it deliver
	Once    func(set *impl.NodeSet, m spec.NodeID) bool // whether this vote of a member counts
	Same    func(a, b []byte) bool                      // whether two contents are the same
	Claims  func(origin, from spec.NodeID) bool         // whether a SEND of origin counts that came from from
}

// NewByzantine makes the layer of one node.
func NewByzantine(cfg impl.Config) *Byzantine {
	n := len(cfg.Members)
	return &Byzantine{cfg: cfg, n: n, f: max(0, n-1) / 3, Rules: ByzantineRules{
		Echoes:  func(n, f int) int { return (n+f)/2 + 1 },
		Readies: func(_, f int) int { return f + 1 },
		Deliver: func(_, f int) int { return 2*f + 1 },
		Once:    (*impl.NodeSet).Add,
		Same:    bytes.Equal,
		Claims:  func(origin, from spec.NodeID) bool { return origin == from },
	}}
}

// The kinds of packets: the last byte.
const (
	byzantineSend = 1 + iota
	byzantineEcho
	byzantineReady
	byzantineLetter // to one node
)

// Step implements [impl.Layer].
func (z *Byzantine) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		z.incarnation, z.sent = uint32(in.Num), 0
		z.lives = make([][]*byzantineLife, z.cfg.Nodes)
		z.own = z.life(z.cfg.Self, z.incarnation, z.cfg.Self)
	case impl.Send:
		z.send(in, out)
	case impl.Packet:
		z.receive(in, out)
	default:
		out.Pass(in)
	}
}

func (z *Byzantine) send(in impl.Input, out *impl.Effects) {
	if in.To != impl.Everyone {
		b := out.Extend(in.Body, 1)
		b[len(in.Body)] = byzantineLetter
		out.Down(in.To, b, in.Ref).Code = in.Code
		return
	}
	if z.cfg.Index(z.cfg.Self) >= 0 {
		for z.own.over(z.sent + 1) { // more lie than can be borne, and have sent it in my name
			z.sent++
		}
		i := z.own.instance(z.sent + 1)
		if i == nil {
			out.Refuse(in.Ref, impl.Overflow)
			return
		}
		i.ref = in.Ref
	}
	z.sent++
	id := identity{z.sent, z.incarnation, z.cfg.Self}
	out.Down(impl.Everyone, sealByzantine(byzantineSend, in.Body, id, out), 0)
	out.Note(impl.PointAllSent, z.sent, 0)
}

func sealByzantine(kind byte, body []byte, id identity, out *impl.Effects) []byte {
	b := out.Extend(body, identityLen+1)
	id.put(b[len(body):])
	b[len(b)-1] = kind
	return b
}

func openByzantine(b []byte) (kind byte, body []byte, id identity, ok bool) {
	rest, k, ok := impl.Cut(b, 1)
	if !ok {
		return 0, nil, id, false
	}
	if k[0] == byzantineLetter {
		return k[0], rest, id, true
	}
	body, id, ok = cutIdentity(rest)
	return k[0], body, id, ok && k[0] >= byzantineSend && k[0] <= byzantineReady && id.n > 0
}

func (z *Byzantine) receive(in impl.Input, out *impl.Effects) {
	kind, body, id, ok := openByzantine(in.Body)
	switch {
	case !ok || in.From < 0 || int(in.From) >= z.cfg.Nodes:
		out.Note(impl.Malformed, uint64(in.From), uint64(len(in.Body)))
		return
	case kind == byzantineLetter:
		out.Up(in.From, z.cfg.Self, body)
		return
	case z.cfg.Index(z.cfg.Self) < 0 || kind != byzantineSend && z.cfg.Index(in.From) < 0:
		out.Note(impl.NotMember, uint64(in.From), id.n)
		return
	case kind == byzantineSend && !z.Rules.Claims(id.origin, in.From):
		out.Note(impl.Forged, uint64(in.From), id.n)
		return
	}
	l := z.life(id.origin, id.incarnation, in.From)
	switch {
	case l == nil:
		out.Note(impl.Stale, uint64(id.origin), id.n)
		return
	case l.over(id.n):
		out.Note(impl.Duplicate, uint64(id.origin), id.n)
		return
	}
	i := l.instance(id.n)
	if i != nil && kind != byzantineSend && len(i.versions) == 0 { // until enough vouch for it
		out.Note(impl.HeldBack, uint64(id.origin), id.n)
	}
	switch {
	case i == nil:
		out.Note(impl.Overflow, uint64(id.origin), id.n)
	case kind == byzantineSend:
		z.echo(i, body, id, out)
	case kind == byzantineEcho && z.Rules.Once(&i.echoed, in.From):
		i.version(body, z.Rules.Same).echoes++
		z.decide(l, i, id, out)
	case kind == byzantineReady && z.Rules.Once(&i.readied, in.From):
		i.version(body, z.Rules.Same).readies++
		z.decide(l, i, id, out)
	default:
		out.Note(impl.Duplicate, uint64(in.From), id.n)
	}
}

// echo says what the sender has said, the first time that it says it.
func (z *Byzantine) echo(i *byzantineInstance, body []byte, id identity, out *impl.Effects) {
	if i.sentEcho {
		out.Note(impl.Duplicate, uint64(id.origin), id.n)
		return
	}
	i.sentEcho = true
	out.Note(impl.PointReceived, uint64(id.origin), id.n)
	out.Down(impl.Everyone, sealByzantine(byzantineEcho, body, id, out), 0)
	out.Note(impl.PointRelayed, uint64(id.origin), id.n)
}

// decide gets ready for a content that enough others vouch for, and delivers it when enough are ready.
func (z *Byzantine) decide(l *byzantineLife, i *byzantineInstance, id identity, out *impl.Effects) {
	for k := range i.versions {
		v := &i.versions[k]
		if !i.sentReady && (v.echoes >= z.Rules.Echoes(z.n, z.f) || v.readies >= z.Rules.Readies(z.n, z.f)) {
			i.sentReady = true
			out.Down(impl.Everyone, sealByzantine(byzantineReady, v.body, id, out), 0)
		}
		if v.readies >= z.Rules.Deliver(z.n, z.f) {
			ref := i.ref
			body := v.body
			l.close(id.n)
			out.Up(id.origin, impl.Everyone, body)
			out.Acknowledge(ref)
			return
		}
	}
}
