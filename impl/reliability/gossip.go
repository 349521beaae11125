package reliability

import (
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// Gossip is R11, push gossip (Eugster, Guerraoui, Kermarrec, Massoulié, "From epidemics to distributed computing",
// 2004): a share of the members delivers, of which the expectation is known ([ExpectedShare]), at a cost for each
// member that does not grow with the group.
//
//	to multicast m:           send m to oneself
//	on receiving m, new here: deliver m, and for some rounds, one every TS/3, the first at once:
//	                          send m to as many random members as the fan-out says
//
// With one round this is the model in which a member infects and dies; with more it stays infectious for that long.
// Nothing is acknowledged, and nothing is sent again because it was lost: a loss is one infection less, and the random
// choice of others makes up for it. Each member sends fan-out times rounds packets a message. A checksum finds changed
// bytes, so that they don't spread.
//
// It never acknowledges.
type Gossip struct {
	Rules GossipRules

	cfg         impl.Config
	fanout      int
	rounds      int
	incarnation uint32
	sent        uint64
	seen        impl.Lives[impl.Window]
	letters     uint64                  // sent to one node, whichever
	read        impl.Lives[impl.Window] // letters that came
	rand        spec.Rand
	others      []spec.NodeID // the members but this one, in any order

	rumours []rumour // that are still told; rumours[next:] in the order in which they are due
	next    int
	armed   bool
}

// GossipRules are the rules that the share rests on.
type GossipRules struct {
	Fresh  func(w *impl.Window, n uint64) impl.Fate
	Choose func(r *spec.Rand, others []spec.NodeID, n int) // puts n random ones first
	Tells  func(self, origin spec.NodeID) bool             // whether a member hands on what it hears
}

// rumour is a message that is told in more rounds.
type rumour struct {
	packet []byte
	due    spec.Time
	rounds int
}

// NewGossip makes the layer of one node.
func NewGossip(cfg impl.Config, fanout, rounds int) *Gossip {
	return &Gossip{cfg: cfg, fanout: fanout, rounds: rounds, Rules: GossipRules{
		Fresh:  (*impl.Window).Add,
		Choose: shuffle,
		Tells:  func(_, _ spec.NodeID) bool { return true },
	}}
}

// shuffle puts n nodes first that are drawn without repetition (Durstenfeld, 1964).
func shuffle(r *spec.Rand, others []spec.NodeID, n int) {
	for i := range n {
		k := i + r.IntN(len(others)-i)
		others[i], others[k] = others[k], others[i]
	}
}

// The kinds of packets.
const (
	gossipRumour = 1
	gossipLetter = 2 // to one node
)

const purposeGossip = 0x60551b

// Step implements [impl.Layer].
func (g *Gossip) Step(in impl.Input, out *impl.Effects) {
	switch in.Kind {
	case impl.Start:
		g.start(uint32(in.Num))
	case impl.Send:
		g.send(in, out)
	case impl.Packet:
		g.receive(in, out)
	case impl.TimerFired:
		g.fire(in.Now, out)
	default:
		out.Pass(in)
	}
}

func (g *Gossip) start(incarnation uint32) {
	g.incarnation, g.sent, g.letters = incarnation, 0, 0
	g.seen, g.read = impl.Lives[impl.Window]{}, impl.Lives[impl.Window]{}
	g.rand = spec.NewRand(g.cfg.Seed, purposeGossip, uint64(incarnation))
	g.rumours, g.next, g.armed = nil, 0, false
	g.others = g.others[:0]
	for _, m := range g.cfg.Members {
		if m != g.cfg.Self {
			g.others = append(g.others, m)
		}
	}
}

func (g *Gossip) send(in impl.Input, out *impl.Effects) {
	if in.To != impl.Everyone {
		if in.To < 0 || int(in.To) >= g.cfg.Nodes {
			out.Refuse(in.Ref, impl.NotMember)
			return
		}
		g.letters++
		h := impl.Numbered{N: g.letters, Incarnation: g.incarnation, Kind: gossipLetter}
		out.Down(in.To, impl.AppendNumbered(out, in.Body, h), 0).Code = in.Code
		return
	}
	g.sent++
	b := identity{g.sent, g.incarnation, g.cfg.Self}.behind(in.Body, out)
	b = impl.AppendNumbered(out, b, impl.Numbered{Incarnation: g.incarnation, Kind: gossipRumour})
	if g.cfg.Index(g.cfg.Self) < 0 { // no member: it tells, and does not deliver
		g.tell(b, in.Now, out)
		return
	}
	out.Down(g.cfg.Self, b, 0)
}

func (g *Gossip) receive(in impl.Input, out *impl.Effects) {
	rest, h, ok := impl.OpenNumbered(in, g.cfg.Nodes, out)
	switch {
	case !ok:
	case h.Kind == gossipLetter:
		w := g.read.Of(int(in.From), g.cfg.Nodes, h.Incarnation)
		if w == nil || w.Add(h.N) == impl.Seen {
			out.Note(impl.Duplicate, uint64(in.From), h.N)
			return
		}
		out.Up(in.From, g.cfg.Self, rest)
	case h.Kind == gossipRumour:
		g.hear(in, rest, out)
	default:
		out.Note(impl.Malformed, uint64(in.From), h.N)
	}
}

// hear takes a rumour in, from whomever it comes.
func (g *Gossip) hear(in impl.Input, rest []byte, out *impl.Effects) {
	body, id, ok := cutIdentity(rest)
	var w *impl.Window
	if ok && id.n > 0 {
		w = g.seen.Of(int(id.origin), g.cfg.Nodes, id.incarnation)
	}
	switch {
	case g.cfg.Index(g.cfg.Self) < 0:
		out.Note(impl.NotMember, uint64(in.From), 0)
		return
	case w == nil:
		out.Note(impl.Malformed, uint64(in.From), id.n)
		return
	case g.Rules.Fresh(w, id.n) == impl.Seen:
		out.Note(impl.Duplicate, uint64(id.origin), id.n)
		return
	}
	out.Note(impl.PointReceived, uint64(id.origin), id.n)
	if g.Rules.Tells(g.cfg.Self, id.origin) {
		g.tell(in.Body, in.Now, out)
		out.Note(impl.PointRelayed, uint64(id.origin), id.n)
	}
	out.Up(id.origin, impl.Everyone, body)
}

// tell plays the first round of a message, and plans the others.
func (g *Gossip) tell(packet []byte, now spec.Time, out *impl.Effects) {
	g.push(packet, out)
	if g.rounds < 2 {
		return
	}
	g.rumours = append(g.rumours, rumour{packet, now + g.round(), g.rounds - 1})
	if !g.armed {
		g.armed = true
		out.SetTimer(0, now+g.round())
	}
}

func (g *Gossip) round() spec.Time { return spec.Time(max(g.cfg.TS/3, time.Nanosecond)) }

// push sends a packet to random members.
func (g *Gossip) push(packet []byte, out *impl.Effects) {
	n := min(g.fanout, len(g.others))
	g.Rules.Choose(&g.rand, g.others, n)
	for _, m := range g.others[:n] {
		out.Down(m, packet, 0)
	}
}

// fire plays the next round of the messages for which it is time.
func (g *Gossip) fire(now spec.Time, out *impl.Effects) {
	g.armed = false
	last := len(g.rumours) // what is put behind is not due yet
	for ; g.next < last && g.rumours[g.next].due <= now; g.next++ {
		r := g.rumours[g.next]
		g.rumours[g.next] = rumour{}
		g.push(r.packet, out)
		if r.rounds > 1 {
			g.rumours = append(g.rumours, rumour{r.packet, now + g.round(), r.rounds - 1})
		}
	}
	if 2*g.next >= len(g.rumours) {
		g.rumours, g.next = g.rumours[:copy(g.rumours, g.rumours[g.next:])], 0
	}
	if len(g.rumours) > 0 {
		g.armed = true
		out.SetTimer(0, g.rumours[g.next].due)
	}
}
