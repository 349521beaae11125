package ipmulticast

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-go/conform/impl"
)

// The tests in this file are transcripts of one router: the source 10.1.1.1 is behind port 1, where 172.16.0.2 is the
// upstream neighbor and 172.16.0.3 another router; 172.16.1.2 is on port 2, and no router on port 0, a LAN.
const (
	far      = "10.1.1.1"
	farGroup = "239.0.0.1"
	up, side = "172.16.0.2", "172.16.0.3"
	below    = "172.16.1.2"
	me0, me1 = "10.0.0.1", "172.16.0.1"
	me2      = "172.16.1.1"
)

// downstream is such a router, with or without a neighbor on port 2.
func downstream(t *testing.T, neighbor bool) *lone {
	b := newLone(t, Dense, false)
	b.ready()
	b.hello(1, up, 1, 1, ever)
	b.hello(1, side, 1, 1, ever)
	if neighbor {
		b.hello(2, below, 1, 1, ever)
	}
	b.pass(8 * time.Second)
	return b
}

// farOnly is the body of a join.
func farOnly() []PIMGroup {
	return []PIMGroup{{Group: netip.MustParseAddr(farGroup), Joins: []PIMSource{{Addr: netip.MustParseAddr(far)}}}}
}

// say gives the router a join, prune, graft, assert or state refresh for the source.
func (b *lone) say(port int, from string, typ string, to string, hold time.Duration) []string {
	m := PIM{Type: PIMJoinPrune, HoldTime: hold, Joins: farOnly(), Upstream: netip.MustParseAddr(to)}
	switch typ {
	case "prune":
		m.Joins[0].Joins, m.Joins[0].Prunes = nil, m.Joins[0].Joins
	case "graft":
		m.Type = PIMGraft
	case "ack":
		m.Type = PIMGraftAck
	}
	return b.pim(port, from, m)
}

func (b *lone) assert(port int, from string, metric uint32) []string {
	return b.pim(port, from, PIM{Type: PIMAssert, Group: netip.MustParseAddr(farGroup), Source: netip.MustParseAddr(far),
		Preference: 101, Metric: metric})
}

func (b *lone) refresh(from string, pruned bool) []string {
	return b.pim(1, from, PIM{Type: PIMStateRefresh, Group: netip.MustParseAddr(farGroup), Source: netip.MustParseAddr(far),
		Originator: netip.MustParseAddr("10.1.0.1"), TTL: 9, MaskLen: 16, PruneIndicator: pruned, Interval: time.Minute,
		Preference: 101, Metric: 1})
}

func (b *lone) data(port int) []string { return b.udp(port, far, farGroup, 9) }

const (
	pruneUp   = "1: 172.16.0.1 > 224.0.0.13, 1: join-prune 172.16.0.2 prune 10.1.1.1,239.0.0.1"
	pruneSide = "1: 172.16.0.1 > 224.0.0.13, 1: join-prune 172.16.0.3 prune 10.1.1.1,239.0.0.1"
	joinUp    = "1: 172.16.0.1 > 224.0.0.13, 1: join-prune 172.16.0.2 join 10.1.1.1,239.0.0.1"
	graftUp   = "1: 172.16.0.1 > 172.16.0.2, 1: graft 172.16.0.2 join 10.1.1.1,239.0.0.1"
	graftSide = "1: 172.16.0.1 > 172.16.0.3, 1: graft 172.16.0.3 join 10.1.1.1,239.0.0.1"
	ackBelow  = "2: 172.16.1.1 > 172.16.1.2, 1: graft-ack 172.16.1.2 join 10.1.1.1,239.0.0.1"
	dataBelow = "2: 10.1.1.1 > 239.0.0.1, 8: body"
)

// quietly lists what the router says in a time but for hellos and queries.
func (b *lone) quietly(d time.Duration) (said []string) {
	for _, s := range b.pass(d) {
		if s[len(s)-5:] != "hello" && s[len(s)-5:] != "query" {
			said = append(said, s)
		}
	}
	return said
}

// RFC 3973 section 4.4.1: the state machine toward the source.
func TestUpstreamMachine(t *testing.T) {
	b := downstream(t, true)
	b.expect("data", b.data(1), dataBelow)
	b.expect("a prune from below", b.say(2, below, "prune", me2, 300*time.Second), pruneUp)
	b.expect("data while pruned", b.data(1))
	b.expect("another's prune while pruned", b.say(1, side, "prune", up, RFC.PruneHold))
	b.expect("it stays so", b.quietly(209*time.Second))
	b.expect("data while pruned", b.data(1))
	b.expect("the limit ends", b.quietly(time.Second))
	b.expect("data, though pruned", b.data(1), pruneUp)
	b.expect("a graft from below", b.say(2, below, "graft", me2, 0), ackBelow, graftUp)
	b.expect("data while the graft is not acknowledged", b.data(1), dataBelow)
	b.expect("another's acknowledgement", b.say(1, side, "ack", me1, 0))
	b.expect("no acknowledgement", b.quietly(6*time.Second), graftUp, graftUp)
	b.expect("the acknowledgement", b.say(1, up, "ack", me1, 0))
	b.expect("no more grafts", b.quietly(20*time.Second))
	b.expect("a graft for what flows", b.say(2, below, "graft", me2, 0), ackBelow)
	b.expect("another's prune", b.say(1, side, "prune", up, RFC.PruneHold))
	b.expect("my join", b.quietly(RFC.OverrideInterval), joinUp)
	b.expect("another's prune", b.say(1, side, "prune", up, RFC.PruneHold))
	b.expect("the echo of it", b.say(1, up, "prune", up, RFC.PruneHold))
	b.expect("a third one's join", b.say(1, side, "join", up, RFC.PruneHold))
	b.expect("none of mine", b.quietly(RFC.OverrideInterval))
	b.expect("a prune for another", b.say(1, up, "prune", side, RFC.PruneHold))
	b.expect("is none of my business", b.quietly(RFC.OverrideInterval))
	b.expect("a prune from below", b.say(2, below, "prune", me2, 300*time.Second), pruneUp)
	b.expect("a graft, not acknowledged", b.say(2, below, "graft", me2, 0), ackBelow, graftUp)
	b.expect("a prune again", b.say(2, below, "prune", me2, 300*time.Second), pruneUp)
	b.expect("and the graft is not repeated", b.quietly(20*time.Second))
	b.hello(1, up, 1, 2, ever)
	b.pass(RFC.TriggeredHello)
	b.expect("data after the upstream neighbor has restarted", b.data(1), pruneUp)
}

// The routes change.
func TestUpstreamTurns(t *testing.T) {
	b := downstream(t, true)
	link := -1
	for i, p := range b.r.cfg.Routes.dests {
		if p.Contains(netip.MustParseAddr(far)) {
			link = i
		}
	}
	turn := func(port int, next string) []string {
		n, _ := netip.ParseAddr(next)
		b.r.cfg.Routes.table[0][link] = Route{Port: port, Next: n, Metric: 2, OK: port >= 0}
		return b.step(impl.Input{Kind: impl.Rerouted})
	}
	b.data(1)
	b.expect("another router on the link", turn(1, side), graftSide)
	b.expect("the same again", turn(1, side))
	b.say(1, side, "ack", me1, 0)
	b.assert(1, up, 1)
	b.expect("the winner of the link is asked", b.quietly(RFC.GraftRetry), graftUp)
	b.expect("the way is now over the winner", turn(1, up))
	b.say(1, up, "ack", me1, 0)
	b.assert(1, up, 1)
	b.expect("around the winner of the link, which is perhaps lost", turn(1, side), graftSide)
	b.expect("back", turn(1, up), graftUp)
	b.say(1, up, "ack", me1, 0)
	b.expect("a worse claim to the link below", b.assert(2, below, 9),
		"2: 172.16.1.1 > 224.0.0.13, 1: assert metric 2")
	b.expect("a prune from below", b.say(2, below, "prune", me2, 300*time.Second), pruneUp)
	b.expect("the other way: the link below is now above", turn(2, below),
		"2: 172.16.1.1 > 224.0.0.13, 1: assert metric -1", "2: 172.16.1.1 > 172.16.1.2, 1: graft 172.16.1.2 join 10.1.1.1,239.0.0.1")
	b.say(2, below, "ack", me2, 0)
	b.expect("data", b.data(2), "1: 10.1.1.1 > 239.0.0.1, 8: body")
	b.expect("the old way again", turn(1, up),
		"2: 172.16.1.1 > 224.0.0.13, 1: join-prune 172.16.1.2 prune 10.1.1.1,239.0.0.1", graftUp)
	b.expect("data: no prune is left from before", b.data(1), dataBelow)
	b.expect("no way", turn(-1, ""), "1: 172.16.0.1 > 224.0.0.13, 1: join-prune 172.16.0.2 prune 10.1.1.1,239.0.0.1")
	b.expect("data from nowhere", b.data(1))
	b.expect("again a way", turn(1, up), graftUp)
	b.say(1, up, "ack", me1, 0)
	b.expect("pruned", b.say(2, below, "prune", me2, 300*time.Second), pruneUp)
	b.expect("another router on the link, which is not wanted", turn(1, side))
	b.expect("data", b.data(1), pruneSide)
}

// RFC 3973 section 4.4.2: the state machine away from the source.
func TestDownstreamMachine(t *testing.T) {
	b := downstream(t, true)
	b.expect("data", b.data(1), dataBelow)
	b.expect("a prune", b.say(2, below, "prune", me2, 100*time.Second), pruneUp)
	b.pass(50 * time.Second)
	b.expect("a shorter one", b.say(2, below, "prune", me2, 10*time.Second))
	b.expect("does not shorten", b.quietly(49*time.Second))
	b.expect("it ends", b.quietly(time.Second), graftUp)
	b.say(1, up, "ack", me1, 0)
	b.say(2, below, "prune", me2, 100*time.Second)
	b.pass(50 * time.Second)
	b.expect("a longer one", b.say(2, below, "prune", me2, 100*time.Second))
	b.expect("prolongs", b.quietly(99*time.Second))
	b.expect("it ends", b.quietly(time.Second), graftUp)
	b.say(1, up, "ack", me1, 0)
	b.expect("a prune for another", b.say(2, below, "prune", below, 100*time.Second))
	b.expect("a prune from above", b.say(1, up, "prune", me1, 100*time.Second))
	b.expect("data", b.data(1), dataBelow)

	b.hello(2, "172.16.1.3", 1, 1, ever)
	b.pass(RFC.TriggeredHello)
	echo := "2: 172.16.1.1 > 224.0.0.13, 1: join-prune 172.16.1.1 prune 10.1.1.1,239.0.0.1"
	b.expect("a prune where there are two", b.say(2, below, "prune", me2, 100*time.Second))
	b.expect("data while the other may object", b.data(1), dataBelow)
	b.expect("it objects", b.say(2, "172.16.1.3", "join", me2, 100*time.Second))
	b.expect("nothing follows", b.quietly(20*time.Second))
	b.expect("a prune again", b.say(2, below, "prune", me2, 100*time.Second))
	b.expect("nobody objects", b.quietly(3*time.Second), echo, pruneUp)
	b.expect("data", b.data(1))
	b.expect("it ends as long after the prune as that said", b.quietly(97*time.Second), graftUp)
}

// RFC 3973 section 4.6: who forwards to a link.
func TestAssertMachine(t *testing.T) {
	const (
		mine   = "2: 172.16.1.1 > 224.0.0.13, 1: assert metric 2"
		yield  = "2: 172.16.1.1 > 224.0.0.13, 1: join-prune 172.16.1.2 prune 10.1.1.1,239.0.0.1"
		yield3 = "2: 172.16.1.1 > 224.0.0.13, 1: join-prune 172.16.1.3 prune 10.1.1.1,239.0.0.1"
	)
	b := downstream(t, true)
	b.hello(2, "172.16.1.3", 1, 1, ever)
	b.pass(RFC.TriggeredHello)
	b.expect("data", b.data(1), dataBelow)
	b.expect("data from the wrong side", b.data(2), mine)
	b.expect("soon again", b.data(2))
	b.pass(RFC.PropagationDelay)
	b.expect("and again", b.data(2), mine)
	b.expect("a worse claim", b.assert(2, below, 3), mine)
	b.pass(100 * time.Second)
	b.data(1)
	b.expect("I claim it again", b.quietly(77*time.Second), mine)
	b.expect("but not for a silent source", b.quietly(200*time.Second))
	b.expect("data", b.data(1), dataBelow)
	b.expect("an equal claim, of a higher address", b.assert(2, below, 2), yield, pruneUp)
	b.expect("data", b.data(1))
	b.expect("data of the winner", b.data(2))
	b.expect("a better claim", b.assert(2, "172.16.1.3", 1), yield3)
	b.expect("a worse claim than the winner's", b.assert(2, below, 2))
	b.expect("one that takes me for upstream", b.say(2, below, "join", me2, 100*time.Second), mine)
	b.expect("the winner's claim gets worse than mine", b.assert(2, "172.16.1.3", 5), graftUp)
	b.expect("data", b.data(1), dataBelow)
	b.say(1, up, "ack", me1, 0)
	b.expect("a better claim", b.assert(2, below, 1), yield, pruneUp)
	b.expect("taken back", b.assert(2, below, unreachable), graftUp)
	b.say(1, up, "ack", me1, 0)
	b.expect("taken back by nobody", b.assert(2, below, unreachable), mine)
	b.expect("a better claim", b.assert(2, below, 1), yield, pruneUp)
	b.pass(179 * time.Second)
	b.expect("data", b.data(2))
	b.expect("it is forgotten", b.quietly(time.Second), graftUp)
	b.expect("a better claim", b.assert(2, below, 1), yield, pruneUp)
	b.expect("the winner says good-bye", b.hello(2, below, 1, 1, 0), graftUp)
	b.expect("a better claim", b.assert(2, "172.16.1.3", 1), yield3, pruneUp)
	b.expect("the winner restarts", b.hello(2, "172.16.1.3", 1, 2, ever), graftUp)
	b.pass(RFC.TriggeredHello)
	b.expect("a better claim", b.assert(2, "172.16.1.3", 1), yield3, pruneUp)
	b.pass(100 * time.Second)
	b.expect("it is repeated", b.assert(2, "172.16.1.3", 1))
	b.pass(80 * time.Second)
	b.expect("the winner sends, though nobody wants it", b.data(2), yield3)
	b.expect("and again", b.data(2))
}

// RFC 3973 section 4.5: state refresh, on its way down.
func TestRefreshMachine(t *testing.T) {
	const (
		passed = "2: 172.16.1.1 > 224.0.0.13, 1: state-refresh pruned false, TTL 8"
		asked  = "2: 172.16.1.1 > 224.0.0.13, 1: state-refresh pruned true, TTL 8"
	)
	b := downstream(t, true)
	b.pim(2, below, PIM{Type: PIMHello, HoldTime: ever, DRPriority: 1, GenerationID: 1, Refresh: true})
	b.data(1)
	b.expect("state refresh", b.refresh(up, false), passed)
	b.expect("too soon again", b.refresh(up, false))
	b.expect("from another", b.refresh("172.16.0.9", false))
	b.pass(time.Minute)
	b.expect("a prune from below", b.say(2, below, "prune", me2, 100*time.Second), pruneUp)
	for range 10 {
		b.expect("state refresh keeps it", b.refresh(up, true), asked)
		b.expect("data", b.data(1))
		b.pass(time.Minute)
	}
	b.expect("I have pruned, and it says not, but my prune is young", b.refresh(up, false), asked)
	b.pass(time.Minute)
	b.expect("again", b.refresh(up, false), asked)
	b.pass(time.Minute)
	b.say(2, below, "prune", me2, 400*time.Second)
	b.expect("again", b.refresh(up, false), asked)
	b.pass(time.Minute)
	b.expect("again, and the limit has ended", b.refresh(up, false), pruneUp, asked)
	b.pass(time.Minute)
	b.expect("a graft", b.say(2, below, "graft", me2, 0), ackBelow, graftUp)
	b.expect("it says that it forwards", b.refresh(up, false), passed)
	b.expect("so the graft is done", b.quietly(time.Minute))
	b.expect("it says pruned", b.refresh(up, true), passed)
	b.expect("I object", b.quietly(RFC.OverrideInterval), joinUp)
	b.pass(time.Minute)
	b.expect("state refresh", b.refresh(up, false), passed)
	b.expect("data from the wrong side", b.data(2), "2: 172.16.1.1 > 224.0.0.13, 1: join-prune 172.16.1.2 prune 10.1.1.1,239.0.0.1")
	b.pass(170 * time.Second)
	b.data(1)
	b.expect("those that it made losers are told again", b.quietly(10*time.Second), "2: 172.16.1.1 > 224.0.0.13, 1: assert metric 2")

	b = downstream(t, false)
	b.expect("an entry made by state refresh", b.refresh(up, true))
	b.expect("its packets are wanted then", b.hello(2, below, 1, 1, ever), graftUp)
}

// An entry outlives its source while a prune of it stands.
func TestEntryOutlivesItsSource(t *testing.T) {
	b := downstream(t, true)
	b.data(1)
	b.pass(200 * time.Second)
	b.expect("a prune from below", b.say(2, below, "prune", me2, 300*time.Second), pruneUp)
	b.pass(205 * time.Second)
	b.expect("a graft", b.say(2, below, "graft", me2, 0), ackBelow, graftUp)
	b.say(1, up, "ack", me1, 0)
	b.pass(10 * time.Second)
	if n := len(b.r.routing.(*dense).order); n != 0 {
		t.Errorf("%d entries", n)
	}
	// And while an election is remembered.
	b.data(1)
	b.pass(100 * time.Second)
	b.expect("a better claim", b.assert(2, below, 1),
		"2: 172.16.1.1 > 224.0.0.13, 1: join-prune 172.16.1.2 prune 10.1.1.1,239.0.0.1", pruneUp)
	b.r.routing.(*dense).order[0].limit = 0 // or it would stay for that
	b.pass(175 * time.Second)
	b.expect("still lost", b.data(1), pruneUp)
}
