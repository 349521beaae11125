package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// kaashoekDesk is what the sequencer knows.
type kaashoekDesk struct {
	history impl.Ring[kaashoekMessage] // by number
	last    impl.Lives[uint64]         // the last message of each sender that was numbered
	spoke   spec.Time                  // when all were last told how far the order goes

	seen    []uint64    // by member: its R
	lives   []uint32    // … in that life
	heard   []spec.Time // … when it was last heard, or since when it lacks something
	removed impl.NodeSet
	depth   int // copies kept when that was last noted
}

// hear takes note of the R that every packet carries; false where it is of a life that is over.
func (k *Kaashoek) hear(from spec.NodeID, p *kaashoekPacket, now spec.Time) bool {
	d, i := &k.desk, k.cfg.Index(from)
	switch {
	case i < 0:
		return true
	case p.incarnation < d.lives[i]:
		return false
	case p.incarnation > d.lives[i]: // it has forgotten what it had
		d.lives[i], d.seen[i] = p.incarnation, k.views.base
	}
	if p.seen <= d.history.Last() {
		d.seen[i] = max(d.seen[i], p.seen)
	}
	d.heard[i] = now
	if d.removed.Remove(from) {
		k.doubt = append(k.doubt, impl.Effect{Kind: impl.Trust, From: from})
	}
	return true
}

// take numbers a request, unless it has its number or there is no room. The others keep it until they hear of that.
func (k *Kaashoek) take(p *kaashoekPacket, in impl.Input, out *impl.Effects) {
	if !k.numbers() {
		if b := k.member.bodies.Of(int(p.origin), k.cfg.Nodes, p.life); b != nil && p.n > b.n {
			k.setAside(b, p.origin, p.life)
			*b = kaashoekMessage{body: notNil(p.body), n: p.n, has: true}
			k.match(p, b, in, out)
		}
		return
	}
	d := &k.desk
	last := d.last.Of(int(p.origin), k.cfg.Nodes, p.life)
	switch {
	case last == nil:
		out.Note(impl.Stale, uint64(p.origin), p.n)
		return
	case k.Rules.Repeated(p.n, *last):
		out.Note(impl.Duplicate, uint64(p.origin), p.n)
		k.repeat(p, out)
		return
	case k.Rules.Full(d.history.Len(), k.history):
		out.Note(impl.Overflow, uint64(p.origin), p.n)
		if in.Now-d.spoke >= spec.Time(k.cfg.TS)/4 {
			k.poll(in.Now, out)
		}
		return
	}
	*last = max(*last, p.n)
	for i := range d.seen {
		if d.seen[i] >= d.history.Last() { // from now on it lacks something
			d.heard[i] = in.Now
		}
	}
	if d.history.Len() >= k.history { // a buffer has no more places than it has
		k.discard()
	}
	seq, slot := d.history.Push()
	*slot = kaashoekMessage{body: notNil(p.body), origin: p.origin, life: p.life, n: p.n, has: true, flag: in.Flag}
	answer := k.copyOf(seq)
	if in.To == impl.Everyone { // they have it, or will ask
		answer.kind, answer.body = kaashoekAccept, nil
	}
	d.spoke = in.Now
	out.Down(impl.Everyone, k.seal(&answer, out), 0)
	if k.cfg.Index(p.origin) < 0 {
		k.taken(p, out)
	}
}

// copyOf makes the packet of a number in the history.
func (k *Kaashoek) copyOf(seq uint64) kaashoekPacket {
	m := k.desk.history.At(seq)
	return kaashoekPacket{kind: kaashoekOrdered, origin: m.origin, life: m.life, n: m.n, seq: seq, last: k.desk.history.Last(), body: m.body}
}

// repeat answers a request that has its number: its sender may have missed it.
func (k *Kaashoek) repeat(p *kaashoekPacket, out *impl.Effects) {
	d := &k.desk
	if !k.Rules.Alone(k.views.any) { // it is on its way
		return
	}
	for seq := d.history.Last(); seq >= d.history.First() && k.cfg.Index(p.origin) >= 0; seq-- {
		if m := d.history.At(seq); m.origin == p.origin && m.life == p.life && m.n == p.n {
			again := k.copyOf(seq)
			out.Note(impl.Retransmitted, uint64(p.origin), seq)
			out.Down(p.origin, k.seal(&again, out), 0)
			return
		}
	}
	k.taken(p, out)
}

// taken tells one to whom its message does not come back that it has a number.
func (k *Kaashoek) taken(p *kaashoekPacket, out *impl.Effects) {
	out.Down(p.origin, k.seal(&kaashoekPacket{kind: kaashoekTaken, n: p.n}, out), 0)
}

// kaashoekRepair is how many messages are sent again for one nack.
const kaashoekRepair = 64

// repair sends a member what it misses, or says that it is no longer kept.
func (k *Kaashoek) repair(p *kaashoekPacket, to spec.NodeID, out *impl.Effects) {
	d := &k.desk
	if !k.numbers() || k.cfg.Index(to) < 0 || !k.Rules.Alone(k.views.any) {
		return
	}
	if gone := d.history.First() - 1; p.seq <= gone {
		out.Down(to, k.seal(&kaashoekPacket{kind: kaashoekGone, seq: gone}, out), 0)
	}
	first := max(p.seq, d.history.First())
	for n := first; n <= min(p.last, d.history.Last(), first+kaashoekRepair-1); n++ {
		again := k.copyOf(n)
		out.Note(impl.Retransmitted, uint64(to), n)
		out.Down(to, k.seal(&again, out), 0)
	}
}

// poll tells all how far the order goes, and asks how far they are.
func (k *Kaashoek) poll(now spec.Time, out *impl.Effects) {
	k.desk.spoke = now
	out.Down(impl.Everyone, k.seal(&kaashoekPacket{kind: kaashoekPoll, last: k.desk.history.Last()}, out), 0)
}

// remove gives up waiting for members that lack something and have been silent for TL.
func (k *Kaashoek) remove(now spec.Time, out *impl.Effects) {
	d := &k.desk
	if !k.numbers() || k.views.any { // a view removes
		return
	}
	for i, m := range k.cfg.Members {
		if i == k.me || d.removed.Has(m) || d.seen[i] >= d.history.Last() || k.Rules.Patient(now-d.heard[i], spec.Time(k.cfg.TL)) {
			continue
		}
		d.removed.Add(m)
		out.Note(impl.Removed, uint64(m), 0)
		k.doubt = append(k.doubt, impl.Effect{Kind: impl.Suspect, From: m})
	}
}

// trim discards what everyone has, and notes how much is left.
func (k *Kaashoek) trim(out *impl.Effects) {
	if !k.numbers() {
		return
	}
	d := &k.desk
	d.seen[k.me] = k.r()
	for stable := k.Rules.Stable(&k.cfg, d.seen, &d.removed); d.history.Len() > 0 && d.history.First() <= stable; {
		k.discard()
	}
	if n := d.history.Len(); n >= 2*d.depth && n > 0 || 2*n <= d.depth && d.depth > 0 || n > k.history {
		d.depth = n
		out.Note(impl.BufferDepth, uint64(n), uint64(k.member.held.Len()))
	}
}

func (k *Kaashoek) discard() {
	*k.desk.history.At(k.desk.history.First()) = kaashoekMessage{}
	k.desk.history.Drop()
}
