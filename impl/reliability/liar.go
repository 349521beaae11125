package reliability

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Liar is a member that lies below the level [Byzantine]: it changes what an honest layer hands down, and adds to it.
// It can't do what an authenticated link forbids: its packets are known to be its own. Liars of one group take the same
// members for those that are told the second version, and so support each other's lies, without a word between them.
//
//	Equivocate  a member on the other side is sent another content, in SENDs, echoes and readies alike
//	Forge       on hearing of a message it is ready for it at once, or for another content; now and then it echoes, is
//	            ready for, or sends, in its origin's name, a message that the origin has not sent
//	Mute        each packet to each member is left out with probability a third
//	Replay      packets are sent twice, and older ones again
//
// What it lies about follows from the seed of its configuration.
type Liar struct {
	cfg    impl.Config
	honest impl.Layer
	how    spec.Lie
	rand   spec.Rand
	said   [][]byte // a few packets of before
	scene  []impl.Effect
}

// NewLiar makes a node that lies about what an honest layer says: the one that stands at the level Byzantine.
func NewLiar(cfg impl.Config, honest impl.Layer, how spec.Lie) *Liar {
	return &Liar{cfg: cfg, honest: honest, how: how}
}

const (
	purposeLie  = 0x11a5
	purposeSide = 0x51de
	maxSaid     = 16
)

// Step implements [impl.Layer].
func (l *Liar) Step(in impl.Input, out *impl.Effects) {
	if in.Kind == impl.Start {
		l.rand, l.said = spec.NewRand(l.cfg.Seed, purposeLie, in.Num), nil
	}
	if in.Kind == impl.Packet && in.From != l.cfg.Self {
		l.forge(in, out)
	}
	first := len(out.List)
	l.honest.Step(in, out)
	l.scene = append(l.scene[:0], out.List[first:]...)
	out.List = out.List[:first]
	for _, e := range l.scene {
		if e.Kind == impl.Down && e.To == impl.Everyone {
			l.tell(e.Body, out)
		} else {
			out.Add(e)
		}
	}
}

// tell hands down what the honest layer says to the group, to each member what the liar wants it to hear.
func (l *Liar) tell(packet []byte, out *impl.Effects) {
	kind, body, id, ok := openByzantine(packet)
	if !ok || kind == byzantineLetter {
		out.Down(impl.Everyone, packet, 0)
		return
	}
	if l.has(spec.Forge) && id.origin == l.cfg.Self && kind == byzantineSend { // support it from the start
		for _, m := range l.cfg.Members {
			l.say(byzantineEcho, body, id, m, out)
			l.say(byzantineReady, body, id, m, out)
		}
	}
	for _, m := range l.cfg.Members {
		l.say(kind, body, id, m, out)
	}
	if l.has(spec.Replay) {
		l.remember(packet)
		for range 2 {
			m := l.cfg.Members[l.rand.IntN(len(l.cfg.Members))]
			if m != l.cfg.Self {
				out.Down(m, l.said[l.rand.IntN(len(l.said))], 0)
			}
		}
	}
}

func (l *Liar) has(lie spec.Lie) bool { return l.how&lie != 0 }

func (l *Liar) remember(packet []byte) {
	if len(l.said) < maxSaid {
		l.said = append(l.said, packet)
	} else {
		l.said[l.rand.IntN(maxSaid)] = packet
	}
}

// say tells one member something about a message, or not.
func (l *Liar) say(kind byte, body []byte, id identity, to spec.NodeID, out *impl.Effects) {
	if to == l.cfg.Self { // to itself it does not lie
		out.Down(to, sealByzantine(kind, body, id, out), 0)
		return
	}
	if l.has(spec.Mute) && l.rand.IntN(3) == 0 {
		return
	}
	if l.has(spec.Equivocate) {
		body = slant(body, id.n, otherSide(id, to), out)
	}
	packet := sealByzantine(kind, body, id, out)
	out.Down(to, packet, 0)
	if l.has(spec.Replay) && l.rand.Chance(.5) {
		out.Down(to, packet, 0)
	}
}

// forge speaks of a message as soon as its sender does.
func (l *Liar) forge(in impl.Input, out *impl.Effects) {
	kind, body, id, ok := openByzantine(in.Body)
	if !ok || kind != byzantineSend || !l.has(spec.Forge) {
		return
	}
	if l.rand.Chance(.3) {
		body = slant(body, id.n, l.rand.Chance(.5), out)
	}
	for _, m := range l.cfg.Members {
		if m == l.cfg.Self {
			continue
		}
		if l.rand.Chance(.7) {
			l.say(byzantineEcho, body, id, m, out)
		}
		if l.rand.Chance(.7) {
			l.say(byzantineReady, body, id, m, out)
		}
	}
	if !l.rand.Chance(.3) {
		return
	}
	id.n += uint64(1 + l.rand.IntN(2)) // which the origin has not sent yet
	for _, m := range l.cfg.Members {
		if m != l.cfg.Self {
			l.say(byzantineSend+byte(l.rand.IntN(3)), body, id, m, out)
		}
	}
}

// otherSide says whether a member is one of those that are told the second version of a message.
func otherSide(id identity, m spec.NodeID) bool {
	r := spec.NewRand(purposeSide, uint64(id.origin), uint64(id.incarnation), id.n, uint64(m))
	return r.Chance(.5)
}

// slant gives one of two versions of a body, that differ in one bit: of messages with even numbers in the harness's id,
// where there is one, of others in the first byte. A body without bytes has one version.
func slant(body []byte, n uint64, second bool, out *impl.Effects) []byte {
	at, bit := 0, byte(1)
	if k := len(body) - impl.EnvelopeLen; k == 0 || k > 0 && n%2 == 0 {
		at, bit = k+8+3, 0x40 // in the number
	}
	if len(body) == 0 || (body[at]&bit != 0) == second {
		return body
	}
	b := out.Alloc(len(body))
	copy(b, body)
	b[at] ^= bit
	return b
}
