package ordering

import (
	"slices"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// [Kaashoek] under view synchrony (Kaashoek & Tanenbaum, 1991, who rebuild the group when the sequencer is dead: the
// survivors agree on what has a number): the sequencer is the lowest member of the view. Its multicasts go through a level
// that gives all who go on the same of them, so that nothing is missing, the history is handed on to nobody, and the
// numbers of a view begin behind those of all before it.
//
//	while a view ends:     the sequencer numbers nothing
//	at the end of a view:  what has come has been delivered everywhere; what waits at its sender has no number
//	in the next:           its sender asks the sequencer of the view; a request names its view
//
// So a message may be delivered in a later view than the one in which it was sent, by all in the same. What the sequencer
// says again to one member alone is not taken in: it could have it, and deliver it, before all members are known to, and
// if the sequencer died nobody else would.

// kaashoekViews is what a node knows of views.
type kaashoekViews struct {
	configured []spec.NodeID
	any        bool // the level gives all the same
	admitted   bool // by a view, in this life
	blocked    bool // a view ends
	base       uint64
}

// afresh forgets the views of an earlier life.
func (v kaashoekViews) afresh(cfg *impl.Config) kaashoekViews {
	if v.configured == nil {
		v.configured = cfg.Members
	}
	cfg.Members = v.configured
	return kaashoekViews{configured: v.configured}
}

// sequencerOf gives the node that numbers.
func (k *Kaashoek) sequencerOf() spec.NodeID { return first(&k.cfg) }

// block stops what is said of numbers, and goes on with it in this view, or the next.
func (k *Kaashoek) block(blocked bool, now spec.Time, out *impl.Effects) {
	if k.views.blocked = blocked; !blocked && k.waiting.Len() > 0 {
		k.tries = 0
		k.request(now, out)
	}
}

// change ends a view and begins the next. With its own messages somebody who does not come from the one before begins
// anew too: the others may have them.
func (k *Kaashoek) change(v *spec.View, now spec.Time, out *impl.Effects) {
	k.cfg.Members = slices.Clone(v.Members)
	k.me, k.sequencer = k.cfg.Index(k.cfg.Self), k.sequencerOf()
	k.views.any, k.views.admitted, k.views.base = true, true, baseOf(v)
	n := len(v.Members)
	k.member = kaashoekMember{known: k.views.base, told: k.views.base, heard: now, wanted: k.views.base}
	k.member.held.Restart(k.views.base)
	k.desk = kaashoekDesk{seen: make([]uint64, n), lives: make([]uint32, n), heard: make([]spec.Time, n)}
	k.desk.history.Restart(k.views.base)
	for i := range n {
		k.desk.seen[i], k.desk.heard[i] = k.views.base, now
	}
	if !comes(&k.cfg, v) {
		k.waiting.Restart(k.waiting.Last())
	}
	if !k.views.blocked && k.waiting.Len() > 0 {
		k.tries = 0
		k.request(now, out)
	}
}

// current says whether a packet is of this view, or is of no view.
func (k *Kaashoek) current(p *kaashoekPacket, group bool) bool {
	switch p.kind {
	case kaashoekRequest:
		return p.last == k.views.base && !(k.views.blocked && k.numbers())
	case kaashoekOrdered:
		return group || k.Rules.Alone(k.views.any)
	case kaashoekGone, kaashoekTaken, kaashoekNack:
		return k.Rules.Alone(k.views.any)
	}
	return true
}

// setAside keeps a message of the same sender for which its number comes after the next message, as between the streams of
// two members it may. Without views the sequencer is asked for it again.
func (k *Kaashoek) setAside(b *kaashoekMessage, origin spec.NodeID, life uint32) {
	if k.views.any && b.has && len(k.member.aside) < maxHeld {
		m := *b
		m.origin, m.life = origin, life
		k.member.aside = append(k.member.aside, m)
	}
}

// bodyOf gives the message that a number is for, as far as it has come by itself; nil where none has.
func (k *Kaashoek) bodyOf(p *kaashoekPacket) *kaashoekMessage {
	m := &k.member
	b := m.bodies.Of(int(p.origin), k.cfg.Nodes, p.life)
	if !k.views.any {
		return b
	}
	for i := range m.aside {
		if x := m.aside[i]; x.origin == p.origin && x.life == p.life && x.n == p.n {
			m.aside = slices.Delete(m.aside, i, i+1)
			return &x
		}
	}
	if b == nil || b.n != p.n {
		return nil
	}
	x := *b
	b.has, b.body = false, nil
	return &x
}

// match gives a message its place that comes after its number.
func (k *Kaashoek) match(p *kaashoekPacket, b *kaashoekMessage, in impl.Input, out *impl.Effects) {
	held := &k.member.held
	for seq := held.First(); k.views.any && seq <= held.Last(); seq++ {
		if x := held.At(seq); !x.has && x.origin == p.origin && x.life == p.life && x.n == p.n {
			b.has, b.body = false, nil
			x.body, x.has, x.flag = notNil(p.body), true, in.Flag
			k.give(0, in.Now, out)
			return
		}
	}
}
