package ordering

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// kaashoekMember is what a member knows of the order.
type kaashoekMember struct {
	held   impl.Ring[kaashoekMessage]  // from the first number not delivered on
	bodies impl.Lives[kaashoekMessage] // SenderMulticasts: the last that each sender has sent to all; it sends the next when this one has its number

	aside []kaashoekMessage // … that were sent before it and have come without their number; in views

	known    uint64 // the last number that is in use, as far as I know
	wanted   uint64 // up to which number what is missing has been asked for
	wantedAt spec.Time
	told     uint64 // the R that I told last
	toldAt   spec.Time
	heard    spec.Time // of the sequencer, or since when I wait for it
	doubts   bool      // I have said that I suspect it
}

// kaashoekMessage is a message in its place.
type kaashoekMessage struct {
	body   []byte
	origin spec.NodeID
	life   uint32
	n      uint64
	has    bool
	lost   bool   // nobody keeps it any more; n is its number in the order
	last   uint64 // … and the messages up to here are lost too
	flag   bool   // it was delivered before, in an earlier life
}

// r is the number up to which all is delivered.
func (k *Kaashoek) r() uint64 { return k.member.held.First() - 1 }

// missing says whether I know of a number that has not come. The sequencer has them all, or they are on the way to it.
func (k *Kaashoek) missing() bool { return k.me >= 0 && !k.numbers() && k.member.known > k.r() }

// untold says whether the sequencer has not heard how far I am.
func (k *Kaashoek) untold() bool { return k.me >= 0 && !k.numbers() && k.r() > k.member.told }

func (k *Kaashoek) hearSequencer(now spec.Time) {
	m := &k.member
	m.heard = now
	if m.doubts {
		m.doubts = false
		k.doubt = append(k.doubt, impl.Effect{Kind: impl.Trust, From: k.sequencer})
	}
}

// order takes in a number, and with it or from before its message.
func (k *Kaashoek) order(p *kaashoekPacket, in impl.Input, out *impl.Effects) {
	m := &k.member
	body, has := p.body, true
	if p.kind == kaashoekAccept {
		b := k.desk.history.At(p.seq) // the sequencer's own copy; the sender may have sent its next to all since
		if !k.numbers() {
			b = k.bodyOf(p)
		}
		if has = b != nil && b.has && b.n == p.n; has {
			body = b.body
		}
	}
	if p.seq <= k.r() {
		out.Note(impl.Duplicate, uint64(p.origin), p.seq)
	} else if slot := m.held.Reach(p.seq); slot == nil {
		out.Note(impl.Overflow, uint64(p.origin), p.seq)
	} else if slot.has {
		out.Note(impl.Duplicate, uint64(p.origin), p.seq)
	} else if has {
		*slot = kaashoekMessage{body: notNil(body), origin: p.origin, life: p.life, n: p.n, has: true, flag: in.Flag}
		if p.seq != k.r()+1 {
			out.Note(impl.HeldBack, uint64(p.origin), p.seq)
		}
	} else if k.views.any { // its message is on its way
		*slot = kaashoekMessage{origin: p.origin, life: p.life, n: p.n}
	}
	if !k.untold() { // what comes now can ride on what I send within TS
		m.toldAt = in.Now
	}
	k.give(0, in.Now, out)
	k.learn(max(p.seq, p.last), in.Now, out)
}

// give delivers what can be delivered, in the order of the numbers, and passes over what is gone for good.
func (k *Kaashoek) give(gone uint64, now spec.Time, out *impl.Effects) {
	m := &k.member
	if gone > k.r()+1<<16 { // a life that knows nothing yet: all of this was before it
		gone = k.jump(gone)
	}
	for {
		n := m.held.First()
		slot := m.held.At(n)
		switch {
		case slot != nil && slot.has:
			msg := *slot
			k.ready = append(k.ready, msg)
			k.drop(slot)
			if msg.origin == k.cfg.Self && msg.life == k.incarnation {
				k.numbered(msg.n, now, out)
			}
		case n <= gone:
			m.known = max(m.known, n)
			if l := len(k.ready); l > 0 && k.ready[l-1].lost {
				k.ready[l-1].last = n
			} else {
				k.ready = append(k.ready, kaashoekMessage{lost: true, n: n, last: n})
			}
			k.drop(m.held.Reach(n))
		default:
			return
		}
	}
}

func (k *Kaashoek) drop(slot *kaashoekMessage) {
	*slot = kaashoekMessage{}
	k.member.held.Drop()
}

// jump goes on behind a number that is far ahead, and leaves one before it to be announced as lost.
func (k *Kaashoek) jump(gone uint64) uint64 {
	m := &k.member
	for m.held.Len() > 0 {
		k.drop(m.held.At(m.held.First()))
	}
	m.held.Restart(gone - 1)
	return gone
}

// learn notes up to which number the order goes, and asks for what is missing of that, once.
func (k *Kaashoek) learn(last uint64, now spec.Time, out *impl.Effects) {
	m := &k.member
	m.known = max(m.known, last)
	if k.missing() && m.known > m.wanted {
		k.ask(m.wanted, now, out)
	}
}

// kaashoekRuns is by how many packets missing numbers are asked for at a time, a run of them each.
const kaashoekRuns = 8

// ask asks the sequencer for what is missing above a number.
func (k *Kaashoek) ask(above uint64, now spec.Time, out *impl.Effects) {
	m := &k.member
	m.wanted, m.wantedAt = m.known, now
	has := func(n uint64) bool {
		slot := m.held.At(n)
		return slot != nil && slot.has
	}
	last, runs := min(m.known, k.r()+1<<16), 0
	for n := max(above, k.r()) + 1; n <= last && runs < kaashoekRuns; n++ {
		if has(n) {
			continue
		}
		first := n
		for n < last && !has(n+1) {
			n++
		}
		runs++
		p := kaashoekPacket{kind: kaashoekNack}
		if p.seq, p.last = k.Rules.Wants(first, n); p.seq <= p.last {
			k.tell(k.sequencer, &p, now, out)
		}
	}
}

// report tells the sequencer how far I am, though I have nothing to send: when it has asked, or when TS has gone by.
func (k *Kaashoek) report(now spec.Time, out *impl.Effects) {
	if !k.numbers() {
		k.tell(k.sequencer, &kaashoekPacket{kind: kaashoekReport}, now, out)
	}
}
