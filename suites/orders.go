package suites

import (
	"strings"
	"time"

	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/impl/ordering"
	"github.com/conform-go/conform/spec"
)

// Orderings lists the orders of delivery.
func Orderings() []Part {
	reading := []Option{{Key: "reading", Default: "sender", Text: "what a barrier means: sender (what I sent before it, everyone delivers before what I send after it), cut (every message is on the same side of it everywhere), causal (what happened before it is delivered before it), blocking (it returns when all in flight is delivered everywhere)", Check: oneOf("sender", "cut", "causal", "blocking")}}
	total := []Option{{Key: "order", Default: "sequencer", Text: "the total order below: sequencer, agreement, lamport", Check: oneOf("sequencer", "agreement", "lamport")}}
	return stated([]Part{{
		Name: "unordered", Title: "deliver what comes when it comes", Promise: "no order",
		New: func(cfg impl.Config) impl.Layer { return ordering.NewUnordered(cfg) },
	}, {
		Name: "fifo", Title: "sequence numbers and a hold-back queue for each sender",
		Promise: "one sender's messages in the order sent, without gaps; stalls behind a lost one, or announces it after TL and goes on; goes on behind one that is announced as aborted; through restarts, over a level with a log",
		Source:  "HT94; CDK",
		Options: []Option{{Key: "gap", Default: "stall", Text: "stall: nothing of a sender is delivered behind a message that was lost; announce: what has not come for TL is announced as lost, and what is behind it delivered", Check: oneOf("stall", "announce")}},
		New:     func(cfg impl.Config) impl.Layer { return ordering.NewFifo(cfg) },
	}, {
		Name: "causal", Title: "precedence vectors, joined on delivery",
		Promise: "a message is delivered after all that happened before it; closed group; through restarts, over a level with a log that is not lost",
		Source:  "Birman, Schiper, Stephenson, 1991 (BSS91)",
		Options: []Option{acrossOption},
		New:     func(cfg impl.Config) impl.Layer { return ordering.NewCausal(cfg) },
	}, {
		Name: "total-sequencer", Title: "the first member numbers what it receives, and multicasts the numbers",
		Promise: "the same order everywhere, and nobody's answer before the question; not each sender's order; the first member's crash stops the group, until it is back where it stands over a level with a log, in form bb; in form ub what is sent to the first member alone is not logged, and it does not go on",
		Source:  "CDK; Défago, Schiper, Urbán, 2004 (DSU04), fixed sequencer",
		Options: []Option{{Key: "form", Default: "bb", Text: "bb: the sender multicasts the message, the sequencer its number; ub: the sender sends it to the sequencer, which multicasts both", Check: oneOf("bb", "ub")}, acrossOption},
	}, {
		Name: "total-seqserver", Title: "fetch a number from a server, then multicast the message with it",
		Promise: "the same order everywhere; a number that was fetched and never used is a hole, which the server fills; its crash stops the group, also over a level with a log: numbers are fetched one-to-one, and that is not logged",
		Source:  "DSU04, fixed sequencer, unicast-unicast-broadcast",
		Options: []Option{{Key: "holes", Default: "fill", Text: "fill: the server asks all who may have the message of a number that does not come, and tells all to skip it if nobody has; block: nobody delivers behind it", Check: oneOf("fill", "block")}},
	}, {
		Name: "total-agreement", Title: "each member proposes a number, the sender takes the largest",
		Promise: "the same order everywhere, in open groups too; a dead member lets nobody deliver any more; nothing is delivered in another order through restarts, over a level with a log that is not lost",
		Source:  "Birman & Joseph, 1987 (BJ87), ABCAST; CDK, ISIS",
	}, {
		Name: "total-lamport", Title: "Lamport stamps; deliver when all have been heard from with a later one",
		Promise: "the same order everywhere, in causal order; a dead member lets nobody deliver any more, until it is back where all stand over a level with a log",
		Source:  "Lamport, 1978 (LAM78)",
		New:     func(cfg impl.Config) impl.Layer { return ordering.NewLamport(cfg, 0) },
	}, {
		Name: "total-kaashoek", Title: "a sequencer with a history buffer over a network that loses; members ask for what they miss",
		Promise: "the same order everywhere, in causal order, and repairs what is lost; a full history is back pressure; the first member's crash stops the group, also over a level with a log: what goes to and from the sequencer alone is not logged",
		Source:  "Kaashoek & Tanenbaum, 1991 (KT91)",
		Options: []Option{
			{Key: "method", Default: "pb", Text: "pb: the sequencer multicasts message and number; bb: the sender multicasts the message", Check: oneOf("pb", "bb")},
			{Key: "history", Default: "128", Text: "messages that the history has room for", Check: within(1, 100000)},
		},
	}, {
		Name: "fifo-total", Title: "each sender's order, kept by all in the same way above a total order",
		Promise: "the same order everywhere, in each sender's order; through restarts, over a level with a log that is not lost",
		Source:  "HT94, FIFO atomic broadcast", Options: total,
	}, {
		Name: "causal-total", Title: "causal order, kept by all in the same way above a total order",
		Promise: "the same order everywhere, in causal order; through restarts, over a level with a log that is not lost",
		Source:  "HT94, causal atomic broadcast", Options: total,
	}, {
		Name: "real-time", Title: "clocks within ε, delays within Δ: deliver when both have passed since the sender's stamp",
		Promise: "messages sent more than ε apart are delivered in the order in which they were; what comes later than Δ is discarded, and announced",
		Source:  "Lamport, 1984; Cristian, Aghili, Strong, Dolev, 1985",
		Options: []Option{
			{Key: "epsilon", Default: "5", Text: "how far apart clocks are at most, in milliseconds", Check: within(0, 1000)},
			{Key: "delta", Default: "100", Text: "how long a message takes at most, in milliseconds", Check: within(1, 1000)},
		},
	}, {
		Name: "sync", Title: "barriers", Promise: "what is sent before a barrier is delivered before what is sent after it; not through restarts: a barrier is no message, no log has it, and who is in one when it crashes does not know that others wait", Source: "Dubois, Scheurich, Briggs, 1986, of memory accesses",
		Options: reading,
	}, {
		Name: "fifo+sync", Title: "barriers above each sender's order", Promise: "both", Source: "HT94", Options: reading,
	}, {
		Name: "causal+sync", Title: "barriers above causal order", Promise: "both", Source: "BSS91", Options: reading,
	}})
}

// The orderings that keep each sender's order, and causal order.
var (
	fifoOrders   = []string{"fifo", "causal", "fifo+sync", "causal+sync", "fifo-total", "causal-total", "total-lamport", "total-kaashoek"}
	causalOrders = []string{"causal", "causal+sync", "causal-total", "total-lamport", "total-kaashoek"}
)

var readings = map[string]ordering.Reading{"sender": ordering.OfSender, "cut": ordering.Cut, "causal": ordering.CausalBarrier, "blocking": ordering.Blocking}

// punctual are the faults with which every message still comes in time: those of members that others wait for do not
// belong to them.
func (c Cell) punctual() spec.FaultSet {
	f := spec.SetOf(spec.DuplicateFault, spec.SkewFault)
	if c.Reliability.Get("deliver", "") == "stable" {
		return f
	}
	return f | crashes
}

// order makes the ordering of one node.
func (c Cell) order(cfg impl.Config) impl.Layer {
	o := c.Ordering
	if c.across() { // what orders stands above
		return ordering.NewUnordered(cfg)
	}
	switch o.Name {
	case "fifo":
		if c.announces() {
			return ordering.NewAnnouncingFifo(cfg)
		}
	case "total-sequencer":
		form, _ := ordering.ParseForm(o.Get("form", "bb"))
		return c.sequencer(cfg, form)
	case "total-seqserver":
		holes, _ := ordering.ParseHoles(o.Get("holes", "fill"))
		return ordering.NewTotalSeqServer(cfg, holes)
	case "total-agreement":
		return c.agreement(cfg)
	case "total-kaashoek":
		method := ordering.SequencerMulticasts
		if o.Get("method", "pb") == "bb" {
			method = ordering.SenderMulticasts
		}
		return ordering.NewKaashoek(cfg, method, number(o, "history", ordering.KaashoekHistory))
	case "fifo-total":
		return ordering.NewFifoTotal(cfg, c.below(cfg))
	case "causal-total":
		causal := ordering.NewCausal(cfg)
		causal.Replayed = c.logged()
		return impl.NewStack(causal, c.below(cfg))
	case "real-time":
		ms := func(key string, def int) time.Duration { return time.Duration(number(o, key, def)) * time.Millisecond }
		return ordering.NewRealTime(cfg, ms("epsilon", 5), ms("delta", 100))
	}
	if under, ok := c.barrier(); ok {
		return impl.NewStack(ordering.NewSync(cfg, readings[o.Get("reading", "sender")]), c.plain(under, cfg))
	}
	return c.plain(o.Name, cfg)
}

// plain makes an ordering that has no options.
func (c Cell) plain(name string, cfg impl.Config) impl.Layer {
	l := lookup(Orderings(), name).New(cfg)
	switch l := l.(type) {
	case *ordering.Causal:
		l.Replayed = c.logged()
	case *ordering.Lamport:
		l.Replayed = c.logged()
	}
	return l
}

func (c Cell) sequencer(cfg impl.Config, form ordering.Form) *ordering.TotalSequencer {
	t := ordering.NewTotalSequencer(cfg, form)
	t.Replayed = c.logged()
	return t
}

func (c Cell) agreement(cfg impl.Config) *ordering.Agreement {
	a := ordering.NewAgreement(cfg)
	a.Replayed = c.logged()
	return a
}

// below makes the total order that another order stands on.
func (c Cell) below(cfg impl.Config) impl.Layer {
	switch c.Ordering.Get("order", "sequencer") {
	case "agreement":
		return c.agreement(cfg)
	case "lamport":
		return c.plain("total-lamport", cfg)
	}
	return c.sequencer(cfg, ordering.BB)
}

// barrier says whether the ordering has barriers, and above which one.
func (c Cell) barrier() (under string, ok bool) {
	if c.Ordering.Name == "sync" {
		return "unordered", true
	}
	return strings.CutSuffix(c.Ordering.Name, "+sync")
}

// sequenced says whether one member numbers for all: the first.
func (c Cell) sequenced() bool {
	switch c.Ordering.Name {
	case "total-sequencer", "total-seqserver", "total-kaashoek":
		return true
	case "fifo-total", "causal-total":
		return c.Ordering.Get("order", "sequencer") == "sequencer"
	}
	return false
}

// total says whether all deliver in one order.
func (c Cell) total() bool {
	return c.sequenced() || strings.Contains(c.Ordering.Name, "total") || c.Ordering.Name == "real-time"
}

// together says whether delivery takes others than the sender and the receiver: those that number, agree, or are heard
// from, and for barriers those that have to pass them.
func (c Cell) together() bool {
	_, barriers := c.barrier()
	return barriers || c.total() && c.Ordering.Name != "real-time"
}

// claiming are the claims of a cell as they come together.
type claiming map[spec.ID]spec.FaultSet

func (m claiming) add(under spec.FaultSet, ids ...spec.ID) {
	for _, id := range ids {
		m[id] = under
	}
}

// claimOrder adds what the ordering promises, and takes away what it does not leave of what the level promises.
func (c Cell) claimOrder(m claiming, p *premises, intact spec.FaultSet) {
	o := c.Ordering
	safe := intact & lasting
	if c.replays() && o.Name != "unordered" && o.Name != "fifo" { // who has lost its log does not know that it has
		safe = intact &^ lyingDisks
	}
	if p.fifo {
		under := intact
		if c.replays() && o.Name != "fifo" {
			under = safe
		}
		m.add(under, "FIFO-ORDER", "FIFO-GAPFREE")
	}
	if p.causal {
		under := intact
		if c.replays() {
			under = safe
		}
		m.add(under, "LOCAL-ORDER", "CAUSAL-ORDER", "CAUSAL-GAPFREE")
	}
	if o.Name == "total-kaashoek" && c.logged() { // who was removed while all waited for one that is down misses something when that one is back
		m.add(intact&lasting, "FIFO-GAPFREE", "CAUSAL-GAPFREE")
	}
	if c.announces() {
		c.claimGaps(m, p, intact)
	}
	switch {
	case o.Name == "real-time":
		c.claimRealTime(m, p, safe)
	case c.total():
		c.claimTotal(m, p, intact, safe)
	}
	c.claimBarriers(m, p, safe)
	c.claimAcross(m, safe)
	if c.Reliability.Name == "atomic-abort" && p.fifo { // what a sender that crashed had under way is aborted, and it is not told; the others are
		for _, id := range []spec.ID{"FIFO-GAPFREE", "CAUSAL-GAPFREE"} {
			if under, ok := m[id]; ok {
				m[id] = under & lasting
			}
		}
	}
	if c.bounded() {
		m.add((c.faces() & lasting).Without(spec.CoordinatorFault), "STABILITY-TRIM")
	}
	c.leave(m, p)
}

// claimRealTime adds what deadlines promise.
func (c Cell) claimRealTime(m claiming, p *premises, safe spec.FaultSet) {
	m.add(safe, "FIFO-ORDER", "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE")
	if !(p.gossip && p.streams) { // rumours that first have to open connections take longer than Δ
		m.add(safe&c.punctual(), "TIMELINESS")
	}
	delete(m, "FIFO-GAPFREE") // what is late is lost
	if !c.repairs() {
		m.add(safe, "NO-SILENT-GAP")
	}
	if p.acks {
		m.add(safe.Without(spec.JumpFault, spec.DriftFault), "REALTIME-ORDER")
	}
}

// separateClocks adds what deadlines do not promise where clocks are further apart than ε: neither that who waited for
// an answer is behind what it waited for, nor that nothing comes later than by clocks that agree.
func (c Cell) separateClocks(p *premises, add func(with spec.FaultSet, ids ...spec.ID)) {
	if c.Ordering.Name != "real-time" {
		return
	}
	if p.acks {
		add(spec.SetOf(spec.JumpFault), "REALTIME-ORDER")
	}
	if !(p.gossip && p.streams) {
		add(spec.SetOf(spec.JumpFault), "TIMELINESS")
	}
}

// claimTotal adds what one order of all promises.
func (c Cell) claimTotal(m claiming, p *premises, intact, safe spec.FaultSet) {
	o := c.Ordering
	m.add(safe, "TOTAL-ORDER", "TOTAL-ORDER-PAIRWISE", "TOTAL-GAPFREE")
	switch {
	case o.Name == "total-seqserver": // a number that only the dead knew, and delivered, becomes a hole
		m.add(safe&^crashes, "TOTAL-ORDER-PREFIX")
		m.add(safe, "UNIFORM-TOTAL-ORDER") // which nobody delivers later
		m.add(intact, "SEQUENCE-LINEARIZABLE")
	case o.Name == "total-agreement", o.Name == "total-lamport", c.sequenced() && (p.relays || c.Reliability.Name == "reliable-ip" || c.replays()):
		m.add(safe, "UNIFORM-TOTAL-ORDER", "UNIFORM-TOTAL-GAPFREE", "TOTAL-ORDER-PREFIX")
	default:
		m.add(safe, "TOTAL-ORDER-PREFIX")
	}
	if o.Name != "total-seqserver" {
		m.add(safe, "LOCAL-ORDER")
	}
	if o.Name == "total-seqserver" || o.Get("form", "bb") == "ub" { // numbers go one way, messages another
		delete(m, "FIFO-ORDER")
		delete(m, "FIFO-GAPFREE")
	}
	if o.Name == "total-kaashoek" { // what is missing is asked for past the level
		delete(m, "ALL-OR-NOTHING")
	}
	if c.Reliability.Name == "atomic-abort" && (o.Name == "total-kaashoek" || o.Name == "total-seqserver") {
		delete(m, "AGREEMENT") // a number whose message was aborted is known to some
		delete(m, "ACKED-DELIVERED")
	}
}

// claimBarriers adds what sync promises, in its readings.
func (c Cell) claimBarriers(m claiming, p *premises, safe spec.FaultSet) {
	o := c.Ordering
	if _, barriers := c.barrier(); !barriers || p.gossip && o.Get("reading", "sender") != "sender" {
		return
	}
	m.add(safe, barrierClaims(o)...)
}

// barrierClaims lists what a barrier promises, by its reading.
func barrierClaims(o Variant) []spec.ID {
	switch o.Get("reading", "sender") {
	case "cut":
		return []spec.ID{"SYNC-BARRIER", "SYNC-CUT"}
	case "causal":
		return []spec.ID{"SYNC-BARRIER", "SYNC-CAUSAL"}
	case "blocking":
		return []spec.ID{"SYNC-CAUSAL", "SYNC-BLOCKING"}
	}
	return []spec.ID{"SYNC-BARRIER"}
}

// bounded says whether the ordering keeps copies, and nobody else does.
func (c Cell) bounded() bool {
	return c.Ordering.Name == "total-kaashoek" && c.Reliability.Name == "unreliable" && c.Transport.Name == "unicast"
}

// leave takes away what an ordering, in which delivery takes others, does not leave of what the level promises.
func (c Cell) leave(m map[spec.ID]spec.FaultSet, p *premises) {
	var without spec.FaultSet
	switch {
	case c.Ordering.Name == "real-time": // what comes too late is lost
		without = spec.AllFaults &^ c.punctual()
		if !p.agrees {
			without |= crashes
		}
	case c.across(): // who crashes may leave something behind that others wait for
		without = crashes
	case !c.together() || c.returns():
	case c.sequenced() && p.agrees && c.Reliability.Name != "atomic-view" && c.Ordering.Get("holes", "fill") == "fill": // a hole of one who crashed is waited for
		without = spec.SetOf(spec.CoordinatorFault)
		if !p.uniform {
			delete(m, "UNIFORM-AGREEMENT")
		}
	default:
		without = crashes
	}
	for _, id := range []spec.ID{"VALIDITY", "AGREEMENT", "UNIFORM-AGREEMENT", "ACKED-DELIVERED", "ALL-OR-NOTHING"} {
		if under, ok := m[id]; ok {
			m[id] = under &^ without
		}
	}
	delete(m, "SELF-DELIVERY")
	if under, ok := m["VALIDITY"]; ok { // one's own message has to be ordered like any other
		m["SELF-DELIVERY"] = under
	}
	if u := m["UNIFORM-AGREEMENT"]; u&crashes == 0 { // without crashes it is agreement
		delete(m, "UNIFORM-AGREEMENT")
	}
}
